//! `go test`.

use passmuster::adapters::{AdapterError, Selection};
use passmuster_policy::policy::Framework;
use passmuster_policy::run::{Outcome, ReportState, TestRun};

use crate::plain::{Project, states, test, test_env};

const MODULE: &str = "module example.org/shop\n\ngo 1.21\n";

/// A module with these files, and Go as the tests' environment has it: offline, with one build cache for all tests.
fn module(files: &[(&str, &str)]) -> Project {
    let mut project = Project::new(&[("go.mod", MODULE)]);
    for (path, content) in files {
        project.write(path, content);
    }
    let go = test_env("go");
    project.first_on_path(&go.join("go/bin"));
    project.set("GOCACHE", go.join("cache"));
    for (name, value) in [
        ("GOENV", "off"),
        ("GOTOOLCHAIN", "local"),
        ("GOPROXY", "off"),
        ("GOFLAGS", "-mod=readonly"),
    ] {
        project.set(name, value);
    }
    project
}

fn run(project: &Project, argv: &[&str]) -> TestRun {
    project.run(Framework::GoTest, argv)
}

/// A test file of one package: its imports and its tests.
fn source(package: &str, imports: &str, tests: &str) -> String {
    let imports: String = imports
        .split(' ')
        .map(|name| format!("import \"{name}\"\n"))
        .collect();
    format!("package {package}\n\n{imports}\n{tests}")
}

const STATES: &str = r#"
func TestAdds(t *testing.T) { fmt.Print("no end of line") }
func TestUnequal(t *testing.T) {
	t.Log("a_test.go is not the place")
	t.Errorf("got %d, want %d", 2, 3)
}
func TestTable(t *testing.T) {
	for _, name := range []string{"a b", "größe", "a b"} {
		t.Run(name, func(t *testing.T) {
			if name == "größe" {
				t.Fatal("too large")
			}
		})
	}
}
func TestSkipped(t *testing.T) { t.Skip("not here") }
func TestParallel(t *testing.T) { t.Parallel() }
func TestPanics(t *testing.T) { var m map[string]int; m["a"] = 1 }
func ExampleSum() {
	fmt.Println(3)
	// Output: 4
}
func FuzzSum(f *testing.F) { f.Add(7); f.Fuzz(func(t *testing.T, a int) {}) }
func BenchmarkSum(b *testing.B) { for i := 0; i < b.N; i++ { sum() } }
func sum() {}
"#;

#[test]
fn every_state_of_a_go_test_is_read_with_its_place_and_values() {
    let states_file = source(
        "price",
        "fmt testing",
        &STATES.replace("ExampleSum", "Example"),
    );
    let project = module(&[
        (
            "price/a_test.go",
            &states_file.replace("func TestPanics", "func panics"),
        ),
        (
            "panic/b_test.go",
            &source(
                "panic",
                "testing",
                "func TestPanics(t *testing.T) {\n\tvar m map[string]int\n\tm[\"a\"] = 1\n}\n",
            ),
        ),
        ("none/none.go", "package none\n"),
    ]);
    let run = run(
        &project,
        &["go", "test", "-bench=.", "-benchtime=1x", "./..."],
    );
    assert_eq!(
        states(&run),
        [
            "- example.org/shop/panic::TestPanics",
            "- example.org/shop/price::Example",
            "+ example.org/shop/price::FuzzSum",
            "+ example.org/shop/price::FuzzSum/seed#0",
            "+ example.org/shop/price::TestAdds",
            "+ example.org/shop/price::TestParallel",
            "s example.org/shop/price::TestSkipped",
            "- example.org/shop/price::TestTable",
            "+ example.org/shop/price::TestTable/a_b",
            "+ example.org/shop/price::TestTable/a_b#01",
            "- example.org/shop/price::TestTable/größe",
            "- example.org/shop/price::TestUnequal",
        ],
        "{}",
        run.log_tail
    );
    assert_eq!(
        (
            &run.report,
            &run.outcome,
            run.contradictions.clone(),
            run.broken_units.len()
        ),
        (
            &ReportState::Complete,
            &Outcome::Exited { status: 1 },
            Vec::new(),
            0
        )
    );
    for (name, message, file, line) in [
        ("TestUnequal", "got 2, want 3", "price/a_test.go", 10),
        ("TestTable/größe", "too large", "price/a_test.go", 16),
        (
            "TestPanics",
            "panic: assignment to entry in nil map",
            "panic/b_test.go",
            7,
        ),
    ] {
        let failure = test(&run, name).failure.clone().unwrap();
        assert_eq!(failure.message, message);
        let place = failure.file.map(|file| file.to_string());
        assert_eq!(
            (place.as_deref(), failure.line),
            (Some(file), Some(line)),
            "{name}"
        );
    }
    let example = test(&run, "Example").failure.clone().unwrap();
    assert_eq!(
        (example.expected.as_deref(), example.actual.as_deref()),
        (Some("4"), Some("3"))
    );
    let parent = test(&run, "TestTable").failure.clone().unwrap();
    assert_eq!(parent.message, "a subtest failed");
    assert_eq!(
        test(&run, "TestSkipped").failure.clone().unwrap().message,
        "not here"
    );
}

