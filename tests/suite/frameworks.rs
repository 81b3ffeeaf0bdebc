//! Go, vitest and jest through whole verifications: what a change did to the tests is told whatever their framework, and none
//! of it passes by ending the test process well.

use passmuster_tests::environment::test_env;
use passmuster_tests::{Finished, Repository, TestEnv, Verdict};

/// An edit of one file and what must come of it.
struct Case {
    file: &'static str,
    old: &'static str,
    new: &'static str,
    reasons: &'static [&'static str],
    /// A class of tests, and the endings of those in it.
    class: &'static str,
    tests: &'static [&'static str],
    /// What the report for people says besides.
    said: &'static str,
}

fn verify(env: &TestEnv, repo: &Repository<'_>) -> (Finished, Verdict) {
    env.verify(repo, ["--worktree"]).verdict()
}

/// Each edit on its own, on one base.
#[track_caller]
fn check(env: &TestEnv, repo: &Repository<'_>, cases: &[Case]) {
    for case in cases {
        repo.edit(case.file, case.old, case.new);
        let (finished, verdict) = verify(env, repo);
        assert_eq!(verdict.reasons(), case.reasons, "{} {verdict}", case.new);
        finished.assert_code(i32::from(!case.reasons.is_empty()));
        if !case.class.is_empty() {
            verdict.assert_tests(case.class, case.tests);
        }
        let human = env
            .passmuster(["verify", "--worktree", "--repo"])
            .args([repo.root()])
            .run();
        assert!(
            human.out().contains(case.said),
            "{} {}",
            case.new,
            human.all()
        );
        repo.git(["checkout", "--quiet", "."]);
    }
}

const GO: &str = "package cart

// Total is the sum of prices.
func Total(prices []int) int {
	sum := 0
	for _, price := range prices {
		sum += price
	}
	return sum
}
";

const GO_TESTS: &str = "package cart

import \"testing\"

func TestEmpty(t *testing.T) {
	if got := Total(nil); got != 0 {
		t.Errorf(\"got %d, want 0\", got)
	}
}

func TestSums(t *testing.T) {
	for _, name := range []string{\"one\", \"two\"} {
		t.Run(name, func(t *testing.T) {
			if got := Total([]int{1, 2}); got != 3 {
				t.Errorf(\"got %d, want 3\", got)
			}
		})
	}
}
";

/// A machine with the tests' Go.
fn with_go() -> TestEnv {
    let mut env = TestEnv::new();
    env.first_on_path(&test_env("go").join("go/bin"));
    env
}

/// A module, and the build cache that `make test-env` filled, copy-on-write.
fn go_module(env: &TestEnv) -> Repository<'_> {
    let cache = test_env("go").join("cache");
    let cache = cache.display();
    let repo = env.empty_repo();
    repo.write(
        "passmuster.toml",
        format!(
            "version = 1\nextends = [\"go\"]\n[sandbox]\ntoolchains = [\"go\"]\ncaches = [\"{cache}\"]\nenv = {{ GOCACHE = \"{cache}\" }}\n\
             [[check]]\nname = \"tests\"\nkind = \"test\"\nframework = \"go-test\"\nrun = [\"go\", \"test\", \"./...\"]\n"
        ),
    );
    write_go(&repo);
    repo.commit("The base");
    repo
}

fn write_go(repo: &Repository<'_>) {
    repo.write("go.mod", "module example.org/shop\n\ngo 1.21\n");
    repo.write("cart/cart.go", GO);
    repo.write("cart/cart_test.go", GO_TESTS);
}

#[test]
fn go_test_tells_what_a_change_did_to_each_test() {
    let env = with_go();
    let repo = go_module(&env);
    check(
        &env,
        &repo,
        &[
            Case {
                file: "cart/cart.go",
                old: "sum += price",
                new: "sum = sum + price",
                reasons: &[],
                class: "regressed",
                tests: &[],
                said: "pass",
            },
            Case {
                file: "cart/cart.go",
                old: "sum += price",
                new: "sum -= price",
                reasons: &["tests-regressed"],
                class: "regressed",
                tests: &["TestSums", "TestSums/one", "TestSums/two"],
                said: "cart/cart_test.go:15",
            },
            Case {
                file: "cart/cart.go",
                old: "sum += price",
                new: "sum += price + missing",
                reasons: &["tests-regressed"],
                class: "regressed",
                tests: &["TestEmpty", "TestSums", "TestSums/one", "TestSums/two"],
                said: "cart/cart.go:7",
            },
            Case {
                file: "cart/cart_test.go",
                old: "\"one\", \"two\"",
                new: "\"one\"",
                reasons: &["tests-vanished"],
                class: "vanished",
                tests: &["TestSums/two"],
                said: "TestSums/two",
            },
            Case {
                file: "cart/cart_test.go",
                old: "func TestEmpty(t *testing.T) {",
                new: "func TestEmpty(t *testing.T) {\n\tt.Skip(\"later\")",
                reasons: &["tests-silenced"],
                class: "silenced",
                tests: &["TestEmpty"],
                said: "TestEmpty",
            },
            Case {
                file: "cart/cart.go",
                old: "// Total is the sum of prices.",
                new: "import \"syscall\"\n\nfunc init() { syscall.Exit(0) }",
                reasons: &["tests-vanished"],
                class: "vanished",
                tests: &["TestEmpty", "TestSums", "TestSums/one", "TestSums/two"],
                said: "TestEmpty",
            },
            Case {
                file: "cart/cart.go",
                old: "// Total is the sum of prices.\nfunc Total(prices []int) int {",
                new: "import \"syscall\"\n\nfunc Total(prices []int) int {\n\tsyscall.Exit(0)",
                reasons: &["report-missing"],
                class: "",
                tests: &[],
                said: "example.org/shop/cart has no end",
            },
        ],
    );
}

#[test]
fn a_go_module_without_a_policy_is_built_once_and_tested_test_by_test() {
    let env = with_go();
    let repo = env.empty_repo();
    write_go(&repo);
    repo.commit("The base");
    repo.edit("cart/cart.go", "sum += price", "sum -= price");
    let (finished, verdict) = env
        .verify(&repo, ["--worktree", "--policy", "auto"])
        .verdict();
    finished.assert_code(1);
    assert_eq!(verdict.reasons(), ["tests-regressed"], "{verdict}");
    verdict.assert_tests("regressed", &["TestSums", "TestSums/one", "TestSums/two"]);
}

const JAVASCRIPT: &str = "exports.total = (prices) => {
  let sum = 0;
  for (const price of prices) sum += price;
  return sum;
};
";

