//! Putting a specification's mounts on the stage.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, lchown, symlink};
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::{PLACE, TEMPORARY, is_on_stage, transfer, writable};
use crate::error::{Failure, Step};
use crate::identity::Identity;
use crate::spec::{Lower, Mount, Spec};

/// A specification whose mounts are where it says: read-only and writable ones at their own paths,
/// masked files to be left out, and what init watches.
pub(super) struct Placed {
    pub(super) spec: Spec,
    /// From the stage to where the caller looks for it.
    back: Vec<(PathBuf, PathBuf)>,
}

impl Placed {
    pub(super) fn on_stage(spec: &Spec, payload: Identity) -> Result<Self, Failure> {
        let mut placed = Self {
            spec: Spec {
                mounts: Vec::new(),
                ..spec.clone()
            },
            back: Vec::new(),
        };
        let mut placer = Placer {
            payload,
            placed: &mut placed,
        };
        let temporary = Mount::Tmpfs {
            target: TEMPORARY.into(),
            size: spec.limits.tmp,
        };
        for mount in [&temporary].into_iter().chain(&spec.mounts) {
            let placed = placer.place(mount);
            placed.map_err(|error| Failure::io(Step::Stage, mount.target(), &error))?;
        }
        placed.tell_the_command();
        Ok(placed)
    }

    /// Programs that ask where temporary files go are told; whoever names `/tmp` itself is refused. Git
    /// would stop at the machine's configuration, which is there and closed.
    fn tell_the_command(&mut self) {
        let command = &mut self.spec.command;
        let git = command.env.entry("GIT_CONFIG_NOSYSTEM".into());
        git.or_insert_with(|| "1".into());
        let told = command.env.entry("TMPDIR".into()).or_default();
        if told.is_empty() || told == "/tmp" {
            *told = TEMPORARY.into();
        }
        if command.cwd == Path::new("/tmp") {
            command.cwd = TEMPORARY.into();
        }
    }

    /// Gives back what the command was to change.
    pub(super) fn bring_back(self) -> Result<(), Failure> {
        self.back.iter().try_for_each(|(from, to)| {
            let back = || {
                // Below another writable place the command could have put a link in the way.
                if from.canonicalize()? != *from {
                    return Err(Errno::ELOOP.into());
                }
                // Where it was copied, the original is still there.
                if to.symlink_metadata().is_ok() {
                    transfer::remove_all_in(to, None)?;
                    fs::remove_dir(to)?;
                }
                transfer::retrieve(from, to)
            };
            back().map_err(|error| Failure::io(Step::Stage, to, &error))
        })
    }
}

struct Placer<'a> {
    payload: Identity,
    placed: &'a mut Placed,
}

