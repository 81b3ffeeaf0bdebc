use super::*;

/// Imports as people write them, with line and column.
fn shown(path: &str, text: &str) -> Vec<String> {
    let each = of(path, text.as_bytes()).into_iter();
    each.map(|import| {
        format!(
            "{} {}:{}",
            import.target.shown(),
            import.line,
            import.column
        )
    })
    .collect()
}

fn names(path: &str, text: &str) -> Vec<String> {
    of(path, text.as_bytes())
        .iter()
        .map(|import| import.target.shown())
        .collect()
}

#[test]
fn pythons_imports_are_read() {
    let rows: &[(&str, &[&str])] = &[
        ("import a", &["a"]),
        ("import a.b.c as d, e\nx = 1", &["a.b.c", "e"]),
        ("import a, \\\n  b", &["a", "b"]),
        ("from a.b import c, d as e", &["a.b.c", "a.b.d"]),
        (
            "from a import (\n    b,  # why\n    c as d,\n)\nimport e",
            &["a.b", "a.c", "e"],
        ),
        (
            "from . import a\nfrom ..b import c\nfrom ...d.e import *",
            &[".a", "..b.c", "...d.e"],
        ),
        ("from a \\\n  import b", &["a.b"]),
        ("if TYPE_CHECKING:\n    from a import b", &["a.b"]),
        ("if TYPE_CHECKING: from a import b", &["a.b"]),
        (
            "try: import a; import b\nexcept ImportError: import c",
            &["a", "b", "c"],
        ),
        ("def f():\n    import a", &["a"]),
        ("if 1:\\\n import a\nx = 1;\\\nimport b", &["a", "b"]),
        ("# hi\rimport a\rimport b\r", &["a", "b"]),
        (
            "importlib.import_module('a.b')\n__import__(\"c\")",
            &["a.b", "c"],
        ),
        (
            "import_module(name)\nimport_module('a b')\n__import__('')",
            &[],
        ),
        (
            "# import a\n'import b'\n\"\"\"\nimport c\n\"\"\"\nr'''from d import e'''",
            &[],
        ),
        ("yield from a\nraise B from c\nx.from_y\nimport_a = 1", &[]),
        ("x = (yield\n  from y)", &[]),
        ("foo(\nimport a", &["a"]),
        ("x = '''\nimport a", &["a"]),
        ("x = 'open\nimport a", &["a"]),
        ("import", &[]),
        ("from . import", &[]),
        ("from a import (b", &["a.b"]),
    ];
    for (text, expected) in rows {
        assert_eq!(names("m.py", text), *expected, "{text}");
    }
}

#[test]
fn rusts_imports_are_read() {
    let rows: &[(&str, &[&str])] = &[
        ("use crate::a::b;", &["crate::a::b"]),
        (
            "pub(crate) use a::{b, c::{self, d as e}, f::*};",
            &["a::b", "a::c", "a::c::d", "a::f"],
        ),
        ("use {a::b, ::c::d};", &["a::b", "c::d"]),
        ("use ::a::b;", &["::a::b"]),
        ("use r#type::x;", &["type::x"]),
        ("extern crate a;", &["::a"]),
        (
            "mod a; pub mod b { mod c; use super::d; }",
            &["mod a", "mod c", "super::d"],
        ),
        (
            "fn f() { crate::web::x(); super::y(1) }",
            &["crate::web::x", "super::y"],
        ),
        (
            "let x: crate::a::B<crate::c::D> = <e::f::G as H>::i();",
            &["crate::a::B", "crate::c::D", "e::f::G"],
        ),
        (
            "Vec::new(); Self::x(); a.b(); ::std::mem::take(x)",
            &["::std::mem::take"],
        ),
        (
            "macro_rules! m { () => { $crate::a::b() } }",
            &["crate::a::b"],
        ),
        (
            "// use a::b;\n/* use c::d; /* */ use e::f; */ \"use g::h;\" r#\"use i::j;\"#",
            &[],
        ),
        ("fn f() -> impl Sized + use<'a, T> {} use a::b;", &["a::b"]),
        ("use a::b", &[]),
        ("let x = \"open\nuse a::b;", &["a::b"]),
    ];
    for (text, expected) in rows {
        assert_eq!(names("m.rs", text), *expected, "{text}");
    }
}

