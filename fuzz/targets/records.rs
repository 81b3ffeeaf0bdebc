//! The reader of the launches that cargo's stand-in recorded.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| passmuster::fuzzing::records(bytes));
