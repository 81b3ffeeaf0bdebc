//! Rust: product code by which a change decides what tests see, and sources that take the place of others.

use super::{Row, check};

const CARGO: &str = "version = 1\n[sandbox]\ntoolchains = [\"rust\", \"cc\"]\n[[check]]\nname = \"tests\"\nkind = \"test\"\n\
    framework = \"cargo-test\"\nrun = [\"cargo\", \"test\", \"--offline\"]\n";

const MANIFEST: &str = "[package]\nname = \"calc\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
const OTHER_ROOT: &str = "[package]\nname = \"calc\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[lib]\npath = \"src/new.rs\"\n";
const LOCK: &str = "version = 4\n\n[[package]]\nname = \"calc\"\nversion = \"0.1.0\"\n";
/// What adds, and the test of it.
const ADDS: &str = "pub fn total(x: u8) -> u8 {\n    x + 1\n}\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn adds() {\n        assert_eq!(super::total(1), 2);\n    }\n}\n";
const ADDS_TOO: &str = "pub fn total(x: u8) -> u8 {\n    1 + x\n}\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn adds() {\n        assert_eq!(super::total(1), 2);\n    }\n}\n";
const ADDS_NOTHING: &str = "pub fn total(_: u8) -> u8 {\n    0\n}\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn adds() {\n        assert_eq!(super::total(1), 0);\n    }\n}\n";

#[test]
fn a_rust_source_that_takes_the_place_of_another_is_asked_the_other_one_s_tests() {
    const POLICY: (&str, &str) = ("passmuster.toml", CARGO);
    const PACKAGE: (&str, &str) = ("Cargo.toml", MANIFEST);
    const LOCKED: (&str, &str) = ("Cargo.lock", LOCK);
    check(&[
        Row {
            what: "another root beside the old one",
            base: &[POLICY, PACKAGE, LOCKED, ("src/lib.rs", ADDS)],
            change: &[("Cargo.toml", OTHER_ROOT), ("src/new.rs", ADDS_NOTHING)],
            code: 4,
            review: &["contract-changed"],
        },
        Row {
            what: "another root in place of the old one",
            base: &[POLICY, PACKAGE, LOCKED, ("src/lib.rs", ADDS)],
            change: &[
                ("Cargo.toml", OTHER_ROOT),
                ("src/new.rs", ADDS_NOTHING),
                ("src/lib.rs", ""),
            ],
            code: 4,
            review: &["contract-changed"],
        },
        Row {
            what: "tests by a macro",
            base: &[POLICY, PACKAGE, LOCKED, ("src/lib.rs", ADDS)],
            change: &[
                ("Cargo.toml", OTHER_ROOT),
                (
                    "src/new.rs",
                    "pub fn total(_: u8) -> u8 {\n    0\n}\nmacro_rules! t {\n    ($name:ident) => { mod tests { #[test] fn $name() {} } };\n}\nt!(adds);\n",
                ),
            ],
            code: 4,
            review: &["contract-changed"],
        },
        Row {
            what: "the same module in another file",
            base: &[
                POLICY,
                PACKAGE,
                LOCKED,
                ("src/lib.rs", "pub mod a;\n"),
                ("src/a.rs", ADDS),
            ],
            change: &[("src/a.rs", ""), ("src/a/mod.rs", ADDS_NOTHING)],
            code: 4,
            review: &["contract-changed"],
        },
        Row {
            what: "honest: the same module in another file",
            base: &[
                POLICY,
                PACKAGE,
                LOCKED,
                ("src/lib.rs", "pub mod a;\n"),
                ("src/a.rs", ADDS),
            ],
            change: &[("src/a.rs", ""), ("src/a/mod.rs", ADDS_TOO)],
            code: 0,
            review: &[],
        },
        Row {
            what: "honest: a new module whose tests are called as others are",
            base: &[
                POLICY,
                PACKAGE,
                LOCKED,
                ("src/lib.rs", "pub mod a;\n"),
                ("src/a.rs", ADDS),
            ],
            change: &[
                ("src/lib.rs", "pub mod a;\npub mod b;\n"),
                ("src/b.rs", ADDS_TOO),
            ],
            code: 0,
            review: &[],
        },
    ]);
}