#[test]
fn rusts_modules_within_a_file_are_known() {
    let text = "mod a { mod b { use super::c; } use self::d; }\nuse e::f;\n#[path = \"../x.rs\"]\nmod g;\nmod h;";
    let found: Vec<Target> = of("m.rs", text.as_bytes())
        .into_iter()
        .map(|import| import.target)
        .collect();
    let strings = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    let rust = |path: &[&str], within: &[&str]| Target::Rust {
        path: strings(path),
        within: strings(within),
    };
    let module = |name: &str, file: Option<&str>| Target::RustModule {
        name: name.into(),
        within: Vec::new(),
        file: file.map(str::to_owned),
    };
    let expected = [
        rust(&["super", "c"], &["a", "b"]),
        rust(&["self", "d"], &["a"]),
        rust(&["e", "f"], &[]),
        module("g", Some("../x.rs")),
        module("h", None),
    ];
    assert_eq!(found, expected);
}

#[test]
fn javascripts_imports_are_read() {
    let rows: &[(&str, &[&str])] = &[
        ("import async from \"a\"", &["a"]),
        (
            "// hi\rimport \"a\"\r// hi\u{2028}import \"b\"",
            &["a", "b"],
        ),
        (
            "import 'a'; import b from \"c\"; import * as d from 'e'",
            &["a", "c", "e"],
        ),
        (
            "import b, {\n  c as d,\n  // from 'no'\n  type E,\n} from './f'",
            &["./f"],
        ),
        (
            "import type { A } from './a'; export type { B } from './b'",
            &["./a", "./b"],
        ),
        (
            "export * from 'a'; export * as b from 'c'; export { d as default } from 'e'",
            &["a", "c", "e"],
        ),
        (
            "export { a }; export const from = 'b'; export default 'c'",
            &[],
        ),
        (
            "const a = require('b'), c = await import('./d', { with: {} })",
            &["b", "./d"],
        ),
        (
            "import(`./a`); import(`./${b}`); require(c); require('d' + e)",
            &["./a"],
        ),
        ("import a = require('b'); import c = d.e;", &["b"]),
        (
            "require.resolve('a'); x.require('b'); x.import('c')",
            &["a"],
        ),
        ("import.meta.url; const o = { import: 'a', from: 'b' }", &[]),
        (
            "// import 'a'\n/* import 'b' */ 'import \"c\"' `import 'd'`; /import 'e'/",
            &[],
        ),
        ("`${require('a')}`", &["a"]),
        ("import { \"odd name\" as a } from 'b'", &["b"]),
        ("import x from 'a' with { type: 'json' }", &["a"]),
        ("`open\nimport 'a'", &["a"]),
        ("/* open\nimport 'a'", &["a"]),
        ("import {", &[]),
    ];
    for (text, expected) in rows {
        assert_eq!(names("m.ts", text), *expected, "{text}");
    }
    let page = "<p>don't import 'a'</p>\n<script setup lang=\"ts\">\nimport b from './b'\n</script>\n<style>import 'c'";
    assert_eq!(shown("m.vue", page), ["./b 3:15"]);
}

#[test]
fn gos_imports_are_read() {
    let rows: &[(&str, &[&str])] = &[
        (
            "package a\nimport \"b\"\nimport c \"d/e\"\nimport . \"f\"\nimport _ `g`",
            &["b", "d/e", "f", "g"],
        ),
        (
            "package a\nimport (\n\t\"b\" // c\n\td \"e\"\n\t/* \"f\" */\n)\nvar x = \"y\"",
            &["b", "e"],
        ),
        (
            "package a\nfunc f() { x := \"import\" }\nimport \"late\"",
            &[],
        ),
        ("package a\n// import \"b\"\n", &[]),
        ("package a\nimport (\n\"b\"", &["b"]),
    ];
    for (text, expected) in rows {
        assert_eq!(names("m.go", text), *expected, "{text}");
    }
}

#[test]
fn an_import_is_told_once_at_its_first_place() {
    assert_eq!(
        shown("m.py", "import a\nä = 1; from b import (c,\n  d)\nimport a"),
        ["a 1:8", "b.c 2:23", "b.d 3:3"]
    );
    assert_eq!(
        shown("m.rs", "use a::{b,\n  c};\nfn f() { a::b() }"),
        ["a::b 1:9", "a::c 2:3"]
    );
}

#[test]
fn hostile_sources_end_in_little_time() {
    let pieces = [
        "import ",
        "from . import (",
        "import a, ",
        "use a::{",
        "use a::",
        "mod a {",
        "::",
        "import {",
        "export * ",
        "require(",
        "`${",
        "import (",
        "\"",
        "'''",
        "/*",
        "\\\n",
        "<script>",
        "\u{0}",
        "ä",
    ];
    for file in ["a.py", "a.rs", "a.ts", "a.vue", "a.go"] {
        for piece in pieces {
            let started = std::time::Instant::now();
            of(file, piece.repeat(10_000).as_bytes());
            let taken = started.elapsed();
            assert!(taken.as_secs() < 5, "{file} {piece} took {taken:?}");
        }
        of(file, &[0xFF; 1_000]);
    }
}
