//! `doctor`: what this machine gives to sandboxes, and what to do about what is missing.

use std::fmt::Write as _;

use passmuster_policy::diagnosis::{Area, Diagnosis, Finding, Health, Remedy};
use passmuster_policy::policy::Isolation;
use passmuster_policy::text::{block, line};
use passmuster_process::Launcher;

use super::{cache_of, document_text, print};
use crate::cli::{Cli, Doctor};
use crate::doctor::look;
use crate::error::UserError;
use crate::exit_code::Exit;
use crate::toolchains::Operator;

/// Longest line of what programs and the kernel said.
const LINE: usize = 300;

pub(super) async fn run(cli: &Cli, arguments: &Doctor) -> Result<Exit, UserError> {
    let operator = Operator::from_env(std::env::vars_os());
    let cache = cache_of(cli);
    let diagnosis = look(&Launcher::this_program(), &operator, cache.as_ref()).await;
    let text = if arguments.json {
        let document = serde_json::to_value(&diagnosis);
        document_text(&document.map_err(|error| UserError::internal(error.to_string()))?)
    } else if arguments.fix {
        remedies(&diagnosis)
    } else {
        overview(&diagnosis)
    };
    print(text.as_bytes())?;
    Ok(match diagnosis.isolation {
        Some(Isolation::Full) => Exit::Pass,
        _ => Exit::Inconclusive,
    })
}

fn overview(diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    for (area, heading) in [
        (Area::Kernel, "kernel"),
        (Area::Sandbox, "in a sandbox"),
        (Area::Host, "host"),
        (Area::Toolchain, "toolchains"),
    ] {
        let _ = writeln!(text, "{heading}");
        for finding in diagnosis.findings.iter().filter(|one| one.area == area) {
            let _ = writeln!(text, "{}", finding_line(finding));
        }
    }
    let _ = writeln!(text, "isolation");
    for tier in &diagnosis.tiers {
        let works = if tier.works { "works" } else { "no" };
        let why = tier
            .why
            .as_ref()
            .map(|why| format!("  {}", line(why, LINE)))
            .unwrap_or_default();
        let _ = writeln!(text, "  {works:<9} {}{why}", tier.isolation.name());
    }
    if let Some(obstacle) = &diagnosis.obstacle {
        let _ = writeln!(text, "\n{}: {}", obstacle.cause, line(&obstacle.what, LINE));
        let fitting = obstacle.remedies.iter().filter(|remedy| remedy.fits);
        for remedy in fitting {
            let _ = writeln!(text, "what helps: {}", remedy.what);
        }
        let _ = writeln!(text, "`passmuster doctor --fix` prints how");
    }
    text
}

fn finding_line(finding: &Finding) -> String {
    let state = match finding.state {
        Health::Ok => "ok",
        Health::Degraded => "degraded",
        Health::Missing => "missing",
    };
    let mut text = format!("  {state:<9} {:<21}", finding.name);
    for part in finding.found.iter().chain(&finding.means) {
        text += &format!("  {}", line(part, LINE));
    }
    text.trim_end().to_owned()
}

/// Every way out, the fitting one first. Nothing is changed: that is for who owns the machine.
fn remedies(diagnosis: &Diagnosis) -> String {
    let Some(obstacle) = &diagnosis.obstacle else {
        return "nothing to fix: the isolation `full` works here\n".to_owned();
    };
    let mut text = format!("# {}\n", line(&obstacle.what, LINE));
    obstacle
        .remedies
        .iter()
        .for_each(|remedy| text += &remedy_text(remedy));
    text
}

fn remedy_text(remedy: &Remedy) -> String {
    let fits = if remedy.fits {
        "fits this machine: "
    } else {
        ""
    };
    let text = block(&remedy.text, usize::MAX);
    let end = if text.is_empty() { "" } else { "\n" };
    format!("\n# {fits}{}\n{text}{end}", remedy.what)
}
