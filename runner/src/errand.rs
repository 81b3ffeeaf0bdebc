//! An errand: any command in the sandbox that a check of the working tree would get.
//!
//! The command is treated as one more check of the policy: the same toolchains and grants, over the
//! same layers of tree and prepare steps, with the same limits. It differs in what the caller adds:
//! paths, limits, and streams that are passed on.

use std::ffi::OsString;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};

use passmuster_policy::change::Change;
use passmuster_policy::evidence::{PolicyRef, TreeRole};
use passmuster_policy::policy::{Check, CheckKind, Isolation, Limits, Prepare};
use passmuster_policy::reason::{Reason, ReasonCode};
use passmuster_process::{Report, SandboxError, Streams};

use crate::adapters::Phase;
use crate::basis::{self, Basis, refuse_wide_grant};
use crate::cache::LayerGuard;
use crate::content::Content;
use crate::error::UserError;
use crate::grants::{Access, Grants, View, limits};
use crate::inspect;
use crate::layers::{LayerError, Snapshot, shadowed, view};
use crate::locate::{Programs, locate};
use crate::obstacles::{sandbox_reason, shadowed_reason, step_reason};
use crate::policy_source::{Choice, PolicySourceError};
use crate::proposal::{self, Input};
use crate::repository::Repository;
use crate::self_check::machine;
use crate::session::{Machine, Session, SessionError, make_owned};
use crate::trees::Owner;
use crate::turns::{self, Company};
use crate::uses::uses;
use crate::verify::World;

/// What the caller asks for.
#[derive(Clone, Debug)]
pub struct Errand {
    /// A directory in the repository, or a plain one.
    pub repository: PathBuf,
    /// Program and arguments.
    pub command: Vec<OsString>,
    /// More host paths to read.
    pub read: Vec<PathBuf>,
    /// Host directories to change.
    pub write: Vec<PathBuf>,
    /// Limits that differ from the policy's.
    pub limits: Limits,
}

/// What came of an errand.
#[derive(Debug)]
pub struct Done {
    /// Tree id of what the command saw.
    pub tree: String,
    /// The policy that its sandbox was made by.
    pub policy: PolicyRef,
    /// The tier that its sandbox had.
    pub isolation: Option<Isolation>,
    /// The sandbox's report, or what stood in the way of starting the command.
    pub end: Result<Report, Vec<Reason>>,
    /// What is worth knowing beside it.
    pub remarks: Vec<String>,
}

/// Runs an errand.
pub async fn run(world: &World, errand: &Errand, streams: Streams) -> Result<Done, UserError> {
    world.cache.sweep();
    let repository = Repository::open(&errand.repository, &world.cache.git())?;
    let input = match repository.layout() {
        Some(_) => Input::WorkingTree,
        // A plain directory is its own base, and nothing is changed in it.
        None => Input::Patch {
            bytes: b"",
            name: "-",
        },
    };
    let base = proposal::base_of(&repository, input, None)?;
    let mut content = Content::new(repository.git(), &world.cache.git());
    let (base_tree, _) = content.snapshot(&repository, &base.tree)?;
    let basis = find_basis(world, &repository, &base_tree)?;
    let proposal = proposal::with_base(&repository, input, base)?;
    let (tree, _) = content.snapshot(&repository, &proposal.candidate_tree)?;
    let change = inspect::change(repository.git(), &base_tree.id, &tree.id)?;
    let mut remarks: Vec<String> = proposal.notes.iter().map(ToString::to_string).collect();
    remarks.extend(basis.found.reasons.iter().map(|one| one.message.clone()));
    let least = basis.policy().sandbox.isolation;
    let mut isolation = None;
    let end = match machine(world, &basis.grants, least).await? {
        Err(reason) => Err(vec![reason]),
        Ok(machine) => {
            isolation = Some(machine.isolation);
            let (read, write) = paths(errand, &repository, &machine)?;
            let case = Case {
                world,
                errand,
                basis: &basis,
                repository: &repository,
                machine: &machine,
                check: as_check(errand),
                trees: [&base_tree, &tree],
                change: &change,
            };
            case.run(&mut content, &read, &write, streams).await?
        }
    };
    Ok(Done {
        tree: tree.id,
        policy: basis.loaded.reference,
        isolation,
        end,
        remarks,
    })
}

