//! Policies read, merged, refused and printed again.

use super::*;

const MINIMAL: &str = "version = 1\n";

fn good(text: &str) -> Policy {
    parse(text, "passmuster.toml").unwrap_or_else(|errors| panic!("{errors}\n---\n{text}"))
}

/// The one door for mistakes: each line of `expected` is `line:column message (help)`.
#[track_caller]
fn bad(text: &str, expected: &[&str]) {
    let errors = parse(text, "p").expect_err("the text has mistakes");
    let found: Vec<String> = errors.0.iter().map(ToString::to_string).collect();
    let found: Vec<&str> = found
        .iter()
        .map(|line| line.trim_start_matches("p:"))
        .collect();
    assert_eq!(found, expected, "\n{text}");
    for error in &errors.0 {
        assert!(error.span.end <= text.len(), "{error:?}");
    }
}

const FULL: &str = r#"
version = 1
extends = ["python"]
[sandbox]
read = ["/opt/data"]
env = { LANG = "C.UTF-8" }
copy = ["node_modules/"]
[limits]
wall = "90s"
output = "1MiB"
[[prepare]]
name = "packages"
run = ["uv", "sync", "--frozen"]
inputs = ["uv.lock", "**/pyproject.toml"]
network = ["packages.example.org:443"]
env = { UV_PROJECT_ENVIRONMENT = "/sandbox/env/venv" }
path = ["/sandbox/env/venv/bin"]
[[prepare]]
name = "build"
run = ["make"]
warm = true
[[check]]
name = "tests"
kind = "test"
framework = "pytest"
run = ["python", "-m", "pytest"]
cwd = "./sub/"
needs = ["packages"]
retries = 1
unavailable = ["*network*"]
tests = ["spec/**"]
limits = { wall = "5m" }
paths = ["**/*.py"]
[[check]]
name = "types"
kind = "command"
run = ["mypy", "."]
required = false
[[service]]
name = "db"
run = ["postgres", "-D", "/sandbox/env/pg"]
ready = { port = 5432 }
checks = ["types"]
[[service]]
name = "cache"
run = ["redis-server"]
[tests]
flaky = "review"
[rules]
protected = ["docs/**"]
"#;

#[test]
fn a_full_policy_reads_and_every_default_is_filled_in() {
    let policy = good(FULL);
    assert_eq!(policy.sandbox.toolchains, [Toolchain::Python]);
    assert_eq!(policy.sandbox.env["TZ"], "UTC");
    assert_eq!(policy.sandbox.env["PYTHONHASHSEED"], "0");
    assert_eq!(policy.sandbox.env["LANG"], "C.UTF-8");
    assert_eq!(policy.sandbox.copy, ["node_modules"]);
    assert_eq!(policy.limits.wall, Some(TimeLimit::Seconds(90)));
    assert_eq!(policy.limits.processes, Some(8192));
    assert_eq!(policy.limits.output, Some(Size::Bytes(1 << 20)));
    let [packages, build] = policy.prepare.as_slice() else {
        panic!("two steps")
    };
    assert_eq!(packages.network, ["packages.example.org:443"]);
    assert!(build.warm && build.inputs.is_none());
    let [tests, types] = policy.check.as_slice() else {
        panic!("two checks")
    };
    assert_eq!(tests.cwd, "sub");
    assert!(tests.required && !types.required);
    assert_eq!(tests.needs.as_deref(), Some(&["packages".to_owned()][..]));
    let limits = tests.limits.over(&policy.limits);
    assert_eq!(limits.wall, Some(TimeLimit::Seconds(300)));
    assert_eq!(limits.open_files, Some(4096));
    let CheckKind::Test(test) = &tests.kind else {
        panic!("a test check")
    };
    assert_eq!((test.framework, test.retries), (Framework::Pytest, 1));
    assert_eq!(policy.tests.flaky, FlakyEffect::Review);
    assert_eq!(policy.tests.max_preexisting, 0.5);
    let protected = policy.rules.protected.patterns();
    assert_eq!(protected, ["passmuster.toml", ".github/**", "docs/**"]);
}

#[test]
fn what_is_printed_parses_to_the_same_policy_with_the_same_digest() {
    for text in [
        FULL,
        MINIMAL,
        "version = 1\nextends = [\"rust\", \"strict\"]\n",
    ] {
        let policy = good(text);
        let printed = policy.to_toml().unwrap();
        let again = good(&printed);
        assert_eq!(again.digest(), policy.digest(), "\n{printed}");
        assert_eq!(again.to_json(), policy.to_json());
    }
}

