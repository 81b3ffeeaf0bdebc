//! Host paths, opened as detached mounts and restricted before anything can use them.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::system;
use crate::error::{Failure, Step};
use crate::identity::Identity;
use crate::namespaces::UserNamespace;
use crate::spec::{Lower, Mount, Spec};
use crate::sys::{self, MountAttributes};

const NOTHING_SPECIAL: u64 = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
pub(super) const READ_ONLY: u64 = libc::MOUNT_ATTR_RDONLY | NOTHING_SPECIAL;
/// A device node must stay usable; a read-only mount only keeps its mode and owner from changing.
const DEVICE: u64 = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC;

/// A mount that is not attached anywhere yet.
pub(crate) struct Detached {
    pub(super) tree: OwnedFd,
    pub(super) is_directory: bool,
}

/// A step of building the view, with the host side already resolved.
pub(super) enum Prepared {
    Bind {
        tree: Detached,
        target: PathBuf,
    },
    Overlay {
        lowers: Vec<Detached>,
        scratch: Option<Detached>,
        target: PathBuf,
    },
    Tmpfs {
        target: PathBuf,
        size: u64,
    },
    File {
        target: PathBuf,
        content: Vec<u8>,
        executable: bool,
    },
    Symlink {
        path: PathBuf,
        to: PathBuf,
    },
    Decoy {
        target: PathBuf,
    },
    Directory {
        target: PathBuf,
    },
}

/// All that the view needs, in the order of attaching.
pub(crate) struct Sources(pub(super) Vec<Prepared>);

/// Opens the sources of a specification.
pub(crate) struct Opener {
    /// Whom the payload's files belong to, as this process numbers it.
    pub(crate) payload: Identity,
    /// The id map that shows root's files as the payload's; only real root can apply one.
    pub(crate) shift: Option<UserNamespace>,
}

/// The system's own part of the view and what the specification adds, in this order.
pub(crate) fn open(spec: &Spec, opener: &Opener) -> Result<Sources, Failure> {
    let mut prepared = Vec::new();
    for mount in system::mounts(&spec.limits) {
        prepared.push(opener.prepare(mount)?);
    }
    for name in system::DEVICES {
        let target = Path::new("/dev").join(name);
        let tree = detach(&target, false, DEVICE)?;
        prepared.push(Prepared::Bind { tree, target });
    }
    for mount in spec.mounts.iter().cloned() {
        prepared.push(opener.prepare(mount)?);
    }
    Ok(Sources(prepared))
}

impl Opener {
    fn prepare(&self, mount: Mount) -> Result<Prepared, Failure> {
        Ok(match mount {
            Mount::ReadOnly { source, target } => Prepared::Bind {
                tree: detach(&source, true, READ_ONLY)?,
                target,
            },
            Mount::Writable { source, target } => Prepared::Bind {
                tree: detach(&source, false, NOTHING_SPECIAL)?,
                target,
            },
            Mount::Overlay {
                lowers,
                scratch,
                target,
            } => Prepared::Overlay {
                lowers: self.layers(&lowers)?,
                scratch: Some(self.scratch(&scratch)?),
                target,
            },
            Mount::ReadOnlyOverlay { lowers, target } => self.merged(&lowers, target)?,
            Mount::Tmpfs { target, size } => Prepared::Tmpfs { target, size },
            Mount::File {
                target,
                content,
                executable,
            } => Prepared::File {
                target,
                content,
                executable,
            },
            Mount::Symlink { path, to } => Prepared::Symlink { path, to },
            Mount::Decoy { target } => Prepared::Decoy { target },
            Mount::Directory { target } => Prepared::Directory { target },
        })
    }

    /// One layer needs no overlay: a bind shows the same.
    fn merged(&self, lowers: &[Lower], target: PathBuf) -> Result<Prepared, Failure> {
        let mut layers = self.layers(lowers)?;
        Ok(match layers.pop() {
            Some(tree) if layers.is_empty() => Prepared::Bind { tree, target },
            last => {
                layers.extend(last);
                Prepared::Overlay {
                    lowers: layers,
                    scratch: None,
                    target,
                }
            }
        })
    }

    fn layers(&self, lowers: &[Lower]) -> Result<Vec<Detached>, Failure> {
        lowers.iter().map(|lower| self.layer(lower)).collect()
    }

    /// A layer is opened without what is mounted beneath it: the kernel refuses such layers in a
    /// user namespace.
    fn layer(&self, lower: &Lower) -> Result<Detached, Failure> {
        let layer = detach(&lower.source, false, READ_ONLY)?;
        if lower.owner_shift {
            self.shift_owner(&lower.source, &layer)?;
        }
        Ok(layer)
    }

    fn shift_owner(&self, source: &Path, layer: &Detached) -> Result<(), Failure> {
        let failed = |errno| Failure::at(Step::ShiftOwner, source, errno);
        let Some(namespace) = &self.shift else {
            let owner = fs::metadata(source)
                .map_err(|error| Failure::io(Step::ShiftOwner, source, &error))?;
            // Without root the payload is the caller, so what the caller owns needs no shift;
            // anything else cannot have one.
            return if owner.uid() == self.payload.uid {
                Ok(())
            } else {
                Err(failed(Errno::EPERM))
            };
        };
        let attributes = MountAttributes {
            set: 0,
            idmap: Some(namespace.as_fd()),
            recursive: false,
        };
        sys::mount_setattr(layer.tree.as_fd(), attributes).map_err(failed)
    }

    /// `upper` is kept, `work` is made anew: a volatile overlay refuses a work directory that was
    /// used before.
    fn scratch(&self, scratch: &Path) -> Result<Detached, Failure> {
        let failed = |error: &std::io::Error| Failure::io(Step::PrepareScratch, scratch, error);
        super::overlay::remove_work(scratch).map_err(|error| failed(&error))?;
        for name in ["upper", "work"] {
            let directory = scratch.join(name);
            if directory.is_dir() {
                continue;
            }
            fs::create_dir(&directory).map_err(|error| failed(&error))?;
            chown(&directory, Some(self.payload.uid), Some(self.payload.gid))
                .map_err(|error| failed(&error))?;
        }
        detach(scratch, false, NOTHING_SPECIAL)
    }
}

/// Opens a path as a detached mount with these attributes.
pub(super) fn detach(source: &Path, recursive: bool, attributes: u64) -> Result<Detached, Failure> {
    let failed = |step| move |errno| Failure::at(step, source, errno);
    let tree = fs::File::from(sys::open_tree(source, recursive).map_err(failed(Step::OpenSource))?);
    let kind = tree
        .metadata()
        .map_err(|error| Failure::io(Step::OpenSource, source, &error))?;
    let attributes = MountAttributes {
        set: attributes,
        idmap: None,
        recursive: true,
    };
    sys::mount_setattr(tree.as_fd(), attributes).map_err(failed(Step::RestrictMount))?;
    Ok(Detached {
        tree: tree.into(),
        is_directory: kind.is_dir(),
    })
}
