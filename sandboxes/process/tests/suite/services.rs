//! Services beside the command: ready before it starts, heard apart from it, ended with it.

use std::time::{Duration, Instant};

use passmuster_process::{
    Command, Ended, Exit, Limit, Mount, NotReady, Ready, Report, Service, ServiceReport, Start,
};

use crate::support::{Sandbox, eventually, payload_directory, processes_with, stdout};

const PORT: u16 = 7001;

/// Answers every connection with a word, after having taken its time to begin.
const SERVER: &str = "import socket, sys, time
time.sleep(0.3)
family = socket.AF_INET6 if sys.argv[1] == '::1' else socket.AF_INET
s = socket.socket(family); s.bind((sys.argv[1], int(sys.argv[2]))); s.listen()
print('listening', flush=True)
while True:
    c, _ = s.accept()
    try: c.sendall(sys.argv[3].encode())
    except OSError: pass
    c.close()";

/// Prints what the server on a port says.
const CLIENT: &str = "import socket, sys
print(socket.create_connection((sys.argv[1], int(sys.argv[2]))).recv(100).decode())";

fn service(name: &str, program: &str, args: &[&str], ready: Ready) -> Service {
    let command = Command {
        program: program.into(),
        args: args.iter().map(Into::into).collect(),
        env: [("PATH".into(), "/usr/bin:/bin".into())].into(),
        cwd: "/tmp".into(),
    };
    Service {
        name: name.into(),
        command,
        ready,
        patience: Duration::from_secs(20),
        log: 10_000,
    }
}

fn shell(name: &str, script: &str) -> Service {
    service(name, "/bin/sh", &["-c", script], Ready::Started)
}

fn server(name: &str, address: &str, port: u16, word: &str) -> Service {
    let args = ["-c", SERVER, address, &port.to_string(), word];
    service(name, "/usr/bin/python3", &args, Ready::Port(port))
}

fn client(address: &str, port: u16) -> Sandbox {
    let args = ["-c", CLIENT, address, &port.to_string()];
    Sandbox::program("/usr/bin/python3", &args)
}

impl Sandbox {
    fn beside(mut self, service: Service) -> Self {
        self.0.services.push(service);
        self
    }
}

fn log(service: &ServiceReport) -> String {
    String::from_utf8_lossy(&service.log.bytes())
        .trim()
        .to_owned()
}

#[track_caller]
fn assert_not_ready(report: &Report, why: NotReady) {
    assert_eq!(report.exit, Exit::ServiceNotReady { service: 0, why });
    assert_eq!(stdout(report), "", "the command was not started");
    assert_eq!(report.survivors, 0);
}

#[test]
fn a_service_is_ready_before_the_command_starts_in_both_families() {
    for address in ["127.0.0.1", "::1"] {
        let report = client(address, PORT)
            .beside(server("db", address, PORT, "hello"))
            .run();
        assert_eq!(
            (report.exit, stdout(&report).as_str()),
            (Exit::Exited(0), "hello")
        );
        let known = &report.services[0];
        assert_eq!((known.name.as_str(), known.ended), ("db", None));
        assert_eq!(log(known), "listening", "apart from the command's output");
        assert_eq!(report.survivors, 0);
    }
}

#[test]
fn each_service_starts_once_the_one_before_it_is_ready() {
    let second = format!(
        "python3 -c '{CLIENT}' 127.0.0.1 {PORT}; exec python3 -c \"$0\" 127.0.0.1 7002 second"
    );
    let second = service("b", "/bin/sh", &["-c", &second, SERVER], Ready::Port(7002));
    let report = client("127.0.0.1", 7002)
        .beside(server("a", "127.0.0.1", PORT, "first"))
        .beside(second)
        .run();
    assert_eq!(stdout(&report), "second", "{report:?}");
    assert_eq!(log(&report.services[1]), "first\nlistening");
}

