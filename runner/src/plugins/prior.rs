//! What the other checks came to, for plugins that are granted it.

use std::collections::BTreeMap;

use passmuster_policy::comparison::Class;
use passmuster_policy::decide::decide;
use passmuster_policy::evidence::{CheckResult, Evidence};
use passmuster_policy::finding::{Finding, FindingLevel};
use passmuster_policy::policy::{KindName, Policy};
use passmuster_policy::tests::TestStatus;
use passmuster_policy::verdict::{CheckStatus as Own, CheckSummary, TestEntry, Verdict};
use passmuster_wasm::{
    CheckStatus, PriorCheck, PriorFinding, PriorTest, Severity, Side, TestClass,
};

/// Every check that is no plugin, in the order of the policy, as the verdict without plugins has it.
pub(super) fn checks(policy: &Policy, evidence: &Evidence) -> Vec<PriorCheck> {
    let verdict = decide(policy, evidence);
    let others = verdict
        .checks
        .iter()
        .filter(|check| check.kind != KindName::Plugin);
    others
        .map(|check| prior(check, &verdict, evidence))
        .collect()
}

fn prior(check: &CheckSummary, verdict: &Verdict, evidence: &Evidence) -> PriorCheck {
    let own = |finding: &&Finding| finding.check.as_ref() == Some(&check.name);
    PriorCheck {
        name: check.name.clone(),
        kind: check.kind.to_string(),
        status: status(check.status),
        tests: tests(&check.name, verdict, evidence),
        findings: verdict.findings.iter().filter(own).map(finding).collect(),
    }
}

fn status(own: Own) -> CheckStatus {
    match own {
        Own::Passed | Own::NotApplicable => CheckStatus::Passed,
        Own::Failed => CheckStatus::Failed,
        Own::Inconclusive | Own::NotRun => CheckStatus::Inconclusive,
    }
}

/// Tests that the verdict lists, by their class; the rest by what the candidate's run says.
fn tests(check: &str, verdict: &Verdict, evidence: &Evidence) -> Vec<PriorTest> {
    let mut classes: BTreeMap<String, TestClass> = BTreeMap::new();
    let known = evidence.checks.iter().find(|known| known.name == check);
    if let Some(CheckResult::Test(runs)) = known.map(|known| &known.result) {
        for result in runs.candidate.iter().flat_map(|run| &run.tests) {
            let class = match result.status {
                TestStatus::Passed => TestClass::Maintained,
                TestStatus::Failed => TestClass::Preexisting,
                TestStatus::Skipped => TestClass::Skipped,
            };
            classes.insert(result.id.to_string(), class);
        }
    }
    let listed = listed(verdict).filter(|entry| entry.check == check);
    classes.extend(listed.map(|entry| (entry.id.clone(), class(entry.class))));
    classes
        .into_iter()
        .map(|(id, class)| PriorTest { id, class })
        .collect()
}

fn listed(verdict: &Verdict) -> impl Iterator<Item = &TestEntry> {
    verdict.tests.iter().flat_map(|tests| {
        let lists = [
            &tests.regressed,
            &tests.vanished,
            &tests.silenced,
            &tests.fixed,
            &tests.added,
        ];
        let more = [&tests.added_failing, &tests.flaky];
        let measured = tests.broken.iter().chain(&tests.contract);
        lists.into_iter().chain(more).chain(measured).flatten()
    })
}

fn class(own: Class) -> TestClass {
    match own {
        Class::Maintained | Class::Nowhere => TestClass::Maintained,
        Class::Skipped | Class::SkippedGone | Class::AddedSkipped => TestClass::Skipped,
        Class::Regressed => TestClass::Regressed,
        Class::BrokenTest => TestClass::Broken,
        Class::ContractChanged
        | Class::OracleUncompilable
        | Class::ContractRemoved
        | Class::FixedByTests => TestClass::Contract,
        Class::Vanished | Class::FixedDropped | Class::DroppedFailing => TestClass::Vanished,
        Class::Silenced => TestClass::Silenced,
        Class::Fixed | Class::Unskipped => TestClass::Fixed,
        Class::Preexisting => TestClass::Preexisting,
        Class::AddedFailing => TestClass::AddedFailing,
        Class::Added => TestClass::Added,
    }
}

fn finding(own: &Finding) -> PriorFinding {
    PriorFinding {
        rule: own.rule.clone(),
        severity: match own.level {
            FindingLevel::Deny => Severity::Error,
            FindingLevel::Review => Severity::Warning,
            FindingLevel::Note => Severity::Note,
        },
        side: Side::Candidate,
        path: own
            .path
            .as_ref()
            .and_then(|path| path.as_str().map(str::to_owned)),
        line: own.lines.map(|lines| lines.start),
        message: own.message.clone(),
        new: own.new,
    }
}
