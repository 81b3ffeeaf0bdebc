//! Files that nobody needs, watched by init.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};

use super::Seen;
use crate::spec::{Mount, Spec};

/// The decoys of a sandbox. Each tells of its first opening only, so there is nothing to read before
/// the end and nothing to flood.
pub(crate) struct Decoys {
    inotify: Option<Inotify>,
    places: Vec<(WatchDescriptor, PathBuf)>,
    /// Why some are not watched.
    unwatched: Option<Errno>,
}

impl Decoys {
    /// Watches the decoys of a view that is built, and the directories that were made for them, unless
    /// those are looked through from outside to measure what they hold. The first that the kernel
    /// refuses to watch, because the caller has too many watches, leaves the rest unwatched: they are not
    /// seen, as any other file, and [`Decoys::blind`] says so.
    pub(crate) fn watch(spec: &Spec, directories: bool) -> Self {
        let mut decoys = Self {
            inotify: None,
            places: Vec::new(),
            unwatched: None,
        };
        let mut places = places(spec);
        places.retain(|place| directories || !place.is_dir());
        if places.is_empty() {
            return decoys;
        }
        let flags = InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK;
        let inotify = match Inotify::init(flags) {
            Ok(inotify) => inotify,
            Err(errno) => {
                decoys.unwatched = Some(errno);
                return decoys;
            }
        };
        let once = AddWatchFlags::IN_OPEN | AddWatchFlags::IN_ONESHOT;
        for place in places {
            match inotify.add_watch(&place, once) {
                Ok(watch) => decoys.places.push((watch, place)),
                Err(errno) => {
                    decoys.unwatched = Some(errno);
                    break;
                }
            }
        }
        decoys.inotify = Some(inotify);
        decoys
    }

    /// What it does not see, and why.
    pub(crate) fn blind(&self) -> Option<String> {
        let errno = self.unwatched?;
        Some(format!(
            "decoys are not watched: the kernel gives no more inotify watches to this user ({})",
            errno.desc()
        ))
    }

    /// Which were opened, by now.
    pub(crate) fn opened(&self) -> Vec<PathBuf> {
        let mut opened = BTreeSet::new();
        while let Some(Ok(events)) = self.inotify.as_ref().map(Inotify::read_events) {
            for event in events
                .iter()
                .filter(|event| event.mask.contains(AddWatchFlags::IN_OPEN))
            {
                let place = self.places.iter().find(|(watch, _)| *watch == event.wd);
                opened.extend(place.map(|(_, place)| match &event.name {
                    Some(name) => place.join(name),
                    None => place.clone(),
                }));
            }
            if events.is_empty() {
                break;
            }
        }
        opened.into_iter().collect()
    }
}

/// The decoys, and each directory that holds nothing else.
fn places(spec: &Spec) -> BTreeSet<PathBuf> {
    let is_granted = |path: &Path| spec.mounts.iter().any(|mount| mount.target() == path);
    let decoys = spec
        .mounts
        .iter()
        .enumerate()
        .filter_map(|(at, mount)| match mount {
            Mount::Decoy { target } => Some((at, target.as_path())),
            _ => None,
        });
    // What was mounted over a decoy is no decoy.
    let covers = |mount: &Mount, decoy: &Path| decoy.starts_with(mount.target());
    let decoys = decoys.filter_map(|(at, decoy)| {
        let covered = spec
            .mounts
            .iter()
            .skip(at + 1)
            .any(|later| covers(later, decoy));
        (!covered).then_some(decoy)
    });
    decoys
        .flat_map(|decoy| {
            let directory = decoy.parent().filter(|directory| !is_granted(directory));
            [Some(decoy), directory]
        })
        .flatten()
        .map(Path::to_owned)
        .collect()
}

impl Seen {
    /// What init knows at the end.
    pub(crate) fn of(resolver: super::Resolver, decoys: &Decoys) -> Self {
        Self {
            names: resolver.into_asked(),
            decoys: decoys.opened(),
        }
    }
}
