//! Calls that would write a file anew: whether its path lies where the payload can write.

use std::ffi::OsStr;
use std::fs;
use std::io::IoSliceMut;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

/// Bytes of a path that are read. Longer ones are nobody's way out.
const LONGEST: usize = 1024;
/// Python keeps what it compiled beside every module that it loads, if it can.
const PYTHON: &str = "__pycache__";
/// Memory is mapped, or not, by the page.
const PAGE: usize = 4096;

/// The path of an `open`, `openat` or `creat` that lies outside all of `writable`, as its text says:
/// links are not followed.
pub(super) fn outside(
    thread: Pid,
    name: &str,
    arguments: &[u64; 6],
    writable: &[PathBuf],
) -> Option<PathBuf> {
    let [first, second, ..] = *arguments;
    let (directory, path) = match name {
        "openat" => (first as i32, second),
        _ => (libc::AT_FDCWD, first),
    };
    let text = text(thread, path)?;
    let path = Path::new(OsStr::from_bytes(&text));
    let path = if path.is_absolute() {
        tidy(path)
    } else {
        tidy(&start(thread, directory)?.join(path))
    };
    let inside = writable.iter().any(|place| path.starts_with(place));
    (!inside && !is_cache(&path)).then_some(path)
}

/// Whether an interpreter tries this by itself, and goes on without a word.
fn is_cache(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == PYTHON)
}

/// Where a relative path starts.
fn start(thread: Pid, directory: i32) -> Option<PathBuf> {
    let link = match directory {
        libc::AT_FDCWD => format!("/proc/{thread}/cwd"),
        number => format!("/proc/{thread}/fd/{number}"),
    };
    fs::read_link(link).ok()
}

/// The path that a call of this thread points at.
pub(crate) fn path_at(thread: Pid, address: u64) -> Option<PathBuf> {
    let text = text(thread, address)?;
    Some(PathBuf::from(OsStr::from_bytes(&text)))
}

/// The text up to its zero byte.
fn text(thread: Pid, address: u64) -> Option<Vec<u8>> {
    let base = usize::try_from(address).ok()?;
    let mut bytes = vec![0; LONGEST];
    // In two parts, because the second may lie on a page that is not there.
    let first = (PAGE - base % PAGE).min(LONGEST);
    let remote = [
        RemoteIoVec { base, len: first },
        RemoteIoVec {
            base: base.checked_add(first)?,
            len: LONGEST - first,
        },
    ];
    let read = process_vm_readv(thread, &mut [IoSliceMut::new(&mut bytes)], &remote).ok()?;
    let read = bytes.get(..read)?;
    let end = read.iter().position(|byte| *byte == 0)?;
    Some(read.get(..end)?.to_owned())
}

/// Without `.`, and `..` taken back by the text.
fn tidy(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(tidied.pop()),
            Component::CurDir => {}
            other => tidied.push(other),
        }
    }
    tidied
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outside_of_space(path: &[u8]) -> Option<PathBuf> {
        let arguments = [path.as_ptr() as u64, 0, 0, 0, 0, 0];
        outside(Pid::this(), "open", &arguments, &["/space".into()])
    }

    #[test]
    fn a_path_is_judged_by_its_text() {
        let outside = |path: &str| outside_of_space(format!("{path}\0").as_bytes());
        assert_eq!(outside("/space/a/../b"), None);
        assert_eq!(outside("/space/../etc/./x"), Some("/etc/x".into()));
        assert_eq!(outside("/spacex"), Some("/spacex".into()));
        assert_eq!(outside("/usr/lib/m/__pycache__/a.pyc"), None);
        let here = std::env::current_dir().unwrap();
        assert_eq!(outside("x"), Some(here.join("x")));
    }

    #[test]
    fn what_is_no_path_is_nothing() {
        assert_eq!(outside_of_space(&[b'/'; 2 * LONGEST]), None);
        let nowhere = [8, 0, 0, 0, 0, 0];
        assert_eq!(outside(Pid::this(), "creat", &nowhere, &[]), None);
    }
}
