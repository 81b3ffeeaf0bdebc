//! Compiled components on disk.
//!
//! # Theory of operation
//!
//! wasmtime's own cache finds compiled code by a digest of the component, the settings, its version and the
//! processor's features, and writes it atomically. It trusts what it reads: a file with a flipped bit is native
//! code with a flipped bit. So each component has a directory of its own, which never changes once it
//! is there:
//!
//! ```text
//! <cache>/<key>/code/…      what wasmtime wrote
//! <cache>/<key>/seal        the sha256 of each file of it
//! <cache>/tmp-<pid>-<n>/    one that is being made
//! ```
//!
//! - The key covers the component's bytes and all that its compiled code depends on.
//! - A directory is made under a temporary name, sealed, and renamed: two processes that make the same one
//!   do not disturb each other, and the second throws its own away.
//! - Before wasmtime reads a directory, every file in it is held against the seal. What does not agree
//!   (truncated, altered, missing, one too many) is removed, and the component compiled again.
//! - The cache's directory belongs to the caller and is closed to everybody else (mode 0700), or it is
//!   refused: whoever can write to it can run native code here. It must not lie in a tree under
//!   test.
//! - The seal protects from accidents, not from an attacker with the caller's own rights.
//! - wasmtime counts uses in files beside the code, from a thread of its own that ends with the plugin. Those files and
//!   what that thread was writing when it ended are not code, and not sealed.
//! - Trouble with the disk costs time, never an answer: the component is compiled without a cache.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use thiserror::Error;

use crate::seal;

/// Bytes of compiled code that are kept. Python's, the largest known, has 34 MB, compressed to a third.
const KEPT: u64 = 1 << 30;
/// After this time a directory that is still being made belongs to a process that is gone.
const ABANDONED: Duration = Duration::from_secs(60 * 60);
/// How often something is tried that another thread or process may be in the way of.
const ATTEMPTS: u32 = 100;

/// The cache's directory cannot be used.
#[derive(Debug, Error)]
pub enum CacheError {
    /// It could not be made or looked at.
    #[error("the cache of compiled plugins at {}: {source}", .path.display())]
    Io {
        /// Where it is.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its path depends on the working directory.
    #[error("the cache of compiled plugins needs an absolute path, and got {}", .0.display())]
    Relative(PathBuf),
    /// Others could put native code there.
    #[error(
        "{} may not hold compiled plugins: {why}; it has to be a directory of this user with mode 0700", .path.display()
    )]
    Unsafe {
        /// Where it is.
        path: PathBuf,
        /// Whose it is, or with which mode.
        why: String,
    },
}

/// A directory for compiled components.
pub(crate) struct Cache {
    root: PathBuf,
}

/// A directory that is being made. Removed unless it is kept.
pub(crate) struct Fresh<'a> {
    cache: &'a Cache,
    path: PathBuf,
}

