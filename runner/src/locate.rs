//! Which program a command's first word is, inside the sandbox.
//!
//! Three places, in the order of PATH: what prepare steps made (`/sandbox/env/venv/bin`), the
//! toolchains and named tools of the host, and, for a word with a slash, the tree itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use passmuster_policy::policy::Policy;

use crate::layers::Layer;
use crate::places;
use crate::toolchains::{Operator, Tool, ToolMissing, Toolchain, resolve_command};

/// The programs that the commands of a policy name, as far as the host has them.
#[derive(Clone, Debug, Default)]
pub struct Programs {
    found: BTreeMap<String, Tool>,
    missing: BTreeMap<String, ToolMissing>,
    more: Vec<Tool>,
}

impl Programs {
    /// Looks for every program that the policy's commands name.
    pub fn find(
        policy: &Policy,
        operator: &Operator,
        toolchains: &[Toolchain],
        repository: &Path,
    ) -> Self {
        let mut programs = Self::default();
        let steps = policy.prepare.iter().map(|step| &step.run);
        let services = policy.service.iter().map(|service| &service.run);
        let checks = policy.check.iter().map(|check| &check.run);
        for run in steps.chain(services).chain(checks) {
            programs.add(run, operator, toolchains, repository);
        }
        programs
    }

    fn add(
        &mut self,
        run: &[String],
        operator: &Operator,
        toolchains: &[Toolchain],
        repository: &Path,
    ) {
        let Some(word) = run.first().filter(|word| !is_inside(word)) else {
            return;
        };
        match resolve_command(run, operator, toolchains, repository) {
            Ok(tools) => {
                let mut tools = tools.into_iter();
                if let Some(first) = tools.next() {
                    self.found.insert(word.clone(), first);
                }
                self.more.extend(tools);
            }
            Err(missing) => {
                self.missing.insert(word.clone(), missing);
            }
        }
    }

    /// Everything that has to be granted for them.
    pub fn tools(&self) -> Vec<Tool> {
        self.found.values().chain(&self.more).cloned().collect()
    }
}

/// The program behind `word` for a command that runs in `cwd` (below the tree) over these layers.
pub fn locate(
    programs: &Programs,
    word: &str,
    cwd: &str,
    layers: &[Layer],
) -> Result<PathBuf, ToolMissing> {
    if Path::new(word).starts_with(places::ROOT) {
        return Ok(word.into());
    }
    if is_inside(word) {
        return Ok(Path::new(places::TREE).join(cwd).join(word));
    }
    let prepared = layers
        .iter()
        .rev()
        .flat_map(|layer| &layer.prepends)
        .map(|directory| directory.join(word));
    if let Some(program) = prepared.into_iter().find(|path| is_made(path, layers)) {
        return Ok(program);
    }
    match (programs.found.get(word), programs.missing.get(word)) {
        (Some(tool), _) => Ok(tool.program.clone()),
        (None, Some(missing)) => Err(missing.clone()),
        (None, None) => Err(ToolMissing {
            word: word.to_owned(),
            looked_in: Vec::new(),
            hint: "no command of the policy names it".to_owned(),
        }),
    }
}

/// True for a word that names something inside the sandbox: a path below the tree or `/sandbox`.
fn is_inside(word: &str) -> bool {
    Path::new(word).starts_with(places::ROOT) || (word.contains('/') && !word.starts_with('/'))
}

/// Whether a prepare step made this path (as seen inside).
fn is_made(path: &Path, layers: &[Layer]) -> bool {
    let places = [(places::ENV, "env"), (places::TREE, "tree")];
    places.iter().any(|(inside, part)| {
        let below = path.strip_prefix(inside).ok();
        below.is_some_and(|below| {
            // A link is enough: a virtual environment's python points to the host's.
            layers
                .iter()
                .any(|layer| fs::symlink_metadata(layer.made.path().join(part).join(below)).is_ok())
        })
    })
}
