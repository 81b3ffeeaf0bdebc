//! Whether a change leaves all tests of a source as they were, so that its tests are the base's.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;

use super::attributes::{expanded, makes_test};
use super::items::{Item, ItemKind};
use super::spans::{Source, words};
use super::tokens::ParseError;

/// Attributes with which an added function is nothing but a test.
const HARMLESS_ATTRIBUTES: [&str; 9] = [
    "ignore",
    "should_panic",
    "allow",
    "expect",
    "warn",
    "deny",
    "cfg",
    "doc",
    "case",
];
/// Words of what reaches out of the function or module that it stands in: methods for types of the
/// crate, macros for all of it, symbols for the linker.
const FAR_REACHING: [&str; 7] = [
    "impl",
    "macro_export",
    "macro_use",
    "no_mangle",
    "export_name",
    "link_section",
    "global_asm",
];

/// Whether the base's tests are the candidate's as well: each item of each span of the base stands
/// in the candidate at the same place with the same tokens, and what the candidate adds cannot
/// change what they mean. That is: test functions, and new test modules with what these need for
/// themselves, whose names nothing else in either source mentions. An import, a macro, a helper
/// beside existing tests could take the place of what these use. Order alone does not count, unless
/// macros are defined, which count from where they stand.
///
/// `macros` is as in [`super::SpliceOptions::macros`].
///
/// # Errors
/// When either source cannot be taken apart.
pub fn tests_unchanged(
    base: &str,
    candidate: &str,
    macros: &BTreeSet<String>,
) -> Result<bool, ParseError> {
    let [base, candidate] = [Source::read(base)?, Source::read(candidate)?];
    let mut all = macros.clone();
    for source in [&base, &candidate] {
        all.extend(source.test_macros(macros));
    }
    let mut places = HashMap::new();
    let before = Leaves::read(&base, &all, &mut places)?;
    let after = Leaves::read(&candidate, &all, &mut places)?;
    Ok(before.stand_in(&after) && after.added(&before).is_harmless(&base))
}

/// A place in a source: 0 for the file, another number for each module by all that is around it.
type Place = usize;

/// An item that is compared as a whole, or what a module has around its items.
struct Leaf<'a> {
    place: Place,
    meaning: String,
    item: &'a Item,
    /// The module's header that this leaf stands in, as an index into the list of leaves.
    within: Option<usize>,
}

/// All leaves of the spans of a source.
struct Leaves<'a> {
    source: &'a Source<'a>,
    list: Vec<Leaf<'a>>,
}

/// Numbers for places, the same for both sources.
type Places = HashMap<(Place, String), Place>;

fn place(places: &mut Places, outer: Place, name: String) -> Place {
    let next = places.len() + 1;
    *places.entry((outer, name)).or_insert(next)
}

impl<'a> Leaves<'a> {
    fn read(
        source: &'a Source<'a>,
        macros: &'a BTreeSet<String>,
        places: &mut Places,
    ) -> Result<Self, ParseError> {
        let mut leaves = Self {
            source,
            list: Vec::new(),
        };
        for (path, scope) in source.scopes(macros)? {
            let segments = path.iter().cloned();
            let here = segments.fold(0, |outer, name| place(places, outer, name));
            for span in scope.spans {
                leaves.take(span.item, here, None, places);
            }
        }
        Ok(leaves)
    }

    fn take(&mut self, item: &'a Item, here: Place, within: Option<usize>, places: &mut Places) {
        let open = matches!(item.kind, ItemKind::Module | ItemKind::File) && item.body.is_some();
        let meaning = if open {
            self.source.header(item)
        } else {
            self.source.meaning(item)
        };
        let inside = open.then(|| place(places, here, meaning.clone()));
        let at = self.list.len();
        self.list.push(Leaf {
            place: here,
            meaning,
            item,
            within,
        });
        for child in inside.iter().flat_map(|_| &item.children) {
            self.take(child, inside.unwrap_or(here), Some(at), places);
        }
    }

    /// Whether each of these leaves stands in the other source, in the same order where order
    /// counts.
    fn stand_in(&self, other: &Self) -> bool {
        if self.order_counts() {
            let mut others = other.list.iter();
            return self
                .list
                .iter()
                .all(|leaf| others.any(|other| leaf.is_like(other)));
        }
        other.without(self).len() + self.list.len() == other.list.len()
    }

