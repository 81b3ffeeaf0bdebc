//! Toolchains of invented machines and of this one: Python, Cargo and Node are what CI provides.
#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic like the test itself"
)]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use passmuster::memory;
use passmuster::places::{BIN, HOME};
use passmuster::toolchains::{
    Name, Operator, Pins, Toolchain, ToolchainError, covers, discover, discover_all, is_system,
    resolve_command, resolve_tool, search_path,
};

/// An invented home directory whose programs are written by the test.
struct Machine {
    dir: tempfile::TempDir,
    env: BTreeMap<OsString, OsString>,
    path: Vec<PathBuf>,
}

impl Machine {
    fn new() -> Self {
        let mut machine = Self {
            dir: tempfile::tempdir().unwrap(),
            env: BTreeMap::new(),
            path: Vec::new(),
        };
        std::fs::create_dir_all(machine.at("home/ann")).unwrap();
        let home = machine.at("home/ann").into_os_string();
        machine.env.insert("HOME".into(), home);
        machine
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(path)
    }

    fn repository(&self) -> PathBuf {
        self.at("home/ann/code")
    }

    fn file(&self, path: &str, content: &str) -> PathBuf {
        let path = self.at(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    fn program(&self, path: &str, content: &str) -> PathBuf {
        let path = self.file(path, content);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn link(&self, path: &str, to: &Path) -> PathBuf {
        let path = self.at(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(to, &path).unwrap();
        path
    }

    fn on_path(&mut self, dir: &str) {
        self.path.push(self.at(dir));
    }

    fn operator(&self) -> Operator {
        let mut env = self.env.clone();
        let system = ["/usr/bin", "/bin"].map(PathBuf::from);
        let path = std::env::join_paths(self.path.iter().chain(&system)).unwrap();
        env.insert("PATH".into(), path);
        Operator::from_env(env)
    }

    /// A pyenv with this global version; each installed one answers like Python does.
    fn pyenv(&mut self, versions: &[&str], global: &str) {
        for version in versions {
            let root = format!("home/ann/.pyenv/versions/{version}");
            let answer = python_answer(version, &self.at(&root));
            let python = self.program(&format!("{root}/bin/python3"), &answer);
            self.link(&format!("{root}/bin/python"), &python);
            let record = format!("{root}/lib/site-packages/six-1.0.dist-info/RECORD");
            self.file(&record, "six.py,sha256=1,1\n");
        }
        let manager = format!(
            "#!/bin/sh\n[ \"$PWD\" = / ] || exit 9\n\
             echo \"${{0%/bin/pyenv}}/versions/${{PYENV_VERSION:-{global}}}/bin/$2\"\n"
        );
        self.program("home/ann/.pyenv/bin/pyenv", &manager);
        for word in ["python", "python3", "pytest"] {
            let shim = "#!/bin/sh\n# pyenv\nexit 7\n";
            self.program(&format!("home/ann/.pyenv/shims/{word}"), shim);
        }
        self.on_path("home/ann/.pyenv/shims");
    }
}

fn python_answer(version: &str, prefix: &Path) -> String {
    let prefix = prefix.display();
    format!(
        "#!/bin/sh\ncat <<'EOF'\n{{\"version\": \"{version}\", \"base_prefix\": \"{prefix}\", \
         \"base_exec_prefix\": \"{prefix}\", \"stdlib\": \"{prefix}/lib\", \
         \"sites\": [\"{prefix}/lib/site-packages\"], \"system_path\": [], \
         \"user_base\": \"/nowhere\", \"user_site\": \"/nowhere\"}}\nEOF\n"
    )
}

fn pins(files: &[(&str, &str)]) -> Pins {
    Pins::read(|file| {
        let found = files.iter().find(|(name, _)| *name == file);
        found.map(|(_, text)| (*text).to_owned())
    })
}

fn here() -> Operator {
    Operator::from_env(std::env::vars_os())
}

fn find(name: Name, operator: &Operator) -> Toolchain {
    discover(name, operator, &Pins::default()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_pyenv_shim_gives_the_interpreter_behind_it_and_the_pin_selects_an_installed_one() {
    let mut machine = Machine::new();
    machine.pyenv(&["3.11.7", "3.12.1", "3.12.10"], "3.11.7");
    for (pin, version) in [("", "3.11.7"), ("3.12", "3.12.10"), ("3.12.1\n", "3.12.1")] {
        let pins = pins(&[(".python-version", pin)]);
        let found = discover(Name::Python, &machine.operator(), &pins).unwrap();
        let prefix = machine.at(&format!("home/ann/.pyenv/versions/{version}"));
        assert_eq!(found.version, version);
        assert_eq!(found.program, prefix.join("bin/python3"));
        assert_eq!(found.read, std::slice::from_ref(&prefix));
        assert_eq!(found.path, [prefix.join("bin")]);
    }
}

#[test]
fn a_pin_for_what_is_not_installed_says_what_is() {
    let mut machine = Machine::new();
    machine.pyenv(&["3.11.7"], "3.11.7");
    for pin in ["3.99", "../../../../tmp/evil", "pypy3.10", "-c"] {
        let pins = pins(&[(".python-version", pin)]);
        match discover(Name::Python, &machine.operator(), &pins) {
            Err(ToolchainError::Mismatch {
                pin_file,
                wanted,
                installed,
                ..
            }) => {
                assert_eq!(
                    (pin_file.as_str(), wanted.as_str()),
                    (".python-version", pin)
                );
                assert!(installed.contains(&"3.11.7".to_owned()), "{installed:?}");
            }
            other => panic!("{pin}: {other:?}"),
        }
    }
}

#[test]
fn this_machines_python_is_real_and_both_names_are_on_path() {
    let found = find(Name::Python, &here());
    assert!(found.version.starts_with("3."), "{}", found.version);
    for word in ["python", "python3"] {
        let linked = found
            .links
            .iter()
            .any(|link| link.path == Path::new(BIN).join(word));
        assert!(
            linked || found.path.iter().any(|dir| dir.join(word).is_file()),
            "{word}"
        );
    }
    let head = std::fs::read(&found.program).unwrap();
    assert!(
        head.starts_with(b"\x7fELF"),
        "{} is no binary",
        found.program.display()
    );
    assert!(found.read.iter().all(|path| !is_system(path)));
}

#[test]
fn the_systems_python_needs_links_and_no_mount() {
    let operator = Operator::from_env([("PATH".into(), "/usr/bin".into())]);
    let found = find(Name::Python, &operator);
    assert_eq!(found.program, Path::new("/usr/bin/python3"));
    assert_eq!(found.read, Vec::<PathBuf>::new());
    assert_eq!(found.path, [PathBuf::from(BIN)]);
    assert_eq!(found.links.len(), 2);
}

#[test]
fn a_virtual_environment_brings_its_base_and_stays_the_program() {
    let mut machine = Machine::new();
    let base = find(Name::Python, &here());
    let made = std::process::Command::new(&base.program)
        .args(["-m", "venv", "--without-pip"])
        .arg(machine.at("home/ann/venv"))
        .status();
    assert!(made.unwrap().success());
    machine.on_path("home/ann/venv/bin");
    let operator = machine.operator();
    let found = find(Name::Python, &operator);
    let bin = machine.at("home/ann/venv/bin");
    assert_eq!(found.program, bin.join("python3"));
    assert_eq!(found.path, std::slice::from_ref(&bin));
    assert!(found.read.contains(&machine.at("home/ann/venv")));
    for path in base
        .read
        .iter()
        .filter(|path| path.ends_with(&base.version))
    {
        assert!(
            found.read.contains(path),
            "{path:?} not in {:?}",
            found.read
        );
    }
    assert!(
        !operator
            .outside(&machine.at("home/ann"))
            .path
            .contains(&bin)
    );
}

#[test]
fn a_digest_repeats_and_changes_with_the_interpreter_and_each_distribution() {
    let mut machine = Machine::new();
    machine.pyenv(&["3.11.7"], "3.11.7");
    let digest = || find(Name::Python, &machine.operator()).sha256;
    let first = digest();
    assert_eq!(digest(), first);
    let site = "home/ann/.pyenv/versions/3.11.7/lib/site-packages";
    machine.file(
        &format!("{site}/six-1.0.dist-info/RECORD"),
        "six.py,sha256=2,1\n",
    );
    let changed = digest();
    assert_ne!(changed, first);
    machine.file(
        &format!("{site}/extra-2.dist-info/METADATA"),
        "Name: extra\n",
    );
    let added = digest();
    assert_ne!(added, changed);
    let prefix = machine.at("home/ann/.pyenv/versions/3.11.7");
    let other = python_answer("3.11.7", &prefix) + "# rebuilt\n";
    machine.program("home/ann/.pyenv/versions/3.11.7/bin/python3", &other);
    assert_ne!(digest(), added);
}

#[test]
fn this_machines_cargo_is_no_proxy_and_its_downloads_are_copy_on_write() {
    let operator = here();
    let found = find(Name::Rust, &operator);
    assert!(
        !std::fs::canonicalize(&found.program)
            .unwrap()
            .ends_with("rustup")
    );
    assert_eq!(
        found.env.get("CARGO_NET_OFFLINE").map(String::as_str),
        Some("true")
    );
    assert!(
        found
            .caches
            .iter()
            .all(|cache| cache.target.starts_with(HOME))
    );
    assert!(
        found
            .caches
            .iter()
            .any(|cache| cache.host.ends_with("registry"))
    );
    assert_eq!(find(Name::Rust, &operator), found);
}

#[test]
fn a_rust_pin_selects_an_installed_toolchain_or_says_what_is_installed() {
    let operator = here();
    let version = find(Name::Rust, &operator).version;
    let same = discover(
        Name::Rust,
        &operator,
        &pins(&[("rust-toolchain", "stable")]),
    );
    assert_eq!(same.unwrap().version, version);
    for channel in ["1.2.3", "../evil"] {
        let file = format!("[toolchain]\nchannel = \"{channel}\"\n");
        let error = discover(
            Name::Rust,
            &operator,
            &pins(&[("rust-toolchain.toml", &file)]),
        );
        assert!(
            matches!(error, Err(ToolchainError::Mismatch { .. })),
            "{channel}: {error:?}"
        );
    }
}

#[test]
fn cargo_configuration_arrives_without_tokens() {
    let mut operator = here();
    let rust = find(Name::Rust, &operator);
    let machine = Machine::new();
    let config = "[registries.ours]\nindex = \"https://o.test\"\ntoken = \"hunter2\"\n";
    machine.file("home/ann/.cargo/config.toml", config);
    // The real programs, past rustup, which would look for its own home.
    operator.path.splice(0..0, rust.path);
    let home = machine.at("home/ann/.cargo").into_os_string();
    operator.env.insert("CARGO_HOME".into(), home);
    let found = find(Name::Rust, &operator);
    let files = found.files.iter();
    let text: String = files
        .map(|file| String::from_utf8_lossy(&file.content))
        .collect();
    assert!(
        text.contains("https://o.test") && !text.contains("hunter2"),
        "{text}"
    );
    assert_eq!(found.caches, []);
}

#[test]
fn this_machines_node_answers_and_npm_is_found_beside_it() {
    let found = find(Name::Node, &here());
    assert_eq!(found.version.split('.').count(), 3, "{}", found.version);
    let clean = |content: &[u8]| !String::from_utf8_lossy(content).contains("_auth");
    assert!(found.files.iter().all(|file| clean(&file.content)));
    let npm = resolve_tool("npm", &here(), &[found], Path::new("/nowhere/code"));
    assert!(npm.is_ok(), "{npm:?}");
}

#[test]
fn the_shims_of_mise_and_volta_are_resolved_by_their_managers() {
    for (manager, shim) in [("mise", "mise"), ("volta", "volta-shim")] {
        let mut machine = Machine::new();
        let node = machine.program("home/ann/store/bin/node", "#!/bin/sh\necho v20.2.0\n");
        let answer = format!(
            "#!/bin/sh\n[ \"$1 $2\" = 'which node' ] && echo {}\n",
            node.display()
        );
        machine.program(&format!("home/ann/manager/{manager}"), &answer);
        if shim != manager {
            machine.program(&format!("home/ann/manager/{shim}"), "#!/bin/sh\nexit 7\n");
        }
        let to = machine.at(&format!("home/ann/manager/{shim}"));
        machine.link("home/ann/shims/node", &to);
        machine.on_path("home/ann/shims");
        let found = find(Name::Node, &machine.operator());
        assert_eq!(found.program, node, "{manager}");
        assert_eq!(found.read, std::slice::from_ref(&node), "{manager}");
        assert_eq!(found.links.len(), 1, "{manager}");
    }
}

#[test]
fn an_interpreter_kept_by_uv_answers_a_pin_that_path_cannot() {
    let mut machine = Machine::new();
    let root = "home/ann/.local/share/uv/python/cpython-3.99.1-linux-x86_64-gnu";
    let answer = python_answer("3.99.1", &machine.at(root));
    machine.program(&format!("{root}/bin/python3"), &answer);
    machine.on_path("home/ann/bin");
    let pins = pins(&[(".python-version", "3.99")]);
    let found = discover(Name::Python, &machine.operator(), &pins).unwrap();
    assert_eq!(found.version, "3.99.1");
    assert_eq!(found.read, [machine.at(root)]);
}

#[test]
fn packages_of_the_user_stay_importable() {
    let machine = Machine::new();
    let python = find(
        Name::Python,
        &Operator::from_env([("PATH".into(), "/usr/bin".into())]),
    );
    let minor: Vec<&str> = python.version.split('.').take(2).collect();
    let site = format!(
        "home/ann/.local/lib/python{}/site-packages",
        minor.join(".")
    );
    let module = machine.file(&format!("{site}/six-1.0.dist-info/RECORD"), "");
    let found = find(Name::Python, &machine.operator());
    assert_eq!(found.read, [machine.at(&site)]);
    let base = machine.at("home/ann/.local");
    assert_eq!(
        found.env.get("PYTHONUSERBASE").map(PathBuf::from),
        Some(base)
    );
    assert!(module.exists() && found.sha256 != python.sha256);
}

#[test]
fn all_toolchains_at_once_are_those_found_one_by_one() {
    let names = [Name::Node, Name::Python, Name::Rust];
    let at_once = discover_all(&names, &here(), &Pins::default());
    let at_once: Vec<Toolchain> = at_once.into_iter().map(Result::unwrap).collect();
    assert_eq!(at_once, names.map(|name| find(name, &here())));
}

#[test]
fn a_memory_of_another_process_gives_the_same_toolchains() {
    let before = find(Name::Python, &here());
    let file = tempfile::NamedTempFile::new().unwrap();
    memory::save(file.path()).unwrap();
    memory::load(file.path());
    assert_eq!(find(Name::Python, &here()), before);
}

#[test]
fn files_that_may_hold_credentials_are_masked() {
    let mut machine = Machine::new();
    machine.pyenv(&["3.11.7"], "3.11.7");
    let config = machine.file("home/ann/.pyenv/versions/3.11.7/pip.conf", "[global]\n");
    assert_eq!(find(Name::Python, &machine.operator()).masked, [config]);
}

#[test]
fn nvm_versions_are_selected_by_the_pin() {
    let mut machine = Machine::new();
    for version in ["18.1.0", "20.2.0"] {
        let root = format!("home/ann/.nvm/versions/node/v{version}");
        let answer = format!("#!/bin/sh\necho v{version}\n");
        machine.program(&format!("{root}/bin/node"), &answer);
        machine.file(&format!("{root}/lib/node_modules/npm/package.json"), "{}");
        machine.file(&format!("{root}/include/node/node.h"), "");
    }
    machine.on_path("home/ann/.nvm/versions/node/v20.2.0/bin");
    for (pin, version) in [("v18", "18.1.0"), ("20", "20.2.0"), ("lts/*", "20.2.0")] {
        let pins = pins(&[(".nvmrc", pin)]);
        let found = discover(Name::Node, &machine.operator(), &pins).unwrap();
        assert_eq!(found.version, version);
        let root = format!("home/ann/.nvm/versions/node/v{version}");
        assert_eq!(found.read, [machine.at(&root)]);
    }
    let error = discover(Name::Node, &machine.operator(), &pins(&[(".nvmrc", "16")]));
    assert!(
        matches!(error, Err(ToolchainError::Mismatch { .. })),
        "{error:?}"
    );
}

#[test]
fn a_tool_of_pipx_brings_its_environment_and_its_interpreter() {
    let mut machine = Machine::new();
    machine.pyenv(&["3.11.7"], "3.11.7");
    let base = machine.at("home/ann/.pyenv/versions/3.11.7");
    let venv = "home/ann/.local/share/pipx/venvs/ruff";
    let config = format!("home = {}/bin\n", base.display());
    machine.file(&format!("{venv}/pyvenv.cfg"), &config);
    machine.link(&format!("{venv}/bin/python"), &base.join("bin/python3"));
    let script = format!("#!{}/bin/python\n", machine.at(venv).display());
    let real = machine.program(&format!("{venv}/bin/ruff"), &script);
    machine.link("home/ann/.local/bin/ruff", &real);
    machine.on_path("home/ann/.local/bin");
    let tool = resolve_tool("ruff", &machine.operator(), &[], &machine.repository()).unwrap();
    assert_eq!(tool.program, real);
    assert_eq!(tool.read, [machine.at(venv), base]);
    assert_eq!(
        tool.link.as_ref().unwrap().path,
        Path::new(BIN).join("ruff")
    );
    assert_eq!(search_path(&[], &[tool]).first().unwrap(), Path::new(BIN));
}

#[test]
fn a_single_binary_is_granted_alone_and_a_cargo_subcommand_is_found() {
    let mut machine = Machine::new();
    let nextest = machine.program("home/ann/.cargo/bin/cargo-nextest", "\x7fELF");
    machine.on_path("home/ann/.cargo/bin");
    let rust = find(Name::Rust, &here());
    let run = ["cargo", "nextest", "run"].map(String::from);
    let tools = resolve_command(&run, &machine.operator(), &[rust], &machine.repository());
    let tools = tools.unwrap();
    assert_eq!(tools.len(), 2);
    assert_eq!(tools.last().unwrap().read, [nextest]);
}

#[test]
fn a_shim_of_a_tool_leads_to_the_file_of_the_toolchains_own_version() {
    let mut machine = Machine::new();
    machine.pyenv(&["3.11.7"], "3.11.7");
    let pytest = "home/ann/.pyenv/versions/3.11.7/bin/pytest";
    let pytest = machine.program(pytest, "#!/bin/sh\n");
    let operator = machine.operator();
    let python = find(Name::Python, &operator);
    let tool = resolve_tool("pytest", &operator, &[python], &machine.repository()).unwrap();
    assert_eq!((tool.program, tool.read), (pytest, vec![]));
}

#[test]
fn what_is_missing_or_inside_the_repository_is_refused_with_a_reason() {
    let mut machine = Machine::new();
    let inside = machine.program("home/ann/code/bin/mine", "#!/bin/sh\n");
    let outside = machine.link("home/ann/elsewhere/linked", &inside);
    machine.on_path("home/ann/code/bin");
    machine.on_path("home/ann/elsewhere");
    for (word, hint) in [
        ("mine", "inside the repository"),
        ("linked", "inside the repository"),
        (outside.to_str().unwrap(), "inside the repository"),
        (inside.to_str().unwrap(), "inside the repository"),
        ("no-such-program", "install it"),
        ("/no/such/program", "no such executable"),
        ("python", "toolchain \"python\""),
    ] {
        let error = resolve_tool(word, &machine.operator(), &[], &machine.repository());
        let error = error.unwrap_err();
        assert!(error.hint.contains(hint), "{word}: {error}");
        let looked = error.looked_in.contains(&machine.at("home/ann/elsewhere"));
        assert!(looked, "{error}");
    }
    for inside in ["./x/test", "/sandbox/env/venv/bin/python"] {
        let tool = resolve_tool(inside, &machine.operator(), &[], &machine.repository());
        assert_eq!(tool.unwrap().program, Path::new(inside));
    }
}

#[test]
fn no_toolchain_of_this_machine_shows_the_home_directory() {
    let operator = here();
    let home = operator.home.clone().unwrap_or_else(|| "/nowhere".into());
    for name in [Name::Python, Name::Rust, Name::Node, Name::Cc] {
        let found = find(name, &operator);
        assert_eq!(found.sha256.len(), 64);
        for grant in &found.read {
            assert!(!home.starts_with(grant), "{name}: {}", grant.display());
            assert!(
                !covers(grant, &home.join("code")),
                "{name}: {}",
                grant.display()
            );
        }
    }
}

#[test]
fn relative_path_entries_are_never_searched() {
    let operator = Operator::from_env([("PATH".into(), ":.:bin:/usr/bin".into())]);
    assert_eq!(operator.path, [PathBuf::from("/usr/bin")]);
}
