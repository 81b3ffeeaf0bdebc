//! Node: the prefix that holds node and npm, and npm's download cache.

use std::path::{Path, PathBuf};

use super::ask::{Until, ask};
use super::credentials;
use super::digest::Parts;
use super::grants::is_system;
use super::pins::{Pin, Pins, numbers};
use super::shims::Shim;
use super::{File, Link, Name, Operator, Toolchain, ToolchainError, missing, real};
use crate::places::{BIN, HOME};

pub(super) fn discover(operator: &Operator, pins: &Pins) -> Result<Toolchain, ToolchainError> {
    let (program, version) = choose(operator, pins.node())?;
    let mut found = Toolchain::new(Name::Node, version, program);
    grant_prefix(&mut found);
    for (key, value) in [
        ("npm_config_offline", "true"),
        ("npm_config_audit", "false"),
        ("npm_config_fund", "false"),
        ("npm_config_update_notifier", "false"),
    ] {
        found.set(key, value);
    }
    add_npm(&mut found, operator);
    found.sha256 = digest(&found).map_err(|source| ToolchainError::Io {
        name: Name::Node,
        path: found.program.clone(),
        source,
    })?;
    Ok(found)
}

fn choose(operator: &Operator, pin: Option<Pin>) -> Result<(PathBuf, String), ToolchainError> {
    // `lts/*`, `node`, `stable`: words for which no version is wrong.
    let pin = pin.filter(|pin| !numbers(&pin.wanted).is_empty());
    let mut seen = Vec::new();
    if let Some(path) = operator.first("node") {
        let program = match Shim::of(&path, operator) {
            Some(shim) => shim.resolve(Name::Node, operator, "node", None)?,
            None => path,
        };
        let version = ask(
            Name::Node,
            operator,
            &program,
            &["--version"],
            &[],
            Until::Rebuilt(&[]),
        )?;
        let version = version.trim_start_matches('v').to_owned();
        if pin.as_ref().is_none_or(|pin| pin.accepts(&version)) {
            return Ok((program, version));
        }
        seen.push(version);
    }
    let Some(pin) = pin else {
        let hint = "install Node.js or put it on PATH";
        return Err(missing(Name::Node, "node", operator, hint));
    };
    let versions = operator
        .dir_or_home("NVM_DIR", ".nvm")
        .map(|nvm| nvm.join("versions/node"));
    let installed = installed(versions.as_deref());
    if let (Some(version), Some(versions)) = (pin.choose(&installed), versions) {
        return Ok((
            versions.join(format!("v{version}/bin/node")),
            version.clone(),
        ));
    }
    seen.extend(installed);
    Err(ToolchainError::Mismatch {
        name: Name::Node,
        pin_file: pin.file.to_owned(),
        wanted: pin.wanted,
        installed: seen,
    })
}

/// The versions that nvm keeps, without their `v`.
fn installed(versions: Option<&Path>) -> Vec<String> {
    let mut installed: Vec<String> = versions
        .and_then(|dir| std::fs::read_dir(dir).ok())
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| super::operator::executable(&entry.path().join("bin/node")))
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_prefix('v')?.to_owned()))
        .collect();
    installed.sort_by_key(|version| numbers(version));
    installed
}

/// A prefix that is node's own is granted whole; anything wider only as the single program.
fn grant_prefix(found: &mut Toolchain) {
    let program = real(&found.program);
    if is_system(&found.program) {
        return;
    }
    let prefix = program
        .parent()
        .and_then(Path::parent)
        .map(Path::to_path_buf);
    match prefix.filter(|prefix| {
        prefix.join("lib/node_modules/npm").is_dir() && prefix.join("include/node").is_dir()
    }) {
        Some(prefix) => {
            found.path.push(prefix.join("bin"));
            found
                .masked
                .extend(Some(prefix.join("etc/npmrc")).filter(|path| path.is_file()));
            found.read.push(prefix);
        }
        None => {
            found.path.push(BIN.into());
            found.links.push(Link {
                path: Path::new(BIN).join("node"),
                to: program.clone(),
            });
            found.read.push(program.clone());
        }
    }
    found.program = program;
}

fn add_npm(found: &mut Toolchain, operator: &Operator) {
    let Some(home) = &operator.home else { return };
    let cache = operator
        .dir("npm_config_cache")
        .unwrap_or_else(|| home.join(".npm"));
    found.cache(cache.join("_cacache"), format!("{HOME}/.npm/_cacache"));
    let config = std::fs::read_to_string(home.join(".npmrc")).unwrap_or_default();
    let clean = credentials::npmrc(&config);
    if !clean.is_empty() {
        found.files.push(File {
            target: PathBuf::from(HOME).join(".npmrc"),
            content: clean.into_bytes(),
        });
    }
}

/// npm decides what a script runs, so its version is part of the digest.
fn digest(found: &Toolchain) -> std::io::Result<String> {
    let mut parts = Parts::of(found)?;
    let prefix = real(&found.program)
        .parent()
        .and_then(Path::parent)
        .map(Path::to_path_buf);
    for place in [
        "lib/node_modules/npm/package.json",
        "share/nodejs/npm/package.json",
    ] {
        let manifest = prefix.as_ref().map(|prefix| prefix.join(place));
        if let Some(digest) = manifest.and_then(|path| super::digest::file(&path).ok()) {
            parts.add("npm", digest.as_bytes());
        }
    }
    Ok(parts.finish())
}
