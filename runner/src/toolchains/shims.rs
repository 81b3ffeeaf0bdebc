//! Shims: small programs on PATH that choose another one by the current directory.
//!
//! They are never mounted. Their manager is asked, in `/`, which program they stand for.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::ask::{Until, ask};
use super::{Name, Operator, ToolchainError, real};

/// The version managers whose shims are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manager {
    /// Bash scripts in `shims/`.
    Pyenv,
    /// Links to, or copies of, `rustup`.
    Rustup,
    /// Links to `mise` in `shims/`.
    Mise,
    /// Scripts that call `asdf exec`.
    Asdf,
    /// Links to `volta-shim`.
    Volta,
}

/// A shim and where its manager is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shim {
    /// Whose it is.
    pub(super) manager: Manager,
    /// The manager's own program.
    pub(super) program: PathBuf,
}

impl Shim {
    /// Tells whether a program found on PATH is a shim.
    pub(super) fn of(path: &Path, operator: &Operator) -> Option<Self> {
        let manager = linked(path)
            .or_else(|| proxied(path))
            .or_else(|| scripted(path))?;
        let (program, beside) = match manager {
            Manager::Rustup => ("rustup", path.parent()?.to_path_buf()),
            // The script names no program: the root is the directory above `shims`.
            Manager::Pyenv => ("pyenv", path.parent()?.parent()?.join("bin")),
            Manager::Mise => ("mise", real(path).parent()?.to_path_buf()),
            Manager::Asdf => ("asdf", path.parent()?.parent()?.join("bin")),
            Manager::Volta => ("volta", real(path).parent()?.to_path_buf()),
        };
        let beside = beside.join(program);
        let program = if super::operator::executable(&beside) {
            beside
        } else {
            operator.first(program)?
        };
        Some(Self { manager, program })
    }

    /// Every file and directory that can change the manager's answer, where all are known.
    fn decided_by(&self, operator: &Operator) -> Option<Vec<PathBuf>> {
        match self.manager {
            Manager::Pyenv => {
                let root = self.program.parent()?.parent()?;
                let mut files = vec![root.join("version"), root.join("versions")];
                files.push("/.python-version".into());
                // With the version `system` pyenv searches PATH.
                files.extend(operator.path.iter().cloned());
                Some(files)
            }
            Manager::Rustup => {
                let home = operator.dir_or_home("RUSTUP_HOME", ".rustup")?;
                let pins = ["/rust-toolchain", "/rust-toolchain.toml"].map(PathBuf::from);
                let own = ["settings.toml", "toolchains"].map(|file| home.join(file));
                Some([own, pins].concat())
            }
            Manager::Mise | Manager::Asdf | Manager::Volta => None,
        }
    }

    /// The real program behind the shim called `word`; `version` selects an installed one.
    pub(super) fn resolve(
        &self,
        name: Name,
        operator: &Operator,
        word: &str,
        version: Option<&str>,
    ) -> Result<PathBuf, ToolchainError> {
        let key = match self.manager {
            Manager::Pyenv => "PYENV_VERSION",
            Manager::Rustup => "RUSTUP_TOOLCHAIN",
            Manager::Mise | Manager::Asdf | Manager::Volta => "",
        };
        let chosen: Vec<(&str, &str)> = version
            .filter(|_| !key.is_empty())
            .map(|version| (key, version))
            .into_iter()
            .collect();
        let decided_by = self.decided_by(operator);
        let until = decided_by.as_deref().map_or(Until::Now, Until::Changed);
        let question = ["which", word];
        let answer = ask(name, operator, &self.program, &question, &chosen, until)?;
        let path = PathBuf::from(answer.lines().last().unwrap_or_default());
        if path.is_absolute() && super::operator::executable(&path) {
            Ok(path)
        } else {
            Err(ToolchainError::Ask {
                name,
                program: self.program.clone(),
                why: format!("knows no installed {word:?}"),
            })
        }
    }
}

fn linked(path: &Path) -> Option<Manager> {
    match real(path).file_name()?.to_str()? {
        "rustup" | "rustup-init" => Some(Manager::Rustup),
        "mise" => Some(Manager::Mise),
        "volta-shim" => Some(Manager::Volta),
        _ => None,
    }
    // The manager itself is no shim.
    .filter(|_| {
        !matches!(
            path.file_name().and_then(|name| name.to_str()),
            Some("rustup" | "mise")
        )
    })
}

/// rustup installs its proxies as hard links where it can: the same file as the `rustup` beside it.
fn proxied(path: &Path) -> Option<Manager> {
    use std::os::unix::fs::MetadataExt;
    let same = |other: &Path| {
        let (a, b) = (
            std::fs::metadata(path).ok()?,
            std::fs::metadata(other).ok()?,
        );
        Some((a.dev(), a.ino()) == (b.dev(), b.ino()))
    };
    let rustup = path.with_file_name("rustup");
    (path != rustup && same(&rustup)?).then_some(Manager::Rustup)
}

fn scripted(path: &Path) -> Option<Manager> {
    let in_shims = path.parent()?.file_name()? == "shims";
    let script = head(path)?;
    if !in_shims || !script.starts_with("#!") {
        return None;
    }
    [("pyenv", Manager::Pyenv), ("asdf", Manager::Asdf)]
        .into_iter()
        .find_map(|(word, manager)| script.contains(word).then_some(manager))
}

/// The first kilobyte of a file as text, as far as it is text.
pub(super) fn head(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .ok()?
        .take(1024)
        .read_to_end(&mut bytes)
        .ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
