//! How much the writable directories of a sandbox hold, found by walking them while it runs.
//!
//! # Theory of operation
//!
//! No ordinary file system bounds a directory, so the keeper looks again and again. A walk is cut
//! into short steps between which the keeper does its other work, and the pause after a walk grows
//! with what the walk cost. When the file system's free space shrinks by more than was left of the
//! limit, the next walk does not wait.
//!
//! The command can rename, replace and hide what is being walked. A walk therefore follows no link
//! and leaves its root by no way (`openat2`), and reads every name relative to an open directory. A
//! directory that cannot be looked into, and files without a name, show in the file system's free
//! space; where those exist, what was lost there counts instead.

use std::collections::HashSet;
use std::fs::{self, File, ReadDir};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::statvfs::statvfs;

use crate::spec::Mount;

/// Longest time that the keeper walks before it looks at its other duties.
const STEP: Duration = Duration::from_millis(5);
/// Shortest pause between two walks, and how much longer than the walk itself a pause is.
const PAUSE: Duration = Duration::from_millis(200);
const PAUSE_FACTOR: u32 = 10;
/// Longest time for the last walk.
const LAST: Duration = Duration::from_secs(3);
/// Longer relative paths start from a directory of their own: the kernel takes no more than 4096
/// bytes at once.
const LONG: usize = 2000;

/// Bytes and inodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Amount {
    pub(crate) bytes: u64,
    pub(crate) inodes: u64,
}

impl Amount {
    fn minus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(other.bytes),
            inodes: self.inodes.saturating_sub(other.inodes),
        }
    }

    fn at_least(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.max(other.bytes),
            inodes: self.inodes.max(other.inodes),
        }
    }
}

/// Measures the writable directories of one sandbox.
pub(crate) struct Meter {
    /// What overlays write to: all that they hold counts.
    layers: Vec<PathBuf>,
    /// Directories of the caller's, and what they held before: only what is added counts.
    grants: Vec<PathBuf>,
    before: Amount,
    free_before: Vec<(PathBuf, u64)>,
    walk: Option<(Walk, Duration)>,
    last: Amount,
    free_at_last: u64,
    next: Instant,
}

impl Meter {
    /// Looks at the granted directories once; the layers are looked at from the first step on.
    pub(crate) fn new(mounts: &[Mount]) -> Self {
        let mut layers = Vec::new();
        let mut grants = Vec::new();
        let mut places = Vec::new();
        for mount in mounts {
            match mount {
                Mount::Overlay { scratch, .. } => {
                    // An unprivileged caller's init makes `upper` only later.
                    layers.push(scratch.join("upper"));
                    places.push(scratch.clone());
                }
                Mount::Writable { source, .. } => {
                    grants.push(source.clone());
                    places.push(source.clone());
                }
                _ => {}
            }
        }
        let mut meter = Self {
            before: Walk::over(&grants).finish().amount,
            layers,
            grants,
            free_before: file_systems(&places),
            walk: None,
            last: Amount::default(),
            free_at_last: 0,
            next: Instant::now() + PAUSE,
        };
        meter.free_at_last = meter.free();
        meter
    }

    /// Whether nothing can be written that this could measure.
    pub(crate) fn is_idle(&self) -> bool {
        self.layers.is_empty() && self.grants.is_empty()
    }

    /// Walks for a short time when it is due, and says what was found when a walk is complete.
    /// `left` is how many bytes may come before the limit is reached; `nameless` tells what files
    /// without a name hold.
    pub(crate) fn step(&mut self, limit: u64, nameless: impl FnOnce() -> u64) -> Option<Amount> {
        let now = Instant::now();
        let (mut walk, spent) = match self.walk.take() {
            Some(walking) => walking,
            None if now >= self.next || self.shrank_beyond(limit) => {
                self.free_at_last = self.free();
                (self.whole(), Duration::ZERO)
            }
            None => return None,
        };
        let complete = walk.advance(now + STEP);
        let spent = spent + now.elapsed();
        if !complete {
            self.walk = Some((walk, spent));
            return None;
        }
        self.next = Instant::now() + PAUSE.max(spent * PAUSE_FACTOR);
        Some(self.conclude(&walk, limit, nameless))
    }

    /// A last walk, once nothing can change any more. One that takes too long stays as far as it
    /// came, but not behind the one before: a caller that wants to stop waits for it.
    pub(crate) fn finish(&mut self) -> Amount {
        let before = self.last;
        let mut walk = self.whole();
        let complete = walk.advance(Instant::now() + LAST);
        let amount = self.conclude(&walk, u64::MAX, || 0);
        if complete {
            amount
        } else {
            amount.at_least(before)
        }
    }

