//! Keys, repositories with a proposal on a branch, and signatures that the program never made.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use ed25519_dalek::{Signer as _, SigningKey};
use passmuster_tests::{Finished, Repository, TestEnv, proposal, tool};
use serde_json::{Value, json};

pub(super) const REPO: &str = "python-ledger";
pub(super) const TYPE: &str = "application/vnd.in-toto+json";

/// A key made by ssh-keygen, and its public half beside it. By whoever runs the tests: ssh-keygen wants an account.
pub(super) fn ssh_key(env: &TestEnv, name: &str, passphrase: &str) -> PathBuf {
    let path = env.work().join(name);
    let mut keygen = Command::new("ssh-keygen");
    keygen.args([
        "-q", "-t", "ed25519", "-N", passphrase, "-C", "a test", "-f",
    ]);
    tool(keygen.arg(&path));
    env.give(&path);
    path
}

/// The public half.
pub(super) fn public(key: &Path) -> PathBuf {
    key.with_extension("pub")
}

/// The same by openssl, as PEM; and its public half as PEM and in OpenSSH's form.
pub(super) fn pem_key(env: &TestEnv, name: &str) -> (PathBuf, PathBuf, PathBuf) {
    let path = |extension: &str| env.work().join(name).with_extension(extension);
    let (private, public, ssh) = (path("pem"), path("public.pem"), path("pub"));
    tool(
        env.command("openssl")
            .args(["genpkey", "-algorithm", "ed25519", "-out"])
            .arg(&private),
    );
    tool(
        env.command("openssl")
            .args(["pkey", "-pubout", "-in"])
            .arg(&private)
            .arg("-out")
            .arg(&public),
    );
    // ssh-keygen reads no PEM of ed25519; whoever else does, it is the same key.
    let script = "import sys; from cryptography.hazmat.primitives.serialization import *; \
                  k = load_pem_public_key(open(sys.argv[1], 'rb').read()); \
                  open(sys.argv[2], 'wb').write(k.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH))";
    tool(
        env.command("python")
            .args(["-W", "ignore", "-c", script])
            .args([&public, &ssh]),
    );
    fs::set_permissions(&private, fs::Permissions::from_mode(0o600)).unwrap();
    (private, public, ssh)
}

/// A repository whose branch `topic` holds an example proposal.
pub(super) fn proposed<'env>(env: &'env TestEnv, name: &str) -> Repository<'env> {
    let repo = env.repo(REPO);
    repo.git(["checkout", "--quiet", "-b", "topic"]);
    repo.apply(&proposal(REPO, name));
    repo.commit(name);
    repo
}

/// `verify --head topic --attest KEY`; the attestation's path and what was said.
pub(super) fn attested(env: &TestEnv, repo: &Repository<'_>, key: &Path) -> (PathBuf, Finished) {
    let file = env.work().join(format!(
        "{}.jsonl",
        repo.root().file_name().unwrap().to_string_lossy()
    ));
    let output = format!("attestation={}", file.display());
    let finished = env
        .verify(repo, ["--head", "topic", "--output", &output, "--attest"])
        .args([key])
        .run();
    (file, finished)
}

/// `gate REV` with more arguments.
pub(super) fn gate(
    env: &TestEnv,
    repo: &Repository<'_>,
    revision: &str,
    args: &[&str],
) -> Finished {
    env.passmuster(["gate", revision, "--repo"])
        .args([repo.root()])
        .args(args)
        .run()
}

/// A path as an argument.
pub(super) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What `--json` prints.
pub(super) fn json_of(finished: &Finished) -> Value {
    serde_json::from_slice(&finished.stdout).unwrap_or_else(|_| panic!("{}", finished.all()))
}

/// Fails unless the gate refuses for exactly these codes.
#[track_caller]
pub(super) fn assert_refused(finished: &Finished, codes: &[&str]) {
    finished.assert_code(1);
    let said = finished.out();
    let mut lines = said.lines();
    assert_eq!(
        lines.next(),
        Some("may not be merged"),
        "{}",
        finished.all()
    );
    let found: Vec<&str> = lines.map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(found, codes, "{}", finished.all());
    assert!(!said.contains('\u{1b}'), "{said:?}");
}

/// Fails unless the gate lets it through.
#[track_caller]
pub(super) fn assert_merges(finished: &Finished) {
    finished.assert_code(0);
    assert!(
        finished.out().starts_with("may be merged\n"),
        "{}",
        finished.all()
    );
}

/// An envelope taken apart, and put together again in other ways.
#[derive(Clone)]
pub(super) struct Parts {
    pub(super) payload: Vec<u8>,
    pub(super) keyid: String,
    pub(super) signature: Vec<u8>,
}

impl Parts {
    pub(super) fn read(file: &Path) -> Self {
        let envelope: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        let bytes = |value: &Value| BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap();
        Self {
            payload: bytes(&envelope["payload"]),
            keyid: envelope["signatures"][0]["keyid"]
                .as_str()
                .unwrap()
                .to_owned(),
            signature: bytes(&envelope["signatures"][0]["sig"]),
        }
    }

    pub(super) fn envelope(&self) -> Value {
        json!({
            "payload": BASE64_STANDARD.encode(&self.payload),
            "payloadType": TYPE,
            "signatures": [{ "keyid": self.keyid, "sig": BASE64_STANDARD.encode(&self.signature) }],
        })
    }

    pub(super) fn statement(&self) -> Value {
        serde_json::from_slice(&self.payload).unwrap()
    }

    /// Another payload, rightly signed.
    pub(super) fn signed(&self, payload: Vec<u8>, key: &SigningKey) -> Self {
        let head = format!("DSSEv1 {} {TYPE} {} ", TYPE.len(), payload.len());
        let signature = key
            .sign(&[head.as_bytes(), &payload].concat())
            .to_bytes()
            .to_vec();
        Self {
            payload,
            keyid: self.keyid.clone(),
            signature,
        }
    }

    /// The same statement after an edit, rightly signed. Keys of JSON are sorted and its texts are plain, so this is its canonical form.
    pub(super) fn edited(&self, key: &SigningKey, edit: impl Fn(&mut Value)) -> Self {
        let mut statement = self.statement();
        edit(&mut statement);
        self.signed(statement.to_string().into_bytes(), key)
    }
}

/// The key of a PEM file.
pub(super) fn signing_key(private: &Path) -> SigningKey {
    SigningKey::from_pkcs8_pem(&fs::read_to_string(private).unwrap()).unwrap()
}

/// An ssh-agent that ends with the test.
pub(super) struct Agent {
    pub(super) socket: PathBuf,
    process: std::process::Child,
}

impl Agent {
    pub(super) fn start(env: &TestEnv) -> Self {
        let socket = env.path("tmp").join("agent.sock");
        let mut command: Command = env.command("ssh-agent");
        let process = command
            .args(["-D", "-a"])
            .arg(&socket)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let agent = Self { socket, process };
        for _ in 0..500 {
            if agent.socket.exists() {
                return agent;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("the agent never listened");
    }

    pub(super) fn add(&self, env: &TestEnv, key: &Path) {
        tool(
            env.command("ssh-add")
                .arg("-q")
                .arg(key)
                .env("SSH_AUTH_SOCK", &self.socket),
        );
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