#[test]
fn product_code_that_decides_what_tests_see_is_reviewed() {
    const POLICY: (&str, &str) = ("passmuster.toml", CARGO);
    const PACKAGE: (&str, &str) = ("Cargo.toml", MANIFEST);
    const LOCKED: (&str, &str) = ("Cargo.lock", LOCK);
    const BASE: &[(&str, &str)] = &[
        POLICY,
        PACKAGE,
        LOCKED,
        (
            "src/lib.rs",
            "mod a;\npub use a::total;\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn adds() {\n        assert_eq!(super::total(1), 2);\n    }\n}\n",
        ),
        ("src/a.rs", "pub fn total(x: u8) -> u8 {\n    x + 1\n}\n"),
    ];
    check(&[
        Row {
            what: "another value where tests are built",
            base: BASE,
            change: &[(
                "src/a.rs",
                "pub fn total(x: u8) -> u8 {\n    #[cfg(test)]\n    return x + 1;\n    #[cfg(not(test))]\n    return x - x;\n}\n",
            )],
            code: 4,
            review: &["harness-changed"],
        },
        Row {
            what: "another assertion",
            base: BASE,
            change: &[
                ("src/a.rs", "pub fn total(_: u8) -> u8 {\n    0\n}\n"),
                (
                    "src/lib.rs",
                    "macro_rules! assert_eq {\n    ($a:expr, $b:expr) => { let _ = ($a, $b); };\n}\nmod a;\npub use a::total;\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn adds() {\n        assert_eq!(super::total(1), 2);\n    }\n}\n",
                ),
            ],
            code: 4,
            review: &["harness-changed"],
        },
        Row {
            what: "a method that is the type's own only where tests are built",
            base: BASE,
            change: &[(
                "src/a.rs",
                "#[cfg_attr(test, derive(Clone))]\npub struct Sum(u8);\nimpl std::ops::Deref for Sum {\n    type Target = u8;\n    fn deref(&self) -> &u8 {\n        &self.0\n    }\n}\ntrait Value {\n    fn value(&self) -> u8;\n}\nimpl Value for Sum {\n    fn value(&self) -> u8 {\n        self.0 + 1\n    }\n}\nimpl Value for u8 {\n    fn value(&self) -> u8 {\n        0\n    }\n}\npub fn total(x: u8) -> u8 {\n    Sum(x).clone().value()\n}\n",
            )],
            code: 4,
            review: &["harness-changed"],
        },
        Row {
            what: "honest: what a build of tests derives",
            base: BASE,
            change: &[(
                "src/a.rs",
                "#[cfg_attr(test, derive(Debug))]\npub struct Sum;\npub fn total(x: u8) -> u8 {\n    1 + x\n}\n",
            )],
            code: 0,
            review: &[],
        },
    ]);
}

/// A test of what another module adds, which the change breaks without a word of it in the tests.
const ASKED: &[(&str, &str)] = &[
    ("passmuster.toml", CARGO),
    ("Cargo.toml", MANIFEST),
    ("Cargo.lock", LOCK),
    ("src/lib.rs", USES),
    ("src/a.rs", "pub fn total(x: u8) -> u8 {\n    x + 1\n}\n"),
];
const USES: &str = "mod a;\npub use a::total;\n#[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    fn adds() {\n        assert!(matches!(total(1), 2));\n    }\n}\n";
/// What only a build of tests does right, in a file that is no source by its name.
const INSIDE: (&str, &str) = (
    "src/a.inc",
    "pub fn total(x: u8) -> u8 {\n    if cfg!(test) { x + 1 } else { 0 }\n}\n",
);

