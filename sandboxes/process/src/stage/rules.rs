//! Landlock as the only layer around the files, and the two domains.

use std::error::Error;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::OnceLock;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd,
    RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus,
    Scope,
};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::kill;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, getppid, pipe2};

use super::{PLACE, TEMPORARY, is_on_stage, writable};
use crate::enforcement::{Enforcement, Protection};
use crate::error::{Failure, Step};
use crate::spec::{Mount, Spec};
use crate::sys;
use crate::view::system_mounts;

const RIGHTS: ABI = ABI::V5;
const SCOPES: ABI = ABI::V6;

/// Of the machine's `/etc`, besides what every sandbox shows of it: who users are.
const ACCOUNTS: [&str; 3] = ["/etc/passwd", "/etc/group", "/etc/nsswitch.conf"];
/// Devices that hold nothing of anybody's. Pseudo-terminals are the machine's, which has 4096 for all and no limit of a
/// process for them, and those of the caller's own user would be open besides.
const DEVICES: [&str; 6] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
];

/// That this process can signal nothing but what it started.
static CONFINED: OnceLock<()> = OnceLock::new();

/// Whether the calling process, or the one it was forked from, is in a domain that was tried.
pub(crate) fn is_confined() -> bool {
    CONFINED.get().is_some()
}

/// Restricts init and all that it will start, and tries that it holds.
pub(crate) fn confine(spec: &Spec) -> Result<Enforcement, Failure> {
    let canary = Canary::start()?;
    let rules = Rules::of(spec)?;
    rules.apply()?;
    canary.release_out_of_reach()?;
    let made = mknod(
        &Path::new(TEMPORARY).join(".device"),
        SFlag::S_IFCHR,
        Mode::empty(),
        makedev(1, 3),
    );
    // Landlock is asked before the missing capability, which would be EPERM.
    let listed = fs::read_dir("/").map_err(|error| error.raw_os_error());
    if made != Err(Errno::EACCES) || listed.err() != Some(Some(libc::EACCES)) {
        return Err(not_in_force());
    }
    let _once = CONFINED.set(());
    Ok(Enforcement::enforced_by(
        Protection::Landlock,
        "the only layer around files, signals and tracing",
    ))
}

/// The domain of the command, within that of init, which can no longer be signalled.
///
/// Links and renames from one directory to another are refused by every domain that does not allow them by
/// name (the kernel's Landlock documentation, `LANDLOCK_ACCESS_FS_REFER`), so this one leaves them to init's.
pub(crate) fn nest() -> Result<(), Failure> {
    let scopes = || -> Result<RestrictionStatus, Box<dyn Error>> {
        let everywhere = PathBeneath::new(PathFd::new("/")?, AccessFs::Refer);
        let rules = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::Refer)?
            .scope(Scope::from_all(SCOPES))?
            .create()?
            .add_rule(everywhere)?;
        Ok(rules.restrict_self()?)
    };
    let status = scopes().map_err(|_| unsupported())?;
    let init_is_closed = kill(getppid(), None) == Err(Errno::EPERM);
    match status.ruleset {
        RulesetStatus::FullyEnforced if init_is_closed => Ok(()),
        _ => Err(not_in_force()),
    }
}

fn unsupported() -> Failure {
    Failure::new(Step::Landlock, Errno::EOPNOTSUPP)
}

fn not_in_force() -> Failure {
    let name = Protection::Landlock.to_string();
    Failure::at(Step::Verify, name, Errno::ENOTRECOVERABLE)
}

/// A process of the payload's id, outside of the domain: what would be hit if scopes did not hold.
struct Canary {
    pid: Pid,
    /// Closed, it ends the canary.
    _cage: File,
}

impl Canary {
    fn start() -> Result<Self, Failure> {
        let failed = |errno| Failure::new(Step::Landlock, errno);
        let (inside, outside) = pipe2(OFlag::O_CLOEXEC).map_err(failed)?;
        match sys::fork().map_err(failed)? {
            Some(pid) => Ok(Self {
                pid,
                _cage: outside.into(),
            }),
            None => {
                drop(outside);
                let _end = File::from(inside).read(&mut [0]);
                process::exit(0)
            }
        }
    }

    fn release_out_of_reach(self) -> Result<(), Failure> {
        let Self { pid, _cage: cage } = self;
        let reached = kill(pid, None);
        drop(cage);
        while waitpid(pid, None) == Err(Errno::EINTR) {}
        match reached {
            Err(Errno::EPERM) => Ok(()),
            _ => Err(not_in_force()),
        }
    }
}

