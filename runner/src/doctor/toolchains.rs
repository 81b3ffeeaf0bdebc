//! The toolchains that policies can name, as they would be found for a tree without pins.

use passmuster_policy::diagnosis::{Area, Finding, Health};
use passmuster_policy::evidence::Environment;

use crate::host;
use crate::toolchains::{Name, Operator, Pins, ToolchainError, discover_all};

const NAMES: [Name; 6] = [
    Name::Python,
    Name::Rust,
    Name::Node,
    Name::Go,
    Name::Java,
    Name::Cc,
];

/// A finding for each toolchain, and the machine as verdicts describe it.
pub(super) fn findings(operator: &Operator) -> (Vec<Finding>, Environment) {
    let pins = Pins::read(|_| None);
    let found = discover_all(&NAMES, operator, &pins);
    let findings = NAMES
        .iter()
        .zip(&found)
        .map(|(name, found)| match found {
            Ok(toolchain) => finding(*name, Health::Ok, toolchain.version.clone(), None),
            // Most machines need only some of them.
            Err(ToolchainError::Missing { program, .. }) => finding(
                *name,
                Health::Missing,
                format!("no {program} on PATH"),
                Some("policies that name it are inconclusive"),
            ),
            Err(error) => finding(
                *name,
                Health::Degraded,
                error.to_string(),
                Some("policies that name it are inconclusive"),
            ),
        })
        .collect();
    let there: Vec<_> = found.into_iter().flatten().collect();
    (findings, host::environment(&there))
}

fn finding(name: Name, state: Health, found: String, means: Option<&str>) -> Finding {
    Finding {
        area: Area::Toolchain,
        name: name.to_string(),
        state,
        found: Some(found),
        means: means.map(str::to_owned),
    }
}
