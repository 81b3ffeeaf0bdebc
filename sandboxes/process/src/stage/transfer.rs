//! Moving, copying and removing trees that a payload has written. Nothing follows a link, and nothing
//! depends on how deep a tree is, but for copying to another file system.

use std::fs::{self, DirEntry, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};

use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;

use crate::identity::Identity;

/// Moves a tree to a path where nothing is; copies it where that is another file system.
pub(super) fn bring(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => copy(from, to, None),
        result => result,
    }
}

/// The same with what a payload has left, whatever it has closed to its owner and however deep it has nested it. What has
/// no path where it goes stays behind: nobody could name it there.
pub(super) fn retrieve(from: &Path, to: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(from)?;
    // One that is closed can be neither moved nor read by its owner.
    open_to_owner(from, &found)?;
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            copy_each(from, to, None, true)?;
        }
        result => result?,
    }
    match found.is_symlink() {
        // The change would be to what it leads to.
        true => Ok(()),
        false => fs::set_permissions(to, Permissions::from_mode(found.mode() & 0o777)),
    }
}

fn open_to_owner(path: &Path, found: &Metadata) -> io::Result<()> {
    let needed = if found.is_dir() { 0o700 } else { 0o400 };
    if found.is_symlink() || found.mode() & needed == needed {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(found.mode() & 0o777 | needed))
}

/// Copies files, directories and links with owner, mode and times; sockets and pipes have no reader
/// where the copy goes.
pub(super) fn copy(from: &Path, to: &Path, owner: Option<Identity>) -> io::Result<()> {
    copy_each(from, to, owner, false)
}

fn copy_each(from: &Path, to: &Path, owner: Option<Identity>, left: bool) -> io::Result<()> {
    let mut directories = Vec::new();
    let mut pending = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = pending.pop() {
        let copied = copy_one(&from, &to, owner, left);
        let entries = match copied {
            Err(error) if left && error.kind() == io::ErrorKind::InvalidFilename => continue,
            copied => copied?,
        };
        if let Some((found, entries)) = entries {
            let pairs = |entry: DirEntry| (entry.path(), to.join(entry.file_name()));
            pending.extend(entries.into_iter().map(pairs));
            directories.push((found, to));
        }
    }
    // Nothing is made in them any more, and parents come before what is in them.
    directories
        .iter()
        .rev()
        .try_for_each(|(found, to)| finish(found, to, owner))
}

/// Copies what is not a directory; of one that is, says what it was and what is in it.
fn copy_one(
    from: &Path,
    to: &Path,
    owner: Option<Identity>,
    left: bool,
) -> io::Result<Option<(Metadata, Vec<DirEntry>)>> {
    let found = fs::symlink_metadata(from)?;
    if left && (found.is_dir() || found.is_file()) {
        open_to_owner(from, &found)?;
    }
    if found.is_dir() {
        fs::create_dir(to)?;
        return Ok(Some((found, listed(from)?)));
    }
    if found.is_symlink() {
        symlink(fs::read_link(from)?, to)?;
    } else if found.is_file() {
        fs::copy(from, to)?;
    } else {
        return Ok(None);
    }
    finish(&found, to, owner)?;
    Ok(None)
}

fn finish(found: &Metadata, to: &Path, owner: Option<Identity>) -> io::Result<()> {
    let (uid, gid) = owner.map_or((found.uid(), found.gid()), |ids| (ids.uid, ids.gid));
    lchown(to, Some(uid), Some(gid))?;
    if !found.is_symlink() {
        fs::set_permissions(to, Permissions::from_mode(found.mode() & 0o777))?;
    }
    let accessed = TimeSpec::new(found.atime(), found.atime_nsec());
    let modified = TimeSpec::new(found.mtime(), found.mtime_nsec());
    let here = nix::fcntl::AT_FDCWD;
    utimensat(
        here,
        to,
        &accessed,
        &modified,
        UtimensatFlags::NoFollowSymlink,
    )?;
    Ok(())
}

