//! Why a step that asks for the network or for secrets does not run.

use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::Prepare;
use thiserror::Error;

use crate::git::objects::TreeEntry;

/// A step that cannot be given what it asks for; nothing of it ran, unless it says so.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unavailable {
    /// The operator did not set a variable.
    #[error("needs the secret `{0}`: set this variable where the runner is started")]
    SecretMissing(String),
    /// A value that cannot be told from ordinary text.
    #[error("needs the secret `{0}`, whose value is shorter than {least} characters or no text: it could not be struck from logs", least = super::secrets::LEAST)]
    SecretUnfit(String),
    /// A step that depends on the change.
    #[error(
        "has `secrets`, and the change touches what it is made from; secrets are never given to a change: have a person bring these files into the base first"
    )]
    SecretsWithheld,
    /// A step that ran and left a secret behind.
    #[error(
        "left the secret `{name}` in {path}, where checks could read it; its work was thrown away"
    )]
    SecretLeft {
        /// Name of the variable.
        name: String,
        /// Where, below the layer.
        path: String,
    },
    /// A layer beneath holds what was made from more than the inputs.
    #[error(
        "has `network`, but `{below}` before it sees {path}, which is not in its `inputs`: put the step with `network` first, or list the file"
    )]
    SeesThrough {
        /// The earlier step.
        below: String,
        /// A file that the earlier step sees.
        path: RepoPath,
    },
}

/// Whether what lies beneath a step with network was made from nothing but what the step itself may
/// see: else sources could meet the network in what an earlier step made of them.
pub fn sees_no_more(
    step: &Prepare,
    before: &[&Prepare],
    entries: &[TreeEntry],
) -> Result<(), Unavailable> {
    if step.network.is_empty() {
        return Ok(());
    }
    for earlier in before {
        let hidden = |entry: &&TreeEntry| sees(earlier, &entry.path) && !sees(step, &entry.path);
        if let Some(entry) = entries.iter().find(hidden) {
            return Err(Unavailable::SeesThrough {
                below: earlier.name.clone(),
                path: entry.path.clone(),
            });
        }
    }
    Ok(())
}

fn sees(step: &Prepare, path: &RepoPath) -> bool {
    step.inputs
        .as_ref()
        .is_none_or(|inputs| inputs.matches(path))
}