/// By the base's policy, else by the one that would be detected.
fn find_basis(world: &World, repository: &Repository, base: &Snapshot) -> Result<Basis, UserError> {
    let find = |choice| Basis::find(repository, base, &choice, &world.operator, &world.cache);
    match find(Choice::Base) {
        Err(error) if error.code == Some(ReasonCode::PolicyMissing) => {
            find(Choice::Auto).map_err(|error| match error.code {
                Some(ReasonCode::PolicyMissing) => PolicySourceError::Missing.into(),
                _ => error,
            })
        }
        found => found,
    }
}

/// The command as the policy would name it.
fn as_check(errand: &Errand) -> Check {
    let words = errand.command.iter();
    Check {
        name: "command".to_owned(),
        kind: CheckKind::Command,
        run: words
            .map(|word| word.to_string_lossy().into_owned())
            .collect(),
        cwd: String::new(),
        env: Default::default(),
        limits: errand.limits.clone(),
        needs: None,
        git: Default::default(),
        required: true,
        paths: None,
    }
}

/// The caller's own grants, as the host's real paths.
fn paths(
    errand: &Errand,
    repository: &Repository,
    machine: &Machine,
) -> Result<(Vec<PathBuf>, Vec<PathBuf>), UserError> {
    let real = |path: &PathBuf| {
        let real = path.canonicalize().map_err(|error| {
            UserError::usage(format!("cannot grant {}: {error}", path.display()))
        })?;
        refuse_wide_grant(&real, repository)?;
        if basis::covers(&real, machine.cache.root()) {
            return Err(UserError::usage(format!(
                "cannot grant {}: it lies in or above the cache",
                path.display()
            )));
        }
        Ok(real)
    };
    let writable = |path: &PathBuf| {
        refuse_wide_grant(&std::path::absolute(path)?, repository)?;
        make_writable(path, machine.owner)?;
        real(path)
    };
    Ok((
        errand.read.iter().map(real).collect::<Result<_, _>>()?,
        errand
            .write
            .iter()
            .map(writable)
            .collect::<Result<_, _>>()?,
    ))
}

/// A new directory becomes the command's own; one that is there must be so already. Showing files
/// of root as the command's would let it leave programs behind that run as root.
fn make_writable(path: &Path, owner: Owner) -> Result<(), UserError> {
    let failed = |error| UserError::usage(format!("cannot grant {}: {error}", path.display()));
    if !path.exists() {
        std::fs::create_dir(path).map_err(failed)?;
        chown(path, Some(owner.uid), Some(owner.gid)).map_err(failed)?;
    }
    let found = path.metadata().map_err(failed)?;
    let open_to_all = found.mode() & 0o002 != 0;
    if found.uid() == owner.uid || open_to_all {
        return Ok(());
    }
    Err(UserError::usage(format!(
        "cannot grant {path}: it belongs to user {}, and the command runs as user {}; `chown -R {}:{} {path}` gives it to \
         the command",
        found.uid(),
        owner.uid,
        owner.uid,
        owner.gid,
        path = path.display()
    )))
}

/// What running one errand needs.
struct Case<'a> {
    world: &'a World,
    errand: &'a Errand,
    basis: &'a Basis,
    repository: &'a Repository,
    machine: &'a Machine,
    check: Check,
    trees: [&'a Snapshot; 2],
    change: &'a Change,
}

/// What the command will see.
struct Room {
    view: View,
    program: PathBuf,
    /// Keep the layers from being pruned.
    _guards: Vec<LayerGuard>,
}

