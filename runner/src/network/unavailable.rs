//! Why a step that asks for the network or for secrets does not run.

use passmuster_policy::path::RepoPath;
use thiserror::Error;

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