#[test]
fn a_service_that_is_not_ready_in_time_keeps_the_command_from_starting() {
    let mut late = service(
        "late",
        "/bin/sh",
        &["-c", "echo waiting; sleep 1000"],
        Ready::Port(PORT),
    );
    late.patience = Duration::from_millis(300);
    let started = Instant::now();
    let report = Sandbox::shell("echo ran").beside(late).run();
    assert_not_ready(&report, NotReady::Late);
    assert_eq!(log(&report.services[0]), "waiting");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_service_that_ends_before_it_is_ready_keeps_the_command_from_starting() {
    let cases = [
        ("echo no such database >&2; exit 3", Ended::Exited(3)),
        ("echo no such database >&2; kill -9 $$", Ended::Signalled(9)),
    ];
    for (script, ended) in cases {
        let service = service("db", "/bin/sh", &["-c", script], Ready::Port(PORT));
        let report = Sandbox::shell("echo ran").beside(service).run();
        assert_not_ready(&report, NotReady::Ended(ended));
        assert_eq!(report.services[0].ended, Some(ended));
        assert_eq!(log(&report.services[0]), "no such database");
    }
}

#[test]
fn a_service_that_cannot_be_executed_is_told_apart_from_one_that_fails() {
    let missing = service("db", "/no/such/server", &[], Ready::Started);
    let report = Sandbox::shell("echo ran").beside(missing).run();
    let why = NotReady::NotStarted {
        errno: libc::ENOENT,
        start: Start::Program,
    };
    assert_not_ready(&report, why);
}

#[test]
fn a_port_on_which_another_service_listens_proves_nothing() {
    let report = Sandbox::shell("echo ran")
        .beside(server("a", "127.0.0.1", PORT, "a"))
        .beside(server("b", "127.0.0.1", PORT, "b"))
        .run();
    let why = NotReady::PortTaken;
    assert_eq!(report.exit, Exit::ServiceNotReady { service: 1, why });
}

#[test]
fn a_service_that_dies_while_the_command_runs_is_a_fact_and_no_end() {
    let dying = shell("dying", "sleep 0.2; echo out of memory; exit 9");
    let report = Sandbox::shell("sleep 0.6; echo finished")
        .beside(shell("living", "exec sleep 1000"))
        .beside(dying)
        .run();
    assert_eq!(
        (report.exit, stdout(&report).as_str()),
        (Exit::Exited(0), "finished")
    );
    let ended: Vec<_> = report
        .services
        .iter()
        .map(|service| service.ended)
        .collect();
    assert_eq!(ended, [None, Some(Ended::Exited(9))]);
    assert_eq!(log(&report.services[1]), "out of memory");
    assert_eq!(report.survivors, 0);
}

#[test]
fn a_flood_from_a_service_is_cut_and_holds_nothing_up() {
    let started = Instant::now();
    let report = Sandbox::shell("sleep 0.5; echo done; echo error >&2")
        .beside(shell("noisy", "echo first; exec yes"))
        .run();
    assert_eq!(stdout(&report), "done");
    assert_eq!(report.stderr.head, b"error\n");
    let log = &report.services[0].log;
    assert!(
        log.total > 1_000_000,
        "it was read all the time: {}",
        log.total
    );
    assert_eq!(log.head.len() + log.tail.len(), 10_000);
    assert!(log.head.starts_with(b"first\ny\n"));
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn services_are_asked_to_end_and_can_clean_up() {
    let clean = "trap 'echo cleaned; exit 0' TERM; echo up; while :; do sleep 0.02; done";
    let report = Sandbox::shell("sleep 0.2").beside(shell("db", clean)).run();
    let known = &report.services[0];
    assert_eq!(log(known), "up\ncleaned");
    assert_eq!(known.ended, None, "ended with the command, not before it");
}

#[test]
fn services_that_ignore_the_request_are_killed_with_all_they_started_and_count_as_nobodys() {
    let name = format!("{}", 7_000_000 + std::process::id());
    for script in [
        format!("trap '' TERM; sleep {name} & sleep {name} & wait; sleep {name}"),
        format!("kill -STOP $$; sleep {name}"),
        // Ends itself at once, and leaves a child that holds the log open.
        format!(
            "trap 'exit 0' TERM; (trap '' TERM; sleep {name}; true) & while :; do sleep 0.02; done"
        ),
        // A child with a session of its own, as a database's workers have.
        format!("trap '' TERM; setsid sleep {name} & while :; do sleep 0.02; done"),
    ] {
        let started = Instant::now();
        let report = Sandbox::shell("sleep 0.2; exit 5")
            .beside(shell("stubborn", &script))
            .run();
        assert_eq!(
            (report.exit, report.survivors),
            (Exit::Exited(5), 0),
            "{script}"
        );
        assert_eq!(processes_with(&name), [] as [i32; 0], "{script}");
        assert!(started.elapsed() < Duration::from_secs(5), "{script}");
    }
}

#[test]
fn what_the_command_leaves_is_counted_beside_services() {
    let report = Sandbox::shell("(setsid sleep 1000 &); sleep 1000 & exit 0")
        .beside(shell(
            "db",
            "trap '' TERM; sleep 1000 & while :; do sleep 0.02; done",
        ))
        .run();
    assert_eq!((report.exit, report.survivors), (Exit::Exited(0), 2));
}

#[test]
fn the_wall_limit_covers_services() {
    let mut never = service("never", "/bin/sleep", &["1000"], Ready::Port(PORT));
    never.patience = Duration::from_secs(1000);
    let started = Instant::now();
    let report = Sandbox::shell("echo ran")
        .beside(never)
        .limits(|limits| limits.wall = Duration::from_millis(300))
        .run();
    assert_eq!(report.exit, Exit::LimitExceeded(Limit::Wall));
    assert_eq!(stdout(&report), "");
    assert!(started.elapsed() < Duration::from_secs(5));
    let report = Sandbox::shell("sleep 1000")
        .beside(shell("db", "trap '' TERM; while :; do sleep 0.02; done"))
        .limits(|limits| limits.wall = Duration::from_millis(300))
        .run();
    assert_eq!(report.exit, Exit::LimitExceeded(Limit::Wall));
}

#[test]
fn what_a_service_uses_counts_towards_the_limits_of_all() {
    let eat = "import time\nx = bytearray(300 << 20)\ntime.sleep(1000)";
    let report = Sandbox::shell("sleep 1000")
        .beside(service(
            "eater",
            "/usr/bin/python3",
            &["-c", eat],
            Ready::Started,
        ))
        .limits(|limits| limits.memory = Some(150 << 20))
        .run();
    assert_eq!(report.exit, Exit::LimitExceeded(Limit::Memory));

    let (data, before) = (payload_directory(), Instant::now());
    let fill = "while :; do head -c 8000000 /dev/zero; done > /data/file";
    let report = Sandbox::shell("sleep 1000")
        .mount(Mount::Writable {
            source: data.path().into(),
            target: "/data".into(),
        })
        .beside(shell("filler", fill))
        .limits(|limits| limits.disk = Some(32 << 20))
        .run();
    assert_eq!(report.exit, Exit::LimitExceeded(Limit::Disk));
    assert!(before.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_service_has_no_more_rights_than_the_command() {
    let look = "grep -E '^(Cap|NoNewPrivs|Seccomp:|Uid)' /proc/self/status; ls /proc/self/fd | wc -l; \
                touch /usr/x 2>&1; readlink /proc/self/fd/0";
    let command = Sandbox::shell(look).run();
    let report = Sandbox::shell("sleep 0.3").beside(shell("db", look)).run();
    let of_command = stdout(&command);
    assert_eq!(log(&report.services[0]), of_command);
    assert!(of_command.contains("CapEff:\t0000000000000000"));
    let sessions = "cut -d' ' -f6 /proc/$$/stat";
    let report = Sandbox::shell(&format!("{sessions}; sleep 0.3"))
        .beside(shell("db", sessions))
        .run();
    assert_ne!(log(&report.services[0]), stdout(&report));
}

#[test]
fn stopping_kills_a_service_that_never_becomes_ready() {
    let name = format!("{}", 8_000_000 + std::process::id());
    let script = format!("trap '' TERM; sleep {name}; true");
    let sandbox = Sandbox::shell("echo ran").beside(service(
        "never",
        "/bin/sh",
        &["-c", &script],
        Ready::Port(PORT),
    ));
    let appeared = async {
        while processes_with(&name).len() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let report = sandbox.run_until(appeared).unwrap();
    assert_eq!(report.exit, Exit::Stopped);
    eventually("everything is dead", || processes_with(&name).is_empty());
}
