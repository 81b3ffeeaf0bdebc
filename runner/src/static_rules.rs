//! The texts that the static rules look at, read from git's objects and handed to them.

use std::collections::BTreeSet;

use passmuster_policy::change::{Change, ChangeKind, Entry, FileChange, Mode};
use passmuster_policy::finding::Finding;
use passmuster_policy::mixed::Side;
use passmuster_policy::path::RepoPath;
use passmuster_policy::policy::Policy;
use passmuster_policy::rules::{self, Material, Sides, Suspicion};

use crate::git::blobs::BlobReader;
use crate::git::objects::TreeEntry;
use crate::git::{Git, GitError};
use crate::layers::Snapshot;
use crate::parts::TEXT_CAP;

/// Most bytes of all texts together.
const TOTAL: u64 = 64 << 20;

/// The findings of the rules that read changed files.
pub fn inspect(
    git: &Git,
    change: &Change,
    policy: &Policy,
    [base, candidate]: [&Snapshot; 2],
) -> Result<Vec<Finding>, GitError> {
    let mut texts = Reading {
        blobs: BlobReader::start(git)?,
        room: TOTAL,
    };
    let mut material = Material {
        generated: base
            .entries
            .iter()
            .filter_map(|entry| rules::generated_ending(&entry.path))
            .collect(),
        ..Material::default()
    };
    for file in &change.files {
        let read = rules::reads(&file.path);
        material.sides.push(Sides {
            before: texts.side(file.before.as_ref(), read)?,
            after: texts.side(file.after.as_ref(), read)?,
        });
    }
    if rules::needs_manifests(change, policy) {
        material.manifests = texts.manifests(change, base)?;
    }
    texts.special_casing(change, policy, [base, candidate], &mut material)?;
    Ok(rules::inspect_texts(change, policy, &material))
}

/// Most manifests of a base that are read: a workspace has one a package.
const MANIFESTS: usize = 500;

/// Where a file is, and where it was.
fn paths(file: &FileChange) -> impl Iterator<Item = &RepoPath> {
    let from = match &file.kind {
        ChangeKind::Renamed(from) => Some(from),
        _ => None,
    };
    std::iter::once(&file.path).chain(from)
}

/// Reads blobs as long as there is room for them.
struct Reading {
    blobs: BlobReader,
    room: u64,
}

impl Reading {
    /// What the base says of dependencies in files that the change leaves alone.
    fn manifests(
        &mut self,
        change: &Change,
        base: &Snapshot,
    ) -> Result<Vec<(RepoPath, String)>, GitError> {
        let changed: BTreeSet<&RepoPath> = change.files.iter().flat_map(paths).collect();
        let unchanged =
            |entry: &&TreeEntry| rules::is_manifest(&entry.path) && !changed.contains(&entry.path);
        let mut manifests = Vec::new();
        for entry in base.entries.iter().filter(unchanged).take(MANIFESTS) {
            if let Some(text) = self.text(entry)? {
                manifests.push((entry.path.clone(), text));
            }
        }
        Ok(manifests)
    }

    /// Tests of both trees, and the base's product, as far as what the change wrote makes them worth reading.
    fn special_casing(
        &mut self,
        change: &Change,
        policy: &Policy,
        [base, candidate]: [&Snapshot; 2],
        material: &mut Material,
    ) -> Result<(), GitError> {
        let suspicion = Suspicion::of(change, policy, material);
        let mut read = BTreeSet::new();
        // The base's first: what a change brings must not crowd them out of what is looked at.
        let entries = base.entries.iter().chain(&candidate.entries);
        for entry in entries.filter(|entry| suspicion.wants_test(&entry.path)) {
            if read.insert(&entry.oid)
                && let Some(text) = self.text(entry)?
            {
                material.tests.push((entry.path.clone(), text));
            }
        }
        if !suspicion.is_confirmed(change, material) {
            return Ok(());
        }
        let changed: BTreeSet<&RepoPath> = change.files.iter().flat_map(paths).collect();
        let product = |entry: &&TreeEntry| {
            suspicion.wants_product(&entry.path) && !changed.contains(&entry.path)
        };
        for entry in base.entries.iter().filter(product) {
            if let Some(text) = self.text(entry)? {
                material.product.push((entry.path.clone(), text));
            }
        }
        Ok(())
    }

    /// A regular file's text, where there is room for it.
    fn text(&mut self, entry: &TreeEntry) -> Result<Option<String>, GitError> {
        if !matches!(entry.mode, Mode::File | Mode::Executable) || self.room == 0 {
            return Ok(None);
        }
        let bytes = self
            .blobs
            .read_small(&entry.oid, (TEXT_CAP as u64).min(self.room))?;
        let text = bytes.map(lossy);
        self.room -= text
            .as_ref()
            .map_or(0, |text| text.len() as u64)
            .min(self.room);
        Ok(text)
    }

    fn side(&mut self, entry: Option<&Entry>, read: bool) -> Result<Side, GitError> {
        let Some(entry) = entry else {
            return Ok(Side::Absent);
        };
        let regular = matches!(entry.mode, Mode::File | Mode::Executable);
        if !read || !regular || entry.size > (TEXT_CAP as u64).min(self.room) {
            return Ok(Side::Opaque);
        }
        self.room -= entry.size;
        Ok(Side::Text(lossy(self.blobs.read(&entry.oid)?).into_bytes()))
    }
}

/// One byte outside of UTF-8 must not hide all others from the rules.
fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
