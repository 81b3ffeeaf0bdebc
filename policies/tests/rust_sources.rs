//! Rust sources taken apart and put together again, held against a slow and obvious construction on
//! syn: on made-up sources, on hostile ones, and on the sources of this workspace.
#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic like the test itself"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use passmuster_policy::rust_tests::{
    ModuleFiles, SpliceOptions, changed_doctests, doctests, splice, test_modules, test_spans,
    tests_unchanged,
};
use proptest::prelude::*;
use quote::ToTokens;
use syn::{Attribute, Item};

/// Whether syn finds an attribute that makes a span of an item. Of predicates only those that the
/// sources here have.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let path = attribute.path();
        let last = path
            .segments
            .last()
            .map(|segment| segment.ident.to_string());
        let tokens = attribute.meta.to_token_stream().to_string();
        last.as_deref() == Some("test")
            || tokens.starts_with("cfg (test")
            || tokens.starts_with("cfg (all (test")
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(one) => &one.attrs,
        Item::Enum(one) => &one.attrs,
        Item::Fn(one) => &one.attrs,
        Item::Impl(one) => &one.attrs,
        Item::Macro(one) => &one.attrs,
        Item::Mod(one) => &one.attrs,
        Item::Static(one) => &one.attrs,
        Item::Struct(one) => &one.attrs,
        Item::Trait(one) => &one.attrs,
        Item::Type(one) => &one.attrs,
        Item::Use(one) => &one.attrs,
        _ => &[],
    }
}

/// A source's tests by module, as tokens, and the rest of it.
#[derive(Debug, Default, PartialEq)]
struct Halves {
    tests: BTreeMap<String, Vec<String>>,
    product: Vec<String>,
}

fn halves(source: &str) -> Halves {
    let mut halves = Halves::default();
    let file = syn::parse_file(source).unwrap();
    halves.take(file.items, "");
    halves
}

impl Halves {
    fn take(&mut self, items: Vec<Item>, path: &str) {
        self.tests.entry(path.to_owned()).or_default();
        for item in items {
            match item {
                test if is_test(attributes(&test)) => {
                    let tests = self.tests.entry(path.to_owned()).or_default();
                    tests.push(test.to_token_stream().to_string());
                }
                Item::Mod(mut module) if module.content.is_some() => {
                    let (_, items) = module.content.take().unwrap();
                    let path = format!("{path}{}::", module.ident);
                    self.product
                        .push(format!("{path} {}", module.to_token_stream()));
                    self.take(items, &path);
                    self.product.push("}".to_owned());
                }
                product => self.product.push(product.to_token_stream().to_string()),
            }
        }
    }
}

/// A made-up item, several times over with different bodies.
fn item() -> impl Strategy<Value = String> {
    let name = "[a-c]";
    let body = prop_oneof![
        Just("1"),
        Just("{ 2 } // c\n"),
        Just("\"}\""),
        Just("'{' as u8")
    ];
    let mark = prop_oneof![
        3 => Just(""),
        2 => Just("#[test]\n"),
        1 => Just("/// Why.\n#[should_panic] #[test] "),
        1 => Just("#[cfg(all(test, unix))] // c\n"),
        1 => Just("#[tokio::test] "),
        1 => Just("/** Text. */ #[cfg(test)] pub "),
    ];
    let function = (mark.clone(), name, body)
        .prop_map(|(mark, name, body)| format!("{mark}fn {name}() {{ {body} }}"));
    let other = (mark, name).prop_flat_map(|(mark, name)| {
        prop_oneof![
            Just(format!("{mark}const {name}: u8 = {{ 1 }};")),
            Just(format!("{mark}use {name}::{{d, e}};")),
            Just(format!("{mark}struct {name}<T: Fn() -> u8>(T);")),
        ]
    });
    prop_oneof![3 => function, 1 => other]
}

/// A made-up source: items, and modules of items with names of their own.
fn source() -> impl Strategy<Value = String> {
    let gap = prop_oneof![
        Just("\n"),
        Just("\n\n// c\n    "),
        Just(" "),
        Just("\r\n"),
        Just("/* }*/")
    ];
    let leaf = item().boxed();
    let tree = leaf.prop_recursive(3, 24, 5, move |inner| {
        let items = prop::collection::vec((inner, gap.clone()), 0..5);
        let mark = prop_oneof![4 => Just(""), 1 => Just("#[cfg(test)] ")];
        ("[x-z]", mark, items).prop_map(|(name, mark, items)| {
            let items: String = items.into_iter().map(|(item, gap)| item + gap).collect();
            format!("{mark}mod {name} {{\n{items}}}")
        })
    });
    prop::collection::vec(tree, 0..6).prop_map(|items| unique(&items.join("\n")))
}