impl Cache {
    /// Makes the directory if there is none, and checks whose it is.
    pub(crate) fn open(root: &Path) -> Result<Self, CacheError> {
        if !root.is_absolute() {
            return Err(CacheError::Relative(root.to_owned()));
        }
        let io = |source| CacheError::Io {
            path: root.to_owned(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(root)
            .map_err(io)?;
        let metadata = fs::symlink_metadata(root).map_err(io)?;
        let own = rustix::process::geteuid().as_raw();
        if let Some(why) = objection(&metadata, own) {
            return Err(CacheError::Unsafe {
                path: root.to_owned(),
                why,
            });
        }
        Ok(Self {
            root: root.to_owned(),
        })
    }

    /// The directory of this key, if there is one whose seal holds. One whose seal does not is removed.
    pub(crate) fn sealed(&self, key: &str) -> Option<PathBuf> {
        let path = self.root.join(key);
        if !path.exists() {
            return None;
        }
        if !seal::holds(&path) {
            self.discard(key);
            return None;
        }
        // The time of the last use, for `evict`.
        if let Ok(file) = File::open(path.join(seal::NAME)) {
            let _ = file.set_modified(SystemTime::now());
        }
        Some(path)
    }

    /// Takes the directory of this key away.
    pub(crate) fn discard(&self, key: &str) {
        self.remove(&self.root.join(key));
    }

    /// First its name, so that nobody meets half of it, and wasmtime's own thread, which counts uses in it,
    /// does not find it any more. What that is writing at this moment may be in the way once.
    fn remove(&self, path: &Path) {
        for aside in (0..ATTEMPTS).map(|_| self.temporary()) {
            match fs::rename(path, &aside) {
                Ok(()) => {
                    let _ = (0..ATTEMPTS).find(|_| fs::remove_dir_all(&aside).is_ok());
                    return;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => return,
                // Another process, now gone, had the same id and left something of this name.
                Err(_) => {}
            }
        }
    }

    /// A new directory to compile into.
    pub(crate) fn fresh(&self) -> io::Result<Fresh<'_>> {
        for _ in 0..ATTEMPTS {
            let path = self.temporary();
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Fresh { cache: self, path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// A name that nothing else of this process uses.
    fn temporary(&self) -> PathBuf {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        self.root.join(format!("tmp-{}-{number}", process::id()))
    }

    /// Removes what was abandoned, and the directories that were not used for the longest time until
    /// [`KEPT`] bytes are left.
    fn evict(&self, keep: &str) {
        let Ok(entries) = fs::read_dir(&self.root) else {
            return;
        };
        let mut kept = Vec::new();
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if !name.starts_with("tmp-") {
                kept.push((
                    age(&path.join(seal::NAME)),
                    seal::size(&path),
                    name.to_owned(),
                ));
            } else if age(&path) > ABANDONED {
                let _ = fs::remove_dir_all(&path);
            }
        }
        for name in surplus(kept, KEPT) {
            if name != keep {
                self.discard(&name);
            }
        }
    }
}

/// Why this user should not trust what lies in this directory.
fn objection(metadata: &fs::Metadata, own: u32) -> Option<String> {
    if !metadata.is_dir() {
        Some("it is no directory".to_owned())
    } else if metadata.uid() != own {
        Some(format!(
            "it belongs to user {}, not to {own}",
            metadata.uid()
        ))
    } else if metadata.mode() & 0o077 != 0 {
        Some(format!("its mode is {:04o}", metadata.mode() & 0o7777))
    } else {
        None
    }
}

/// How long ago a path was written; very long for one that cannot be looked at.
fn age(path: &Path) -> Duration {
    let modified = fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
    modified.map_or(Duration::MAX, |time| time.elapsed().unwrap_or_default())
}

/// The names of the oldest entries beyond this many bytes, of (age, bytes, name).
fn surplus(mut entries: Vec<(Duration, u64, String)>, limit: u64) -> Vec<String> {
    entries.sort();
    let mut sum = 0_u64;
    let beyond = entries.into_iter().filter(|(_, bytes, _)| {
        sum = sum.saturating_add(*bytes);
        sum > limit
    });
    beyond.map(|(_, _, name)| name).collect()
}

impl Fresh<'_> {
    /// Where it is being made.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Seals it and gives it its name. One of that name that was there first stays.
    pub(crate) fn keep(self, key: &str) {
        if seal::write(&self.path).is_ok()
            && fs::rename(&self.path, self.cache.root.join(key)).is_ok()
        {
            self.cache.evict(key);
        }
    }
}

impl Drop for Fresh<'_> {
    fn drop(&mut self) {
        self.cache.remove(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_when_there_is_too_much() {
        let entry = |age, bytes, name: &str| (Duration::from_secs(age), bytes, name.to_owned());
        let all = vec![
            entry(30, 5, "old"),
            entry(1, 5, "new"),
            entry(20, 5, "middle"),
        ];
        assert_eq!(surplus(all.clone(), 15), Vec::<String>::new());
        assert_eq!(surplus(all.clone(), 10), ["old"]);
        assert_eq!(surplus(all, 4), ["new", "middle", "old"]);
    }

    #[test]
    fn a_directory_of_another_user_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("cache");
        Cache::open(&root).unwrap();
        let metadata = fs::metadata(&root).unwrap();
        assert_eq!(objection(&metadata, metadata.uid()), None);
        let why = objection(&metadata, metadata.uid() + 1).unwrap();
        assert!(why.starts_with("it belongs to user"), "{why}");
    }

    #[test]
    fn what_is_being_made_is_gone_when_it_is_not_kept() {
        let place = tempfile::tempdir().unwrap();
        let cache = Cache::open(&place.path().join("cache")).unwrap();
        let path = cache.fresh().unwrap().path().to_owned();
        assert!(!path.exists());
    }

    #[test]
    fn the_second_of_two_that_make_the_same_does_no_harm() {
        let place = tempfile::tempdir().unwrap();
        let cache = Cache::open(&place.path().join("cache")).unwrap();
        for text in ["first", "second"] {
            let fresh = cache.fresh().unwrap();
            fs::create_dir(fresh.path().join(seal::CODE)).unwrap();
            fs::write(fresh.path().join(seal::CODE).join("file"), text).unwrap();
            fresh.keep("key");
        }
        let path = cache.sealed("key").unwrap();
        assert_eq!(
            fs::read(path.join(seal::CODE).join("file")).unwrap(),
            b"first"
        );
        assert_eq!(fs::read_dir(&cache.root).unwrap().count(), 1);
    }
}
