//! What the caller left open: a directory as descriptor 9, and its standard input.

use std::fs::{self, File};
use std::io::{self, Read};

use crate::entry::Control::Succeeds;
use crate::entry::{Entry, code, found};

const DESCRIPTORS: &str = "descriptors";

#[rustfmt::skip]
pub(super) const ALL: &[Entry] = &[
    code(DESCRIPTORS, "list-an-inherited-directory", Succeeds, "ENOENT", |_| found(fs::read_dir("/proc/self/fd/9/")?.count() > 0)),
    code(DESCRIPTORS, "read-below-an-inherited-directory", Succeeds, "ENOENT", |_| File::open("/proc/self/fd/9/secret").map(drop)),
    code(DESCRIPTORS, "climb-from-an-inherited-directory", Succeeds, "ENOENT", |_| fs::read_dir("/proc/self/fd/9/..").map(drop)),
    code(DESCRIPTORS, "read-the-callers-input", Succeeds, "nothing", read_input),
];

fn read_input(_: &crate::scene::Scene) -> io::Result<()> {
    found(io::stdin().read(&mut [0; 64])? > 0)
}
