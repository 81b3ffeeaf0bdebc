//! Real projects from the package registries: an honest change passes, a seeded regression fails and
//! names the test, a deleted test fails, and what changes tests, manifests and features gets the verdict that it
//! has to get. Before that, the package managers themselves in prepare steps with
//! network. Prints tables in Markdown; ends with 1 where one is wrong.
//!
//! Not part of the ordinary tests, because it needs the registries: `make test-real`. With the word `costs` first it
//! measures only what verdicts cost: `make bench-real`.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal that is test code: an error ends it with its place and cause"
)]

mod clients;
mod costs;
mod fetch;
mod kinds;
mod projects;
mod tables;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use passmuster_tests::{Finished, Repository, TestEnv, Verdict};

use crate::fetch::Surroundings;
use crate::kinds::Kind;
use crate::projects::{Change, PROJECTS, Project};

fn main() -> ExitCode {
    let mut only: Vec<String> = std::env::args().skip(1).collect();
    let costs = only.first().is_some_and(|word| word == "costs");
    only.drain(..usize::from(costs));
    let is_chosen = |name: &str| only.is_empty() || only.iter().any(|one| one == name);
    if costs {
        println!("{COSTS}");
        let chosen = PROJECTS.iter().filter(|project| is_chosen(project.name));
        chosen.for_each(|project| println!("{}", costs::row(project)));
        return ExitCode::SUCCESS;
    }
    let (clients, mut wrong) = clients::measure(is_chosen);
    if !clients.is_empty() {
        println!("| client | caller | hosts | time | verdict |\n|---|---|---|---|---|");
        println!("{}\n", clients.join("\n"));
    }
    let chosen = PROJECTS.iter().filter(|project| is_chosen(project.name));
    let rows: Vec<Row> = chosen.map(measure).collect();
    if !rows.is_empty() {
        println!("{}\n", tables::speed(&rows));
        println!("{}\n", tables::kinds(&rows));
    }
    wrong.extend(rows.iter().flat_map(|row| row.wrong.clone()));
    for problem in &wrong {
        eprintln!("{problem}");
    }
    if wrong.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

const COSTS: &str = "| project | framework | plain run | verdict without controls and inventory | verdict with both |\n|---|---|---|---|---|";

/// What is known of one project in the end.
struct Row {
    project: &'static Project,
    tests: u64,
    plain: Duration,
    first: Duration,
    /// The same change a second time.
    stored: Duration,
    /// Another change, which fails: tests are run again.
    next: Duration,
    verdicts: [String; 3],
    /// What each of the project's proposals got, and how long that took.
    proposals: Vec<(Kind, String, Duration)>,
    wrong: Vec<String>,
}

fn measure(project: &'static Project) -> Row {
    eprintln!("{} {} …", project.name, project.version);
    let env = TestEnv::new();
    let surroundings = Surroundings::new(&env, project);
    let source = surroundings.fetch(project);
    let repo = env.repo_from(&source, project.name);
    let run = Measured {
        env: &env,
        repo: &repo,
        surroundings: &surroundings,
        project,
    };

    let plain = run.plainly();
    let one = std::slice::from_ref;
    let (honest, honest_verdict, first) = run.verify(one(&project.honest), &[]);
    let (again, again_verdict, stored) = run.verify(one(&project.honest), &[]);
    let (anew, anew_verdict, _) = run.verify(one(&project.honest), &["--no-cache"]);
    let (regression, regression_verdict, next) = run.verify(one(&project.regression), &[]);
    let (deletion, deletion_verdict, _) = run.verify(one(&project.deletion), &[]);

    let mut wrong = Vec::new();
    let mut demand = |holds: bool, what: &str, finished: &Finished| {
        if !holds {
            wrong.push(format!("{}: {what}\n{}", project.name, finished.all()));
        }
    };
    demand(
        honest.code() == Some(0),
        "the honest change passes",
        &honest,
    );
    for (finished, verdict) in [(&again, &again_verdict), (&anew, &anew_verdict)] {
        let same = digest(verdict).is_some() && digest(verdict) == digest(&honest_verdict);
        demand(same, "the same change has the same digest again", finished);
    }
    demand(
        regression.code() == Some(1),
        "the regression fails",
        &regression,
    );
    let named = names(&regression_verdict, "regressed", project.regressed);
    demand(named, "the regression's test is named", &regression);
    demand(
        deletion.code() == Some(1),
        "the deleted test fails",
        &deletion,
    );
    let named = names(&deletion_verdict, "vanished", project.vanished);
    demand(named, "the deleted test is named", &deletion);
    let mut proposals = Vec::new();
    for proposal in project.proposals {
        let (finished, verdict, took) = run.verify(proposal.changes, &[]);
        let found = summary(&verdict);
        let what = proposal.kind.title();
        demand(
            found == proposal.expected,
            &format!("{what}: {} and not {found}", proposal.expected),
            &finished,
        );
        let named = proposal
            .named
            .is_none_or(|(class, test)| names(&verdict, class, test));
        demand(named, &format!("{what}: the test is named"), &finished);
        proposals.push((proposal.kind, found, took));
    }

    let verdicts = [&honest_verdict, &regression_verdict, &deletion_verdict].map(summary);
    let tests = honest_verdict
        .as_ref()
        .map_or(0, |verdict| verdict.count("maintained"));
    Row {
        project,
        tests,
        plain,
        first,
        stored,
        next,
        verdicts,
        proposals,
        wrong,
    }
}

fn digest(verdict: &Option<Verdict>) -> Option<&str> {
    verdict.as_ref().map(Verdict::digest)
}

fn names(verdict: &Option<Verdict>, class: &str, test: &str) -> bool {
    verdict
        .as_ref()
        .is_some_and(|v| v.tests(class).iter().any(|id| id.contains(test)))
}

/// The decision and its codes.
fn summary(verdict: &Option<Verdict>) -> String {
    let Some(verdict) = verdict else {
        return "none".to_string();
    };
    let codes = [verdict.reasons(), verdict.review()].concat().join(", ");
    let decision = verdict.decision();
    if codes.is_empty() {
        decision.to_string()
    } else {
        format!("{decision} ({codes})")
    }
}

/// One project's repository, and how it is run.
struct Measured<'a> {
    env: &'a TestEnv,
    repo: &'a Repository<'a>,
    surroundings: &'a Surroundings<'a>,
    project: &'static Project,
}

