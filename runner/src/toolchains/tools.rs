//! Tools: the first word of a check's command, and what that program needs to start.

use std::path::{Path, PathBuf};

use super::grants::{is_system, minimal, too_wide};
use super::python::{self, Venv};
use super::shims::{Shim, head};
use super::{Link, Name, Operator, Toolchain, covers, operator, real};
use crate::places::{BIN, ROOT};

/// Directories that end every PATH inside.
const SYSTEM_PATH: [&str; 6] = [
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];

/// A program that a command names, and what it needs beside the toolchains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// As it must be called inside.
    pub program: PathBuf,
    /// More host paths to mount read-only at the same place, as in [`Toolchain::read`].
    pub read: Vec<PathBuf>,
    /// A link that makes the word findable on PATH inside, where nothing else does.
    pub link: Option<Link>,
}

/// A word for which there is no program; reason code `tool-missing`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} not found; {hint}; looked in {}", super::show(looked_in))]
pub struct ToolMissing {
    /// The word.
    pub word: String,
    /// The directories that were searched, in order.
    pub looked_in: Vec<PathBuf>,
    /// What to do.
    pub hint: String,
}

/// PATH inside a run: the toolchains' directories, generated links, the system's directories.
pub fn search_path(toolchains: &[Toolchain], tools: &[Tool]) -> Vec<PathBuf> {
    let mut path: Vec<PathBuf> = Vec::new();
    let links = tools
        .iter()
        .any(|tool| tool.link.is_some())
        .then(|| PathBuf::from(BIN));
    let own = toolchains
        .iter()
        .flat_map(|toolchain| toolchain.path.iter().cloned());
    for dir in own.chain(links).chain(SYSTEM_PATH.map(PathBuf::from)) {
        if !path.contains(&dir) {
            path.push(dir);
        }
    }
    path
}

/// Every program that a command line starts by name: its first word and, for cargo, the
/// subcommand that is a program of its own.
///
/// # Errors
/// The first word for which there is no program.
pub fn resolve_command(
    run: &[String],
    operator: &Operator,
    toolchains: &[Toolchain],
    repository: &Path,
) -> Result<Vec<Tool>, ToolMissing> {
    let Some(first) = run.first() else {
        return Ok(Vec::new());
    };
    let mut tools = vec![resolve_tool(first, operator, toolchains, repository)?];
    let subcommand = run
        .iter()
        .skip(1)
        .find(|word| !word.starts_with(['-', '+']));
    if let Some(word) =
        subcommand.filter(|word| first == "cargo" && !BUILT_IN.contains(&word.as_str()))
    {
        match resolve_tool(&format!("cargo-{word}"), operator, toolchains, repository) {
            Ok(tool) => tools.push(tool),
            // An alias of the tree's or the operator's configuration is no program.
            Err(missing)
                if word.len() > 2
                    && !word.contains('/')
                    && SUBCOMMANDS.contains(&word.as_str()) =>
            {
                return Err(missing);
            }
            Err(_) => {}
        }
    }
    Ok(tools)
}

/// Subcommands inside cargo itself that checks use.
const BUILT_IN: [&str; 14] = [
    "b", "build", "c", "check", "t", "test", "r", "run", "bench", "doc", "fetch", "metadata",
    "tree", "rustc",
];

/// Subcommands that are surely programs of their own, so that their absence is worth an error.
const SUBCOMMANDS: [&str; 8] = [
    "nextest", "clippy", "fmt", "deny", "audit", "machete", "llvm-cov", "hack",
];

/// Finds the program behind the first word of a command.
///
/// # Errors
/// When it is nowhere, or only inside the repository, or cannot be granted in a small directory.
pub fn resolve_tool(
    word: &str,
    operator: &Operator,
    toolchains: &[Toolchain],
    repository: &Path,
) -> Result<Tool, ToolMissing> {
    let search = Search {
        word,
        operator,
        toolchains,
        repository,
    };
    if word.contains('/') {
        return search.by_path();
    }
    if let Some(program) = search.in_toolchains() {
        return Ok(Tool {
            program,
            read: Vec::new(),
            link: None,
        });
    }
    match owner(word).filter(|name| !search.has(*name)) {
        Some(name) => Err(search.missing(format!(
            "it belongs to the toolchain \"{name}\": add it to `toolchains` under `[sandbox]`"
        ))),
        None => search.on_path(),
    }
}

/// The toolchain that a program belongs to.
fn owner(word: &str) -> Option<Name> {
    match word {
        "python" | "python3" => Some(Name::Python),
        "cargo" | "rustc" | "rustdoc" => Some(Name::Rust),
        "node" | "npm" | "npx" => Some(Name::Node),
        "go" | "gofmt" => Some(Name::Go),
        "java" | "javac" => Some(Name::Java),
        _ => None,
    }
}

struct Search<'a> {
    word: &'a str,
    operator: &'a Operator,
    toolchains: &'a [Toolchain],
    repository: &'a Path,
}

