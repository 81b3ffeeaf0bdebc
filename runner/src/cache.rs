//! The cache directory: what is kept between runs, and what a crash may leave there.
//!
//! ```text
//! git/            isolated git directories
//! layers/KEY/     trees and prepared layers, complete by construction: made under tmp/, then renamed
//! locks/NAME      advisory locks, so that two runners do not make the same thing twice, and a base runs alone
//! tmp/            what is being made, or was when a runner died
//! history.db      results and verdicts
//! memory.json     what was learnt about the host
//! CACHEDIR.TAG    says that it is one (`claim`)
//! ```
//!
//! A directory under `tmp/` belongs to the process that holds the lock file beside it; a layer that
//! is in use is locked, shared, so that a prune leaves it alone. Locks are `flock`s: the kernel drops them with the process, however it
//! ends, so the next start can tell rubbish from work in progress and removes it.

mod claim;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use thiserror::Error;

use crate::removal::remove_tree;

/// Bytes of layers that are kept without being asked: some dozens of prepared Rust projects.
const SIZE: u64 = 20 << 30;
/// How often that is looked after: walking a full cache takes seconds.
const TENDED: Duration = Duration::from_secs(24 * 3600);

/// How the names of directories under `tmp/` begin.
const WORK: &str = "work-";

/// The cache, opened; cheap to clone.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
}

/// The cache cannot be used.
#[derive(Debug, Error)]
#[error("cannot {step} {}: {source}", path.display())]
pub struct CacheError {
    /// What was being done, as a verb.
    pub step: &'static str,
    /// To what.
    pub path: PathBuf,
    /// Why it failed.
    pub source: io::Error,
}

impl CacheError {
    pub(crate) fn at(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { step, path, source }
    }
}

/// A directory that nobody else uses; removed when dropped, or by the next start.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    // Held for as long as the directory is in use.
    _lock: Flock<File>,
}

/// Who else may hold a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Others that share it.
    Shared,
    /// Nobody.
    Exclusive,
}