#[test]
fn the_digest_follows_the_meaning_not_the_text() {
    let one = good("version = 1\n[limits]\nwall = \"60m\"\n[tests]\nflaky = \"note\"\n").digest();
    assert_eq!(
        one,
        good("# c\nversion=1\ntests.flaky='note'\nlimits={wall='1h'}\n").digest()
    );
    assert_ne!(one, good(MINIMAL).digest());
    assert_eq!(one.len(), 64);
}

#[test]
fn every_preset_parses_and_brings_no_check() {
    for preset in PRESETS {
        let policy = good(&format!("version = 1\nextends = [\"{}\"]\n", preset.name));
        assert!(policy.check.is_empty(), "{}", preset.name);
        assert_ne!(
            policy.digest(),
            good(MINIMAL).digest(),
            "{} changes nothing",
            preset.name
        );
    }
}

#[test]
fn every_key_of_a_preset_is_commented() {
    let with_defaults = PRESETS.iter().chain([&preset::DEFAULTS]);
    for preset in with_defaults {
        let mut before = "";
        for line in preset.text.lines() {
            let key = line.contains(" = ");
            assert!(!key || before.starts_with('#'), "{}: {line}", preset.name);
            before = line;
        }
    }
}

#[test]
fn later_presets_and_the_file_win_and_protected_paths_are_joined() {
    let policy =
        good("version = 1\nextends = [\"strict\", \"rust\"]\n[rules]\nmax-changed-lines = 7\n");
    assert_eq!(policy.rules.max_changed_lines, 7);
    assert_eq!(policy.tests.flaky, FlakyEffect::Fail);
    let protected = &policy.rules.protected;
    for path in ["passmuster.toml", "CODEOWNERS", ".cargo/config.toml"] {
        assert!(protected.matches(&path.into()), "{path}");
    }
    let both = good("version = 1\nextends = [\"rust\", \"python\"]\n");
    assert_eq!(
        both.sandbox.toolchains,
        [Toolchain::Python],
        "arrays are replaced"
    );
    assert!(
        both.sandbox.env.contains_key("CARGO_TERM_COLOR"),
        "tables merge by key"
    );
}

#[test]
fn checks_merge_by_name_and_only_with_what_lies_beneath() {
    let source = |name: &str, text: &str| layers::Source {
        name: name.into(),
        text: text.into(),
    };
    let under = source("u", "[[check]]\nname = 'a'\ncwd = 'x'\nrun = ['one']\n");
    let over = source(
        "o",
        "[[check]]\nname = 'a'\nrun = ['two']\n[[check]]\nname = 'b'\n",
    );
    let merged = layers::merge(layers::read(&under).0, layers::read(&over).0);
    let layers::Value::Table(root) = &merged.value else {
        panic!("a table")
    };
    let layers::Value::Array(checks) = &root["check"].node.value else {
        panic!("an array")
    };
    assert_eq!(
        checks.iter().map(layers::Node::name).collect::<Vec<_>>(),
        [Some("a"), Some("b")]
    );
    assert!(checks[0].has("cwd"));
}

#[test]
fn mistakes_are_all_found_and_each_has_its_place() {
    bad(
        "version = 1\nlimit = 3\n[sandbox]\ntoolchain = [\"rust\"]\nisolation = \"ful\"\n\
         [limits]\nopen_files = 1\nwall = \"1 hour\"\noutput = 5\nprocesses = 0\n",
        &[
            "2:1: unknown key `limit` (did you mean `limits`?)",
            "4:1: unknown key `toolchain` in sandbox (did you mean `toolchains`?)",
            "5:13: unknown value `ful` (did you mean `full`?)",
            "7:1: unknown key `open_files` in limits (did you mean `open-files`?)",
            "8:8: `1 hour` is not a duration; write `\"90s\"`, `\"60m\"`, `\"2h\"` or `\"none\"`",
            "9:10: expected a string, found an integer",
            "10:13: 0 is out of range (write at least 1)",
        ],
    );
}

