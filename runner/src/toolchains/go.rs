//! Go: GOROOT and the module cache, offline, with no toolchain switching.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ask::{Until, ask};
use super::digest::Parts;
use super::grants::is_system;
use super::pins::{Pins, numbers};
use super::shims::Shim;
use super::{Name, Operator, Toolchain, ToolchainError, missing, real};
use crate::places::HOME;

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
struct Answer {
    goroot: PathBuf,
    gomodcache: PathBuf,
    goversion: String,
}

pub(super) fn discover(operator: &Operator, pins: &Pins) -> Result<Toolchain, ToolchainError> {
    let path = operator
        .first("go")
        .ok_or_else(|| missing(Name::Go, "go", operator, "install Go or put it on PATH"))?;
    let program = match Shim::of(&path, operator) {
        Some(shim) => shim.resolve(Name::Go, operator, "go", None)?,
        None => path,
    };
    let answer = describe(operator, &program)?;
    let version = answer.goversion.trim_start_matches("go").to_owned();
    let newer = |wanted: &str| numbers(wanted) > numbers(&version);
    if let Some(pin) = pins.go().filter(|pin| newer(&pin.wanted)) {
        return Err(ToolchainError::Mismatch {
            name: Name::Go,
            pin_file: pin.file.to_owned(),
            wanted: pin.wanted,
            installed: vec![version],
        });
    }
    bundle(&answer, version).map_err(|source| ToolchainError::Io {
        name: Name::Go,
        path: program,
        source,
    })
}

fn describe(operator: &Operator, program: &Path) -> Result<Answer, ToolchainError> {
    let question = ["env", "-json", "GOROOT", "GOMODCACHE", "GOVERSION"];
    let text = ask(
        Name::Go,
        operator,
        program,
        &question,
        &[("GOENV", "off")],
        Until::Rebuilt(&[]),
    )?;
    serde_json::from_str(&text).map_err(|error| ToolchainError::Ask {
        name: Name::Go,
        program: program.to_path_buf(),
        why: format!("gives an unexpected answer: {error}"),
    })
}

fn bundle(answer: &Answer, version: String) -> std::io::Result<Toolchain> {
    let bin = answer.goroot.join("bin");
    let mut found = Toolchain::new(Name::Go, version, bin.join("go"));
    found
        .read
        .extend([answer.goroot.clone(), real(&answer.goroot)]);
    // A distribution keeps `go` in /usr/lib/go-1.x/bin, which is not on the system's PATH.
    if !(is_system(&bin) && bin == Path::new("/usr/bin")) {
        found.path.push(bin);
    }
    let modules = format!("{HOME}/go/pkg/mod");
    found.set("GOTOOLCHAIN", "local");
    found.set("GOPROXY", "off");
    found.set("GOENV", "off");
    found.set("GOMODCACHE", &*modules);
    found.cache(answer.gomodcache.clone(), modules);
    found.sha256 = Parts::of(&found)?.finish();
    Ok(found)
}
