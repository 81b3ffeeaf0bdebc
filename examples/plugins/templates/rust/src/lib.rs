//! A custom check: files that the change adds or touches must not say NOCOMMIT on the lines that it adds.

// What `wit/world.wit` imports is what the policy must grant; what the code does not use is not imported.
wit_bindgen::generate!({ path: "wit", world: "my-check", generate_all });

use exports::passmuster::check::checker::{Guest, Info, Rule};
use passmuster::check::change::{ChangeSet, ChangedFile};
use passmuster::check::trees::{Tree, TreeError, open};
use passmuster::check::types::{
    CheckError, Finding, Location, Outcome, Position, Region, Report, Severity, Side,
};

const WORD: &str = "NOCOMMIT";

struct MyCheck;

impl Guest for MyCheck {
    fn describe() -> Info {
        Info {
            name: "my-check".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            description: format!("Finds {WORD} on added lines."),
            rules: vec![Rule {
                id: "nocommit".to_owned(),
                summary: format!("An added line says {WORD}."),
                help_uri: None,
            }],
            // A JSON Schema of `config` in the policy. Without one, any configuration but an empty one is an error.
            config_schema: None,
        }
    }

    fn check(change: ChangeSet, _config: String) -> Result<Report, CheckError> {
        let candidate = open(Side::Candidate);
        let mut findings = Vec::new();
        for file in &change.files {
            findings.extend(look_at(&candidate, file)?);
        }
        let outcome = if findings.is_empty() { Outcome::Pass } else { Outcome::Fail };
        Ok(Report { outcome, summary: None, findings, metrics: Vec::new() })
    }
}

fn look_at(tree: &Tree, file: &ChangedFile) -> Result<Vec<Finding>, CheckError> {
    let text = match tree.read_text(&file.path) {
        Ok(text) => text,
        // Deleted, a link, a submodule, or no text: nothing to read.
        Err(TreeError::NotFound | TreeError::WrongKind | TreeError::Absent | TreeError::NotText) => {
            return Ok(Vec::new());
        }
        // Never a pass for what could not be looked at.
        Err(error) => return Err(CheckError::Unsupported(format!("{}: {error:?}", file.path))),
    };
    let is_added = |line: u32| {
        let mut hunks = file.hunks.iter();
        hunks.any(|hunk| (hunk.new_start..hunk.new_start + hunk.new_lines).contains(&line))
    };
    let lines = (1..).zip(text.lines());
    let said = lines.filter(|(number, line)| line.contains(WORD) && is_added(*number));
    Ok(said.map(|(number, line)| finding(&file.path, number, line)).collect())
}

fn finding(path: &str, line: u32, text: &str) -> Finding {
    let start = Position { line, column: None };
    Finding {
        rule: "nocommit".to_owned(),
        severity: Severity::Error,
        message: format!("`{path}` says {WORD}: {}", text.trim()),
        locations: vec![Location {
            side: Side::Candidate,
            path: path.to_owned(),
            region: Some(Region { start, end: None }),
        }],
        fixes: Vec::new(),
        fingerprint: Some(text.trim().chars().filter(|letter| !letter.is_control()).take(30).collect()),
        preexisting: false,
    }
}

export!(MyCheck);
