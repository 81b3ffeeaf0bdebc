//! Every example works as it stands: proposals get the verdicts that are written beside them.

use std::collections::BTreeSet;
use std::fs;

use passmuster_tests::expectation::{Kind, Proposal, REPOS, folder, names, proposals};
use passmuster_tests::rates::{expected, table};
use passmuster_tests::{TestEnv, plain, tool, workspace};

/// How many techniques the list in the proposals' README has.
const TECHNIQUES: u32 = 44;
/// Those that no patch for these projects can show; the README says where they are tested.
const ELSEWHERE: [u32; 2] = [6, 34];

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
fn proposals_for_python_invoices_get_their_verdicts() {
    check("python-invoices");
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
            proposal.kind() == Kind::Good,
            "{}",
            proposal.name
        );
        if proposal.kind() == Kind::Contract {
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

fn all() -> Vec<Proposal> {
    REPOS.into_iter().flat_map(proposals).collect()
}

#[test]
fn there_is_a_gaming_proposal_for_every_technique_and_many_honest_ones() {
    let mut shown = BTreeSet::new();
    for proposal in all() {
        let is_gaming = proposal.kind() == Kind::Gaming;
        let technique = proposal.expectation.technique;
        assert_eq!(technique.is_some(), is_gaming, "{}", proposal.name);
        shown.extend(technique);
    }
    let wanted: BTreeSet<u32> = (1..=TECHNIQUES)
        .filter(|one| !ELSEWHERE.contains(one))
        .collect();
    assert_eq!(shown, wanted);
    let count = |kinds: &[Kind]| {
        all()
            .iter()
            .filter(|one| kinds.contains(&one.kind()))
            .count()
    };
    assert!(count(&[Kind::Gaming]) >= 60);
    assert!(count(&[Kind::Good, Kind::Contract]) >= 40);
}

#[test]
fn the_readme_shows_the_rates_of_these_proposals() {
    let readme = fs::read_to_string(workspace().join("README.md")).unwrap();
    let table = table(&expected());
    assert!(readme.contains(&table), "the README has:\n{table}");
}

#[test]
fn a_story_says_that_the_plain_tool_is_green_only_where_it_is() {
    for proposal in all() {
        let expected = &proposal.expectation;
        let sentences = expected.story.split(['.', ';']);
        let says = sentences
            .filter(|one| one.to_lowercase().contains("plain "))
            .any(|one| one.contains("ends with 0"));
        assert!(
            expected.plain || !says,
            "{}: {}",
            proposal.name,
            expected.story
        );
    }
}

/// `make rates` tries all of them.
#[test]
fn the_plain_commands_do_what_is_written_down() {
    let env = TestEnv::new();
    for repo in REPOS {
        let all = proposals(repo);
        for is_green in [true, false] {
            let Some(one) = all.iter().find(|one| one.expectation.plain == is_green) else {
                continue;
            };
            assert_eq!(
                plain::is_green(&env, repo, &one.patch),
                is_green,
                "{repo}/{}",
                one.name
            );
        }
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
fn the_project_with_unittest_is_green_with_plain_unittest() {
    let env = TestEnv::new();
    let repo = env.directory("python-invoices");
    let mut python = env.command("python");
    tool(python.current_dir(repo.root()).args(["-m", "unittest"]));
}

#[test]
fn the_node_project_is_green_with_plain_node() {
    let env = TestEnv::new();
    let repo = env.directory("node-slugs");
    let mut node = env.command("node");
    let out = tool(node.current_dir(repo.root()).arg("--test"));
    assert!(out.contains("pass 13"), "{out}");
}
