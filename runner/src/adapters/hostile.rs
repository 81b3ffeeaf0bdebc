//! Reports as hostile code would write them: nothing that any of the readers is given makes it panic, hang or keep more
//! than its caps. Property tests and fuzzers make up the bytes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test code, also where a fuzzer runs it"
)]

use std::os::unix::fs::symlink;
use std::path::Path;

use passmuster_policy::run::{Outcome, TestRun, Usage};
use passmuster_policy::tests::Failure;

use super::cargo_records::{self, Kind, Record};
use super::draft::Draft;
use super::libtest_controls::Words;
use super::planted::Planted;
use super::{PhaseEnd, Places};
use super::{
    cargo_messages, cargo_results, go_events, go_sources, js_report, junit, nextest,
    nextest_controls, node, pytest, python, unittest,
};

/// Every reader on the same bytes.
fn all_readers(bytes: &[u8], outcome: &Outcome) -> Vec<TestRun> {
    let directory = tempfile::tempdir().unwrap();
    for name in ["node-1.jsonl", js_report::REPORT, "answer-1"] {
        std::fs::write(directory.path().join(name), bytes).unwrap();
    }
    let planted = Planted::known();
    let sealed = sealed(bytes, planted.clone());
    std::fs::write(directory.path().join(python::REPORT), sealed).unwrap();
    let end = PhaseEnd {
        outcome: outcome.clone(),
        stdout: bytes.to_vec(),
        stderr: bytes.to_vec(),
        stdout_truncated: false,
        leaked: 0,
        usage: Usage::default(),
        reports: directory.path().to_owned(),
    };
    let places = Places {
        tree: "/sandbox/tree".into(),
        lib: "/sandbox/lib".into(),
        report: "/sandbox/report".into(),
    };
    let tree = Path::new("/sandbox/tree");
    let mut runs = vec![
        python::read(&end, &places, tree, pytest::identify, planted.clone()).finish(),
        python::read(&end, &places, tree, unittest::identify, planted).finish(),
        node::read(&end, &places).finish(),
        nextest::read(&end, tree).finish(),
        controlled(&end, tree),
        junit::read(&end, &places, None).finish(),
        js_report::read(&end, tree, None, "jest").finish(),
        go(&end, tree),
    ];
    runs.extend([true, false].map(|doctests| cargo(&end, tree, doctests)));
    runs
}

fn controlled(end: &PhaseEnd, tree: &Path) -> TestRun {
    let mut draft = nextest::read(end, tree);
    nextest_controls::note(&mut draft, &end.reports);
    draft.finish()
}

/// The same lines, as if the process that holds the key had written them.
fn sealed(bytes: &[u8], mut planted: Planted) -> Vec<u8> {
    let lines = bytes.split(|byte| *byte == b'\n');
    let lines: Vec<_> = lines.map(|line| planted.seal.line(line)).collect();
    lines.join(&b'\n')
}

fn go(end: &PhaseEnd, tree: &Path) -> TestRun {
    let named = go_sources::failing_packages(&end.stdout);
    assert!(named.iter().all(|package| !package.starts_with('-')));
    let sources = go_sources::Sources::read(&end.stdout);
    go_events::read(Draft::default(), end, tree, tree, &sources).finish()
}

fn cargo(end: &PhaseEnd, tree: &Path, doctests: bool) -> TestRun {
    let build = cargo_messages::read(&end.stdout, tree);
    let mut draft = Draft::default();
    build.broken.into_iter().for_each(|unit| draft.broken(unit));
    let record = Record {
        kind: Kind::Binary,
        argv: Vec::new(),
        cwd: tree.to_owned(),
        env: Vec::new(),
        manifest: String::new(),
    };
    let unit = "unit".to_owned();
    cargo_results::Reading {
        draft: &mut draft,
        record: &record,
        tree,
        unit,
        doctests,
    }
    .libtest(end, Some(&Words::known("1", "1-2")));
    draft.finish()
}

/// Panics where a reader keeps more than it may, or panics itself.
pub(crate) fn check_report(bytes: &[u8], outcome: &Outcome) {
    for run in all_readers(bytes, outcome) {
        assert!(run.contradictions.len() <= 50);
        for test in &run.tests {
            let failure = test.failure.clone().unwrap_or_default();
            assert!(failure.message.len() <= Failure::MESSAGE_CAP);
            assert!(failure.detail.len() <= Failure::DETAIL_CAP);
        }
        for unit in &run.broken_units {
            assert!(unit.message.len() <= Failure::MESSAGE_CAP);
        }
        assert!(run.tests.windows(2).all(|pair| pair[0].id < pair[1].id));
    }
}

