//! Rust sources as syn reads them: the product by itself, the tests by themselves.

use std::collections::{BTreeMap, BTreeSet};

use quote::ToTokens;
use syn::{Attribute, ImplItem, Item};

/// Whether all of these are sources.
pub(crate) fn are_whole(texts: [Option<&str>; 2]) -> bool {
    let whole = |text: &Option<&str>| text.is_some_and(|text| syn::parse_file(text).is_ok());
    texts.iter().all(whole)
}

/// A test item: what it stands in, and its tokens without documentation.
type Test = (String, String);

/// A source, taken apart.
#[derive(Debug, Default)]
pub(crate) struct Halves {
    /// Tokens of the product in their order; where a module or impl begins, and where it ends.
    pub(crate) product: Vec<String>,
    /// The modules and impls of the product, the file itself included.
    places: BTreeSet<String>,
    /// Tests, each with the place of the product that it stands in first.
    tests: Vec<(String, Test)>,
}

/// Names of macros that make tests, in any of these sources.
pub(crate) fn test_macros<'t>(texts: impl Iterator<Item = &'t str>) -> BTreeSet<String> {
    let files = texts.filter_map(|text| syn::parse_file(text).ok());
    let items = files.flat_map(|file| file.items);
    let name = |item: Item| match item {
        Item::Macro(one) if one.to_token_stream().to_string().contains("# [test]") => {
            one.ident.map(|ident| ident.to_string())
        }
        _ => None,
    };
    items.filter_map(name).collect()
}

pub(crate) fn halves(text: &str, macros: &BTreeSet<String>) -> Halves {
    let file = syn::parse_file(text).unwrap();
    let mut halves = Halves::default();
    if is_test(&file.attrs) {
        halves.tests.push((
            String::new(),
            ("file".to_owned(), file.to_token_stream().to_string()),
        ));
    } else {
        halves.product.extend(file.attrs.iter().map(tokens));
        halves.take(file.items, "", macros);
    }
    halves
}

/// Whether one of these makes a test of what it stands on; of predicates those that are used here.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let last = attribute.path().segments.last();
        let text = tokens(&attribute.meta).replace(' ', "");
        last.is_some_and(|last| last.ident == "test")
            || text == "cfg(test)"
            || text.starts_with("cfg(all(test,")
    })
}

fn tokens(part: impl ToTokens) -> String {
    part.to_token_stream().to_string()
}

/// An item's tokens without its documentation.
fn undocumented(item: &Item) -> String {
    let mut item = item.clone();
    if let Some(attributes) = attributes_mut(&mut item) {
        attributes.retain(|attribute| !attribute.path().is_ident("doc"));
    }
    tokens(item)
}

fn attributes_mut(item: &mut Item) -> Option<&mut Vec<Attribute>> {
    Some(match item {
        Item::Const(one) => &mut one.attrs,
        Item::Fn(one) => &mut one.attrs,
        Item::Impl(one) => &mut one.attrs,
        Item::Macro(one) => &mut one.attrs,
        Item::Mod(one) => &mut one.attrs,
        Item::Struct(one) => &mut one.attrs,
        Item::Use(one) => &mut one.attrs,
        _ => return None,
    })
}

impl Halves {
    fn take(&mut self, items: Vec<Item>, place: &str, macros: &BTreeSet<String>) {
        self.places.insert(place.to_owned());
        for mut item in items {
            let attributes = attributes_mut(&mut item).cloned().unwrap_or_default();
            let makes_tests = |path: &syn::Path| {
                path.segments
                    .last()
                    .is_some_and(|last| macros.contains(&last.ident.to_string()))
            };
            match item {
                Item::Macro(one)
                    if makes_tests(&one.mac.path)
                        || one
                            .ident
                            .as_ref()
                            .is_some_and(|name| macros.contains(&name.to_string())) =>
                {
                    self.test(place, place, &Item::Macro(one));
                }
                test if is_test(&attributes) => self.test(place, place, &test),
                Item::Mod(mut module) if module.content.is_some() => {
                    let (_, items) = module.content.take().unwrap();
                    let inside = format!("{place}::{}", module.ident);
                    self.product.push(tokens(module));
                    self.take(items, &inside, macros);
                    self.product.push("}".to_owned());
                }
                Item::Impl(mut one) => {
                    let items = std::mem::take(&mut one.items);
                    let inside = format!("{place}::{}", tokens(&one));
                    self.product.push(tokens(one));
                    self.places.insert(inside.clone());
                    for item in items {
                        match item {
                            ImplItem::Fn(one) if is_test(&one.attrs) => {
                                self.tests
                                    .push((inside.clone(), (inside.clone(), tokens(one))));
                            }
                            product => self.product.push(tokens(product)),
                        }
                    }
                    self.product.push("}".to_owned());
                }
                product => self.product.push(tokens(product)),
            }
        }
    }

