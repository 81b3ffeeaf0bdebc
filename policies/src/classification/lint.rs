//! What configures a linter: for both runs of a lint check it is the base's.

use super::{CARGO_HARNESS, Classifier, GO_HARNESS, NODE_HARNESS, TOOL_HARNESS, named};
use crate::path::RepoPath;
use crate::policy::{Check, GlobError, Globs};

/// What says which files a linter looks at or how, and is no harness of anything else; and what Python
/// would run at its start. Test support, CI and manifests are not here: linters read them as sources.
const MORE: &[&str] = &[
    "**/{.gitignore,.ignore,.editorconfig}",
    "**/tox.ini",
    "**/{sitecustomize,usercustomize}.py",
    "**/*.pth",
    "**/*.pyc",
    "**/__pycache__/**",
];

/// Where the command itself is written down.
const MAKE: &[&str] = &["**/{Makefile,makefile,GNUmakefile}"];
const JUST: &[&str] = &["**/{justfile,Justfile,.justfile}"];

/// Programs whose first argument that is no option is a program itself.
const INTERPRETERS: [&str; 9] = [
    "sh", "bash", "dash", "zsh", "python", "python3", "node", "ruby", "perl",
];

/// Endings of files that configure; a word behind an option may as well be a file to look at.
const CONFIGURES: [&str; 9] = [
    ".toml", ".yml", ".yaml", ".json", ".jsonc", ".ini", ".cfg", ".conf", ".xml",
];

impl Classifier {
    /// For the tree that a lint check looks at: what configures the linter is harness, everything else is what
    /// it looks at. Narrower than [`Classifier::of_command`], which says what a person has to see.
    ///
    /// # Errors
    /// As [`Classifier::new`].
    pub fn of_linter(check: &Check) -> Result<Self, GlobError> {
        let own = match program(check.run.first().map_or("", String::as_str)) {
            "make" | "gmake" => MAKE,
            "just" => JUST,
            _ => &[],
        };
        let tables = [
            TOOL_HARNESS,
            CARGO_HARNESS,
            NODE_HARNESS,
            GO_HARNESS,
            MORE,
            own,
        ];
        Ok(Self {
            harness: Globs::new(&tables.concat())?,
            named: named_by(check),
            ..Self::of_command(check)?
        })
    }
}

/// The files of the tree that a linter's command names as programs or configuration. Other words are
/// what it looks at: the base's version of those would hide what the change did to them.
pub(super) fn named_by(check: &Check) -> Vec<RepoPath> {
    let mut script = INTERPRETERS.contains(&program(check.run.first().map_or("", String::as_str)));
    let mut words = Vec::new();
    let mut option = "";
    for (at, word) in check.run.iter().enumerate() {
        let configures = at == 0
            || word.starts_with('-')
            // A line for a shell can do anything with what it names.
            || word.contains(char::is_whitespace)
            || option.contains("conf")
            || (!option.is_empty() && CONFIGURES.iter().any(|ending| word.ends_with(ending)));
        let is_script = script && at > 0 && !word.starts_with('-');
        script &= !is_script;
        if configures || is_script {
            words.push(word.clone());
        }
        option = match word.starts_with('-') {
            true => word,
            false => "",
        };
    }
    named(&check.cwd, &words)
}

fn program(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::super::FileClass;
    use super::*;
    use crate::policy::parse;

    #[test]
    fn what_configures_a_linter_is_the_bases_and_what_it_looks_at_is_not() {
        for (run, path, expected) in [
            (r#"["ruff", "check"]"#, "ruff.toml", true),
            (r#"["ruff", "check"]"#, "pkg/.ruff.toml", true),
            (r#"["ruff", "check"]"#, ".gitignore", true),
            (r#"["ruff", "check"]"#, ".ruff_cache/0.1/x", true),
            (r#"["ruff", "check"]"#, "pkg/a.py", false),
            (r#"["ruff", "check"]"#, "tests/conftest.py", false),
            (r#"["ruff", "check"]"#, "Makefile", false),
            (r#"["make", "lint"]"#, "Makefile", true),
            (r#"["ruff", "check", "app.py"]"#, "app.py", false),
            (r#"["mypy", "--strict", "app.py"]"#, "app.py", false),
            (r#"["mypy", "--config-file", "app.py"]"#, "app.py", true),
            (
                r#"["ruff", "check", "--config=ci/r.toml"]"#,
                "ci/r.toml",
                true,
            ),
            (r#"["golint", "-c", "ci/g.yml"]"#, "ci/g.yml", true),
            (r#"["sh", "tools/lint.sh", "a.sh"]"#, "tools/lint.sh", true),
            (r#"["sh", "tools/lint.sh", "a.sh"]"#, "a.sh", false),
            (r#"["python3", "-u", "tools/l.py"]"#, "tools/l.py", true),
            (r#"["sh", "-c", "cd x; tools/l -q"]"#, "tools/l", true),
            (r#"["tools/lint", "src/a.py"]"#, "tools/lint", true),
            (r#"["cargo", "clippy"]"#, "clippy.toml", true),
            (r#"["cargo", "clippy"]"#, ".cargo/config.toml", true),
            (r#"["cargo", "clippy"]"#, "Cargo.toml", false),
            (r#"["npx", "eslint", "."]"#, "web/eslint.config.mjs", true),
            (r#"["npx", "eslint", "."]"#, "node_modules/x/i.js", true),
            (
                r#"["npx", "eslint", "."]"#,
                "web/eslint-suppressions.json",
                true,
            ),
            (r#"["npx", "oxlint"]"#, "web/.oxlintrc.json", true),
            (r#"["semgrep", "scan"]"#, ".semgrepignore", true),
            (
                r#"["sh", "tools/lint.sh"]"#,
                "conf/phpstan-baseline.neon",
                true,
            ),
            (r#"["actionlint"]"#, ".github/workflows/ci.yml", false),
        ] {
            let text = format!(
                "version = 1\n[[check]]\nname = \"l\"\nkind = \"lint\"\nreport = \"sarif\"\nrun = {run}\n"
            );
            let policy = parse(&text, "policy").unwrap();
            let class = Classifier::of_linter(&policy.check[0])
                .unwrap()
                .classify(&path.into());
            assert_eq!(class == FileClass::Harness, expected, "{run} {path}");
        }
    }
}
