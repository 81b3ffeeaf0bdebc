//! ESLint's JSON.

use serde::Deserialize;

use super::{Raw, Reference, Report, json, lines, replacement};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    file_path: String,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    rule_id: Option<String>,
    #[serde(default)]
    message: String,
    line: Option<u32>,
    end_line: Option<u32>,
    fix: Option<Edit>,
    #[serde(default)]
    suggestions: Vec<Suggestion>,
}

#[derive(Deserialize)]
struct Edit {
    #[serde(default)]
    text: String,
}

#[derive(Deserialize)]
struct Suggestion {
    #[serde(default)]
    desc: String,
}

/// A message without a rule is one about the file as a whole: it does not parse, or a comment in it names a
/// rule that there is not.
const NO_RULE: &str = "eslint";

pub(super) fn read(bytes: &[u8]) -> Result<Report, String> {
    let files: Vec<File> = json(bytes)?;
    let mut report = Report::default();
    for File {
        file_path,
        messages,
    } in files
    {
        report.entries += messages.len() as u64;
        let found = messages
            .into_iter()
            .map(|message| finding(&file_path, message));
        report.findings.extend(found);
    }
    Ok(report)
}

fn finding(path: &str, message: Message) -> Raw {
    let suggested = message.suggestions.into_iter().map(|one| one.desc).next();
    Raw {
        rule: message.rule_id.unwrap_or_else(|| NO_RULE.to_owned()),
        place: Some(Reference::Path(path.to_owned())),
        lines: lines(message.line, message.end_line),
        message: message.message,
        fix: message
            .fix
            .map(|edit| replacement(&edit.text))
            .or(suggested),
    }
}
