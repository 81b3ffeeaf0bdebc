//! Passmuster's runner.
#![forbid(unsafe_code)]