/// Holds a named lock until dropped.
#[derive(Debug)]
pub struct NameLock(#[expect(dead_code, reason = "held, not read")] Flock<File>);

impl Cache {
    /// Opens or makes the cache below `root`, readable by its owner only. A directory that somebody else can write to, or that
    /// holds other things, is refused.
    pub fn open(root: &Path) -> Result<Self, CacheError> {
        make_private(root)?;
        claim::claim(root)?;
        for part in ["git", "layers", "locks", "tmp"] {
            make_private(&root.join(part))?;
        }
        // Canonical, because mount sources and alternates must not go through links.
        let root = root.canonicalize().map_err(CacheError::at("find", root))?;
        Ok(Self { root })
    }

    /// Where the cache is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Directory of the isolated git directories.
    pub fn git(&self) -> PathBuf {
        self.root.join("git")
    }

    /// The database of results and verdicts.
    pub fn history(&self) -> PathBuf {
        self.root.join("history.db")
    }

    /// Where the layer of this key is, or will be.
    pub fn layer(&self, key: &str) -> PathBuf {
        self.root.join("layers").join(key)
    }

    /// Waits for the lock of this name. Blocks: call it where blocking is allowed.
    pub fn lock(&self, name: &str) -> Result<NameLock, CacheError> {
        let path = self.root.join("locks").join(name);
        let file = lock_file(&path)?;
        Flock::lock(file, FlockArg::LockExclusive)
            .map(NameLock)
            .map_err(|(_, errno)| CacheError::at("lock", &path)(errno.into()))
    }

    /// The lock of this name, unless somebody else holds it in a way that shuts this one out.
    pub fn try_lock(&self, name: &str, sharing: Sharing) -> Result<Option<NameLock>, CacheError> {
        let path = self.root.join("locks").join(name);
        let how = match sharing {
            Sharing::Shared => FlockArg::LockSharedNonblock,
            Sharing::Exclusive => FlockArg::LockExclusiveNonblock,
        };
        match Flock::lock(lock_file(&path)?, how) {
            Ok(lock) => Ok(Some(NameLock(lock))),
            Err((_, Errno::EWOULDBLOCK)) => Ok(None),
            Err((_, errno)) => Err(CacheError::at("lock", &path)(errno.into())),
        }
    }

    /// A new private directory on the cache's file system.
    pub fn scratch(&self) -> Result<Scratch, CacheError> {
        let tmp = self.root.join("tmp");
        let path = tempfile::Builder::new()
            .prefix(WORK)
            .tempdir_in(&tmp)
            .map_err(CacheError::at("make a directory in", &tmp))?
            .keep();
        let lock_path = lock_beside(&path);
        let lock = Flock::lock(lock_file(&lock_path)?, FlockArg::LockExclusiveNonblock)
            .map_err(|(_, errno)| CacheError::at("lock", &lock_path)(errno.into()))?;
        Ok(Scratch { path, _lock: lock })
    }

    /// Moves a finished directory to its key. When another runner was quicker, theirs stays: equal
    /// keys mean equal content.
    pub fn publish(&self, made: &Path, key: &str) -> Result<LayerGuard, CacheError> {
        let target = self.layer(key);
        match fs::rename(made, &target) {
            Err(error) if !target.is_dir() => {
                return Err(CacheError::at("publish", &target)(error));
            }
            _ => {}
        }
        let gone = || CacheError::at("use", &target)(io::ErrorKind::NotFound.into());
        self.find(key).ok_or_else(gone)
    }

    /// How much the layers hold.
    pub fn usage(&self) -> Held {
        let mut held = Held::default();
        self.layers().iter().for_each(|layer| held.add(layer.bytes));
        held
    }

    /// Removes the layers that were not used for the longest time until the others hold at most
    /// `max` bytes. A layer that a living run uses stays.
    pub fn prune(&self, max: u64) -> Held {
        let mut layers = self.layers();
        layers.sort_by_key(|layer| layer.used);
        let mut left: u64 = layers.iter().map(|layer| layer.bytes).sum();
        let mut freed = Held::default();
        for layer in layers {
            if left <= max {
                break;
            }
            if self.remove_layer(&layer.path) {
                left -= layer.bytes;
                freed.add(layer.bytes);
            }
        }
        freed
    }

    /// Keeps the cache within its size: once a day, layers beyond 20 GiB go, least recently used first.
    pub fn tend(&self) {
        let mark = self.root.join("tended");
        let age = fs::metadata(&mark)
            .and_then(|meta| meta.modified())
            .ok()
            .and_then(|time| time.elapsed().ok());
        if age.is_some_and(|age| age < TENDED) {
            return;
        }
        // Written first: two runners need not walk the cache at the same time.
        let _ = fs::write(&mark, "");
        self.prune(SIZE);
    }

    /// Finds a finished layer and holds it: while the guard lives, no prune removes it.
    pub fn find(&self, key: &str) -> Option<LayerGuard> {
        let path = self.layer(key);
        let file = File::open(&path).ok()?;
        let held = Flock::lock(file, FlockArg::LockSharedNonblock).ok()?;
        // A prune may have moved it away between the two calls.
        path.is_dir().then(|| {
            // When it was last used; a time that cannot be set makes it look older than it is.
            let _ = held.set_modified(SystemTime::now());
            LayerGuard {
                path,
                _held: Arc::new(held),
            }
        })
    }

    fn layers(&self) -> Vec<LayerUse> {
        let Ok(entries) = fs::read_dir(self.root.join("layers")) else {
            return Vec::new();
        };
        let used = |path: &Path| {
            fs::metadata(path)
                .and_then(|meta| meta.modified())
                .unwrap_or(UNIX_EPOCH)
        };
        let layer = |path: PathBuf| LayerUse {
            used: used(&path),
            bytes: size_of(&path),
            path,
        };
        entries.flatten().map(|entry| layer(entry.path())).collect()
    }

    /// Moves a layer out of sight in one step, then removes it. False when it is in use.
    fn remove_layer(&self, path: &Path) -> bool {
        let Ok(file) = File::open(path) else {
            return false;
        };
        let Ok(_held) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else {
            return false;
        };
        let Ok(scratch) = self.scratch() else {
            return false;
        };
        fs::rename(path, scratch.path().join("layer")).is_ok()
    }

    /// Removes what dead runners left behind; leaves alone whatever a living one holds.
    pub fn sweep(&self) {
        let Ok(entries) = fs::read_dir(self.root.join("tmp")) else {
            return;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let ours = entry
                .file_name()
                .as_encoded_bytes()
                .starts_with(WORK.as_bytes());
            if !ours
                || path
                    .extension()
                    .is_some_and(|extension| extension == "lock")
            {
                continue;
            }
            let lock_path = lock_beside(&path);
            // A directory without a lock file yet is one that is being made this very moment, or
            // one whose maker died between two system calls: an hour tells them apart.
            if !lock_path.exists() && younger_than_an_hour(&path) {
                continue;
            }
            let Ok(file) = lock_file(&lock_path) else {
                continue;
            };
            if let Ok(_held) = Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                let _next_time = remove_tree(&path);
                let _ = fs::remove_file(&lock_path);
            }
        }
    }
}

