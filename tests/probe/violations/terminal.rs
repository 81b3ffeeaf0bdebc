//! The operator's terminal: reading it, and typing into it (CVE-2017-5226). The test gives the program a terminal of its own.

use std::fs::OpenOptions;
use std::io::IsTerminal;

use nix::libc;

use crate::entry::Control::{Differs, Succeeds};
use crate::entry::{Entry, call, code, found};

const TERMINAL: &str = "terminal";

#[rustfmt::skip]
pub(super) const ALL: &[Entry] = &[
    code(TERMINAL, "open-the-controlling-terminal", Succeeds, "ENXIO", |_| OpenOptions::new().read(true).write(true).open("/dev/tty").map(drop)),
    code(TERMINAL, "hold-a-terminal", Succeeds, "nothing", |_| found(std::io::stdin().is_terminal())),
    call((TERMINAL, "type-into-the-terminal"), Differs, "EPERM", "", libc::SYS_ioctl, "0 0x5412 page"),
    call((TERMINAL, "type-into-the-console"), Differs, "EPERM", "", libc::SYS_ioctl, "0 0x541c page"),
    code(TERMINAL, "open-the-hosts-terminal", Succeeds, "ENOENT", |s| OpenOptions::new().read(true).open(s.text("terminal")?).map(drop)),
];
