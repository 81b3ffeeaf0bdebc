//! The documents are true: the files, commands, options and codes that they name are there.

use std::collections::BTreeSet;
use std::fs;

use passmuster_tests::{TestEnv, workspace};

const DOCUMENTS: [&str; 8] = [
    "README.md",
    "ARCHITECTURE.md",
    "SECURITY.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "examples/README.md",
    "examples/proposals/README.md",
    "examples/integrations/README.md",
];

fn read(document: &str) -> String {
    let path = workspace().join(document);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{document}: {error}"))
}

/// Texts between backticks in the prose, code blocks left out.
fn code_spans(text: &str) -> Vec<String> {
    let prose: String = text.split("```").step_by(2).collect();
    prose
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_string)
        .collect()
}

/// Targets of links that lead to files.
fn links(text: &str) -> Vec<String> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.split('#').next().unwrap_or_default().to_string())
        .filter(|target| !target.is_empty() && !target.contains("://"))
        .collect()
}

/// True for a span that can only mean a file or folder of this repository.
fn names_a_file(span: &str) -> bool {
    const FOLDERS: [&str; 5] = ["policies/", "sandboxes/", "runner/", "tests/", "examples/"];
    let is_plain = span
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    is_plain && FOLDERS.iter().any(|folder| span.starts_with(folder))
}

#[test]
fn every_link_leads_somewhere() {
    for document in DOCUMENTS {
        let folder = workspace().join(document).parent().unwrap().to_path_buf();
        for target in links(&read(document)) {
            assert!(
                folder.join(&target).exists(),
                "{document} links to {target}"
            );
        }
    }
}

#[test]
fn every_file_that_is_named_exists() {
    for document in DOCUMENTS {
        for span in code_spans(&read(document))
            .iter()
            .filter(|span| names_a_file(span))
        {
            assert!(workspace().join(span).exists(), "{document} names {span}");
        }
    }
}

/// A test's name: words joined as Rust does, too many to be anything else.
fn names_a_test(span: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    span.chars().all(is_word) && span.matches('_').count() >= 3
}

/// Files and the tests that a document says are in them: a test belongs to the Rust file named last before it.
#[test]
fn every_test_that_is_named_is_in_the_file_that_is_named_with_it() {
    let mut tests = 0;
    for document in DOCUMENTS {
        let mut file = String::new();
        for span in code_spans(&read(document)) {
            if names_a_file(&span) && span.ends_with(".rs") {
                file = span;
            } else if names_a_test(&span) {
                let text = fs::read_to_string(workspace().join(&file)).unwrap_or_default();
                let is_there = text.contains(&format!("fn {span}("));
                assert!(is_there, "{document}: {file} has no test {span}");
                tests += 1;
            }
        }
    }
    assert!(tests > 60, "the documents name tests: {tests}");
}

/// Lines on which the program is called, in prose and in code blocks.
fn command_lines(text: &str) -> Vec<Vec<String>> {
    let in_blocks = text
        .split("```")
        .skip(1)
        .step_by(2)
        .flat_map(str::lines)
        .map(str::to_string);
    let words = |line: String| -> Option<Vec<String>> {
        let words: Vec<String> = line.split_whitespace().map(str::to_string).collect();
        let start = words
            .iter()
            .position(|word| word == "passmuster" || word.ends_with("/passmuster"))?;
        let is_call = words[..start]
            .iter()
            .all(|word| word == "$" || word.contains('='));
        is_call.then(|| words[start + 1..].to_vec())
    };
    in_blocks
        .chain(code_spans(text))
        .filter_map(words)
        .collect()
}

#[test]
fn every_command_and_option_that_is_shown_exists() {
    let env = TestEnv::new();
    let mut seen = BTreeSet::new();
    for document in DOCUMENTS {
        for words in command_lines(&read(document)) {
            let is_word = |word: &&String| word.chars().all(|c| c.is_ascii_lowercase());
            let Some(command) = words.first().filter(is_word) else {
                continue;
            };
            // Some commands have commands of their own.
            let inner = words.get(1).filter(is_word);
            let inner = inner.filter(|_| ["plugin", "policy", "cache"].contains(&command.as_str()));
            let call: Vec<&String> = [Some(command), inner].into_iter().flatten().collect();
            let help = env.passmuster(call).args(["--help"]).run();
            assert_eq!(
                help.code(),
                Some(0),
                "{document}: {words:?}\n{}",
                help.all()
            );
            // What follows a lone `--` belongs to another program.
            for word in words.iter().take_while(|word| *word != "--") {
                let option = word
                    .trim_matches(['[', ']'])
                    .split('=')
                    .next()
                    .unwrap_or_default();
                if option.starts_with("--") {
                    assert!(
                        help.out().contains(option),
                        "{document}: {command} {option}"
                    );
                    seen.insert(option.to_string());
                }
            }
        }
    }
    assert!(!seen.is_empty(), "the documents show options");
}

#[test]
fn the_first_commands_of_the_readme_are_the_ones_that_are_tested() {
    let readme = read("README.md");
    let block = readme
        .split("```")
        .nth(1)
        .expect("the README shows a command");
    assert!(block.contains("demo"), "first the demo: {block}");
    assert!(readme.contains("make test"));
    assert!(
        fs::read_to_string(workspace().join(".ci/run"))
            .unwrap()
            .contains("make test")
    );
    let makefile = fs::read_to_string(workspace().join("Makefile")).unwrap();
    for target in ["test", "demo", "check", "test-real", "clean"] {
        assert!(makefile.contains(&format!("\n{target}:")), "make {target}");
    }
}

#[test]
fn the_architecture_names_every_package() {
    let architecture = read("ARCHITECTURE.md");
    for folder in [
        "policies",
        "sandboxes/process",
        "sandboxes/wasm",
        "runner",
        "tests",
        "examples",
    ] {
        assert!(architecture.contains(folder), "{folder}");
    }
}

#[test]
fn no_document_or_source_names_this_machine() {
    let place = concat!("/wo", "rk/");
    let listing = passmuster_tests::tool(
        std::process::Command::new("git")
            .arg("ls-files")
            .current_dir(workspace()),
    );
    for file in listing.lines() {
        let bytes = fs::read(workspace().join(file)).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&bytes).contains(place), "{file}");
    }
}
