//! The imports between parts of one tree.

use guest::CheckError;
use guest::changes::Changes;
use guest::index::Named;
use guest::trees::{self, Tree, Unread};

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
    /// Sources of each part, by its number.
    pub(crate) sources: Vec<usize>,
    /// Sources of parts that were not read.
    pub(crate) unread: Vec<(String, Unread)>,
}

/// The imports of sources that the change leaves as they are: the same on both sides.
pub(crate) type Known = Named<Result<Vec<Import>, Unread>>;

impl Links {
    /// Reads one tree, and gives what need not be read again in the other.
    pub(crate) fn read(
        tree: &impl Tree,
        settings: &Settings,
        changes: &Changes<'_>,
        known: &Known,
    ) -> Result<(Self, Known), CheckError> {
        let project = Project::read(tree)?;
        let mut links = Self {
            sources: vec![0; settings.parts.names().len()],
            ..Self::default()
        };
        let mut left = Vec::new();
        for path in &project.paths {
            if !imports::is_read(path) || settings.ignore.matches(path) {
                continue;
            }
            let Some(part) = settings.parts.of(path) else {
                continue;
            };
            if let Some(sources) = links.sources.get_mut(part) {
                *sources += 1;
            }
            if let Some(found) = known.get(path) {
                links.take(&project, settings, part, path, found);
                continue;
            }
            let found = read(tree, path)?;
            links.take(&project, settings, part, path, &found);
            if changes.leaves(path) {
                left.push((path.clone(), found));
            }
        }
        Ok((links, Known::new(left)))
    }

    fn take(
        &mut self,
        project: &Project,
        settings: &Settings,
        part: usize,
        path: &str,
        found: &Result<Vec<Import>, Unread>,
    ) {
        match found {
            Ok(found) => self.follow(project, settings, part, path, found),
            Err(why) => self.unread.push((path.to_owned(), *why)),
        }
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
