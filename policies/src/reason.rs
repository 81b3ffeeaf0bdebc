//! The closed list of reason codes: why a verdict is not a pass.
//!
//! Each code stands once, in [`TABLE`], with its level, its meaning, what to do and an example; `explain`, the
//! reports and the docs are printed from there. The advice for an agent never suggests touching
//! tests, the policy or a floor: an agent may only fix its code or hand over to a human.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::path::RepoPath;

mod example;

/// How strongly a code speaks. Ordered: the greater one decides the verdict's word.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// A human has to look; nothing speaks against the change otherwise.
    Review,
    /// Something could not be measured.
    Inconclusive,
    /// The change is at fault.
    Fail,
    /// The request itself cannot be served: exit status 2, no verdict.
    Usage,
}

/// One row of [`TABLE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The code.
    pub code: ReasonCode,
    /// The code as it is written everywhere.
    pub name: &'static str,
    /// What it does to the verdict.
    pub level: Level,
    /// What it means, one sentence.
    pub meaning: &'static str,
    /// What an agent may do about it.
    pub agent: &'static str,
    /// What a person can do about it.
    pub human: &'static str,
    /// A change that leads to it, and, indented, how the verdict says so: some lines.
    pub example: &'static str,
}

macro_rules! reason_codes {
    ($($variant:ident $name:literal $level:ident : $meaning:literal, $agent:expr, $human:literal;)*) => {
        /// Why a verdict is not a pass. Written in kebab case: `tests-regressed`.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            JsonSchema,
        )]
        pub enum ReasonCode {
            $(#[doc = $meaning] #[serde(rename = $name)] $variant,)*
        }

        /// All codes, in the order of precedence: contrary evidence, tampering, missing evidence,
        /// review; usage last. Reasons of a verdict are listed in this order.
        pub const TABLE: &[Entry] = &[
            $(Entry {
                code: ReasonCode::$variant,
                name: $name,
                level: Level::$level,
                meaning: $meaning,
                agent: $agent,
                human: $human,
                example: example::of(ReasonCode::$variant),
            },)*
        ];
    };
}

/// The agent can act: its code is at fault.
const FIX: &str = "fix the product code, then verify again";
/// The agent cannot act: more attempts change nothing.
const STOP: &str = "stop and tell the human; do not retry unchanged";
/// The agent should hand the decision over.
const ASK: &str = "stop and ask the human for a review; do not retry unchanged";