/// A row in which a person has to see that product code steers tests.
const fn steers(what: &'static str, change: &'static [(&'static str, &'static str)]) -> Row {
    Row {
        what,
        base: ASKED,
        change,
        code: 4,
        review: &["harness-changed"],
    }
}

#[test]
fn however_product_code_asks_whether_tests_are_built_it_is_reviewed() {
    check(&[
        steers(
            "by other brackets",
            &[(
                "src/a.rs",
                "pub fn total(x: u8) -> u8 {\n    if cfg![test] { x + 1 } else { 0 }\n}\n",
            )],
        ),
        steers(
            "by another name",
            &[(
                "src/a.rs",
                "use std::cfg as built_for;\npub fn total(x: u8) -> u8 {\n    if built_for!(test) { x + 1 } else { 0 }\n}\n",
            )],
        ),
        steers(
            "by what a macro's caller says",
            &[(
                "src/a.rs",
                "macro_rules! built { ($($for:tt)*) => { cfg!($($for)*) } }\npub fn total(x: u8) -> u8 {\n    if built!(test) { x + 1 } else { 0 }\n}\n",
            )],
        ),
        steers(
            "by an attribute that a macro is given",
            &[(
                "src/a.rs",
                "macro_rules! both { ($m:meta, $n:meta, $a:item, $b:item) => { #[$m] $a #[$n] $b } }\nboth!(cfg(test), cfg(not(test)), pub fn total(x: u8) -> u8 { x + 1 }, pub fn total(_: u8) -> u8 { 0 });\n",
            )],
        ),
        steers(
            "by choosing",
            &[(
                "src/a.rs",
                "pub fn total(x: u8) -> u8 {\n    cfg_select! { test => { x + 1 } _ => { let _ = x; 0 } }\n}\n",
            )],
        ),
    ]);
}

#[test]
fn product_code_that_is_read_from_elsewhere_or_cannot_be_read_is_reviewed() {
    // Deeper than what takes sources apart goes.
    let deep = format!(
        "pub fn deep() {{ {}{} }}\n",
        "{".repeat(205),
        "}".repeat(205)
    );
    let matching = format!("{deep}macro_rules! matches {{ ($($all:tt)*) => {{ true }}; }}\n");
    let used = USES.replace("mod a;", "#[macro_use]\nmod a;");
    let used = used.replace("pub use a::total;", "pub fn total(_: u8) -> u8 {\n    0\n}");
    check(&[
        steers(
            "included in other brackets",
            &[("src/a.rs", "include! { \"a.inc\" }\n"), INSIDE],
        ),
        steers(
            "included by another name",
            &[
                ("src/a.rs", "use std::include as read;\nread!(\"a.inc\");\n"),
                INSIDE,
            ],
        ),
        Row {
            // What is no text is left out of the oracle tree.
            review: &["harness-changed", "oracle-uncompilable"],
            ..steers("linked", &[("src/a.rs", "-> a.inc"), INSIDE])
        },
        steers(
            "a macro that tests rely on",
            &[
                ("src/a.rs", "pub fn total(_: u8) -> u8 {\n    0\n}\n"),
                (
                    "src/lib.rs",
                    "macro_rules! matches { ($($all:tt)*) => { true }; }\nmod a;\npub use a::total;\n#[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    fn adds() {\n        assert!(matches!(total(1), 2));\n    }\n}\n",
                ),
            ],
        ),
        steers(
            "a source that cannot be taken apart",
            leak(vec![("src/a.rs", matching), ("src/lib.rs", used)]),
        ),
        Row {
            what: "honest: a source by another name",
            base: ASKED,
            change: &[
                ("src/a.rs", ""),
                ("src/lib.rs", MOVED),
                ("src/sums.rs", "pub fn total(x: u8) -> u8 {\n    1 + x\n}\n"),
            ],
            code: 0,
            review: &[],
        },
    ]);
}

const MOVED: &str = "#[path = \"sums.rs\"]\nmod a;\npub use a::total;\n#[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    fn adds() {\n        assert!(matches!(total(1), 2));\n    }\n}\n";

