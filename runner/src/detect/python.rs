//! Python: pytest or unittest, the environment that its tests need, and the linters it configures.

mod environment;

use super::listing::Listing;
use super::{Check, Detected, Language, Lint, join, place, words};

const MARKERS: [&str; 7] = [
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "pytest.ini",
    "tox.ini",
    "uv.lock",
    "requirements.txt",
];

/// Test files whose text is read to tell pytest from unittest.
const SAMPLE: usize = 40;

pub(super) fn detect(listing: &Listing<'_>, has: &dyn Fn(&str) -> bool, found: &mut Detected) {
    let mut dirs = listing.projects(&MARKERS);
    if dirs.is_empty() && !test_files(listing, "").is_empty() {
        dirs.push(String::new());
    }
    for dir in dirs {
        let project = Project::read(listing, has, &dir);
        if let Some((framework, why)) = project.framework() {
            found.language(Language::Python);
            project.environment(found);
            found.checks.push(project.tests(framework, why));
        } else if project.has_python() {
            found.note(format!(
                "Python{}: no test files (test_*.py, *_test.py) found.",
                place(&dir)
            ));
            found.language(Language::Python);
            project.environment(found);
        } else {
            continue;
        }
        project.lints(found);
    }
}

struct Project<'a> {
    listing: &'a Listing<'a>,
    has: &'a dyn Fn(&str) -> bool,
    dir: &'a str,
    pyproject: toml::Table,
    tests: Vec<&'a str>,
}

impl<'a> Project<'a> {
    fn read(listing: &'a Listing<'a>, has: &'a dyn Fn(&str) -> bool, dir: &'a str) -> Self {
        Self {
            listing,
            has,
            dir,
            pyproject: listing
                .toml(&join(dir, "pyproject.toml"))
                .unwrap_or_default(),
            tests: test_files(listing, dir),
        }
    }

    fn at(&self, file: &str) -> String {
        join(self.dir, file)
    }

    fn has_file(&self, file: &str) -> bool {
        self.listing.has(&self.at(file))
    }

    fn contains(&self, file: &str, text: &str) -> bool {
        self.listing
            .text(&self.at(file))
            .is_some_and(|content| content.contains(text))
    }

    /// A manifest alone can be a tool's configuration in a project of another language.
    fn has_python(&self) -> bool {
        self.listing.own(self.dir).any(|path| path.ends_with(".py"))
    }

    fn tool(&self, name: &str) -> Option<&toml::Value> {
        self.pyproject.get("tool")?.get(name)
    }

    fn framework(&self) -> Option<(&'static str, String)> {
        let first = self.tests.first()?;
        if let Some(why) = self.pytest() {
            return Some(("pytest", why));
        }
        let texts = self
            .tests
            .iter()
            .take(SAMPLE)
            .filter_map(|path| Some((*path, self.listing.text(path)?)));
        let mut unittest = None;
        for (path, text) in texts {
            if text.contains("import pytest")
                || text.contains("from pytest")
                || text.lines().any(is_test_function)
            {
                return Some(("pytest", format!("{path} is written for pytest")));
            }
            if text.contains("unittest") {
                unittest
                    .get_or_insert(format!("{path} uses unittest, and nothing mentions pytest"));
            }
        }
        Some(unittest.map_or_else(|| ("pytest", (*first).to_owned()), |why| ("unittest", why)))
    }

    fn pytest(&self) -> Option<String> {
        let configured = [
            ("pytest.ini", ""),
            (".pytest.ini", ""),
            ("pytest.toml", ""),
            ("tox.ini", "[pytest]"),
            ("setup.cfg", "[tool:pytest]"),
        ]
        .iter()
        .find(|(file, section)| self.contains(file, section));
        if let Some((file, section)) = configured {
            return Some(format!("{} {section}", self.at(file)).trim_end().to_owned());
        }
        if self.tool("pytest").is_some() {
            return Some(format!("{} [tool.pytest]", self.at("pyproject.toml")));
        }
        let conftest = self
            .listing
            .own(self.dir)
            .find(|path| path.ends_with("conftest.py"));
        let named = || {
            let files = [
                "pyproject.toml",
                "requirements.txt",
                "requirements-dev.txt",
                "requirements-test.txt",
                "tox.ini",
                "setup.py",
                "setup.cfg",
            ];
            files
                .iter()
                .find(|file| self.contains(file, "pytest"))
                .map(|file| format!("{} names pytest", self.at(file)))
        };
        conftest.map(str::to_owned).or_else(named)
    }

