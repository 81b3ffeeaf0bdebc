//! Rust: a sysroot, and a private CARGO_HOME over the operator's downloads.

use std::path::{Path, PathBuf};

use super::ask::{Until, ask};
use super::credentials;
use super::digest::Parts;
use super::grants::is_system;
use super::pins::{Pin, Pins, numbers};
use super::shims::{Manager, Shim};
use super::{File, Name, Operator, Toolchain, ToolchainError, missing, real};
use crate::places::HOME;

pub(super) fn discover(operator: &Operator, pins: &Pins) -> Result<Toolchain, ToolchainError> {
    let hint = "install Rust (rustup or your distribution) or put cargo and rustc on PATH";
    let on_path = |word| {
        operator
            .first(word)
            .ok_or_else(|| missing(Name::Rust, word, operator, hint))
    };
    let (cargo, rustc) = (on_path("cargo")?, on_path("rustc")?);
    let pin = pins.rust();
    let (cargo, rustc) = match Shim::of(&cargo, operator) {
        Some(shim) if shim.manager == Manager::Rustup => {
            let toolchain = pin.as_ref().map(|pin| select(pin, operator)).transpose()?;
            let behind = |word| shim.resolve(Name::Rust, operator, word, toolchain.as_deref());
            (behind("cargo")?, behind("rustc")?)
        }
        Some(shim) => {
            let behind = |word| shim.resolve(Name::Rust, operator, word, None);
            (behind("cargo")?, behind("rustc")?)
        }
        None => (cargo, rustc),
    };
    let verbose = ask(
        Name::Rust,
        operator,
        &rustc,
        &["-vV"],
        &[],
        Until::Rebuilt(&[]),
    )?;
    let version = release(&verbose);
    if let Some(pin) = pin.filter(|pin| !fits(pin, &version)) {
        return Err(mismatch(pin, vec![version]));
    }
    bundle(operator, &cargo, &rustc, version, &verbose)
}

fn bundle(
    operator: &Operator,
    cargo: &Path,
    rustc: &Path,
    version: String,
    verbose: &str,
) -> Result<Toolchain, ToolchainError> {
    let question = ["--print", "sysroot"];
    let sysroot = ask(
        Name::Rust,
        operator,
        rustc,
        &question,
        &[],
        Until::Rebuilt(&[]),
    )?;
    let sysroot = PathBuf::from(sysroot);
    let mut found = Toolchain::new(Name::Rust, version, cargo.to_path_buf());
    found.read.extend([sysroot.clone(), real(&sysroot)]);
    found.path.extend(
        [
            sysroot.join("bin"),
            cargo.parent().map(Path::to_path_buf).unwrap_or_default(),
        ]
        .into_iter()
        .filter(|dir| !is_system(dir)),
    );
    if !cargo.starts_with(&sysroot) && !is_system(cargo) {
        found.read.extend([cargo, rustc].map(Path::to_path_buf));
    }
    found.path.dedup();
    add_cargo_home(&mut found, operator);
    found.sha256 = digest(&found, rustc, verbose).map_err(|source| ToolchainError::Io {
        name: Name::Rust,
        path: rustc.to_path_buf(),
        source,
    })?;
    Ok(found)
}

/// rustc's own program is a thin shell around libraries that its commit hash identifies.
fn digest(found: &Toolchain, rustc: &Path, verbose: &str) -> std::io::Result<String> {
    let mut parts = Parts::of(found)?;
    parts.add("rustc", super::digest::file(rustc)?.as_bytes());
    parts.add("verbose", verbose.as_bytes());
    Ok(parts.finish())
}

fn add_cargo_home(found: &mut Toolchain, operator: &Operator) {
    let inside = format!("{HOME}/.cargo");
    found.set("CARGO_HOME", &*inside);
    found.set("CARGO_NET_OFFLINE", "true");
    let Some(host) = operator.dir_or_home("CARGO_HOME", ".cargo") else {
        return;
    };
    for part in ["registry", "git"] {
        found.cache(host.join(part), format!("{inside}/{part}"));
    }
    let config = ["config.toml", "config"]
        .iter()
        .find_map(|file| std::fs::read_to_string(host.join(file)).ok());
    if let Some(clean) = config.and_then(|text| credentials::cargo_config(&text)) {
        found.files.push(File {
            target: PathBuf::from(inside).join("config.toml"),
            content: clean.into_bytes(),
        });
    }
}

/// The installed toolchain that a pin means, by rustup's name for it.
fn select(pin: &Pin, operator: &Operator) -> Result<String, ToolchainError> {
    let mut installed: Vec<String> = operator
        .dir_or_home("RUSTUP_HOME", ".rustup")
        .and_then(|home| std::fs::read_dir(home.join("toolchains")).ok())
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    installed.sort();
    match pin.choose(&installed) {
        Some(chosen) => Ok(chosen.clone()),
        None => Err(mismatch(pin.clone(), installed)),
    }
}

/// Whether a release is of the pinned version or, for a pinned channel, of that channel.
fn fits(pin: &Pin, version: &str) -> bool {
    let channel = pin.wanted.split('-').next().unwrap_or_default();
    match channel {
        "stable" => !version.contains('-'),
        "beta" | "nightly" => version.contains(channel),
        _ => {
            numbers(&pin.wanted).is_empty()
                || pin.accepts(version)
                || pin.wanted.starts_with(version)
        }
    }
}

fn mismatch(pin: Pin, installed: Vec<String>) -> ToolchainError {
    ToolchainError::Mismatch {
        name: Name::Rust,
        pin_file: pin.file.to_owned(),
        wanted: pin.wanted,
        installed,
    }
}

fn release(verbose: &str) -> String {
    let line = verbose
        .lines()
        .find_map(|line| line.strip_prefix("release: "));
    line.unwrap_or_default().to_owned()
}
