use super::*;

fn words(language: Language, text: &str) -> Vec<&str> {
    Tokens::new(language, text)
        .map(|token| token.text(text))
        .collect()
}

#[test]
fn comments_and_texts_are_told_from_code() {
    use Language::{Go, Hash, JavaScript, Python, Rust, Slashes};
    let rows: &[(Language, &str, &[&str])] = &[
        (Python, "a # b\nc", &["a", "c"]),
        (Python, "x = '''a\n# b''' # c", &["x", "=", "'''a\n# b'''"]),
        (Python, "rb\"\\\"a\" f'{b}'", &["rb\"\\\"a\"", "f'{b}'"]),
        (Python, "it's\nimport a", &["it", "'", "s", "import", "a"]),
        (Python, "'''\nimport a", &["''", "'", "import", "a"]),
        (Rust, "a /* b /* c */ d */ e // f", &["a", "e"]),
        (
            Rust,
            "'a' 'b: '\\'' b'x'",
            &["'a'", "'", "b", ":", "'\\''", "b'x'"],
        ),
        (
            Rust,
            "r#\"a\" // b\"# r#type",
            &["r#\"a\" // b\"#", "r#type"],
        ),
        (Rust, "\"a\nb\\\"\" c", &["\"a\nb\\\"\"", "c"]),
        (Rust, "/* open\nuse a", &["/", "*", "open", "use", "a"]),
        (JavaScript, "a / b / c", &["a", "/", "b", "/", "c"]),
        (JavaScript, "= /[/'\"]/g, d", &["=", "/[/'\"]/g", ",", "d"]),
        (
            JavaScript,
            "`a${b + `c${d}`}e` f",
            &["`a${", "b", "+", "`c${", "d", "}`", "}e`", "f"],
        ),
        (
            JavaScript,
            "`open ${a}\nimport b",
            &["`open ${", "a", "}", "import", "b"],
        ),
        (JavaScript, "/* a */ b // c", &["b"]),
        (Go, "`a\n\" //` \"b\" 'c'", &["`a\n\" //`", "\"b\"", "'c'"]),
        (Go, "1.5e3+0xff", &["1.5e3", "+", "0xff"]),
        (
            Slashes,
            "\"\"\"a\n\"b\"\"\" c",
            &["\"\"\"a\n\"b\"\"\"", "c"],
        ),
        (Hash, "a#b # c\n'd'", &["a", "#", "b", "'d'"]),
        (Hash, "don't\nd", &["don", "'", "t", "d"]),
    ];
    for (language, text, expected) in rows {
        assert_eq!(words(*language, text), *expected, "{language:?} {text}");
    }
}

#[test]
fn a_token_knows_its_line_and_column() {
    let text = "ä = 1\n  b = '''\n'''  c";
    let tokens: Vec<(&str, u32, u32)> = Tokens::new(Language::Python, text)
        .map(|token| (token.text(text), token.line, column(text, token.start)))
        .collect();
    let expected = [
        ("ä", 1, 1),
        ("=", 1, 3),
        ("1", 1, 5),
        ("b", 2, 3),
        ("=", 2, 5),
        ("'''\n'''", 2, 7),
        ("c", 3, 6),
    ];
    assert_eq!(tokens, expected);
}

#[test]
fn a_literal_is_unquoted() {
    for literal in [
        "'a/b'",
        "\"a/b\"",
        "`a/b`",
        "r#\"a/b\"#",
        "rb'''a/b'''",
        "b\"a/b\"",
    ] {
        assert_eq!(unquoted(literal), "a/b");
    }
}

#[test]
fn hostile_sources_take_linear_time_and_end() {
    let pieces = [
        "\"", "'", "`", "${", "/*", "r#\"", "'''", "\\", "{", "}", "/", "ä", "\n", "#", "b'",
    ];
    let all = [
        Language::Python,
        Language::Rust,
        Language::JavaScript,
        Language::Go,
        Language::Slashes,
        Language::Hash,
    ];
    for language in all {
        for piece in pieces {
            for text in [piece.repeat(20_000), format!("{piece}\n").repeat(20_000)] {
                let started = std::time::Instant::now();
                let mut end = 0;
                for token in Tokens::new(language, &text) {
                    assert!(
                        token.start >= end && token.end > token.start,
                        "{language:?} {piece}"
                    );
                    assert!(text.is_char_boundary(token.start) && text.is_char_boundary(token.end));
                    end = token.end;
                }
                let taken = started.elapsed();
                assert!(taken.as_secs() < 5, "{language:?} {piece} took {taken:?}");
            }
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_read_around() {
    let text = decode(b"\xEF\xBB\xBFimport a\nx = '\xFF'\nimport b");
    assert_eq!(
        words(Language::Python, &text),
        ["import", "a", "x", "=", "'\u{FFFD}'", "import", "b"]
    );
}