/// How much something holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Bytes of all files.
    pub bytes: u64,
    /// Number of layers.
    pub layers: u64,
}

impl Held {
    fn add(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.layers += 1;
    }
}

struct LayerUse {
    path: PathBuf,
    used: SystemTime,
    bytes: u64,
}

/// A layer in use.
#[derive(Clone, Debug)]
pub struct LayerGuard {
    path: PathBuf,
    // Shared by all clones; the kernel lets go of it with the last.
    _held: Arc<Flock<File>>,
}

impl LayerGuard {
    /// The layer's directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Bytes of all files below a directory, as far as they can be listed.
fn size_of(path: &Path) -> u64 {
    let mut bytes = 0;
    let mut pending = vec![path.to_owned()];
    while let Some(directory) = pending.pop() {
        let Ok(entries) = fs::read_dir(directory) else {
            continue;
        };
        for entry in entries.flatten() {
            let Ok(meta) = entry.metadata() else { continue };
            if meta.is_dir() {
                pending.push(entry.path());
            } else {
                bytes += meta.len();
            }
        }
    }
    bytes
}

impl Scratch {
    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _next_start = remove_tree(&self.path);
        let _ = fs::remove_file(lock_beside(&self.path));
    }
}

fn make_private(path: &Path) -> Result<(), CacheError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(CacheError::at("make", path))
}

fn lock_beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

fn lock_file(path: &Path) -> Result<File, CacheError> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(path)
        .map_err(CacheError::at("open the lock", path))
}

fn younger_than_an_hour(path: &Path) -> bool {
    let modified = fs::metadata(path).and_then(|meta| meta.modified());
    modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age.as_secs() < 3600))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> (tempfile::TempDir, Cache) {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(&dir.path().join("cache")).unwrap();
        (dir, cache)
    }

    #[test]
    fn a_scratch_directory_goes_with_its_owner() {
        let (_dir, cache) = cache();
        let scratch = cache.scratch().unwrap();
        let path = scratch.path().to_owned();
        fs::write(path.join("file"), "x").unwrap();
        drop(scratch);
        assert!(!path.exists());
        assert_eq!(fs::read_dir(cache.root().join("tmp")).unwrap().count(), 0);
    }

    #[test]
    fn a_sweep_removes_what_the_dead_left_and_spares_the_living() {
        let (_dir, cache) = cache();
        let living = cache.scratch().unwrap();
        let dead = cache.root().join("tmp/work-dead");
        fs::create_dir(&dead).unwrap();
        fs::write(lock_beside(&dead), "").unwrap();
        cache.sweep();
        assert!(living.path().exists());
        assert!(!dead.exists());
    }

    #[test]
    fn a_prune_removes_the_least_recently_used_and_spares_what_is_in_use() {
        let (_dir, cache) = cache();
        let mut guards = Vec::new();
        for (age, name) in [(300, "oldest-in-use"), (200, "old"), (100, "young")] {
            let made = cache.root().join("tmp").join(name);
            fs::create_dir(&made).unwrap();
            fs::write(made.join("file"), [0; 1000]).unwrap();
            let guard = cache.publish(&made, name).unwrap();
            let time = SystemTime::now() - Duration::from_secs(age);
            File::open(guard.path())
                .unwrap()
                .set_modified(time)
                .unwrap();
            guards.push(guard);
        }
        guards.truncate(1);
        assert_eq!(
            cache.usage(),
            Held {
                bytes: 3000,
                layers: 3
            }
        );
        assert_eq!(
            cache.prune(2000),
            Held {
                bytes: 1000,
                layers: 1
            }
        );
        let left: Vec<bool> = ["oldest-in-use", "old", "young"]
            .iter()
            .map(|key| cache.layer(key).exists())
            .collect();
        assert_eq!(left, [true, false, true]);
    }

    #[test]
    fn the_first_to_publish_a_key_wins() {
        let (_dir, cache) = cache();
        for content in ["first", "second"] {
            let made = cache.root().join("tmp").join(content);
            fs::create_dir(&made).unwrap();
            fs::write(made.join("file"), content).unwrap();
            cache.publish(&made, "key").unwrap();
        }
        assert_eq!(
            fs::read_to_string(cache.layer("key").join("file")).unwrap(),
            "first"
        );
    }
}
