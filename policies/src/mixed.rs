//! Tables that steer checks inside files that are product otherwise: `pyproject.toml`, `setup.cfg`,
//! `Cargo.toml`, `package.json`.
//!
//! A file as a whole is classified by its path ([`crate::classification`]); these need their text.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::path::RepoPath;

mod splice;

pub use splice::splice;

/// Tables of `pyproject.toml`'s `tool` that build or install and steer no check.
const PYTHON_BUILD_TOOLS: [&str; 6] = ["poetry", "hatch", "setuptools", "maturin", "uv", "pdm"];
/// What steers all the same among the tables of these: commands by name.
const PYTHON_BUILD_STEERING: [(&str, &str); 2] = [("hatch", "envs"), ("pdm", "scripts")];
/// Keys of `package.json` that say what scripts do and how tools behave.
const NODE_KEYS: [&str; 14] = [
    "scripts",
    "jest",
    "vitest",
    "mocha",
    "ava",
    "c8",
    "nyc",
    "eslintConfig",
    "eslintIgnore",
    "prettier",
    "stylelint",
    "babel",
    "xo",
    "standard",
];
/// Tables of `Cargo.toml` that say what is tested and how it is built for that.
const CARGO_TABLES: [&str; 4] = ["test", "bench", "profile", "lints"];
/// Tables of `Cargo.toml` that say what stands in for a package, which tests may use. They are not put back: the
/// candidate's dependencies may need them.
const CARGO_REPLACEMENTS: [&str; 2] = ["patch", "replace"];
/// Keys of a workspace that say what of it is looked at, and how.
const WORKSPACE_KEYS: [&str; 2] = ["default-members", "lints"];
/// Keys of a target that say whether and how its tests run.
const TARGET_KEYS: [&str; 4] = ["name", "test", "doctest", "harness"];

/// Whether a file of this path can hold such tables.
#[must_use]
pub fn is_mixed(path: &RepoPath) -> bool {
    reader(path).is_some()
}

/// One side of a changed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// It is not there.
    Absent,
    /// A regular file's bytes.
    Text(Vec<u8>),
    /// Anything else: a link, or more bytes than anybody writes into such a file.
    Opaque,
}

/// Whether such tables differ between the two sides of a file. What cannot be read differs.
pub fn steering_changed(path: &RepoPath, before: &Side, after: &Side) -> bool {
    let Some(read) = reader(path) else {
        return false;
    };
    let tables = |side: &Side| match side {
        Side::Absent => Some(Value::Object(Map::new())),
        Side::Text(bytes) => read(std::str::from_utf8(bytes).ok()?),
        Side::Opaque => None,
    };
    match (tables(before), tables(after)) {
        (Some(before), Some(after)) => before != after,
        _ => true,
    }
}

/// Gives the steering tables of a file's text; none for text that is not of its format.
type Reader = fn(&str) -> Option<Value>;

fn reader(path: &RepoPath) -> Option<Reader> {
    match path.file_name() {
        b"pyproject.toml" => Some(pyproject),
        b"setup.cfg" => Some(setup_cfg),
        b"Cargo.toml" => Some(cargo),
        b"package.json" => Some(package_json),
        _ => None,
    }
}

fn pyproject(text: &str) -> Option<Value> {
    let mut document: Map<String, Value> = toml::from_str(text).ok()?;
    let Some(Value::Object(mut tools)) = document.remove("tool") else {
        return Some(Value::Object(Map::new()));
    };
    let mut steering = Map::new();
    for (tool, key) in PYTHON_BUILD_STEERING {
        let commands = tools.get(tool).and_then(|tool| tool.get(key));
        steering.extend(commands.map(|commands| (format!("{tool}.{key}"), commands.clone())));
    }
    tools.retain(|name, _| !PYTHON_BUILD_TOOLS.contains(&name.as_str()));
    tools.extend(steering);
    Some(Value::Object(tools))
}

/// What ends a line, or begins a text, for some readers of `setup.cfg` and not for others.
const ODD_BREAKS: [char; 10] = [
    '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}',
    '\u{feff}',
];

