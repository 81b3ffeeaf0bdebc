//! The file system that a payload sees.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use passmuster_process::{Exit, Mount, SandboxError};
use tempfile::TempDir;

use crate::support::{Sandbox, payload_directory, stderr, stdout};

/// Runs a line of shell and says what it was refused with.
fn refused(line: &str) -> String {
    let report = Sandbox::shell(line).run();
    assert_ne!(report.exit, Exit::Exited(0), "{line}: {}", stdout(&report));
    stderr(&report)
}

#[test]
fn the_root_holds_the_system_view_and_nothing_of_the_host() {
    let names = Sandbox::shell("ls -A /").output();
    let known = [
        "bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "tmp", "usr",
    ];
    for name in names.lines() {
        assert!(known.contains(&name), "{name}");
    }
}

#[test]
fn nothing_can_be_written_outside_the_granted_places() {
    let attempts = [
        ("echo x > /usr/x", "Read-only file system"),
        ("echo x > /etc/passwd", "Read-only file system"),
        ("chmod 666 /etc/passwd", "Read-only file system"),
        ("rm /etc/hostname", "Read-only file system"),
        ("echo x > /x", "Read-only file system"),
        ("mkdir /home", "Read-only file system"),
        ("echo x > /dev/x", "Read-only file system"),
        ("chmod 600 /dev/null", "Read-only file system"),
        (
            "echo x > /proc/sys/kernel/core_pattern",
            "Read-only file system",
        ),
        ("echo x > /proc/sysrq-trigger", ""),
        ("mknod /tmp/d c 1 3", "Operation not permitted"),
        ("ln /usr/bin/env /tmp/e", "cross-device"),
        (
            "ln -s /etc/passwd /tmp/l && echo x >> /tmp/l",
            "Permission denied",
        ),
        ("cat /sys/kernel/uevent_seqnum", "No such file"),
        ("ls /proc/1/root/", "Permission denied"),
    ];
    for (line, expected) in attempts {
        let message = refused(line);
        assert!(message.contains(expected), "{line}: {message}");
    }
}

#[test]
fn secrets_of_the_caller_are_invisible() {
    let home = TempDir::new().unwrap();
    let canary = home.path().join("id_ed25519");
    fs::write(&canary, "canary").unwrap();
    fs::set_permissions(&canary, fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let message = refused(&format!("cat {}", canary.display()));
    assert!(message.contains("No such file"), "{message}");
    let shown = Sandbox::shell(&format!("cat {}", canary.display()))
        .mount(Mount::ReadOnly {
            source: home.path().into(),
            target: home.path().into(),
        })
        .output();
    assert_eq!(shown, "canary", "control: it can be read when granted");
}

#[test]
fn a_read_only_grant_cannot_be_changed_and_a_writable_one_can() {
    let directory = payload_directory();
    fs::write(directory.path().join("old"), "old").unwrap();
    let attempt = |mount| {
        Sandbox::shell("cat /data/old && echo new > /data/new")
            .mount(mount)
            .run()
    };
    let (source, target) = (directory.path().to_owned(), "/data".into());
    let report = attempt(Mount::ReadOnly {
        source: source.clone(),
        target,
    });
    assert_eq!(
        (report.exit, stdout(&report).as_str()),
        (Exit::Exited(2), "old")
    );
    assert!(stderr(&report).contains("Read-only file system"));
    let report = attempt(Mount::Writable {
        source,
        target: "/data".into(),
    });
    assert_eq!(report.exit, Exit::Exited(0), "{}", stderr(&report));
    assert_eq!(
        fs::read_to_string(directory.path().join("new")).unwrap(),
        "new\n"
    );
}

#[test]
fn a_link_in_a_granted_directory_cannot_lead_a_mount_or_a_write_outside() {
    let (directory, outside) = (payload_directory(), TempDir::new().unwrap());
    std::os::unix::fs::symlink(outside.path(), directory.path().join("link")).unwrap();
    let report = Sandbox::shell("echo x > /data/link/file; ls -A /data/link/")
        .mount(Mount::Writable {
            source: directory.path().into(),
            target: "/data".into(),
        })
        .mount(Mount::Tmpfs {
            target: "/data/link/below".into(),
            size: 1 << 20,
        })
        .try_run();
    let outside_is_empty = fs::read_dir(outside.path()).unwrap().next().is_none();
    assert!(outside_is_empty, "{report:?}");
}

#[test]
fn generated_parts_appear_as_described() {
    let output = Sandbox::shell("/made/run; readlink /made/link; ls -d /made/empty; df -k /made/memory | tail -1 | awk '{print $2}'")
        .mount(Mount::File { target: "/made/run".into(), content: b"#!/bin/sh\necho ran\n".into(), executable: true })
        .mount(Mount::Symlink { path: "/made/link".into(), to: "run".into() })
        .mount(Mount::Directory { target: "/made/empty".into() })
        .mount(Mount::Tmpfs { target: "/made/memory".into(), size: 2 << 20 })
        .output();
    assert_eq!(output, "ran\nrun\n/made/empty\n2048");
}

#[test]
fn a_single_file_can_be_granted() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "content").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let sandbox = Sandbox::shell("cat /only; ls /only").mount(Mount::ReadOnly {
        source: file,
        target: "/only".into(),
    });
    assert_eq!(sandbox.output(), "content/only");
}

#[test]
fn devices_work_and_only_the_harmless_ones_exist() {
    let output = Sandbox::shell("echo x > /dev/null; head -c 3 /dev/zero | wc -c; head -c 3 /dev/urandom | wc -c; cd /dev; echo *").output();
    assert_eq!(
        output,
        "3\n3\nfd full null ptmx pts random shm stderr stdin stdout tty urandom zero"
    );
}

#[test]
fn the_temporary_directory_is_bounded() {
    let sandbox =
        Sandbox::shell("head -c 3000000 /dev/zero > /tmp/f").limits(|limits| limits.tmp = 1 << 20);
    let report = sandbox.run();
    assert!(
        stderr(&report).contains("No space left"),
        "{}",
        stderr(&report)
    );
}

#[test]
fn an_impossible_specification_is_refused_before_anything_starts() {
    let target = |target: &str| {
        Sandbox::shell("true")
            .mount(Mount::Directory {
                target: target.into(),
            })
            .try_run()
    };
    for wrong in ["relative", "/a/../b", "/"] {
        assert!(
            matches!(target(wrong), Err(SandboxError::Spec { .. })),
            "{wrong}"
        );
    }
    let empty = Mount::ReadOnlyOverlay {
        lowers: Vec::new(),
        target: "/x".into(),
    };
    assert!(matches!(
        Sandbox::shell("true").mount(empty).try_run(),
        Err(SandboxError::Spec { .. })
    ));
}

#[test]
fn a_source_that_does_not_exist_is_named() {
    let source = Path::new("/no/such/source").to_owned();
    let missing = Mount::ReadOnly {
        source,
        target: "/x".into(),
    };
    let error = Sandbox::shell("true").mount(missing).try_run().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the sandbox could not be set up: opening a granted path `/no/such/source`: No such file or directory"
    );
}
