//! SSHSIG: the signature that `ssh-keygen -Y verify` reads, over the same payload as the envelope's.

use ssh_key::{Algorithm, HashAlg, LineEnding, Signature, SshSig};

use super::key::{KeyError, Signer};

/// What keeps a signature from being taken for one of another purpose.
pub const NAMESPACE: &str = "passmuster";

/// The signature as text.
pub fn sign(signer: &Signer, payload: &[u8]) -> Result<String, SshsigError> {
    let signed = SshSig::signed_data(NAMESPACE, HashAlg::Sha512, payload)?;
    let signature = Signature::new(Algorithm::Ed25519, signer.sign(&signed)?)?;
    let whole = SshSig::new(
        signer.public().data(),
        NAMESPACE,
        HashAlg::Sha512,
        signature,
    )?;
    Ok(whole.to_pem(LineEnding::LF)?)
}

/// The signature could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SshsigError {
    /// The key did not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// It could not be written down.
    #[error("the SSHSIG cannot be written: {0}")]
    Form(#[from] ssh_key::Error),
}
