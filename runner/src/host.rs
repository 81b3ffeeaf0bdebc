//! The toolchains of a policy, found on the host, and what is in the way of finding them.

use passmuster_policy::change::Change;
use passmuster_policy::evidence::{Environment, Toolchain as Listed};
use passmuster_policy::policy::Policy;
use passmuster_policy::reason::{Reason, ReasonCode};

use crate::toolchains::{Name, Operator, Pins, Toolchain, ToolchainError, discover, discover_all};

/// What was found, and reasons for what was not.
#[derive(Debug, Default)]
pub struct Found {
    /// One toolchain a name of the policy.
    pub toolchains: Vec<Toolchain>,
    /// Why others are not there.
    pub reasons: Vec<Reason>,
}

/// Looks for the toolchains of a policy as the base's pin files want them.
pub fn find(policy: &Policy, operator: &Operator, base: &Pins) -> Found {
    let mut found = Found::default();
    let names = &policy.sandbox.toolchains;
    for (name, discovered) in names.iter().zip(discover_all(names, operator, base)) {
        match discovered {
            Ok(toolchain) => found.toolchains.push(toolchain),
            Err(error) => found.reasons.push(reason(*name, &error)),
        }
    }
    found
}

/// Why what the candidate asks for is not there, where the change edits a pin.
pub fn missing_for_candidate(
    policy: &Policy,
    operator: &Operator,
    candidate: &Pins,
    change: &Change,
) -> Vec<Reason> {
    let is_pin = |path: &[u8]| Pins::FILES.iter().any(|pin| path == pin.as_bytes());
    if !change.files.iter().any(|file| is_pin(file.path.as_bytes())) {
        return Vec::new();
    }
    let missing = |name: &Name| {
        let error = discover(*name, operator, candidate).err()?;
        Some(reason(*name, &error))
    };
    policy
        .sandbox
        .toolchains
        .iter()
        .filter_map(missing)
        .collect()
}

fn reason(name: Name, error: &ToolchainError) -> Reason {
    let code = match error {
        ToolchainError::Missing { .. } => ReasonCode::ToolMissing,
        ToolchainError::Mismatch { .. } => ReasonCode::ToolchainMismatch,
        _ => ReasonCode::ToolError,
    };
    Reason {
        code,
        check: None,
        ids: vec![name.to_string()],
        message: error.to_string(),
    }
}

/// What the verdict says of the machine.
pub fn environment(toolchains: &[Toolchain]) -> Environment {
    let mut listed: Vec<Listed> = toolchains
        .iter()
        .map(|toolchain| Listed {
            name: toolchain.name.to_string(),
            version: toolchain.version.clone(),
            sha256: toolchain.sha256.clone(),
        })
        .collect();
    listed.sort();
    Environment {
        runner: env!("CARGO_PKG_VERSION").to_owned(),
        os: operating_system(),
        toolchains: listed,
    }
}

fn operating_system() -> String {
    nix::sys::utsname::uname().map_or_else(
        |_| std::env::consts::OS.to_owned(),
        |name| {
            format!(
                "{} {}",
                name.sysname().to_string_lossy(),
                name.release().to_string_lossy()
            )
        },
    )
}
