//! Tests that go by another id on the candidate: one to one, or not at all.
//!
//! A renamed file takes its tests along. A test that is renamed in its file leaves a line in which the
//! change replaces its name by another one and nothing else; one that moves to another file takes such a
//! line along. Parameters that a test is given instead of
//! others count by their number: what they stand for, nobody knows. The base's version still runs under
//! its own id on the oracle tree, so a new name hides nothing. Where no such run covers a test, its own
//! file has to show that it was renamed or moved; else it is guessed.

use std::collections::{BTreeMap, BTreeSet};

use super::Results;
use crate::change::{Change, ChangeKind, Hunk};
use crate::path::RepoPath;
use crate::tests::TestId;

/// Most pairs of gone and new tests that are looked at by name.
const PAIRS: usize = 100_000;
/// What frameworks put between a test and what it is in.
const SEPARATORS: [&str; 4] = ["::", " > ", " / ", "."];

/// What goes by another id.
pub(super) struct Renames {
    /// Id on the base → id on the candidate.
    pub(super) to: BTreeMap<TestId, TestId>,
    /// Ids on the base of which no file of their own shows it: a line anywhere, a number of parameters.
    pub(super) guessed: BTreeSet<TestId>,
}

pub(super) fn renames(change: &Change, base: &Results<'_>, candidate: &Results<'_>) -> Renames {
    let mut search = Search {
        gone: base
            .keys()
            .filter(|id| !candidate.contains_key(**id))
            .map(|id| (*id).clone())
            .collect(),
        new: candidate
            .keys()
            .filter(|id| !base.contains_key(**id))
            .map(|id| (*id).clone())
            .collect(),
        found: BTreeMap::new(),
    };
    search.moved_files(change);
    search.other_names(change);
    let without_file = search.found.keys().filter(|old| old.file.is_none());
    let mut guessed: BTreeSet<TestId> = without_file.cloned().collect();
    let shown: BTreeSet<TestId> = search.found.keys().cloned().collect();
    search.moved_tests(change);
    search.other_parameters();
    guessed.extend(
        search
            .found
            .keys()
            .filter(|old| !shown.contains(old))
            .cloned(),
    );
    Renames {
        to: search.found,
        guessed,
    }
}

struct Search {
    gone: BTreeSet<TestId>,
    new: BTreeSet<TestId>,
    found: BTreeMap<TestId, TestId>,
}

impl Search {
    fn pair(&mut self, old: TestId, new: TestId) {
        self.gone.remove(&old);
        self.new.remove(&new);
        self.found.insert(old, new);
    }

    fn moved_files(&mut self, change: &Change) {
        let mut targets: BTreeMap<&RepoPath, Vec<&RepoPath>> = BTreeMap::new();
        for file in &change.files {
            if let ChangeKind::Renamed(from) = &file.kind {
                targets.entry(from).or_default().push(&file.path);
            }
        }
        for old in self.gone.clone() {
            let to = targets.iter().filter_map(|(from, to)| match to.as_slice() {
                [only] => Some((*from, *only)),
                _ => None,
            });
            let mut moved = to.flat_map(|(from, to)| moved_to(&old, from, to));
            if let Some(new) = moved.find(|new| self.new.contains(new)) {
                self.pair(old, new);
            }
        }
    }

    /// Tests that stand in another file now, one of that name on each side.
    fn moved_tests(&mut self, change: &Change) {
        let name = |id: &TestId| (last_part(&id.name).to_owned(), id.parameters.clone());
        let only = |ids: &BTreeSet<TestId>| {
            let mut found: BTreeMap<_, Vec<TestId>> = BTreeMap::new();
            for id in ids {
                found.entry(name(id)).or_default().push(id.clone());
            }
            found.retain(|_, ids| ids.len() == 1);
            found
        };
        let mut new = only(&self.new);
        for (name, old) in only(&self.gone) {
            let pair = (
                old.into_iter().next(),
                new.remove(&name).and_then(|ids| ids.into_iter().next()),
            );
            if let (Some(old), Some(new)) = pair
                && is_moved(change, &name.0)
            {
                self.pair(old, new);
            }
        }
    }

    fn other_names(&mut self, change: &Change) {
        if self.gone.len().saturating_mul(self.new.len()) > PAIRS {
            return;
        }
        for old in self.gone.clone() {
            let renamed = |new: &&TestId| is_renamed(change, &old, new);
            let mut candidates = self.new.iter().filter(renamed);
            if let (Some(new), None) = (candidates.next(), candidates.next()) {
                let new = new.clone();
                self.pair(old, new);
            }
        }
    }

