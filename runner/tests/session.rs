//! Runs over trees in both forms that a tree can have: an overlay, and the copy where the kernel
//! refuses overlays.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends with its place and cause"
)]

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use passmuster::adapters::{Phase, Phases as _};
use passmuster::cache::Cache;
use passmuster::grants::{Access, Attendant, Grants, View};
use passmuster::interrupt::Stop;
use passmuster::session::{Machine, Session, make_owned};
use passmuster::toolchains::Operator;
use passmuster::trees::Owner;
use passmuster_policy::policy::{Service, parse};
use passmuster_policy::run::Outcome;
use passmuster_process::{Launcher, Limits, identity};

fn machine(root: &Path, overlay: bool) -> Machine {
    let ids = identity::host().unwrap();
    Machine {
        launcher: Launcher::new(env!("CARGO_BIN_EXE_passmuster")),
        cache: Cache::open(&root.join("cache")).unwrap(),
        owner: Owner {
            uid: ids.uid,
            gid: ids.gid,
        },
        isolation: passmuster_policy::policy::Isolation::Full,
        overlay,
        stop: Stop::on_signals().unwrap(),
    }
}

/// A layer that belongs to the sandboxed command, as the tree writer makes them.
fn layer(machine: &Machine, root: &Path, name: &str, files: &[&str]) -> PathBuf {
    let layer = root.join(name);
    make_owned(&layer, machine.owner).unwrap();
    for file in files {
        let path = layer.join(file);
        make_owned(path.parent().unwrap(), machine.owner).unwrap();
        fs::write(&path, name).unwrap();
        std::os::unix::fs::chown(&path, Some(machine.owner.uid), Some(machine.owner.gid)).unwrap();
    }
    layer
}

async fn run(machine: &Machine, view: &View, scripts: &[&str]) -> Vec<(Outcome, String)> {
    run_beside(machine, view, &[], scripts).await
}

async fn run_beside(
    machine: &Machine,
    view: &View,
    services: &[Attendant],
    scripts: &[&str],
) -> Vec<(Outcome, String)> {
    let policy = parse("version = 1\n", "test").unwrap();
    let grants = Grants::new(&policy, &Operator::default(), &[], &[]);
    let limits = Limits {
        wall: Duration::from_secs(60),
        ..Limits::default()
    };
    let mut session = Session::open(machine, &grants, view, Access::Check, limits)
        .unwrap()
        .with_services(services, view)
        .unwrap();
    let mut ends = Vec::new();
    for script in scripts {
        let argv = ["/bin/sh", "-c", script].map(OsString::from).to_vec();
        let env = grants.environment(view);
        let phase = Phase {
            argv,
            env,
            ..Phase::default()
        };
        let end = session.launch(phase).await.unwrap();
        ends.push((
            end.outcome,
            String::from_utf8_lossy(&end.stdout).into_owned(),
        ));
    }
    ends
}

