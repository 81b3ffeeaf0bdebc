//! Python: the real interpreter, its prefixes, every site directory, and what is installed there.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ask::{Until, ask};
use super::digest::{self, Parts};
use super::grants::is_system;
use super::pins::{Pin, Pins, numbers};
use super::shims::{Manager, Shim};
use super::{Link, Name, Operator, Toolchain, ToolchainError, missing, real};
use crate::places::{BIN, HOME};

/// Asked with `-I -S`: no user code, no `.pth` file runs, the site directories are only computed.
const QUESTION: &str = "
import json, site, sys
print(json.dumps({
    'version': '.'.join(map(str, sys.version_info[:3])),
    'base_prefix': sys.base_prefix,
    'base_exec_prefix': sys.base_exec_prefix,
    'stdlib': site.__file__.rsplit('/', 1)[0],
    'sites': site.getsitepackages([sys.base_prefix, sys.base_exec_prefix]),
    'system_path': sys.path,
    'user_base': site.getuserbase(),
    'user_site': site.getusersitepackages(),
}))";

/// What an interpreter says about itself.
#[derive(Deserialize)]
struct Answer {
    version: String,
    base_prefix: PathBuf,
    base_exec_prefix: PathBuf,
    stdlib: PathBuf,
    sites: Vec<PathBuf>,
    system_path: Vec<PathBuf>,
    user_base: PathBuf,
    user_site: PathBuf,
}

pub(super) fn discover(operator: &Operator, pins: &Pins) -> Result<Toolchain, ToolchainError> {
    let (program, answer) = choose(operator, pins.python())?;
    let venv = Venv::around(&program);
    let mut found = Toolchain::new(Name::Python, answer.version.clone(), program);
    grant_interpreter(&mut found, &answer, venv.as_ref(), operator);
    found.caches_of(operator);
    found.sha256 = digest_of(&found, &sites(&answer, venv.as_ref()))?;
    Ok(found)
}

/// The directories that an interpreter outside the system needs: for a tool's own environment.
pub(super) fn needs(program: &Path, operator: &Operator) -> Result<Vec<PathBuf>, ToolchainError> {
    let answer = describe(operator, program)?;
    let mut read = prefixes(&answer, program, operator);
    read.extend(Venv::around(program).iter().flat_map(Venv::read));
    Ok(read)
}

