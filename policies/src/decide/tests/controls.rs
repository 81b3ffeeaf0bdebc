//! Planted tests: whom an answer counts against, and how far results can be trusted.

use super::*;
use crate::controls::{Answer, Control, Kind};
use crate::policy::Assurance;
use crate::run::TestRun;

/// Controls from words such as `fail+`: the kind, and `+` right, `-` wrong, `?` missing, `~` withheld.
fn planted(words: &str) -> Vec<Control> {
    let control = |word: &str| {
        let (kind, sign) = word.split_at(word.len() - 1);
        let kind = match kind {
            "fail" => Kind::MustFail,
            "pass" => Kind::MustPass,
            "error" => Kind::MustError,
            other => panic!("{other} is no kind"),
        };
        let answer = match sign {
            "+" => Answer::Right,
            "-" => Answer::Wrong {
                said: "passed".to_owned(),
            },
            "?" => Answer::Missing {
                why: "no answer in time".to_owned(),
            },
            "~" => Answer::Withheld,
            other => panic!("{other} is no answer"),
        };
        let place = "the end".to_owned();
        Control {
            place,
            kind,
            answer,
        }
    };
    words.split_whitespace().map(control).collect()
}

fn plant(run: &mut TestRun, words: &str) {
    run.controls = planted(words);
    run.attainable = Assurance::Controlled;
}

fn with(base: &str, after: &str, asked: Option<&str>) -> Evidence {
    let mut runs = tests("a::x=p", "a::x=p");
    plant(&mut runs.base, base);
    plant(candidate(&mut runs), after);
    if let Some(words) = asked {
        let mut run = run("a::x=p");
        plant(&mut run, words);
        runs.oracle = Oracle::Known(Box::new(OracleRun {
            run: Some(run),
            covered: [id("a", "x")].into_iter().collect(),
            ..OracleRun::default()
        }));
    }
    evidence(CheckResult::Test(Box::new(runs)))
}

const ALL: &str = "fail+ pass+ error+";

#[test]
fn an_answer_counts_against_the_change_where_the_base_knew_the_right_one() {
    use Assurance::{Controlled, Reported};
    const FAIL: &str = "fail: controls-violated |";
    for (base, after, oracle, expected, assurance) in [
        (ALL, ALL, None, "pass: |", Controlled),
        (ALL, ALL, Some(ALL), "pass: |", Controlled),
        (ALL, "fail- pass+ error+", None, FAIL, Reported),
        (ALL, "fail+ pass- error+", None, FAIL, Reported),
        (ALL, "fail+ pass+ error-", None, FAIL, Reported),
        (ALL, "fail? pass+ error+", None, FAIL, Reported),
        (ALL, ALL, Some("fail-"), FAIL, Reported),
        (ALL, ALL, Some("fail?"), FAIL, Reported),
        // One process of several.
        (ALL, "fail+ pass+ error+ fail-", None, FAIL, Reported),
        // A suite whose own hooks skip what they do not know.
        (ALL, "fail~ pass~ error~", None, "pass: |", Reported),
        // The base gives no answer either, or a wrong one.
        ("fail?", "fail?", None, "pass: |", Reported),
        ("fail-", "fail-", None, "pass: |", Reported),
        ("fail-", "fail?", None, "pass: |", Reported),
        ("fail~", "fail-", None, "pass: |", Reported),
        ("fail-", "fail+", None, "pass: |", Reported),
        // Forking works now and then on the base: no answer proves nothing, a wrong one does.
        ("fail+ fail?", "fail?", None, "pass: |", Reported),
        ("fail+ fail?", "fail-", None, FAIL, Reported),
        ("fail+ fail-", "fail-", None, "pass: |", Reported),
        // Kinds vouch for themselves.
        ("fail+ error-", "fail- error-", None, FAIL, Reported),
        // Nothing was planted.
        ("", "", None, "pass: |", Reported),
        ("", "fail-", None, "pass: |", Reported),
        (ALL, "", None, "pass: |", Reported),
        (ALL, ALL, Some(""), "pass: |", Reported),
    ] {
        let verdict = decide(&policy(TEST), &with(base, after, oracle));
        let row = format!("{base} → {after}, {oracle:?}");
        assert_eq!(shown(&verdict), expected, "{row}");
        assert_eq!(verdict.checks[0].assurance, Some(assurance), "{row}");
    }
}

