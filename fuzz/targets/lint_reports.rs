//! The readers of linters' reports.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| passmuster::fuzzing::lint_reports(bytes));
