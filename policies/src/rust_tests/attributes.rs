//! What attributes say of an item: whether it is a test, whether it is compiled for tests alone,
//! and in which file a module lies.

use std::ops::Range;

use super::literals::string_value;
use super::tokens::Tokens;

/// Last words of the attributes that make a test of an item.
const TEST_ATTRIBUTES: [&str; 11] = [
    "test",
    "bench",
    "rstest",
    "test_case",
    "test_matrix",
    "test_casing",
    "quickcheck",
    "proptest",
    "property_test",
    "wasm_bindgen_test",
    "gtest",
];

/// The meta item of an attribute: its path and what follows.
#[derive(Clone, Debug)]
pub(super) struct Meta<'a> {
    /// The last word of the path: of `tokio::test` it is `test`.
    pub(super) name: &'a str,
    /// Whether the path is that word alone.
    pub(super) plain: bool,
    /// What stands in the parentheses.
    pub(super) arguments: Option<Range<usize>>,
    /// The text after `=`.
    pub(super) value: Option<String>,
}

/// Reads a meta item; none where there is no path.
pub(super) fn meta<'a>(tokens: &Tokens<'a>, range: Range<usize>) -> Option<Meta<'a>> {
    let mut name = None;
    let mut words = 0;
    let mut at = range.start;
    while at < range.end {
        match (tokens.word(at), tokens.text(at)) {
            (Some(word), _) => (name, words) = (Some(word), words + 1),
            (None, ":" | "$") => {}
            _ => break,
        }
        at += 1;
    }
    let arguments = tokens.group(at, "(").filter(|_| at < range.end);
    if let (Some("unsafe"), Some(inner)) = (name, &arguments) {
        return meta(tokens, inner.clone());
    }
    let literal = at + 1 < range.end && tokens.is(at, "=");
    Some(Meta {
        name: name?,
        plain: words == 1,
        arguments,
        value: literal.then(|| string_value(tokens.text(at + 1))).flatten(),
    })
}

/// The parts of a list that commas separate.
pub(super) fn parts(tokens: &Tokens<'_>, range: Range<usize>) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut start, mut at) = (range.start, range.start);
    while at < range.end {
        if tokens.is(at, ",") {
            parts.push(start..at);
            start = at + 1;
        }
        at = tokens.after(at);
    }
    parts.push(start..range.end);
    parts.retain(|part| !part.is_empty());
    parts
}

/// The value of a predicate of `cfg` as far as it is known.
type Known = Option<bool>;

/// Evaluates a predicate where `test` has the given value and nothing else is known.
fn predicate(tokens: &Tokens<'_>, range: Range<usize>, test: bool) -> Known {
    let word = meta(tokens, range)?;
    let parts = word.arguments.map(|inner| parts(tokens, inner));
    let values = |parts: Vec<Range<usize>>| -> Vec<Known> {
        let value = |part| predicate(tokens, part, test);
        parts.into_iter().map(value).collect()
    };
    match (word.name, parts) {
        ("test", None) if word.value.is_none() => Some(test),
        ("true", None) => Some(true),
        ("false", None) => Some(false),
        ("not", Some(parts)) => negation(values(parts).first().copied().flatten()),
        ("all", Some(parts)) => conjunction(&values(parts)),
        ("any", Some(parts)) => {
            let negated = values(parts).into_iter().map(negation);
            negation(conjunction(&negated.collect::<Vec<_>>()))
        }
        _ => None,
    }
}

fn negation(value: Known) -> Known {
    value.map(|value| !value)
}

fn conjunction(values: &[Known]) -> Known {
    if values.contains(&Some(false)) {
        return Some(false);
    }
    let all = values.iter().all(|value| *value == Some(true));
    all.then_some(true)
}

/// Whether an attribute removes its item from every build that is not one of tests, and not from
/// those.
pub(super) fn requires_test(tokens: &Tokens<'_>, attribute: Range<usize>) -> bool {
    let value = |test| remains(tokens, attribute.clone(), test);
    value(false) == Some(false) && value(true) != Some(false)
}