#[test]
fn controls_are_counted_and_those_that_speak_against_the_change_are_named() {
    let controls = |base, after, oracle| {
        let verdict = decide(&policy(TEST), &with(base, after, oracle));
        verdict
            .controls
            .map(|all| (all.planted, all.answered, all.violated))
    };
    assert_eq!(controls(ALL, ALL, Some(ALL)), Some((6, 6, Vec::new())));
    assert_eq!(controls(ALL, "", None), None);
    let violated = "t: the end: must-fail said passed".to_owned();
    let open = "t: the end: must-pass did not answer: no answer in time".to_owned();
    assert_eq!(
        controls(ALL, "fail- pass? error~", None),
        Some((3, 1, vec![violated, open]))
    );
    assert_eq!(
        controls("fail?", "fail? ", None),
        Some((1, 0, Vec::new())),
        "open on the base too"
    );
}

#[test]
fn what_accuses_nobody_is_said_where_the_check_s_runs_are() {
    let notes = |base, after| {
        let verdict = decide(&policy(TEST), &with(base, after, None));
        let notes = verdict.checks[0].runs.iter().map(|note| note.why.clone());
        notes.collect::<Vec<_>>().join("\n")
    };
    let open = notes("fail? pass+", "fail? pass+");
    let said = "1 of 2 controls did not answer as they should; the end: must-fail did not answer: no answer in time";
    assert_eq!(open.matches(said).count(), 2, "{open}");
    assert!(!notes(ALL, ALL).contains("controls"));
}

#[test]
fn a_run_that_broke_off_is_told_by_its_report_and_not_by_what_it_left_unanswered() {
    let mut all = with(ALL, "fail? pass+ error+", None);
    if let CheckResult::Test(runs) = &mut all.checks[0].result {
        candidate(runs).report = ReportState::Incomplete { why: "cut".into() };
    }
    assert_eq!(
        shown(&decide(&policy(TEST), &all)),
        "fail: report-missing |"
    );
}

#[test]
fn a_policy_that_wants_controlled_results_takes_no_others() {
    let text = format!("{TEST}[tests]\nassurance = \"controlled\"\n");
    for (base, after, attainable, expected) in [
        (ALL, ALL, Assurance::Controlled, "pass: |"),
        (
            ALL,
            ALL,
            Assurance::Reported,
            "inconclusive: check-not-run |",
        ),
        (
            ALL,
            "",
            Assurance::Controlled,
            "inconclusive: check-not-run |",
        ),
        (
            ALL,
            "fail~",
            Assurance::Controlled,
            "inconclusive: check-not-run |",
        ),
        (
            "fail?",
            ALL,
            Assurance::Controlled,
            "inconclusive: check-not-run |",
        ),
    ] {
        let mut all = with(base, after, None);
        if let CheckResult::Test(runs) = &mut all.checks[0].result {
            candidate(runs).attainable = attainable;
        }
        let verdict = decide(&policy(&text), &all);
        assert_eq!(shown(&verdict), expected, "{base} → {after} {attainable:?}");
    }
}

#[test]
fn results_that_rest_on_an_exit_status_are_below_what_is_accepted_by_default() {
    let mut all = with(ALL, ALL, None);
    if let CheckResult::Test(runs) = &mut all.checks[0].result {
        candidate(runs).attainable = Assurance::ExitStatus;
    }
    let verdict = decide(&policy(TEST), &all);
    assert_eq!(shown(&verdict), "inconclusive: check-not-run |");
    assert_eq!(verdict.checks[0].assurance, Some(Assurance::ExitStatus));
    let text = format!("{TEST}[tests]\nassurance = \"exit-status\"\n");
    assert_eq!(shown(&decide(&policy(&text), &all)), "pass: |");
}

#[test]
fn a_run_is_repeated_for_an_answer_that_the_base_gave_and_never_for_a_wrong_one() {
    use crate::controls::is_to_be_asked_again;
    let of = |words: &str| {
        let mut run = run("a::x=p");
        plant(&mut run, words);
        run
    };
    for (base, words, expected) in [
        (Some(ALL), ALL, false),
        (Some(ALL), "fail+ pass?", true),
        (Some(ALL), "fail-", false),
        (Some(ALL), "fail~", false),
        (Some("fail?"), "fail?", false),
        (Some("fail? pass+"), "fail? pass?", true),
        (None, "fail?", true),
        (None, "fail-", false),
    ] {
        let base = base.map(of);
        let again = is_to_be_asked_again(base.as_ref(), &of(words));
        assert_eq!(again, expected, "{base:?} {words}");
    }
    let cut = TestRun {
        report: ReportState::Missing,
        ..of("fail?")
    };
    assert!(!is_to_be_asked_again(None, &cut));
}

#[test]
fn no_answer_of_a_control_ever_improves_a_verdict() {
    for after in ["", ALL, "fail?", "fail~"] {
        for more in ["fail-", "pass?", "error~", "fail+"] {
            let one = decide(&policy(TEST), &with(ALL, after, None));
            let other = decide(&policy(TEST), &with(ALL, &format!("{after} {more}"), None));
            assert!(other.verdict >= one.verdict, "{after} and {more}");
        }
    }
}
