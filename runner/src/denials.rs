//! What the sandbox refused, from its words to the verdict's; and where decoys lie.

use passmuster_policy::denial::{Denial, DenialKind};
use passmuster_process::{
    DenialKind as Refused, Denials, Enforcement, Mount, Protection, Report, State,
};

use crate::places;

/// Files below the home directory that hold credentials, and that nothing of a build reads. Those that
/// ordinary tools read on their own (`.netrc`, `.npmrc`, `.gitconfig`) would tell nothing.
const DECOYS: [&str; 5] = [
    ".ssh/id_rsa",
    ".ssh/id_ed25519",
    ".aws/credentials",
    ".git-credentials",
    ".config/gh/hosts.yml",
];

/// The decoys of every run; the home directory must be mounted before them.
pub(crate) fn decoys() -> impl Iterator<Item = Mount> {
    DECOYS.iter().map(|name| Mount::Decoy {
        target: std::path::Path::new(places::HOME).join(name),
    })
}

/// Adds what one launch was refused to what those before it were.
pub(crate) fn add(all: &mut Vec<Denial>, denials: &Denials) {
    for refused in &denials.list {
        let new = Denial {
            kind: kind(refused.kind),
            target: refused.target.clone(),
            syscall: refused.syscall.clone(),
            process: refused.process.clone(),
            count: refused.count,
        };
        let same = |old: &&mut Denial| {
            Denial {
                count: new.count,
                ..(**old).clone()
            } == new
        };
        match all.iter_mut().find(same) {
            Some(old) => old.count += new.count,
            None => all.push(new),
        }
    }
}

/// What one command was refused, fit to be shown; none where nobody was told.
pub(crate) fn told(report: &Report) -> Option<Vec<Denial>> {
    let told = |entry: &Enforcement| {
        entry.protection == Protection::DenialReports && entry.state != State::Absent
    };
    let mut all = Vec::new();
    add(&mut all, &report.denials);
    report
        .enforcement
        .iter()
        .any(told)
        .then(|| all.iter().map(Denial::shown).collect())
}

fn kind(refused: Refused) -> DenialKind {
    match refused {
        Refused::Network => DenialKind::Network,
        Refused::NameLookup => DenialKind::NameLookup,
        Refused::Decoy => DenialKind::Decoy,
        Refused::Write => DenialKind::Write,
        Refused::SystemCall => DenialKind::SystemCall,
    }
}
