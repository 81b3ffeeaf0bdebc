//! Trees from parts: the tests and the harness of one tree in the product code of another.
//!
//! ```text
//! oracle   candidate's product   base's tests and harness        does the change keep what was promised?
//! probe    base's product        candidate's tests and harness   do new tests need the change?
//! steered  candidate's product and tests, base's harness         for checks that have no tests
//! ```
//!
//! A part is a whole file, the steering tables of a mixed manifest, or the test items of a Rust source.
//! Only files that differ between the two trees are looked at, so the cost follows the change. Text that
//! git has no object for is kept in [`Texts`], under the id that git would give it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use passmuster_policy::change::Mode;
use passmuster_policy::classification::{Classifier, FileClass};
use passmuster_policy::mixed::{is_mixed, splice};
use passmuster_policy::path::RepoPath;
use passmuster_policy::rust_tests::Spliced;

use crate::digest::digest;
use crate::git::hash::ObjectFormat;
use crate::git::objects::TreeEntry;
use crate::layers::Snapshot;
use crate::reach::is_code;

mod links;
mod rust;

use links::Links;
pub use rust::{RustTests, Source, module_path, test_prefix};

/// Largest file that is spliced, in bytes; the largest manifests and sources known have a tenth of it.
pub const TEXT_CAP: usize = 4 << 20;

/// Contents of files that no git object holds.
#[derive(Clone, Debug, Default)]
pub struct Texts(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl Texts {
    /// The content of an object that was made here.
    pub fn get(&self, oid: &str) -> Option<Vec<u8>> {
        let texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        texts.get(oid).cloned()
    }

    fn keep(&self, bytes: Vec<u8>) -> String {
        // SHA-256 whatever the repository's own hash: nobody looks these up in it.
        let oid = ObjectFormat::Sha256.blob(&bytes);
        let mut texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        texts.insert(oid.clone(), bytes);
        oid
    }
}

/// Which parts come from the other tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Files that the check's command names.
    Named,
    /// The harness, and what the command names.
    Harness,
    /// The harness and the tests.
    All,
}

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A whole file, or its absence.
    File,
    /// Tables of a mixed manifest.
    Tables,
    /// Test items of a Rust source.
    Items,
}

/// A part that came from the other tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// The file that it is, or stands in.
    pub path: RepoPath,
    /// What it is.
    pub kind: Kind,
    /// True for the harness, false for tests.
    pub harness: bool,
    /// Whether the tree that it came from has it.
    pub there: bool,
}

/// Tells the parts of one check's trees apart.
#[derive(Debug)]
pub struct Sorter {
    /// By path.
    pub classifier: Classifier,
    /// Files that tests of a run say they stand in: tests, whatever the files are called.
    pub holders: BTreeSet<RepoPath>,
    /// Where tests stand in product sources.
    pub rust: Option<RustTests>,
}

/// A tree that was put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchanged {
    /// The tree; none where it equals the one that the product code comes from.
    pub tree: Option<Snapshot>,
    /// What came from the other one, sorted by path.
    pub parts: Vec<Part>,
    /// The sources among them, with where the items stand.
    pub sources: BTreeMap<RepoPath, Spliced>,
}

/// Puts trees together.
pub struct Exchange<'a> {
    /// Where all comes from that is no part.
    pub product: &'a Snapshot,
    /// Where the parts come from.
    pub steering: &'a Snapshot,
    /// What is a part.
    pub sorter: &'a Sorter,
    /// Which parts are taken.
    pub taken: Taken,
    /// Files whose parts stay the product side's all the same.
    pub kept: &'a BTreeSet<RepoPath>,
    /// Takes what is made.
    pub texts: &'a Texts,
}

/// Gives the bytes of an entry, as a checkout would have them.
pub type Read<'r> = dyn FnMut(&TreeEntry) -> io::Result<Vec<u8>> + 'r;

/// A part, and the file that it makes; none where it makes none.
type Taking = (Part, Option<TreeEntry>);

/// The same path on both sides.
#[derive(Clone, Copy)]
struct Pair<'a> {
    path: &'a RepoPath,
    product: Option<&'a TreeEntry>,
    steering: Option<&'a TreeEntry>,
}

