//! Having the stage to oneself.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::geteuid;

use super::{PLACE, transfer};
use crate::error::{Failure, Step};
use crate::identity;

/// Time between two looks whether the run before has ended.
const PAUSE: Duration = Duration::from_millis(20);

/// What root's payload needs to get through, and nobody needs to list.
const PASSABLE: u32 = 0o711;
const OTHERS_CAN_WRITE: u32 = 0o022;

/// Says that whatever else is on it is what a run left. A directory without it is somebody's.
const MARK: &str = "/sandbox/.stage";

/// What a look at the mark can find while another run removes it, or has made it since.
const PASSING: [i32; 2] = [libc::ENOENT, libc::ENOTEMPTY];

/// The stage, empty but for its mark, and locked.
pub(super) struct Stage(File);

impl Stage {
    /// Waits for the run before, unless the caller has had enough of it.
    pub(super) fn claim(caller_has_gone: impl Fn() -> bool) -> Result<Self, Failure> {
        loop {
            make()?;
            let directory = match open() {
                // The one before has just removed it.
                Err(failure) if failure.errno == libc::ENOENT => continue,
                opened => opened?,
            };
            // Inside another sandbox of ours, whose tree lies here, this is refused, before any waiting. What only looks
            // wrong because somebody is just leaving or claiming is looked at again under the lock.
            match mark() {
                Err(failure) if PASSING.contains(&failure.errno) => {}
                marked => marked?,
            }
            while !lock(&directory)? {
                if caller_has_gone() {
                    return Err(failed(Errno::ECANCELED));
                }
                sleep(PAUSE);
            }
            // The one before may have removed it.
            if is_still_there(&directory) {
                mark()?;
                let stage = Self(directory);
                stage.clear()?;
                return Ok(stage);
            }
        }
    }

    /// Removes everything that is on it.
    pub(super) fn clear(&self) -> Result<(), Failure> {
        let mark = Some(Path::new(MARK));
        transfer::remove_all_in(Path::new(PLACE), mark).map_err(|error| io_failed(&error))
    }

    /// Leaves it empty; what could not be removed is left to the next one. Root can make it again, and
    /// so leaves not even that.
    pub(super) fn leave(self) {
        let cleared = self.clear();
        if cleared.is_ok() && identity::is_root() {
            let _a_mount = fs::remove_file(MARK).and_then(|()| fs::remove_dir(PLACE));
        }
        drop(self.0);
    }
}

fn failed(errno: Errno) -> Failure {
    Failure::at(Step::Stage, PLACE, errno)
}

fn io_failed(error: &io::Error) -> Failure {
    Failure::io(Step::Stage, PLACE, error)
}

/// Makes it where it is missing and the caller may.
fn make() -> Result<(), Failure> {
    let made = DirBuilder::new().mode(0o700).create(PLACE);
    if made.is_err() && Path::new(PLACE).symlink_metadata().is_err() {
        // Whatever kept the caller from making it: somebody else has to.
        return Err(failed(Errno::ENOENT));
    }
    Ok(())
}

/// The directory itself, no link, the caller's own and closed to others' writing.
fn open() -> Result<File, Failure> {
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    let directory = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(PLACE)
        .map_err(|error| io_failed(&error))?;
    let found = directory.metadata().map_err(|error| io_failed(&error))?;
    if found.uid() != geteuid().as_raw() || found.mode() & OTHERS_CAN_WRITE != 0 {
        return Err(failed(Errno::EPERM));
    }
    if identity::is_root() {
        directory
            .set_permissions(Permissions::from_mode(PASSABLE))
            .map_err(|error| io_failed(&error))?;
    }
    Ok(directory)
}

/// Finds the mark, or leaves it where nothing is.
fn mark() -> Result<(), Failure> {
    let found = OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_NOFOLLOW)
        .open(MARK);
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        found => return found.map(drop).map_err(|error| io_failed(&error)),
    }
    let mut entries = fs::read_dir(PLACE).map_err(|error| io_failed(&error))?;
    if entries.any(|entry| entry.is_ok_and(|entry| entry.path() != Path::new(MARK))) {
        return Err(failed(Errno::ENOTEMPTY));
    }
    let made = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(MARK);
    made.map(drop).map_err(|error| io_failed(&error))
}

fn lock(directory: &File) -> Result<bool, Failure> {
    match directory.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(io_failed(&error)),
    }
}

fn is_still_there(directory: &File) -> bool {
    let ids = |found: io::Result<fs::Metadata>| found.map(|found| (found.dev(), found.ino())).ok();
    let open = ids(directory.metadata());
    open.is_some() && open == ids(fs::symlink_metadata(PLACE))
}
