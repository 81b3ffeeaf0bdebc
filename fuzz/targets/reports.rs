//! The readers of every test framework's reports.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| passmuster::fuzzing::reports(bytes));
