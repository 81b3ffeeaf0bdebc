//! Words of the command line that stand for values.

use std::path::PathBuf;

use clap::ValueEnum;
use passmuster_policy::policy::{Grant, Isolation, TimeLimit};
use passmuster_wasm::Capability;

/// What `verify` writes to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The verdict.
    Report(Format),
    /// A signed statement in a DSSE envelope.
    Attestation,
    /// The same statement's signature for `ssh-keygen -Y verify`.
    Sshsig,
}

/// Forms of a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people; colours on a terminal.
    Human,
    /// The whole verdict, schema passmuster.verdict/1.
    Json,
    /// For a model: short, within a fixed budget.
    Agent,
    /// For code scanning and editors: SARIF 2.1.0.
    Sarif,
    /// For whatever reads test results: JUnit XML, one suite a check.
    Junit,
    /// The same as JSON: Common Test Report Format.
    Ctrf,
    /// For a comment on a pull request or a job's summary.
    Markdown,
    /// Annotations of a GitHub workflow, on its standard output.
    Github,
    /// GitLab's code quality report.
    Gitlab,
    /// For reviewdog: the Diagnostic Format.
    Rdjson,
}

pub(super) fn grant(text: &str) -> Result<Grant, String> {
    let known = Capability::of_key(text).ok_or_else(|| {
        let all = Capability::ALL.map(Capability::key);
        format!("one of {}", all.join(", "))
    })?;
    Ok(crate::plugins::grant(known))
}

pub(super) fn isolation(text: &str) -> Result<Isolation, String> {
    let known = Isolation::ALL;
    let found = known.into_iter().find(|tier| tier.name() == text);
    found.ok_or_else(|| format!("one of {}", known.map(Isolation::name).join(", ")))
}

pub(super) fn form(text: &str) -> Result<(Form, PathBuf), String> {
    let signed = |name: &str| match name {
        "attestation" => Some(Form::Attestation),
        "sshsig" => Some(Form::Sshsig),
        _ => None,
    };
    match text
        .split_once('=')
        .and_then(|(name, path)| Some((signed(name)?, path)))
    {
        Some((_, "")) => Err("the file name is missing".to_owned()),
        Some((form, path)) => Ok((form, PathBuf::from(path))),
        None => output(text).map(|(format, path)| (Form::Report(format), path)),
    }
}

pub(super) fn max_age(text: &str) -> Result<TimeLimit, String> {
    text.parse()
        .map_err(|_| "write it as 90m, 12h, 7d or none".to_owned())
}

fn output(text: &str) -> Result<(Format, PathBuf), String> {
    let (format, path) = text
        .split_once('=')
        .ok_or("write it as FORMAT=FILE, e.g. json=verdict.json")?;
    let format = Format::from_str(format, false)
        .map_err(|_| format!("unknown format `{format}`: one of {}", formats()))?;
    if path.is_empty() {
        return Err("the file name is missing".to_owned());
    }
    Ok((format, PathBuf::from(path)))
}

/// The names of all forms of a verdict.
fn formats() -> String {
    let values = Format::value_variants()
        .iter()
        .filter_map(ValueEnum::to_possible_value);
    let names: Vec<String> = values.map(|value| value.get_name().to_owned()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_goes_to_files_as_well() {
        let file = || PathBuf::from("a");
        assert_eq!(form("attestation=a"), Ok((Form::Attestation, file())));
        assert_eq!(form("sshsig=a"), Ok((Form::Sshsig, file())));
        assert_eq!(form("json=a"), Ok((Form::Report(Format::Json), file())));
        for wrong in ["attestation", "attestation=", "sshsig=", "xml=a"] {
            assert!(form(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_output_names_a_format_and_a_file() {
        assert_eq!(output("json=a=b"), Ok((Format::Json, PathBuf::from("a=b"))));
        for wrong in ["json", "xml=a", "json=", "=a"] {
            assert!(output(wrong).is_err(), "{wrong}");
        }
    }
}