reason_codes! {
    TestsRegressed "tests-regressed" Fail: "tests that pass on the base fail on the candidate", FIX, "look at the named tests: the change breaks them";
    TestsBroken "tests-broken" Fail: "tests that the change edited fail, while the base's version of them passes", "make the product code satisfy what the change claims, then verify again", "the edited tests are wrong or the change is half done";
    TestsVanished "tests-vanished" Fail: "tests that pass on the base are gone on the candidate", "restore what the change removed, then verify again", "a test was deleted, renamed beyond recognition or is no longer collected; ask why";
    TestsSilenced "tests-silenced" Fail: "tests that pass on the base are skipped on the candidate", "make the named behaviour work again, then verify again", "a skip, an expected failure or an ignore was added; ask why";
    TestsAddedFailing "tests-added-failing" Fail: "tests that are new or were skipped fail on the candidate", FIX, "the change comes with tests that it does not satisfy";
    CommandFailed "command-failed" Fail: "a command check fails on the candidate and not on the base", FIX, "read the log of the named check";
    LintNewFindings "lint-new-findings" Fail: "a linter reports findings that the base does not have", FIX, "look at the named findings";
    PluginFailed "plugin-failed" Fail: "a plugin check found something wrong", FIX, "look at the named findings";
    RuleDenied "rule-denied" Fail: "the change does what a rule of the policy denies", "propose the change without it", "look at the named finding and the policy's rule";
    PrepareFailed "prepare-failed" Fail: "a prepare step fails on the candidate and not on the base", "fix what the change did to the build or its inputs", "read the log of the named step";
    LimitExceeded "limit-exceeded" Fail: "the candidate exceeds a limit that the base stays within", "look for endless loops, leaks or runaway processes in the change", "the change makes the check hang or eat resources; see which limit";
    PatchDoesNotApply "patch-does-not-apply" Fail: "the patch does not apply to the base", "make the patch against the base that the verdict names", "rebase the change on the base that the verdict names";
    ControlsViolated "controls-violated" Fail: "the test results contradict themselves or the runner's controls", "remove whatever interferes with the test run, then verify again", "exit status, report and controls disagree: read the change for code that forges results";
    ReportMissing "report-missing" Fail: "the candidate's test run left no complete report, while the base's did", "find what ends or disturbs the test run, then verify again", "the test runner was ended early or its report was disturbed: read the log";
    PatchUnsafe "patch-unsafe" Fail: "the change names a path that could escape the tree or reach git's own files", "propose the change without the named path", "do not apply this patch anywhere by hand";
    EnvironmentShadowed "environment-shadowed" Fail: "the change writes into what a prepare step made", "propose the change without the named files", "files of the change would replace installed dependencies or build output";
    PolicyInvalidInCandidate "policy-invalid-in-candidate" Fail: "the policy that the change would put in place does not parse", "leave the policy as it is on the base", "the change edits the policy and breaks it";
    SandboxUnavailable "sandbox-unavailable" Inconclusive: "this machine cannot give a protection that the policy requires", STOP, "the message names the step that failed; allow user namespaces for ordinary users, or run as root";
    ToolMissing "tool-missing" Inconclusive: "a program that a check needs is not installed", STOP, "install the named program where the verdict says it was looked for";
    ToolError "tool-error" Inconclusive: "a tool broke down, so it says nothing about the change", STOP, "read the log of the named check";
    ToolchainMismatch "toolchain-mismatch" Inconclusive: "the change asks for a toolchain version that is not installed", STOP, "install the version that the change pins, or refuse the change of the pin";
    PrepareUnavailable "prepare-unavailable" Inconclusive: "a prepare step needs something that cannot be had here", STOP, "fetch the named packages once on this machine, or see the step's `network` and `secrets` in the policy";
    ServiceUnavailable "service-unavailable" Inconclusive: "a service that a check needs did not become ready", STOP, "read the service's log";
    BaselineFailed "baseline-failed" Inconclusive: "the check does not work on the base, so it cannot judge the change", STOP, "make the check work on the base first; the log says what broke";
    BaselineUnhealthy "baseline-unhealthy" Inconclusive: "too many tests fail on the base for a comparison to mean anything", STOP, "repair the base's suite, or list what cannot run here under `unavailable`";
    NoTests "no-tests" Inconclusive: "a test check ran and found no tests", STOP, "correct the check's command, or remove the check";
    CheckNotRun "check-not-run" Inconclusive: "a required check did not run", STOP, "see why it was not run";
    PartialRun "partial-run" Inconclusive: "only some of the required checks were asked for", "verify again with all checks", "verify again without --check";
    EmptyChange "empty-change" Inconclusive: "the candidate equals the base: there is nothing to verify", "make the change first, then verify", "check that the right tree was given";
    ChangedCodeNotTested "changed-code-not-tested" Inconclusive: "the run used another copy of the changed code", STOP, "the environment holds an installed copy or a stale build; make the install editable or drop it";
    PluginError "plugin-error" Inconclusive: "a plugin broke down, so it says nothing about the change", STOP, "tell the plugin's author; the log names the cause";
    SubmoduleMissing "submodule-missing" Inconclusive: "a check fails on the base where a submodule's content is missing", STOP, "run `git submodule update --init` in the repository";
    LfsMissing "lfs-missing" Inconclusive: "a check fails on the base where content kept in git LFS is missing", STOP, "run `git lfs fetch` in the repository";
    Interrupted "interrupted" Inconclusive: "the run was interrupted", "verify again", "verify again";
    ContractChanged "contract-changed" Review: "the change edits tests that its product code fails in the base's version", ASK, "decide whether the behaviour that the old test demands may change";
    ContractRemoved "contract-removed" Review: "the change removes tests that its product code would fail", ASK, "decide whether the behaviour that the removed test demands may go";
    FixedByTests "fixed-by-tests" Review: "a failing test passes only because the change edits the test", ASK, "decide whether the test or the product was wrong";
    DroppedFailing "dropped-failing" Review: "tests that fail on the base are removed or skipped, not fixed", ASK, "decide whether the failing test may go";
    OracleUncompilable "oracle-uncompilable" Review: "the base's tests do not compile against the candidate's product code", ASK, "the change alters an interface that tests use; look at both";
    HarnessChanged "harness-changed" Review: "the change edits what steers the test run", ASK, "look at the named files; they can hide failures";
    ProtectedPath "protected-path" Review: "the change touches paths that the policy protects", ASK, "look at the named files";
    NewDependency "new-dependency" Review: "the change adds a dependency", ASK, "look at the new dependency before it is installed";
    NewSuppression "new-suppression" Review: "the change adds a comment that silences a tool", ASK, "decide whether the suppression is justified";
    SpecialCasing "special-casing" Review: "product code treats a value from the tests specially", ASK, "read the named lines: the change may be written for the test alone";
    SubmoduleChanged "submodule-changed" Review: "the change moves a submodule to another commit, or edits .gitmodules", ASK, "look at the submodule's commits; they are not part of this verdict";
    ChangeTooLarge "change-too-large" Review: "the change has more lines than the policy lets through unseen", ASK, "review it by hand, or ask for smaller changes";
    Flaky "flaky" Review: "a test's outcome is not a function of the tree", ASK, "repair the flaky test";
    PolicyMissing "policy-missing" Usage: "there is no policy", STOP, "run `passmuster init`, or try `--policy auto`";
    PolicyInvalid "policy-invalid" Usage: "the policy does not parse", STOP, "correct the named places of the policy";
    BaseUnknown "base-unknown" Usage: "the base cannot be found", STOP, "name it with --base";
    RepositoryUnreadable "repository-unreadable" Usage: "the repository cannot be read", STOP, "check the path given with --repo and its permissions";
    GrantCoversRepository "grant-covers-repository" Usage: "the policy grants a host path inside or above the repository", STOP, "remove the named path from `read` or `caches`";
    ObjectsMissing "objects-missing" Usage: "git objects that the base or the candidate need are not here", STOP, "fetch them with the command that the message names";
}

