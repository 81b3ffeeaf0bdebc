//! From the merged tree to the policy: one function a table, one line a key.

use std::collections::BTreeSet;

use super::fields::{self, Errors, Fields};
use super::layers::{self, Node, Source};
use super::preset::{DEFAULTS, PRESETS, Preset};
use super::*;

/// Reads a policy over the defaults and its presets.
pub(super) fn policy(text: &str, source_name: &str) -> Result<Policy, PolicyErrors> {
    let own = Source {
        name: source_name.to_owned(),
        text: text.to_owned(),
    };
    let presets: Vec<Source> = PRESETS.iter().map(source).collect();
    let defaults = source(&DEFAULTS);
    let errors = Errors::default();
    let (tree, syntax) = layers::read(&own);
    for error in &syntax {
        errors.add(
            &own,
            error.span.clone(),
            error.message.clone(),
            String::new(),
        );
    }
    if !syntax.is_empty() {
        // What stands behind a syntax error is guesswork; its complaints would mislead.
        return Err(errors.into_errors());
    }
    let extends = extends(&tree, &errors);
    let named = extends
        .iter()
        .filter_map(|name| presets.iter().find(|one| one.name == *name));
    let beneath = named.fold(layers::read(&defaults).0, |below, preset| {
        layers::merge(below, layers::read(preset).0)
    });
    let wrote_version = tree.has("version");
    let merged = layers::merge(beneath, tree);
    let policy = document(&merged, extends, wrote_version, &errors);
    match policy {
        Some(policy) if errors.is_empty() => Ok(policy),
        _ => Err(errors.into_errors()),
    }
}

fn source(preset: &Preset) -> Source {
    Source {
        name: preset.name.to_owned(),
        text: preset.text.to_owned(),
    }
}

/// The presets that the file names; complains about unknown and repeated ones.
fn extends(tree: &Node<'_>, errors: &Errors) -> Vec<String> {
    let Some(mut fields) = Fields::of(tree, "", errors) else {
        return Vec::new();
    };
    let read: values::Reader<String> = |node, errors| {
        let name = values::string(node, errors)?;
        if PRESETS.iter().any(|preset| preset.name == name) {
            return Some(name);
        }
        let known: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
        errors.at(
            node,
            format!("unknown preset `{name}`"),
            fields::suggest(&name, &known),
        );
        None
    };
    let Some(node) = fields.node("extends") else {
        return Vec::new();
    };
    let names = values::array(node, errors, read).unwrap_or_default();
    let mut seen = BTreeSet::new();
    for name in names.iter().filter(|name| !seen.insert(*name)) {
        errors.at(
            node,
            format!("preset `{name}` is named twice"),
            String::new(),
        );
    }
    names
}

fn nowhere(_: &str) -> Option<&'static str> {
    None
}

fn document(
    tree: &Node<'_>,
    extends: Vec<String>,
    wrote_version: bool,
    errors: &Errors,
) -> Option<Policy> {
    let mut root = Fields::of(tree, "", errors)?;
    root.node("extends");
    if !wrote_version {
        errors.at(
            &tree.start(),
            "`version` is missing".to_owned(),
            "write `version = 1`".to_owned(),
        );
    }
    let version: u32 = root.get("version", values::whole).unwrap_or(1);
    if version != 1 {
        root.complain(
            "version",
            format!("unknown version {version}"),
            "this program reads version 1",
        );
    }
    let policy = Policy {
        version,
        extends,
        sandbox: root.table("sandbox").map(sandbox).unwrap_or_default(),
        limits: root.table("limits").map(limits).unwrap_or_default(),
        prepare: unique(root.tables("prepare"), prepare),
        service: unique(root.tables("service"), service),
        check: unique(root.tables("check"), read_check),
        tests: root.table("tests").map(tests).unwrap_or_default(),
        rules: root.table("rules").map(rules).unwrap_or_default(),
    };
    references(&mut root, &policy);
    root.finish(nowhere);
    Some(policy)
}

/// Reads each table and complains where two have one name.
fn unique<T>(tables: Vec<Fields<'_, '_>>, read: fn(Fields<'_, '_>) -> Option<T>) -> Vec<T> {
    let mut names = BTreeSet::new();
    for table in &tables {
        if let Some(name) = table.name()
            && !names.insert(name.to_owned())
        {
            let message = format!("the name `{name}` is used twice");
            table.complain("name", message, "give each its own name");
        }
    }
    tables.into_iter().filter_map(read).collect()
}

/// Complains about checks that need a step, or services that name a check, that does not exist.
fn references(root: &mut Fields<'_, '_>, policy: &Policy) {
    let steps: Vec<&str> = policy
        .prepare
        .iter()
        .map(|step| step.name.as_str())
        .collect();
    let checks: Vec<&str> = policy
        .check
        .iter()
        .map(|check| check.name.as_str())
        .collect();
    for mut table in root.tables("check") {
        table.refers_to("needs", "prepare step", &steps);
    }
    for mut table in root.tables("service") {
        table.refers_to("checks", "check", &checks);
    }
}