const JAVASCRIPT_TESTS: &str = "const { total } = require('../src/cart.js');

test('an empty cart costs nothing', () => {
  expect(total([])).toBe(0);
});

describe('a cart', () => {
  test.each([[1], [2]])('sums up twice %i', (price) => {
    expect(total([price, price])).toBe(price * 2);
  });
});
";

/// The packages that `make test-env` installed, linked into the tree by a step.
fn javascript<'a>(env: &'a TestEnv, framework: &str, run: &str) -> Repository<'a> {
    let place = test_env("node");
    let place = place.display();
    let repo = env.empty_repo();
    repo.write(
        "passmuster.toml",
        format!(
            "version = 1\nextends = [\"node\"]\n[sandbox]\nread = [\"{place}\"]\n\
             [[prepare]]\nname = \"packages\"\nrun = [\"ln\", \"-s\", \"{place}/node_modules\", \"node_modules\"]\ninputs = [\"package.json\"]\n\
             [[check]]\nname = \"tests\"\nkind = \"test\"\nframework = \"{framework}\"\nrun = [{run}]\n"
        ),
    );
    repo.write("package.json", "{ \"name\": \"shop\" }\n");
    repo.write("src/cart.js", JAVASCRIPT);
    repo.write("test/cart.test.js", JAVASCRIPT_TESTS);
    repo.commit("The base");
    repo
}

/// What both runners say of the same changes.
fn javascript_cases() -> Vec<Case> {
    vec![
        Case {
            file: "src/cart.js",
            old: "sum += price",
            new: "sum = sum + price",
            reasons: &[],
            class: "regressed",
            tests: &[],
            said: "pass",
        },
        Case {
            file: "src/cart.js",
            old: "sum += price",
            new: "sum = price",
            reasons: &["tests-regressed"],
            class: "regressed",
            tests: &["sums up twice 1", "sums up twice 2"],
            said: "test/cart.test.js:9",
        },
        Case {
            file: "src/cart.js",
            old: "let sum = 0;",
            new: "let sum = = 0;",
            reasons: &["tests-regressed"],
            class: "regressed",
            tests: &[
                "an empty cart costs nothing",
                "sums up twice 1",
                "sums up twice 2",
            ],
            said: "test/cart.test.js does not load",
        },
        Case {
            file: "test/cart.test.js",
            old: "[[1], [2]]",
            new: "[[1]]",
            reasons: &["tests-vanished"],
            class: "vanished",
            tests: &["sums up twice 2"],
            said: "sums up twice 2",
        },
        Case {
            file: "test/cart.test.js",
            old: "test('an",
            new: "test.skip('an",
            reasons: &["tests-silenced"],
            class: "silenced",
            tests: &["an empty cart costs nothing"],
            said: "an empty cart costs nothing",
        },
    ]
}

#[test]
fn jest_tells_what_a_change_did_to_each_test() {
    let env = TestEnv::new();
    let repo = javascript(&env, "jest", "\"node\", \"node_modules/jest/bin/jest.js\"");
    let mut cases = javascript_cases();
    cases.push(Case {
        file: "src/cart.js",
        old: "let sum = 0;",
        new: "process.exit(0);",
        reasons: &["report-missing"],
        class: "",
        tests: &[],
        said: "there is no report at all",
    });
    check(&env, &repo, &cases);
}

#[test]
fn vitest_tells_what_a_change_did_to_each_test() {
    let env = TestEnv::new();
    let run = "\"node\", \"node_modules/vitest/vitest.mjs\", \"run\", \"--globals\"";
    let repo = javascript(&env, "vitest", run);
    let mut cases = javascript_cases();
    cases.push(Case {
        file: "src/cart.js",
        old: "let sum = 0;",
        new: "process.exit(0);",
        reasons: &["tests-regressed"],
        class: "regressed",
        tests: &[
            "an empty cart costs nothing",
            "sums up twice 1",
            "sums up twice 2",
        ],
        said: "process.exit unexpectedly called",
    });
    check(&env, &repo, &cases);
}
