//! The walkers of layers, held against a model.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| passmuster::fuzzing::layers(bytes));
