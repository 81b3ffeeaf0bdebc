//! What the change adds: the changed sources on both sides, and the index of the windows that begin on an added line.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use guest::changes::{added_lines, holds, line_on_base, old_path, removed_lines};
use guest::trees::{self, Tree, Unread};
use guest::{ChangeSet, ChangedFile, CheckError, Status, source};

use crate::settings::Settings;
use crate::tokens::{Sequence, windows};

/// Places that are kept of one window: where a block stands more often, its later places are found as they pass by.
const MOST_PLACES: usize = 4;

/// Digests are spread already.
#[derive(Default)]
pub(crate) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = guest::report::digest(bytes);
    }

    fn write_u64(&mut self, digest: u64) {
        self.0 = digest ^ (digest >> 29);
    }
}

type ByDigest<T> = HashMap<u64, T, BuildHasherDefault<Spread>>;

/// A changed source.
pub(crate) struct Changed<'a> {
    pub(crate) file: &'a ChangedFile,
    pub(crate) candidate: Sequence,
    /// Whether each token of the candidate stands on an added line.
    is_added: Vec<bool>,
    base: Sequence,
}

impl Changed<'_> {
    /// How many of so many tokens the change adds.
    pub(crate) fn added(&self, at: usize, tokens: usize) -> usize {
        let block = self.is_added.get(at..at + tokens).unwrap_or_default();
        block.iter().filter(|added| **added).count()
    }

    /// What stood on the base where these lines of the candidate are.
    pub(crate) fn on_base(&self, first: u32, last: u32) -> &[u64] {
        let (first, last) = (
            line_on_base(self.file, first),
            line_on_base(self.file, last),
        );
        self.base.on_lines(first, last)
    }
}

/// The changed sources and the index of what is new in them.
pub(crate) struct Added<'a> {
    /// In byte order of their paths.
    pub(crate) files: Vec<Changed<'a>>,
    /// File and token of the first places of each new window.
    index: ByDigest<Vec<(u32, u32)>>,
    /// Changed sources that were not read, and why.
    pub(crate) unread: Vec<(&'a str, Unread)>,
}

impl<'a> Added<'a> {
    /// Reads the changed sources.
    pub(crate) fn read(
        change: &'a ChangeSet,
        settings: &Settings,
        base: &impl Tree,
        candidate: &impl Tree,
    ) -> Result<Self, CheckError> {
        let mut added = Self {
            files: Vec::new(),
            index: ByDigest::default(),
            unread: Vec::new(),
        };
        let mut removed = ByDigest::<u32>::default();
        let mut tokens = 0;
        for file in &change.files {
            let before = sequence(base, old_path(file), file.old_mode.is_some(), settings)?
                .unwrap_or_default();
            count_removed(file, &before, settings, &mut removed);
            if file.status == Status::Deleted || file.hunks.is_empty() && !file.binary {
                continue;
            }
            match sequence(candidate, &file.path, true, settings)? {
                Ok(_) if tokens > settings.bounds.changed_tokens => {
                    added.unread.push((&file.path, Unread::TooLarge));
                }
                Ok(now) => {
                    tokens += now.len().max(before.len());
                    added.files.push(changed(file, now, before));
                }
                Err(why) => added.unread.push((&file.path, why)),
            }
        }
        added.index(settings.min_tokens, &removed);
        Ok(added)
    }

    /// What is as often removed as added was moved.
    fn index(&mut self, tokens: usize, removed: &ByDigest<u32>) {
        let mut times = ByDigest::<u32>::default();
        for (_, _, window) in self.added_windows(tokens) {
            *times.entry(window).or_default() += 1;
        }
        let mut index = ByDigest::<Vec<(u32, u32)>>::default();
        for (file, at, window) in self.added_windows(tokens) {
            let moved = removed.get(&window).copied().unwrap_or(0);
            if times.get(&window).copied().unwrap_or(0) <= moved {
                continue;
            }
            let places = index.entry(window).or_default();
            if places.len() < MOST_PLACES {
                places.push((file, at));
            }
        }
        self.index = index;
    }

    fn added_windows(&self, tokens: usize) -> impl Iterator<Item = (u32, u32, u64)> + '_ {
        let files = self.files.iter().enumerate();
        files.flat_map(move |(number, file)| {
            let windows = file.candidate.windows(tokens);
            let new = windows.filter(|(at, _)| file.is_added.get(*at).copied().unwrap_or(false));
            new.map(move |(at, window)| (small(number), small(at), window))
        })
    }

    /// Whether nothing could be found.
    pub(crate) fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The places of a window, as number of the file and of the token.
    pub(crate) fn places(&self, window: u64) -> impl Iterator<Item = (usize, usize)> + '_ {
        let places = self.index.get(&window).into_iter().flatten();
        places.map(|(file, at)| (*file as usize, *at as usize))
    }

    /// The number of a changed file.
    pub(crate) fn number_of(&self, path: &str) -> Option<usize> {
        self.files
            .binary_search_by(|changed| changed.file.path.as_str().cmp(path))
            .ok()
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn changed(file: &ChangedFile, candidate: Sequence, base: Sequence) -> Changed<'_> {
    let added = added_lines(file);
    let is_added = candidate
        .lines
        .iter()
        .map(|line| holds(&added, *line))
        .collect();
    Changed {
        file,
        candidate,
        is_added,
        base,
    }
}

/// The tokens of a file; none of what is no source or is not there.
pub(crate) fn sequence(
    tree: &impl Tree,
    path: &str,
    is_there: bool,
    settings: &Settings,
) -> Result<Result<Sequence, Unread>, CheckError> {
    let Some(language) = settings.language_of(path).filter(|_| is_there) else {
        return Ok(Ok(Sequence::default()));
    };
    let bytes = match trees::text(tree, path, settings.bounds.file)? {
        // A link says nothing itself, and what it points to is compared where it lies.
        Err(Unread::NotAFile) => return Ok(Ok(Sequence::default())),
        Err(why) => return Ok(Err(why)),
        Ok(bytes) => bytes,
    };
    Ok(Ok(Sequence::read(language, &source::decode(&bytes))))
}

fn count_removed(
    file: &ChangedFile,
    base: &Sequence,
    settings: &Settings,
    removed: &mut ByDigest<u32>,
) {
    let lines = removed_lines(file);
    for (at, window) in windows(&base.digests, settings.min_tokens).enumerate() {
        if holds(&lines, base.line(at)) {
            *removed.entry(window).or_default() += 1;
        }
    }
}