/// Whether an attribute lets its item be.
fn remains(tokens: &Tokens<'_>, attribute: Range<usize>, test: bool) -> Known {
    let Some(Meta {
        name,
        plain: true,
        arguments: Some(arguments),
        ..
    }) = meta(tokens, attribute)
    else {
        return Some(true);
    };
    match name {
        "cfg" => predicate(tokens, arguments, test),
        "cfg_attr" => {
            let mut parts = parts(tokens, arguments).into_iter();
            let condition = predicate(tokens, parts.next()?, test);
            let added: Vec<Known> = parts.map(|part| remains(tokens, part, test)).collect();
            let gone = [condition, negation(conjunction(&added))];
            negation(conjunction(&gone))
        }
        _ => Some(true),
    }
}

/// The attributes that an attribute stands for: itself, or those in a `cfg_attr`, whatever its
/// condition.
pub(super) fn expanded<'a>(tokens: &Tokens<'a>, attribute: Range<usize>) -> Vec<Meta<'a>> {
    match meta(tokens, attribute) {
        Some(Meta {
            name: "cfg_attr",
            arguments: Some(inner),
            ..
        }) => {
            let parts = parts(tokens, inner).into_iter().skip(1);
            parts.flat_map(|part| expanded(tokens, part)).collect()
        }
        Some(one) => vec![one],
        None => Vec::new(),
    }
}

/// Whether an attribute makes a test of its item.
pub(super) fn makes_test(tokens: &Tokens<'_>, attribute: Range<usize>) -> bool {
    let metas = expanded(tokens, attribute);
    metas
        .iter()
        .any(|meta| TEST_ATTRIBUTES.contains(&meta.name))
}

/// Whether any attribute within a range makes a test, as in the rules of a macro.
pub(super) fn holds_test(tokens: &Tokens<'_>, range: Range<usize>) -> bool {
    range.clone().any(|at| {
        let attribute = tokens.group(at + 1, "[").filter(|_| tokens.is(at, "#"));
        attribute.is_some_and(|inner| makes_test(tokens, inner))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_predicate_requires_test_when_nothing_is_compiled_without_it() {
        for (attribute, expected) in [
            ("cfg(test)", true),
            ("cfg(all(test, feature = \"x\"))", true),
            ("cfg(all(feature = \"x\", all(unix, test)))", true),
            ("cfg(any(test, all(unix, test)))", true),
            ("cfg(not(not(test)))", true),
            ("cfg(not(any(not(test), windows)))", true),
            ("cfg(r#test)", true),
            ("cfg_attr(all(), cfg(test))", true),
            ("cfg(any(test, feature = \"x\"))", false),
            ("cfg(not(test))", false),
            ("cfg(all(not(test), unix))", false),
            ("cfg(any(test, true))", false),
            // Never compiled at all, so no test either.
            ("cfg(any())", false),
            ("cfg(all(test, not(test)))", false),
            ("cfg(feature = \"test\")", false),
            ("cfg(test = \"x\")", false),
            ("cfg_attr(unix, cfg(test))", false),
            ("cfg_attr(test, derive(Debug))", false),
            ("my::cfg(test)", false),
            ("cfg()", false),
            ("cfg", false),
        ] {
            let tokens = Tokens::read(attribute).unwrap();
            let found = requires_test(&tokens, 0..tokens.len());
            assert_eq!(found, expected, "{attribute}");
        }
    }

    #[test]
    fn an_attribute_makes_a_test_by_the_last_word_of_its_path() {
        for (attribute, expected) in [
            ("test", true),
            ("tokio::test(flavor = \"multi_thread\")", true),
            ("::core::prelude::v1::test", true),
            ("$crate::test", true),
            ("test_case(1; \"one\")", true),
            ("rstest", true),
            ("cfg_attr(not(miri), test)", true),
            (
                "cfg_attr(unix, cfg_attr(miri, ignore), wasm_bindgen_test)",
                true,
            ),
            ("cfg_attr(test, ignore)", false),
            ("test::other", false),
            ("latest", false),
            ("doc = \"test\"", false),
            ("allow(test)", false),
        ] {
            let tokens = Tokens::read(attribute).unwrap();
            let found = makes_test(&tokens, 0..tokens.len());
            assert_eq!(found, expected, "{attribute}");
        }
    }
}
