//! Turns: no other sandbox runs beside the base.
//!
//! # Theory of operation
//!
//! Some of what a sandbox draws on belongs to the caller's user or to the machine, and no limit
//! covers it: inotify instances, pipe pages, pseudo-terminals, the disk. Whoever takes all of it
//! makes tests fail elsewhere; on a base, a failure excuses the candidate's own, and is kept for the
//! next one. So whatever runs for a candidate or for `sandbox` has *company*: it holds a lock of the
//! cache, shared. What runs for the base, its prepare steps included, holds it *alone*.
//!
//! Who waits to be alone holds a second lock meanwhile, through which everybody passes, so that
//! newcomers queue behind it. Its wait has an end: a command may be given any time to run, and may wait
//! for us, as in `passmuster sandbox … | passmuster verify`. Then nothing is measured at all, because a
//! base beside which something ran counts for nothing. The wait for a base needs none: its run has one.
//!
//! Nothing is asked for while a turn is held, and a turn is the last thing that is asked for (the lock
//! of a layer comes first), so no two runners wait for each other. The locks are `flock`s: they end
//! with the process.
//!
//! An id of its own for every sandbox of a root caller would not do instead: the kernel counts inotify
//! instances against whoever made the user namespace as well, which is the caller (one sandbox of root
//! can leave none for root).

use std::time::{Duration, Instant};

use crate::cache::{Cache, CacheError, NameLock, Sharing};
use crate::interrupt::Stop;
use crate::progress::Progress;
use crate::session::SessionError;

/// Held by who runs.
const RUNNING: &str = "running";
/// Passed by who wants to run; held by who waits to be alone.
const GATE: &str = "running-gate";
/// How often it is tried again.
const INTERVAL: Duration = Duration::from_millis(20);
/// Waits that take longer are explained,
const PATIENCE: Duration = Duration::from_secs(2);
/// and explained again.
const REMINDER: Duration = Duration::from_secs(60);
/// How long to wait to be alone: what ordinary runs may take.
const LONGEST: Duration = Duration::from_secs(3600);

/// Who may run at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Company {
    /// Nobody: what counts as the base.
    Alone,
    /// All but those who are to be alone.
    Any,
}

/// The right to run, until dropped.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "held, not read")] Option<NameLock>);

impl Company {
    const fn sharing(self) -> Sharing {
        match self {
            Self::Alone => Sharing::Exclusive,
            Self::Any => Sharing::Shared,
        }
    }

    const fn explained(self) -> &'static str {
        match self {
            Self::Alone => {
                "waiting until other sandboxes with this cache have ended: the base runs alone"
            }
            Self::Any => "waiting until another runner has measured its base, which runs alone",
        }
    }
}

/// Waits for a turn. Whoever is asked to stop meanwhile gets one: what it starts then ends at once.
///
/// # Errors
/// When others do not end in time, or the locks cannot be used.
pub async fn take(
    cache: &Cache,
    company: Company,
    stop: &Stop,
    progress: Progress,
) -> Result<Turn, SessionError> {
    wait(cache, company, stop, progress, LONGEST).await
}

async fn wait(
    cache: &Cache,
    company: Company,
    stop: &Stop,
    progress: Progress,
    longest: Duration,
) -> Result<Turn, SessionError> {
    let start = Instant::now();
    let mut explain = PATIENCE;
    let mut gate = None;
    loop {
        if let Some(turn) = attempt(cache, company, &mut gate)? {
            return Ok(Turn(Some(turn)));
        }
        if stop.is_requested() {
            return Ok(Turn(None));
        }
        if company == Company::Alone && start.elapsed() >= longest {
            return Err(SessionError::NeverAlone);
        }
        if start.elapsed() >= explain {
            progress.say(company.explained());
            explain = start.elapsed() + REMINDER;
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Keeps the gate once it has it.
fn attempt(
    cache: &Cache,
    company: Company,
    gate: &mut Option<NameLock>,
) -> Result<Option<NameLock>, CacheError> {
    if gate.is_none() {
        *gate = cache.try_lock(GATE, Sharing::Exclusive)?;
    }
    match gate {
        Some(_) => cache.try_lock(RUNNING, company.sharing()),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scene {
        _directory: tempfile::TempDir,
        cache: Cache,
        stop: Stop,
    }

    impl Scene {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            Self {
                cache: Cache::open(&directory.path().join("cache")).unwrap(),
                stop: Stop::on_signals().unwrap(),
                _directory: directory,
            }
        }

        async fn turn(&self, company: Company) -> Result<Turn, SessionError> {
            let longest = Duration::from_millis(200);
            let quiet = Progress::new(true);
            wait(&self.cache, company, &self.stop, quiet, longest).await
        }

        /// Whether somebody gets a turn within a moment.
        async fn gets(&self, company: Company) -> bool {
            let moment = Duration::from_millis(100);
            let taken = tokio::time::timeout(moment, self.turn(company)).await;
            matches!(taken, Ok(Ok(_)))
        }
    }

    #[tokio::test]
    async fn a_base_has_no_company_and_all_others_have_each_other() {
        use Company::{Alone, Any};
        let scene = Scene::new();
        for (first, second, both) in [
            (Any, Any, true),
            (Any, Alone, false),
            (Alone, Any, false),
            (Alone, Alone, false),
        ] {
            let held = scene.turn(first).await.unwrap();
            assert_eq!(scene.gets(second).await, both, "{first:?} {second:?}");
            drop(held);
            assert!(scene.gets(second).await, "{second:?} afterwards");
        }
    }

    #[tokio::test]
    async fn who_waits_to_be_alone_is_not_overtaken_and_gives_up_in_the_end() {
        let scene = Scene::new();
        let held = scene.turn(Company::Any).await.unwrap();
        let alone = scene.turn(Company::Alone);
        let newcomer = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            scene.gets(Company::Any).await
        };
        let (alone, newcomer) = tokio::join!(alone, newcomer);
        assert!(matches!(alone, Err(SessionError::NeverAlone)), "{alone:?}");
        assert!(!newcomer, "overtook it");
        assert!(scene.gets(Company::Any).await, "the gate is open again");
        drop(held);
    }
}