impl Case<'_> {
    async fn run(
        &self,
        content: &mut Content,
        read: &[PathBuf],
        write: &[PathBuf],
        streams: Streams,
    ) -> Result<Result<Report, Vec<Reason>>, UserError> {
        let space = self.machine.cache.scratch()?;
        let candidate = space.path().join("candidate");
        make_owned(&candidate, self.machine.owner)?;
        let (programs, mut grants) = self.with_command();
        grants.add_paths(read, write);
        let room = match self.room(content, &programs, candidate).await? {
            Ok(room) => room,
            Err(reason) => return Ok(Err(vec![reason])),
        };
        let machine = self.machine;
        let progress = self.world.progress;
        let _turn = turns::take(&machine.cache, Company::Any, &machine.stop, progress).await?;
        let limits = limits(
            &self.errand.limits.over(&self.basis.policy().limits),
            &self.machine.capacity(),
        );
        let mut session = Session::open(self.machine, &grants, &room.view, Access::Check, limits)?;
        let arguments = self.errand.command.iter().skip(1).cloned();
        let phase = Phase {
            argv: std::iter::once(room.program.into_os_string())
                .chain(arguments)
                .collect(),
            env: grants.environment(&room.view),
            ..Phase::default()
        };
        match session.pass_on(&phase, streams).await {
            Ok(report) => Ok(Ok(report)),
            Err(SessionError::Sandbox(error)) => Ok(Err(vec![unavailable(&error)])),
            Err(error) => Err(error.into()),
        }
    }

    /// The policy's programs and grants, with what the command itself needs.
    fn with_command(&self) -> (Programs, Grants) {
        let mut policy = self.basis.policy().clone();
        policy.check.push(self.check.clone());
        let toolchains = &self.basis.found.toolchains;
        let operator = &self.basis.operator;
        let programs = Programs::find(&policy, operator, toolchains, self.repository.root());
        let mut grants = Grants::new(&policy, operator, toolchains, &programs.tools());
        let planted = self.basis.planted.iter();
        planted.for_each(|planted| grants.plant(planted));
        (programs, grants)
    }

    /// The layers, made as for a check. They are keyed by the policy's own grants, so a
    /// verification finds what this made, and this finds what a verification made.
    async fn room(
        &self,
        content: &mut Content,
        programs: &Programs,
        candidate: PathBuf,
    ) -> Result<Result<Room, Reason>, UserError> {
        let [base, tree] = self.trees;
        let policy = self.basis.policy();
        let steps: Vec<&Prepare> = policy.prepare.iter().collect();
        let mut read_blob = |entry: &crate::git::objects::TreeEntry| content.read(entry);
        let mut workshop = self
            .basis
            .workshop(self.machine, self.world.progress, &mut read_blob);
        let base_layer = workshop.base_layer(base, &steps)?;
        let base_directory = base_layer.path().join("tree");
        let prepared = workshop
            .prepare_base(base, std::slice::from_ref(&base_directory), &steps)
            .await;
        let shared = match prepared {
            Ok(layers) => layers,
            Err(error) => return self.obstacle(TreeRole::Base, error),
        };
        let touched = shadowed(self.change, base, &shared);
        if !touched.is_empty() {
            return Ok(Err(shadowed_reason(&self.check, &touched)));
        }
        workshop.candidate_layer(base, tree, &candidate)?;
        let directories = [candidate, base_directory];
        let used: Vec<_> = steps
            .iter()
            .copied()
            .zip(uses(&steps, self.change))
            .collect();
        let prepared = workshop
            .prepare_candidate(tree, &directories, &used, &shared)
            .await;
        let layers = match prepared {
            Ok(layers) => layers,
            Err(error) => return self.obstacle(TreeRole::Candidate, error),
        };
        let word = self.check.run.first().map_or("", String::as_str);
        Ok(match locate(programs, word, "", &layers) {
            Ok(program) => Ok(Room {
                view: view(&directories, &layers),
                program,
                _guards: layers
                    .into_iter()
                    .map(|layer| layer.made)
                    .chain([base_layer])
                    .collect(),
            }),
            Err(missing) => Err(Reason {
                code: ReasonCode::ToolMissing,
                check: Some(self.check.name.clone()),
                ids: vec![missing.word.clone()],
                message: missing.to_string(),
            }),
        })
    }

    fn obstacle<T>(
        &self,
        role: TreeRole,
        error: LayerError,
    ) -> Result<Result<T, Reason>, UserError> {
        Ok(Err(step_reason(&self.check, role, error)?))
    }
}

fn unavailable(error: &SandboxError) -> Reason {
    sandbox_reason(&error.to_string())
}
