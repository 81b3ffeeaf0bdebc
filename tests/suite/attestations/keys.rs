//! Keys that cannot sign, and command lines that do not say what to do with one: each is told before anything runs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use passmuster_tests::{Finished, TestEnv, tool};

use super::support::*;

/// `verify --attest KEY` with the agent at this socket. The repository does not exist: whoever got so far would say so.
fn sign(env: &TestEnv, key: &str, socket: &str) -> Finished {
    let output = format!("attestation={}", env.work().join("a.json").display());
    env.passmuster([
        "verify", "--repo", "nowhere", "--output", &output, "--attest", key,
    ])
    .variable("SSH_AUTH_SOCK", socket)
    .run()
}

fn chmod(path: &PathBuf, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_key_that_cannot_sign_is_told_with_what_to_do_before_anything_runs() {
    let env = TestEnv::new();
    let agent = Agent::start(&env);
    let known = ssh_key(&env, "known", "");
    agent.add(&env, &known);
    let open = ssh_key(&env, "open", "");
    chmod(&open, 0o640);
    let locked = ssh_key(&env, "locked", "a passphrase");
    let stranger = ssh_key(&env, "stranger", "");
    let rsa = env.work().join("rsa");
    tool(
        env.command("ssh-keygen")
            .args(["-q", "-t", "rsa", "-b", "2048", "-N", "", "-f"])
            .arg(&rsa),
    );
    let [rsa_pem, locked_pem] = ["rsa.pem", "locked.pem"].map(|name| env.work().join(name));
    tool(
        env.command("openssl")
            .args(["genpkey", "-quiet", "-algorithm", "rsa", "-out"])
            .arg(&rsa_pem),
    );
    tool(
        env.command("openssl")
            .args([
                "genpkey",
                "-algorithm",
                "ed25519",
                "-aes256",
                "-pass",
                "pass:x",
                "-out",
            ])
            .arg(&locked_pem),
    );
    let write = |name: &str, text: &str| {
        let path = env.work().join(name);
        fs::write(&path, text).unwrap();
        chmod(&path, 0o600);
        path
    };
    let damaged = write(
        "damaged",
        &fs::read_to_string(&known)
            .unwrap()
            .replacen("AAAA", "AAAB", 1),
    );
    let nothing = write("nothing", "no key at all\n");
    let two = write(
        "two.pub",
        &fs::read_to_string(public(&known)).unwrap().repeat(2),
    );
    let pipe = env.work().join("pipe");
    tool(env.command("mkfifo").arg(&pipe));
    let (socket, none, dead) = (text(&agent.socket), "", "/nonexistent/agent");
    for (key, socket, said) in [
        (&open, socket, "chmod 600"),
        (&locked, socket, "ssh-add"),
        (&locked_pem, socket, "ssh-add"),
        (&rsa, socket, "ssh-rsa"),
        (&rsa_pem, socket, "another algorithm"),
        (&damaged, socket, "no ed25519 private key"),
        (&nothing, socket, "no ed25519 private key"),
        (&public(&rsa), socket, "only ssh-ed25519"),
        (&two, socket, "several public keys"),
        (&public(&stranger), socket, "does not hold SHA256:"),
        (&public(&known), none, "SSH_AUTH_SOCK names none"),
        (&public(&known), dead, "cannot talk to the ssh-agent"),
        (&env.work().join("missing"), socket, "cannot read the key"),
        (&env.work(), socket, "not an ordinary file"),
        (&pipe, socket, "not an ordinary file"),
    ] {
        let finished = sign(&env, text(key), socket);
        finished.assert_code(2).assert_clear_message(&[said]);
        assert!(!finished.err().contains("nowhere"), "{}", finished.all());
    }
    // The controls: a good key gets as far as the repository, by either way.
    for key in [&stranger, &public(&known)] {
        sign(&env, text(key), socket)
            .assert_code(2)
            .assert_clear_message(&["nowhere"]);
    }
}

#[test]
fn an_agent_that_answers_nonsense_signs_nothing() {
    use std::io::{Read as _, Write as _};
    let env = TestEnv::new();
    let key = ssh_key(&env, "key", "");
    let answers: [&[u8]; 5] = [
        b"",
        b"\0\0\0\x01\x05",
        b"\xff\xff\xff\xff\x0c",
        b"\0\0\0\x05\x0c\xff\xff\xff\xff",
        b"\0\0\0\x09\x0c\0\0\0\x01\xff\xff\xff\xff",
    ];
    for (number, answer) in answers.into_iter().enumerate() {
        let socket = env.path("tmp").join(format!("agent-{number}"));
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let served = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 5];
            stream.read_exact(&mut request).unwrap();
            stream.write_all(answer).unwrap();
        });
        let finished = sign(&env, text(&public(&key)), text(&socket));
        served.join().unwrap();
        finished.assert_code(2).assert_clear_message(&["ssh-agent"]);
    }
}