    fn order_counts(&self) -> bool {
        self.list
            .iter()
            .any(|leaf| leaf.item.kind == ItemKind::Macro || leaf.meaning.contains("macro_use"))
    }

    /// The leaves that the other source does not have.
    fn without(&self, other: &Self) -> Vec<usize> {
        let mut known: HashMap<(Place, &str), usize> = HashMap::new();
        for leaf in &other.list {
            *known.entry((leaf.place, &leaf.meaning)).or_default() += 1;
        }
        let mut new = Vec::new();
        for (at, leaf) in self.list.iter().enumerate() {
            match known.get_mut(&(leaf.place, leaf.meaning.as_str())) {
                Some(left) if *left > 0 => *left -= 1,
                _ => new.push(at),
            }
        }
        new
    }

    fn added<'b>(&'b self, base: &Self) -> Added<'b> {
        let new = self.without(base);
        Added {
            leaves: self,
            new: new.into_iter().collect(),
        }
    }
}

impl Leaf<'_> {
    fn is_like(&self, other: &Leaf<'_>) -> bool {
        (self.place, &self.meaning) == (other.place, &other.meaning)
    }
}

/// What the candidate has and the base has not.
struct Added<'a> {
    leaves: &'a Leaves<'a>,
    new: HashSet<usize>,
}

impl Added<'_> {
    fn is_harmless(&self, base: &Source<'_>) -> bool {
        if self.new.is_empty() {
            return true;
        }
        let mentioned = self.mentioned(base);
        self.new
            .iter()
            .all(|at| self.leaf_is_harmless(*at, &mentioned))
    }

    /// All words of the base, and those of the candidate outside of what it adds.
    fn mentioned<'b>(&'b self, base: &'b Source<'b>) -> HashSet<&'b str> {
        let all = |source: &Source<'_>| 0..source.tokens.len();
        let tokens = &self.leaves.source.tokens;
        let mut old = vec![true; tokens.len()];
        for at in &self.new {
            let item = self
                .leaves
                .list
                .get(*at)
                .map(|leaf| leaf.item.tokens.clone());
            old.get_mut(item.unwrap_or_default())
                .unwrap_or_default()
                .fill(false);
        }
        let before = words(&base.tokens, all(base));
        let after = words(tokens, all(self.leaves.source));
        let after = after.filter(|(at, _)| old.get(*at) == Some(&true));
        before.chain(after).map(|(_, word)| word).collect()
    }

    fn leaf_is_harmless(&self, at: usize, mentioned: &HashSet<&str>) -> bool {
        let Some(leaf) = self.leaves.list.get(at) else {
            return false;
        };
        let reach = match leaf.item.kind {
            ItemKind::Module => leaf.item.head.clone(),
            _ => leaf.item.tokens.clone(),
        };
        if self.reaches_far(reach) {
            return false;
        }
        let in_new_module = leaf.within.is_some_and(|module| self.new.contains(&module));
        match leaf.item.kind {
            ItemKind::Use
            | ItemKind::Function
            | ItemKind::Type
            | ItemKind::Constant
            | ItemKind::Macro
                if in_new_module =>
            {
                true
            }
            ItemKind::Function => {
                self.is_a_test(leaf.item) && !mentioned.contains(leaf.item.name.as_str())
            }
            ItemKind::Module => {
                leaf.item.body.is_some()
                    && self.attributes_are(leaf.item, false)
                    && (in_new_module || !mentioned.contains(leaf.item.name.as_str()))
            }
            _ => false,
        }
    }

    fn reaches_far(&self, range: Range<usize>) -> bool {
        let mut words = words(&self.leaves.source.tokens, range);
        words.any(|(_, word)| FAR_REACHING.contains(&word))
    }

    fn is_a_test(&self, item: &Item) -> bool {
        let tokens = &self.leaves.source.tokens;
        let mut attributes = item.attributes.iter();
        attributes.any(|attribute| makes_test(tokens, attribute.clone()))
            && self.attributes_are(item, true)
    }

    /// Whether all attributes of an item are known not to reach beyond it.
    fn attributes_are(&self, item: &Item, test: bool) -> bool {
        let tokens = &self.leaves.source.tokens;
        item.attributes.iter().all(|attribute| {
            let test = test && makes_test(tokens, attribute.clone());
            let metas = expanded(tokens, attribute.clone());
            test || metas
                .iter()
                .all(|meta| HARMLESS_ATTRIBUTES.contains(&meta.name))
        })
    }
}