impl ReasonCode {
    /// This code's row.
    pub fn entry(self) -> &'static Entry {
        // The macro writes the enum and the table from one list, in one order.
        &TABLE[self as usize]
    }

    /// What the code does to the verdict.
    pub fn level(self) -> Level {
        self.entry().level
    }

    /// The code as written.
    pub fn name(self) -> &'static str {
        self.entry().name
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text is no reason code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a reason code")]
pub struct UnknownReasonCode(pub String);

impl FromStr for ReasonCode {
    type Err = UnknownReasonCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let row = TABLE.iter().find(|entry| entry.name == text);
        row.map(|entry| entry.code)
            .ok_or_else(|| UnknownReasonCode(text.to_owned()))
    }
}

/// Why the verdict is fail or inconclusive.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// The code; its level is fail or inconclusive.
    pub code: ReasonCode,
    /// The check it belongs to; none for the change or the run as a whole.
    pub check: Option<String>,
    /// Ids of the tests, findings, steps or paths it is about, sorted.
    pub ids: Vec<String>,
    /// One or two sentences for people: what happened, where.
    pub message: String,
}

/// Something that a human has to look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Review {
    /// The code; its level is review.
    pub code: ReasonCode,
    /// Ids of the tests it is about, sorted.
    pub ids: Vec<String>,
    /// Files it is about, sorted.
    pub files: Vec<RepoPath>,
    /// One or two sentences for people.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_finds_its_own_row_and_reads_back() {
        for entry in TABLE {
            assert_eq!(entry.code.entry(), entry);
            assert_eq!(entry.name.parse(), Ok(entry.code));
            assert_eq!(serde_json::to_value(entry.code).unwrap(), entry.name);
        }
        assert!("no-such-code".parse::<ReasonCode>().is_err());
    }

    #[test]
    fn advice_for_an_agent_never_points_at_tests_policy_or_floors() {
        let tempting = [
            "edit the test",
            "test file",
            "skip",
            "floor",
            "suppress",
            "relax",
            "unavailable`",
        ];
        for entry in TABLE {
            let advice = entry.agent;
            assert!(
                !tempting.iter().any(|word| advice.contains(word)),
                "{}: {advice}",
                entry.name
            );
            let about_policy = advice.contains("policy");
            assert!(
                !about_policy || advice.contains("leave the policy"),
                "{}",
                entry.name
            );
        }
    }

    #[test]
    fn every_code_has_an_example_of_its_own_that_names_it() {
        let mut known = std::collections::BTreeSet::new();
        for Entry { name, example, .. } in TABLE {
            assert!(known.insert(example), "{name}: another code's example");
            let lines: Vec<&str> = example.lines().collect();
            assert!((2..=6).contains(&lines.len()), "{name}: {example}");
            assert!(
                lines.iter().all(|line| line.len() <= 140),
                "{name}: {example}"
            );
            // Shown as the report shows it: indented, behind what the change did.
            let shown = lines.iter().position(|line| {
                line.trim_start_matches("  error [")
                    .trim_start()
                    .starts_with(name)
                    && line.starts_with("  ")
            });
            assert!(shown.is_some_and(|at| at > 0), "{name}: {example}");
        }
    }

    #[test]
    fn the_list_is_exactly_the_contract_of_the_design() {
        let of = |level: Level| TABLE.iter().filter(|entry| entry.level == level).count();
        assert_eq!(
            [
                Level::Fail,
                Level::Inconclusive,
                Level::Review,
                Level::Usage
            ]
            .map(of),
            [17, 17, 13, 6]
        );
    }
}
