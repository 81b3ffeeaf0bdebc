//! The imports between parts of one tree.

use std::collections::BTreeMap;

use guest::changes::Changes;
use guest::trees::{self, Tree, Unread};
use guest::{CheckError, Side};

use crate::imports::{self, Import};
use crate::project::Project;
use crate::resolve::resolve;
use crate::settings::Settings;

/// Bytes of one source.
const LARGEST: u64 = 2 << 20;

/// One part imports another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// The file that imports.
    pub(crate) path: String,
    /// What it imports, as it is written.
    pub(crate) module: String,
    /// The file that it means.
    pub(crate) target: String,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// What one tree holds.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// By file, in byte order, and in it by place.
    pub(crate) links: Vec<Link>,
    /// Sources of each part.
    pub(crate) sources: BTreeMap<usize, usize>,
    /// Sources of parts that were not read.
    pub(crate) unread: Vec<(String, Unread)>,
}

/// The imports of sources that the change leaves as they are: the same on both sides.
pub(crate) type Known = BTreeMap<String, Result<Vec<Import>, Unread>>;

impl Links {
    /// Reads one tree.
    pub(crate) fn read(
        tree: &impl Tree,
        side: Side,
        settings: &Settings,
        changes: &Changes<'_>,
        known: &mut Known,
    ) -> Result<Self, CheckError> {
        let project = Project::read(tree)?;
        let mut links = Self::default();
        for path in &project.paths {
            if !imports::is_read(path) || settings.ignore.matches(path) {
                continue;
            }
            let Some(part) = settings.parts.of(path) else {
                continue;
            };
            *links.sources.entry(part).or_default() += 1;
            let is_same =
                changes.leaves(path) && (side == Side::Candidate || !changes.moves_away(path));
            let found = match known.remove(path).filter(|_| is_same) {
                Some(found) => found,
                None => read(tree, path)?,
            };
            match &found {
                Ok(found) => links.follow(&project, settings, part, path, found),
                Err(why) => links.unread.push((path.clone(), *why)),
            }
            if is_same {
                known.insert(path.clone(), found);
            }
        }
        Ok(links)
    }

    fn follow(
        &mut self,
        project: &Project,
        settings: &Settings,
        from: usize,
        path: &str,
        found: &[Import],
    ) {
        for import in found {
            let target = resolve(project, path, &import.target);
            let part = target
                .as_deref()
                .and_then(|target| settings.parts.of(target));
            let (Some(target), Some(to)) = (target, part.filter(|to| *to != from)) else {
                continue;
            };
            self.links.push(Link {
                from,
                to,
                path: path.to_owned(),
                module: import.target.shown(),
                target,
                line: import.line,
                column: import.column,
            });
        }
    }
}

fn read(tree: &impl Tree, path: &str) -> Result<Result<Vec<Import>, Unread>, CheckError> {
    let bytes = trees::text(tree, path, LARGEST)?;
    Ok(bytes.map(|bytes| imports::of(path, &bytes)))
}