impl Search<'_> {
    fn missing(&self, hint: impl Into<String>) -> ToolMissing {
        let own = self.toolchains.iter().flat_map(|toolchain| &toolchain.path);
        ToolMissing {
            word: self.word.to_owned(),
            looked_in: own.chain(&self.operator.path).cloned().collect(),
            hint: hint.into(),
        }
    }

    fn has(&self, name: Name) -> bool {
        self.toolchains
            .iter()
            .any(|toolchain| toolchain.name == name)
    }

    /// A path with a slash: relative ones are files of the tree, those below the sandbox's own
    /// directory come from a step; a run has both anyway.
    fn by_path(&self) -> Result<Tool, ToolMissing> {
        let path = Path::new(self.word);
        // What a step made is there only once the step has run.
        if path.is_relative() || path.starts_with(ROOT) {
            return Ok(Tool {
                program: path.to_path_buf(),
                read: Vec::new(),
                link: None,
            });
        }
        if covers(path, self.repository) {
            return Err(
                self.missing("it is inside the repository: write it relative to the tree's root")
            );
        }
        if !operator::executable(path) {
            return Err(self.missing("there is no such executable file"));
        }
        let mut tool = self.grant(path)?;
        tool.link = None;
        tool.program = path.to_path_buf();
        if !is_system(path) {
            tool.read = minimal([tool.read, vec![path.to_path_buf()]].concat());
        }
        Ok(tool)
    }

    fn in_toolchains(&self) -> Option<PathBuf> {
        let link = Path::new(BIN).join(self.word);
        self.toolchains.iter().find_map(|toolchain| {
            let linked = toolchain.links.iter().any(|made| made.path == link);
            let beside = toolchain.path.iter().map(|dir| dir.join(self.word));
            linked
                .then(|| link.clone())
                .or_else(|| beside.into_iter().find(|path| operator::executable(path)))
        })
    }

    fn on_path(&self) -> Result<Tool, ToolMissing> {
        let inside = |path: &Path| covers(path, self.repository);
        let outside = self.operator.all(self.word).find(|path| !inside(path));
        let Some(path) = outside else {
            let hint = match self.operator.first(self.word) {
                Some(path) => format!(
                    "{} is inside the repository, where a change could replace it; install it outside",
                    path.display()
                ),
                None => "install it, or put its directory on PATH".to_owned(),
            };
            return Err(self.missing(hint));
        };
        match Shim::of(&path, self.operator) {
            None => self.grant(&path),
            Some(shim) => {
                let name = owner(self.word).unwrap_or(Name::Python);
                let real = shim
                    .resolve(name, self.operator, self.word, None)
                    .map_err(|error| self.missing(error.to_string()))?;
                self.grant(&real)
            }
        }
    }

    /// What a found program needs: its file, its script's interpreter, its environment.
    fn grant(&self, path: &Path) -> Result<Tool, ToolMissing> {
        if is_system(path) {
            return Ok(Tool {
                program: path.to_path_buf(),
                read: Vec::new(),
                link: None,
            });
        }
        let program = real(path);
        let mut read = vec![program.clone()];
        read.extend(package(&program));
        read.extend(self.environment(&program)?);
        let read = minimal(read);
        let wide =
            |grant: &&PathBuf| too_wide(grant, self.operator) || covers(grant, self.repository);
        if let Some(grant) = read.iter().find(wide) {
            return Err(self.missing(format!(
                "it needs {}, which would show the repository or the home directory",
                grant.display()
            )));
        }
        let link = Link {
            path: Path::new(BIN).join(self.word),
            to: program.clone(),
        };
        Ok(Tool {
            program,
            read,
            link: Some(link),
        })
    }

    fn environment(&self, program: &Path) -> Result<Vec<PathBuf>, ToolMissing> {
        let venv = Venv::around(program).map(|venv| venv.python());
        let Some(interpreter) = venv.or_else(|| shebang(program)) else {
            return Ok(Vec::new());
        };
        let is_python = interpreter
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("python"));
        if is_python && !(is_system(&interpreter) && Venv::around(&interpreter).is_none()) {
            return python::needs(&interpreter, self.operator)
                .map_err(|error| self.missing(error.to_string()));
        }
        Ok(vec![interpreter])
    }
}

/// The interpreter that a script's first line names by path; `env` looks on PATH, like everyone.
fn shebang(program: &Path) -> Option<PathBuf> {
    let head = head(program)?;
    let line = head.strip_prefix("#!")?.lines().next()?;
    line.split_whitespace().next().map(PathBuf::from)
}

/// The package directory of a program installed by npm.
fn package(program: &Path) -> Option<PathBuf> {
    program
        .ancestors()
        .filter(|dir| dir.join("package.json").is_file())
        .find(|dir| {
            let holder = |levels| dir.ancestors().nth(levels).and_then(Path::file_name);
            [1, 2]
                .iter()
                .any(|levels| holder(*levels).is_some_and(|name| name == "node_modules"))
        })
        .map(Path::to_path_buf)
}
