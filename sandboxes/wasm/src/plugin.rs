//! A loaded plugin and its two calls. Each call has a store of its own: nothing of one is left for the next.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::Component;
use wasmtime::{Store, UpdateDeadline};

use crate::bindings::{Check, CheckPre, types};
use crate::capability::Grants;
use crate::change::ChangeSet;
use crate::ending::failure_of;
use crate::failure::{Failure, Phase, Resource};
use crate::host::Origin;
use crate::limits::Limits;
use crate::link::{self, describe_error};
use crate::log::Log;
use crate::prior::PriorCheck;
use crate::report::{Info, Report};
use crate::state::{Given, State};
use crate::ticker::{Ticker, epochs};
use crate::tree::Tree;
use crate::validate;

/// What a plugin judges.
#[derive(Clone)]
pub struct Inputs {
    /// The change, by value.
    pub change: ChangeSet,
    /// The plugin's configuration: JSON that its schema allows.
    pub config: String,
    /// For `trees`.
    pub base: Arc<Tree>,
    /// For `trees`.
    pub candidate: Arc<Tree>,
    /// For `prior`.
    pub prior: Arc<Vec<PriorCheck>>,
}

/// What a call came to.
#[derive(Debug)]
pub struct Answer<T> {
    /// The value, or why there is none.
    pub result: Result<T, Failure>,
    /// What was logged on the way, however it ended.
    pub log: Log,
    /// What it took.
    pub cost: Cost,
}

/// What a call took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// On the clock.
    pub wall: Duration,
    /// Bytes of linear memory.
    pub memory: u64,
    /// Bytes read from trees.
    pub tree_bytes: u64,
    /// Units of fuel, where they are counted.
    pub fuel: Option<u64>,
}

/// What was compiled, and what it needs.
pub(crate) struct Code {
    pub(crate) component: Component,
    /// Linked with what it needs.
    pub(crate) ready: CheckPre<State>,
    pub(crate) imports: Vec<String>,
    pub(crate) needs: Grants,
}

/// A component that fits the interface. Calls may run on many threads at once, and need a stack of
/// twice [`STACK`](crate::limits::STACK) bytes.
pub struct Plugin {
    code: Code,
    fuel: Option<u64>,
    sha256: String,
    origin: Origin,
    clock: Arc<Ticker>,
}

impl Plugin {
    pub(crate) fn new(
        code: Code,
        fuel: Option<u64>,
        sha256: String,
        origin: Origin,
        clock: Arc<Ticker>,
    ) -> Self {
        Self {
            code,
            fuel,
            sha256,
            origin,
            clock,
        }
    }

    /// The capabilities that it imports: without one of them it does not run.
    pub fn needs(&self) -> &Grants {
        &self.code.needs
    }

    /// The full names of the interfaces that it imports, those that only hold types included.
    pub fn imports(&self) -> &[String] {
        &self.code.imports
    }

    /// Digest of its bytes, lower-case hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Where its compiled code came from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Asks it what it is. It can use `log`; there are no trees and no prior checks yet.
    pub fn describe(&self, limits: &Limits) -> Answer<Info> {
        let call = Call {
            plugin: self,
            ready: &self.code.ready,
            phase: Phase::Describe,
        };
        let answer = call.run(limits, None, |check, store| {
            check.passmuster_check_checker().call_describe(store)
        });
        answer.and_then(|raw| validate::info(raw).map_err(|detail| Failure::InvalidInfo { detail }))
    }

    /// Has it judge a change, with no more than these grants. `info` is what it said in [`Plugin::describe`].
    pub fn check(
        &self,
        info: &Info,
        inputs: &Inputs,
        grants: &Grants,
        limits: &Limits,
    ) -> Answer<Report> {
        let ready = match self.granted(grants) {
            Ok(ready) => ready,
            Err(failure) => return Answer::none(failure),
        };
        let call = Call {
            plugin: self,
            ready: &ready,
            phase: Phase::Check,
        };
        let given = Given {
            base: Arc::clone(&inputs.base),
            candidate: Arc::clone(&inputs.candidate),
            prior: Arc::clone(&inputs.prior),
        };
        let change = (&inputs.change).into();
        let answer = call.run(limits, Some(given), |check, store| {
            let checker = check.passmuster_check_checker();
            checker.call_check(store, &change, &inputs.config)
        });
        answer.and_then(|raw| reported(raw, info, limits))
    }