impl Exchange<'_> {
    /// Puts the tree together; `read` gives the bytes of an entry as a checkout would have them.
    ///
    /// # Errors
    /// When an object cannot be read.
    pub fn build(&self, read: &mut Read<'_>) -> io::Result<Exchanged> {
        let (mut taken, mut sources) = (Vec::new(), BTreeMap::new());
        let pairs = differing(&self.product.entries, &self.steering.entries);
        let links = match pairs.is_empty() {
            true => Links::default(),
            false => self.links(&pairs, read)?,
        };
        for pair in pairs {
            let class = self.sorter.class_among(pair.path, &links);
            taken.extend(self.part(&pair, class, read, &mut sources)?);
        }
        let tree = (!taken.is_empty()).then(|| self.put(&taken));
        let parts = taken.into_iter().map(|(part, _)| part).collect();
        Ok(Exchanged {
            tree,
            parts,
            sources,
        })
    }

    /// The names by which the other side has its files, as far as these are parts.
    fn links(&self, pairs: &[Pair<'_>], read: &mut Read<'_>) -> io::Result<Links> {
        let entries = &self.steering.entries;
        let links = Links::of(entries, read)?;
        let extends = pairs.iter().any(|pair| links::configures(pair.path));
        if self.taken == Taken::Named || !extends {
            return Ok(links);
        }
        let steers = |entry: &TreeEntry| {
            let path = &entry.path;
            links::configures(path)
                && memchr::memmem::find(path.as_bytes(), b"node_modules/").is_none()
                && (is_mixed(path) || self.sorter.class(path) == FileClass::Harness)
        };
        links.extended(entries, steers, read)
    }

    /// The product side's tree with these parts.
    fn put(&self, taken: &[Taking]) -> Snapshot {
        let own = self.product.entries.iter();
        let mut entries: BTreeMap<&RepoPath, &TreeEntry> =
            own.map(|entry| (&entry.path, entry)).collect();
        for (part, entry) in taken {
            match entry {
                Some(entry) => {
                    make_room(&mut entries, &part.path);
                    entries.insert(&entry.path, entry);
                }
                None => drop(entries.remove(&part.path)),
            }
        }
        self.snapshot(entries.into_values().cloned().collect())
    }

    /// What of a file comes from the other side, and the file then; none where nothing does.
    fn part(
        &self,
        pair: &Pair<'_>,
        (class, named): (FileClass, bool),
        read: &mut Read<'_>,
        sources: &mut BTreeMap<RepoPath, Spliced>,
    ) -> io::Result<Option<Taking>> {
        if self.kept.contains(pair.path) {
            return Ok(None);
        }
        let part = |kind, harness| Part {
            path: pair.path.clone(),
            kind,
            harness,
            there: pair.steering.is_some(),
        };
        let whole = |harness| Ok(Some((part(Kind::File, harness), pair.steering.cloned())));
        match class {
            _ if named => whole(true),
            FileClass::Harness if self.taken != Taken::Named => whole(true),
            FileClass::Test if self.taken == Taken::All => whole(false),
            FileClass::Product if self.taken == Taken::All && pair.path.is_rust() => {
                let made = self.items(pair, read, sources)?;
                Ok(made.map(|entry| (part(Kind::Items, false), entry)))
            }
            FileClass::Product if self.taken != Taken::Named && is_mixed(pair.path) => {
                let made = self.tables(pair, read)?;
                Ok(made.map(|entry| (part(Kind::Tables, true), entry)))
            }
            _ => Ok(None),
        }
    }

    /// A mixed manifest with the other side's tables; none where they do not differ. One that cannot
    /// be read on either side is taken as a whole: a harness that nobody can name is the base's.
    fn tables(
        &self,
        pair: &Pair<'_>,
        read: &mut Read<'_>,
    ) -> io::Result<Option<Option<TreeEntry>>> {
        // A package that is gone is not brought back by its lints.
        let Some(own) = pair.product else {
            return Ok(None);
        };
        let texts = (text(Some(own), read)?, text(pair.steering, read)?);
        let spliced = match &texts {
            (Some(own), Some(steering)) => splice(pair.path, own, steering),
            _ => None,
        };
        let Some(spliced) = spliced else {
            return Ok(Some(pair.steering.cloned()));
        };
        if Some(&spliced) == texts.0.as_ref() {
            return Ok(None);
        }
        let oid = self.texts.keep(spliced.into_bytes());
        Ok(Some(Some(TreeEntry { oid, ..own.clone() })))
    }

    /// A Rust source with the other side's test items; none where they say the same. Where the file is
    /// gone, its tests are gone with it. What cannot be taken apart is left out, so that nothing which
    /// needs it is believed.
    fn items(
        &self,
        pair: &Pair<'_>,
        read: &mut Read<'_>,
        sources: &mut BTreeMap<RepoPath, Spliced>,
    ) -> io::Result<Option<Option<TreeEntry>>> {
        let Some(rust) = &self.sorter.rust else {
            return Ok(None);
        };
        let (Some(own), Some(mut tests)) = (text(pair.product, read)?, text(pair.steering, read)?)
        else {
            return Ok(Some(None));
        };
        if pair.steering.is_none() && rust.names_any(&own) {
            tests = self.moved(pair.path, &own, rust, read)?.unwrap_or_default();
        }
        let Some(Source { spliced, matters }) = rust.put(pair.path, &own, &tests) else {
            return Ok((own.contains("test") || tests.contains("test")).then_some(None));
        };
        if !matters {
            return Ok(None);
        }
        let entry = pair.product.map(|own| TreeEntry {
            oid: self.texts.keep(spliced.text.clone().into_bytes()),
            ..own.clone()
        });
        sources.insert(pair.path.clone(), spliced);
        Ok(Some(entry))
    }

    /// The text of the file whose tests a new source took over; none where there is no such file.
    fn moved(
        &self,
        path: &RepoPath,
        own: &str,
        rust: &RustTests,
        read: &mut Read<'_>,
    ) -> io::Result<Option<String>> {
        let pairs = differing(&self.product.entries, &self.steering.entries);
        let gone = pairs
            .iter()
            .filter(|pair| pair.product.is_none() && pair.path.is_rust());
        for pair in gone {
            let tests = text(pair.steering, read)?.unwrap_or_default();
            if rust.is_moved([pair.path, path], &tests, own) {
                return Ok(Some(tests));
            }
        }
        Ok(None)
    }

    fn snapshot(&self, entries: Vec<TreeEntry>) -> Snapshot {
        let absent: BTreeSet<&RepoPath> = [self.product, self.steering]
            .into_iter()
            .flat_map(|tree| &tree.absent)
            .collect();
        let names = entries
            .iter()
            .map(|entry| (entry.path.to_string(), entry.mode.as_git(), &entry.oid));
        let id = digest(&("parts", names.collect::<Vec<_>>()));
        let still = |path: &&RepoPath| entries.iter().any(|entry| entry.path == **path);
        let absent = absent.into_iter().filter(still).cloned().collect();
        Snapshot {
            id,
            entries,
            absent,
        }
    }
}