/// The files that make up a recorded launch.
const RECORD: [&str; 4] = ["argv", "cwd", "env", "manifest"];

/// Draws a directory of recorded launches from the bytes, as code that runs beside the recorder could leave it. Panics where
/// the reader does, or where what a link or a pipe says gets into a record.
pub(crate) fn check_records(bytes: &[u8]) {
    let scene = tempfile::tempdir().unwrap();
    let (records, secret) = (scene.path().join("records"), scene.path().join("secret"));
    std::fs::write(&secret, SECRET).unwrap();
    let mut files = bytes.split(|byte| *byte == 0xff);
    for number in 0..4 {
        let record = records.join(number.to_string());
        std::fs::create_dir_all(&record).unwrap();
        for name in RECORD {
            let Some(content) = files.next() else { break };
            let path = record.join(name);
            match content.first() {
                Some(b'L') => symlink(&secret, path).unwrap(),
                Some(b'P') => nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap(),
                Some(b'D') => std::fs::create_dir(path).unwrap(),
                _ => std::fs::write(path, content).unwrap(),
            }
        }
    }
    for record in cargo_records::read(&records).into_iter().flatten() {
        assert!(!format!("{record:?}").contains(SECRET), "{record:?}");
        for kind in ["lib", "test"] {
            let _either = cargo_records::own_harness(&record.manifest, kind, "a");
        }
        let _either = record.variable("CARGO_PKG_NAME");
    }
}

