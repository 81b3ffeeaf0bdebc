//! Connects a component with the capabilities that it was granted, and with nothing else.

use wasmtime::component::{Component, HasSelf, Linker};

use crate::bindings::{CheckPre, change, log, prior, trees, types};
use crate::capability::{Capability, Grants};
use crate::failure::Failure;
use crate::state::State;
use crate::text::shortened;

/// Bytes of an error's text that are kept.
const DETAIL: usize = 600;

/// Links exactly these capabilities. What a component imports besides them is an error here, before any
/// of its code runs.
pub(crate) fn prepare(component: &Component, grants: &Grants) -> Result<CheckPre<State>, Failure> {
    let prepared = linker(component, grants)
        .and_then(|linker| linker.instantiate_pre(component))
        .and_then(CheckPre::new);
    prepared.map_err(|error| Failure::WrongTypes {
        detail: describe_error(&error),
    })
}

fn linker(component: &Component, grants: &Grants) -> wasmtime::Result<Linker<State>> {
    type Own = HasSelf<State>;
    let mut linker = Linker::new(component.engine());
    types::add_to_linker::<State, Own>(&mut linker, |state| state)?;
    change::add_to_linker::<State, Own>(&mut linker, |state| state)?;
    for capability in grants {
        match capability {
            Capability::Trees => {
                trees::add_to_linker::<State, Own>(&mut linker, |state| state)?;
            }
            Capability::Prior => {
                prior::add_to_linker::<State, Own>(&mut linker, |state| state)?;
            }
            Capability::Log => log::add_to_linker::<State, Own>(&mut linker, |state| state)?,
        }
    }
    Ok(linker)
}

/// An error of wasmtime with its causes, in one line.
pub(crate) fn describe_error(error: &wasmtime::Error) -> String {
    let text = format!("{error:#}");
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    shortened(&line, DETAIL)
}