/// The source without a second module of the same name in the same place: which of the two is
/// meant, the slow construction does not ask.
fn unique(source: &str) -> String {
    let mut text = source.to_owned();
    for number in 0.. {
        let found: Vec<usize> = text.match_indices("mod ").map(|(at, _)| at).collect();
        let Some(at) = found.get(number) else { break };
        // A name for each by its order, so that sources still share the first ones.
        text.replace_range(
            at + 4..at + 5,
            &char::from(b'm' + (number % 12) as u8).to_string(),
        );
    }
    text
}

fn spliced(product: &str, tests: &str) -> (String, BTreeSet<String>) {
    let spliced = splice(product, tests, &SpliceOptions::default()).unwrap();
    let unplaced = spliced.unplaced.iter().map(|key| key.path.join("::"));
    (spliced.text, unplaced.collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// What a splice has of the candidate and what of the base, as syn sees it.
    #[test]
    fn a_splice_is_the_products_code_and_the_tests_tests(product in source(), tests in source()) {
        let (text, unplaced) = spliced(&product, &tests);
        let [ours, product_halves, test_halves] = [&text, &product, &tests].map(|text| halves(text));
        prop_assert_eq!(&ours.product, &product_halves.product, "{}", text);
        for (path, expected) in &test_halves.tests {
            let missing = !product_halves.tests.contains_key(path) && !expected.is_empty();
            prop_assert_eq!(unplaced.contains(path.trim_end_matches("::")), missing, "{}", path);
            if !missing && product_halves.tests.contains_key(path) {
                prop_assert_eq!(&ours.tests[path], expected, "{}\n{}", path, text);
            }
        }
        for (path, found) in &ours.tests {
            prop_assert!(found.is_empty() || test_halves.tests.contains_key(path));
        }
        prop_assert_eq!(spliced(&text, &tests).0, text);
        prop_assert_eq!(spliced(&product, &product).0, product);
    }

    /// Tests that are unchanged need no splice: it has the same tests as the candidate, less what
    /// the candidate adds.
    #[test]
    fn unchanged_tests_are_all_in_the_candidate(base in source(), candidate in source()) {
        let none = BTreeSet::new();
        prop_assert!(tests_unchanged(&base, &base, &none).unwrap());
        if tests_unchanged(&base, &candidate, &none).unwrap() {
            let [before, after] = [&base, &candidate].map(|text| leaves(text));
            for (leaf, count) in before {
                prop_assert!(after.get(&leaf).is_some_and(|found| *found >= count), "{}", leaf);
            }
        }
    }

    /// Whatever the text: an answer or an error.
    #[test]
    fn no_text_is_too_strange(parts in prop::collection::vec(prop_oneof![
        prop::sample::select(vec![
            "#", "!", "[", "]", "{", "}", "(", ")", "<", ">", "->", ";", "\"", "'", "\\", "r#\"", "\"#", "/*", "*/", "//", "///", "//!", "/**/", "/*!*/",
            "\n", "\r", "\r\n", "\u{feff}", "#!/x\n", "é", "\u{0}", "fn ", "mod ", "impl ", "macro_rules! m ", "use ", "const ", "extern ", "\"C\" ", "test", "cfg(test)",
            "cfg", "path = \"x\"", "doc = \"```\\n\"", "```", "a ", "b!", "::", ",", "=", "for ", "where ", "pub(crate) ", "_", "1", "'a ", "b'", "c\"", "include!", "#[test]",
        ]).prop_map(str::to_owned),
        ".{0,3}",
    ], 0..40)) {
        let text = parts.concat();
        read_in_all_ways(&text);
        read_in_all_ways(&format!("mod a {{ {text} }}"));
    }
}

fn read_in_all_ways(text: &str) {
    let none = BTreeSet::new();
    let usual = "#[test] fn t() {}\nmod a {}\n";
    for [one, other] in [[text, usual], [usual, text], [text, text]] {
        let again = splice(one, other, &SpliceOptions::default());
        if let Ok(spliced) = &again {
            assert!(one != other || spliced.text == one);
            let twice = splice(&spliced.text, other, &SpliceOptions::default()).unwrap();
            assert_eq!(twice.text, spliced.text, "{one:?} {other:?}");
        }
        let _ = tests_unchanged(one, other, &none);
        let _ = changed_doctests(one, other);
    }
    let _ = test_modules(text);
    let _ = ModuleFiles::walk(&["src/lib.rs".into()], &|_| Some(text.to_owned()));
}

/// Functions, constants, imports within spans, with their module and how many there are.
fn leaves(source: &str) -> BTreeMap<String, usize> {
    fn take(items: Vec<Item>, path: &str, test: bool, found: &mut BTreeMap<String, usize>) {
        for item in items {
            let test = test || is_test(attributes(&item));
            match item {
                Item::Mod(module) => {
                    let path = format!("{path}{}::", module.ident);
                    let items = module.content.map(|(_, items)| items);
                    take(items.unwrap_or_default(), &path, test, found);
                }
                // Documentation does not count, and nothing here has it but on functions.
                leaf if test => {
                    let tokens = leaf.to_token_stream().to_string();
                    let tokens = tokens.split("\" ]").last().unwrap_or_default().to_owned();
                    *found.entry(format!("{path} {tokens}")).or_default() += 1;
                }
                _ => {}
            }
        }
    }
    let mut found = BTreeMap::new();
    take(
        syn::parse_file(source).unwrap().items,
        "",
        false,
        &mut found,
    );
    found
}

fn rust_files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "target" && name != ".git" {
            rust_files(&path, found);
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_sources_of_this_workspace_are_taken_apart_as_syn_does_it() {
    let mut files = Vec::new();
    rust_files(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join(".."),
        &mut files,
    );
    assert!(files.len() > 150, "{}", files.len());
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(spliced(&text, &text).0, text, "{}", path.display());
        assert!(tests_unchanged(&text, &text, &BTreeSet::new()).unwrap());
        let ours = test_spans(&text, &BTreeSet::new()).unwrap();
        let expected: usize = halves(&text).tests.values().map(Vec::len).sum();
        let in_items = |key: &&passmuster_policy::rust_tests::SpanKey| {
            !key.to_string().contains('!') && key.path.iter().all(|part| !part.contains(' '))
        };
        assert_eq!(
            ours.iter().filter(in_items).count(),
            expected,
            "{}: {ours:?}",
            path.display()
        );
        doctests(&text).unwrap();
    }
}

#[test]
fn hostile_sources_are_refused_or_read_without_a_crash_and_in_bounded_time() {
    const SIZE: usize = 4 << 20;
    // As many of the smallest tokens are read in any case.
    const FEW: usize = 300_000;
    let fill = |part: &str| part.repeat(SIZE / part.len());
    let half = |open: &str, close: &str| {
        let count = SIZE / (open.len() + close.len());
        open.repeat(count) + &close.repeat(count)
    };
    for (what, text, readable) in [
        ("brackets", half("(", ")"), false),
        ("open brackets", fill("{"), false),
        ("modules", half("mod a {", "}"), false),
        ("comments", half("/*", "*/"), true),
        (
            "operators",
            format!("fn a() {{ {} 1 }}", &fill("-")[..FEW]),
            true,
        ),
        ("types", format!("type A = {} u8;", &fill("&")[..FEW]), true),
        (
            "generics",
            format!(
                "type A = {}{};",
                fill("B<")[..FEW / 2].to_owned(),
                fill(">")[..FEW / 4].to_owned()
            ),
            true,
        ),
        (
            "methods",
            format!("fn a() {{ b{} }}", &fill(".c()")[..FEW / 4 * 4]),
            true,
        ),
        ("words", fill("a "), false),
        ("operators without end", fill("-"), false),
        ("tests", "#[test]fn a(){}".repeat(100_000), true),
        (
            "one long name",
            format!(
                "mod {} {{ {} }}",
                "a".repeat(SIZE / 2),
                &fill("fn b(){} #[test]fn c(){} ")[..25 * 60_000]
            ),
            true,
        ),
        ("documentation", fill("/// ```\n"), false),
        (
            "documented",
            "/// ```\n/// a\nfn b(){}\n".repeat(100_000),
            true,
        ),
        ("too large", fill("// \n") + "//", false),
    ] {
        let start = std::time::Instant::now();
        let found = test_spans(&text, &BTreeSet::new());
        assert_eq!(found.is_ok(), readable, "{what}: {:?}", found.err());
        let once = start.elapsed();
        if readable {
            doctests(&text).unwrap();
            assert_eq!(spliced(&text, &text).0.len(), text.len(), "{what}");
        }
        let took = start.elapsed();
        assert!(took.as_secs() < 120, "{what}: {took:?}");
        println!("{what}: {once:?} {took:?}");
    }
}
