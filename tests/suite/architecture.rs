//! The arrows between the packages, and what each of them keeps out of.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use passmuster_tests::{tool, workspace};
use serde_json::Value;

/// Longer than that, a file holds more than one idea.
const FILE_LINES: usize = 600;

/// Direct dependencies of each package of the workspace, those for its tests left out.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(workspace());
    let metadata: Value = serde_json::from_str(&tool(&mut cargo)).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_string();
    packages
        .iter()
        .map(|package| {
            let all = package["dependencies"].as_array().unwrap();
            let real = all.iter().filter(|dependency| dependency["kind"] != "dev");
            (name(package), real.map(name).collect())
        })
        .collect()
}

/// Rust sources below a folder of the workspace; what is built or verified is none of ours.
fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![workspace().join(folder)];
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(path).unwrap().map(|entry| entry.unwrap()) {
            let path = entry.path();
            let name = entry.file_name().into_string().unwrap();
            if path.is_dir() && !["target", "testdata", "examples", ".git"].contains(&name.as_str())
            {
                open.push(path);
            } else if name.ends_with(".rs") {
                found.push(path);
            }
        }
    }
    found
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// The code without its tests and without comments.
fn product_code(path: &Path) -> String {
    let all = text(path);
    let product = all.split("\n#[cfg(test)]").next().unwrap_or_default();
    let code = product
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    code.collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn assert_free_of(folder: &str, words: &[&str]) {
    let mut found = Vec::new();
    for path in sources(folder) {
        let code = product_code(&path);
        found.extend(
            words
                .iter()
                .filter(|word| code.contains(**word))
                .map(|word| format!("{}: {word}", path.display())),
        );
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_runner_alone_knows_the_other_packages() {
    let all = dependencies();
    let ours: BTreeSet<String> = all.keys().cloned().collect();
    let arrows = |package: &str| -> Vec<&String> {
        all.get(package)
            .into_iter()
            .flatten()
            .filter(|name| ours.contains(*name))
            .collect()
    };
    for alone in ["passmuster-policy", "passmuster-process", "passmuster-wasm"] {
        assert!(
            arrows(alone).is_empty(),
            "{alone} depends on {:?}",
            arrows(alone)
        );
    }
    let expected = ["passmuster-policy", "passmuster-process", "passmuster-wasm"];
    assert!(
        arrows("passmuster")
            .iter()
            .all(|name| expected.contains(&name.as_str()))
    );
    assert!(
        arrows("passmuster")
            .iter()
            .any(|name| *name == "passmuster-policy")
    );
    assert_eq!(
        arrows("passmuster-tests"),
        ["passmuster"],
        "for its binary alone"
    );
}

#[test]
fn the_tests_use_nothing_of_the_runner_but_its_entry() {
    let uses: Vec<String> = sources("tests")
        .iter()
        .filter(|path| product_code(path).contains(concat!("passmuster", "::")))
        .map(|path| {
            path.strip_prefix(workspace())
                .unwrap()
                .display()
                .to_string()
        })
        .collect();
    assert_eq!(uses, ["tests/bin/passmuster.rs"]);
}

#[test]
fn policies_do_no_input_or_output() {
    let all = dependencies();
    for forbidden in [
        "cap-std", "clap", "libc", "nix", "rusqlite", "tempfile", "tokio", "wasmtime",
    ] {
        assert!(!all["passmuster-policy"].contains(forbidden), "{forbidden}");
    }
    assert_free_of(
        "policies/src",
        &[
            "std::fs",
            "std::net",
            "std::process",
            "std::env",
            "std::time::Instant",
            "SystemTime",
            "println!",
        ],
    );
}

#[test]
fn the_process_sandbox_knows_no_policy_and_no_command_line() {
    let all = dependencies();
    for forbidden in ["clap", "globset", "rusqlite", "toml", "wasmtime"] {
        assert!(
            !all["passmuster-process"].contains(forbidden),
            "{forbidden}"
        );
    }
    assert_free_of("sandboxes", &["passmuster.toml", "Verdict", "verdict"]);
}

#[test]
fn unsafe_stands_in_one_file() {
    let allowed = workspace().join("sandboxes/process/src/sys.rs");
    let words = [
        "unsafe {",
        "unsafe fn",
        "unsafe impl",
        "unsafe extern",
        "allow(unsafe_code",
    ];
    for path in sources("") {
        let code = text(&path);
        let is_here = path.ends_with("tests/suite/architecture.rs");
        let found: Vec<&&str> = words.iter().filter(|word| has_word(&code, word)).collect();
        // The module's declaration carries the permission; the code stands in the file.
        let declares = found == [&"allow(unsafe_code"] && code.contains("mod sys;");
        assert!(
            found.is_empty() || path == allowed || is_here || declares,
            "{}: {found:?}",
            path.display()
        );
    }
}

/// Whether the code has these words, not as the end of a longer one: `patch-unsafe` is a reason code.
fn has_word(code: &str, words: &str) -> bool {
    let ends_longer_word = |before: &str| {
        before.ends_with(|one: char| one.is_alphanumeric() || one == '_' || one == '-')
    };
    code.match_indices(words)
        .any(|(at, _)| !ends_longer_word(&code[..at]))
}

#[test]
fn every_unsafe_block_is_argued() {
    let path = workspace().join("sandboxes/process/src/sys.rs");
    if !path.exists() {
        panic!("{} holds the system calls", path.display());
    }
    let code = text(&path);
    let blocks = code.matches("unsafe {").count();
    assert!(code.matches("SAFETY:").count() >= blocks, "{blocks} blocks");
}

#[test]
fn every_module_opens_with_its_purpose_and_holds_one_idea() {
    for path in sources("") {
        let code = text(&path);
        let first = code
            .lines()
            .find(|line| !line.is_empty() && !line.starts_with("#!"))
            .unwrap_or_default();
        assert!(
            first.starts_with("//!"),
            "{} opens with {first:?}",
            path.display()
        );
        let lines = code.lines().count();
        assert!(lines <= FILE_LINES, "{} has {lines} lines", path.display());
    }
}

#[test]
fn nothing_unfinished_is_left() {
    for path in sources("")
        .iter()
        .filter(|path| !path.ends_with("tests/suite/architecture.rs"))
    {
        let code = text(path);
        for word in ["todo!(", "unimplemented!(", "TODO", "FIXME", "XXX"] {
            assert!(!code.contains(word), "{}: {word}", path.display());
        }
    }
}
