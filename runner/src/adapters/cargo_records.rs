//! What cargo would have started: one record for each test binary and each rustdoc run, written by our recorder.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::Support;
use super::reports::{Reports, directories};

/// The script that cargo starts in place of a test binary.
pub(super) const RUNNER: Support = Support {
    name: "passmuster_runner.sh",
    content: include_bytes!("assets/record.sh"),
    executable: true,
};

/// The same script under the name that cargo starts in place of rustdoc.
pub(super) const RUSTDOC: Support = Support {
    name: "passmuster_rustdoc.sh",
    ..RUNNER
};

/// One launch as cargo would have made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// What would have run.
    pub(super) kind: Kind,
    /// Arguments; of a binary, with the binary first.
    pub(super) argv: Vec<OsString>,
    /// The working directory.
    pub(super) cwd: PathBuf,
    /// The whole environment.
    pub(super) env: Vec<(String, OsString)>,
    /// The package's manifest, as text.
    pub(super) manifest: String,
}

/// What a record stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A test binary.
    Binary,
    /// A run of rustdoc for one package's doctests.
    Doctests,
}

impl Record {
    /// A variable of the environment, as text.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        super::get(&self.env, name).and_then(|value| value.to_str())
    }
}

/// Reads all records in the order in which cargo made them; what cannot be read is the error of that record.
pub(super) fn read(directory: &Path) -> Vec<Result<Record, String>> {
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let numbered: BTreeMap<u32, PathBuf> = directories(directory)
        .into_iter()
        .filter_map(|path| Some((number(&path)?, path)))
        .collect();
    let mut reports = Reports::default();
    numbered
        .values()
        .map(|path| one(&mut reports, path))
        .collect()
}

fn one(reports: &mut Reports, directory: &Path) -> Result<Record, String> {
    let mut file = |name: &str| {
        reports
            .read(&directory.join(name))
            .map_err(|_| format!("a recorded launch has no {name}"))
    };
    let mut argv: Vec<_> = strings(&file("argv")?).collect();
    if argv.is_empty() {
        return Err("a recorded launch has no words".to_owned());
    }
    let program = argv.remove(0);
    let kind = match program.as_bytes().ends_with(RUSTDOC.name.as_bytes()) {
        true => Kind::Doctests,
        false => Kind::Binary,
    };
    let cwd = file("cwd")?;
    let cwd = cwd.strip_suffix(b"\n").unwrap_or(&cwd);
    Ok(Record {
        kind,
        argv,
        cwd: PathBuf::from(OsString::from_vec(cwd.to_vec())),
        env: strings(&file("env")?).filter_map(variable).collect(),
        manifest: String::from_utf8_lossy(&file("manifest").unwrap_or_default()).into_owned(),
    })
}

fn strings(bytes: &[u8]) -> impl Iterator<Item = OsString> {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    bytes
        .split(|byte| *byte == 0)
        .map(|part| OsString::from_vec(part.to_vec()))
}

fn variable(text: OsString) -> Option<(String, OsString)> {
    let bytes = text.as_bytes();
    let at = bytes.iter().position(|byte| *byte == b'=')?;
    let name = std::str::from_utf8(bytes.get(..at)?).ok()?;
    Some((
        name.to_owned(),
        OsString::from_vec(bytes.get(at + 1..)?.to_vec()),
    ))
}

/// Whether the manifest says `harness = false` for this target.
pub(super) fn own_harness(manifest: &str, kind: &str, name: &str) -> bool {
    let Ok(manifest) = manifest.parse::<toml::Table>() else {
        return false;
    };
    let off =
        |target: &toml::Value| target.get("harness").and_then(toml::Value::as_bool) == Some(false);
    let named =
        |target: &toml::Value| target.get("name").and_then(toml::Value::as_str) == Some(name);
    match kind {
        "bin" | "test" | "bench" | "example" => manifest
            .get(kind)
            .and_then(toml::Value::as_array)
            .is_some_and(|targets| targets.iter().any(|target| named(target) && off(target))),
        _ => manifest.get("lib").is_some_and(off),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_harness_is_looked_up_by_kind_and_name() {
        let manifest = "[lib]\nharness = false\n[[test]]\nname = \"a\"\nharness = false\n[[test]]\nname = \"b\"\n";
        for (kind, name, expected) in [
            ("lib", "x", true),
            ("test", "a", true),
            ("test", "b", false),
            ("bench", "a", false),
        ] {
            assert_eq!(own_harness(manifest, kind, name), expected, "{kind} {name}");
        }
        assert!(!own_harness("not toml", "lib", "x"));
    }
}