    /// Only where as many parameters came as went.
    fn other_parameters(&mut self) {
        let mut groups: BTreeMap<TestId, (Vec<TestId>, Vec<TestId>)> = BTreeMap::new();
        let parametrised = |ids: &BTreeSet<TestId>| {
            let ids = ids.iter().filter(|id| id.parameters.is_some());
            ids.cloned().collect::<Vec<_>>()
        };
        for id in parametrised(&self.gone) {
            groups.entry(bare(&id)).or_default().0.push(id);
        }
        for id in parametrised(&self.new) {
            groups.entry(bare(&id)).or_default().1.push(id);
        }
        for (gone, new) in groups.into_values() {
            if new.len() >= gone.len() {
                gone.into_iter()
                    .zip(new)
                    .for_each(|(old, new)| self.pair(old, new));
            }
        }
    }
}

/// A test without its parameters.
fn bare(id: &TestId) -> TestId {
    TestId {
        parameters: None,
        ordinal: 0,
        ..id.clone()
    }
}

/// What a test may be called once its file is: by the file itself, or, where the framework does not name
/// files, by the target or module that the file is.
fn moved_to(id: &TestId, from: &RepoPath, to: &RepoPath) -> Vec<TestId> {
    let unit = |unit: String| TestId { unit, ..id.clone() };
    if let Some(file) = &id.file {
        let own = id.unit == file.to_string();
        let moved = TestId {
            file: Some(to.clone()),
            ..unit(if own { to.to_string() } else { id.unit.clone() })
        };
        return (file == from).then_some(moved).into_iter().collect();
    }
    let (Some(from), Some(to)) = (stem(from), stem(to)) else {
        return Vec::new();
    };
    let target = id.unit.strip_suffix(&format!("::{from}"));
    let parts = id
        .name
        .split("::")
        .map(|part| if part == from { to } else { part });
    let module = TestId {
        name: parts.collect::<Vec<_>>().join("::"),
        ..id.clone()
    };
    let target = target.map(|package| unit(format!("{package}::{to}")));
    target.into_iter().chain([module]).collect()
}

/// The name of a file without its ending.
fn stem(path: &RepoPath) -> Option<&str> {
    let name = std::str::from_utf8(path.file_name()).ok()?;
    name.split('.').next()
}

/// Whether a line that names the test went from one place to another as it is.
fn is_moved(change: &Change, name: &str) -> bool {
    let lines = |of: fn(&Hunk) -> &Vec<String>| {
        let hunks = change.files.iter().flat_map(|file| &file.hunks);
        let named = hunks.flat_map(of).filter(|line| line.contains(name));
        named.map(|line| line.trim()).collect::<BTreeSet<&str>>()
    };
    let removed = lines(|hunk| &hunk.removed);
    !removed.is_disjoint(&lines(|hunk| &hunk.added))
}

/// A test's own name.
fn last_part(name: &str) -> &str {
    let ends = SEPARATORS.iter();
    let at = ends
        .filter_map(|separator| Some(name.rfind(separator)? + separator.len()))
        .max();
    name.get(at.unwrap_or(0)..).unwrap_or(name)
}

/// Whether the change replaces one name by the other in the file that holds both; in any file, where the
/// framework does not say which one that is.
fn is_renamed(change: &Change, old: &TestId, new: &TestId) -> bool {
    let same_place = TestId {
        name: new.name.clone(),
        ..old.clone()
    };
    if same_place != *new {
        return false;
    }
    let Some((old_name, new_name)) = other_part(&old.name, &new.name) else {
        return false;
    };
    let holds = |file: &&RepoPath| old.file.as_ref().is_none_or(|one| one == *file);
    let files = change.files.iter().filter(|file| holds(&&file.path));
    files
        .flat_map(|file| &file.hunks)
        .any(|hunk| replaces(hunk, old_name, new_name))
}

/// The last parts of two names that are equal before.
fn other_part<'a>(old: &'a str, new: &'a str) -> Option<(&'a str, &'a str)> {
    let split = |name: &'a str| name.split_at(name.len() - last_part(name).len());
    let ((old_above, old_name), (new_above, new_name)) = (split(old), split(new));
    let differ = old_above == new_above && !old_name.is_empty() && !new_name.is_empty();
    differ.then_some((old_name, new_name))
}

/// Whether a line of a hunk differs by the name alone.
fn replaces(hunk: &Hunk, old: &str, new: &str) -> bool {
    let removed = hunk.removed.iter().filter(|line| line.contains(old));
    removed
        .map(|line| line.replace(old, new))
        .any(|line| hunk.added.contains(&line))
}