fn sandbox(mut table: Fields<'_, '_>) -> Sandbox {
    let sandbox = Sandbox {
        isolation: table.get("isolation", values::word).unwrap_or_default(),
        toolchains: table.get("toolchains", values::words).unwrap_or_default(),
        read: table
            .get("read", values::absolute_paths)
            .unwrap_or_default(),
        env: table.get("env", values::environment).unwrap_or_default(),
        caches: table
            .get("caches", values::absolute_paths)
            .unwrap_or_default(),
        copy: table.get("copy", values::tree_paths).unwrap_or_default(),
    };
    table.finish(nowhere);
    sandbox
}

fn limits(mut table: Fields<'_, '_>) -> Limits {
    let limits = Limits {
        wall: table.get("wall", values::parsed),
        cpu: table.get("cpu", values::parsed),
        idle: table.get("idle", values::parsed),
        memory: table.get("memory", values::parsed),
        processes: table.get("processes", values::positive),
        open_files: table.get("open-files", values::positive),
        disk: table.get("disk", values::parsed),
        output: table.get("output", values::parsed),
    };
    table.finish(nowhere);
    limits
}

const HOW_TO_NAME: &str = "write a short word; it stands in the verdict";
const HOW_TO_RUN: &str = "write the program and its arguments as an array";

fn prepare(mut table: Fields<'_, '_>) -> Option<Prepare> {
    let name = table.require("name", values::name, HOW_TO_NAME);
    let run = table.require("run", values::command, HOW_TO_RUN);
    let step = Prepare {
        name: name.clone().unwrap_or_default(),
        run: run.clone().unwrap_or_default(),
        cwd: table.get("cwd", values::tree_path).unwrap_or_default(),
        inputs: table.get("inputs", values::globs),
        network: table.get("network", values::endpoints).unwrap_or_default(),
        secrets: table.get("secrets", values::variables).unwrap_or_default(),
        env: table.get("env", values::environment).unwrap_or_default(),
        path: table
            .get("path", values::absolute_paths)
            .unwrap_or_default(),
        warm: table.get("warm", values::boolean).unwrap_or_default(),
        git: table.get("git", values::word).unwrap_or_default(),
        limits: table.table("limits").map(limits).unwrap_or_default(),
    };
    if !step.network.is_empty() && step.inputs.is_none() {
        let message = "a step with `network` needs `inputs`".to_owned();
        table.complain(
            "network",
            message,
            "list the manifests and locks that it reads",
        );
    }
    if !step.secrets.is_empty() && step.inputs.is_none() {
        let message = "a step with `secrets` needs `inputs`".to_owned();
        table.complain(
            "secrets",
            message,
            "list the files that it reads: a step that sees the change gets no secret",
        );
    }
    table.finish(nowhere);
    name.and(run).map(|_| step)
}

fn service(mut table: Fields<'_, '_>) -> Option<Service> {
    let name = table.require("name", values::name, HOW_TO_NAME);
    let run = table.require("run", values::command, HOW_TO_RUN);
    let ready = table.table("ready").map(|mut ready| {
        let port = ready.get("port", values::whole);
        if port == Some(0) {
            ready.complain(
                "port",
                "0 is no port".to_owned(),
                "write the one it listens on",
            );
        }
        ready.finish(nowhere);
        Ready { port }
    });
    let checks = table.get("checks", values::strings);
    table.finish(nowhere);
    Some(Service {
        name: name?,
        run: run?,
        ready: ready.unwrap_or_default(),
        checks,
    })
}

fn read_check(mut table: Fields<'_, '_>) -> Option<Check> {
    let name = table.require("name", values::name, HOW_TO_NAME);
    let word: Option<KindName> = table.require(
        "kind",
        values::word,
        "one of `test`, `lint`, `command`, `plugin`",
    );
    let run = match word {
        Some(KindName::Plugin) => Some(Vec::new()),
        _ => table.require("run", values::command, HOW_TO_RUN),
    };
    let kind = word.and_then(|word| kind(&mut table, word, run.as_deref()));
    let check = Check {
        name: name.clone().unwrap_or_default(),
        kind: kind.clone().unwrap_or(CheckKind::Command),
        run: run.clone().unwrap_or_default(),
        cwd: table.get("cwd", values::tree_path).unwrap_or_default(),
        env: table.get("env", values::environment).unwrap_or_default(),
        limits: table.table("limits").map(limits).unwrap_or_default(),
        needs: table.get("needs", values::strings),
        git: table.get("git", values::word).unwrap_or_default(),
        required: table.get("required", values::boolean).unwrap_or(true),
        paths: table.get("paths", values::globs),
    };
    if word.is_some() {
        table.finish(kind_of_key);
    }
    name.and(kind).and(run).map(|_| check)
}

/// Where a key belongs that only one kind of check has.
fn kind_of_key(key: &str) -> Option<&'static str> {
    match key {
        "framework" | "retries" | "unavailable" | "tests" | "harness" | "product" => {
            Some("it is a key of `test` checks")
        }
        "report" | "report-from" | "ok-exit" | "gate" => Some("it is a key of `lint` checks"),
        "plugin" | "sha256" | "grants" | "config" | "may-skip" | "fuel" => {
            Some("it is a key of `plugin` checks")
        }
        "network" | "inputs" | "warm" => Some("it is a key of `[[prepare]]`"),
        _ => None,
    }
}

