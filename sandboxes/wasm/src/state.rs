//! What a running plugin can reach, and what it has used up: the data of its store.
//!
//! One `State` lives for one call. It holds the inputs of that call and nothing else of the host, counts
//! what the plugin takes, and keeps the first reason for which it stopped the plugin: how a call ended is
//! told from here, not from the text of an error.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::Resource;
use wasmtime::{Error, Result};

use crate::bindings::{change as wit_change, log as wit_log, prior as wit_prior};
use crate::bindings::{trees as wit_trees, types as wit_types};
use crate::capability::Capability;
use crate::change::Side;
use crate::failure::{Failure, Phase, Resource as Limited};
use crate::limits::{HANDLES, Limits, TICK};
use crate::log::{Level, Log};
use crate::prior::PriorCheck;
use crate::tree::{Tree, TreeError};

/// A tree in the hands of a plugin. Which one is in the handle's number: the host keeps no table.
#[expect(unreachable_pub, reason = "generated code re-exports it by its path")]
pub struct TreeHandle;

/// What the capabilities give.
#[derive(Clone)]
pub(crate) struct Given {
    pub(crate) base: Arc<Tree>,
    pub(crate) candidate: Arc<Tree>,
    pub(crate) prior: Arc<Vec<PriorCheck>>,
}

/// See the module.
pub(crate) struct State {
    pub(crate) limits: Limits,
    pub(crate) phase: Phase,
    pub(crate) log: Log,
    pub(crate) memory: u64,
    pub(crate) table_elements: u64,
    pub(crate) tree_bytes: u64,
    started: Instant,
    /// None in `describe`.
    given: Option<Given>,
    handles: u32,
    tree_work: u64,
    stopped: Option<Failure>,
}

impl State {
    pub(crate) fn new(limits: &Limits, given: Option<Given>) -> Self {
        Self {
            limits: limits.clone(),
            phase: Phase::Instantiate,
            log: Log::default(),
            memory: 0,
            table_elements: 0,
            tree_bytes: 0,
            started: Instant::now(),
            given,
            handles: 0,
            tree_work: 0,
            stopped: None,
        }
    }

    /// Why the plugin was stopped, if this state did it.
    pub(crate) fn stopped(&mut self) -> Option<Failure> {
        self.stopped.take()
    }

    /// Stops the plugin: the error traps it.
    pub(crate) fn stop(&mut self, failure: Failure) -> Error {
        let text = failure.to_string();
        self.stopped.get_or_insert(failure);
        Error::msg(text)
    }

    /// Stops the plugin for taking too much.
    pub(crate) fn exceeded(&mut self, resource: Limited, limit: u64) -> Error {
        let phase = self.phase;
        self.stop(Failure::Limit {
            resource,
            limit,
            phase,
        })
    }

    pub(crate) fn deadline(&self) -> Failure {
        let limit_ms = u64::try_from(self.limits.wall.as_millis()).unwrap_or(u64::MAX);
        Failure::Deadline {
            limit_ms,
            phase: self.phase,
        }
    }

    /// The rest of the time; none where it is up.
    pub(crate) fn left(&self) -> Option<Duration> {
        let left = self.limits.wall.checked_sub(self.started.elapsed())?;
        (!left.is_zero()).then_some(left)
    }

    /// Time in host functions counts as well, and they do not see epochs pass.
    fn in_time(&mut self) -> Result<()> {
        if self.started.elapsed() <= self.limits.wall + TICK {
            return Ok(());
        }
        let failure = self.deadline();
        Err(self.stop(failure))
    }

    fn given(&mut self, capability: Capability) -> Result<&Given> {
        if self.given.is_none() {
            return Err(self.stop(Failure::TooEarly { capability }));
        }
        self.given.as_ref().ok_or_else(|| Error::msg("no inputs"))
    }

    fn side(handle: &Resource<TreeHandle>) -> Side {
        match handle.rep() {
            0 => Side::Base,
            _ => Side::Candidate,
        }
    }

    fn tree(&mut self, side: Side) -> Result<Arc<Tree>> {
        let given = self.given(Capability::Trees)?;
        Ok(Arc::clone(match side {
            Side::Base => &given.base,
            Side::Candidate => &given.candidate,
        }))
    }

    /// An answer for the plugin; what is the host's fault stops it.
    fn answer<T>(
        &mut self,
        side: Side,
        answer: std::result::Result<T, TreeError>,
    ) -> Result<std::result::Result<T, wit_trees::TreeError>> {
        self.in_time()?;
        Ok(Err(match answer {
            Ok(value) => return Ok(Ok(value)),
            Err(TreeError::NotFound) => wit_trees::TreeError::NotFound,
            Err(TreeError::WrongKind) => wit_trees::TreeError::WrongKind,
            Err(TreeError::BadPath) => wit_trees::TreeError::BadPath,
            Err(TreeError::TooLarge(limit)) => wit_trees::TreeError::TooLarge(limit),
            Err(TreeError::NotText) => wit_trees::TreeError::NotText,
            Err(TreeError::Absent) => wit_trees::TreeError::Absent,
            Err(TreeError::Failed(detail)) => {
                return Err(self.stop(Failure::Tree { side, detail }));
            }
        }))
    }