    /// A test, item by item where it is a module.
    fn test(&mut self, host: &str, place: &str, item: &Item) {
        let Item::Mod(module) = item else {
            let test = (place.to_owned(), undocumented(item));
            self.tests.push((host.to_owned(), test));
            return;
        };
        let mut head = module.clone();
        let items = head
            .content
            .as_mut()
            .map(|content| std::mem::take(&mut content.1));
        let head = undocumented(&Item::Mod(head));
        self.tests
            .push((host.to_owned(), (place.to_owned(), head.clone())));
        let inside = format!("{place}::{head}");
        for item in items.unwrap_or_default() {
            self.test(host, &inside, &item);
        }
    }

    /// How often each test is there, of those whose place these halves have.
    fn counted(&self, places: &BTreeSet<String>) -> BTreeMap<&Test, usize> {
        let mut counted = BTreeMap::new();
        for (host, test) in &self.tests {
            if places.contains(host) {
                *counted.entry(test).or_default() += 1;
            }
        }
        counted
    }
}

/// How a source turned out right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// Its tests are the other side's.
    Spliced,
    /// Its tests were the other side's already, or have but new ones beside them, and not a byte changed.
    LeftAlone,
}

/// Whether a source has the product of one and the tests of the other, or why not.
pub(crate) fn compare(
    found: &str,
    product: &str,
    tests: &str,
    macros: &BTreeSet<String>,
) -> Result<Way, String> {
    if syn::parse_file(found).is_err() {
        return Err("what was put together is no source".to_owned());
    }
    let [ours, own, other] = [found, product, tests].map(|text| halves(text, macros));
    let whole = other
        .tests
        .first()
        .is_some_and(|(_, (place, _))| place == "file");
    if whole {
        // A file that is a test as a whole has no product to keep.
        return same(&ours.product, &other.product, "product")
            .and_then(|()| same(&ours.tests, &other.tests, "tests").map(|()| Way::Spliced));
    }
    same(&ours.product, &own.product, "product")?;
    let places = match own.places.is_empty() {
        // The product was a test as a whole.
        true => BTreeSet::from([String::new()]),
        false => own.places.clone(),
    };
    let everywhere = ours.tests.iter().map(|(host, _)| host.clone()).collect();
    let [ours, wanted] = [ours.counted(&everywhere), other.counted(&places)];
    if ours == wanted {
        let own = own.counted(&places);
        return match (own == wanted, found == product) {
            // Order counts for macros alone.
            (true, false)
                if !other
                    .tests
                    .iter()
                    .any(|(_, (_, text))| text.contains("macro_rules")) =>
            {
                Err("the tests were the same already, and bytes changed".to_owned())
            }
            (_, true) => Ok(Way::LeftAlone),
            _ => Ok(Way::Spliced),
        };
    }
    match found == product {
        true => only_new_tests(&ours, &wanted, tests, product).map(|()| Way::LeftAlone),
        false => same(&ours, &wanted, "tests").map(|()| Way::Spliced),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(found: &T, wanted: &T, what: &str) -> Result<(), String> {
    match found == wanted {
        true => Ok(()),
        false => Err(format!("{what}\nfound  {found:#?}\nwanted {wanted:#?}")),
    }
}

/// Whether all wanted tests are there, and what is more are test functions (or modules for tests, and what
/// stands in those) by names that are new.
fn only_new_tests(
    found: &BTreeMap<&Test, usize>,
    wanted: &BTreeMap<&Test, usize>,
    before: &str,
    after: &str,
) -> Result<(), String> {
    if let Some((test, _)) = wanted
        .iter()
        .find(|(test, count)| found.get(*test) < Some(count))
    {
        return Err(format!("a test is missing: {test:?}"));
    }
    let more: Vec<&Test> = found
        .keys()
        .copied()
        .filter(|test| !wanted.contains_key(test))
        .collect();
    let modules: Vec<String> = more
        .iter()
        .filter(|(_, text)| text.contains(" mod "))
        .map(|(place, text)| format!("{place}::{text}"))
        .collect();
    for (place, text) in more {
        if modules
            .iter()
            .any(|module| place.starts_with(module.as_str()))
        {
            continue;
        }
        let name = text.split_once(" fn ").or_else(|| text.split_once(" mod "));
        let name = name.map(|(_, rest)| rest.split([' ', '(', ';']).next().unwrap());
        let is_new = |name: &str| times(before, name) == 0 && times(after, name) == 1;
        if !(text.starts_with("# [") && name.is_some_and(is_new)) {
            return Err(format!("this is more than one test more: {text}"));
        }
    }
    Ok(())
}

/// How often a word stands in a text.
fn times(text: &str, name: &str) -> usize {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.split(|letter| !is_part(letter))
        .filter(|word| *word == name)
        .count()
}
