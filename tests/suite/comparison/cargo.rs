//! cargo: tests inside sources, in files that only tests have, made by macros, in documentation.

use passmuster_tests::{Repository, TestEnv};

use super::{Row, check};

const POLICY: &str = "version = 1\nextends = [\"rust\"]\n[sandbox]\ntoolchains = [\"rust\"]\n\
    [[check]]\nname = \"tests\"\nkind = \"test\"\n";

fn rust_base<'a>(env: &'a TestEnv, framework: &str) -> Repository<'a> {
    let repo = env.empty_repo();
    repo.write("passmuster.toml", format!("{POLICY}{framework}"));
    repo.write(
        "Cargo.toml",
        "[workspace]\nmembers = [\"one\", \"two\"]\nresolver = \"2\"\n",
    );
    for (name, depends) in [("one", ""), ("two", "one = { path = \"../one\" }\n")] {
        repo.write(
            format!("{name}/Cargo.toml"),
            format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[dependencies]\n{depends}"),
        );
    }
    repo.write(
        "Cargo.lock",
        "version = 4\n\n[[package]]\nname = \"one\"\nversion = \"0.1.0\"\n\n\
         [[package]]\nname = \"two\"\nversion = \"0.1.0\"\ndependencies = [\n \"one\",\n]\n",
    );
    repo.write(
        "one/src/lib.rs",
        "pub fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n\npub fn half(n: i32) -> i32 {\n    n / 3\n}\n\n\
         #[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn adds() {\n        assert_eq!(add(1, 2), 3);\n    }\n\n    \
         #[test]\n    fn halves() {\n        assert_eq!(half(4), 2);\n    }\n\n    mod deep {\n        #[test]\n        fn zero() {\n            \
         assert_eq!(super::add(0, 0), 0);\n        }\n    }\n}\n",
    );
    repo.write(
        "two/src/lib.rs",
        "/// Twice as much.\n///\n/// ```\n/// assert_eq!(two::twice(4), 8);\n/// ```\npub fn twice(n: i32) -> i32 {\n    one::add(n, n)\n}\n\nmod macros;\n#[cfg(test)]\nmod checks;\n\n#[cfg(all(test, not(feature = \"x\")))]\nmod tests {\n    \
         #[test]\n    fn doubles() {\n        assert_eq!(super::twice(2), 4);\n    }\n}\n",
    );
    repo.write(
        "two/src/macros.rs",
        "macro_rules! sums {\n    ($($name:ident: $a:expr, $sum:expr;)*) => {\n        $(#[test] fn $name() { assert_eq!(crate::twice($a), $sum); })*\n    };\n}\n\nsums! { two: 1, 2; four: 2, 4; }\n",
    );
    repo.write(
        "two/src/checks.rs",
        "#[test]\nfn doubles_one() {\n    assert_eq!(crate::twice(1), 2);\n}\n",
    );
    repo.write(
        "two/tests/whole.rs",
        "#[test]\nfn whole() {\n    assert_eq!(two::twice(3), 6);\n}\n",
    );
    repo.commit("The base");
    repo
}

#[test]
fn every_row_of_the_comparison_holds_for_cargo() {
    let env = TestEnv::new();
    let framework = "framework = \"cargo-test\"\nrun = [\"cargo\", \"test\"]\n";
    check(&rust_base(&env, framework), &env, RUST);
}

#[test]
fn the_rows_that_nextest_sees_otherwise_hold_for_it() {
    let env = TestEnv::new();
    let framework = "framework = \"nextest\"\nrun = [\"cargo\", \"nextest\", \"run\"]\n";
    check(&rust_base(&env, framework), &env, NEXTEST);
}