/// Whatever stands in a section of a tool, line by line; none for text in which the readers of this
/// format, Python's own and pytest's, see different sections.
fn setup_cfg(text: &str) -> Option<Value> {
    let text = text.replace("\r\n", "\n");
    if text.contains(ODD_BREAKS) {
        return None;
    }
    let mut sections: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut section = "";
    for line in text.lines().map(str::trim_end) {
        if line.trim_start().starts_with('[') {
            section = heading(line)?;
        } else if !line.is_empty() && steers_in_setup_cfg(section) {
            sections.entry(section).or_default().push(line);
        }
    }
    let plain = sections
        .into_iter()
        .map(|(name, lines)| (name.to_owned(), lines.into()));
    Some(Value::Object(plain.collect()))
}

/// The section that a line begins; none for one that is a heading to some readers only: indented, or
/// with something behind it.
fn heading(line: &str) -> Option<&str> {
    let name = line.strip_prefix('[')?.strip_suffix(']')?;
    (!name.contains(']')).then_some(name)
}

/// Whether a section of `setup.cfg` configures a tool that checks.
fn steers_in_setup_cfg(section: &str) -> bool {
    let tool = section.split([':', '-', '.']).next().unwrap_or_default();
    matches!(
        tool,
        "tool" | "flake8" | "mypy" | "isort" | "pylint" | "coverage"
    )
}

fn cargo(text: &str) -> Option<Value> {
    let document: Map<String, Value> = toml::from_str(text).ok()?;
    let mut tables = only(&document, &CARGO_TABLES);
    tables.append(&mut only(&document, &CARGO_REPLACEMENTS));
    if let Some(package) = document.get("package").and_then(Value::as_object) {
        let automatic = package.iter().filter(|(key, _)| key.starts_with("auto"));
        tables.extend(automatic.map(|(key, value)| (key.clone(), value.clone())));
    }
    if let Some(workspace) = document.get("workspace").and_then(Value::as_object) {
        let steered = only(workspace, &WORKSPACE_KEYS).into_iter();
        tables.extend(steered.map(|(key, value)| (format!("workspace.{key}"), value)));
    }
    for kind in ["lib", "bin", "example"] {
        let targets = match document.get(kind) {
            Some(Value::Array(targets)) => targets.as_slice(),
            Some(target) => std::slice::from_ref(target),
            None => &[],
        };
        let steered = targets
            .iter()
            .filter_map(Value::as_object)
            .map(|target| only(target, &TARGET_KEYS))
            .filter(|target| target.keys().any(|key| key != "name"));
        let steered: Vec<Value> = steered.map(Value::Object).collect();
        if !steered.is_empty() {
            tables.insert(kind.to_owned(), Value::Array(steered));
        }
    }
    Some(Value::Object(tables))
}

fn package_json(text: &str) -> Option<Value> {
    let document: Map<String, Value> = serde_json::from_str(text).ok()?;
    Some(Value::Object(only(&document, &NODE_KEYS)))
}

