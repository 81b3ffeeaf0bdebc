//! Layers that are merged, written by copying, and never changed themselves.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use passmuster_process::{Lower, Mount, SandboxError, Step, identity};
use tempfile::TempDir;

use crate::support::{Sandbox, give_to_payload, payload_directory};

/// A layer of the payload's with these files.
fn layer(files: &[(&str, &str)]) -> TempDir {
    let directory = TempDir::new().unwrap();
    for (name, content) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    give_to_payload(directory.path());
    directory
}

fn lower(directory: &TempDir) -> Lower {
    Lower {
        source: directory.path().into(),
        owner_shift: false,
    }
}

fn overlay(lowers: &[&TempDir], scratch: &Path) -> Mount {
    let lowers = lowers.iter().map(|directory| lower(directory)).collect();
    Mount::Overlay {
        lowers,
        scratch: scratch.into(),
        target: "/sandbox/tree".into(),
    }
}

fn in_tree(script: &str, mount: Mount) -> String {
    let mut sandbox = Sandbox::shell(script).mount(mount);
    sandbox.0.command.cwd = "/sandbox/tree".into();
    sandbox.output()
}

/// Names and contents below a directory.
fn contents(directory: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let content = if path.is_dir() {
            format!("{:?}", contents(&path))
        } else {
            fs::read_to_string(&path).unwrap()
        };
        found.insert(name, content);
    }
    found
}

#[test]
fn upper_layers_win_and_no_layer_changes() {
    let (top, bottom) = (
        layer(&[("a", "top")]),
        layer(&[("a", "bottom"), ("b", "b"), ("d/e", "e")]),
    );
    let before = (contents(top.path()), contents(bottom.path()));
    let scratch = payload_directory();
    let script = "cat a b; echo new > b; rm a; mv d/e d/f; rm -r d; mkdir d; echo g > d/g; find . -type f | sort | tr '\\n' ' '";
    assert_eq!(
        in_tree(script, overlay(&[&top, &bottom], scratch.path())),
        "topb./b ./d/g"
    );
    assert_eq!((contents(top.path()), contents(bottom.path())), before);
    let upper = scratch.path().join("upper");
    assert_eq!(fs::read_to_string(upper.join("b")).unwrap(), "new\n");
    let whiteout = fs::symlink_metadata(upper.join("a")).unwrap();
    assert_eq!(
        whiteout.rdev(),
        0,
        "a deleted file is a character device 0:0"
    );
    assert!(
        !scratch.path().join("work").exists(),
        "the work directory is gone"
    );
}

#[test]
fn a_hard_link_into_a_layer_is_broken_by_the_first_write() {
    let (bottom, scratch, outside) = (
        layer(&[("a", "old")]),
        payload_directory(),
        payload_directory(),
    );
    let other_name = outside.path().join("precious");
    fs::hard_link(bottom.path().join("a"), &other_name).unwrap();
    assert_eq!(
        in_tree("echo new > a; cat a", overlay(&[&bottom], scratch.path())),
        "new"
    );
    assert_eq!(fs::read_to_string(other_name).unwrap(), "old");
}

#[test]
fn a_work_directory_that_a_killed_caller_left_is_replaced() {
    let (bottom, scratch) = (layer(&[("a", "a")]), payload_directory());
    let left = scratch.path().join("work/work");
    fs::create_dir_all(left.join("incompat/volatile")).unwrap();
    give_to_payload(scratch.path());
    fs::set_permissions(&left, fs::Permissions::from_mode(0o000)).unwrap();
    assert_eq!(
        in_tree("echo b >> a; cat a", overlay(&[&bottom], scratch.path())),
        "ab"
    );
}

#[test]
fn a_generated_file_in_a_writable_tree_stays_as_it_was_made() {
    let (bottom, scratch) = (layer(&[("a", "a")]), payload_directory());
    let file = |name: &str| Mount::File {
        target: format!("/sandbox/tree/{name}").into(),
        content: b"generated".to_vec(),
        executable: false,
    };
    let script = "for f in a new; do cat $f; chmod 777 $f || rm -f $f || echo x > $f || echo kept; done 2>/dev/null";
    let sandbox = Sandbox::shell(&format!("cd /sandbox/tree; {script}"))
        .mount(overlay(&[&bottom], scratch.path()))
        .mount(file("a"))
        .mount(file("new"));
    assert_eq!(sandbox.output(), "generatedkept\ngeneratedkept");
    assert_eq!(fs::read_to_string(bottom.path().join("a")).unwrap(), "a");
}

