//! Private keys: an OpenSSH key file, PEM (PKCS#8), or an agent that holds the key.
//!
//! The file says which. A public key names the private one that an ssh-agent holds: then no secret comes near this process,
//! and a passphrase, a confirmation or a hardware key are the agent's affair.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use ed25519_dalek::{Signer as _, SigningKey};
use thiserror::Error;

use super::agent::{Agent, AgentError};
use super::public::{self, PublicKey};
use super::read_file;

/// Largest key file.
const FILE_CAP: u64 = 64 << 10;

/// Bytes of a signature.
pub const SIGNATURE: usize = 64;

/// A key cannot be used. All of these end with exit code 2.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("cannot read the key {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others can read the private key.
    #[error(
        "the private key {} can be read by others (mode {mode:04o}), so a signature by it proves nothing; `chmod 600` it, and make a new one if \
         the machine has other users", path.display()
    )]
    OpenToOthers {
        /// Which.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It has a passphrase.
    #[error(
        "the private key {} has a passphrase, which is not asked for here; `ssh-add` it and give its public key (.pub) instead, then the agent signs",
        path.display()
    )]
    Encrypted {
        /// Which.
        path: PathBuf,
    },
    /// It is no key that can sign here.
    #[error("{} is no ed25519 private key ({why}); `ssh-keygen -t ed25519` makes one", path.display())]
    NoPrivateKey {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// It is no public key.
    #[error("{}: {why}", path.display())]
    NoPublicKey {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// It is a public key, and no agent runs.
    #[error("{} is a public key, so an ssh-agent has to sign, and SSH_AUTH_SOCK names none", path.display())]
    NoAgent {
        /// Which.
        path: PathBuf,
    },
    /// The agent does not do it.
    #[error(transparent)]
    Agent(#[from] AgentError),
}

/// Signs.
#[derive(Debug)]
pub struct Signer {
    public: PublicKey,
    secret: Secret,
}

/// Where the private half is.
enum Secret {
    /// Here; overwritten when dropped.
    Held(SigningKey),
    /// With an agent.
    With(Agent),
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Held(_) => "Held",
            Self::With(_) => "With",
        })
    }
}

impl Signer {
    /// Opens what the operator names, before anything is measured; `agent` is `SSH_AUTH_SOCK`.
    pub fn open(path: &Path, agent: Option<&Path>) -> Result<Self, KeyError> {
        let bytes = read_file(path, FILE_CAP).map_err(|source| unreadable(path, source))?;
        let text = String::from_utf8_lossy(&bytes);
        if text.contains("PRIVATE KEY-----") {
            refuse_open_to_others(path)?;
            return private(path, &text).map(Self::holding);
        }
        let no_key = |why| KeyError::NoPrivateKey {
            path: path.to_owned(),
            why,
        };
        let keys = public::parse(&text).map_err(no_key)?;
        let [public] = keys.as_slice() else {
            return Err(no_key("it has several public keys".to_owned()));
        };
        let socket = agent.ok_or_else(|| KeyError::NoAgent {
            path: path.to_owned(),
        })?;
        let agent = Agent::at(socket);
        agent.holds(public)?;
        Ok(Self {
            public: public.clone(),
            secret: Secret::With(agent),
        })
    }

    fn holding(key: SigningKey) -> Self {
        Self {
            public: PublicKey::of(key.verifying_key()),
            secret: Secret::Held(key),
        }
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs these bytes.
    pub fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE], KeyError> {
        match &self.secret {
            Secret::Held(key) => Ok(key.sign(message).to_bytes()),
            Secret::With(agent) => Ok(agent.sign(&self.public, message)?),
        }
    }
}

fn unreadable(path: &Path, source: io::Error) -> KeyError {
    KeyError::Unreadable {
        path: path.to_owned(),
        source,
    }
}

/// As ssh does: a key that the group or everybody can read is nobody's own.
fn refuse_open_to_others(path: &Path) -> Result<(), KeyError> {
    let found = std::fs::metadata(path).map_err(|source| unreadable(path, source))?;
    let mode = found.permissions().mode() & 0o7777;
    match mode & 0o077 {
        0 => Ok(()),
        _ => Err(KeyError::OpenToOthers {
            path: path.to_owned(),
            mode,
        }),
    }
}

/// The key in a private key's file.
fn private(path: &Path, text: &str) -> Result<SigningKey, KeyError> {
    let path = path.to_owned();
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY-----") {
        return Err(KeyError::Encrypted { path });
    }
    if text.contains("BEGIN PRIVATE KEY-----") {
        return SigningKey::from_pkcs8_pem(text).map_err(|_| KeyError::NoPrivateKey {
            path,
            why: "its PEM holds another algorithm, or is damaged".to_owned(),
        });
    }
    if !text.contains("BEGIN OPENSSH PRIVATE KEY-----") {
        let why = "it is in the form of another algorithm".to_owned();
        return Err(KeyError::NoPrivateKey { path, why });
    }
    let key = match ssh_key::PrivateKey::from_openssh(text) {
        Ok(key) if key.is_encrypted() => return Err(KeyError::Encrypted { path }),
        Ok(key) => key,
        Err(error) => {
            let why = error.to_string();
            return Err(KeyError::NoPrivateKey { path, why });
        }
    };
    match key.key_data().ed25519() {
        Some(pair) => Ok(SigningKey::from_bytes(&pair.private.to_bytes())),
        None => Err(KeyError::NoPrivateKey {
            path,
            why: format!("its algorithm is {}", key.algorithm()),
        }),
    }
}