    fn whole(&self) -> Walk {
        Walk::over(self.layers.iter().chain(&self.grants))
    }

    fn conclude(&mut self, walk: &Walk, limit: u64, nameless: impl FnOnce() -> u64) -> Amount {
        let mut amount = walk.amount.minus(self.before);
        let lost = self.lost();
        if walk.unreadable > 0 {
            amount.bytes = amount.bytes.max(lost);
        }
        if lost > limit && amount.bytes <= limit {
            amount.bytes = amount.bytes.saturating_add(nameless());
        }
        self.last = amount;
        amount
    }

    /// Whether more was written since the last walk, by whomever, than this sandbox may still write.
    fn shrank_beyond(&self, limit: u64) -> bool {
        self.free_at_last.saturating_sub(self.free()) > limit.saturating_sub(self.last.bytes)
    }

    fn free(&self) -> u64 {
        self.free_before
            .iter()
            .filter_map(|(path, _)| free(path))
            .sum()
    }

    /// Free space that went since the start, whoever took it.
    fn lost(&self) -> u64 {
        let gone = self
            .free_before
            .iter()
            .map(|(path, before)| before.saturating_sub(free(path).unwrap_or(*before)));
        gone.sum()
    }
}

/// The size of the file system that a path lies on, in bytes; none where it cannot be asked.
#[must_use]
pub fn size_of_disk(path: &Path) -> Option<u64> {
    let held = statvfs(path).ok()?;
    Some(held.blocks() * held.fragment_size())
}

/// One path for each file system that the directories lie on, and what is free there.
fn file_systems(directories: &[PathBuf]) -> Vec<(PathBuf, u64)> {
    let mut seen = HashSet::new();
    directories
        .iter()
        .filter(|path| fs::metadata(path).is_ok_and(|one| seen.insert(one.dev())))
        .filter_map(|path| Some((path.clone(), free(path)?)))
        .collect()
}

fn free(path: &Path) -> Option<u64> {
    let held = statvfs(path).ok()?;
    Some(held.blocks_free() * held.fragment_size())
}

/// A walk in progress.
struct Walk {
    amount: Amount,
    /// Directories that could not be looked into.
    unreadable: u64,
    /// Files with several names, which count once.
    linked: HashSet<(u64, u64)>,
    open: Vec<Pending>,
    current: Option<(ReadDir, Pending)>,
}

/// A directory that is still to be read, by its path from an open one.
#[derive(Clone)]
struct Pending {
    base: Rc<OwnedFd>,
    path: PathBuf,
}

impl Walk {
    fn over<'a>(roots: impl IntoIterator<Item = &'a PathBuf>) -> Self {
        let open = |root: &PathBuf| {
            let base = File::open(root).ok()?;
            Some(Pending {
                base: Rc::new(base.into()),
                path: PathBuf::from("."),
            })
        };
        Self {
            amount: Amount::default(),
            unreadable: 0,
            linked: HashSet::new(),
            open: roots.into_iter().filter_map(open).collect(),
            current: None,
        }
    }

    fn finish(mut self) -> Self {
        while !self.advance(Instant::now() + STEP) {}
        self
    }

    /// Goes on until the time is over or everything was seen; says whether it was.
    fn advance(&mut self, until: Instant) -> bool {
        loop {
            // The clock is asked once a directory entry: that is cheaper than the entry.
            if Instant::now() >= until {
                return false;
            }
            let entry = match &mut self.current {
                Some((entries, _)) => entries.next(),
                None => match self.open.pop() {
                    None => return true,
                    Some(directory) => {
                        self.enter(directory);
                        continue;
                    }
                },
            };
            match entry {
                None => self.current = None,
                Some(Ok(entry)) => self.count(&entry),
                Some(Err(_)) => self.unreadable += 1,
            }
        }
    }

    fn enter(&mut self, directory: Pending) {
        match directory.read() {
            Ok(entries) => self.current = Some((entries, directory)),
            Err(error) if is_gone(&error) => {}
            Err(_) => self.unreadable += 1,
        }
    }

    fn count(&mut self, entry: &fs::DirEntry) {
        // Relative to the directory that is being read, and of a link itself.
        let Ok(file) = entry.metadata() else { return };
        if file.nlink() > 1 && !file.is_dir() && !self.linked.insert((file.dev(), file.ino())) {
            return;
        }
        self.amount.inodes += 1;
        self.amount.bytes += file.blocks() * 512;
        if file.is_dir()
            && let Some((_, directory)) = &self.current
        {
            match directory.below(&entry.file_name()) {
                Ok(pending) => self.open.push(pending),
                Err(error) if is_gone(&error) => {}
                Err(_) => self.unreadable += 1,
            }
        }
    }
}

