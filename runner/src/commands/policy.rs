//! `policy`: check one, show it with its presets, print the schema of all.

use std::fmt::Write as _;

use passmuster_policy::policy::{Check, CheckKind, Policy, Service};
use passmuster_policy::text::shown;

use super::{cache_of, place, print};
use crate::cli::{Cli, Place, PolicyCommand};
use crate::error::UserError;
use crate::exit_code::Exit;
use crate::policy_source::{self, Loaded, choice};
use crate::proposal;
use crate::proposal::Input;
use crate::report::log::without_orders;
use crate::repository::Repository;
use crate::toolchains::Operator;

/// Generated from the types; a test of the policy crate fails when it is stale.
const SCHEMA: &str = include_str!("../../../policies/schema/policy.schema.json");

pub(super) fn run(cli: &Cli, command: &PolicyCommand) -> Result<Exit, UserError> {
    let text = match command {
        PolicyCommand::Schema => SCHEMA.to_owned(),
        PolicyCommand::Check(place) => without_orders(&shown(&explanation(&load(cli, place)?))),
        PolicyCommand::Show(place) => load(cli, place)?
            .policy
            .to_toml()
            .map_err(|error| UserError::internal(error.to_string()))?,
    };
    print(text.as_bytes())?;
    Ok(Exit::Pass)
}

fn load(cli: &Cli, arguments: &Place) -> Result<Loaded, UserError> {
    let cache = cache_of(cli)?;
    let repository = Repository::open(&place(arguments.repo.as_ref())?, &cache.git())?;
    let empty = Input::Patch {
        bytes: b"",
        name: "-",
    };
    let base = proposal::base_of(&repository, empty, arguments.base.as_deref())?;
    let operator = Operator::from_env(std::env::vars_os());
    let choice = choice(arguments.policy.as_deref());
    policy_source::load_for(&repository, &base.tree, &choice, (&cache, &operator))
}

/// What would run where.
fn explanation(loaded: &Loaded) -> String {
    let policy = &loaded.policy;
    let mut text = format!("the policy parses; sha256 {}\n", loaded.reference.sha256);
    for step in &policy.prepare {
        let sees = match &step.inputs {
            Some(inputs) => format!(
                "sees {}, every other file empty",
                inputs.patterns().join(" ")
            ),
            None => "sees the whole tree".to_owned(),
        };
        let again = match (&step.inputs, step.warm) {
            (_, true) => "made from the base only, as a build cache",
            (Some(_), false) => "again for a change that touches what it sees",
            (None, false) => "again for every change",
        };
        let _ = writeln!(
            text,
            "prepare {}: `{}`; {sees}; {again}",
            step.name,
            step.run.join(" ")
        );
    }
    for service in &policy.service {
        let _ = writeln!(
            text,
            "service {}: {}",
            service.name,
            service_line(policy, service)
        );
    }
    for check in &policy.check {
        let _ = writeln!(text, "check {}: {}", check.name, check_line(policy, check));
    }
    if policy.check.is_empty() {
        text.push_str("no checks: only the static rules look at a change\n");
    }
    text
}

fn service_line(policy: &Policy, service: &Service) -> String {
    let ready = match service.ready.port {
        Some(port) => format!("ready when port {port} accepts"),
        None => "ready at once".to_owned(),
    };
    let served = policy.check.iter().filter(|check| service.serves(check));
    let names: Vec<&str> = served.map(|check| check.name.as_str()).collect();
    let names = if names.is_empty() {
        "no check".to_owned()
    } else {
        names.join(", ")
    };
    format!("`{}`; {ready}; for {names}", service.run.join(" "))
}

fn check_line(policy: &Policy, check: &Check) -> String {
    let when = match &check.paths {
        Some(paths) => format!(", only for changes of {}", paths.patterns().join(" ")),
        None => String::new(),
    };
    let optional = if check.required { "" } else { ", not required" };
    if let CheckKind::Plugin(asked) = &check.kind {
        return format!(
            "plugin `{}`, asked about the change{when}{optional}",
            asked.plugin
        );
    }
    let what = match &check.kind {
        CheckKind::Test(test) => format!(
            "tests of {}, compared one by one; where the change edits tests or what steers them, \
             the base's on the changed code; new tests on the base's code too",
            test.framework
        ),
        CheckKind::Lint(_) => "findings that the base does not have".to_owned(),
        CheckKind::Command | CheckKind::Plugin(_) => "exit status".to_owned(),
    };
    let after = check.needs.clone().unwrap_or_else(|| {
        policy
            .prepare
            .iter()
            .map(|step| step.name.clone())
            .collect()
    });
    let after = if after.is_empty() {
        String::new()
    } else {
        format!(", after {}", after.join(", "))
    };
    let cwd = if check.cwd.is_empty() {
        String::new()
    } else {
        format!(" in {}", check.cwd)
    };
    format!(
        "`{}`{cwd} on base (stored) and candidate; {what}{after}{when}{optional}",
        check.run.join(" ")
    )
}
