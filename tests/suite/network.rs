//! The network of prepare steps: the list is all there is, checks have none, secrets stay secret. The servers
//! are this test's own, on loopback, and named in the list by their address.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use passmuster_tests::{Finished, Repository, TestEnv, Verdict};

/// A server of plain HTTP that remembers the heads of what it was asked, and answers each path with itself.
struct Server {
    address: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let heard = heads.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                answer(&stream.unwrap(), &heard);
            }
        });
        Self { address, heads }
    }

    fn asked(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    fn port(&self) -> &str {
        self.address.rsplit_once(':').unwrap().1
    }
}

fn answer(mut stream: &TcpStream, heard: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap_or(0) > 0 {}
    let asked = head.split(' ').nth(1).unwrap_or_default().to_owned();
    heard.lock().unwrap().push(head);
    let length = asked.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    let _gone = stream.write_all((head + &asked).as_bytes());
}

/// What steps run: `get URL` prints what it got, or the refusal, and fails then.
const GET: &str = r#"
import sys, os, urllib.request, urllib.error
def get(url, **headers):
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20).read().decode()
    except urllib.error.HTTPError as e:
        print(e.read().decode()); raise SystemExit(9)
"#;

/// A repository with one step, which runs Python over the file `wanted`, and one check, a shell's.
fn repo<'env>(env: &'env TestEnv, keys: &str, step: &str, check: &str) -> Repository<'env> {
    let repo = env.repo("python-ledger");
    repo.write("fetch.py", format!("{GET}{step}"));
    repo.write("wanted", "/one");
    repo.write(
        "passmuster.toml",
        format!(
            "version = 1\n[[prepare]]\nname = \"packages\"\nrun = [\"/usr/bin/python3\", \"fetch.py\"]\n\
             inputs = [\"wanted\", \"fetch.py\"]\n{keys}\n\
             [[check]]\nname = \"holds\"\nkind = \"command\"\nrun = [\"sh\", \"-c\", '''{check}''']\n"
        ),
    );
    repo.commit("A policy with a step that fetches");
    repo.edit("README.md", "Shared expenses", "Common expenses");
    repo
}

fn network(server: &Server) -> String {
    format!("network = [\"{}\"]", server.address)
}

/// Every check held. The verdict may still be review: files that a command names steer it.
#[track_caller]
fn assert_holds(verdict: &Verdict) {
    assert_eq!(verdict.0["checks"][0]["status"], "passed", "{verdict}");
}

/// The step could not do its work, and the reason holds these words.
#[track_caller]
fn assert_unavailable(run: &(Finished, Verdict), words: &[&str]) {
    let (finished, verdict) = run;
    finished.assert_code(3);
    assert_eq!(verdict.reasons(), ["prepare-unavailable"], "{verdict}");
    let message = verdict.text("/reasons/0/message");
    for word in words {
        assert!(message.contains(word), "`{word}` in {message}");
    }
}

/// Root and an ordinary user.
fn callers() -> [TestEnv; 2] {
    [TestEnv::new(), TestEnv::as_user()]
}

#[test]
fn a_step_reaches_what_its_list_names_and_checks_reach_nothing() {
    for env in callers() {
        let server = Server::start();
        let step = format!(
            "open('/sandbox/env/got', 'w').write(get('http://{}' + open('wanted').read()))",
            server.address
        );
        let check = "test \"$(cat /sandbox/env/got)\" = /one && test -z \"$http_proxy$HTTPS_PROXY\" && \
                     ! python3 -c \"import socket; socket.create_connection((\\\"127.0.0.1\\\", 3128), 5)\" 2>/dev/null";
        let repo = repo(&env, &network(&server), &step, check);
        assert_holds(&env.verify(&repo, ["--worktree"]).verdict().1);
        assert_eq!(server.asked().len(), 1);
        assert!(server.asked()[0].starts_with("GET /one HTTP/1.1\r\n"));
    }
}

#[test]
fn a_step_without_network_has_no_proxy() {
    let env = TestEnv::new();
    let step = "import socket
s = socket.socket(); s.settimeout(5)
assert s.connect_ex(('127.0.0.1', 3128)) != 0
assert not [name for name in os.environ if 'proxy' in name.lower()]";
    let repo = repo(&env, "", step, "true");
    assert_holds(&env.verify(&repo, ["--worktree"]).verdict().1);
}