/// It has the key, says so, and gives a signature of something else.
#[test]
fn an_agent_that_signs_something_else_signs_nothing() {
    use std::io::{Read as _, Write as _};
    let env = TestEnv::new();
    let [key, ana] = ["key", "ana"].map(|name| ssh_key(&env, name, ""));
    let repo = proposed(&env, "gaming-edit-ci");
    let (file, _) = attested(&env, &repo, &key);
    let line = fs::read_to_string(public(&ana)).unwrap();
    let blob = BASE64_STANDARD
        .decode(line.split(' ').nth(1).unwrap())
        .unwrap();
    let field = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let keys = [b"\x0c\0\0\0\x01", &field(&blob)[..], &field(b"")].concat();
    let signature = [field(b"ssh-ed25519"), field(&[7; 64])].concat();
    let signed = [b"\x0e", &field(&signature)[..]].concat();
    let answers = [field(&keys), field(&signed)];
    let socket = env.path("tmp").join("agent-other");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let served = std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut length = [0; 4];
            stream.read_exact(&mut length).unwrap();
            let mut request = vec![0; u32::from_be_bytes(length) as usize];
            stream.read_exact(&mut request).unwrap();
            stream.write_all(&answer).unwrap();
        }
    });
    let (output, named) = (env.work().join("approval.json"), public(&ana));
    let args = [
        "approve",
        "--attestation",
        text(&file),
        "--reason",
        "fine",
        "--key",
        text(&named),
        "--output",
        text(&output),
    ];
    let finished = env
        .passmuster(args)
        .variable("SSH_AUTH_SOCK", text(&socket))
        .run();
    served.join().unwrap();
    finished
        .assert_code(2)
        .assert_clear_message(&["gives no answer of its protocol"]);
    assert!(!output.exists());
}

#[test]
fn a_command_line_that_signs_by_halves_is_a_mistake() {
    let env = TestEnv::new();
    let key = ssh_key(&env, "key", "");
    let key = text(&key);
    let long = "x".repeat(4097);
    for (args, said) in [
        (vec!["verify", "--output", "attestation=a"], "--attest KEY"),
        (vec!["verify", "--output", "sshsig=a"], "--attest KEY"),
        (vec!["verify", "--attest", key], "--output attestation=FILE"),
        (
            vec!["verify", "--attest", key, "--output", "sshsig=a"],
            "--output attestation=FILE",
        ),
        (
            vec!["verify", "--attest", key, "--output", "attestation="],
            "file name is missing",
        ),
        (vec!["verify", "--allow-detected"], "--attest"),
        (vec!["verify", "--replay", "a", "--head", "topic"], "--head"),
        (vec!["verify", "--replay", "a", "--base", "main"], "--base"),
        (vec!["verify", "--replay", "a", "a.patch"], "PATCH"),
        (vec!["gate", "HEAD", "--key", key], "--attestation"),
        (vec!["gate", "HEAD", "--attestation", "a"], "--key"),
        (
            vec!["gate", "HEAD", "--attestation", "a", "--key", key],
            "private key",
        ),
        (
            vec![
                "gate",
                "HEAD",
                "--attestation",
                "a",
                "--key",
                "a",
                "--max-age",
                "soon",
            ],
            "7d",
        ),
        (vec!["approve", "--key", key, "--reason", "x"], "RUN"),
        (vec!["approve", "x", "--key", key], "--reason"),
        (
            vec!["approve", "x", "--key", key, "--reason", " "],
            "--reason",
        ),
        (
            vec!["approve", "x", "--key", key, "--reason", &long],
            "1 to 4096 bytes",
        ),
        (
            vec!["approve", "", "--key", key, "--reason", "x"],
            "RUN is empty",
        ),
        (
            vec!["approve", "x", "--key", key, "--reason", "x"],
            "no run's id",
        ),
    ] {
        let finished = env.passmuster(&args).run();
        finished.assert_code(2).assert_clear_message(&[said]);
        assert!(!env.work().join("a").exists(), "{args:?}");
    }
}
