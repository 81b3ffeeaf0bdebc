//! Keeps a plugin's memories and tables within its limits.
//!
//! Growth beyond a limit ends the plugin at once instead of telling it that there is no more: few plugins
//! do anything sensible then, and the cause would be lost in a trap somewhere else.

use wasmtime::{Error, ResourceLimiter, Result};

use crate::failure::{Failure, Resource};
use crate::limits::{INSTANCES, MEMORIES, TABLES};
use crate::link::describe_error;
use crate::state::State;

/// The sum after this growth, if that is within the limit.
fn grown(sum: u64, current: usize, desired: usize, limit: u64) -> Option<u64> {
    let more = desired.saturating_sub(current) as u64;
    sum.checked_add(more).filter(|sum| *sum <= limit)
}

/// What a memory or table wants to grow from, to, and at most by its own declaration.
struct Growth(usize, usize, Option<usize>);

impl Growth {
    /// The sum of all after it, and whether it happens; none beyond the limit.
    fn on(&self, sum: u64, limit: u64) -> Option<(u64, bool)> {
        let Self(current, desired, maximum) = *self;
        // Beyond its own maximum it fails as it always does, and uses nothing up.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Some((sum, false));
        }
        grown(sum, current, desired, limit).map(|sum| (sum, true))
    }
}

/// The machine has no more: the plugin's answer would be another one elsewhere, so there is none.
fn out_of_order(state: &mut State, what: &str, error: &Error) -> Error {
    let detail = format!("{what}: {}", describe_error(error));
    state.stop(Failure::Machine { detail })
}

impl ResourceLimiter for State {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let limit = self.limits.memory;
        let growth = Growth(current, desired, maximum).on(self.memory, limit);
        let (sum, grows) = growth.ok_or_else(|| self.exceeded(Resource::Memory, limit))?;
        self.memory = sum;
        Ok(grows)
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        Err(out_of_order(self, "memory", &error))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let limit = self.limits.table_elements;
        let growth = Growth(current, desired, maximum).on(self.table_elements, limit);
        let (sum, grows) = growth.ok_or_else(|| self.exceeded(Resource::TableElements, limit))?;
        self.table_elements = sum;
        Ok(grows)
    }

    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        Err(out_of_order(self, "tables", &error))
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Metering, engine};
    use crate::limits::Limits;
    use wasmtime::{Instance, Module, Store};

    #[test]
    fn a_store_has_only_so_many_instances() {
        let engine = engine(Metering::Clock, None).unwrap();
        let empty = Module::new(&engine, b"\0asm\x01\0\0\0").unwrap();
        let mut store = Store::new(&engine, State::new(&Limits::default(), None));
        store.limiter(|state| state);
        for _ in 0..INSTANCES {
            Instance::new(&mut store, &empty, &[]).unwrap();
        }
        let one_more = Instance::new(&mut store, &empty, &[]).unwrap_err();
        assert!(one_more.to_string().contains("instance count too high"));
    }

    #[test]
    fn a_machine_without_memory_is_told_from_a_plugin_that_wants_too_much() {
        let mut state = State::new(&Limits::default(), None);
        assert!(state.memory_grow_failed(Error::msg("no room")).is_err());
        let detail = "memory: no room".to_owned();
        assert_eq!(state.stopped(), Some(Failure::Machine { detail }));
    }

    #[test]
    fn growth_counts_for_all_memories_together() {
        for (sum, current, desired, limit, expected) in [
            (0, 0, 10, 10, Some(10)),
            (5, 0, 6, 10, None),
            (5, 5, 10, 10, Some(10)),
            (5, 5, 11, 10, None),
            (u64::MAX, 0, 1, u64::MAX, None),
        ] {
            assert_eq!(grown(sum, current, desired, limit), expected);
        }
    }
}