impl Placer<'_> {
    fn place(&mut self, mount: &Mount) -> io::Result<()> {
        match mount {
            Mount::ReadOnly { source, target } => return self.read_only(source, target),
            Mount::Writable { source, target } => return self.writable(source, target),
            Mount::Tmpfs { target, .. } => {
                self.directory(target)?;
                self.grant_writing(target);
            }
            Mount::ReadOnlyOverlay { lowers, target } => match lowers.as_slice() {
                [Lower { source, .. }] => self.copy(source, target)?,
                _ => return Err(Errno::EOPNOTSUPP.into()),
            },
            Mount::Overlay { .. } => return Err(Errno::EOPNOTSUPP.into()),
            // An empty file in a directory that is granted: left out of the grant.
            Mount::File {
                target, content, ..
            } if !is_on_stage(target) && content.is_empty() => {
                self.keep(mount);
            }
            Mount::File {
                target,
                content,
                executable,
            } => self.file(target, content, if *executable { 0o555 } else { 0o444 })?,
            Mount::Decoy { target } => {
                self.file(target, b"", 0o600)?;
                self.keep(mount);
            }
            Mount::Symlink { path, to } => self.link(path, to)?,
            Mount::Directory { target } => self.directory(target)?,
        }
        Ok(())
    }

    fn keep(&mut self, mount: &Mount) {
        self.placed.spec.mounts.push(mount.clone());
    }

    /// Right below the stage lies what the caller made for the run, in a place that the payload need
    /// not be able to reach: it is copied. Deeper lie directories of the caller's own, such as caches:
    /// they can be big, and are shown by a link.
    fn read_only(&mut self, source: &Path, target: &Path) -> io::Result<()> {
        if !is_on_stage(target) {
            let is_itself = target.canonicalize().ok() == Some(source.canonicalize()?);
            if !is_itself {
                return Err(Errno::EOPNOTSUPP.into());
            }
            self.grant_reading(source, source);
            return Ok(());
        }
        if target.parent() == Some(Path::new(PLACE)) {
            return self.copy(source, target);
        }
        self.link(target, source)?;
        self.grant_reading(source, target);
        Ok(())
    }

    fn grant_reading(&mut self, source: &Path, target: &Path) {
        self.keep(&Mount::ReadOnly {
            source: source.to_owned(),
            target: target.to_owned(),
        });
    }

    fn writable(&mut self, source: &Path, target: &Path) -> io::Result<()> {
        if is_on_stage(target) {
            self.parents(target)?;
            transfer::bring(source, target)?;
            self.placed.back.push((target.into(), source.into()));
        } else if target.canonicalize()? != source.canonicalize()? {
            return Err(Errno::EOPNOTSUPP.into());
        }
        self.grant_writing(target);
        Ok(())
    }

    fn grant_writing(&mut self, target: &Path) {
        self.keep(&Mount::Writable {
            source: target.to_owned(),
            target: target.to_owned(),
        });
    }

    fn copy(&mut self, source: &Path, target: &Path) -> io::Result<()> {
        on_stage(target)?;
        self.parents(target)?;
        transfer::copy(source, target, Some(self.payload))
    }

    fn file(&mut self, target: &Path, content: &[u8], mode: u32) -> io::Result<()> {
        on_stage(target)?;
        self.parents(target)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(target)?;
        file.write_all(content)?;
        self.own(target)
    }

    /// A link of the host that says the same is as good.
    fn link(&mut self, path: &Path, to: &Path) -> io::Result<()> {
        if !is_on_stage(path) && path.canonicalize().ok() == to.canonicalize().ok() {
            return Ok(());
        }
        on_stage(path)?;
        self.parents(path)?;
        symlink(to, path)
    }

    fn directory(&mut self, target: &Path) -> io::Result<()> {
        on_stage(target)?;
        self.parents(target)?;
        if !target.is_dir() {
            DirBuilder::new().mode(0o755).create(target)?;
        }
        lchown(target, Some(self.payload.uid), Some(self.payload.gid))
    }

    /// Nothing writes here but the keeper, and no link is on the way: all of it was just made, but for
    /// what a writable tree brought along.
    fn parents(&self, target: &Path) -> io::Result<()> {
        let missing: Vec<_> = target
            .ancestors()
            .skip(1)
            .take_while(|path| path.symlink_metadata().is_err())
            .collect();
        for path in missing.into_iter().rev() {
            DirBuilder::new().mode(0o755).create(path)?;
            self.own(path)?;
        }
        let parent = target.parent().unwrap_or(target);
        if parent.canonicalize()? != parent {
            return Err(Errno::ELOOP.into());
        }
        Ok(())
    }

    /// What lies in a writable place is the payload's, who may remove it.
    fn own(&self, path: &Path) -> io::Result<()> {
        let places = writable(&self.placed.spec);
        if places.iter().any(|place| path.starts_with(place)) {
            lchown(path, Some(self.payload.uid), Some(self.payload.gid))?;
        }
        Ok(())
    }
}

fn on_stage(target: &Path) -> io::Result<()> {
    match is_on_stage(target) {
        true => Ok(()),
        false => Err(Errno::EOPNOTSUPP.into()),
    }
}
