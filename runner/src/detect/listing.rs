//! A tree as detection sees it: all paths, and the text of the few files that matter.

/// A listing of the base tree.
pub struct Listing<'a> {
    paths: &'a [String],
    read: &'a dyn Fn(&str) -> Option<String>,
}

/// Directories whose content is somebody else's, or an example, and says nothing about the project.
const FOREIGN: [&str; 16] = [
    "node_modules",
    "vendor",
    "third_party",
    "third-party",
    "examples",
    "example",
    "fixtures",
    "testdata",
    "target",
    "dist",
    "build",
    ".venv",
    "venv",
    "site-packages",
    "docs",
    "templates",
];

impl<'a> Listing<'a> {
    /// `paths` are all files, `/`-separated (paths that are not UTF-8 can be left out); `read`
    /// gives a file's text, or none when it is no text or too big to matter.
    pub fn new(paths: &'a [String], read: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { paths, read }
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.paths.iter().any(|have| have == path)
    }

    pub(super) fn text(&self, path: &str) -> Option<String> {
        if self.has(path) {
            (self.read)(path)
        } else {
            None
        }
    }

    /// A file's TOML; none when it is absent or broken (the project's own tools will say so).
    pub(super) fn toml(&self, path: &str) -> Option<toml::Table> {
        self.text(path)?.parse().ok()
    }

    /// The files of the project in `dir` that are its own.
    pub(super) fn own(&self, dir: &'a str) -> impl Iterator<Item = &'a str> {
        self.paths
            .iter()
            .map(String::as_str)
            .filter(move |path| below(path, dir))
            .filter(|path| !is_foreign(path))
    }

    /// The directories nearest to the root that hold one of these files: the root, or at most four
    /// directories of the same depth.
    pub(super) fn projects(&self, markers: &[&str]) -> Vec<String> {
        let mut dirs: Vec<&str> = self
            .paths
            .iter()
            .filter_map(|path| {
                let (dir, file) = path.rsplit_once('/').unwrap_or(("", path));
                markers.contains(&file).then_some(dir)
            })
            .filter(|dir| !is_foreign(&format!("{dir}/")))
            .collect();
        let depth = |dir: &str| {
            if dir.is_empty() {
                0
            } else {
                dir.split('/').count()
            }
        };
        let nearest = dirs.iter().map(|dir| depth(dir)).min();
        dirs.retain(|dir| Some(depth(dir)) == nearest);
        dirs.sort_unstable();
        dirs.dedup();
        dirs.into_iter().take(4).map(str::to_owned).collect()
    }
}

fn below(path: &str, dir: &str) -> bool {
    dir.is_empty()
        || path
            .strip_prefix(dir)
            .is_some_and(|rest| rest.starts_with('/'))
}

fn is_foreign(path: &str) -> bool {
    let directories = path.rsplit_once('/').map_or("", |(dir, _)| dir);
    directories.split('/').any(|part| FOREIGN.contains(&part))
}