    fn tests(&self, framework: &'static str, why: String) -> Check {
        let run = match framework {
            "unittest" => self.unittest_command(),
            _ => "python -m pytest -q".to_owned(),
        };
        let mut check = Check {
            name: framework.to_owned(),
            framework: Some(framework),
            run: words(&run),
            cwd: self.dir.to_owned(),
            why: vec![why],
            ..Check::default()
        };
        if self.src_layout() && !self.installs() {
            let src = join("/sandbox/tree", &self.at("src"));
            check.why.push("src layout: PYTHONPATH stands in for an installed project (no entry points, no metadata)".to_owned());
            check.env.push(("PYTHONPATH".to_owned(), src));
        }
        check
    }

    /// unittest enters only packages: a directory of tests without `__init__.py` is named.
    fn unittest_command(&self) -> String {
        let prefix = if self.dir.is_empty() {
            String::new()
        } else {
            format!("{}/", self.dir)
        };
        let top = self
            .tests
            .iter()
            .filter_map(|path| path.strip_prefix(&prefix)?.split_once('/'))
            .map(|(top, _)| top)
            .next();
        let root_tests = self.tests.iter().any(|path| {
            path.strip_prefix(&prefix)
                .is_some_and(|rest| !rest.contains('/'))
        });
        let pattern = if self.tests.iter().all(|path| path.ends_with("_test.py")) {
            " -p *_test.py"
        } else {
            ""
        };
        match top.filter(|top| !root_tests && !self.has_file(&format!("{top}/__init__.py"))) {
            Some(top) => format!("python -m unittest discover -s {top}{pattern}"),
            None => format!("python -m unittest discover{pattern}"),
        }
    }

    fn src_layout(&self) -> bool {
        let src = self.at("src/");
        self.listing
            .own(self.dir)
            .any(|path| path.starts_with(&src) && path.ends_with(".py"))
    }

    fn lints(&self, found: &mut Detected) {
        for (program, command, lint, evidence) in [
            (
                "ruff",
                "ruff check --output-format=sarif",
                Some(Lint::Report("sarif")),
                self.configured("ruff", &["ruff.toml", ".ruff.toml"], None),
            ),
            (
                "mypy",
                self.mypy_command(),
                None,
                self.configured("mypy", &["mypy.ini", ".mypy.ini"], Some("[mypy]")),
            ),
            (
                "ty",
                "ty check --output-format=gitlab",
                Some(Lint::Report("gitlab")),
                self.configured("ty", &["ty.toml"], None),
            ),
            (
                "flake8",
                "flake8",
                None,
                self.configured("flake8", &[".flake8"], Some("[flake8]")),
            ),
        ] {
            let Some(evidence) = evidence else { continue };
            found.checks.push(Check {
                name: program.to_owned(),
                lint,
                run: words(command),
                cwd: self.dir.to_owned(),
                // A status alone cannot tell what the base had already.
                optional: lint.is_none(),
                off: (!self.can_run(program)).then(|| format!("{program} is not installed")),
                why: vec![evidence],
                ..Check::default()
            });
        }
    }

    fn mypy_command(&self) -> &'static str {
        let listed = self
            .tool("mypy")
            .is_some_and(|table| table.get("files").is_some() || table.get("packages").is_some());
        let in_ini = ["mypy.ini", "setup.cfg"]
            .iter()
            .any(|file| self.contains(file, "\nfiles"));
        if listed || in_ini { "mypy" } else { "mypy ." }
    }

    fn configured(&self, tool: &str, files: &[&str], section: Option<&str>) -> Option<String> {
        if self.tool(tool).is_some() {
            return Some(format!("{} [tool.{tool}]", self.at("pyproject.toml")));
        }
        let file = files
            .iter()
            .find(|file| self.has_file(file))
            .map(|file| self.at(file));
        file.or_else(|| {
            let section = section?;
            self.contains("setup.cfg", section)
                .then(|| format!("{} {section}", self.at("setup.cfg")))
        })
    }

    /// On the operator's PATH, or among the locked packages that a step installs.
    fn can_run(&self, program: &str) -> bool {
        let locked = || self.contains("uv.lock", &format!("name = \"{program}\""));
        (self.has)(program) || self.uv() && locked()
    }
}

fn test_files<'a>(listing: &Listing<'a>, dir: &'a str) -> Vec<&'a str> {
    let is_test = |path: &&str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        name.ends_with(".py") && name.starts_with("test_")
            || name.ends_with("_test.py")
            || name == "tests.py"
    };
    let mut files: Vec<&str> = listing.own(dir).filter(is_test).collect();
    files.sort_unstable();
    files
}

/// A test function at the top level: unittest has none.
fn is_test_function(line: &str) -> bool {
    line.starts_with("def test") || line.starts_with("async def test")
}