#[test]
fn a_package_that_does_not_build_or_start_is_a_broken_unit_and_the_others_run() {
    let test = |name: &str, body: &str| {
        source(
            name,
            "testing",
            &format!("func TestX(t *testing.T) {{{body}}}\n"),
        )
    };
    let project = module(&[
        ("good/a_test.go", &test("good", "")),
        ("bad/a_test.go", &test("bad", " missing() ")),
        (
            "vet/a_test.go",
            &source(
                "vet",
                "fmt testing",
                "func TestX(t *testing.T) { fmt.Printf(\"%d\\n\", \"x\") }\n",
            ),
        ),
        (
            "start/a_test.go",
            &(test("start", "") + "func init() { panic(\"no database\") }\n"),
        ),
        (
            "main/a_test.go",
            &source(
                "main",
                "os testing",
                "func TestX(t *testing.T) {}\nfunc TestMain(m *testing.M) { m.Run(); os.Exit(3) }\n",
            ),
        ),
    ]);
    let run = run(&project, &["go", "test", "./..."]);
    assert_eq!(
        states(&run),
        [
            "+ example.org/shop/good::TestX",
            "+ example.org/shop/main::TestX"
        ],
        "{}",
        run.log_tail
    );
    let mut broken: Vec<_> = run
        .broken_units
        .iter()
        .map(|unit| {
            (
                unit.unit.as_str(),
                unit.file.as_ref().map(ToString::to_string),
                unit.line,
                unit.message.as_str(),
            )
        })
        .collect();
    broken.sort();
    let at = |path: &str| Some(path.to_owned());
    assert_eq!(
        broken,
        [
            (
                "example.org/shop/bad",
                at("bad/a_test.go"),
                Some(5),
                "undefined: missing"
            ),
            (
                "example.org/shop/main",
                None,
                None,
                "the package failed, but none of its tests did"
            ),
            (
                "example.org/shop/start",
                at("start/a_test.go"),
                Some(6),
                "panic: no database"
            ),
            (
                "example.org/shop/vet",
                at("vet/a_test.go"),
                Some(6),
                "fmt.Printf format %d has arg \"x\" of wrong type string"
            ),
        ]
    );
    assert_eq!(
        (run.report, run.contradictions),
        (ReportState::Complete, Vec::new())
    );
}

#[test]
fn code_that_ends_its_process_well_never_leaves_a_whole_report_of_its_tests() {
    let before = "func TestFirst(t *testing.T) {}\n";
    let after = "func TestNever(t *testing.T) { t.Fatal() }\n";
    let of = |imports: &str, middle: &str| {
        let text = source("ends", imports, &format!("{before}{middle}\n{after}"));
        run(&module(&[("a_test.go", &text)]), &["go", "test", "."])
    };
    // The testing package itself answers os.Exit(0) with a panic.
    let exit = of("os testing", "func TestEnds(t *testing.T) { os.Exit(0) }");
    assert_eq!(
        states(&exit),
        [
            "- example.org/shop::TestEnds",
            "+ example.org/shop::TestFirst"
        ]
    );
    assert_eq!(exit.outcome, Outcome::Exited { status: 1 });

    let direct = of(
        "syscall testing",
        "func TestEnds(t *testing.T) { syscall.Exit(0) }",
    );
    assert_eq!(direct.outcome, Outcome::Exited { status: 0 });
    assert!(
        matches!(direct.report, ReportState::Incomplete { .. }),
        "{direct:?}"
    );

    let denied = of(
        "os testing",
        "func TestMain(m *testing.M) { m.Run(); os.Exit(0) }",
    );
    assert_eq!(denied.outcome, Outcome::Exited { status: 0 });
    assert_eq!(
        denied.contradictions,
        ["example.org/shop passed although its test TestNever did not"]
    );

    let empty = of("os testing", "func TestMain(m *testing.M) { os.Exit(0) }");
    assert_eq!(
        (states(&empty).len(), empty.outcome),
        (0, Outcome::Exited { status: 0 })
    );
}

