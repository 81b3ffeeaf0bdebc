//! The directory of one group: made under a name of its own, locked while it is in use, removed.
//!
//! The lock tells a group in use from one whose keeper was killed: it is the open directory's, so
//! it goes with the last process that holds it, however that one ends. Whoever gets the lock of a
//! group that is not its own may remove it; the kernel refuses while a process is inside.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// What every group of ours is called, followed by what makes the name unique.
const PREFIX: &str = "passmuster-";

/// Between making and locking, another start may take the group for a left one.
const TRIES: u32 = 8;

/// A group of our own. Dropping it only closes it: a copy lives in every forked child.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) path: PathBuf,
    /// Open and locked for as long as the group is in use.
    pub(super) lock: File,
}

impl Directory {
    /// Makes a group beneath another.
    pub(super) fn make(parent: &Path) -> io::Result<Self> {
        let mut last = io::ErrorKind::AlreadyExists.into();
        for number in 0..TRIES {
            let path = parent.join(unique(number));
            match fs::create_dir(&path).and_then(|()| lock(&path)) {
                Ok(Some(lock)) => return Ok(Self { path, lock }),
                Ok(None) => {}
                Err(error) if is_race(&error) => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// Removes the group; every process in it must be dead and reaped.
    pub(super) fn remove(self) -> io::Result<()> {
        fs::remove_dir(&self.path)
    }
}

/// Removes the groups beneath `parent` that keepers which were killed left.
pub(super) fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if is_ours(&entry.file_name())
            && let Ok(Some(_unused)) = lock(&entry.path())
        {
            // One with a process in it stays for the next start: that process is dying.
            let _refused = fs::remove_dir(entry.path());
        }
    }
}

fn is_ours(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(PREFIX.as_bytes())
}

/// The open directory, locked; none where another process has it, or removed it meanwhile.
fn lock(path: &Path) -> io::Result<Option<File>> {
    let directory = File::open(path)?;
    match directory.try_lock() {
        Ok(()) if path.exists() => Ok(Some(directory)),
        Ok(()) | Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

/// The process id alone is not enough: containers number their processes alike.
fn unique(number: u32) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    format!(
        "{PREFIX}{}-{:x}-{number}",
        std::process::id(),
        now.as_nanos()
    )
}

fn is_race(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound
    )
}

/// Writes one value to a control file, which must exist: in one call, as the kernel wants it.
pub(super) fn write(directory: &Path, name: &str, value: &str) -> io::Result<()> {
    open_for_writing(&directory.join(name))?.write_all(value.as_bytes())
}

/// Opens a control file for writing.
pub(super) fn open_for_writing(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_CLOEXEC)
        .open(path)
}

/// The number that a control file holds.
pub(super) fn number(directory: &Path, name: &str) -> Option<u64> {
    fs::read_to_string(directory.join(name))
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// The number beside a key in a control file of lines `key number`.
pub(super) fn keyed(directory: &Path, name: &str, key: &str) -> Option<u64> {
    value_of(&fs::read_to_string(directory.join(name)).ok()?, key)
}

fn value_of(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(' ')?;
        if name == key {
            value.trim().parse().ok()
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{Directory, sweep, value_of};

    #[test]
    fn what_is_in_use_stays_and_what_was_left_goes() {
        let place = tempfile::tempdir().unwrap();
        let used = Directory::make(place.path()).unwrap();
        let left = Directory::make(place.path()).unwrap().path;
        let other = place.path().join("other");
        std::fs::create_dir(&other).unwrap();
        sweep(place.path());
        assert!(used.path.exists() && other.exists() && !left.exists());
        let path = used.path.clone();
        used.remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn the_value_of_a_key_is_read_and_nothing_else() {
        let text = "low 0\noom_kill 3\noom_kill_x 4\nbroken\n";
        assert_eq!(value_of(text, "oom_kill"), Some(3));
        assert_eq!(value_of(text, "broken"), None);
        assert_eq!(value_of("oom_kill x", "oom_kill"), None);
    }
}