/// Places and what may be done there.
struct Rules(Vec<(PathBuf, BitFlags<AccessFs>)>);

impl Rules {
    fn of(spec: &Spec) -> Result<Self, Failure> {
        let read = AccessFs::from_read(RIGHTS);
        let look = AccessFs::ReadFile | AccessFs::ReadDir;
        let device = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
        let mut rules = Self(vec![
            (PLACE.into(), read),
            // Whatever is sensitive there, the kernel gives to nobody whom it would not let trace.
            ("/proc".into(), look),
        ]);
        rules.add_present(&ACCOUNTS, look);
        rules.add_present(&DEVICES, device);
        let masked = masked(spec);
        let system = system_mounts(&spec.limits);
        for mount in system.iter().chain(&spec.mounts) {
            let Mount::ReadOnly { source, target } = mount else {
                continue;
            };
            match source.canonicalize() {
                Ok(place) => rules.add_without(&place, &masked)?,
                // A cache that only root can reach is as good as an empty one.
                Err(_) if is_on_stage(target) => {}
                Err(error) => return Err(Failure::io(Step::Stage, source, &error)),
            }
        }
        let places = writable(spec).into_iter();
        rules.0.extend(places.map(|place| (place, everything())));
        Ok(rules)
    }

    fn add_present(&mut self, paths: &[&str], rights: BitFlags<AccessFs>) {
        let present = paths.iter().map(Path::new).filter(|path| path.exists());
        self.0.extend(present.map(|path| (path.into(), rights)));
    }

    /// Grants a place for reading, without the masked ones below. A rule holds for all that is below
    /// its directory, so the way to a masked file is granted entry by entry.
    fn add_without(&mut self, place: &Path, masked: &[PathBuf]) -> Result<(), Failure> {
        let read = AccessFs::from_read(RIGHTS);
        let mut pending = vec![place.to_owned()];
        while let Some(path) = pending.pop() {
            if masked.contains(&path) {
                continue;
            }
            if !masked.iter().any(|mask| mask.starts_with(&path)) {
                self.0.push((path, read));
                continue;
            }
            self.0.push((path.clone(), AccessFs::ReadDir.into()));
            let failed = |error| Failure::io(Step::Stage, &path, &error);
            for entry in fs::read_dir(&path).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                // What a link leads to is granted, or not, where it is.
                if !entry.file_type().map_err(failed)?.is_symlink() {
                    pending.push(entry.path());
                }
            }
        }
        Ok(())
    }

    fn apply(self) -> Result<(), Failure> {
        let opened: Result<Vec<_>, _> = self.0.into_iter().map(rule).collect();
        restrict(opened?).map_err(|_| unsupported())
    }
}

fn restrict(rules: Vec<PathBeneath<PathFd>>) -> Result<(), RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(RIGHTS))?
        .handle_access(AccessNet::from_all(RIGHTS))?
        .scope(Scope::from_all(SCOPES))?
        .create()?
        .add_rules(rules.into_iter().map(Ok::<_, RulesetError>))?
        .restrict_self()
        .map(drop)
}

fn rule((path, rights): (PathBuf, BitFlags<AccessFs>)) -> Result<PathBeneath<PathFd>, Failure> {
    let rights = match path.is_dir() {
        true => rights,
        false => rights & AccessFs::from_file(RIGHTS),
    };
    let place = PathFd::new(&path).map_err(|_| Failure::at(Step::Stage, &path, Errno::EACCES))?;
    Ok(PathBeneath::new(place, rights))
}

/// All but making devices.
fn everything() -> BitFlags<AccessFs> {
    AccessFs::from_all(RIGHTS) & !(AccessFs::MakeChar | AccessFs::MakeBlock)
}

/// Files that are not to be read although their directory is granted, by every name that leads there.
fn masked(spec: &Spec) -> Vec<PathBuf> {
    let masked = spec.mounts.iter().filter_map(|mount| match mount {
        Mount::File { target, .. } if !is_on_stage(target) => Some(target),
        _ => None,
    });
    let names = |path: &PathBuf| {
        let directory = path.parent().and_then(|parent| parent.canonicalize().ok());
        let itself = directory
            .zip(path.file_name())
            .map(|(at, name)| at.join(name));
        [itself, path.canonicalize().ok()]
    };
    masked.flat_map(names).flatten().collect()
}
