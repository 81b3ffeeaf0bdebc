//! What configuration of test runners loads into the process of the tests, by name: set-up files, plugins,
//! environments. Such a file is product by its path, and can say of every test that it passed.

use std::collections::BTreeSet;

use crate::path::RepoPath;

/// Keys of the configuration of jest, vitest and mocha whose values are loaded.
const SCRIPT_KEYS: [&str; 15] = [
    "setupFiles",
    "setupFilesAfterEnv",
    "globalSetup",
    "globalTeardown",
    "testEnvironment",
    "environment",
    "runner",
    "testRunner",
    "reporters",
    "transform",
    "resolver",
    "snapshotSerializers",
    "testSequencer",
    "preset",
    "require",
];
/// The name under which a `conftest.py`, or a module of tests, lists plugins.
const PYTHON_KEYS: [&str; 1] = ["pytest_plugins"];
/// What stands behind a module's name, or a script's that is named without an ending.
const ENDINGS: [&str; 12] = [
    "",
    ".js",
    ".cjs",
    ".mjs",
    ".ts",
    ".cts",
    ".mts",
    "/index.js",
    "/index.ts",
    ".py",
    "/__init__.py",
    ".json",
];

/// Whether a file of this name can be such configuration.
#[must_use]
pub fn can_load(path: &RepoPath) -> bool {
    let name = String::from_utf8_lossy(path.file_name());
    is_script(&name) || is_python(&name)
}

fn is_script(name: &str) -> bool {
    let tool = ["jest.", "vitest.", "vite.", ".mocharc"];
    name == "package.json" || tool.iter().any(|tool| name.starts_with(tool))
}

fn is_python(name: &str) -> bool {
    let endings = [".py", ".ini", ".toml", ".cfg"];
    endings.iter().any(|ending| name.ends_with(ending))
}

/// The paths that a configuration's text names to be loaded, there or not.
#[must_use]
pub fn loaded(path: &RepoPath, text: &str) -> BTreeSet<RepoPath> {
    let name = String::from_utf8_lossy(path.file_name());
    let words = match &*name {
        name if name.ends_with(".py") => values(text, &PYTHON_KEYS),
        name if is_script(name) => values(text, &SCRIPT_KEYS),
        name if is_python(name) => options(text.split(is_between)),
        _ => Vec::new(),
    };
    let directory = path.as_str().and_then(|path| path.rsplit_once('/'));
    let directory = directory.map_or("", |(directory, _)| directory);
    let script = is_script(&name);
    words
        .iter()
        .flat_map(|word| paths(directory, word, script))
        .collect()
}

/// The paths of plugins that a command names.
#[must_use]
pub fn loaded_by_command(cwd: &str, run: &[String]) -> BTreeSet<RepoPath> {
    let words = options(run.iter().map(String::as_str));
    words
        .iter()
        .flat_map(|word| paths(cwd, word, false))
        .collect()
}

/// What is quoted behind a key: on its line, or up to the end of its brackets.
fn values<'t>(text: &'t str, keys: &[&str]) -> Vec<&'t str> {
    let mut found = Vec::new();
    for key in keys {
        for (at, _) in text.match_indices(key) {
            let rest = text.get(at + key.len()..).unwrap_or_default();
            // A key may be quoted itself.
            let rest = rest.strip_prefix(['"', '\'']).unwrap_or(rest);
            let rest = rest.trim_start_matches([' ', ':', '=', '\t']);
            let (close, most) = match rest.chars().next() {
                Some('[') => (']', usize::MAX),
                Some('{') => ('}', usize::MAX),
                Some('(') => (')', usize::MAX),
                _ => ('\n', 1),
            };
            let value = rest.split(close).next().unwrap_or_default();
            found.extend(value.split(['"', '\'', '`']).skip(1).step_by(2).take(most));
        }
    }
    found
}

fn is_between(letter: char) -> bool {
    letter.is_whitespace() || "\"',[]=".contains(letter)
}

/// The names behind `-p`.
fn options<'t>(words: impl Iterator<Item = &'t str>) -> Vec<&'t str> {
    let mut found = Vec::new();
    let mut named = false;
    for word in words.filter(|word| !word.is_empty()) {
        match word.strip_prefix("-p") {
            Some("") => named = true,
            Some(name) if !named => found.push(name),
            _ if std::mem::take(&mut named) => found.push(word),
            _ => {}
        }
    }
    found
}

/// Where a word may lead: from the directory that names it, from the tree's root, from `src`.
fn paths(directory: &str, word: &str, script: bool) -> Vec<RepoPath> {
    let word = word.strip_prefix("<rootDir>").unwrap_or(word);
    let name = match script {
        true => word.to_owned(),
        false => word.replace('.', "/"),
    };
    let places = [directory, "", "src"].into_iter();
    let whole = places.filter_map(|place| joined(place, &name));
    whole
        .flat_map(|path| ENDINGS.map(|ending| format!("{path}{ending}")))
        .map(|path| RepoPath::from(path.as_str()))
        .collect()
}

/// A path from the tree's root; none where it leads out of the tree, or to all of it.
fn joined(directory: &str, path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in directory.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_runner_loads_is_found_by_the_words_of_its_configuration() {
        for (path, text, expected) in [
            (
                "jest.config.js",
                "module.exports = { setupFilesAfterEnv: [\n  '<rootDir>/conf/a.js',\n  \"./conf/b\",\n], roots: ['src'] };",
                &["conf/a.js", "conf/b.js"][..],
            ),
            (
                "web/vitest.config.ts",
                "export default { test: { globalSetup: './c.ts', include: ['src/d.ts'] } }",
                &["web/c.ts"],
            ),
            (
                "package.json",
                "{ \"main\": \"a.js\", \"jest\": { \"testEnvironment\": \"./env\" } }",
                &["env.js"],
            ),
            (
                "conftest.py",
                "pytest_plugins = [\"help.one\",\n    'help.two']\nx = \"help.three\"\n",
                &["help/one.py", "help/two.py"],
            ),
            ("test_a.py", "pytest_plugins = \"one\"", &["src/one.py"]),
            (
                "pytest.ini",
                "[pytest]\naddopts = -q -p help.one -pno:cacheprovider\n",
                &["help/one.py"],
            ),
            (
                "pyproject.toml",
                "[tool.pytest.ini_options]\naddopts = [\"-p\", \"help\"]",
                &["help/__init__.py"],
            ),
            (
                "vite.config.ts",
                "build: { lib: { entry: 'src/d.ts' } }",
                &[],
            ),
        ] {
            let found = loaded(&path.into(), text);
            for one in expected {
                assert!(
                    found.contains(&RepoPath::from(*one)),
                    "{path} {one}: {found:?}"
                );
            }
            for none in ["a.js", "src/d.ts", "help/three.py"] {
                assert!(!found.contains(&RepoPath::from(none)), "{path} {none}");
            }
        }
    }

    #[test]
    fn a_command_names_plugins_as_configuration_does() {
        let run = ["python", "-m", "pytest", "-p", "help.one"].map(str::to_owned);
        let found = loaded_by_command("", &run);
        assert!(found.contains(&RepoPath::from("help/one.py")));
        assert!(!found.contains(&RepoPath::from("pytest.py")));
    }
}
