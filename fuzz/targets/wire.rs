//! The messages between caller, keeper and init.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| passmuster_process::fuzzing::wire(bytes));
