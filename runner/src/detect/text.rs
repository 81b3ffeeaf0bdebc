//! Writes what was detected as a policy that people can read and change.

use super::{Check, Detected, LOOKED_FOR, Lint, Step};
use crate::offline::{self, Offline};

/// Longest comment line, without its mark.
const WIDTH: usize = 96;

/// The policy file, version 1, with a comment for every decision.
pub fn policy_text(found: &Detected) -> String {
    policy_text_after_trial(found, &[])
}

/// The same, with what a trial on the base has shown about tests that need a network.
pub fn policy_text_after_trial(found: &Detected, offline: &[Offline]) -> String {
    let mut out = String::new();
    comment(
        &mut out,
        "What a change must pass. Read from the base of a change, never from the change itself.",
    );
    comment(
        &mut out,
        "Written from what the repository's files say; every line is yours to change.",
    );
    comment(
        &mut out,
        "Editors with Even Better TOML know every key after `passmuster policy schema > .passmuster.schema.json`, with `#:schema ./.passmuster.schema.json` as the first line of this file.",
    );
    out.push_str("version = 1\n");
    let names: Vec<String> = found
        .languages
        .iter()
        .map(|language| language.as_str().to_owned())
        .collect();
    if !names.is_empty() {
        comment(
            &mut out,
            "Defaults of these languages: globs of tests and harness, environment, limits.",
        );
        pair(&mut out, "", "extends", &array(&names));
        out.push_str("\n[sandbox]\n");
        comment(
            &mut out,
            "Found on your PATH and mounted read-only; nothing else of your home directory is visible.",
        );
        pair(
            &mut out,
            "",
            "toolchains",
            &array(&toolchains(found, names)),
        );
    }
    found
        .steps
        .iter()
        .for_each(|step| write_step(&mut out, step));
    found
        .checks
        .iter()
        .for_each(|check| write_check(&mut out, check, offline));
    if found.is_empty() {
        out.push('\n');
        comment(
            &mut out,
            &format!("Nothing was found that could be required. Looked for: {LOOKED_FOR}."),
        );
        comment(
            &mut out,
            "Add a check: [[check]] with name, kind = \"command\" and run = [\"program\", \"argument\"].",
        );
    }
    if !found.notes.is_empty() {
        out.push('\n');
        found.notes.iter().for_each(|note| comment(&mut out, note));
    }
    out
}

/// The languages' toolchains, and the C compiler where something is linked.
fn toolchains(found: &Detected, mut names: Vec<String>) -> Vec<String> {
    if found.compiles {
        names.push("cc".to_owned());
    }
    names
}

fn write_step(out: &mut String, step: &Step) {
    out.push('\n');
    step.why.iter().for_each(|why| comment(out, why));
    out.push_str("[[prepare]]\n");
    pair(out, "", "name", &string(&step.name));
    pair(out, "", "run", &array(&step.run));
    if !step.cwd.is_empty() {
        pair(out, "", "cwd", &string(&step.cwd));
    }
    if !step.inputs.is_empty() {
        comment(
            out,
            "It sees only these files and runs again when one of them changes.",
        );
        pair(out, "", "inputs", &array(&step.inputs));
    }
    if step.warm {
        comment(
            out,
            "A build cache: made from the base only, brought up to date by each run.",
        );
        pair(out, "", "warm", "true");
    }
    if !step.env.is_empty() {
        pair(out, "", "env", &table(&step.env));
    }
    if !step.path.is_empty() {
        pair(out, "", "path", &array(&step.path));
    }
}

fn write_check(out: &mut String, check: &Check, offline: &[Offline]) {
    out.push('\n');
    comment(out, &format!("Found: {}.", check.why.join("; ")));
    if let Some(reason) = &check.off {
        comment(out, &format!("Off: {reason}."));
    }
    let mark = if check.off.is_some() { "# " } else { "" };
    out.push_str(&format!("{mark}[[check]]\n"));
    pair(out, mark, "name", &string(&check.name));
    match check.framework {
        Some(framework) => {
            pair(out, mark, "kind", &string("test"));
            pair(out, mark, "framework", &string(framework));
        }
        None if check.lint.is_some() => pair(out, mark, "kind", &string("lint")),
        None => pair(out, mark, "kind", &string("command")),
    }
    pair(out, mark, "run", &array(&check.run));
    if let Some(lint) = check.lint {
        write_lint(out, mark, lint);
    }
    if !check.cwd.is_empty() {
        pair(out, mark, "cwd", &string(&check.cwd));
    }
    if let Some(needs) = &check.needs {
        pair(out, mark, "needs", &array(needs));
    }
    if !check.env.is_empty() {
        pair(out, mark, "env", &table(&check.env));
    }
    let tried = offline.iter().find(|offline| offline.check == check.name);
    if let Some(offline) = tried.filter(|_| check.off.is_none()) {
        write_offline(out, offline);
    }
    if check.optional && check.off.is_none() {
        comment(
            out,
            "Reported, but does not decide: a finding that the base has already would fail every change.",
        );
        comment(
            out,
            "Remove the next line if the base is clean and must stay so.",
        );
    }
    if check.optional {
        pair(out, mark, "required", "false");
    }
}

fn write_lint(out: &mut String, mark: &str, lint: Lint) {
    match lint {
        Lint::Report(format) => pair(out, mark, "report", &string(format)),
        Lint::Cargo => {
            pair(out, mark, "report", &string("cargo-json"));
            pair(out, mark, "ok-exit", "[0, 101]");
        }
        Lint::Files => {}
    }
    if mark.is_empty() {
        comment(
            out,
            "Only what the base does not have counts; `gate = \"all\"` counts everything.",
        );
    }
}

/// Tests that need what no check has. What is not certain stays a comment.
fn write_offline(out: &mut String, offline: &Offline) {
    let globs = |ids: &[String]| array(&ids.iter().map(|id| offline::glob(id)).collect::<Vec<_>>());
    if !offline.certain.is_empty() {
        comment(
            out,
            "These failed on the base, and their errors say that it was for want of a network, which no check has.",
        );
        pair(out, "", "unavailable", &globs(&offline.certain));
    }
    if !offline.possible.is_empty() {
        comment(
            out,
            "These failed on the base as well, in a run that was refused the network. Their errors do not say whether that is why; if it is, they belong into `unavailable`.",
        );
        pair(out, "# ", "unavailable", &globs(&offline.possible));
    }
}

fn pair(out: &mut String, mark: &str, key: &str, value: &str) {
    out.push_str(&format!("{mark}{key} = {value}\n"));
}

fn string(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn array(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| string(item)).collect();
    format!("[{}]", items.join(", "))
}

fn table(pairs: &[(String, String)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(key, value)| format!("{key} = {}", string(value)))
        .collect();
    format!("{{ {} }}", pairs.join(", "))
}

/// Wraps at words; whatever the text holds, it stays inside the comment.
fn comment(out: &mut String, text: &str) {
    let indent: String = text.chars().take_while(|c| *c == ' ').collect();
    let mut line = indent.clone();
    for word in text
        .split(char::is_whitespace)
        .filter(|word| !word.is_empty())
    {
        let word: String = word.chars().filter(|c| !c.is_control()).collect();
        if line.len() > indent.len() && line.len() + word.len() >= WIDTH {
            out.push_str(&format!("# {line}\n"));
            line = indent.clone();
        }
        if line.len() > indent.len() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    out.push_str(&format!("# {line}\n"));
}