const RUST: &[Row] = &[
    Row {
        what: "product code of a file that holds tests",
        change: |repo| repo.edit("one/src/lib.rs", "    a + b\n", "    b + a\n"),
        exit: 0,
        codes: &[],
        tests: &[],
        ran: (false, false),
    },
    Row {
        what: "a new test beside the old ones",
        change: |repo| {
            repo.edit(
                "one/src/lib.rs",
                "    #[test]\n    fn halves",
                "    #[test]\n    fn adds_nothing() {\n        assert_eq!(add(1, 0), 1);\n    }\n\n    #[test]\n    fn halves",
            );
        },
        exit: 0,
        codes: &[],
        tests: &[("added", &["tests::adds_nothing"])],
        ran: (false, true),
    },
    Row {
        what: "regressed, whatever the edited test says; a test of another crate too",
        change: |repo| {
            repo.edit("one/src/lib.rs", "    a + b\n", "    a - b\n");
            repo.edit(
                "one/src/lib.rs",
                "assert_eq!(add(1, 2), 3)",
                "assert_eq!(add(1, 2), 0)",
            );
        },
        exit: 1,
        codes: &["tests-regressed"],
        tests: &[(
            "regressed",
            &[
                "tests::adds",
                "tests::doubles",
                "whole::whole",
                "macros::two",
                "macros::four",
                "checks::doubles_one",
                "src/lib.rs::twice",
            ],
        )],
        ran: (true, false),
    },
    Row {
        what: "a changed contract in the source itself",
        change: |repo| {
            repo.edit("one/src/lib.rs", "    n / 3\n", "    n * 2\n");
            repo.edit(
                "one/src/lib.rs",
                "assert_eq!(half(4), 2)",
                "assert_eq!(half(4), 8)",
            );
        },
        exit: 4,
        codes: &["fixed-by-tests"],
        tests: &[("contract", &["tests::halves"])],
        ran: (true, false),
    },
    Row {
        what: "a broken test",
        change: |repo| {
            repo.edit(
                "one/src/lib.rs",
                "assert_eq!(add(1, 2), 3)",
                "assert_eq!(add(1, 2), 4)",
            )
        },
        exit: 1,
        codes: &["tests-broken"],
        tests: &[("broken", &["tests::adds"])],
        ran: (true, false),
    },
    Row {
        what: "a deleted test that would pass",
        change: |repo| {
            repo.edit(
                "one/src/lib.rs",
                "    #[test]\n    fn adds() {\n        assert_eq!(add(1, 2), 3);\n    }\n\n",
                "",
            );
        },
        exit: 1,
        codes: &["tests-vanished"],
        tests: &[("vanished", &["tests::adds"])],
        ran: (true, false),
    },
    Row {
        what: "an ignored test",
        change: |repo| {
            repo.edit(
                "one/src/lib.rs",
                "    #[test]\n    fn adds",
                "    #[test]\n    #[ignore]\n    fn adds",
            )
        },
        exit: 1,
        codes: &["tests-silenced"],
        tests: &[("silenced", &["tests::adds"])],
        ran: (true, false),
    },
    Row {
        what: "a fix",
        change: |repo| repo.edit("one/src/lib.rs", "    n / 3\n", "    n / 2\n"),
        exit: 0,
        codes: &[],
        tests: &[("fixed", &["tests::halves"])],
        ran: (false, false),
    },
    Row {
        what: "integers of another size, whose tests compile all the same",
        change: |repo| {
            repo.edit(
                "two/src/lib.rs",
                "pub fn twice(n: i32) -> i32 {\n    one::add(n, n)",
                "pub fn twice(n: i64) -> i64 {\n    n * 2",
            );
            repo.edit(
                "two/tests/whole.rs",
                "assert_eq!(two::twice(3), 6);",
                "let six: i64 = two::twice(3);\n    assert_eq!(six, 6);",
            );
        },
        exit: 0,
        codes: &[],
        tests: &[],
        ran: (true, false),
    },
    Row {
        what: "a wall in one crate stays there",
        change: |repo| {
            repo.edit("two/src/lib.rs", "pub fn twice", "pub fn double");
            repo.edit("two/src/lib.rs", "super::twice(2)", "super::double(2)");
            repo.edit("two/src/lib.rs", "two::twice(4)", "two::double(4)");
            repo.edit("two/src/macros.rs", "crate::twice", "crate::double");
            repo.edit("two/src/checks.rs", "crate::twice", "crate::double");
            repo.edit("two/tests/whole.rs", "two::twice(3)", "two::double(3)");
            repo.edit(
                "one/src/lib.rs",
                "assert_eq!(half(4), 2)",
                "assert_eq!(half(4), 1)",
            );
        },
        exit: 4,
        codes: &["contract-changed", "fixed-by-tests", "oracle-uncompilable"],
        tests: &[(
            "contract",
            &[
                "tests::halves",
                "tests::doubles",
                "whole::whole",
                "macros::two",
                "macros::four",
                "checks::doubles_one",
                "src/lib.rs::double",
            ],
        )],
        ran: (true, false),
    },
    Row {
        what: "a deleted source takes its tests along",
        change: |repo| {
            repo.remove("two/tests/whole.rs");
            repo.write("two/src/lib.rs", "");
        },
        exit: 4,
        codes: &["contract-removed"],
        tests: &[(
            "contract",
            &[
                "tests::doubles",
                "whole::whole",
                "macros::two",
                "macros::four",
                "checks::doubles_one",
                "src/lib.rs::twice",
            ],
        )],
        ran: (true, false),
    },
    Row {
        what: "targets whose tests are switched off",
        change: |repo| {
            repo.edit(
                "two/Cargo.toml",
                "[dependencies]",
                "[lib]\ntest = false\n[dependencies]",
            );
        },
        exit: 1,
        codes: &["tests-vanished", "harness-changed"],
        tests: &[(
            "vanished",
            &[
                "tests::doubles",
                "macros::two",
                "macros::four",
                "checks::doubles_one",
            ],
        )],
        ran: (true, false),
    },
    Row {
        what: "a test file that its module's declaration alone makes one",
        change: |repo| {
            repo.edit(
                "two/src/lib.rs",
                "one::add(n, n)",
                "one::add(n, n) + (n == 1) as i32",
            );
            repo.edit(
                "two/src/checks.rs",
                "crate::twice(1), 2",
                "crate::twice(1), 3",
            );
            repo.edit("two/src/macros.rs", "two: 1, 2;", "two: 1, 3;");
        },
        exit: 4,
        codes: &["contract-changed"],
        tests: &[("contract", &["macros::two", "checks::doubles_one"])],
        ran: (true, false),
    },
    Row {
        what: "an example in documentation, edited",
        change: |repo| repo.edit("two/src/lib.rs", "two::twice(4), 8", "two::twice(5), 10"),
        exit: 4,
        codes: &["contract-changed"],
        tests: &[("contract", &["src/lib.rs::twice"])],
        ran: (false, false),
    },
    Row {
        what: "an example in documentation that fails",
        change: |repo| {
            repo.edit(
                "two/src/lib.rs",
                "one::add(n, n)",
                "one::add(n, n) + (n == 4) as i32",
            )
        },
        exit: 1,
        codes: &["tests-regressed"],
        tests: &[("regressed", &["src/lib.rs::twice"])],
        ran: (false, false),
    },
];