    fn count_bytes(&mut self, bytes: usize) -> Result<()> {
        self.tree_bytes = self.tree_bytes.saturating_add(bytes as u64);
        if self.tree_bytes > self.limits.tree_bytes {
            return Err(self.exceeded(Limited::TreeBytes, self.limits.tree_bytes));
        }
        Ok(())
    }

    /// Each question counts for one, besides the paths that were looked at.
    fn count_work(&mut self, looked: u64) -> Result<()> {
        self.tree_work = self.tree_work.saturating_add(looked).saturating_add(1);
        if self.tree_work > self.limits.tree_work {
            return Err(self.exceeded(Limited::TreeWork, self.limits.tree_work));
        }
        Ok(())
    }
}

impl wit_types::Host for State {}

impl wit_change::Host for State {}

impl wit_log::Host for State {
    fn write(&mut self, level: wit_log::Level, message: String) -> Result<()> {
        let level = match level {
            wit_log::Level::Debug => Level::Debug,
            wit_log::Level::Info => Level::Info,
            wit_log::Level::Warn => Level::Warn,
            wit_log::Level::Error => Level::Error,
        };
        self.log.write(level, &message, self.limits.log_lines);
        self.in_time()
    }
}

impl wit_prior::Host for State {
    fn checks(&mut self) -> Result<Vec<wit_prior::Check>> {
        let prior = Arc::clone(&self.given(Capability::Prior)?.prior);
        self.in_time()?;
        Ok(prior.iter().map(Into::into).collect())
    }
}

impl wit_trees::Host for State {
    fn open(&mut self, side: wit_types::Side) -> Result<Resource<TreeHandle>> {
        self.given(Capability::Trees)?;
        if self.handles >= HANDLES {
            return Err(self.exceeded(Limited::Handles, HANDLES.into()));
        }
        self.handles += 1;
        Ok(Resource::new_own(match side {
            wit_types::Side::Base => 0,
            wit_types::Side::Candidate => 1,
        }))
    }
}

impl wit_trees::HostTree for State {
    fn read(
        &mut self,
        tree: Resource<TreeHandle>,
        path: String,
        offset: u64,
        length: u32,
    ) -> Result<std::result::Result<Vec<u8>, wit_trees::TreeError>> {
        let side = Self::side(&tree);
        self.count_work(0)?;
        let bytes = self.tree(side)?.read(&path, offset, length.into());
        self.count_bytes(bytes.as_ref().map_or(0, Vec::len))?;
        self.answer(side, bytes)
    }

    fn read_text(
        &mut self,
        tree: Resource<TreeHandle>,
        path: String,
    ) -> Result<std::result::Result<String, wit_trees::TreeError>> {
        let side = Self::side(&tree);
        self.count_work(0)?;
        let text = self.tree(side)?.read_text(&path);
        self.count_bytes(text.as_ref().map_or(0, String::len))?;
        self.answer(side, text)
    }

    fn stat(
        &mut self,
        tree: Resource<TreeHandle>,
        path: String,
    ) -> Result<std::result::Result<wit_trees::Stat, wit_trees::TreeError>> {
        let side = Self::side(&tree);
        self.count_work(0)?;
        let stat = self.tree(side)?.stat(&path);
        let stat = stat.map(|(mode, size)| wit_trees::Stat {
            mode: mode.into(),
            size,
        });
        self.answer(side, stat)
    }

    fn entries(
        &mut self,
        tree: Resource<TreeHandle>,
        path: String,
    ) -> Result<std::result::Result<Vec<wit_trees::Entry>, wit_trees::TreeError>> {
        let side = Self::side(&tree);
        let (entries, looked) = self.tree(side)?.entries(&path);
        self.count_work(looked)?;
        let entries = entries.map(|all| all.into_iter().map(Into::into).collect());
        self.answer(side, entries)
    }

    fn find(
        &mut self,
        tree: Resource<TreeHandle>,
        glob: String,
        after: Option<String>,
        limit: u32,
    ) -> Result<std::result::Result<Vec<String>, wit_trees::TreeError>> {
        let side = Self::side(&tree);
        let (found, looked) = self.tree(side)?.find(&glob, after.as_deref(), limit);
        self.count_work(looked)?;
        self.answer(side, found)
    }

    fn drop(&mut self, _tree: Resource<TreeHandle>) -> Result<()> {
        self.handles = self.handles.saturating_sub(1);
        Ok(())
    }
}
