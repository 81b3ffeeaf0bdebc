//! What was learnt about the host before, and holds as long as the files it came from are untouched.
//!
//! Starting `pyenv`, `rustc` and `node`, hashing their executables and trying a sandbox costs a
//! hundred milliseconds and more; a few `stat` calls tell that the answers are still true.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// More than a machine's toolchains need; beyond it the memory starts anew.
const MOST: usize = 16_384;

/// A file changed so recently may change again within one tick of the file system's clock.
const SETTLED: Duration = Duration::from_secs(2);

/// Shared by the whole process: every entry carries the stamps that make it true, so it cannot
/// matter who learnt it.
static KNOWN: LazyLock<Mutex<BTreeMap<String, String>>> = LazyLock::new(Mutex::default);

fn known() -> MutexGuard<'static, BTreeMap<String, String>> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds what an earlier process wrote with [`save`]. The file must be one that only the operator
/// can write. A missing or broken file teaches nothing.
pub fn load(file: &Path) {
    let read: Option<BTreeMap<String, String>> = std::fs::read(file)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    known().extend(read.unwrap_or_default());
}

/// Writes everything known, by way of a new file beside it, so that no reader sees half of it.
///
/// # Errors
/// When the file cannot be written; nothing depends on it.
pub fn save(file: &Path) -> std::io::Result<()> {
    let text = serde_json::to_vec(&*known())?;
    let directory = file.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(directory)?;
    std::io::Write::write_all(&mut new, &text)?;
    new.persist(file)?;
    Ok(())
}

/// The answer under a key, if it is known; else what `learn` finds out. Without a key nothing is
/// remembered.
pub(crate) fn recall<E>(
    key: Option<String>,
    learn: impl FnOnce() -> Result<String, E>,
) -> Result<String, E> {
    let Some(key) = key else { return learn() };
    if let Some(answer) = answer_to(&key) {
        return Ok(answer);
    }
    let answer = learn()?;
    remember(key, answer.clone());
    Ok(answer)
}

/// The answer under this key, if it is known.
pub(crate) fn answer_to(key: &str) -> Option<String> {
    known().get(key).cloned()
}

/// Keeps an answer.
pub(crate) fn remember(key: String, answer: String) {
    let mut known = known();
    if known.len() >= MOST {
        known.clear();
    }
    known.insert(key, answer);
}

/// What the kernel tells about a file without reading it: where it is, its size, both its times.
/// None when it changed so recently that the same stamp might hold other content.
pub(crate) fn stamp(meta: &std::fs::Metadata) -> Option<String> {
    let changed = Duration::new(
        u64::try_from(meta.ctime()).ok()?,
        u32::try_from(meta.ctime_nsec()).ok()?,
    );
    let age = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()?
        .checked_sub(changed)?;
    let mut text = String::new();
    let (device, inode, size) = (meta.dev(), meta.ino(), meta.size());
    write!(
        text,
        "{device}:{inode}:{size}:{}.{}",
        meta.mtime(),
        meta.mtime_nsec()
    )
    .ok()?;
    write!(text, ":{}.{}", meta.ctime(), meta.ctime_nsec()).ok()?;
    (age >= SETTLED).then_some(text)
}

/// The stamp of a path, links followed; a file that is not there has the stamp `-`.
pub(crate) fn stamp_of(path: &Path) -> Option<String> {
    match std::fs::metadata(path) {
        Ok(meta) => stamp(&meta),
        Err(_) => Some("-".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learn(key: &str, answer: &str) -> String {
        let learnt: Result<String, ()> = recall(Some(key.to_owned()), || Ok(answer.to_owned()));
        learnt.unwrap()
    }

    #[test]
    fn an_answer_is_learnt_once_and_survives_in_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("memory.json");
        assert_eq!(learn("test once", "first"), "first");
        assert_eq!(learn("test once", "second"), "first");
        save(&file).unwrap();
        known().remove("test once");
        load(&file);
        assert_eq!(learn("test once", "third"), "first");
        std::fs::write(&file, "{").unwrap();
        load(&file);
    }

    #[test]
    fn without_a_key_nothing_is_remembered() {
        for answer in ["first", "second"] {
            let learnt: Result<String, ()> = recall(None, || Ok(answer.to_owned()));
            assert_eq!(learnt.unwrap(), answer);
        }
    }

    #[test]
    fn a_file_that_just_changed_has_no_stamp_and_a_settled_one_has() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(stamp_of(file.path()), None);
        assert!(stamp_of(Path::new("/usr/bin/env")).is_some());
        assert_eq!(stamp_of(Path::new("/no/such/file")).as_deref(), Some("-"));
    }
}