fn choose(operator: &Operator, pin: Option<Pin>) -> Result<(PathBuf, Answer), ToolchainError> {
    let mut first_error = None;
    let mut seen = Vec::new();
    let on_path =
        ["python3", "python"].map(|word| operator.all(word).map(move |path| (word, path)));
    let mut candidates: Vec<_> = on_path.into_iter().flatten().collect();
    // In PATH order, `python3` before `python` within a directory.
    candidates.sort_by_key(|(_, path)| {
        operator
            .path
            .iter()
            .position(|dir| path.parent() == Some(dir))
    });
    for (word, path) in candidates {
        let program = match behind(word, &path, operator, pin.as_ref()) {
            Ok(Some(program)) => program,
            Ok(None) => continue,
            Err(error) => {
                first_error.get_or_insert(error);
                continue;
            }
        };
        match describe(operator, &program) {
            Ok(answer) if fits(pin.as_ref(), &answer.version) => return Ok((program, answer)),
            Ok(answer) => seen.push(answer.version),
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    otherwise(operator, pin, seen, first_error)
}

/// No interpreter on PATH fits: another installed one, or the reason why there is none.
fn otherwise(
    operator: &Operator,
    pin: Option<Pin>,
    mut seen: Vec<String>,
    first_error: Option<ToolchainError>,
) -> Result<(PathBuf, Answer), ToolchainError> {
    let Some(pin) = pin else {
        return Err(first_error.unwrap_or_else(|| {
            missing(
                Name::Python,
                "python3",
                operator,
                "install Python 3 or put it on PATH",
            )
        }));
    };
    let installed = installed(operator);
    let names: Vec<String> = installed
        .iter()
        .map(|(version, _)| version.clone())
        .collect();
    if let Some((_, program)) = pin
        .choose(&names)
        .and_then(|chosen| installed.iter().find(|(version, _)| version == chosen))
    {
        return describe(operator, program).map(|answer| (program.clone(), answer));
    }
    seen.extend(names);
    seen.sort_by_key(|version| numbers(version));
    seen.dedup();
    Err(ToolchainError::Mismatch {
        name: Name::Python,
        pin_file: pin.file.to_owned(),
        wanted: pin.wanted,
        installed: seen,
    })
}

/// `system` and named environments are words of pyenv, not versions.
fn fits(pin: Option<&Pin>, version: &str) -> bool {
    pin.is_none_or(|pin| pin.accepts(version) || pin.wanted == "system")
}

/// The real program behind one PATH entry; none for a shim that the pin steps over.
fn behind(
    word: &str,
    path: &Path,
    operator: &Operator,
    pin: Option<&Pin>,
) -> Result<Option<PathBuf>, ToolchainError> {
    let Some(shim) = Shim::of(path, operator) else {
        return Ok(Some(path.to_path_buf()));
    };
    match pin {
        // With a pin the installed versions are searched by name, without the shim.
        Some(_) => Ok(None),
        None => {
            let program = shim.resolve(Name::Python, operator, word, None)?;
            // pyenv answers with the next program on PATH for `system`: it may be a shim again.
            Ok((Shim::of(&program, operator).is_none()).then_some(program))
        }
    }
}

/// Interpreters that pyenv and uv keep, by version.
fn installed(operator: &Operator) -> Vec<(String, PathBuf)> {
    let mut roots: Vec<PathBuf> = Vec::new();
    roots.extend(
        operator
            .all("python3")
            .chain(operator.all("python"))
            .filter_map(|path| {
                let shim = Shim::of(&path, operator)?;
                (shim.manager == Manager::Pyenv)
                    .then(|| path.parent()?.parent().map(Path::to_path_buf))?
            }),
    );
    roots.extend(operator.dir_or_home("PYENV_ROOT", ".pyenv"));
    let mut versions: Vec<PathBuf> = roots.iter().map(|root| root.join("versions")).collect();
    versions.extend(operator.dir_or_home("UV_PYTHON_INSTALL_DIR", ".local/share/uv/python"));
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for entry in versions
        .iter()
        .filter_map(|dir| std::fs::read_dir(dir).ok())
        .flatten()
        .flatten()
    {
        let program = entry.path().join("bin/python3");
        let version = entry.file_name().to_string_lossy().into_owned();
        if super::operator::executable(&program) {
            found.push((bare_version(&version), program));
        }
    }
    found.sort();
    found.dedup_by(|a, b| a.0 == b.0);
    found
}

/// uv's `cpython-3.12.1-linux-x86_64-gnu` without what surrounds the version.
fn bare_version(directory: &str) -> String {
    match directory.strip_prefix("cpython-") {
        Some(rest) => rest.split('-').next().unwrap_or(rest).to_owned(),
        None => directory.to_owned(),
    }
}

fn describe(operator: &Operator, program: &Path) -> Result<Answer, ToolchainError> {
    // The same binary stands in each virtual environment; this file tells them apart.
    let venv = program
        .parent()
        .and_then(Path::parent)
        .map(|root| root.join("pyvenv.cfg"));
    let until = Until::Rebuilt(venv.as_slice());
    let question = ["-I", "-S", "-c", QUESTION];
    let text = ask(Name::Python, operator, program, &question, &[], until)?;
    serde_json::from_str(&text).map_err(|error| ToolchainError::Ask {
        name: Name::Python,
        program: program.to_path_buf(),
        why: format!("gives an unexpected answer: {error}"),
    })
}

/// A virtual environment: a directory with `pyvenv.cfg`.
pub(super) struct Venv {
    root: PathBuf,
    /// The directory of the base interpreter, as written at creation.
    home: Option<PathBuf>,
    system_sites: bool,
}

impl Venv {
    /// The environment whose `bin` holds this program, by the path it is called with.
    pub(super) fn around(program: &Path) -> Option<Self> {
        let root = program.parent()?.parent()?.to_path_buf();
        let text = std::fs::read_to_string(root.join("pyvenv.cfg")).ok()?;
        let value = |key: &str| {
            text.lines().find_map(|line| {
                let (name, value) = line.split_once('=')?;
                (name.trim() == key).then(|| value.trim().to_owned())
            })
        };
        Some(Self {
            home: value("home").map(PathBuf::from),
            system_sites: value("include-system-site-packages")
                .is_some_and(|value| value.eq_ignore_ascii_case("true")),
            root,
        })
    }

    /// The environment and its base's prefix by the name that the environment's links use.
    fn read(&self) -> Vec<PathBuf> {
        let base = self.home.as_deref().and_then(Path::parent);
        let mut read = vec![self.root.clone()];
        read.extend(
            base.filter(|base| base.join("bin").is_dir())
                .map(Path::to_path_buf),
        );
        read
    }

    /// The environment's own interpreter.
    pub(super) fn python(&self) -> PathBuf {
        self.root.join("bin/python")
    }
}

fn grant_interpreter(
    found: &mut Toolchain,
    answer: &Answer,
    venv: Option<&Venv>,
    operator: &Operator,
) {
    found.read = prefixes(answer, &found.program, operator);
    found.read.extend(sites(answer, venv));
    if let Some(venv) = venv {
        found.read.extend(venv.read());
        found.set("VIRTUAL_ENV", venv.root.to_string_lossy());
    } else if answer.user_site.is_dir() {
        found.set("PYTHONUSERBASE", answer.user_base.to_string_lossy());
    }
    let roots = [Some(&answer.base_prefix), venv.map(|venv| &venv.root)];
    // pip reads an index address, possibly with a password, from here.
    let configs = roots
        .into_iter()
        .flatten()
        .map(|root| root.join("pip.conf"));
    found
        .masked
        .extend(configs.filter(|path| path.is_file() && !is_system(path)));
    put_on_path(found);
    found.set("PIP_NO_INDEX", "1");
    found.set("PIP_DISABLE_PIP_VERSION_CHECK", "1");
    found.set("UV_OFFLINE", "1");
    found.set("UV_PYTHON_DOWNLOADS", "never");
    // Links cannot cross from the cache's mount into an environment.
    found.set("UV_LINK_MODE", "copy");
}

impl Toolchain {
    /// The download caches of pip and uv: what makes an offline environment possible.
    fn caches_of(&mut self, operator: &Operator) {
        let below = operator.dir_or_home("XDG_CACHE_HOME", ".cache");
        for (variable, tool) in [("PIP_CACHE_DIR", "pip"), ("UV_CACHE_DIR", "uv")] {
            let host = operator
                .dir(variable)
                .or_else(|| below.as_ref().map(|below| below.join(tool)));
            if let Some(host) = host {
                self.cache(host, format!("{HOME}/.cache/{tool}"));
            }
        }
    }
}

/// The interpreter's own directories. A prefix that is shared with much else (`~/.local`) is not
/// granted whole.
fn prefixes(answer: &Answer, program: &Path, operator: &Operator) -> Vec<PathBuf> {
    let shared = operator.home.as_ref().map(|home| home.join(".local"));
    let mut read = vec![answer.stdlib.clone()];
    read.extend(
        answer
            .system_path
            .iter()
            .filter(|path| path.is_absolute())
            .cloned(),
    );
    for prefix in [&answer.base_prefix, &answer.base_exec_prefix] {
        if Some(prefix) == shared.as_ref() {
            read.extend([program.to_path_buf(), real(program)]);
        } else {
            read.extend([prefix.clone(), real(prefix)]);
        }
    }
    read
}

/// Where the interpreter finds distributions.
fn sites(answer: &Answer, venv: Option<&Venv>) -> Vec<PathBuf> {
    let minor: Vec<&str> = answer.version.splitn(3, '.').take(2).collect();
    let own = venv.map(|venv| {
        let lib = format!("lib/python{}/site-packages", minor.join("."));
        venv.root.join(lib)
    });
    let mut sites: Vec<PathBuf> = own.into_iter().collect();
    if venv.is_none_or(|venv| venv.system_sites) {
        sites.extend(answer.sites.iter().cloned());
        sites.extend(
            answer
                .system_path
                .iter()
                .filter(|path| is_packages(path))
                .cloned(),
        );
        sites.push(answer.user_site.clone());
    }
    sites.retain(|site| site.is_dir());
    sites.sort();
    sites.dedup();
    sites
}

fn is_packages(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    matches!(name, Some("site-packages" | "dist-packages"))
}

/// PATH inside has both `python` and `python3`, whatever the installation calls its program.
fn put_on_path(found: &mut Toolchain) {
    let bin = found
        .program
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default();
    let both = ["python", "python3"].iter().all(|word| {
        let path = bin.join(word);
        path.is_file() && real(&path) == real(&found.program)
    });
    if both && !is_system(&bin) {
        found.path.push(bin);
        return;
    }
    found.path.push(BIN.into());
    found.links.extend(["python", "python3"].map(|word| Link {
        path: Path::new(BIN).join(word),
        to: found.program.clone(),
    }));
    if !is_system(&bin) {
        found.path.push(bin);
    }
}

fn digest_of(found: &Toolchain, sites: &[PathBuf]) -> Result<String, ToolchainError> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| ToolchainError::Io {
            name: Name::Python,
            path,
            source,
        }
    };
    let mut parts = Parts::of(found).map_err(failed(&found.program))?;
    for site in sites {
        parts.add("site", site.as_os_str().as_encoded_bytes());
        for (entry, content) in distributions(site).map_err(failed(site))? {
            parts.add(&entry, &content);
        }
    }
    Ok(parts.finish())
}

/// What identifies each installed distribution: its directory's name and its record of files with
/// their hashes (or, without a record, its metadata), and the path files that add directories.
fn distributions(site: &Path) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(site)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let extension = path.extension().and_then(|extension| extension.to_str());
        let content = match extension {
            Some("dist-info" | "egg-info") if path.is_dir() => {
                ["RECORD", "direct_url.json", "METADATA", "PKG-INFO"]
                    .iter()
                    .filter_map(|file| digest::file(&path.join(file)).ok())
                    .collect::<String>()
                    .into_bytes()
            }
            Some("dist-info" | "egg-info" | "pth" | "egg-link") => {
                digest::file(&path)?.into_bytes()
            }
            _ => continue,
        };
        found.push((name, content));
    }
    found.sort();
    Ok(found)
}