#[test]
fn what_was_written_is_there_again_at_the_next_launch() {
    let (bottom, scratch) = (layer(&[("a", "a"), ("b", "b")]), payload_directory());
    let launch = |script| in_tree(script, overlay(&[&bottom], scratch.path()));
    assert_eq!(
        launch("rm a; echo changed > b; echo c > c; ls | tr '\\n' ' '"),
        "b c"
    );
    assert_eq!(launch("ls | tr '\\n' ' '; cat b c"), "b c changed\nc");
}

#[test]
fn a_read_only_overlay_merges_one_layer_or_many() {
    let (top, bottom) = (
        layer(&[("a", "top")]),
        layer(&[("a", "bottom"), ("b", "b")]),
    );
    for (lowers, expected) in [
        (vec![&bottom], "bottomb refused"),
        (vec![&top, &bottom], "topb refused"),
    ] {
        let lowers = lowers.into_iter().map(lower).collect();
        let mount = Mount::ReadOnlyOverlay {
            lowers,
            target: "/sandbox/tree".into(),
        };
        assert_eq!(
            in_tree("cat a b; touch a 2>/dev/null || echo ' refused'", mount),
            expected
        );
    }
}

#[test]
fn files_of_root_can_be_written_by_copying_when_their_owner_is_shifted() {
    let (bottom, scratch) = (TempDir::new().unwrap(), payload_directory());
    fs::set_permissions(bottom.path(), fs::Permissions::from_mode(0o700)).unwrap();
    fs::create_dir(bottom.path().join("d")).unwrap();
    fs::write(bottom.path().join("d/a"), "a").unwrap();
    fs::set_permissions(bottom.path().join("d/a"), fs::Permissions::from_mode(0o600)).unwrap();
    let launch = |owner_shift| {
        let lowers = vec![Lower {
            source: bottom.path().into(),
            owner_shift,
        }];
        let mount = Mount::Overlay {
            lowers,
            scratch: scratch.path().into(),
            target: "/data".into(),
        };
        Sandbox::shell("cd /data && cat d/a && echo more >> d/a && mv d/a d/b && ls d")
            .mount(mount)
            .run()
    };
    let report = launch(true);
    assert_eq!(
        crate::support::stdout(&report),
        "ab",
        "{}",
        crate::support::stderr(&report)
    );
    assert_eq!(fs::read_to_string(bottom.path().join("d/a")).unwrap(), "a");
    assert_eq!(
        fs::metadata(bottom.path().join("d/a")).unwrap().uid(),
        nix::unistd::geteuid().as_raw()
    );
    if identity::is_root() {
        let report = launch(false);
        assert_ne!(
            report.exit,
            passmuster_process::Exit::Exited(0),
            "control: without the shift it is root's alone"
        );
    }
}

#[test]
fn an_owner_that_cannot_be_shifted_is_an_error_that_names_the_step() {
    if identity::is_root() {
        return; // Root can shift what belongs to root; the ordinary user of `identities` comes by here.
    }
    let scratch = payload_directory();
    let lowers = vec![Lower {
        source: "/usr/bin".into(),
        owner_shift: true,
    }];
    let mount = Mount::Overlay {
        lowers,
        scratch: scratch.path().into(),
        target: "/data".into(),
    };
    match Sandbox::shell("true").mount(mount).try_run() {
        Err(SandboxError::Setup(failure)) => assert_eq!(failure.step, Step::ShiftOwner),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_probe_says_what_overlays_can_do_here_and_leaves_nothing() {
    let place = TempDir::new().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let launcher = passmuster_process::Launcher::new(crate::support::helper());
    let support = runtime
        .block_on(passmuster_process::probe(&launcher, place.path()))
        .unwrap();
    assert_eq!((support.overlay, support.owner_shift), (Ok(()), Ok(())));
    assert!(!support.enforcement.is_empty());
    assert_eq!(contents(place.path()), BTreeMap::new());
}
