//! The clock of running plugins: one thread that counts epochs while any call runs, and sleeps otherwise.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use wasmtime::Engine;

use crate::limits::TICK;

/// Counts the epochs of the engines that have a call running.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Engines with the number of their running calls.
    running: Vec<(Engine, usize)>,
    closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until the ticker is dropped.
    fn run(&self) {
        loop {
            let mut state = self.lock();
            while state.running.is_empty() && !state.closed {
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            if state.closed {
                return;
            }
            state
                .running
                .iter()
                .for_each(|(engine, _)| engine.increment_epoch());
            drop(state);
            thread::sleep(TICK);
        }
    }
}

impl Ticker {
    /// Starts the thread.
    pub(crate) fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        thread::Builder::new()
            .name("plugin-clock".to_owned())
            .spawn(move || own.run())?;
        Ok(Self { shared })
    }

    /// Counts this engine's epochs until the guard is dropped.
    pub(crate) fn during<'a>(&'a self, engine: &Engine) -> Running<'a> {
        let mut state = self.shared.lock();
        match state
            .running
            .iter_mut()
            .find(|(one, _)| Engine::same(one, engine))
        {
            Some((_, calls)) => *calls += 1,
            None => state.running.push((engine.clone(), 1)),
        }
        self.shared.changed.notify_one();
        Running {
            ticker: self,
            engine: engine.clone(),
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_one();
    }
}

/// A call that runs.
pub(crate) struct Running<'a> {
    ticker: &'a Ticker,
    engine: Engine,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut state = self.ticker.shared.lock();
        for (engine, calls) in &mut state.running {
            if Engine::same(engine, &self.engine) {
                *calls -= 1;
            }
        }
        state.running.retain(|(_, calls)| *calls > 0);
    }
}

/// The number of epochs after which this much time has passed; the first may be a short one.
pub(crate) fn epochs(time: Duration) -> u64 {
    let whole = time.as_nanos().div_ceil(TICK.as_nanos());
    u64::try_from(whole)
        .unwrap_or(u64::MAX / 2)
        .min(u64::MAX / 2)
        + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_never_earlier_than_its_time() {
        for (milliseconds, expected) in [(0, 1), (1, 2), (10, 2), (11, 3), (1_000, 101)] {
            assert_eq!(epochs(Duration::from_millis(milliseconds)), expected);
        }
        assert!(epochs(Duration::MAX) > 1 << 62);
    }

    #[test]
    fn epochs_are_counted_once_however_many_calls_an_engine_has() {
        let ticker = Ticker::start().unwrap();
        let engine = Engine::default();
        let first = ticker.during(&engine);
        let second = ticker.during(&engine);
        assert_eq!(ticker.shared.lock().running.len(), 1);
        drop(first);
        assert_eq!(ticker.shared.lock().running[0].1, 1);
        drop(second);
        assert!(ticker.shared.lock().running.is_empty());
    }
}