#[test]
fn mistakes_in_checks_and_steps_are_named() {
    bad(
        "version = 1\n[[check]]\nname = \"a\"\nkind = \"command\"\n\
         [[check]]\nname = \"a\"\nkind = \"test\"\nframework = \"pytst\"\nrun = \"pytest -q\"\n\
         [[check]]\nkind = \"command\"\nrun = []\nretries = 2\ncwd = \"../x\"\nneeds = [\"pack\"]\n\
         paths = [\"a[\", 3]\n",
        &[
            "2:1: `run` is missing in check `a` (write the program and its arguments as an array)",
            "6:8: the name `a` is used twice (give each its own name)",
            "8:13: unknown value `pytst` (did you mean `pytest`?)",
            "9:7: expected an array of words (a shell only if written: [\"sh\", \"-c\", …]), found a string",
            "10:1: `name` is missing in check (write a short word; it stands in the verdict)",
            "12:7: the command is empty (write the program and its arguments as an array)",
            "13:1: unknown key `retries` in check (it is a key of `test` checks)",
            "14:7: `../x` leaves the tree (write it relative to the root of the tree)",
            "15:10: there is no prepare step `pack` (there is none at all)",
            "16:10: `a[` is not a glob: unclosed character class; missing ']'",
            "16:16: expected a string, found an integer",
        ],
    );
}

#[test]
fn other_mistakes_are_named() {
    for (text, expected) in [
        ("", "1:1: `version` is missing (write `version = 1`)"),
        (
            "version = 2",
            "1:11: unknown version 2 (this program reads version 1)",
        ),
        (
            "version = \"1\"",
            "1:11: expected an integer, found a string",
        ),
        (
            "version = 1\nextends = [\"pyton\"]",
            "2:12: unknown preset `pyton` (did you mean `python`?)",
        ),
        (
            "version = 1\nextends = [\"go\", \"go\"]",
            "2:11: preset `go` is named twice",
        ),
        (
            "version = 1\ncheck = 3",
            "2:9: expected an array of tables, `[[check]]`, found an integer",
        ),
        (
            "version = 1\n[[prepare]]\nname = \"p\"\nrun = [\"x\"]\nnetwork = [\"h:1\"]",
            "5:11: a step with `network` needs `inputs` (list the manifests and locks that it reads)",
        ),
        (
            "version = 1\n[[prepare]]\nname = \"p\"\nrun = [\"x\"]\nsecrets = [\"T\"]",
            "5:11: a step with `secrets` needs `inputs` (list the files that it reads: a step that sees the change gets no secret)",
        ),
        (
            "version = 1\n[[prepare]]\nname = \"p\"\nrun = [\"x\"]\ninputs = [\"l\"]\nnetwork = [\"*.h:1\"]",
            "6:12: `*.h:1` is not a host with a port (name each host: there are no patterns)",
        ),
        (
            "version = 1\n[[prepare]]\nname = \"p\"\nrun = [\"x\"]\ninputs = [\"l\"]\nsecrets = [\"a=b\"]",
            "6:12: not the name of an environment variable (write the variable's name, such as `REGISTRY_TOKEN`)",
        ),
        (
            "version = 1\n[[check]]\nname = \"t\"\nkind = \"test\"\nframework = \"junit\"\nrun = [\"x\"]",
            "6:7: `run` of a junit check has to name `{report}` (it stands for the path to which the XML is written)",
        ),
        (
            "version = 1\n[[service]]\nname = \"s\"\nrun = [\"x\"]\nchecks = [\"tests\"]",
            "5:11: there is no check `tests` (there is none at all)",
        ),
        (
            "version = 1\n[[service]]\nname = \"s\"\nrun = [\"x\"]\nready = { port = 0 }",
            "5:18: 0 is no port (write the one it listens on)",
        ),
        (
            "version = 1\n[[service]]\nname = \"s\"\nrun = [\"x\"]\nready = { port = 65536 }",
            "5:18: 65536 is out of range",
        ),
        (
            "version = 1\n[[service]]\nname = \"s\"\nrun = [\"x\"]\nready = { file = \"f\" }",
            "5:11: unknown key `file` in service.ready (one of `port`)",
        ),
        (
            "version = 1\n[tests]\nmax-preexisting = 50",
            "3:19: expected a number from 0 to 1, found an integer",
        ),
        (
            "version = 1\n[sandbox]\nread = [\"x\"]",
            "3:9: `x` is not an absolute path (write it from `/`, without `..`)",
        ),
        (
            "version = 1\n[sandbox]\nenv = { A = 1 }",
            "3:13: expected a string, found an integer",
        ),
    ] {
        bad(text, &[expected]);
    }
}

#[test]
fn a_syntax_error_has_its_place_and_nothing_behind_it_is_guessed() {
    let errors = parse("version = 1\n[rules\nprotected = 3\n", "p").unwrap_err();
    assert_eq!(errors.0.len(), 1, "{errors}");
    assert_eq!(errors.0[0].line, 2);
}

