//! Every example works as it stands: proposals get the verdicts that are written beside them.

use std::fs;

use passmuster_tests::expectation::{folder, names, proposals};
use passmuster_tests::{TestEnv, tool, workspace};

const REPOS: [&str; 4] = [
    "rust-calculator",
    "python-ledger",
    "node-slugs",
    "python-red",
];

/// Runs every proposal for one project, on one base, and tells all differences at once.
fn check(repo: &str) {
    let env = TestEnv::new();
    let base = env.repo(repo);
    let mut wrong = Vec::new();
    for proposal in proposals(repo) {
        let finished = env.verify(&base, [&proposal.patch]).run();
        let differences = proposal.expectation.differences(&finished);
        if !differences.is_empty() {
            wrong.push(format!(
                "{}:\n  {}\n{}",
                proposal.name,
                differences.join("\n  "),
                finished.err()
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} proposals:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn proposals_for_rust_calculator_get_their_verdicts() {
    check("rust-calculator");
}

#[test]
fn proposals_for_python_ledger_get_their_verdicts() {
    check("python-ledger");
}

#[test]
fn proposals_for_node_slugs_get_their_verdicts() {
    check("node-slugs");
}

#[test]
fn proposals_for_python_red_get_their_verdicts() {
    check("python-red");
}

#[test]
fn every_patch_has_an_expectation_and_every_expectation_a_patch() {
    for repo in REPOS {
        let patches = names(&folder(repo), ".patch");
        assert_eq!(patches, names(&folder(repo), ".expect.toml"), "{repo}");
        assert!(patches.len() >= 4, "{repo} has proposals");
    }
}

#[test]
fn every_folder_of_proposals_belongs_to_a_project() {
    let proposals = workspace().join("examples/proposals");
    let folders = fs::read_dir(proposals).unwrap().map(|entry| entry.unwrap());
    let mut found: Vec<String> = folders
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    let mut expected = REPOS.map(str::to_string);
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_proposals_name_says_what_must_come_of_it() {
    for proposal in REPOS.iter().flat_map(|repo| proposals(repo)) {
        let expected = &proposal.expectation;
        let exit = match expected.verdict.as_str() {
            "pass" => 0,
            "fail" => 1,
            "inconclusive" => 3,
            "review" => 4,
            other => panic!("{}: no verdict is called {other}", proposal.name),
        };
        assert_eq!(expected.exit, exit, "{}", proposal.name);
        assert_eq!(
            expected.verdict == "pass",
            proposal.name.starts_with("good-"),
            "{}",
            proposal.name
        );
        let kinds = ["good-", "contract-", "faulty-", "gaming-"];
        assert!(
            kinds.iter().any(|kind| proposal.name.starts_with(kind)),
            "{}",
            proposal.name
        );
        if proposal.name.starts_with("contract-") {
            assert_eq!(expected.verdict, "review", "{}", proposal.name);
        }
        let speechless = expected.reasons.is_empty() && expected.review.is_empty();
        assert_eq!(
            speechless,
            expected.verdict == "pass",
            "{} has its codes",
            proposal.name
        );
        assert!(
            !expected.title.is_empty() && expected.story.ends_with('.'),
            "{}",
            proposal.name
        );
    }
}

/// An independent look at the patches: git itself takes them, but for those that nothing may take.
#[test]
fn every_other_patch_applies_with_plain_git() {
    let env = TestEnv::new();
    for repo in REPOS {
        let base = env.repo(repo);
        for proposal in proposals(repo) {
            let reasons = &proposal.expectation.reasons;
            let refused = reasons.iter().any(|code| code == "patch-does-not-apply")
                || proposal.name == "gaming-git-hook";
            let mut git = env.command("git");
            git.current_dir(base.root())
                .args(["apply", "--check"])
                .arg(&proposal.patch);
            let applies = git.output().unwrap().status.success();
            assert_eq!(applies, !refused, "{repo}/{}", proposal.name);
        }
    }
}

#[test]
fn the_demo_shows_proposals_that_exist() {
    let text = fs::read_to_string(workspace().join("examples/proposals/demo.toml")).unwrap();
    let demo: toml::Table = toml::from_str(&text).unwrap();
    let repo = demo["repo"].as_str().unwrap();
    let patches = names(&folder(repo), ".patch");
    let shown = demo["proposals"].as_array().unwrap();
    assert!((5..=8).contains(&shown.len()));
    for name in shown {
        assert!(
            patches
                .iter()
                .any(|patch| Some(patch.as_str()) == name.as_str()),
            "{name}"
        );
    }
}

#[test]
fn the_demo_explains_each_of_its_verdicts_and_ends_well() {
    let env = TestEnv::new();
    let finished = env.passmuster(["demo"]).run();
    finished.assert_code(0);
    let said = finished.out();
    let text = fs::read_to_string(workspace().join("examples/proposals/demo.toml")).unwrap();
    let demo: toml::Table = toml::from_str(&text).unwrap();
    for proposal in proposals(demo["repo"].as_str().unwrap()) {
        let is_shown = demo["proposals"]
            .as_array()
            .unwrap()
            .iter()
            .any(|name| name.as_str() == Some(&proposal.name));
        if is_shown {
            assert!(
                said.contains(&proposal.expectation.title),
                "{}: {said}",
                proposal.name
            );
        }
    }
}

#[test]
fn every_policy_to_start_from_is_a_valid_one() {
    let env = TestEnv::new();
    let folder = workspace().join("examples/policies");
    let policies = names(&folder, ".toml");
    assert!(policies.len() >= 4);
    for name in policies {
        let repo = env.empty_repo();
        let text = fs::read_to_string(folder.join(format!("{name}.toml"))).unwrap();
        repo.write("passmuster.toml", &text);
        repo.commit("The policy");
        let finished = env.passmuster(["policy", "check"]).cwd(repo.root()).run();
        assert_eq!(finished.code(), Some(0), "{name}: {}", finished.all());
    }
}

/// The tests' own footing: the projects are green (or red) with the plain tools, as their pages say.
#[test]
fn the_python_projects_are_green_and_red_with_plain_pytest() {
    let env = TestEnv::new();
    for (name, code, said) in [
        ("python-ledger", 0, "19 passed"),
        ("python-red", 1, "1 failed, 6 passed"),
    ] {
        let repo = env.directory(name);
        let mut python = env.command("python");
        let output = python
            .current_dir(repo.root())
            .args(["-m", "pytest", "-q"])
            .output()
            .unwrap();
        let out = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{out}");
        assert!(out.contains(said), "{out}");
    }
}

#[test]
fn the_node_project_is_green_with_plain_node() {
    let env = TestEnv::new();
    let repo = env.directory("node-slugs");
    let mut node = env.command("node");
    let out = tool(node.current_dir(repo.root()).arg("--test"));
    assert!(out.contains("pass 13"), "{out}");
}