fn kind(table: &mut Fields<'_, '_>, word: KindName, run: Option<&[String]>) -> Option<CheckKind> {
    match word {
        KindName::Test => test_check(table, run).map(CheckKind::Test),
        KindName::Lint => lint_check(table, run).map(CheckKind::Lint),
        KindName::Command => Some(CheckKind::Command),
        KindName::Plugin => plugin_check(table).map(CheckKind::Plugin),
    }
}

/// Stands in `run` for the path of the report.
const REPORT: &str = "{report}";

fn names_report(run: Option<&[String]>) -> bool {
    // A missing or broken `run` has its own complaint.
    run.is_none_or(|run| run.iter().any(|word| word.contains(REPORT)))
}

fn test_check(table: &mut Fields<'_, '_>, run: Option<&[String]>) -> Option<TestCheck> {
    let known = "for instance `pytest`, `cargo-test`, `node-test`, or `junit` for any other";
    let framework = table.require("framework", values::word, known);
    let check = TestCheck {
        framework: framework.unwrap_or(Framework::Junit),
        retries: table.get("retries", values::whole).unwrap_or(3),
        unavailable: table.get("unavailable", values::globs).unwrap_or_default(),
        tests: table.get("tests", values::globs).unwrap_or_default(),
        harness: table.get("harness", values::globs).unwrap_or_default(),
        product: table.get("product", values::globs).unwrap_or_default(),
    };
    if framework == Some(Framework::Junit) && !names_report(run) {
        let message = "`run` of a junit check has to name `{report}`".to_owned();
        table.complain(
            "run",
            message,
            "it stands for the path to which the XML is written",
        );
    }
    framework.map(|_| check)
}

const HOW_TO_REPORT: &str = "write the format of the linter's report; only `ruff format`, `cargo fmt`, `rustfmt` and \
    `prettier` with `--check` need none, and for any other tool without one there is `kind = \"command\"`";

fn lint_check(table: &mut Fields<'_, '_>, run: Option<&[String]>) -> Option<LintCheck> {
    let report: Option<ReportFormat> = match run.and_then(Formatter::of) {
        Some(_) => table.get("report", values::word),
        None => table.require("report", values::word, HOW_TO_REPORT),
    };
    let known = report.is_some() || run.and_then(Formatter::of).is_some();
    let report_from = table.get("report-from", values::word).unwrap_or_default();
    let ok_exit = table
        .get("ok-exit", values::integers)
        .unwrap_or_else(check::zero_and_one);
    let gate = table.get("gate", values::word).unwrap_or_default();
    if report_from == ReportFrom::File && !names_report(run) {
        let message = "`run` has to name `{report}`".to_owned();
        table.complain(
            "run",
            message,
            "it stands for the path to which the report is written",
        );
    }
    known.then_some(LintCheck {
        report,
        report_from,
        ok_exit,
        gate,
    })
}

fn plugin_check(table: &mut Fields<'_, '_>) -> Option<PluginCheck> {
    let plugin = table.require(
        "plugin",
        values::string,
        "a path in the base tree, or a name",
    );
    let sha256 = table.require("sha256", values::sha256, "a plugin is pinned by its digest");
    let grants = table.get("grants", values::words).unwrap_or_default();
    let config = table.get("config", values::json_table).unwrap_or_default();
    let may_skip = table.get("may-skip", values::boolean).unwrap_or_default();
    let fuel = table.get("fuel", values::whole);
    Some(PluginCheck {
        plugin: plugin?,
        sha256: sha256?,
        grants,
        config,
        may_skip,
        fuel,
    })
}

fn tests(mut table: Fields<'_, '_>) -> Tests {
    let default = Tests::default();
    let tests = Tests {
        assurance: table.get("assurance", values::word).unwrap_or_default(),
        max_preexisting: table
            .get("max-preexisting", values::share)
            .unwrap_or(default.max_preexisting),
        flaky: table.get("flaky", values::word).unwrap_or_default(),
        contract: table.get("contract", values::word),
    };
    table.finish(nowhere);
    tests
}

fn rules(mut table: Fields<'_, '_>) -> Rules {
    let default = Rules::default();
    let rules = Rules {
        protected: table.get("protected", values::globs).unwrap_or_default(),
        max_changed_lines: table
            .get("max-changed-lines", values::whole)
            .unwrap_or(default.max_changed_lines),
        new_dependencies: table
            .get("new-dependencies", values::word)
            .unwrap_or(default.new_dependencies),
        new_suppressions: table
            .get("new-suppressions", values::word)
            .unwrap_or(default.new_suppressions),
        special_casing: table
            .get("special-casing", values::word)
            .unwrap_or(default.special_casing),
        secrets: table
            .get("secrets", values::word)
            .unwrap_or(default.secrets),
    };
    table.finish(nowhere);
    rules
}
