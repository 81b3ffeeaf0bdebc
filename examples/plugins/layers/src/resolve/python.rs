//! A module of Python is a file or a folder below one that Python looks into. Which those are is not written down anywhere: the
//! folder that holds the importing file's own package first, then the folders around it and the projects of the tree, each
//! with its `src`.

use crate::project::{Project, folder, is_in, joined};

pub(super) fn resolve(project: &Project, from: &str, up: usize, path: &[String]) -> Option<String> {
    if up == 0 {
        // Most imports are of the standard library or of others' packages.
        path.first().filter(|first| project.knows(first))?;
        return roots(project, from)
            .iter()
            .find_map(|root| below(project, root, path, 1));
    }
    let mut start = folder(from);
    for _ in 1..up {
        if start.is_empty() {
            return None;
        }
        start = folder(start);
    }
    below(project, start, path, 0)
}

/// The longest beginning of a path that is a module. What follows are names in it.
fn below(project: &Project, root: &str, path: &[String], least: usize) -> Option<String> {
    let lengths = (least..=path.len()).rev();
    lengths
        .filter(|length| *length > 0 || least == 0)
        .find_map(|length| {
            let module = joined(root, &path.get(..length).unwrap_or_default().join("/"));
            module_file(project, &module)
        })
}

fn module_file(project: &Project, module: &str) -> Option<String> {
    let files = [".py", "/__init__.py", ".pyi", "/__init__.pyi", ".pyx"];
    let mut files = files.iter().map(|ending| match module {
        "" => ending.trim_start_matches('/').to_owned(),
        _ => format!("{module}{ending}"),
    });
    if let Some(file) = files.find(|file| project.has(file)) {
        return Some(file);
    }
    // A folder without `__init__.py` is a module where it holds sources.
    let first = project.first_below(module)?;
    let holds = first.ends_with(".py") || holds_python(project, module);
    (holds && !module.is_empty()).then(|| format!("{module}/__init__.py"))
}

fn holds_python(project: &Project, folder: &str) -> bool {
    let prefix = format!("{folder}/");
    let at = project
        .paths
        .partition_point(|path| path.as_str() < prefix.as_str());
    let below = project
        .paths
        .iter()
        .skip(at)
        .take_while(|path| path.starts_with(&prefix));
    below.take(1_000).any(|path| path.ends_with(".py"))
}

fn roots(project: &Project, from: &str) -> Vec<String> {
    let mut own = folder(from);
    while !own.is_empty() && project.has(&joined(own, "__init__.py")) {
        own = folder(own);
    }
    let mut roots = vec![own.to_owned()];
    let mut around = own;
    loop {
        roots.extend([
            around.to_owned(),
            joined(around, "src"),
            joined(around, "lib"),
        ]);
        if around.is_empty() {
            break;
        }
        around = folder(around);
    }
    let (near, far): (Vec<&String>, Vec<&String>) = project
        .python_projects
        .iter()
        .partition(|project| is_in(from, project));
    for project in near.into_iter().chain(far) {
        roots.extend([project.clone(), joined(project, "src")]);
    }
    roots
}