impl Measured<'_> {
    /// The plain tool on the base, outside of any sandbox; built once before, so that both are warm.
    fn plainly(&self) -> Duration {
        let run = || {
            let (program, args) = self
                .project
                .command
                .split_first()
                .expect("a command has a word");
            let mut command = self.env.command(program);
            command
                .args(args)
                .current_dir(self.repo.root())
                .envs(self.surroundings.variables());
            let started = Instant::now();
            passmuster_tests::tool(&mut command);
            started.elapsed()
        };
        run();
        let elapsed = run();
        self.repo.git(["clean", "--quiet", "-d", "--force", "-x"]);
        elapsed
    }

    /// Makes changes, takes them as a patch, and has it vetted.
    fn verify(
        &self,
        changes: &[Change],
        options: &[&str],
    ) -> (Finished, Option<Verdict>, Duration) {
        for change in changes {
            change.apply(self.repo.root());
        }
        let patch = self.repo.take_patch();
        let mut invocation = self.env.verify(self.repo, ["-"]).args(options).stdin(patch);
        for (name, value) in self.surroundings.variables() {
            invocation = invocation.variable(&name, value);
        }
        let finished = invocation.run();
        let verdict = Verdict::parse(&finished.stdout).ok();
        let elapsed = finished.elapsed;
        (finished, verdict, elapsed)
    }
}