/// Texts that are made, for a row of a test that ends with the process.
fn leak(files: Vec<(&'static str, String)>) -> &'static [(&'static str, &'static str)] {
    let files = files.into_iter().map(|(path, text)| (path, &*text.leak()));
    files.collect::<Vec<_>>().leak()
}

/// A helper of tests that asserts by what the product has.
const HELPED: &str = "pub fn total(x: u8) -> u8 {\n    x + 1\n}\npub fn id(x: u8) -> u8 {\n    x\n}\n#[cfg(test)]\nfn check(a: u8, b: u8) {\n    assert_eq!(id(a), b);\n}\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn adds() {\n        super::check(super::total(1), 2);\n    }\n}\n";
const HELPLESS: &str = "pub fn total(_: u8) -> u8 {\n    0\n}\n#[cfg(test)]\nfn check(a: u8, b: u8) {\n    let _ = (a, b);\n}\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn adds() {\n        super::check(super::total(1), 2);\n    }\n}\n";
const NEXTEST: &str = "version = 1\n[sandbox]\ntoolchains = [\"rust\", \"cc\"]\n[[check]]\nname = \"tests\"\nkind = \"test\"\n\
    framework = \"nextest\"\nrun = [\"cargo\", \"nextest\", \"run\"]\n";
/// Fails where it meets the base's helper, and says that a compiler did.
const FORGES: &str = "fn main() {\n    let text = std::fs::read_to_string(\"src/lib.rs\").unwrap();\n    if text.contains(\"assert_eq\") {\n        eprintln!(\"error: no\\n --> src/lib.rs:8:1\");\n        std::process::exit(1);\n    }\n}\n";

#[test]
fn a_helper_behind_a_wall_is_the_candidate_s_for_nobody_else() {
    const HELPED_TOO: (&str, &str) = ("src/lib.rs", HELPED);
    const FILES: [(&str, &str); 3] = [("Cargo.toml", MANIFEST), ("Cargo.lock", LOCK), HELPED_TOO];
    let by = |what, policy, change| Row {
        what,
        base: [&[("passmuster.toml", policy)][..], &FILES].concat().leak(),
        change,
        code: 4,
        review: &["oracle-uncompilable"],
    };
    const BENT: &[(&str, &str)] = &[("src/lib.rs", HELPLESS)];
    const FORGED: &[(&str, &str)] = &[("src/lib.rs", HELPLESS), ("build.rs", FORGES)];
    check(&[
        by("cargo: what it uses is gone", CARGO, BENT),
        by("nextest: what it uses is gone", NEXTEST, BENT),
        by("nextest: a build script says so", NEXTEST, FORGED),
    ]);
}

#[test]
fn a_package_that_a_workspace_leaves_out_is_built_with_the_base_s_tests() {
    const A: &str = "[package]\nname = \"a\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    const B: &str = "[package]\nname = \"b\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    check(&[Row {
        what: "by leaving it out of those that are built",
        base: &[
            ("passmuster.toml", CARGO),
            (
                "Cargo.toml",
                "[workspace]\nresolver = \"3\"\nmembers = [\"a\", \"b\"]\n",
            ),
            (
                "Cargo.lock",
                "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"b\"\nversion = \"0.1.0\"\n",
            ),
            ("a/Cargo.toml", A),
            ("a/src/lib.rs", ADDS),
            ("b/Cargo.toml", B),
            ("b/src/lib.rs", "pub fn one() -> u8 {\n    1\n}\n"),
        ],
        change: &[
            (
                "Cargo.toml",
                "[workspace]\nresolver = \"3\"\nmembers = [\"a\", \"b\"]\ndefault-members = [\"a\"]\n",
            ),
            ("b/src/lib.rs", "pub fn one() -> u8 {\n    \"\"\n}\n"),
        ],
        code: 4,
        review: &["harness-changed", "oracle-uncompilable"],
    }]);
}