    /// Linked with what is granted, and nothing else. That it needs no more is said in its own words; if that
    /// were forgotten, linking would fail.
    fn granted(&self, grants: &Grants) -> Result<CheckPre<State>, Failure> {
        match self.code.needs.difference(grants).next() {
            Some(&capability) => Err(Failure::MissingGrant { capability }),
            None => link::prepare(&self.code.component, grants),
        }
    }
}

/// What `check` returned, checked.
fn reported(
    raw: Result<types::Report, types::CheckError>,
    info: &Info,
    limits: &Limits,
) -> Result<Report, Failure> {
    let said = |message: &str| crate::text::shortened(message, crate::limits::TEXT);
    let raw = raw.map_err(|error| match error {
        types::CheckError::BadConfig(message) => Failure::BadConfig {
            message: said(&message),
        },
        types::CheckError::Unsupported(message) => Failure::Unsupported {
            message: said(&message),
        },
        types::CheckError::Internal(message) => Failure::Internal {
            message: said(&message),
        },
    })?;
    let most = limits.findings.min(crate::limits::FINDINGS);
    if raw.findings.len() > most {
        return Err(Failure::Limit {
            resource: Resource::Findings,
            limit: most as u64,
            phase: Phase::Check,
        });
    }
    validate::report(raw, info).map_err(|detail| Failure::InvalidReport { detail })
}

/// One call of a plugin.
struct Call<'a> {
    plugin: &'a Plugin,
    ready: &'a CheckPre<State>,
    phase: Phase,
}

impl Call<'_> {
    fn run<T>(
        &self,
        limits: &Limits,
        given: Option<Given>,
        call: impl FnOnce(&Check, &mut Store<State>) -> wasmtime::Result<T>,
    ) -> Answer<T> {
        let started = Instant::now();
        let mut store = match self.store(limits, given) {
            Ok(store) => store,
            Err(failure) => return Answer::none(failure),
        };
        let running = self.plugin.clock.during(store.engine());
        let ended = self.ready.instantiate(&mut store).and_then(|check| {
            store.data_mut().phase = self.phase;
            call(&check, &mut store)
        });
        drop(running);
        let fuel = self.plugin.fuel;
        let result = ended.map_err(|error| failure_of(&error, store.data_mut(), fuel));
        let left = store.get_fuel().ok();
        let state = store.into_data();
        Answer {
            result,
            cost: Cost {
                wall: started.elapsed(),
                memory: state.memory,
                tree_bytes: state.tree_bytes,
                fuel: fuel.zip(left).map(|(given, left)| given - left.min(given)),
            },
            log: state.log,
        }
    }

    /// A store with all limits in place, before the first instruction.
    fn store(&self, limits: &Limits, given: Option<Given>) -> Result<Store<State>, Failure> {
        let engine = self.plugin.code.component.engine();
        let mut store = Store::new(engine, State::new(limits, given));
        store.limiter(|state| state);
        store.set_hostcall_fuel(limits.transfer);
        // Epochs run late on a busy machine, whose sleeps are longer than asked for, by a tenth and more. So half of what is left is
        // waited for, and then the time is looked at.
        store.set_epoch_deadline(epochs(limits.wall / 2));
        store.epoch_deadline_callback(|store| match store.data().left() {
            Some(left) => Ok(UpdateDeadline::Continue(epochs(left / 2))),
            None => Ok(UpdateDeadline::Interrupt),
        });
        if let Some(fuel) = self.plugin.fuel {
            store.set_fuel(fuel).map_err(|error| Failure::Setup {
                detail: describe_error(&error),
            })?;
        }
        Ok(store)
    }
}

impl<T> Answer<T> {
    /// Nothing ran.
    fn none(failure: Failure) -> Self {
        Self {
            result: Err(failure),
            log: Log::default(),
            cost: Cost::default(),
        }
    }

    fn and_then<U>(self, next: impl FnOnce(T) -> Result<U, Failure>) -> Answer<U> {
        Answer {
            result: self.result.and_then(next),
            log: self.log,
            cost: self.cost,
        }
    }
}
