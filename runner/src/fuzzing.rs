//! What fuzzers drive: each function takes bytes that a fuzzer made up and panics where a reader does what it must not. Only in
//! builds for them.

use passmuster_policy::run::Outcome;

use crate::adapters::hostile;
use crate::hostile_layers;
use crate::lint;

/// Every reader of reports. The first byte is how the launch ended.
pub fn reports(bytes: &[u8]) {
    let (end, report) = bytes.split_first().unwrap_or((&0, &[]));
    let outcome = match i32::from(*end) {
        signal @ 1..64 => Outcome::Signalled { signal },
        status => Outcome::Exited { status },
    };
    hostile::check_report(report, &outcome);
}

/// The reader of recorded launches.
pub fn records(bytes: &[u8]) {
    hostile::check_records(bytes);
}

/// Every reader of linters' reports.
pub fn lint_reports(bytes: &[u8]) {
    lint::hostile::check(bytes);
}

/// The walkers of layers.
pub fn layers(bytes: &[u8]) {
    hostile_layers::check(bytes);
}