#[test]
fn columns_count_characters() {
    bad(
        "version = 1\n\"é\" = 1 # ü\nx = { \"ö\" = 1 }",
        &[
            "2:1: unknown key `é` (one of `extends`, `version`, `sandbox`, `limits`, `prepare`, `service`, `check`, `tests`, `rules`)",
            "3:1: unknown key `x` (one of `extends`, `version`, `sandbox`, `limits`, `prepare`, `service`, `check`, `tests`, `rules`)",
        ],
    );
}

/// A policy that asks for what a row refuses.
fn asking(at: &str, value: &str) -> String {
    let check = "version = 1\n[[check]]\nname = \"c\"\nrun = [\"x\"]\n";
    let prepare = "version = 1\n[[prepare]]\nname = \"p\"\nrun = [\"x\"]\n";
    match at {
        "check.git" => format!("{check}kind = \"command\"\ngit = \"{value}\"\n"),
        "prepare.git" => format!("{prepare}git = \"{value}\"\n"),
        _ => panic!("no example for {at}"),
    }
}

#[test]
fn every_feature_that_is_not_there_yet_is_refused_where_it_is_asked_for() {
    use availability::TABLE;
    for row in TABLE {
        for value in row.values {
            let text = asking(row.at, value);
            let errors = parse(&text, "p").expect_err(&text);
            assert_eq!(errors.0.len(), 1, "{errors}\n{text}");
            assert!(
                errors.0[0]
                    .message
                    .ends_with("is not available in this version"),
                "{errors}"
            );
            assert_eq!(errors.0[0].help, row.instead);
            assert!(!errors.0[0].span.is_empty());
        }
    }
}

#[test]
fn every_limit_can_be_written_for_all_and_for_one_check() {
    let policy = good(
        "version = 1\n[limits]\nwall = \"60m\"\ncpu = \"none\"\nidle = \"5m\"\nmemory = \"75%\"\nprocesses = 8192\n\
         open-files = 4096\ndisk = \"32GiB\"\noutput = \"64MiB\"\n[[check]]\nname = \"c\"\nkind = \"command\"\n\
         run = [\"x\"]\nlimits = { cpu = \"10m\", idle = \"none\", memory = \"1GiB\", disk = \"none\" }\n",
    );
    let limits = policy.check[0].limits.over(&policy.limits);
    assert_eq!(limits.cpu, Some(TimeLimit::Seconds(600)));
    assert_eq!(limits.idle, Some(TimeLimit::Unlimited));
    assert_eq!(limits.memory, Some(Size::Bytes(1 << 30)));
    assert_eq!(limits.disk, Some(Size::Unlimited));
    assert_eq!(policy.limits.memory, Some(Size::Percent(75)));
    assert_eq!(limits.processes, Some(8192));
}

#[test]
fn a_plugin_without_digest_or_with_a_grant_that_is_none_is_refused() {
    bad(
        "version = 1\n[[check]]\nname = \"c\"\nkind = \"plugin\"\nplugin = \"p.wasm\"\ngrants = [\"log\", \"sockets\"]\n",
        &[
            "2:1: `sha256` is missing in check `c` (a plugin is pinned by its digest)",
            "6:18: unknown value `sockets` (one of `trees`, `prior`, `log`)",
        ],
    );
}

#[test]
fn any_text_gives_a_policy_or_errors_inside_the_text() {
    use proptest::prelude::*;
    let words = prop::sample::select(vec![
        "version",
        "=",
        "1",
        "\n",
        "[",
        "]",
        "[[",
        "]]",
        "check",
        "prepare",
        "name",
        "\"a\"",
        "{",
        "}",
        ",",
        "run",
        "kind",
        "\"test\"",
        "limits",
        ".",
        "wall",
        "\"5m\"",
        "env",
        "3.5",
        "é",
        "'",
        "\"",
        "extends",
        "\"rust\"",
        "rules",
        "protected",
        "#",
        "1979-05-27",
        "true",
    ]);
    proptest!(|(parts in prop::collection::vec(words, 0..60))| {
        let text = parts.join(" ");
        if let Err(errors) = parse(&text, "p") {
            prop_assert!(!errors.0.is_empty());
            for error in errors.0 {
                prop_assert!(error.source != "p" || text.get(error.span.clone()).is_some());
            }
        }
    });
}
