//! The C compiler: under the system directories there is nothing to mount; its version matters.

use std::path::Path;

use super::ask::{Until, ask};
use super::digest::Parts;
use super::grants::is_system;
use super::{Name, Operator, Toolchain, ToolchainError, missing, real};

pub(super) fn discover(operator: &Operator) -> Result<Toolchain, ToolchainError> {
    let hint = "install a C compiler (gcc or clang) or put it on PATH";
    let program = ["cc", "gcc", "clang"]
        .iter()
        .find_map(|word| operator.first(word))
        .ok_or_else(|| missing(Name::Cc, "cc", operator, hint))?;
    let says = ask(
        Name::Cc,
        operator,
        &program,
        &["--version"],
        &[],
        Until::Rebuilt(&[]),
    )?;
    let version = says.lines().next().unwrap_or_default();
    // `cc (Debian 12.2.0-14) 12.2.0`: the packager's version comes first, the compiler's last.
    let number = version
        .split_whitespace()
        .rfind(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'));
    let mut found = Toolchain::new(Name::Cc, number.unwrap_or(version).to_owned(), program);
    if !is_system(&found.program) {
        let home = real(&found.program)
            .parent()
            .and_then(Path::parent)
            .map(Path::to_path_buf);
        found
            .path
            .extend(found.program.parent().map(Path::to_path_buf));
        found.read.push(found.program.clone());
        found.read.extend(home);
    }
    let mut parts = Parts::of(&found).map_err(|source| ToolchainError::Io {
        name: Name::Cc,
        path: found.program.clone(),
        source,
    })?;
    parts.add("says", says.as_bytes());
    found.sha256 = parts.finish();
    Ok(found)
}
