//! Where things are inside a sandbox. The same for every tree and every run, so that shebangs,
//! editable installs and build directories made in one run are valid in the next. And the variables
//! that say so.

use std::collections::BTreeMap;

/// What holds all the others; no host path.
pub const ROOT: &str = "/sandbox";
/// The tree under test; the command starts here.
pub const TREE: &str = "/sandbox/tree";
/// What prepare steps made outside the tree; read-only for checks.
pub const ENV: &str = "/sandbox/env";
/// The home directory: empty at the start of every run.
pub const HOME: &str = "/sandbox/home";
/// Support files of the test adapters, read-only.
pub const LIB: &str = "/sandbox/lib";
/// Where adapters have structured results written.
pub const REPORT: &str = "/sandbox/report";
/// Links to the tools that checks name, read-only; first in PATH.
pub const BIN: &str = "/sandbox/bin";
/// The certificate authorities of the operator, for a step with network; read-only.
pub const CERTIFICATES: &str = "/sandbox/certificates.pem";
/// The port on the sandbox's own loopback that a step with network finds its proxy at.
pub const PROXY_PORT: u16 = 3128;

/// The variables that programs expect to find. The tools and the policy add theirs.
pub fn environment() -> BTreeMap<String, String> {
    let fixed = [
        ("HOME", HOME),
        ("USER", "passmuster"),
        ("LOGNAME", "passmuster"),
        ("SHELL", "/bin/sh"),
        ("TMPDIR", "/tmp"),
        ("LANG", "C.UTF-8"),
        ("TZ", "UTC"),
        // No progress bars, no prompts, no snapshots written on the fly.
        ("CI", "true"),
        ("TERM", "dumb"),
        ("NO_COLOR", "1"),
    ];
    fixed
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}
