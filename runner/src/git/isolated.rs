//! Our own git directory for one repository.
//!
//! `<cache>/git/<key>/objects` holds what proposals add, shared by all runs; its alternates lead to
//! the user's objects. `<cache>/git/<key>/views/<random>` is the `GIT_DIR` of one run: the user's
//! references as they were at its start, temporary indexes, and the quarantine for new objects. A view is locked
//! while its run lives; the next start removes the views whose run is gone.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::command::path_bytes;

use super::layout::alternates_line;
use super::refs::Refs;
use super::{GitError, ObjectFormat};
use crate::digest::sha256;

/// The private directories of one run.
#[derive(Debug)]
pub struct Isolated {
    /// Where git writes new objects.
    pub objects: PathBuf,
    view: TempDir,
    // Held for the view's life; released by the kernel however the run ends.
    _lock: File,
}

impl Isolated {
    /// Makes the directories for the objects at `borrowed` (none for a plain directory at `place`).
    pub fn create(
        cache: &Path,
        place: &Path,
        borrowed: Option<&Path>,
        format: ObjectFormat,
    ) -> Result<Self, GitError> {
        let key = key(place, format);
        let home = cache.join("git").join(key);
        let purpose = || format!("prepare the private git directory {}", home.display());
        Self::try_create(&home, borrowed, format).map_err(GitError::io(purpose()))
    }

    fn try_create(home: &Path, borrowed: Option<&Path>, format: ObjectFormat) -> io::Result<Self> {
        let objects = home.join("objects");
        let views = home.join("views");
        for directory in [&objects.join("info"), &objects.join("pack"), &views] {
            private_dir(directory)?;
        }
        // One runner at a time makes and removes views; it takes a moment.
        let gate = File::create(home.join("lock"))?;
        gate.lock()?;
        write_atomically(
            home,
            &objects.join("info/alternates"),
            &borrowed.map(alternates_line).unwrap_or_default(),
        )?;
        remove_abandoned(&views)?;
        let view = tempfile::Builder::new()
            .prefix("view-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(&views)?;
        let lock = File::create(view.path().join("alive"))?;
        lock.lock()?;
        write_skeleton(view.path(), format)?;
        Ok(Self {
            objects,
            view,
            _lock: lock,
        })
    }

    /// The run's `GIT_DIR`.
    pub fn directory(&self) -> &Path {
        self.view.path()
    }

    /// Gives the view the user's references, and the boundary of a shallow clone.
    pub fn adopt(&self, refs: &Refs, shallow: Option<&[u8]>) -> Result<(), GitError> {
        let purpose = "copy the references into the private git directory";
        refs.write(self.directory())
            .map_err(GitError::io(purpose))?;
        if let Some(shallow) = shallow {
            fs::write(self.directory().join("shallow"), shallow).map_err(GitError::io(purpose))?;
        }
        Ok(())
    }
}

/// A repository's name in the cache: where it is and how its objects are named.
fn key(place: &Path, format: ObjectFormat) -> String {
    let mut text = path_bytes(place).to_vec();
    text.push(0);
    text.extend(format.name().bytes());
    sha256(&text).chars().take(32).collect()
}

fn private_dir(directory: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
}

fn write_atomically(scratch: &Path, file: &Path, content: &[u8]) -> io::Result<()> {
    if fs::read(file).is_ok_and(|present| present == content) {
        return Ok(());
    }
    let mut fresh = tempfile::NamedTempFile::new_in(scratch)?;
    io::Write::write_all(&mut fresh, content)?;
    fresh.persist(file).map(drop).map_err(|error| error.error)
}

/// What makes a directory a git directory, and the quarantine with its preimages.
fn write_skeleton(view: &Path, format: ObjectFormat) -> io::Result<()> {
    for directory in [
        "refs/heads",
        "info",
        "objects/info",
        "objects/pack",
        "preimages/pack",
    ] {
        fs::create_dir_all(view.join(directory))?;
    }
    fs::write(
        view.join("objects/info/alternates"),
        alternates_line(&view.join("preimages")),
    )?;
    fs::write(view.join("HEAD"), "ref: refs/heads/none\n")?;
    let config = match format {
        ObjectFormat::Sha1 => "[core]\nrepositoryformatversion = 0\nbare = true\n",
        ObjectFormat::Sha256 => {
            "[core]\nrepositoryformatversion = 1\nbare = true\n[extensions]\nobjectformat = sha256\n"
        }
    };
    fs::write(view.join("config"), config)
}

/// Removes the views whose run was killed: nobody holds their lock.
fn remove_abandoned(views: &Path) -> io::Result<()> {
    for entry in fs::read_dir(views)? {
        let view = entry?.path();
        let abandoned = match File::open(view.join("alive")) {
            Ok(lock) => lock.try_lock().is_ok(),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if abandoned {
            // Another user's leftovers, or a view that is just ending: the next start tries again.
            let _ = fs::remove_dir_all(&view);
        }
    }
    Ok(())
}
