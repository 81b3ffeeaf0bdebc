//! Getting a project by its registry's ordinary client, and what its tests need around it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use passmuster_tests::{TestEnv, tool};

use crate::projects::{Project, Registry};

/// The tools and variables that a project is run with.
pub(crate) struct Surroundings<'env> {
    env: &'env TestEnv,
    /// The program directory of a Python environment with what the tests need.
    python: Option<PathBuf>,
}

impl<'env> Surroundings<'env> {
    pub(crate) fn new(env: &'env TestEnv, project: &Project) -> Self {
        let python = match project.registry {
            Registry::Python(packages) => Some(python(env, packages)),
            Registry::Crates | Registry::Npm => None,
        };
        Self { env, python }
    }

    /// Variables beside those of the environment, for the plain run and the verified one alike.
    pub(crate) fn variables(&self) -> Vec<(String, OsString)> {
        let mut variables = Vec::new();
        if let Some(python) = &self.python {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let all = std::iter::once(python.clone()).chain(std::env::split_paths(&path));
            variables.push(("PATH".to_string(), std::env::join_paths(all).unwrap()));
            // Where a policy's `env` says it for the sandbox, the plain run needs the same.
            variables.push(("PYTHONPATH".to_string(), "src:.".into()));
        }
        // The registry's index and downloads stay where the user's cargo has them.
        variables.push(("CARGO_HOME".to_string(), cargo_home()));
        variables
    }

    /// The project as a directory with a policy.
    pub(crate) fn fetch(&self, project: &Project) -> PathBuf {
        let downloads = self.env.path("downloads");
        fs::create_dir(&downloads).unwrap();
        let source = match project.registry {
            Registry::Python(_) => self.sdist(project, &downloads),
            Registry::Crates => vendored(project, &downloads),
            Registry::Npm => packed(project, &downloads),
        };
        for change in project.before {
            change.apply(&source);
        }
        if project.registry == Registry::Crates {
            let mut cargo = Command::new("cargo");
            tool(cargo.args(["fetch", "--quiet"]).current_dir(&source));
        }
        fs::write(source.join("passmuster.toml"), policy(project)).unwrap();
        fs::write(
            source.join(".gitignore"),
            "/target/\n__pycache__/\n.pytest_cache/\n",
        )
        .unwrap();
        source
    }

    fn sdist(&self, project: &Project, downloads: &Path) -> PathBuf {
        let wanted = format!("{}=={}", project.name, project.version);
        let pip = self
            .python
            .as_ref()
            .expect("Python projects have an environment")
            .join("python");
        tool(
            Command::new(pip)
                .args([
                    "-m",
                    "pip",
                    "download",
                    "--quiet",
                    "--disable-pip-version-check",
                ])
                .args(["--no-binary=:all:", "--no-deps", &wanted])
                .current_dir(downloads),
        );
        unpack(downloads, &format!("{}-{}", project.name, project.version))
    }
}

/// The program directory of a fresh Python environment with the tests' own packages and these.
pub(crate) fn python(env: &TestEnv, packages: &[&str]) -> PathBuf {
    let place = env.path("python");
    let base = passmuster_tests::environment::test_env("python").join("bin/python");
    tool(Command::new(base).args(["-m", "venv"]).arg(&place));
    let requirements = passmuster_tests::workspace().join("tests/requirements.txt");
    tool(
        Command::new(place.join("bin/python"))
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--requirement",
            ])
            .arg(requirements)
            .args(packages),
    );
    place.join("bin")
}

/// `cargo vendor` of a package that depends on nothing else: the crate as it was published.
fn vendored(project: &Project, downloads: &Path) -> PathBuf {
    let manifest = format!(
        "[package]\nname = \"wanted\"\nedition = \"2021\"\n\n[dependencies]\n{} = \"={}\"\n\n[workspace]\n",
        project.name, project.version
    );
    fs::write(downloads.join("Cargo.toml"), manifest).unwrap();
    fs::create_dir(downloads.join("src")).unwrap();
    fs::write(downloads.join("src/lib.rs"), "").unwrap();
    let mut cargo = Command::new("cargo");
    tool(
        cargo
            .args(["vendor", "--quiet", "--versioned-dirs"])
            .current_dir(downloads),
    );
    let source = downloads.join(format!("vendor/{}-{}", project.name, project.version));
    fs::remove_file(source.join(".cargo-checksum.json")).unwrap();
    // Else cargo would take it for a part of the package around it.
    let alone = downloads.with_file_name("source");
    fs::rename(source, &alone).unwrap();
    alone
}

fn packed(project: &Project, downloads: &Path) -> PathBuf {
    let wanted = format!("{}@{}", project.name, project.version);
    tool(
        Command::new("npm")
            .args(["pack", "--silent", &wanted])
            .current_dir(downloads),
    );
    unpack(downloads, "package")
}

/// Unpacks the one archive that was downloaded.
fn unpack(downloads: &Path, folder: &str) -> PathBuf {
    let archive = fs::read_dir(downloads)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.extension()
                .is_some_and(|end| end == "gz" || end == "tgz")
        })
        .expect("the client downloads an archive");
    tool(
        Command::new("tar")
            .arg("xzf")
            .arg(archive)
            .current_dir(downloads),
    );
    downloads.join(folder)
}

/// The policy that a project is verified by.
pub(crate) fn policy(project: &Project) -> String {
    let preset = match project.registry {
        Registry::Python(_) => "python",
        Registry::Crates => "rust",
        Registry::Npm => "node",
    };
    let warm = match project.registry {
        Registry::Crates => {
            "[[prepare]]\nname = \"build\"\nrun = [\"cargo\", \"test\", \"--no-run\", \"--offline\"]\nwarm = true\n\n"
        }
        Registry::Python(_) | Registry::Npm => "",
    };
    let Project {
        framework,
        command,
        sandbox,
        ..
    } = project;
    format!(
        "version = 1\nextends = [\"{preset}\"]\n\n[sandbox]\n{sandbox}\n\n{warm}[[check]]\nname = \"tests\"\nkind = \"test\"\nframework = \"{framework}\"\nrun = {command:?}\n"
    )
}

fn cargo_home() -> OsString {
    std::env::var_os("CARGO_HOME").unwrap_or_else(|| {
        let home = std::env::var_os("HOME").unwrap_or_default();
        Path::new(&home).join(".cargo").into_os_string()
    })
}