impl Sorter {
    /// What a file is, by its own name and by those that links give it; and whether a command names it.
    fn class_among(&self, path: &RepoPath, links: &Links) -> (FileClass, bool) {
        let own = (self.class(path), self.classifier.is_named(path));
        if own.1 || own.0 != FileClass::Product {
            return own;
        }
        let names = links.names(path).into_iter();
        let classes = names.map(|name| match self.class(&name) {
            // Code below the tests may be the product under another name.
            FileClass::Test
                if (is_code(&name) || name.is_rust()) && !self.holders.contains(&name) =>
            {
                (own.0, false)
            }
            // Extended by a manifest, whose tables steer.
            FileClass::Product if is_mixed(&name) => (FileClass::Harness, false),
            class => (class, self.classifier.is_named(&name)),
        });
        classes
            .max_by_key(|(class, named)| (*named, *class))
            .unwrap_or(own)
    }

    /// What a file is to the check.
    pub fn class(&self, path: &RepoPath) -> FileClass {
        match self.classifier.classify(path) {
            FileClass::Product if self.holders.contains(path) => FileClass::Test,
            class => class,
        }
    }
}

/// The paths at which two sorted trees differ.
fn differing<'a>(product: &'a [TreeEntry], steering: &'a [TreeEntry]) -> Vec<Pair<'a>> {
    let (mut one, mut other) = (product.iter().peekable(), steering.iter().peekable());
    let mut pairs = Vec::new();
    while let Some(path) = first(one.peek(), other.peek()) {
        let pair = Pair {
            path,
            product: one.next_if(|entry| entry.path == *path),
            steering: other.next_if(|entry| entry.path == *path),
        };
        let content = |entry: &'a TreeEntry| (entry.mode, entry.oid.as_str());
        if pair.product.map(content) != pair.steering.map(content) {
            pairs.push(pair);
        }
    }
    pairs
}

fn first<'a>(one: Option<&&'a TreeEntry>, other: Option<&&'a TreeEntry>) -> Option<&'a RepoPath> {
    [one, other]
        .into_iter()
        .flatten()
        .map(|entry| &entry.path)
        .min()
}

/// A directory where a file shall be, or the other way round, gives way.
fn make_room(entries: &mut BTreeMap<&RepoPath, &TreeEntry>, path: &RepoPath) {
    let inside = |above: &RepoPath, below: &RepoPath| {
        let rest = below.as_bytes().strip_prefix(above.as_bytes());
        rest.is_some_and(|rest| rest.starts_with(b"/"))
    };
    entries.retain(|other, _| !inside(other, path) && !inside(path, other));
}

/// A file's text; an absent one's is empty. None for links, submodules, what is too large or no text.
fn text(entry: Option<&TreeEntry>, read: &mut Read<'_>) -> io::Result<Option<String>> {
    let Some(entry) = entry else {
        return Ok(Some(String::new()));
    };
    if !matches!(entry.mode, Mode::File | Mode::Executable) {
        return Ok(None);
    }
    let bytes = read(entry)?;
    Ok((bytes.len() <= TEXT_CAP)
        .then(|| String::from_utf8(bytes).ok())
        .flatten())
}