fn only(table: &Map<String, Value>, keys: &[&str]) -> Map<String, Value> {
    let wanted = table.iter().filter(|(key, _)| keys.contains(&key.as_str()));
    wanted
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tables_that_steer_a_check_count() {
        let cases = [
            (
                "pyproject.toml",
                "",
                "[tool.pytest.ini_options]\naddopts = \"-p x\"",
                true,
            ),
            (
                "a/pyproject.toml",
                "[project]\nname = \"a\"",
                "[project]\nname = \"b\"",
                false,
            ),
            (
                "pyproject.toml",
                "[tool.uv]\na = 1",
                "[tool.uv]\na = 2",
                false,
            ),
            (
                "pyproject.toml",
                "[tool.ruff]\na = 1",
                "[tool.ruff]\n# why\na = 1",
                false,
            ),
            ("pyproject.toml", "", "not toml", true),
            (
                "setup.cfg",
                "[metadata]\nname = a",
                "[metadata]\nname = b",
                false,
            ),
            ("setup.cfg", "", "[tool:pytest]\naddopts = -p x", true),
            (
                "setup.cfg",
                "[mypy-a.*]\nstrict = 1",
                "[mypy-a.*]\nstrict = 0",
                true,
            ),
            (
                "setup.cfg",
                "[metadata]\nname = a",
                "[metadata]\r\nname = b\r\n",
                false,
            ),
            (
                "setup.cfg",
                "[metadata]\nname = a",
                "[metadata]\nname = a\r[tool:pytest]\raddopts = -p x",
                true,
            ),
            (
                "setup.cfg",
                "[tool:pytest]\na = 1\n[metadata]",
                "[tool:pytest]\na = 1\n[metadata] b = 1\naddopts = -p x\n[metadata]",
                true,
            ),
            (
                "setup.cfg",
                "[metadata]\n",
                "[metadata]\n  [flake8]\n  ignore = E",
                true,
            ),
            (
                "Cargo.toml",
                "[dependencies]\na = 1",
                "[dependencies]\na = 2",
                false,
            ),
            (
                "Cargo.toml",
                "",
                "[[test]]\nname = \"it\"\npath = \"x.rs\"",
                true,
            ),
            (
                "Cargo.toml",
                "[package]\nname = \"a\"",
                "[package]\nname = \"a\"\nautotests = false",
                true,
            ),
            (
                "Cargo.toml",
                "[lib]\npath = \"a\"",
                "[lib]\npath = \"b\"",
                false,
            ),
            (
                "Cargo.toml",
                "[lib]\npath = \"a\"",
                "[lib]\npath = \"a\"\ntest = false",
                true,
            ),
            (
                "Cargo.toml",
                "",
                "[[bin]]\nname = \"b\"\nharness = false",
                true,
            ),
            (
                "Cargo.toml",
                "[workspace]\nmembers = [\"a\"]",
                "[workspace]\nmembers = [\"a\", \"b\"]",
                false,
            ),
            (
                "Cargo.toml",
                "[workspace]\nmembers = [\"a\", \"b\"]",
                "[workspace]\nmembers = [\"a\", \"b\"]\ndefault-members = [\"a\"]",
                true,
            ),
            (
                "Cargo.toml",
                "",
                "[patch.crates-io]\nassertions = { path = \"a\" }",
                true,
            ),
            (
                "pyproject.toml",
                "[tool.hatch.envs.default.scripts]\ntest = \"pytest\"",
                "[tool.hatch.envs.default.scripts]\ntest = \"true\"",
                true,
            ),
            (
                "pyproject.toml",
                "[tool.hatch.version]\npath = \"a\"",
                "[tool.hatch.version]\npath = \"b\"",
                false,
            ),
            (
                "package.json",
                r#"{"name":"a"}"#,
                r#"{"name":"a","eslintIgnore":["src"]}"#,
                true,
            ),
            (
                "package.json",
                r#"{"scripts":{"test":"node --test"}}"#,
                r#"{"scripts":{"test":"true"}}"#,
                true,
            ),
            (
                "package.json",
                r#"{"version":"1"}"#,
                r#"{"version":"2"}"#,
                false,
            ),
            ("other.toml", "", "[[test]]", false),
        ];
        for (path, before, after, expected) in cases {
            let before = if before.is_empty() {
                Side::Absent
            } else {
                text(before)
            };
            let changed = steering_changed(&path.into(), &before, &text(after));
            assert_eq!(changed, expected, "{path}: {after}");
        }
    }

    fn text(text: &str) -> Side {
        Side::Text(text.as_bytes().to_vec())
    }

    #[test]
    fn a_file_that_goes_takes_its_tables_along() {
        let gone = |side: &Side| steering_changed(&"Cargo.toml".into(), side, &Side::Absent);
        assert!(gone(&text("[lints]\nx = 1")));
        assert!(!gone(&text("[package]\nname = \"a\"")));
        assert!(gone(&Side::Opaque));
    }
}
