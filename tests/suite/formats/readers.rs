//! The readers of each format: schemas that others publish and programs that others wrote, or, where there is neither, what
//! the reader's documentation demands, in our words.

use std::fs;
use std::path::Path;
use std::process::Command;

use passmuster_tests::{TestEnv, test_env, testdata, tool};
use serde_json::Value;

/// Every form of a verdict.
pub(super) const FORMATS: [&str; 10] = [
    "human", "json", "agent", "sarif", "junit", "ctrf", "markdown", "github", "gitlab", "rdjson",
];

/// Whether a reader of this format lets the change through; panics where the text is none of the format.
pub(super) fn is_green(env: &TestEnv, format: &str, text: &str) -> bool {
    match format {
        "human" => text.starts_with("PASS"),
        "agent" => text.starts_with("pass: "),
        "json" => json(text)["verdict"] == "pass",
        "sarif" => sarif(text),
        "junit" => junit(env, text)["red"] == 0,
        "ctrf" => ctrf(text),
        "markdown" => markdown(env, text).contains("<h2>✅ passmuster: pass</h2>"),
        "github" => github(text).iter().all(|one| one.kind == "notice"),
        "gitlab" => gitlab(text).iter().all(|one| one["severity"] == "info"),
        "rdjson" => rdjson(env, text)["severity"] == "INFO",
        other => panic!("{other} is read here"),
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A document that this schema of a package from npm allows.
fn by_schema(text: &str, schema: &str) -> Value {
    let document = json(text);
    let file = test_env("node").join("node_modules").join(schema);
    let schema = fs::read(&file)
        .unwrap_or_else(|error| panic!("{}: {error}; `make test-env` installs it", file.display()));
    // One pattern of the published SARIF schema, for a language, has a bracket too many, which only JavaScript forgives.
    let schema = String::from_utf8(schema).unwrap().replace("{2}]?$", "{2}$");
    let validator = jsonschema::draft7::options()
        .should_validate_formats(true)
        .build(&serde_json::from_str(&schema).unwrap())
        .unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\n{text}");
    document
}

/// SARIF 2.1.0, and what GitHub's code scanning asks for beyond it.
fn sarif(text: &str) -> bool {
    let document = by_schema(
        text,
        "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json",
    );
    let run = &document["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let category = run["automationDetails"]["id"].as_str().unwrap();
    assert!(category.starts_with("passmuster/"), "{category}");
    let results = run["results"].as_array().unwrap();
    for result in results {
        let index = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(rules[index]["id"], result["ruleId"], "{result:#}");
        let print = &result["partialFingerprints"]["primaryLocationLineHash"];
        assert!(print.is_string(), "{result:#}");
        let file = &result["locations"][0]["physicalLocation"]["artifactLocation"];
        assert_eq!(file["uriBaseId"], "%SRCROOT%", "{result:#}");
        let uri = file["uri"].as_str().unwrap();
        let is_plain = |one: char| one.is_ascii_alphanumeric() || "%/-._~".contains(one);
        assert!(uri.chars().all(is_plain) && !uri.starts_with('/'), "{uri}");
    }
    let quiet = |result: &Value| result["level"] == "note";
    let done = run["invocations"][0]["executionSuccessful"] == true;
    done && results.iter().all(quiet)
}

fn ctrf(text: &str) -> bool {
    let document = by_schema(text, "ctrf/dist/ctrf-schema-0.0.json");
    let summary = &document["results"]["summary"];
    let count = |name: &str| summary[name].as_u64().unwrap();
    let states = ["passed", "failed", "skipped", "pending", "other"];
    assert_eq!(
        states.iter().map(|name| count(name)).sum::<u64>(),
        count("tests")
    );
    count("failed") == 0
}

fn written(env: &TestEnv, name: &str, text: &str) -> std::path::PathBuf {
    let file = env.work().join(name);
    fs::write(&file, text).unwrap();
    file
}

/// Reviewdog's schema, through the package that publishes a validator of it.
fn rdjson(env: &TestEnv, text: &str) -> Value {
    let program = "node_modules/@umbrelladocs/rdformat-validator/bin/rdformat-validator.js";
    let file = written(env, "report.rdjson", text);
    tool(
        Command::new("node")
            .arg(test_env("node").join(program))
            .args(["--strict", "--no-extra-fields"])
            .arg(file),
    );
    let document = json(text);
    for one in document["diagnostics"].as_array().unwrap() {
        assert!(!one["location"]["path"].as_str().unwrap().is_empty());
    }
    document
}

/// `red` and `cases`, of a report that Jenkins' published schema knows.
pub(super) fn junit(env: &TestEnv, text: &str) -> Value {
    let file = written(env, "report.xml", text);
    let said = tool(
        Command::new(test_env("clients").join("bin/python"))
            .arg(testdata("formats/junit10.py"))
            .arg(test_env("clients").join("junit-10.xsd"))
            .arg(file),
    );
    json(&said)
}

/// What GitLab reads: its own schema asks for description, fingerprint, severity and location; its documentation for path
/// and line, a name of the check, five severities, and fingerprints that differ.
fn gitlab(text: &str) -> Vec<Value> {
    let entries = json(text).as_array().unwrap().clone();
    let known = ["info", "minor", "major", "critical", "blocker"];
    let mut prints = Vec::new();
    for entry in &entries {
        for key in ["description", "check_name", "fingerprint", "severity"] {
            assert!(
                entry[key].as_str().is_some_and(|text| !text.is_empty()),
                "{entry:#}"
            );
        }
        assert!(
            known.contains(&entry["severity"].as_str().unwrap()),
            "{entry:#}"
        );
        assert!(entry["location"]["path"].is_string(), "{entry:#}");
        assert!(
            entry["location"]["lines"]["begin"]
                .as_u64()
                .is_some_and(|line| line > 0),
            "{entry:#}"
        );
        prints.push(entry["fingerprint"].to_string());
    }
    prints.sort();
    prints.dedup();
    assert_eq!(prints.len(), entries.len());
    entries
}

/// A command as the runner of GitHub's workflows reads it.
#[derive(Debug, PartialEq)]
pub(super) struct Annotation {
    pub(super) kind: String,
    pub(super) properties: Vec<(String, String)>,
    pub(super) message: String,
}

/// Every line is one; ten of a kind are shown.
pub(super) fn github(text: &str) -> Vec<Annotation> {
    let all: Vec<Annotation> = text.lines().map(annotation).collect();
    for kind in ["error", "warning", "notice"] {
        assert!(
            all.iter().filter(|one| one.kind == kind).count() <= 10,
            "{text}"
        );
    }
    all
}

fn annotation(line: &str) -> Annotation {
    let inside = line
        .strip_prefix("::")
        .unwrap_or_else(|| panic!("{line:?} is no command"));
    let (command, message) = inside.split_once("::").unwrap();
    let (kind, properties) = command.split_once(' ').unwrap_or((command, ""));
    let split = |one: &str| {
        let (name, value) = one.split_once('=').unwrap();
        let value = value.replace("%3A", ":").replace("%2C", ",");
        (name.to_owned(), unescaped(&value))
    };
    assert!(["error", "warning", "notice"].contains(&kind), "{line}");
    let read = Annotation {
        kind: kind.to_owned(),
        properties: properties.split(',').map(split).collect(),
        message: unescaped(message),
    };
    for (name, _) in &read.properties {
        assert!(
            ["file", "line", "endLine", "title"].contains(&name.as_str()),
            "{line}"
        );
    }
    read
}

fn unescaped(text: &str) -> String {
    text.replace("%0D", "\r")
        .replace("%0A", "\n")
        .replace("%25", "%")
}

/// The HTML that GitHub's Markdown becomes. Its elements are ours, and it fits a comment.
pub(super) fn markdown(env: &TestEnv, text: &str) -> String {
    assert!(text.len() <= 65_535, "{} bytes", text.len());
    let file = written(env, "report.md", text);
    let script = fs::read_to_string(testdata("formats/markdown.mjs")).unwrap();
    let html = tool(
        Command::new("node")
            .current_dir(test_env("node"))
            .args(["--input-type=module", "--eval", &script])
            .arg(file),
    );
    let known = [
        "h2", "h3", "p", "ul", "li", "strong", "em", "code", "pre", "br", "table", "thead",
        "tbody", "tr", "th", "td", "details", "summary",
    ];
    for tag in html.split('<').skip(1) {
        let name = tag.trim_start_matches('/');
        let name = name
            .split(|one: char| !one.is_ascii_alphanumeric())
            .next()
            .unwrap();
        assert!(known.contains(&name), "<{name}> in {html}");
    }
    html
}

/// What is left of the HTML when its code is taken out: nothing there is of others.
pub(super) fn outside_code(html: &str) -> String {
    let mut left = String::new();
    for (number, part) in html.split("<code").enumerate() {
        let part = match number {
            0 => part,
            _ => part.split_once("</code>").expect("code ends").1,
        };
        left.push_str(part);
    }
    left
}

/// Reads a file that a run wrote.
pub(super) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
