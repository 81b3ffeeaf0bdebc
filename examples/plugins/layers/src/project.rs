//! What there is to import: the paths of a tree, and what its manifests say about names.

use guest::CheckError;
use guest::index::{Index, Named};
use guest::json::{self, Value};
use guest::source::{decode, find};
use guest::trees::{self, Tree};

use crate::imports::is_read;

/// Bytes of one manifest.
const LARGEST_MANIFEST: u64 = 1 << 20;
/// Configurations that extend each other.
const LONGEST_CHAIN: usize = 8;

/// One tree, as imports see it.
#[derive(Debug, Default)]
pub(crate) struct Project {
    /// In byte order.
    pub(crate) paths: Vec<String>,
    /// All names of folders, files without their ending, and crates: what is not among them is none of the tree's, and need not
    /// be looked for in all the places where it could lie.
    names: Index,
    /// Go: the path of each module with its folder.
    pub(crate) go_modules: Vec<(String, String)>,
    /// Rust.
    pub(crate) crates: Vec<Crate>,
    /// JavaScript: the folder of each package by its name.
    pub(crate) packages: Named<String>,
    /// TypeScript: how names are mapped, by the folder of the configuration.
    pub(crate) mappings: Named<Mapping>,
    /// Python: folders with a project's manifest.
    pub(crate) python_projects: Vec<String>,
}

/// A package of Cargo.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Crate {
    /// The folder of its manifest.
    pub(crate) folder: String,
    /// The name that others import.
    pub(crate) name: String,
    /// The path of the library's root.
    pub(crate) root: String,
    /// Names of its own for packages: `web = { package = "my-web" }`.
    pub(crate) aliases: Vec<(String, String)>,
}

/// `baseUrl` and `paths` of a `tsconfig.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// The folder that names start from, where there is one.
    pub(crate) base: Option<String>,
    /// Patterns with at most one star, and what they stand for, from the root of the tree.
    pub(crate) paths: Vec<(String, Vec<String>)>,
}

impl Project {
    /// Lists a tree and reads its manifests.
    pub(crate) fn read(tree: &impl Tree) -> Result<Self, CheckError> {
        let mut project = Self {
            paths: trees::paths(tree)?,
            ..Self::default()
        };
        let (mut packages, mut configurations) = (Vec::new(), Vec::new());
        for path in &project.paths {
            let Some(kind) = manifest(path) else {
                continue;
            };
            let folder = folder(path);
            if kind == Manifest::Python {
                project.python_projects.push(folder.to_owned());
                continue;
            }
            let Ok(bytes) = trees::text(tree, path, LARGEST_MANIFEST)? else {
                continue;
            };
            let text = decode(&bytes);
            match kind {
                Manifest::Go => project.go_modules.extend(go_module(&text, folder)),
                Manifest::Cargo => project.crates.push(package(&text, folder)),
                Manifest::Node => packages.extend(node_package(&text, folder)),
                Manifest::TypeScript => {
                    let value = json::parse_with_comments(&text).ok();
                    configurations.extend(value.map(|value| (path.clone(), value)));
                }
                Manifest::Python => {}
            }
        }
        project.python_projects.dedup();
        project.names = names(&project);
        project.packages = Named::new(packages);
        project.mappings = mappings(configurations);
        Ok(project)
    }

    /// Whether a folder, a file or a crate of the tree has this name.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.names.has(name)
    }

    /// Whether there is a file at a path.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.paths
            .binary_search_by(|known| known.as_str().cmp(path))
            .is_ok()
    }

    /// The first file in a folder or below it, if there is any.
    pub(crate) fn first_below(&self, folder: &str) -> Option<&str> {
        let prefix = format!("{folder}/");
        let at = self
            .paths
            .partition_point(|path| path.as_str() < prefix.as_str());
        self.paths
            .get(at)
            .map(String::as_str)
            .filter(|path| path.starts_with(&prefix))
    }
}

fn names(project: &Project) -> Index {
    let mut names = Vec::new();
    let mut last = "";
    for path in project.paths.iter().filter(|path| is_read(path)) {
        let around = folder(path);
        let file = path.rsplit('/').next().unwrap_or(path);
        names.extend(file.split('.').next().map(str::to_owned));
        if around != last {
            names.extend(around.split('/').map(str::to_owned));
            last = around;
        }
    }
    for known in &project.crates {
        names.push(known.name.clone());
        names.extend(known.aliases.iter().map(|(alias, _)| alias.clone()));
    }
    names.sort_unstable();
    names.dedup();
    Index::new(names)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Manifest {
    Go,
    Cargo,
    Node,
    TypeScript,
    Python,
}

/// What a file says about names, if anything. What was copied into the tree says nothing.
fn manifest(path: &str) -> Option<Manifest> {
    let mut parts = path.rsplit('/');
    let kind = match parts.next()? {
        "go.mod" => Manifest::Go,
        "Cargo.toml" => Manifest::Cargo,
        "package.json" => Manifest::Node,
        "pyproject.toml" | "setup.py" | "setup.cfg" => Manifest::Python,
        name if name.ends_with(".json") && is_configuration(name) => Manifest::TypeScript,
        _ => return None,
    };
    let copied = parts.any(|part| matches!(part, "node_modules" | "vendor"));
    (!copied).then_some(kind)
}

/// `tsconfig.json`, and others that it may extend.
fn is_configuration(name: &str) -> bool {
    name.starts_with("tsconfig") || name.starts_with("jsconfig")
}

/// A path below a folder, of which the root is none.
pub(crate) fn joined(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", _) => name.to_owned(),
        (_, "") => folder.to_owned(),
        _ => format!("{folder}/{name}"),
    }
}