const NEXTEST: &[Row] = &[
    Row {
        what: "a changed contract in the source itself",
        change: |repo| {
            repo.edit("one/src/lib.rs", "    n / 3\n", "    n * 2\n");
            repo.edit(
                "one/src/lib.rs",
                "assert_eq!(half(4), 2)",
                "assert_eq!(half(4), 8)",
            );
        },
        exit: 4,
        codes: &["fixed-by-tests"],
        tests: &[("contract", &["tests::halves"])],
        ran: (true, false),
    },
    Row {
        what: "a deleted test that would pass",
        change: |repo| repo.remove("two/tests/whole.rs"),
        exit: 1,
        codes: &["tests-vanished"],
        tests: &[("vanished", &["whole::whole"])],
        ran: (true, false),
    },
    Row {
        what: "a wall, of which nextest says nothing but what the compiler does",
        change: |repo| {
            repo.edit("two/src/lib.rs", "pub fn twice", "pub fn double");
            repo.edit("two/src/lib.rs", "super::twice(2)", "super::double(2)");
            repo.edit("two/src/macros.rs", "crate::twice", "crate::double");
            repo.edit("two/src/checks.rs", "crate::twice", "crate::double");
            repo.edit("two/tests/whole.rs", "two::twice(3)", "two::double(3)");
            repo.edit(
                "one/src/lib.rs",
                "assert_eq!(half(4), 2)",
                "assert_eq!(half(4), 1)",
            );
        },
        exit: 4,
        codes: &["fixed-by-tests", "oracle-uncompilable"],
        tests: &[(
            "contract",
            &[
                "tests::halves",
                "tests::doubles",
                "whole::whole",
                "macros::two",
                "macros::four",
                "checks::doubles_one",
            ],
        )],
        ran: (true, false),
    },
    Row {
        what: "a new test of its own target",
        change: |repo| {
            repo.write(
                "two/tests/more.rs",
                "#[test]\nfn more() {\n    assert_eq!(two::twice(5), 10);\n}\n",
            );
        },
        exit: 0,
        codes: &[],
        tests: &[("added", &["more::more"])],
        ran: (false, true),
    },
    Row {
        what: "a test that moves to a file of another name",
        change: |repo| {
            let text = std::fs::read(repo.root().join("two/tests/whole.rs")).unwrap();
            repo.remove("two/tests/whole.rs");
            repo.write("two/tests/all.rs", text);
        },
        exit: 0,
        codes: &[],
        tests: &[],
        ran: (true, false),
    },
];
