//! Verifications under way: started once however often they are asked for, and waited for by any number of
//! calls.
//!
//! Each has a thread of its own, because reading a repository blocks. The thread reads the proposal first, so
//! that the working tree is taken as it is at the call; the candidate then gives the run its name, and one
//! that is under way already makes the new thread superfluous.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use passmuster_policy::policy::Isolation;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot, watch};

use crate::base::{Base, Choice};
use crate::digest::{digest, sha256};
use crate::error::UserError;
use crate::policy_source;
use crate::proposal::{self, Input};
use crate::repository::Repository;
use crate::verify::{Proposed, Request, Verified, World, verify_in};

/// Name of the threads that read a proposal, and then see to its verification.
const READER: &str = "proposal";
/// Most verifications at once, and most proposals that are being read; a machine has no more to give, and every one of them can wait for hours.
const MOST: usize = 8;
/// Finished ones that are remembered by name; the store has the verdicts of all.
const KEPT: usize = 64;

/// Hex digits of a run's name: as many as the ids of stored runs have.
const NAME: usize = 16;

/// How a run ended.
pub(super) type Outcome = Result<Verified, UserError>;

/// What an agent can choose.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// A patch.
    Patch(Vec<u8>),
    /// The working tree, as it is when it is read.
    WorkingTree,
}

/// What the operator chose for every run.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    /// Where the policy comes from.
    pub(super) policy: policy_source::Choice,
    /// The least isolation that is accepted.
    pub(super) isolation: Option<Isolation>,
}

/// All runs of a server.
#[derive(Debug)]
pub(super) struct Runs {
    world: World,
    terms: Terms,
    known: Mutex<BTreeMap<String, Run>>,
    /// Places for threads that read a proposal: git can keep one waiting for as long as it likes.
    readers: Arc<Semaphore>,
}

#[derive(Clone, Debug)]
struct Run {
    started: Instant,
    /// Without a value while it is under way; closed without one when its thread broke down.
    outcome: watch::Receiver<Option<Arc<Outcome>>>,
}

/// How a run stands after a wait.
#[derive(Clone, Debug)]
pub(super) enum Standing {
    /// It has been under way for so long.
    Running(Duration),
    /// It ended.
    Done(Arc<Outcome>),
    /// No run of this server has that name.
    Unknown,
}

/// A proposal that was read, and the name of its run.
struct Case {
    name: String,
    repository: Repository,
    request: Request,
}

/// What becomes of a run that was to start.
enum Entered {
    /// It is to be carried out; here goes its outcome.
    New(watch::Sender<Option<Arc<Outcome>>>),
    /// It is under way.
    Known,
}

impl Runs {
    pub(super) fn new(world: World, terms: Terms) -> Self {
        Self {
            world,
            terms,
            known: Mutex::default(),
            readers: Arc::new(Semaphore::new(MOST)),
        }
    }

    /// Starts a verification, or finds the same one under way. Answers with its name as soon as the proposal
    /// was read; waits while so many others are read.
    pub(super) async fn start(
        self: &Arc<Self>,
        root: PathBuf,
        base: Base,
        change: Change,
    ) -> Result<String, UserError> {
        let (name, named) = oneshot::channel();
        let (runs, runtime) = (Arc::clone(self), Handle::current());
        // Never closed, so there is always one in the end.
        let place = Arc::clone(&self.readers).acquire_owned().await;
        let thread = std::thread::Builder::new().name(READER.to_owned());
        let started = thread.spawn(move || {
            let case = runs.read(&root, base, change);
            drop(place);
            runs.carry_out(&runtime, case, name);
        });
        started?;
        named
            .await
            .unwrap_or_else(|_| Err(UserError::internal("reading the proposal broke down")))
    }