/// A path without `.` and `..`; none where it leaves the tree.
pub(crate) fn normalized(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The folder of a path.
pub(crate) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Whether a path lies in a folder or below it.
pub(crate) fn is_in(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path
            .strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
}

fn go_module(text: &str, folder: &str) -> Option<(String, String)> {
    let lines = text
        .lines()
        .map(|line| line.get(..find(line, "//").unwrap_or(line.len())))
        .map(|line| line.unwrap_or_default().trim());
    let name = lines
        .filter_map(|line| line.strip_prefix("module"))
        .find(|rest| rest.starts_with([' ', '\t']))?;
    Some((
        name.trim().trim_matches(['"', '`']).to_owned(),
        folder.to_owned(),
    ))
}

/// As much of a manifest of Cargo as names need, line by line: the table that a line stands in, its key and its value.
fn package(text: &str, folder: &str) -> Crate {
    let mut found = Crate {
        folder: folder.to_owned(),
        root: joined(folder, "src/lib.rs"),
        ..Crate::default()
    };
    let (mut table, mut package, mut library) = (String::new(), None, None);
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            table = header
                .trim_start_matches('[')
                .split(']')
                .next()
                .unwrap_or_default()
                .trim()
                .to_owned();
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        let (key, value) = (key.trim().trim_matches('"'), value.trim());
        match (table.as_str(), key) {
            ("package", "name") => package = quoted(value),
            ("lib", "name") => library = quoted(value),
            ("lib", "path") => {
                found.root = quoted(value).map_or(found.root, |path| joined(folder, path))
            }
            (table, "package") if is_dependency_of_its_own(table) => {
                let alias = table.rsplit('.').next().unwrap_or_default();
                found
                    .aliases
                    .extend(quoted(value).map(|name| (crate_name(alias), crate_name(name))));
            }
            (table, _) if table.ends_with("dependencies") => {
                let renamed = find(value, "package").and_then(|at| value.get(at + 7..));
                let renamed = renamed
                    .and_then(|rest| quoted(rest.trim_start().strip_prefix('=')?.trim_start()));
                found
                    .aliases
                    .extend(renamed.map(|name| (crate_name(key), crate_name(name))));
            }
            _ => {}
        }
    }
    // A workspace's manifest without a package may still rename packages for its members.
    found.name = library.or(package).map(crate_name).unwrap_or_default();
    found
}

/// `[dependencies.web]`
fn is_dependency_of_its_own(table: &str) -> bool {
    let parent = table.rsplit_once('.').map(|(parent, _)| parent);
    parent.is_some_and(|parent| parent.ends_with("dependencies"))
}

fn quoted(value: &str) -> Option<&str> {
    let quote = value
        .chars()
        .next()
        .filter(|letter| matches!(letter, '"' | '\''))?;
    value.get(1..)?.split(quote).next()
}

fn crate_name(package: &str) -> String {
    package.replace('-', "_")
}

fn node_package(text: &str, folder: &str) -> Option<(String, String)> {
    let manifest = json::parse(text).ok()?;
    let name = manifest.get("name")?.text()?;
    Some((name.to_owned(), folder.to_owned()))
}

/// The mapping of each configuration with that of those that it extends.
fn mappings(configurations: Vec<(String, Value)>) -> Named<Mapping> {
    let paths: Vec<String> = configurations
        .iter()
        .map(|(path, _)| path.clone())
        .collect();
    let configurations = Named::new(configurations);
    let mut mappings = Vec::new();
    for path in &paths {
        let name = path.rsplit('/').next().unwrap_or(path);
        if matches!(name, "tsconfig.json" | "jsconfig.json") {
            mappings.push((folder(path).to_owned(), mapping(path, &configurations)));
        }
    }
    Named::new(mappings)
}

