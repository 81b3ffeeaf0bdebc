//! Root and an ordinary user as callers.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use passmuster_process::{Mount, identity};
use tempfile::TempDir;

use crate::support::{Sandbox, helper, payload_directory};

/// Some id that is neither root nor the payload's.
const ORDINARY: &str = "12345";

#[test]
fn a_payload_never_runs_as_host_root() {
    let directory = payload_directory();
    let sandbox = Sandbox::shell("id -u; touch /data/mine").mount(Mount::Writable {
        source: directory.path().into(),
        target: "/data".into(),
    });
    assert_eq!(sandbox.output(), identity::INSIDE.to_string());
    let owner = fs::metadata(directory.path().join("mine")).unwrap();
    let payload = identity::host().unwrap();
    assert_eq!((owner.uid(), owner.gid()), (payload.uid, payload.gid));
    assert_ne!(owner.uid(), 0);
    assert_eq!(
        identity::host().unwrap(),
        payload,
        "it is the same each time"
    );
}

/// Runs every other test of this binary again as an ordinary user, in directories that this user
/// can reach, and who has `/sandbox`.
#[test]
fn all_of_this_holds_for_an_ordinary_user_as_well() {
    if !identity::is_root() {
        return; // This already is an ordinary user's run.
    }
    let place = TempDir::new().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let copies = [
        (std::env::current_exe().unwrap(), "suite"),
        (helper(), "helper"),
    ]
    .map(|(from, name)| {
        let to = place.path().join(name);
        fs::copy(from, &to).unwrap();
        fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).unwrap();
        to
    });
    let [suite, helper] = copies;
    let launcher = "../../tests/testdata/launchers/with_stage.sh";
    let launcher = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(launcher);
    let output = Command::new("/usr/bin/unshare")
        .arg("--mount")
        .arg(launcher)
        .args([ORDINARY, "/usr/bin/setpriv"])
        .args(["--reuid", ORDINARY, "--regid", ORDINARY, "--clear-groups"])
        .arg(suite)
        .current_dir(place.path())
        .env("SANDBOX_TEST_HELPER", helper)
        .env("TMPDIR", place.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains(" 0 failed; 0 ignored"), "{text}");
}

#[test]
fn root_without_the_right_to_mount_still_gets_a_whole_sandbox() {
    if !identity::is_root() {
        return; // Only root has that right to lose.
    }
    let spec = serde_json::to_vec(
        &Sandbox::shell("id -u; touch /usr/x 2>&1; grep CapEff /proc/self/status").0,
    )
    .unwrap();
    let file = TempDir::new().unwrap();
    let path = file.path().join("spec");
    fs::write(&path, spec).unwrap();
    let output = Command::new("/usr/bin/setpriv")
        .args(["--bounding-set=-sys_admin", "--inh-caps=-all"])
        .arg(helper())
        .arg("run")
        .stdin(fs::File::open(path).unwrap())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        text.starts_with("1000\n") && text.contains("Read-only file system"),
        "{text}"
    );
    assert!(text.contains("CapEff:\t0000000000000000"), "{text}");
}
