//! Java: the home directory behind the `java` on PATH.

use std::path::{Path, PathBuf};

use super::digest::Parts;
use super::shims::Shim;
use super::{Name, Operator, Toolchain, ToolchainError, missing, real};

pub(super) fn discover(operator: &Operator) -> Result<Toolchain, ToolchainError> {
    let absent = || {
        missing(
            Name::Java,
            "java",
            operator,
            "install a JDK or put it on PATH",
        )
    };
    let path = operator.first("java").ok_or_else(absent)?;
    let path = match Shim::of(&path, operator) {
        Some(shim) => shim.resolve(Name::Java, operator, "java", None)?,
        None => path,
    };
    let program = real(&path);
    let home = program
        .parent()
        .and_then(Path::parent)
        .map(Path::to_path_buf);
    // Every JDK since 7 says what it is in this file; starting a JVM to ask costs 100 ms and more.
    let home = home
        .filter(|home| home.join("release").is_file())
        .ok_or_else(|| ToolchainError::Ask {
            name: Name::Java,
            program: program.clone(),
            why: "has no `release` file in its home: not a Java installation".to_owned(),
        })?;
    bundle(&home, program).map_err(|source| ToolchainError::Io {
        name: Name::Java,
        path: home,
        source,
    })
}

fn bundle(home: &Path, program: PathBuf) -> std::io::Result<Toolchain> {
    let release = std::fs::read_to_string(home.join("release"))?;
    let version = release
        .lines()
        .find_map(|line| line.strip_prefix("JAVA_VERSION="))
        .unwrap_or_default()
        .trim_matches('"')
        .to_owned();
    let mut found = Toolchain::new(Name::Java, version, program);
    found.read.push(home.to_path_buf());
    found.read.extend(linked_configuration(home));
    found.path.push(home.join("bin"));
    found.set("JAVA_HOME", home.to_string_lossy());
    let mut parts = Parts::of(&found)?;
    parts.add("release", release.as_bytes());
    found.sha256 = parts.finish();
    Ok(found)
}

/// Debian keeps a JDK's configuration in `/etc` and links to it, file by file.
fn linked_configuration(home: &Path) -> Vec<PathBuf> {
    let dirs = [
        "conf",
        "conf/security",
        "conf/management",
        "lib",
        "lib/security",
    ];
    let entries = dirs
        .iter()
        .filter_map(|dir| std::fs::read_dir(home.join(dir)).ok());
    entries
        .flatten()
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink()))
        .map(|entry| real(&entry.path()))
        .filter(|target| target.starts_with("/etc"))
        .collect()
}
