//! Landlock inside the finished view: what the mounts say, said a second time by another part of
//! the kernel.
//!
//! # Theory of operation
//!
//! The mount view decides what exists and what is read-only. Landlock repeats the second half: files
//! everywhere can be read and executed, devices and `/proc` written, and only below the writable
//! grants can anything be made, changed, renamed or removed; no device node can be made anywhere. A
//! mount that came out writable by mistake is then still not writable. Signals and abstract sockets
//! stay among the processes of the sandbox, which the pid and network namespaces ensure already.
//!
//! Rights are those of ABI 5, scopes of ABI 6: what this was tested with. Older kernels take what they
//! know (the entry is `degraded` and names the version); before ABI 2 no file could be moved between
//! directories, so nothing is used there. Whether the kernel took it is not believed but tried: making
//! a device node is refused with another error by Landlock, which is asked first, than by a missing
//! capability.
//!
//! Init restricts itself, and whatever it starts has the same domain: they can signal and trace one
//! another as far as the filter lets them. What is on no mount (pipes, sockets, memory files) is in
//! nobody's hierarchy and stays usable.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, LandlockStatus, PathBeneath, PathFd, RestrictionStatus,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use nix::errno::Errno;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use crate::enforcement::{Enforcement, Protection};
use crate::error::{Failure, Step};
use crate::spec::Spec;
use crate::view;

/// The newest version whose file rights are used.
const RIGHTS: ABI = ABI::V5;
/// The version that brought the scopes.
const SCOPES: ABI = ABI::V6;

/// Restricts the calling process, and says how far the kernel went along. Nothing can be mounted
/// afterwards.
pub(crate) fn apply(spec: &Spec) -> Result<Enforcement, Failure> {
    let status = match restrict(&view::writable(spec)) {
        Ok(status) => status,
        // Nothing else depends on it, so what the kernel refuses here is only not there.
        Err(error) => {
            let why = format!("the kernel refused it: {error}");
            return Ok(Enforcement::absent(Protection::Landlock, &why));
        }
    };
    let entry = entry(&status);
    if status.ruleset != RulesetStatus::NotEnforced && !is_in_force() {
        return Err(Failure::at(
            Step::Verify,
            Protection::Landlock.to_string(),
            Errno::ENOTRECOVERABLE,
        ));
    }
    Ok(entry)
}

fn restrict(writable: &[PathBuf]) -> Result<RestrictionStatus, RulesetError> {
    let devices = AccessFs::ReadFile
        | AccessFs::ReadDir
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::IoctlDev;
    let mut rules = vec![
        (PathBuf::from("/"), AccessFs::from_read(RIGHTS)),
        ("/dev".into(), devices),
        // Programs set their own names, scores and slack there; the rest is mounted read-only.
        ("/proc".into(), AccessFs::from_read(RIGHTS) | devices),
    ];
    rules.extend(writable.iter().map(|path| (path.clone(), everything())));
    Ruleset::default()
        .handle_access(AccessFs::from_all(RIGHTS))?
        .scope(Scope::from_all(SCOPES))?
        .create()?
        // A place that cannot be opened stays as restricted as the root is.
        .add_rules(
            rules
                .into_iter()
                .filter_map(|(path, rights)| rule(&path, rights)),
        )?
        .restrict_self()
}

fn rule(
    path: &Path,
    rights: BitFlags<AccessFs>,
) -> Option<Result<PathBeneath<PathFd>, RulesetError>> {
    let rights = if path.is_dir() {
        rights
    } else {
        rights & AccessFs::from_file(RIGHTS)
    };
    let place = PathFd::new(path).ok()?;
    Some(Ok(PathBeneath::new(place, rights)))
}

/// All but making devices, for which nobody inside has the capability either.
fn everything() -> BitFlags<AccessFs> {
    AccessFs::from_all(RIGHTS) & !(AccessFs::MakeChar | AccessFs::MakeBlock)
}

fn entry(status: &RestrictionStatus) -> Enforcement {
    let version = match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => effective_abi as i32,
        LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => 0,
    };
    match (&status.ruleset, version) {
        (RulesetStatus::FullyEnforced, _) => Enforcement::enforced(Protection::Landlock),
        (RulesetStatus::PartiallyEnforced, _) => Enforcement::degraded(
            Protection::Landlock,
            &format!("this kernel knows version {version}; all of it needs version {SCOPES}"),
        ),
        (RulesetStatus::NotEnforced, 0) => Enforcement::absent(
            Protection::Landlock,
            "this kernel does not have it or has it switched off; the mount view alone bounds the file system",
        ),
        (RulesetStatus::NotEnforced, _) => Enforcement::absent(
            Protection::Landlock,
            "this kernel's version 1 cannot move files between directories; the mount view alone bounds the file system",
        ),
    }
}

/// Landlock answers EACCES where the missing capability alone would be EPERM.
fn is_in_force() -> bool {
    let made = mknod("/tmp/.device", SFlag::S_IFCHR, Mode::empty(), makedev(1, 3));
    made == Err(Errno::EACCES)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::ErrorKind;
    use std::os::unix::fs::PermissionsExt;

    use landlock::{AccessFs, RulesetStatus};

    use super::{everything, is_in_force, restrict};

    /// Without a view, and on a thread of its own, which alone is restricted.
    #[test]
    fn only_writable_places_can_be_changed_and_everything_can_be_read_and_run() {
        let (open, closed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let program = closed.path().join("program");
        fs::copy("/bin/true", &program).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(closed.path().join("control"), "made before").unwrap();
        let restricted = || {
            let status = restrict(&[open.path().to_owned()]).unwrap();
            assert_eq!(status.ruleset, RulesetStatus::FullyEnforced);
            assert!(is_in_force());
            let refused = |result: std::io::Result<()>| {
                assert_eq!(result.unwrap_err().kind(), ErrorKind::PermissionDenied);
            };
            refused(fs::write(closed.path().join("new"), ""));
            refused(fs::write(closed.path().join("control"), ""));
            refused(fs::remove_file(closed.path().join("control")));
            refused(fs::create_dir(closed.path().join("directory")));
            refused(fs::rename(
                closed.path().join("control"),
                open.path().join("taken"),
            ));
            for directory in ["a", "b"] {
                fs::create_dir(open.path().join(directory)).unwrap();
            }
            fs::write(open.path().join("a/file"), "").unwrap();
            fs::rename(open.path().join("a/file"), open.path().join("b/file")).unwrap();
            fs::write("/dev/null", "").unwrap();
            assert!(
                std::process::Command::new(&program)
                    .status()
                    .unwrap()
                    .success()
            );
            fs::read_to_string(closed.path().join("control")).unwrap()
        };
        let read = std::thread::scope(|scope| scope.spawn(restricted).join());
        assert_eq!(read.unwrap(), "made before");
        fs::remove_file(closed.path().join("control")).unwrap();
    }

    #[test]
    fn writable_places_allow_moving_files_and_no_devices() {
        let rights = everything();
        assert!(rights.contains(AccessFs::Refer | AccessFs::MakeSock | AccessFs::Truncate));
        assert!(!rights.intersects(AccessFs::MakeChar | AccessFs::MakeBlock));
    }
}
