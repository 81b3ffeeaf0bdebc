//! Tells from how a call ended what was wrong.

use wasmtime::{Error, Trap, WasmBacktrace};

use crate::failure::{Failure, Phase, Resource};
use crate::limits::STACK;
use crate::link::describe_error;
use crate::state::State;
use crate::text::shortened;

/// Functions of a backtrace that are kept.
const FRAMES: usize = 10;
/// Bytes of a function's name that are kept.
const FRAME: usize = 200;
/// What wasmtime says when more bytes are handed over than were allowed. It has no type for that: a test
/// hands over too much and notices when the words change.
const TOO_MUCH_DATA: &str = "fuel allocated for hostcalls has been exhausted";

/// The cause: what the state recorded when it stopped the plugin, else the kind of trap, else where it was.
pub(crate) fn failure_of(error: &Error, state: &mut State, fuel: Option<u64>) -> Failure {
    if let Some(failure) = state.stopped() {
        return failure;
    }
    let phase = state.phase;
    if let Some(&trap) = error.downcast_ref::<Trap>() {
        return of_trap(trap, state, fuel, frames(error));
    }
    let detail = describe_error(error);
    if detail.contains(TOO_MUCH_DATA) {
        return limit(Resource::Transfer, state.limits.transfer as u64, phase);
    }
    match phase {
        Phase::Instantiate => Failure::Setup { detail },
        Phase::Describe | Phase::Check => Failure::BrokenInterface {
            detail: root_cause(error),
            phase,
        },
    }
}

fn limit(resource: Resource, limit: u64, phase: Phase) -> Failure {
    Failure::Limit {
        resource,
        limit,
        phase,
    }
}

fn of_trap(trap: Trap, state: &State, fuel: Option<u64>, frames: Vec<String>) -> Failure {
    let phase = state.phase;
    match trap {
        Trap::Interrupt => state.deadline(),
        Trap::OutOfFuel => limit(Resource::Fuel, fuel.unwrap_or_default(), phase),
        Trap::StackOverflow => limit(Resource::Stack, STACK as u64, phase),
        Trap::CannotEnterComponent
        | Trap::CannotLeaveComponent
        | Trap::InvalidChar
        | Trap::InvalidDiscriminant
        | Trap::ListOutOfBounds
        | Trap::StringOutOfBounds
        | Trap::UnalignedPointer => Failure::BrokenInterface {
            detail: trap.to_string(),
            phase,
        },
        _ => match (trap, state.log.last_error()) {
            (Trap::UnreachableCodeReached, Some(message)) => Failure::Panic {
                message: message.to_owned(),
                phase,
                frames,
            },
            _ => Failure::Trap {
                kind: trap.to_string(),
                phase,
                frames,
            },
        },
    }
}

fn root_cause(error: &Error) -> String {
    shortened(&error.root_cause().to_string(), FRAME)
}

/// The names of the functions that it was in: foreign text.
fn frames(error: &Error) -> Vec<String> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else {
        return Vec::new();
    };
    let names = backtrace
        .frames()
        .iter()
        .filter_map(|frame| frame.func_name());
    names
        .take(FRAMES)
        .map(|name| shortened(name, FRAME))
        .collect()
}
