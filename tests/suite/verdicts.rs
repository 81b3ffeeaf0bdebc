//! For each framework: an honest fix passes and names what it fixed, a regression fails and names
//! the test, the file and the line.

use passmuster_tests::{TestEnv, testdata};

/// An edit of one file.
struct Edit {
    file: &'static str,
    old: &'static str,
    new: &'static str,
}

struct Case {
    tree: &'static str,
    policy: Option<&'static str>,
    /// A failing test that is committed before, so that the base is red, and its name's end.
    red: Option<Edit>,
    fixed: &'static str,
    fix: Edit,
    regression: Edit,
    regressed: &'static str,
    /// Where the failed assertion stands.
    place: &'static str,
}

#[track_caller]
fn check(case: &Case) {
    let env = TestEnv::new();
    let repo = env.repo(case.tree);
    if let Some(red) = &case.red {
        repo.edit(red.file, red.old, red.new);
        repo.commit("A test that shows the bug");
    }
    let mut options: Vec<std::ffi::OsString> = vec!["--worktree".into()];
    if let Some(policy) = case.policy {
        options.extend(["--policy".into(), testdata("policies").join(policy).into()]);
    }

    repo.edit(case.fix.file, case.fix.old, case.fix.new);
    let (finished, verdict) = env.verify(&repo, &options).verdict();
    finished.assert_code(0);
    verdict.assert_tests("fixed", &[case.fixed]);
    assert_eq!(verdict.0["tests"]["fix_proven"], true, "{verdict}");
    let human = env
        .passmuster(["verify", "--repo"])
        .args([repo.root()])
        .args(&options)
        .run();
    assert!(human.out().contains(case.fixed), "{}", human.all());

    repo.git(["checkout", "--quiet", "."]);
    repo.edit(
        case.regression.file,
        case.regression.old,
        case.regression.new,
    );
    let (finished, verdict) = env.verify(&repo, &options).verdict();
    finished.assert_code(1);
    assert_eq!(verdict.reasons(), ["tests-regressed"], "{verdict}");
    verdict.assert_tests("regressed", &[case.regressed]);
    for format in ["human", "agent"] {
        let said = env
            .passmuster(["verify", "--format", format, "--repo"])
            .args([repo.root()])
            .args(&options)
            .run();
        said.assert_code(1);
        for word in [case.regressed, case.place] {
            assert!(
                said.out().contains(word),
                "{format} says {word}: {}",
                said.all()
            );
        }
    }
}

#[test]
fn pytest_names_the_fixed_and_the_regressed_test_with_file_and_line() {
    check(&Case {
        tree: "python-red",
        policy: None,
        red: None,
        fixed: "tests/test_shelf.py::test_low_stock_is_reported_in_order",
        fix: Edit {
            file: "stock/shelf.py",
            old: "return [name for name, count in self.counts.items() if count < limit]",
            new: "return sorted(name for name, count in self.counts.items() if count < limit)",
        },
        regression: Edit {
            file: "stock/shelf.py",
            old: "count < limit",
            new: "count <= limit",
        },
        regressed: "tests/test_shelf.py::test_the_limit_can_be_given",
        place: "tests/test_shelf.py:44",
    });
}

#[test]
fn unittest_names_the_fixed_and_the_regressed_test_with_file_and_line() {
    check(&Case {
        tree: "unittest-stack",
        policy: None,
        red: None,
        fixed: "test_the_last_item_comes_back_first",
        fix: Edit {
            file: "stack.py",
            old: "pop(0)",
            new: "pop()",
        },
        regression: Edit {
            file: "stack.py",
            old: ">= self.limit",
            new: "> self.limit",
        },
        regressed: "test_the_limit_is_kept",
        place: "tests/test_stack.py:20",
    });
}

const POWERS: Edit = Edit {
    file: "tests/arithmetic.rs",
    old: "#[test]\nfn two_signs_cancel() {",
    new: "#[test]\nfn powers_group_from_the_right() {\n    assert_eq!(evaluate(\"2 ^ 3 ^ 2\"), Ok(512.0));\n}\n\n#[test]\nfn two_signs_cancel() {",
};

fn calculator(policy: Option<&'static str>) -> Case {
    Case {
        tree: "rust-calculator",
        policy,
        red: Some(POWERS),
        fixed: "powers_group_from_the_right",
        fix: Edit {
            file: "src/parser.rs",
            old: "value = value.powf(self.operand()?);",
            new: "value = value.powf(self.power()?);",
        },
        regression: Edit {
            file: "src/parser.rs",
            old: "value -= self.product()?;",
            new: "value -= self.sum()?;",
        },
        regressed: "sums_and_differences_group_from_the_left",
        place: "tests/arithmetic.rs:5",
    }
}

#[test]
fn cargo_test_names_the_fixed_and_the_regressed_test_with_file_and_line() {
    check(&calculator(None));
}

#[test]
fn nextest_names_the_fixed_and_the_regressed_test_with_file_and_line() {
    check(&calculator(Some("nextest.toml")));
}

#[test]
fn node_test_names_the_fixed_and_the_regressed_test_with_file_and_line() {
    check(&Case {
        tree: "node-slugs",
        policy: None,
        red: Some(Edit {
            file: "test/slug.test.js",
            old: "  it('refuses what is not a string'",
            new: "  it('has no hyphen at its cut', () => {\n    assert.equal(slug('a b', { max: 2 }), 'a');\n  });\n\n  it('refuses what is not a string'",
        }),
        fixed: "has no hyphen at its cut",
        fix: Edit {
            file: "src/slug.js",
            old: ".slice(0, max);",
            new: ".slice(0, max).replace(/-$/, '');",
        },
        regression: Edit {
            file: "src/slug.js",
            old: "const words = plain",
            new: "max += 1;\n  const words = plain",
        },
        regressed: "is cut at the given length",
        place: "test/slug.test.js:28",
    });
}

#[test]
fn doctests_keep_their_identity_when_their_line_moves() {
    let env = TestEnv::new();
    let repo = env.repo("rust-calculator");
    repo.edit(
        "src/lib.rs",
        "mod lexer;",
        "// One line more.\n\nmod lexer;",
    );
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(0);
    verdict.assert_tests("added", &[] as &[&str]);
    repo.edit("src/lib.rs", "Ok(14.0)", "Ok(15.0)");
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(1);
    assert_eq!(verdict.count("regressed"), 1, "{verdict}");
}

#[test]
fn a_check_that_is_left_out_is_no_pass() {
    let env = TestEnv::new();
    let repo = env.repo("python-ledger");
    repo.edit("README.md", "Shared expenses", "Common expenses");
    let (finished, verdict) = env
        .verify(&repo, ["--worktree", "--check", "syntax"])
        .verdict();
    finished.assert_code(3);
    assert_eq!(verdict.reasons(), ["partial-run"]);
}

#[test]
fn a_suite_without_tests_is_no_pass() {
    let env = TestEnv::new();
    let repo = env.repo("python-ledger");
    repo.remove("tests/test_money.py");
    repo.remove("tests/test_balances.py");
    repo.commit("No tests");
    repo.edit("README.md", "Shared expenses", "Common expenses");
    let (finished, verdict) = env.verify(&repo, ["--worktree"]).verdict();
    finished.assert_code(3);
    assert_eq!(verdict.reasons(), ["no-tests"]);
}
