//! One worked example for each reason code: what a change did, and, indented, how the verdict says it.
//!
//! A `match` over all codes, so that a new one does not compile without its example. Most are the situations of the
//! example proposals and of the tests, in the words that the program has for them.

use super::ReasonCode;

/// Two to six lines.
pub(super) const fn of(code: ReasonCode) -> &'static str {
    match code {
        ReasonCode::TestsRegressed => {
            "A refactoring writes amounts below zero with two minus signs.
  tests-regressed (tests)
    1 test passed on the base and failed on the candidate; tests/test_money.py::test_cents: assert '--3.50' == '-2.50'"
        }
        ReasonCode::TestsBroken => {
            "A change makes its test demand that strangers are refused, and forgets to write the code that refuses them.
Beside the changed code the base's version of the test still passes.
  tests-broken (tests)
    1 test failed as edited, while the base's version passed; tests/test_balances.py::test_strangers: did not raise"
        }
        ReasonCode::TestsVanished => {
            "A change deletes a test that would still pass. Running the tests that are left is green.
  tests-vanished (tests)
    1 test passed on the base and disappeared
  tests/test_balances.py::test_strangers_are_refused
    passed before and is gone, though it would still pass"
        }
        ReasonCode::TestsSilenced => {
            "A change puts `@pytest.mark.skip` above a test that its code fails.
  tests-silenced (tests)
    1 test passed on the base and got skipped"
        }
        ReasonCode::TestsAddedFailing => {
            "A change brings a test for German decimals, and not the code that reads them.
  tests-added-failing (tests)
    1 test failed on the candidate, new or skipped before; tests/test_parsing.py::test_german_decimals: ValueError"
        }
        ReasonCode::CommandFailed => {
            "A change alters a model and brings no migration; the check `migrations` runs `manage.py makemigrations --check`.
  command-failed (migrations)
    it ended with status 1; on the base, it ended with status 0; its last line: Migrations for 'shop':"
        }
        ReasonCode::LintNewFindings => {
            "A change imports `sys` and does not use it. Two findings of the same rule, which the base has, are not held against it.
  lint-new-findings (ruff)
    shop/prices.py:2: `sys` imported but unused (F401)"
        }
        ReasonCode::PluginFailed => {
            "A policy forbids that `domain` imports from `web` (the shipped plugin `layers`). A change does it.
  plugin-failed (layers)
    src/shop/domain/prices.py:1: names the plugin's rule and both parts"
        }
        ReasonCode::RuleDenied => {
            "A change commits a token of a registry, and `[rules] secrets` is `deny`, the default. The token itself is not shown.
  rule-denied
    settings.py:12: looks like a token, with its first characters and its length
What was committed has been seen: take it out of the change, and have it revoked."
        }
        ReasonCode::PrepareFailed => {
            "A change adds a dependency to pyproject.toml and leaves uv.lock as it is; the step `packages` runs `uv sync --frozen`.
On the base the step works.
  prepare-failed (tests)
    prepare step `packages` on the candidate: how it ended, and the first error of its log"
        }
        ReasonCode::LimitExceeded => {
            "A change makes a loop wait for an event that never comes. The base's tests end after a minute.
  limit-exceeded (tests)
    on the candidate, it exceeded the limit `wall`"
        }
        ReasonCode::PatchDoesNotApply => {
            "A patch was made for an older state of the file; a line that it wants to replace is not there any more.
  patch-does-not-apply
    the file and the line where git gave up
subject.base_tree of the verdict is the tree that it has to fit."
        }
        ReasonCode::ControlsViolated => {
            "A module of the product turns every failed report of pytest into a passed one as soon as it is imported.
The runner plants tests that must fail; now they pass.
  controls-violated (tests)
    on the candidate, 12 of 24 planted tests did not answer as they do on the base"
        }
        ReasonCode::ReportMissing => {
            "A module of the product calls `os._exit(0)` when it is imported: the exit status is 0, and no test has run to its end.
  report-missing (tests)
    on the candidate, the run left no whole report"
        }
        ReasonCode::PatchUnsafe => {
            "A patch adds a symbolic link `data` to `/etc/passwd`. Nothing of it is written or run.
  patch-unsafe
    `data`: the symlink's target is absolute (`/etc/passwd`)"
        }
        ReasonCode::EnvironmentShadowed => {
            "The step `packages` installs into `.venv`, and a change adds `.venv/lib/python3.13/site-packages/click/core.py`.
  environment-shadowed (tests)
    the change touches files that a prepare step makes: .venv/lib/python3.13/site-packages/click/core.py"
        }
        ReasonCode::PolicyInvalidInCandidate => {
            "A change writes `retires = 3` into passmuster.toml. It was judged by the base's policy, and the next one would have none.
  policy-invalid-in-candidate
    passmuster.toml:14:1: unknown key `retires`, did you mean `retries`?"
        }
        ReasonCode::SandboxUnavailable => {
            "The runner is started in a container that lets nobody create user namespaces. No code of the change has run.
  sandbox-unavailable
    the step that failed, and the setting or option that helps; `passmuster doctor --fix` prints it"
        }
        ReasonCode::ToolMissing => {
            "The check `ruff` runs `ruff check`, and this machine has no ruff.
  tool-missing (ruff)
    `ruff` is not found, and the directories that were looked in"
        }
        ReasonCode::ToolError => {
            "A linter ends with status 101 and a backtrace instead of a report. Not finding anything is not the same as working.
  tool-error (clippy)
    it ended with status 101, which `ok-exit` does not list; its last line: error: internal compiler error"
        }
        ReasonCode::ToolchainMismatch => {
            "A change sets the channel in rust-toolchain.toml to 1.96, and 1.95 is what is installed.
  toolchain-mismatch
    rust: what the change asks for, and what there is"
        }
        ReasonCode::PrepareUnavailable => {
            "A change upgrades a package in uv.lock; the step `packages` is offline, and the new version is in no cache here.
  prepare-unavailable (tests)
    prepare step `packages` on the candidate: what it could not fetch
Whoever runs Passmuster fetches the package once, or lists its host under `network`."
        }
        ReasonCode::ServiceUnavailable => {
            "The service `postgres` opens its port on neither tree: its data directory was made by another version.
  service-unavailable (tests)
    on the base, the service `postgres` did not become ready: its port, and how long it was waited for"
        }
        ReasonCode::BaselineFailed => {
            "The suite of the base itself does not start: a module that conftest.py imports is not installed.
  baseline-failed (tests)
    on the base, the run ended with an error of its own
No change can be judged by this check until the base is repaired."
        }
        ReasonCode::BaselineUnhealthy => {
            "130 of 200 tests fail with the change and without it, because they want a database that is not there.
  baseline-unhealthy (tests)
    130 of 200 tests fail on both trees; the policy accepts a share of 0.5"
        }
        ReasonCode::NoTests => {
            "The policy runs `pytest unit`, and the directory is called `tests/unit`: pytest collects nothing.
  no-tests (tests)
    there is no test on either tree"
        }
        ReasonCode::CheckNotRun => {
            "A policy has static rules and no check at all.
  check-not-run
    the policy has no check
Rules can find a fault, and nothing has shown that the change works: `passmuster init` writes checks."
        }
        ReasonCode::PartialRun => {
            "`passmuster verify --check tests` leaves out the check `ruff`, which the policy requires.
  partial-run (ruff)
    it was not asked for"
        }
        ReasonCode::EmptyChange => {
            "`passmuster verify` in a working tree without a change, or with a patch that the base has already.
  empty-change
    the candidate equals the base"
        }
        ReasonCode::ChangedCodeNotTested => {
            "A change edits src/shop/prices.py, and the tests import `shop` from an installed copy in site-packages.
They are green, and say nothing of the change.
  changed-code-not-tested (tests)
    the run did not use the changed code: module shop.prices"
        }
        ReasonCode::PluginError => {
            "A plugin reads a file of 2 GiB into memory and reaches its limit.
  plugin-error (sizes)
    which limit, and how much it had
The change may be in order: nobody knows."
        }
        ReasonCode::SubmoduleMissing => {
            "Tests read a grammar from the submodule vendor/grammar, which was never fetched into this clone.
  submodule-missing
    submodules are not here; `git submodule update --init --recursive` gets them"
        }
        ReasonCode::LfsMissing => {
            "Tests read images that git LFS keeps, and this clone has their pointers only.
  lfs-missing
    large files are not here; `git lfs fetch` gets them"
        }
        ReasonCode::Interrupted => {
            "Somebody presses Ctrl-C while the tests run on the candidate. What was measured on the base stays stored.
  interrupted
    the run was interrupted"
        }
        ReasonCode::ContractChanged => {
            "A change lets the deepest in debt come last, and edits two tests to expect just that.
The base's tests fail beside the changed code: is the new order what everybody wants?
  contract-changed
    2 tests passed only as edited by the change"
        }
        ReasonCode::ContractRemoved => {
            "A change cuts off a third decimal silently, and deletes the two tests that forbid it.
  contract-removed
    2 tests disappeared, and would fail"
        }
        ReasonCode::FixedByTests => {
            "Two tests fail on the base because they expect the wrong sum. A change corrects the sum in the tests, and no code.
  fixed-by-tests
    2 tests failed before, and passed only as edited by the change"
        }
        ReasonCode::DroppedFailing => {
            "Two tests have failed for weeks. A change deletes them instead of repairing what they test.
  dropped-failing
    2 tests failed before, and disappeared or got skipped"
        }
        ReasonCode::OracleUncompilable => {
            "A change gives `share()` a third argument and edits all tests that call it. The base's tests do not compile
beside the new code, so they cannot say whether the old behaviour still holds.
  oracle-uncompilable
    4 tests failed to compile in the base's version"
        }
        ReasonCode::HarnessChanged => {
            "A change adds a hook to conftest.py. The base's version was used beside the candidate's, and saw the same results;
what the hook does in the next change is for a person to judge.
  harness-changed
    `conftest.py` steers the test run"
        }
        ReasonCode::ProtectedPath => {
            "A change edits `.github/workflows/ci.yml`, which is protected by default.
  protected-path
    the policy protects `.github/workflows/ci.yml`"
        }
        ReasonCode::NewDependency => {
            "A change adds `reqeusts` to pyproject.toml. Nothing imports it; whoever installs the project runs its code.
  new-dependency
    `reqeusts` is a new dependency; its name looks like `requests`"
        }
        ReasonCode::NewSuppression => {
            "A change silences the linter where it would complain.
  new-suppression
    shop/prices.py:14: `# noqa: E711` silences a tool"
        }
        ReasonCode::SpecialCasing => {
            "A function returns what its test expects for exactly the value that the test has, and is wrong for every other.
  special-casing
    slugs.js:8: the value, and the place in the tests that it comes from"
        }
        ReasonCode::SubmoduleChanged => {
            "A change moves the submodule vendor/grammar to another commit. Its files are not part of the patch.
  submodule-changed
    submodule `vendor/grammar` goes from one commit to the other"
        }
        ReasonCode::ChangeTooLarge => {
            "A change reformats the whole project and fixes one line of it.
  change-too-large
    5210 changed lines; the policy lets 2000 through
Two changes, one of them mechanical, are easier to agree to."
        }
        ReasonCode::Flaky => {
            "A test that asks the clock fails in one of four runs on the candidate, and in none on the base.
With `[tests] flaky = \"review\"` somebody has to look; `note`, the default, only lists it.
  flaky
    1 test failed once among repeated runs, and never on the base"
        }
        ReasonCode::PolicyMissing => {
            "`passmuster verify` in a repository whose base has no passmuster.toml. One that only the change brings does not count.
  error [policy-missing]: and both ways on: `passmuster init`, `--policy auto`"
        }
        ReasonCode::PolicyInvalid => {
            "The base's passmuster.toml has a key that does not exist.
  error [policy-invalid]: passmuster.toml:14:1: unknown key `retires`, did you mean `retries`?"
        }
        ReasonCode::BaseUnknown => {
            "`passmuster verify --head topic` in a clone without a default branch: there is no merge base to start from.
  error [base-unknown]: what was looked for; `--base REV` names one"
        }
        ReasonCode::RepositoryUnreadable => {
            "`passmuster verify --repo /srv/shop` by a user who may not read /srv/shop/.git.
  error [repository-unreadable]: the path, and what the system says"
        }
        ReasonCode::GrantCoversRepository => {
            "A policy has `read = [\"/home/ana\"]`, and the repository is /home/ana/shop: the sandbox would see the working tree.
  error [grant-covers-repository]: the path that covers it"
        }
        ReasonCode::ObjectsMissing => {
            "A CI job makes a shallow clone, and `--base origin/main` is a commit that is not in it.
  error [objects-missing]: which object, and the command that fetches it"
        }
    }
}