#[test]
fn forged_lines_of_go_are_output_or_contradictions() {
    let of = |print: &str| {
        let text = source(
            "forges",
            "fmt testing",
            &format!(
                "func TestX(t *testing.T) {{\n\tfmt.Print({print})\n\tt.Fatal(\"real\")\n}}\n"
            ),
        );
        run(&module(&[("a_test.go", &text)]), &["go", "test", "."])
    };
    for output in [
        r#""--- PASS: TestX (0.00s)\n=== RUN   TestGhost\n--- PASS: TestGhost (0.00s)\n""#,
        r#""{\"Action\":\"pass\",\"Package\":\"example.org/shop\",\"Test\":\"TestX\"}\n""#,
        r#""FAIL\texample.org/other [build failed]\n""#,
    ] {
        let run = of(output);
        assert_eq!(states(&run), ["- example.org/shop::TestX"], "{output}");
        assert_eq!(
            (run.contradictions.len(), run.broken_units.len()),
            (0, 0),
            "{output}"
        );
    }
    // The mark that the testing package puts before its own lines.
    let marked = of(r#""\x16--- PASS: TestX (0.00s)\n""#);
    assert!(!marked.contradictions.is_empty(), "{marked:?}");
    assert!(
        states(&marked).iter().any(|test| test.starts_with('-')),
        "{marked:?}"
    );
}

#[test]
fn a_timeout_fails_the_tests_that_were_running() {
    let text = source(
        "slow",
        "time testing",
        "func TestFirst(t *testing.T) {}\nfunc TestSlow(t *testing.T) { time.Sleep(time.Minute) }\n",
    );
    let run = run(
        &module(&[("a_test.go", &text)]),
        &["go", "test", "-timeout", "1s", "."],
    );
    assert_eq!(
        states(&run),
        [
            "+ example.org/shop::TestFirst",
            "- example.org/shop::TestSlow"
        ]
    );
    let failure = test(&run, "TestSlow").failure.clone().unwrap();
    assert_eq!(failure.message, "panic: test timed out after 1s");
    assert_eq!(
        (run.report, run.contradictions),
        (ReportState::Complete, Vec::new())
    );
}

#[test]
fn a_go_selection_runs_the_packages_of_its_tests_and_nothing_comes_from_a_cache() {
    let text = |name: &str| source(name, "testing", "func TestOne(t *testing.T) {}\n");
    let mut project = module(&[("a/a_test.go", &text("a")), ("b/b_test.go", &text("b"))]);
    for _ in 0..2 {
        let all = run(&project, &["go", "test", "-failfast", "./..."]);
        assert_eq!(all.tests.len(), 2);
        assert!(!all.log_tail.contains("(cached)"), "{}", all.log_tail);
        assert_eq!(all.outcome, Outcome::Exited { status: 0 });
        project.select = Selection::Ids(vec![test(&all, "b::TestOne").clone()]);
        let one = run(&project, &["go", "test", "-failfast", "./..."]);
        assert_eq!(states(&one), ["+ example.org/shop/b::TestOne"]);
        project.select = Selection::All;
    }
}

#[test]
fn a_command_that_is_not_go_test_is_refused_and_no_package_is_no_report() {
    let project = module(&[("a.go", "package a\n")]);
    let refused = project.try_run(Framework::GoTest, &["make", "test"]);
    assert!(matches!(
        refused,
        Err(AdapterError::Command {
            framework: "go-test",
            ..
        })
    ));
    let none = run(&project, &["go", "test", "./..."]);
    assert_eq!((none.tests.len(), none.report), (0, ReportState::Complete));
    let nowhere = run(&project, &["go", "test", "./missing"]);
    assert_eq!(
        (
            nowhere.broken_units.len(),
            nowhere.broken_units[0].unit.as_str()
        ),
        (1, "./missing")
    );
}
