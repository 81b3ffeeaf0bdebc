//! Directories that only pytest's `testpaths` make places of tests.

use passmuster_tests::{Repository, TestEnv};

use super::{Row, check};

const POLICY: &str = "version = 1\nextends = [\"python\"]\n[sandbox]\ntoolchains = [\"python\"]\n\
     [[check]]\nname = \"tests\"\nkind = \"test\"\nframework = \"pytest\"\n\
     run = [\"python\", \"-m\", \"pytest\", \"-q\"]\n";

/// Tests, a helper and data lie in `directory`, which pytest is told of; `product` is where the code lies.
fn base<'e>(env: &'e TestEnv, directory: &str, product: &str) -> Repository<'e> {
    let repo = env.empty_repo();
    repo.write("passmuster.toml", POLICY);
    repo.write(
        "pytest.ini",
        format!("[pytest]\ntestpaths = {directory}\npythonpath = . {directory}\n"),
    );
    repo.write(product, "def half(n):\n    return n // 2\n");
    repo.write(
        format!("{directory}/helpers.py"),
        "import json\nimport pathlib\n\nHERE = pathlib.Path(__file__).parent\n\n\
         def cases():\n    return json.loads((HERE / 'cases.json').read_text())\n\n\
         def same(a, b):\n    assert a == b\n",
    );
    repo.write(format!("{directory}/cases.json"), "[[4, 2], [8, 4]]\n");
    for (name, number) in [("small", 6), ("big", 600), ("huge", 60000)] {
        let half = number / 2;
        repo.write(
            format!("{directory}/test_{name}.py"),
            format!(
                "from calc import half\nfrom helpers import cases, same\n\n\
                 def test_{name}():\n    same(half({number}), {half})\n\n\
                 def test_{name}_cases():\n    for n, expected in cases():\n        same(half(n), expected)\n"
            ),
        );
    }
    repo.commit("The base");
    repo
}

#[test]
fn helpers_and_data_in_pytests_own_directories_belong_to_the_tests() {
    let env = TestEnv::new();
    let repo = base(&env, "checks", "calc.py");
    check(
        &repo,
        &env,
        &[
            Row {
                what: "a fault behind a helper that lets everything through",
                change: |repo| {
                    repo.edit("calc.py", "n // 2", "n // 3");
                    repo.edit("checks/helpers.py", "assert a == b", "pass");
                },
                exit: 4,
                codes: &["contract-changed", "harness-changed"],
                tests: &[(
                    "contract",
                    &[
                        "::test_small",
                        "::test_small_cases",
                        "::test_big",
                        "::test_big_cases",
                        "::test_huge",
                        "::test_huge_cases",
                    ],
                )],
                ran: (true, false),
            },
            Row {
                what: "data that says what the fault does",
                change: |repo| {
                    repo.edit("calc.py", "n // 2", "n // 2 + (n == 8)");
                    repo.edit("checks/cases.json", "[8, 4]", "[8, 5]");
                },
                exit: 4,
                codes: &["contract-changed", "harness-changed"],
                tests: &[("contract", &["_small_cases", "_big_cases", "_huge_cases"])],
                ran: (true, false),
            },
            Row {
                what: "a better helper",
                change: |repo| {
                    repo.edit(
                        "checks/helpers.py",
                        "assert a == b",
                        "assert a == b, (a, b)",
                    );
                },
                exit: 4,
                codes: &["harness-changed"],
                tests: &[],
                ran: (true, false),
            },
        ],
    );
}

#[test]
fn a_directory_of_the_product_that_pytest_searches_is_no_place_of_tests() {
    let env = TestEnv::new();
    let repo = base(&env, "app", "app/calc.py");
    let broken = Row {
        what: "a fault, with the tests that saw it bent",
        change: |repo| {
            repo.edit("app/calc.py", "n // 2", "n // 2 + (n == 6)");
            repo.edit("app/test_small.py", "same(half(6), 3)", "same(half(6), 4)");
        },
        exit: 4,
        codes: &["contract-changed"],
        tests: &[("contract", &["::test_small"])],
        ran: (true, false),
    };
    check(&repo, &env, &[broken]);
    // A tool beside it is product as well, and does not make tests of what it uses.
    repo.write("tool.py", "from app.calc import half\n");
    repo.write(
        "app/test_tool.py",
        "import tool\n\ndef test_tool():\n    assert tool.half(2) == 1\n",
    );
    repo.git(["checkout", "--quiet", "."]);
    repo.commit("A tool");
    let fixed = Row {
        what: "product that is changed and keeps its word",
        change: |repo| repo.edit("app/calc.py", "return n // 2", "return int(n) // 2"),
        exit: 0,
        codes: &[],
        tests: &[],
        ran: (false, false),
    };
    check(&repo, &env, &[fixed]);
}

#[test]
fn product_beside_more_tests_than_modules_is_not_put_back_unseen() {
    let env = TestEnv::new();
    let repo = env.empty_repo();
    repo.write("passmuster.toml", POLICY);
    repo.write("pytest.ini", "[pytest]\ntestpaths = shop\n");
    repo.write("config/settings.py", "TAX = 2\n");
    repo.write(
        "shop/prices.py",
        "from config.settings import TAX\n\ndef half(n):\n    return n // 2\n\ndef total(n):\n    return n + TAX\n",
    );
    for (name, expected) in [("half", 2), ("total", 6)] {
        repo.write(
            format!("shop/test_{name}.py"),
            &*format!("from shop.prices import {name}\n\ndef test_{name}():\n    assert {name}(4) == {expected}\n"),
        );
    }
    repo.commit("The base");
    let bent = Row {
        what: "a fault, with the test that saw it bent",
        change: |repo| {
            repo.edit("shop/prices.py", "n // 2", "n // 4");
            repo.edit("shop/test_half.py", "== 2", "== 1");
        },
        exit: 4,
        codes: &["harness-changed"],
        tests: &[],
        ran: (true, false),
    };
    check(&repo, &env, &[bent]);
    // The policy can say what the directory is.
    repo.git(["checkout", "--quiet", "."]);
    repo.edit(
        "passmuster.toml",
        "framework =",
        "product = [\"shop/prices.py\"]\nframework =",
    );
    repo.commit("What is product");
    let bent = Row {
        what: "the same where the policy says what is product",
        change: |repo| {
            repo.edit("shop/prices.py", "n // 2", "n // 4");
            repo.edit("shop/test_half.py", "== 2", "== 1");
        },
        exit: 4,
        codes: &["contract-changed"],
        tests: &[("contract", &["::test_half"])],
        ran: (true, false),
    };
    check(&repo, &env, &[bent]);
}
