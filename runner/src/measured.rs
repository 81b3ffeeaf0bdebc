//! What measuring gave, collected as it comes.

use std::collections::BTreeSet;
use std::path::PathBuf;

use passmuster_policy::evidence::CheckEvidence;
use passmuster_policy::policy::Isolation;
use passmuster_policy::reason::Reason;
use passmuster_policy::run::Outcome;
use passmuster_process::Enforcement;

use crate::cache::LayerGuard;
use crate::grants::Failed;
use crate::network::provision::{log_of, refused};
use crate::obstacles::rename_refused;

/// All that was found out.
#[derive(Debug, Default)]
pub struct Measured {
    /// One entry a check, in the policy's order.
    pub checks: Vec<CheckEvidence>,
    /// What stood in the way.
    pub reasons: Vec<Reason>,
    /// What is worth knowing and changes nothing.
    pub remarks: Vec<String>,
    /// Files that hold what prepare steps reached.
    pub network_logs: BTreeSet<PathBuf>,
    /// Whether trees were copies, because the kernel refuses overlays here.
    pub copied: bool,
    /// The tier that all of it ran in.
    pub isolation: Option<Isolation>,
    /// What the sandbox enforced; empty when nothing ran.
    pub enforcement: Vec<Enforcement>,
}

impl Measured {
    /// Processes that outlived their command were ended with the sandbox; they may have been meant to stay.
    pub(crate) fn note_leaked(&mut self, what: &str, leaked: u32) {
        if leaked > 0 {
            self.remarks.push(format!(
                "{what}: {leaked} processes outlived the command and were ended"
            ));
        }
    }

    /// What a linter says about installed packages or generated code is nobody's change.
    pub(crate) fn note_elsewhere(&mut self, what: &str, elsewhere: u64) {
        if elsewhere > 0 {
            self.remarks.push(format!(
                "{what}: {elsewhere} findings are about files that are not of the tree"
            ));
        }
    }

    /// What the steps that made these layers asked the network for and did not get, each once; and where
    /// all that they asked for is.
    pub(crate) fn note_network(&mut self, layers: &[LayerGuard]) {
        let logs = layers.iter().filter_map(|layer| log_of(layer.path()));
        self.network_logs.extend(logs);
        for line in layers.iter().flat_map(|layer| refused(layer.path())) {
            if !self.remarks.contains(&line) {
                self.remarks.push(line);
            }
        }
    }

    /// A service that ends while the check runs may be why tests fail, or nothing at all.
    pub(crate) fn note_services(&mut self, what: &str, failed: &[Failed]) {
        for Failed { name, how, .. } in failed {
            self.remarks
                .push(format!("{what}: service `{name}`: {how}"));
        }
    }

    /// A rename that an overlay refuses looks like the check's own failure; the policy has a key
    /// for it.
    pub(crate) fn note_rename<'t>(
        &mut self,
        what: &str,
        outcome: &Outcome,
        said: impl IntoIterator<Item = &'t str>,
    ) {
        let failed = *outcome != (Outcome::Exited { status: 0 });
        if failed && said.into_iter().any(rename_refused) {
            self.remarks.push(format!(
                "{what}: a rename was refused (EXDEV), as overlays do with directories of the tree; \
                 those that the policy lists in `[sandbox] copy` can be renamed"
            ));
        }
    }

    /// Keeps what the sandbox enforced; every run of a verification gets the same.
    pub(crate) fn note(&mut self, enforcement: &[Enforcement]) {
        if self.enforcement.is_empty() {
            self.enforcement = enforcement.to_vec();
        }
    }
}
