//! Removing what sandboxed code may have filled: directories without any permission, odd names, nests deeper than a path can
//! name.
//!
//! The obvious way, one level of recursion or one open descriptor for each level of the tree, ends where whoever wrote the
//! tree wants it to. Here a directory that lies too deep is moved up to the root of the tree before it is emptied, so that no
//! path grows beyond a bound and nothing is held for a level. No link is followed. Nobody writes meanwhile: all
//! processes of the sandbox are dead by then.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Levels below the root from which a directory is moved up. Each can have a name of 255 bytes, and the kernel takes a path of
/// 4096; a longer way is also a slower one to every entry.
const DEEP: usize = 8;

/// Removes a directory and all below it, as far as it can: what stays is the error, and tried again by the next sweep.
pub fn remove_tree(root: &Path) -> io::Result<()> {
    let mut removal = Removal {
        root,
        directories: vec![(root.to_owned(), 0)],
        moved: 0,
        failed: None,
    };
    // Children come after their parents in the list, whether they were moved or not.
    let mut next = 0;
    while let Some((directory, level)) = removal.directories.get(next).cloned() {
        if let Err(error) = removal.empty(&directory, level) {
            removal.failed.get_or_insert(error);
        }
        next += 1;
    }
    for (directory, _) in removal.directories.iter().rev() {
        let removed = fs::remove_dir(directory);
        removal.failed = removal.failed.or(removed.err());
    }
    removal.failed.map_or(Ok(()), Err)
}

struct Removal<'a> {
    root: &'a Path,
    /// Those that are or will be emptied, in this order, and then removed in the opposite one; each with how many levels it
    /// lies below the root.
    directories: Vec<(PathBuf, usize)>,
    moved: u32,
    /// The first thing that went wrong.
    failed: Option<io::Error>,
}

impl Removal<'_> {
    /// Removes all entries of a directory but directories, and lists those.
    fn empty(&mut self, directory: &Path, level: usize) -> io::Result<()> {
        open_up(directory)?;
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                fs::remove_file(entry.path())?;
            } else if level < DEEP {
                self.directories.push((entry.path(), level + 1));
            } else {
                let short = self.move_up(&entry.path())?;
                self.directories.push((short, 1));
            }
        }
        Ok(())
    }

    /// Gives a directory a short path. Names that the tree has itself are left alone.
    fn move_up(&mut self, path: &Path) -> io::Result<PathBuf> {
        // A directory can only be moved by who may write to it.
        open_up(path)?;
        loop {
            self.moved += 1;
            let short = self.root.join(OsStr::new(&format!("moved-{}", self.moved)));
            if fs::symlink_metadata(&short).is_err() {
                return fs::rename(path, &short).map(|()| short);
            }
        }
    }
}

/// Gives the owner back the right to list and empty a directory.
fn open_up(directory: &Path) -> io::Result<()> {
    fs::set_permissions(directory, Permissions::from_mode(0o700))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::fcntl::{OFlag, open};
    use nix::sys::stat::{Mode, fchmod, mkdirat};
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::symlink;

    /// As hostile code does it: step by step, where no path is long.
    fn nest(root: &Path, depth: usize, mode: Mode) {
        let flags = OFlag::O_DIRECTORY;
        let mut at: OwnedFd = open(root, flags, Mode::empty()).unwrap();
        for _ in 0..depth {
            mkdirat(&at, "d", Mode::S_IRWXU).unwrap();
            let below = nix::fcntl::openat(&at, "d", flags, Mode::empty()).unwrap();
            fchmod(&at, mode).unwrap();
            at = below;
        }
    }

    fn in_a_small_thread(run: impl FnOnce() + Send + 'static) {
        let thread = std::thread::Builder::new().stack_size(256 << 10);
        thread.spawn(run).unwrap().join().unwrap();
    }

    #[test]
    fn a_nest_deeper_than_any_path_is_removed_without_a_deep_stack() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir(&root).unwrap();
        nest(&root, 3000, Mode::S_IRWXU);
        in_a_small_thread({
            let root = root.clone();
            move || remove_tree(&root).unwrap()
        });
        assert!(!root.exists());
    }

    #[test]
    fn locked_directories_and_names_like_our_own_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir(&root).unwrap();
        for number in 1..4 {
            fs::create_dir(root.join(format!("moved-{number}"))).unwrap();
        }
        fs::write(root.join("moved-5"), "").unwrap();
        nest(&root, 100, Mode::empty());
        remove_tree(&root).unwrap();
        assert!(!root.exists());
    }

    #[test]
    fn what_links_lead_to_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (root, outside) = (dir.path().join("root"), dir.path().join("outside"));
        fs::create_dir_all(outside.join("kept")).unwrap();
        fs::create_dir(&root).unwrap();
        symlink(&outside, root.join("link")).unwrap();
        remove_tree(&root).unwrap();
        assert!(outside.join("kept").is_dir() && !root.exists());
    }

    #[test]
    fn what_cannot_be_removed_is_said() {
        let dir = tempfile::tempdir().unwrap();
        assert!(remove_tree(&dir.path().join("none")).is_err());
    }
}
