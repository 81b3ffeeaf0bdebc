//! The guides of `plugin new`, as somebody follows them: each language's project is written, the commands of its README are run
//! one by one, and the check that they give is asked about a change that breaks its rule and about one that does not.
//!
//! Not part of the ordinary tests, because it needs compilers for WebAssembly: `make test-guides` installs them. Where rustup
//! cannot add the target, PASSMUSTER_GUEST_RUSTC names a compiler that has its library's sources, from which it is built.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program for the terminal that is test code: an error ends it with its place and cause"
)]

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

use passmuster_tests::{TestEnv, test_env};

const TARGET: &str = "wasm32-unknown-unknown";
/// What the templates' check looks for.
const WORD: &str = "NOCOMMIT";
/// What the guides call the reader's repository.
const THEIRS: &str = "../some-repository";

fn main() {
    println!(
        "| language | built in | component | a change that breaks the rule | one that does not |"
    );
    println!("|---|---|---|---|---|");
    for (language, variables) in [("rust", rust()), ("c", Vec::new())] {
        let followed = Guide::new(language, variables).follow();
        println!("| {language} | {followed}");
    }
}

/// One guide and a place to follow it in.
struct Guide {
    env: TestEnv,
    project: PathBuf,
    language: &'static str,
    variables: Vec<(&'static str, OsString)>,
}

impl Guide {
    fn new(language: &'static str, variables: Vec<(&'static str, OsString)>) -> Self {
        let env = TestEnv::new();
        let project = env.work().join("no-word");
        Self {
            env,
            project,
            language,
            variables,
        }
    }

    fn follow(&self) -> String {
        let made = self
            .env
            .passmuster(["plugin", "new", "no-word", "--lang", self.language])
            .cwd(&self.env.work())
            .run();
        made.assert_code(0);
        let readme = fs::read_to_string(self.project.join("README.md")).unwrap();
        let (build, use_it): (Vec<_>, Vec<_>) =
            commands(&readme).partition(|command| !command.starts_with("passmuster "));
        let start = Instant::now();
        assert!(!build.is_empty(), "the guide builds nothing");
        for command in build {
            succeeds(&command, &self.run(&command));
        }
        let built = start.elapsed().as_secs_f64();
        let [inspect, run] = use_it.as_slice() else {
            panic!("the guide inspects the check and runs it: {use_it:?}");
        };
        let card = succeeds(inspect, &self.run(inspect));
        assert!(card.contains("no-word 0.1.0"), "{card}");
        assert!(card.contains("grants = [\"trees\"]"), "{card}");
        let size = card.lines().find(|line| line.starts_with("size")).unwrap();
        let repo = self.env.empty_repo();
        repo.write("a.txt", format!("{WORD} before\n"));
        repo.commit("A base");
        let run = run.replace(THEIRS, repo.root().to_str().unwrap());
        let asked = |line: &str, expected: i32| {
            repo.write("a.txt", format!("{WORD} before\n{line}\n"));
            let output = self.run(&run);
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(output.status.code(), Some(expected), "{output:?}");
            said.lines().next().unwrap_or_default().to_owned()
        };
        let broken = asked(&format!("{WORD} soon"), 1);
        let kept = asked("nothing to mend", 0);
        let size = size.trim_start_matches("size").trim();
        format!("{built:.0} s | {size} | {broken} | {kept} |")
    }

    /// The guide's reader has the program and the tools on the path, and a directory of the project.
    fn run(&self, command: &str) -> Output {
        let program = self.env.work().join("bin");
        fs::create_dir_all(&program).unwrap();
        let link = program.join("passmuster");
        if !link.exists() {
            std::os::unix::fs::symlink(self.env.binary(), &link).unwrap();
        }
        let tools = test_env("guides").join("bin");
        let own = self.variables.iter().filter(|(name, _)| *name == "PATH");
        let mut places = vec![program, tools];
        places.extend(own.map(|(_, place)| PathBuf::from(place)));
        places.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
        let others = self.variables.iter().filter(|(name, _)| *name != "PATH");
        Command::new("sh")
            .args(["-c", command])
            .current_dir(&self.project)
            .envs(others.map(|(name, value)| (name, value)))
            .env("PATH", env::join_paths(places).unwrap())
            .env("PASSMUSTER_CACHE", self.env.work().join("cache"))
            // The target of this build is none of the reader's.
            .env_remove("CARGO_TARGET_DIR")
            .output()
            .unwrap()
    }
}

/// The lines that a reader types.
fn commands(readme: &str) -> impl Iterator<Item = String> {
    let blocks = readme.split("```console\n").skip(1);
    let typed = blocks.filter_map(|block| block.split("```").next());
    typed.flat_map(str::lines).map(|line| {
        line.strip_prefix("$ ")
            .unwrap_or_else(|| panic!("no command: {line}"))
            .to_owned()
    })
}

fn succeeds(command: &str, output: &Output) -> String {
    assert!(output.status.success(), "{command}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What cargo needs to build for WebAssembly here: nothing where rustup's target is installed.
fn rust() -> Vec<(&'static str, OsString)> {
    let library = printed("rustc", &["--print", "target-libdir", "--target", TARGET]);
    if Path::new(&library).is_dir() {
        return Vec::new();
    }
    let compiler = env::var("PASSMUSTER_GUEST_RUSTC").unwrap_or_else(|_| "/usr/bin/rustc".into());
    let sources = PathBuf::from(printed(&compiler, &["--print", "sysroot"]));
    let sources = sources.join("lib/rustlib/src/rust/library/Cargo.toml");
    assert!(
        sources.is_file(),
        "neither {TARGET} nor a compiler with its library's sources: see `make test-guides`"
    );
    // The linker that makes components comes with rustup's toolchains only.
    let host = printed("rustc", &["--print", "target-libdir"]);
    let linker = Path::new(&host).with_file_name("bin");
    let pairs = [
        ("RUSTC", compiler.into()),
        ("RUSTC_BOOTSTRAP", "1".into()),
        ("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort".into()),
        ("PATH", linker.into_os_string()),
    ];
    pairs.into()
}

fn printed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    succeeds(program, &output).trim().to_owned()
}