#[tokio::test(flavor = "multi_thread")]
async fn phases_share_what_they_write_and_layers_stay_as_they_were_with_and_without_overlays() {
    for overlay in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let machine = machine(dir.path(), overlay);
        let low = layer(&machine, dir.path(), "low", &["a", "d/b", "d/c"]);
        let high = layer(&machine, dir.path(), "high", &["a", "d/b"]);
        let view = View {
            tree: vec![high.clone(), low.clone()],
            ..View::default()
        };
        let scripts = [
            "cat a d/b d/c; echo changed > a; rm d/c; echo made > made",
            "cat a made; ls d",
        ];
        let ends = run(&machine, &view, &scripts).await;
        let said: Vec<&str> = ends.iter().map(|(_, said)| said.as_str()).collect();
        assert_eq!(
            said,
            ["highhighlow", "changed\nmade\nb\n"],
            "overlay: {overlay}"
        );
        assert!(
            ends.iter()
                .all(|(outcome, _)| *outcome == Outcome::Exited { status: 0 })
        );
        for (path, content) in [
            (high.join("a"), "high"),
            (low.join("a"), "low"),
            (low.join("d/c"), "low"),
        ] {
            assert_eq!(
                fs::read_to_string(path).unwrap(),
                content,
                "overlay: {overlay}"
            );
        }
        assert!(!low.join("made").exists() && !high.join("made").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_session_is_left_when_it_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let machine = machine(dir.path(), true);
    let tree = layer(&machine, dir.path(), "tree", &["a"]);
    let view = View {
        tree: vec![tree],
        ..View::default()
    };
    // A directory that nobody may enter, and a process that wants to stay.
    let script = "mkdir -p shut/in && chmod 000 shut; (sleep 1000 > /dev/null 2>&1 &)";
    run(&machine, &view, &[script]).await;
    let left: Vec<_> = fs::read_dir(machine.cache.root().join("tmp"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_owns_its_data_for_one_run_with_and_without_overlays() {
    for overlay in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let machine = machine(dir.path(), overlay);
        let tree = layer(&machine, dir.path(), "tree", &["a"]);
        let low = layer(&machine, dir.path(), "low", &["db/a", "db/b", "kept"]);
        let high = layer(&machine, dir.path(), "high", &["db/a"]);
        let private = fs::Permissions::from_mode(0o700);
        fs::set_permissions(high.join("db"), private).unwrap();
        let view = View {
            tree: vec![tree],
            env: vec![high.clone(), low.clone()],
            ..View::default()
        };
        let script = "cat \"$1\"/a \"$1\"/b > \"$1\"/seen; exec sleep 1000";
        let run = ["sh", "-c", script, "sh", "/sandbox/env/db"];
        let service = Attendant {
            service: Service {
                name: "db".to_owned(),
                run: run.map(str::to_owned).to_vec(),
                ..Service::default()
            },
            program: "/bin/sh".into(),
        };
        let look = "cd /sandbox/env; until test -s db/seen; do sleep 0.01; done; cat db/seen; stat -c %a:%u db; ls db; \
                    rm db/b; echo changed > db/a; touch kept new 2>/dev/null || echo refused";
        for attempt in 0..2 {
            let ends = run_beside(
                &machine,
                &view,
                std::slice::from_ref(&service),
                &[look, "cat /sandbox/env/db/a"],
            )
            .await;
            let said: Vec<&str> = ends.iter().map(|(_, said)| said.as_str()).collect();
            let first = "highlow700:1000\na\nb\nseen\nrefused\n";
            assert_eq!(
                said,
                [first, "changed\n"],
                "overlay: {overlay}, run {attempt}"
            );
        }
        assert!(low.join("db/b").exists() && !high.join("db/seen").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_of_a_layer_is_renamed_where_trees_are_copies_and_not_where_they_are_overlays()
{
    let rename = "python3 -c \"import os; os.rename('d', 'moved')\" 2>&1; ls";
    for (overlay, expected) in [(true, "Invalid cross-device link"), (false, "moved")] {
        let dir = tempfile::tempdir().unwrap();
        let machine = machine(dir.path(), overlay);
        let tree = layer(&machine, dir.path(), "tree", &["d/a"]);
        let view = View {
            tree: vec![tree],
            ..View::default()
        };
        let ends = run(&machine, &view, &[rename]).await;
        assert!(ends[0].1.contains(expected), "overlay: {overlay}: {ends:?}");
        assert_eq!(ends[0].1.contains("moved\n"), !overlay);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_about_a_run_afterwards_ends_with_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let machine = machine(dir.path(), true);
    let tree = vec![layer(&machine, dir.path(), "tree", &["a"])];
    let view = View {
        tree,
        ..View::default()
    };
    let policy = parse("version = 1\n", "test").unwrap();
    let grants = Grants::new(&policy, &Operator::default(), &[], &[]);
    for (seconds, expected) in [(60, Ok(())), (0, Err(std::io::ErrorKind::TimedOut))] {
        let limits = Limits {
            wall: Duration::from_secs(seconds),
            ..Limits::default()
        };
        let session = Session::open(&machine, &grants, &view, Access::Prepare, limits).unwrap();
        assert_eq!(session.go_on().map_err(|error| error.kind()), expected);
    }
}