/// Removes all that is in a directory, but for one file. Directories are first moved to its top, where their paths are
/// short, however deep a payload has nested them.
pub(super) fn remove_all_in(top: &Path, but: Option<&Path>) -> io::Result<()> {
    let mut moved: Vec<PathBuf> = Vec::new();
    let mut number = 0_u64;
    let mut spare = || loop {
        number += 1;
        let path = top.join(format!(".removed-{number}"));
        if path.symlink_metadata().is_err() {
            return path;
        }
    };
    let mut entries = listed(top)?;
    loop {
        for entry in entries {
            if Some(entry.path().as_path()) == but {
                continue;
            }
            if !entry.file_type()?.is_dir() {
                fs::remove_file(entry.path())?;
                continue;
            }
            // A directory that is closed to its owner can be neither moved nor read.
            fs::set_permissions(entry.path(), Permissions::from_mode(0o700))?;
            let path = spare();
            fs::rename(entry.path(), &path)?;
            moved.push(path);
        }
        // One that has been emptied already has nothing left to list.
        let Some(next) = moved.pop() else {
            return Ok(());
        };
        entries = listed(&next)?;
        if entries.is_empty() {
            fs::remove_dir(&next)?;
        } else {
            moved.push(next);
        }
    }
}

fn listed(directory: &Path) -> io::Result<Vec<DirEntry>> {
    fs::read_dir(directory)?.collect()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::{copy, remove_all_in, retrieve};

    #[test]
    fn a_copy_has_content_modes_times_and_links_and_follows_none() {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        fs::create_dir_all(from.join("closed")).unwrap();
        fs::write(from.join("closed/file"), "content").unwrap();
        fs::set_permissions(from.join("closed/file"), Permissions::from_mode(0o750)).unwrap();
        symlink("/etc/passwd", from.join("link")).unwrap();
        let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::new(1_000, 7);
        let file = fs::File::options()
            .write(true)
            .open(from.join("closed/file"))
            .unwrap();
        file.set_modified(old).unwrap();
        copy(&from, &to, None).unwrap();
        let copied = fs::metadata(to.join("closed/file")).unwrap();
        assert_eq!((copied.mtime(), copied.mtime_nsec()), (1_000, 7));
        assert_eq!(copied.mode() & 0o777, 0o750);
        assert_eq!(
            fs::read_link(to.join("link")).unwrap().to_str(),
            Some("/etc/passwd")
        );
        assert_eq!(
            fs::read_to_string(to.join("closed/file")).unwrap(),
            "content"
        );
    }

    #[test]
    fn a_link_in_the_place_of_a_tree_is_retrieved_as_a_link() {
        let place = tempfile::tempdir().unwrap();
        let kept = place.path().join("kept");
        fs::write(&kept, "").unwrap();
        fs::set_permissions(&kept, Permissions::from_mode(0o600)).unwrap();
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        symlink(&kept, &from).unwrap();
        retrieve(&from, &to).unwrap();
        assert_eq!(fs::read_link(&to).unwrap(), kept);
        assert_eq!(fs::metadata(&kept).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_is_closed_or_deeper_than_any_path_is_removed_and_no_link_is_followed() {
        let place = tempfile::tempdir().unwrap();
        let kept = tempfile::tempdir().unwrap();
        fs::write(kept.path().join("file"), "").unwrap();
        symlink(kept.path(), place.path().join("link")).unwrap();
        fs::create_dir_all(place.path().join("closed/below")).unwrap();
        fs::write(place.path().join("closed/below/file"), "").unwrap();
        fs::set_permissions(place.path().join("closed"), Permissions::from_mode(0o000)).unwrap();
        // Deeper than PATH_MAX: built from the bottom up.
        let name = "n".repeat(200);
        let chain = place.path().join("chain");
        fs::create_dir(&chain).unwrap();
        for _ in 0..40 {
            let above = place.path().join("above");
            fs::create_dir(&above).unwrap();
            fs::rename(&chain, above.join(&name)).unwrap();
            fs::rename(&above, &chain).unwrap();
        }
        let spared = place.path().join("spared");
        fs::write(&spared, "").unwrap();
        remove_all_in(place.path(), Some(&spared)).unwrap();
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
        remove_all_in(place.path(), None).unwrap();
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
        assert!(kept.path().join("file").exists());
    }
}