impl Pending {
    fn open(&self, flags: OFlag) -> io::Result<OwnedFd> {
        let how = OpenHow::new()
            .flags(flags | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
            .resolve(
                ResolveFlag::RESOLVE_BENEATH
                    | ResolveFlag::RESOLVE_NO_SYMLINKS
                    | ResolveFlag::RESOLVE_NO_XDEV,
            );
        Ok(openat2(&self.base, &self.path, how)?)
    }

    fn read(&self) -> io::Result<ReadDir> {
        let directory = self.open(OFlag::O_RDONLY)?;
        fs::read_dir(format!("/proc/self/fd/{}", directory.as_raw_fd()))
    }

    fn below(&self, name: &std::ffi::OsStr) -> io::Result<Self> {
        if self.path.as_os_str().as_bytes().len() + name.len() < LONG {
            return Ok(Self {
                base: Rc::clone(&self.base),
                path: self.path.join(name),
            });
        }
        let base = Rc::new(self.open(OFlag::O_PATH)?);
        Ok(Self {
            base,
            path: name.into(),
        })
    }
}

/// The command removed or replaced it while it was on the list.
fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOENT | libc::ENOTDIR | libc::ELOOP)
    )
}

#[cfg(test)]
mod tests {
    use super::{Amount, Meter, Walk};
    use crate::spec::Mount;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    fn amount(root: &Path) -> Amount {
        Walk::over([&root.to_owned()]).finish().amount
    }

    #[test]
    fn links_are_not_followed_and_hard_links_count_once() {
        let place = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("big"), vec![1; 1 << 20]).unwrap();
        fs::write(place.path().join("file"), vec![1; 100_000]).unwrap();
        fs::hard_link(place.path().join("file"), place.path().join("again")).unwrap();
        symlink(outside.path(), place.path().join("directory")).unwrap();
        symlink(outside.path().join("big"), place.path().join("link")).unwrap();
        let found = amount(place.path());
        assert_eq!(found.inodes, 3);
        assert!((100_000..200_000).contains(&found.bytes), "{found:?}");
    }

    #[test]
    fn a_file_full_of_holes_counts_by_what_it_occupies() {
        let place = tempfile::tempdir().unwrap();
        fs::File::create(place.path().join("sparse"))
            .unwrap()
            .set_len(1 << 40)
            .unwrap();
        assert!(amount(place.path()).bytes < 1 << 20);
    }

    #[test]
    fn a_directory_deeper_than_any_path_is_measured() {
        let place = tempfile::tempdir().unwrap();
        let name = "d".repeat(200);
        let mut at = fs::File::open(place.path()).unwrap();
        for _ in 0..60 {
            use std::os::fd::AsRawFd;
            let inside = format!("/proc/self/fd/{}/{name}", at.as_raw_fd());
            fs::create_dir(&inside).unwrap();
            at = fs::File::open(&inside).unwrap();
        }
        let found = Walk::over([&place.path().to_owned()]).finish();
        assert_eq!((found.amount.inodes, found.unreadable), (60, 0));
    }

    #[test]
    fn all_of_a_layer_counts_and_of_a_grant_what_is_added() {
        let place = tempfile::tempdir().unwrap();
        let (scratch, source) = (place.path().join("scratch"), place.path().join("source"));
        for directory in [&scratch.join("upper"), &scratch.join("work"), &source] {
            fs::create_dir_all(directory).unwrap();
            fs::write(directory.join("before"), vec![1; 50_000]).unwrap();
        }
        let mounts = [
            Mount::Overlay {
                lowers: Vec::new(),
                scratch,
                target: "/a".into(),
            },
            Mount::Writable {
                source: source.clone(),
                target: "/b".into(),
            },
        ];
        let mut meter = Meter::new(&mounts);
        assert_eq!(meter.finish().inodes, 1);
        fs::write(source.join("after"), vec![1; 50_000]).unwrap();
        let found = meter.finish();
        assert_eq!(found.inodes, 2);
        assert!((100_000..150_000).contains(&found.bytes), "{found:?}");
    }

    #[test]
    fn a_walk_goes_on_where_its_time_ended() {
        let place = tempfile::tempdir().unwrap();
        for number in 0..50 {
            fs::create_dir(place.path().join(number.to_string())).unwrap();
            fs::write(place.path().join(format!("{number}/file")), "").unwrap();
        }
        let mut walk = Walk::over([&place.path().to_owned()]);
        assert!(!walk.advance(std::time::Instant::now()));
        assert_eq!(walk.finish().amount.inodes, 100);
    }
}