fn mapping(path: &str, configurations: &Named<Value>) -> Mapping {
    let mut whole = Mapping::default();
    let mut next = Some(path.to_owned());
    for _ in 0..LONGEST_CHAIN {
        let Some(path) = next else {
            break;
        };
        let Some(value) = configurations.get(&path) else {
            break;
        };
        let around = folder(&path);
        let options = value.get("compilerOptions");
        let option = |key: &str| options.and_then(|options| options.get(key));
        let base = option("baseUrl").and_then(Value::text);
        let base = base.and_then(|base| normalized(&joined(around, base)));
        if let Some(paths) = option("paths")
            .and_then(Value::table)
            .filter(|_| whole.paths.is_empty())
        {
            let start = base.as_deref().unwrap_or(around);
            for (pattern, targets) in paths {
                whole.paths.push((pattern.clone(), mapped(targets, start)));
            }
        }
        whole.base = whole.base.or(base);
        next = value
            .get("extends")
            .and_then(Value::text)
            .and_then(|name| extended(around, name));
    }
    whole
}

/// The path of what a configuration extends; none of a package's.
fn extended(around: &str, name: &str) -> Option<String> {
    let path = normalized(&joined(around, name)).filter(|_| name.starts_with('.'))?;
    Some(if path.ends_with(".json") {
        path
    } else {
        format!("{path}.json")
    })
}

fn mapped(targets: &Value, start: &str) -> Vec<String> {
    let targets = targets
        .list()
        .unwrap_or_default()
        .iter()
        .filter_map(Value::text);
    targets
        .filter_map(|target| normalized(&joined(start, target)))
        .collect()
}

#[cfg(test)]
mod tests {
    use guest::testing::MemoryTree;

    use super::*;

    fn read(files: &[(&str, &str)]) -> Project {
        Project::read(&MemoryTree::new(files)).unwrap()
    }

    #[test]
    fn manifests_say_how_things_are_named() {
        let project = read(&[
            (
                "go.mod",
                "// a comment\nmodule example.org/shop // here\n\ngo 1.22\n",
            ),
            ("tools/go.mod", "module \"example.org/tools\"\n"),
            (
                "Cargo.toml",
                "[workspace]\nmembers = []\n[workspace.dependencies]\nui = { path = \"web\", package = \"my-web\" }\n",
            ),
            (
                "web/Cargo.toml",
                "[package]\nname = \"my-web\" # so\n[lib]\npath = \"lib/web.rs\"\n[dependencies.db]\npackage = 'my-db'\n",
            ),
            ("package.json", "{\"name\": \"root\"}"),
            ("packages/ui/package.json", "{\"name\": \"@shop/ui\"}"),
            ("node_modules/x/package.json", "{\"name\": \"x\"}"),
            ("broken/package.json", "{"),
            ("py/pyproject.toml", ""),
            ("py/setup.py", ""),
        ]);
        let strings = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs
                .iter()
                .map(|(one, other)| ((*one).to_owned(), (*other).to_owned()))
                .collect()
        };
        assert_eq!(
            project.go_modules,
            strings(&[("example.org/shop", ""), ("example.org/tools", "tools")])
        );
        let package = |name: &str| project.packages.get(name).map(String::as_str);
        assert_eq!(
            [package("@shop/ui"), package("root"), package("x")],
            [Some("packages/ui"), Some(""), None]
        );
        assert_eq!(project.python_projects, ["py"]);
        assert_eq!(project.crates[0].aliases, strings(&[("ui", "my_web")]));
        let web = Crate {
            folder: "web".into(),
            name: "my_web".into(),
            root: "web/lib/web.rs".into(),
            aliases: strings(&[("db", "my_db")]),
        };
        assert_eq!(project.crates[1], web);
    }

    #[test]
    fn a_configuration_has_what_it_extends() {
        let project = read(&[
            (
                "tsconfig.base.json",
                "{ // paths for all\n\"compilerOptions\": {\"baseUrl\": \".\", \"paths\": {\"@/*\": [\"src/*\"],},},}",
            ),
            ("app/tsconfig.json", "{\"extends\": \"../tsconfig.base\"}"),
            (
                "loop/tsconfig.json",
                "{\"extends\": \"./tsconfig.json\", \"compilerOptions\": {\"baseUrl\": \"./lib\"}}",
            ),
        ]);
        let app = project.mappings.get("app").unwrap();
        assert_eq!(app.base.as_deref(), Some(""));
        assert_eq!(app.paths, [("@/*".to_owned(), vec!["src/*".to_owned()])]);
        assert_eq!(
            project.mappings.get("loop").unwrap().base.as_deref(),
            Some("loop/lib")
        );
    }

    #[test]
    fn paths_stay_in_the_tree() {
        assert_eq!(normalized("a/./b/../c"), Some("a/c".into()));
        assert_eq!(normalized("a/../../b"), None);
        assert!(is_in("a/b", "a") && is_in("a", "") && !is_in("ab/c", "a"));
    }
}