#[test]
fn beside_the_proxy_there_is_no_way_out() {
    for env in callers() {
        let server = Server::start();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = udp.local_addr().unwrap().port();
        let step = format!(
            "import socket
def attempt(family, kind, address):
    try:
        s = socket.socket(family, kind); s.settimeout(3); s.connect(address); s.send(b'x')
        return True
    except OSError:
        return False
assert attempt(socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', 3128)), 'control: the proxy is there'
assert not attempt(socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', {}))
assert not attempt(socket.AF_INET, socket.SOCK_STREAM, ('192.0.2.1', 443))
assert not attempt(socket.AF_INET, socket.SOCK_DGRAM, ('192.0.2.1', 53))
assert not attempt(socket.AF_INET6, socket.SOCK_STREAM, ('2001:db8::1', 443))
attempt(socket.AF_INET, socket.SOCK_DGRAM, ('127.0.0.1', {to}))
try:
    socket.getaddrinfo('host.invalid', 443); raise SystemExit(1)
except OSError:
    pass",
            server.port()
        );
        let repo = repo(&env, &network(&server), &step, "true");
        assert_holds(&env.verify(&repo, ["--worktree"]).verdict().1);
        udp.set_nonblocking(true).unwrap();
        assert!(udp.recv(&mut [0; 8]).is_err(), "a datagram came out");
        assert!(server.asked().is_empty());
    }
}

#[test]
fn what_the_list_does_not_name_is_refused_and_the_verdict_says_what_to_write() {
    let env = TestEnv::new();
    let (listed, other) = (Server::start(), Server::start());
    let step = format!("get('http://{}/')", other.address);
    let repo = repo(&env, &network(&listed), &step, "true");
    let run = env.verify(&repo, ["--worktree"]).verdict();
    let target = format!("refused {}: ", other.address);
    assert_unavailable(&run, &["`packages`", &target, "`network`"]);
    assert!(other.asked().is_empty());
}

#[test]
fn a_name_that_leads_to_the_operators_machine_is_refused() {
    let env = TestEnv::new();
    let server = Server::start();
    let name = format!("localhost:{}", server.port());
    let keys = format!("network = [\"{name}\"]");
    let step = format!("get('http://{name}/')");
    let repo = repo(&env, &keys, &step, "true");
    let run = env.verify(&repo, ["--worktree"]).verdict();
    assert_unavailable(&run, &[&name, "a loopback address"]);
    assert!(server.asked().is_empty());
}

#[test]
fn a_host_that_does_not_answer_is_no_fault_of_the_change() {
    let env = TestEnv::new();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = closed.local_addr().unwrap().to_string();
    drop(closed);
    let keys = format!("network = [\"{to}\"]");
    let repo = repo(&env, &keys, &format!("get('http://{to}/')"), "true");
    let run = env.verify(&repo, ["--worktree"]).verdict();
    assert_unavailable(&run, &[&format!("failed to reach {to}")]);
}

#[test]
fn a_refusal_that_a_step_gets_over_is_a_note_each_time() {
    let env = TestEnv::new();
    let server = Server::start();
    let step = "
try: get('http://unlisted.invalid/')
except SystemExit: pass";
    let repo = repo(&env, &network(&server), step, "true");
    for _ in 0..2 {
        let verdict = env.verify(&repo, ["--worktree", "--no-cache"]).verdict().1;
        assert_holds(&verdict);
        let findings = verdict.0["findings"].to_string();
        assert!(
            findings.contains("asked for unlisted.invalid:80 and was refused"),
            "{findings}"
        );
    }
}

#[test]
fn the_operators_proxy_is_the_way_out_for_the_step_alone() {
    let env = TestEnv::new();
    let way_out = Server::start();
    let keys = "network = [\"only-there.invalid:80\"]";
    let step = "assert get('http://only-there.invalid/x') == 'http://only-there.invalid/x'";
    let repo = repo(&env, keys, step, "test -z \"$http_proxy\"");
    let url = format!("http://user:secret-of-the-proxy@{}", way_out.address);
    let verify = env
        .verify(&repo, ["--worktree"])
        .variable("http_proxy", url);
    let (finished, verdict) = verify.verdict();
    assert_holds(&verdict);
    let asked = way_out.asked().concat().to_lowercase();
    assert!(asked.contains("proxy-authorization: basic"), "{asked}");
    assert!(!finished.all().contains("secret-of-the-proxy"));
}

#[test]
fn the_operators_certificates_are_there_for_the_step_alone() {
    let env = TestEnv::new();
    let server = Server::start();
    let pem = "-----BEGIN CERTIFICATE-----\nb25l\n-----END CERTIFICATE-----\n";
    let file = env.path("work/corporate.pem");
    std::fs::write(&file, pem).unwrap();
    let step = "
for name in ['SSL_CERT_FILE', 'PIP_CERT', 'NODE_EXTRA_CA_CERTS', 'CARGO_HTTP_CAINFO']:
    assert 'b25l' in open(os.environ[name]).read(), name";
    let check = "test -z \"$SSL_CERT_FILE\" && ! test -e /sandbox/certificates.pem";
    let repo = repo(&env, &network(&server), step, check);
    let verify = env
        .verify(&repo, ["--worktree"])
        .variable("REQUESTS_CA_BUNDLE", file);
    assert_holds(&verify.verdict().1);
}

#[test]
fn a_changed_input_runs_the_step_again_with_the_same_list() {
    let env = TestEnv::new();
    let (server, other) = (Server::start(), Server::start());
    let step = "
to = open('wanted').read()
open('/sandbox/env/got', 'w').write(get(to if to.startswith('http') else 'http://ADDRESS' + to))"
        .replace("ADDRESS", &server.address);
    let repo = repo(
        &env,
        &network(&server),
        &step,
        // A file that the command names would be the base's.
        "cmp -s want?d /sandbox/env/got",
    );
    repo.write("wanted", "/two");
    assert_holds(&env.verify(&repo, ["--worktree"]).verdict().1);
    let asked = server.asked().concat();
    assert!(
        asked.contains("GET /one ") && asked.contains("GET /two "),
        "{asked}"
    );
    // A change cannot widen the list.
    repo.write("wanted", format!("http://{}/", other.address));
    let run = env.verify(&repo, ["--worktree"]).verdict();
    assert_unavailable(&run, &[&format!("refused {}", other.address), "candidate"]);
    assert!(other.asked().is_empty());
}

#[test]
fn a_step_with_network_lies_on_nothing_that_saw_more_than_itself() {
    let env = TestEnv::new();
    let server = Server::start();
    let repo = repo(&env, &network(&server), "", "true");
    let before = "version = 1\n[[prepare]]\nname = \"build\"\nrun = [\"sh\", \"-c\", \"cat src/ledger/money.py > /sandbox/env/copy\"]\n";
    let text = std::fs::read_to_string(repo.root().join("passmuster.toml")).unwrap();
    for (inputs, path) in [
        ("", ".github/"),
        ("inputs = [\"wanted\", \"src/**\"]\n", "src/"),
    ] {
        let policy = text.replace("version = 1\n", &format!("{before}{inputs}"));
        repo.write("passmuster.toml", policy);
        repo.commit("A step before it");
        repo.write("README.md", format!("changed {path}"));
        let run = env.verify(&repo, ["--worktree"]).verdict();
        let words = ["`packages`", "`build` before it sees", path];
        assert_unavailable(&run, &words);
    }
    let policy = text.replace("version = 1\n", &format!("{before}inputs = [\"wanted\"]\n"));
    repo.write(
        "passmuster.toml",
        policy.replace("cat src/ledger/money.py", "true"),
    );
    repo.commit("A step that sees less");
    repo.write("README.md", "changed again");
    assert_holds(&env.verify(&repo, ["--worktree"]).verdict().1);
}

const SECRET: &str = "tok-3141592653589793";

/// Shows its secret to the server, and prints it in two forms.
fn shows(server: &Server) -> String {
    format!(
        "import base64
token = os.environ['TOKEN']
get('http://{}/', Authorization='Bearer ' + token)
print('token', token, base64.b64encode(token.encode()).decode())
raise SystemExit(open('wanted').read().strip() == '/fail')",
        server.address
    )
}

/// Whether any file below a directory holds the secret.
fn holds_secret(directory: &Path) -> bool {
    let output = std::process::Command::new("grep")
        .args(["-r", "-l", "-a", "-e", SECRET])
        .arg(directory)
        .output()
        .unwrap();
    !output.stdout.is_empty()
}

#[test]
fn a_secret_reaches_the_step_and_nothing_else() {
    for env in callers() {
        let server = Server::start();
        let keys = network(&server) + "\nsecrets = [\"TOKEN\"]";
        let repo = repo(&env, &keys, &shows(&server), "test -z \"$TOKEN\"");
        let verify = env.verify(&repo, ["--worktree"]).variable("TOKEN", SECRET);
        let (finished, verdict) = verify.verdict();
        assert_holds(&verdict);
        assert!(
            server.asked().concat().contains(SECRET),
            "control: the step had it"
        );
        assert!(!finished.all().contains(SECRET));
        assert!(!holds_secret(&env.path("cache")));
        // Its value is in no key: without it, what was made is still good.
        repo.write("README.md", "another change");
        assert_holds(&env.verify(&repo, ["--worktree"]).verdict().1);
        assert_eq!(server.asked().len(), 1);
    }
}

#[test]
fn a_secret_is_struck_from_the_log_of_a_step_that_fails() {
    let env = TestEnv::new();
    let server = Server::start();
    let keys = network(&server) + "\nsecrets = [\"TOKEN\"]";
    let repo = repo(&env, &keys, &shows(&server), "true");
    repo.write("wanted", "/fail");
    repo.commit("It fails");
    repo.write("README.md", "changed");
    let verify = env.verify(&repo, ["--worktree"]).variable("TOKEN", SECRET);
    let (finished, verdict) = verify.verdict();
    assert_eq!(verdict.reasons(), ["baseline-failed"]);
    let message = verdict.text("/reasons/0/message");
    assert!(message.contains("token [secret] [secret]"), "{message}");
    assert!(
        message.contains(&format!("network: {}", server.address)),
        "{message}"
    );
    assert!(!finished.all().contains(SECRET));
}

#[test]
fn a_missing_secret_is_named() {
    let env = TestEnv::new();
    let server = Server::start();
    let keys = network(&server) + "\nsecrets = [\"TOKEN\"]";
    let repo = repo(&env, &keys, &shows(&server), "true");
    let run = env.verify(&repo, ["--worktree"]).verdict();
    assert_unavailable(&run, &["`packages`", "`TOKEN`"]);
    assert!(server.asked().is_empty());
}

#[test]
fn a_change_of_the_inputs_gets_no_secret() {
    let env = TestEnv::new();
    let server = Server::start();
    let keys = network(&server) + "\nsecrets = [\"TOKEN\"]";
    let repo = repo(&env, &keys, &shows(&server), "true");
    repo.write("wanted", "/elsewhere");
    let verify = env.verify(&repo, ["--worktree"]).variable("TOKEN", SECRET);
    assert_unavailable(
        &verify.verdict(),
        &["`packages`", "never given to a change"],
    );
    assert_eq!(server.asked().len(), 1, "the base's run alone");
}

#[test]
fn a_secret_that_a_step_leaves_behind_is_found_and_its_work_thrown_away() {
    let env = TestEnv::new();
    let server = Server::start();
    let keys = network(&server) + "\nsecrets = [\"TOKEN\"]";
    let step = "os.makedirs('/sandbox/env/etc')
open('/sandbox/env/etc/rc', 'w').write('//host/:_authToken=' + os.environ['TOKEN'])";
    let repo = repo(&env, &keys, step, "true");
    let verify = env.verify(&repo, ["--worktree"]).variable("TOKEN", SECRET);
    assert_unavailable(&verify.verdict(), &["`TOKEN`", "env/etc/rc"]);
    assert!(!holds_secret(&env.path("cache")));
}

#[test]
fn show_says_where_what_a_step_reached_is_written_down() {
    let env = TestEnv::new();
    let server = Server::start();
    let get = format!("get('http://{}/')", server.address);
    let repo = repo(&env, &network(&server), &get, "true");
    let (_, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    assert_holds(&verdict);
    for format in ["human", "json"] {
        let shown = env.passmuster(["show", "--format", format]).run();
        shown.assert_code(0);
        assert!(!shown.out().contains("network.log"), "{}", shown.all());
        let said = shown.err();
        let log = said.trim().rsplit(' ').next().unwrap();
        let log = std::fs::read_to_string(log).unwrap_or_else(|error| panic!("{error}: {said}"));
        assert!(log.contains(&server.address.to_string()), "{log}");
    }
}