    /// Opens the repository and reads the proposal.
    fn read(&self, root: &Path, base: Base, change: Change) -> Result<Case, UserError> {
        self.world.cache.sweep();
        let repository = Repository::open(root, &self.world.cache.git())?;
        let (proposed, candidate) = match change {
            Change::Patch(bytes) => {
                let candidate = sha256(&bytes);
                let name = "-".to_owned();
                (Proposed::Patch { bytes, name }, candidate)
            }
            Change::WorkingTree => {
                let read = proposal::with_base(&repository, Input::WorkingTree, base.clone())?;
                let candidate = read.candidate_tree.clone();
                (Proposed::Read(Box::new(read)), candidate)
            }
        };
        let name = digest(&("run", root.to_string_lossy(), &base.tree, candidate));
        Ok(Case {
            name: name.chars().take(NAME).collect(),
            request: Request {
                repository: root.to_owned(),
                proposed,
                base: Choice::Known(base),
                policy: self.terms.policy.clone(),
                isolation: self.terms.isolation,
                checks: Vec::new(),
                use_stored: true,
                trial: false,
            },
            repository,
        })
    }

    /// Verifies, unless the same is under way. Whoever no longer waits for the name needs none.
    fn carry_out(
        &self,
        runtime: &Handle,
        case: Result<Case, UserError>,
        name: oneshot::Sender<Result<String, UserError>>,
    ) {
        let entered = case.and_then(|case| Ok((self.enter(&case.name)?, case)));
        let (entered, case) = match entered {
            Ok(entered) => entered,
            Err(error) => return drop(name.send(Err(error))),
        };
        drop(name.send(Ok(case.name)));
        if let Entered::New(outcome) = entered {
            let verified = verify_in(&self.world, &case.request, &case.repository);
            outcome.send_replace(Some(Arc::new(runtime.block_on(verified))));
            self.world.cache.tend();
        }
    }

    fn enter(&self, name: &str) -> Result<Entered, UserError> {
        let mut known = self.lock();
        let running = |run: &Run| run.is_running();
        if known.get(name).is_some_and(running) {
            return Ok(Entered::Known);
        }
        if known.values().filter(|run| running(run)).count() >= MOST {
            return Err(UserError::usage(format!(
                "{MOST} verifications are under way; wait for one of them with verify_wait"
            )));
        }
        forget_oldest(&mut known);
        let (sender, outcome) = watch::channel(None);
        let started = Instant::now();
        known.insert(name.to_owned(), Run { started, outcome });
        Ok(Entered::New(sender))
    }

    /// How a run stands at this moment.
    pub(super) fn now(&self, name: &str) -> Standing {
        let Some(run) = self.lock().get(name).cloned() else {
            return Standing::Unknown;
        };
        let outcome = run.outcome.borrow().clone();
        match outcome {
            Some(outcome) => Standing::Done(outcome),
            None => Standing::Running(run.started.elapsed()),
        }
    }

    /// Waits for the end of a run, at most for so long.
    pub(super) async fn wait(&self, name: &str, longest: Duration) -> Standing {
        let Some(mut run) = self.lock().get(name).cloned() else {
            return Standing::Unknown;
        };
        let ended = tokio::time::timeout(longest, run.outcome.wait_for(Option::is_some)).await;
        match ended {
            Err(_) => Standing::Running(run.started.elapsed()),
            Ok(Err(_)) => Standing::Done(Arc::new(Err(UserError::internal(
                "the verification broke down",
            )))),
            Ok(Ok(outcome)) => match outcome.as_ref() {
                Some(outcome) => Standing::Done(Arc::clone(outcome)),
                None => Standing::Running(run.started.elapsed()),
            },
        }
    }

    /// Waits until nothing is under way.
    pub(super) async fn idle(&self) {
        let all: Vec<Run> = self.lock().values().cloned().collect();
        for mut run in all {
            let _ = run.outcome.wait_for(Option::is_some).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Run>> {
        // The map is whole between any two statements that change it.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Run {
    fn is_running(&self) -> bool {
        self.outcome.borrow().is_none() && self.outcome.has_changed().is_ok()
    }
}

fn forget_oldest(known: &mut BTreeMap<String, Run>) {
    while known.values().filter(|run| !run.is_running()).count() >= KEPT {
        let ended = known.iter().filter(|(_, run)| !run.is_running());
        let oldest = ended.min_by_key(|(_, run)| run.started);
        let Some(name) = oldest.map(|(name, _)| name.clone()) else {
            return;
        };
        known.remove(&name);
    }
}
