//! The adapters against the real tools, launched as plain processes on small projects in temporary directories.

mod cargo;
mod node;
mod plain;
mod python;