/// What only a link leads to.
const SECRET: &str = "never-in-a-record";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::libtest;
    use super::*;

    /// Pieces that the readers know, so that random lines get past the first check.
    const PIECES: [&str; 52] = [
        r#"{"event": "start", "root": "/sandbox/tree"}"#,
        r#"{"event": "collected", "id": "a.py::t[x]"}"#,
        r#"{"event": "running", "id": "a.py::t[x]"}"#,
        r#"{"event": "result", "id": "a.py::t[x]", "status": "failed", "millis": 1e300, "line": 7, "message": "é"}"#,
        r#"{"event": "result", "id": "", "status": "passed", "millis": -1}"#,
        r#"{"event": "broken", "unit": "../../x.py", "message": "m"}"#,
        r#"{"event": "modules", "used": ["../x", "", "a.py"], "foreign": []}"#,
        r#"{"event": "finish", "status": 0}"#,
        r#"{"event": "asked", "place": "p"}"#,
        r#"{"event": "answers", "place": "p", "forms": ["function"], "lines": ["", " ", "s {\"event\": \"result\", \"id\": \"a.test_babababa\", \"status\": \"passed\"}", " end"]}"#,
        r#"{"event": "withheld", "place": "q"}"#,
        r#"{"event": "beyond"}"#,
        r#"{ "type": "suite", "event": "started", "test_count": 18446744073709551615 }"#,
        r#"{ "type": "test", "event": "started", "name": "src/a.rs - b (line 9999999999)" }"#,
        r#"{ "type": "test", "event": "ok", "name": "src/a.rs - b (line 9999999999)", "exec_time": 1e400 }"#,
        r#"{ "type": "test", "event": "failed", "name": "x", "stdout": "panicked at :::\né" }"#,
        r#"{ "type": "test", "event": "started", "name": "x" }"#,
        r#"{ "type": "bench", "name": "x" }"#,
        r#"{ "type": "suite", "event": "ok", "passed": 18446744073709551615, "failed": 1 }"#,
        r#"{"type":"suite","event":"started","nextest":{"crate":"a","test_binary":"a","kind":"lib"}}"#,
        r#"{"type":"suite","event":"ok","nextest":{"crate":"a","test_binary":"a","kind":"lib"}}"#,
        r#"{"type":"test","event":"started","name":"a::a$t"}"#,
        r#"{"type":"test","event":"failed","name":"a::a$t#99999999999","stdout":"panicked at a:1:2:\n"}"#,
        r#"{"event":"begin","cwd":"/"}"#,
        r#"{"event":"start","name":"t","nesting":18446744073709551615,"file":"/sandbox/tree/a"}"#,
        r#"{"event":"fail","name":"t","nesting":3,"file":"file:///%","error":{"kind":"","message":"","stack":"at (é:1:2)"}}"#,
        r#"{"event":"diagnostic","message":"tests 18446744073709551615","nesting":0}"#,
        r#"{"event":"end"}"#,
        r#"{"reason":"build-finished","success":true}"#,
        r#"{"reason":"compiler-artifact","package_id":"a#@","manifest_path":"/sandbox/tree/Cargo.toml","target":{"kind":[],"name":""},"executable":"x","fresh":true,"profile":{"test":true}}"#,
        r#"{"reason":"compiler-message","package_id":"a","manifest_path":"","target":{"kind":["lib"],"name":"a"},"message":{"message":"m","level":"error","rendered":null,"spans":[{"file_name":"","line_start":0,"is_primary":true}]}}"#,
        r#"{"Action":"start","Package":"a"}"#,
        r#"{"Action":"run","Package":"a","Test":"T/x"}"#,
        r#"{"Action":"output","Package":"a","Test":"T/x","Output":"    é.go:99999999999: .go:1:\n","OutputType":"error"}"#,
        r#"{"Action":"output","Package":"a","Output":"panic: \n\t/:1\ngot:\nwant:\n"}"#,
        r#"{"Action":"fail","Package":"a","Test":"T/x","Elapsed":1e300}"#,
        r#"{"Action":"fail","Package":"a","FailedBuild":"a"}"#,
        r#"{"Action":"build-output","ImportPath":"a","Output":" # b\nx.go:1:é: y\n"}"#,
        "FAIL\ta [build failed]",
        r#"{"success":true,"numTotalTests":18446744073709551615,"testResults":[{"name":"/sandbox/tree/a","status":"failed","message":"\u001b[é ● a:("}]}"#,
        r#"{"testResults":[{"name":"","status":"passed","assertionResults":[{"title":"é","status":"failed","duration":-1,"invocations":0,"failureMessages":["Error: "],"failureDetails":[{"matcherResult":{"expected":null}}]},{"status":"?"}]}]}"#,
        r#"{"errors":[{"message":"","stack":"at (é:1:2)"}],"wasInterrupted":true}"#,
        r#"coverage threshold not met"#,
        "<testsuite name='a'>",
        "<testcase name='&#0;' time='1e999'>",
        "<failure message='&lt;&x;'>",
        "<![CDATA[",
        "]]>",
        "</testcase>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]>",
        "&b;&#xffffffff;",
        "</testsuite>",
    ];

    fn line() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            8 => prop::sample::select(&PIECES[..]).prop_map(|piece| piece.as_bytes().to_vec()),
            2 => (prop::sample::select(&PIECES[..]), any::<prop::sample::Index>(), any::<u8>()).prop_map(
                |(piece, at, byte)| {
                    let mut bytes = piece.as_bytes().to_vec();
                    let at = at.index(bytes.len());
                    bytes.splice(at..=at, [byte]);
                    bytes
                }
            ),
            1 => prop::collection::vec(any::<u8>(), 0..40),
        ]
    }

    fn report() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(line(), 0..40).prop_map(|lines| lines.join(&b'\n'))
    }

    fn record_file() -> impl Strategy<Value = Vec<u8>> {
        const WORDS: [&str; 7] = [
            "L",
            "P",
            "D",
            "/bin/a\0--b",
            "A=b\0=\0c",
            "[lib]\nharness = false",
            "\n",
        ];
        prop_oneof![
            3 => prop::sample::select(&WORDS[..]).prop_map(|word| word.as_bytes().to_vec()),
            1 => prop::collection::vec(0..0xff_u8, 0..20),
        ]
    }

    fn outcome() -> impl Strategy<Value = Outcome> {
        prop_oneof![
            (0..256_i32).prop_map(|status| Outcome::Exited { status }),
            (1..64_i32).prop_map(|signal| Outcome::Signalled { signal }),
        ]
    }

    proptest! {
        #[test]
        fn no_report_makes_a_reader_panic_or_exceed_its_caps(bytes in report(), outcome in outcome()) {
            check_report(&bytes, &outcome);
        }

        #[test]
        fn no_record_of_a_launch_makes_its_reader_panic_or_follow_a_link(
            files in prop::collection::vec(record_file(), 0..16)
        ) {
            check_records(&files.join(&0xff));
        }

        #[test]
        fn whatever_is_printed_a_suite_cannot_lose_a_failure_that_libtest_reported(noise in report()) {
            let real = "{ \"type\": \"suite\", \"event\": \"started\", \"test_count\": 1 }\n\
                        { \"type\": \"test\", \"event\": \"started\", \"name\": \"real\" }\n";
            let end = "\n{ \"type\": \"test\", \"event\": \"failed\", \"name\": \"real\", \"stdout\": \"\" }\n\
                       { \"type\": \"suite\", \"event\": \"failed\", \"passed\": 0, \"failed\": 1, \"ignored\": 0, \"measured\": 0 }\n";
            let bytes = [real.as_bytes(), &noise, end.as_bytes()].concat();
            let events = libtest::read(&bytes);
            let failed = events.ended.iter().any(|ended| {
                ended.name == "real" && ended.status == passmuster_policy::tests::TestStatus::Failed
            });
            prop_assert!(failed || !events.contradictions.is_empty());
        }
    }
}
