//! The environment that Python tests need: uv's lock where uv is, else the operator's own packages.

use super::Project;
use crate::detect::{Detected, Step, hosts, place, words};

/// Where an environment made by a step is, in every run.
const VENV: &str = "/sandbox/env/venv";

/// Makes an environment that sees the packages of the Python that makes it. `--system-site-packages`
/// alone would not do: made from a virtual environment it sees the packages of the Python below that.
const OVER_OWN_PACKAGES: &str = "import importlib.util, pathlib, sysconfig, venv; \
    env = pathlib.Path('/sandbox/env/venv'); \
    venv.create(env, system_site_packages=True, symlinks=True, with_pip=not importlib.util.find_spec('pip')); \
    [(site / 'over.pth').write_text(f\"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\\n\") \
    for site in env.glob('lib/python*/site-packages')]";

impl Project<'_> {
    pub(super) fn environment(&self, found: &mut Detected) {
        found.compiles |= self.native().is_some();
        if self.uv() {
            found.steps.extend(self.uv_steps());
            return;
        }
        if self.has_file("uv.lock") {
            found.note(format!(
                "{} found, but uv is not installed: tests use the packages of your Python.",
                self.at("uv.lock")
            ));
        } else if let Some(lock) = ["poetry.lock", "pdm.lock", "Pipfile.lock"]
            .iter()
            .find(|lock| self.has_file(lock))
        {
            found.note(format!("{} found: no step is written for it; tests use the packages of your Python (activate the project's environment first, if it is outside the repository).", self.at(lock)));
        } else {
            found.note(format!(
                "Python{}: tests use the packages of the Python that is first on your PATH, outside the repository. An environment inside it (.venv) is not visible to runs: a change could write to it; make one outside, install what the tests need, and activate it.",
                place(self.dir)
            ));
        }
        if let Some(why) = self.native() {
            found.steps.extend(self.native_steps(why));
        }
    }

    /// Whether a step installs the project itself.
    pub(super) fn installs(&self) -> bool {
        self.uv() && self.builds() || self.native().is_some()
    }

    pub(super) fn uv(&self) -> bool {
        self.has_file("uv.lock") && (self.has)("uv")
    }

    fn builds(&self) -> bool {
        self.pyproject.contains_key("build-system") || self.has_file("setup.py")
    }

    /// The evidence that the project compiles something.
    pub(super) fn native(&self) -> Option<String> {
        let backend = self
            .pyproject
            .get("build-system")
            .and_then(|table| table.get("build-backend"));
        let backend = backend.and_then(toml::Value::as_str).unwrap_or_default();
        if let Some(kind) = ["maturin", "scikit_build_core", "mesonpy"]
            .into_iter()
            .find(|kind| backend.starts_with(kind))
        {
            return Some(format!("build backend {kind}"));
        }
        let extensions = ["ext_modules", "cythonize(", "rust_extensions"];
        let found = extensions
            .into_iter()
            .find(|word| self.contains("setup.py", word));
        found
            .map(|word| format!("{} with {word}", self.at("setup.py")))
            .map(|text| text.trim_end_matches('(').to_owned())
    }

    fn uv_steps(&self) -> Vec<Step> {
        let packages = self.uv_packages();
        if !self.builds() {
            return vec![packages];
        }
        // The second step has to use the operator's uv like the first, whose cache it reads, not
        // another version that is among the packages (with tox-uv, for one).
        let packages = Step {
            path: Vec::new(),
            ..packages
        };
        vec![packages, self.uv_project()]
    }

    fn uv_packages(&self) -> Step {
        let mut run = words("uv sync --frozen --offline --no-install-project --compile-bytecode");
        run.extend(self.uv_extras());
        Step {
            name: "packages".to_owned(),
            cwd: self.dir.to_owned(),
            run,
            inputs: self.uv_inputs(),
            env: uv_environment(),
            path: vec![format!("{VENV}/bin")],
            why: [
                format!(
                    "{}: the locked packages, from uv's cache on this machine.",
                    self.at("uv.lock")
                ),
                format!(
                    "Offline: run `{}` in the repository once if packages are missing there.",
                    [words("uv sync"), self.uv_extras()].concat().join(" ")
                ),
            ]
            .into_iter()
            .chain(hosts::fetching(self.listing.text(&self.at("uv.lock"))))
            .collect(),
            ..Step::default()
        }
    }

    fn uv_project(&self) -> Step {
        let mut run = words("uv sync --frozen --offline --compile-bytecode");
        run.extend(self.uv_extras());
        let mut env = uv_environment();
        let scm = [
            "setuptools_scm",
            "setuptools-scm",
            "hatch-vcs",
            "versioningit",
        ];
        if scm
            .iter()
            .any(|word| self.contains("pyproject.toml", word) || self.contains("setup.py", word))
        {
            // A tree in the sandbox has no history to derive a version from.
            env.push((
                "SETUPTOOLS_SCM_PRETEND_VERSION".to_owned(),
                "0.0.0".to_owned(),
            ));
        }
        let mut why = vec!["The project itself, as an editable install: its code is read from the tree of each run.".to_owned()];
        why.extend(self.native().map(|native| {
            format!("It compiles ({native}), so it runs again when sources change.")
        }));
        Step {
            name: "project".to_owned(),
            cwd: self.dir.to_owned(),
            run,
            inputs: [self.uv_inputs(), self.build_inputs()].concat(),
            env,
            path: vec![format!("{VENV}/bin")],
            why,
            ..Step::default()
        }
    }

    fn uv_inputs(&self) -> Vec<String> {
        ["uv.lock", "pyproject.toml", "**/pyproject.toml"]
            .map(|file| self.at(file))
            .into()
    }

    /// uv installs the group `dev` by itself; pytest may be elsewhere.
    fn uv_extras(&self) -> Vec<String> {
        let holding = |table: Option<&toml::Value>| {
            let groups = table.and_then(toml::Value::as_table)?;
            let names_pytest = |list: &toml::Value| {
                list.as_array().is_some_and(|list| {
                    list.iter()
                        .any(|item| item.as_str().is_some_and(|text| text.starts_with("pytest")))
                })
            };
            groups
                .iter()
                .find(|(_, list)| names_pytest(list))
                .map(|(name, _)| name.clone())
        };
        let group = holding(self.pyproject.get("dependency-groups"));
        let extra = holding(
            self.pyproject
                .get("project")
                .and_then(|project| project.get("optional-dependencies")),
        );
        match (group, extra) {
            (Some(group), _) if group == "dev" => Vec::new(),
            (Some(group), _) => vec!["--group".to_owned(), group],
            (None, Some(extra)) => vec!["--extra".to_owned(), extra],
            (None, None) => Vec::new(),
        }
    }

    fn native_steps(&self, why: String) -> Vec<Step> {
        let mut inputs = vec![self.at("pyproject.toml")];
        inputs.extend(self.build_inputs());
        let make = Step {
            name: "environment".to_owned(),
            cwd: self.dir.to_owned(),
            run: ["python", "-c", OVER_OWN_PACKAGES]
                .map(str::to_owned)
                .into(),
            // A step without inputs would be made again for every tree.
            inputs: vec![self.at("pyproject.toml"), self.at("setup.py")],
            path: vec![format!("{VENV}/bin")],
            why: vec!["An environment of its own over the packages of your Python.".to_owned()],
            ..Step::default()
        };
        let install = Step {
            name: "project".to_owned(),
            cwd: self.dir.to_owned(),
            run: words(&format!(
                "{VENV}/bin/python -m pip install --no-index --no-build-isolation --no-deps --editable ."
            )),
            inputs,
            path: vec![format!("{VENV}/bin")],
            why: vec![
                format!(
                    "Compiles the project ({why}); the build tools must be installed in your Python."
                ),
                "It runs again when sources change.".to_owned(),
            ],
            ..Step::default()
        };
        vec![make, install]
    }

    /// What a build reads beside the manifests. An editable install only points at the code, so
    /// sources matter when they hold the version or are compiled.
    fn build_inputs(&self) -> Vec<String> {
        let mut inputs: Vec<String> = ["setup.*", "README*", "LICENSE*"]
            .map(|glob| self.at(glob))
            .into();
        if self.reads_sources() && self.src_layout() {
            inputs.push(self.at("src/**"));
        } else if self.reads_sources() {
            let places = ["**/__init__.py", "**/*version*.py", "**/__about__.py"];
            inputs.extend(places.map(|glob| self.at(glob)));
        }
        if self.native().is_some() {
            let sources = [
                "Cargo.*",
                "meson.build",
                "CMakeLists.txt",
                "**/*.c",
                "**/*.cc",
                "**/*.cpp",
                "**/*.h",
                "**/*.pyx",
                "**/*.pxd",
                "**/*.rs",
            ];
            inputs.extend(sources.map(|glob| self.at(glob)));
        }
        inputs
    }

    fn reads_sources(&self) -> bool {
        let dynamic = self
            .pyproject
            .get("project")
            .and_then(|project| project.get("dynamic"));
        dynamic.is_some() || self.has_file("setup.py") || self.native().is_some()
    }
}

fn uv_environment() -> Vec<(String, String)> {
    vec![("UV_PROJECT_ENVIRONMENT".to_owned(), VENV.to_owned())]
}
