//! Controls under nextest: every process that passed has to have answered.
//!
//! The script before each process keeps what the process said, and what it was asked with, in a file of the report directory;
//! the launch that lists a binary's tests is recorded as cargo's are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use passmuster_policy::controls::{Answer, Kind};
use passmuster_policy::tests::{TestResult, TestStatus};

use super::cargo_records::{self, Record};
use super::draft::Draft;
use super::libtest_controls::{Heard, OfUnit, Words};
use super::reports::{Reports, files};

/// What one process said, and what it was asked with.
struct Process {
    asked: Words,
    stream: Vec<u8>,
}

/// Binary and test → its processes, one an attempt.
type Processes = BTreeMap<(String, String), Vec<Process>>;

/// Notes what the controls of each unit came to.
pub(super) fn note(draft: &mut Draft, reports: &Path) {
    let (processes, own) = (processes(reports), own_harnesses(reports));
    draft.may_be_controlled(true);
    let mut units: BTreeMap<String, OfUnit> = BTreeMap::new();
    let mut beyond = false;
    for test in draft
        .tests()
        .filter(|test| test.status == TestStatus::Passed)
    {
        if own.contains(&test.id.unit) {
            beyond = true;
            continue;
        }
        let unit = units
            .entry(test.id.unit.clone())
            .or_insert_with(OfUnit::new);
        unit.add(answers(&processes, test));
    }
    if beyond {
        draft.beyond_controls();
    }
    for (name, unit) in units {
        unit.note(&name, draft);
    }
}

/// What the processes of a test that passed said, all attempts together: one that broke off may have been followed by one
/// that did not.
fn answers(processes: &Processes, test: &TestResult) -> [(Kind, Answer); 2] {
    let of_unit = |binary: &str| {
        let unit = &test.id.unit;
        // Nextest names a library and a program of one name alike.
        binary == unit
            || binary
                .strip_prefix(unit.as_str())
                .is_some_and(|rest| rest.starts_with("::bin/"))
    };
    let of_test = processes
        .iter()
        .filter(|((binary, name), _)| *name == test.selector && of_unit(binary));
    let said: Vec<_> = of_test
        .flat_map(|(_, attempts)| attempts)
        .map(|process| Heard::of(&process.stream, Some(&process.asked)).answers(&process.asked))
        .collect();
    [Kind::MustFail, Kind::MustPass].map(|kind| {
        let of_kind = said.iter().flatten().filter(|(known, _)| *known == kind);
        let loudest = of_kind
            .map(|(_, answer)| answer)
            .max_by_key(|answer| match answer {
                Answer::Wrong { .. } => 2,
                Answer::Right => 1,
                Answer::Missing { .. } | Answer::Withheld => 0,
            });
        let unknown = || Answer::Missing {
            why: format!("no process of {} is known", test.selector),
        };
        (kind, loudest.cloned().unwrap_or_else(unknown))
    })
}

fn processes(directory: &Path) -> Processes {
    let mut reports = Reports::default();
    let mut found = Processes::new();
    for path in files(directory, 0) {
        let name = path.file_name().and_then(|name| name.to_str());
        if !name.is_some_and(|name| name.starts_with("answer-")) {
            continue;
        }
        if let Some((key, process)) = reports.read(&path).ok().and_then(process) {
            found.entry(key).or_default().push(process);
        }
    }
    found
}

/// The last line names words, binary and test; it was written after the process had ended.
fn process(mut stream: Vec<u8>) -> Option<((String, String), Process)> {
    stream.pop()?;
    let start = stream.iter().rposition(|byte| *byte == b'\n');
    let line = stream.split_off(start.map_or(0, |at| at + 1));
    let line = String::from_utf8(line).ok()?;
    let mut fields = line.split('\t');
    let mut field = || fields.next();
    let (first, second, binary, name) = (field()?, field()?, field()?, field()?);
    let asked = Words::known(first, second);
    let process = Process { asked, stream };
    Some(((binary.to_owned(), name.to_owned()), process))
}

/// Binaries whose harness is no libtest, as far as the manifests say.
fn own_harnesses(directory: &Path) -> BTreeSet<String> {
    let records = cargo_records::read(directory).into_iter().flatten();
    records.filter_map(|record| own_harness(&record)).collect()
}

fn own_harness(record: &Record) -> Option<String> {
    let binary = record.variable("NEXTEST_BINARY_ID")?;
    let target = binary.split_once("::").map(|(_, target)| target);
    let (kind, name) = match target.map(|target| target.split_once('/').unwrap_or(("test", target)))
    {
        Some(target) => target,
        None => ("lib", binary),
    };
    cargo_records::own_harness(&record.manifest, kind, name).then(|| binary.to_owned())
}
