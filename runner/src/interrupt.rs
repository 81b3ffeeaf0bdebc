//! Being told to stop: one flag that every waiting part looks at.

use crate::exit_code::Exit;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Tells when the program was asked to stop. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Stop(watch::Sender<Option<SignalKind>>);

impl Stop {
    /// Listens for SIGINT, SIGTERM and SIGHUP from now on. Sandboxes end with the flag; the program
    /// itself goes on until it has cleaned up and said what it knows.
    pub fn on_signals() -> std::io::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let sender = watch::Sender::new(None);
        let stop = Self(sender.clone());
        tokio::spawn(async move {
            loop {
                let received = tokio::select! {
                    _ = interrupt.recv() => SignalKind::interrupt(),
                    _ = terminate.recv() => SignalKind::terminate(),
                    _ = hang_up.recv() => SignalKind::hangup(),
                };
                // Asked twice: whatever keeps us, perhaps a git that waits for a pipe, is not worth
                // waiting for. Sandboxes end with us, and the next start cleans up.
                if sender.send_replace(Some(received)).is_some() {
                    std::process::exit(i32::from(Exit::Inconclusive.status()));
                }
            }
        });
        Ok(stop)
    }

    /// True once the program was asked to stop.
    pub fn is_requested(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// The number of the signal that asked.
    pub fn signal(&self) -> Option<i32> {
        self.0.borrow().map(|signal| signal.as_raw_value())
    }

    /// Asks from inside, as SIGTERM does from outside.
    pub fn ask(&self) {
        self.0.send_if_modified(|asked| {
            let first = asked.is_none();
            asked.get_or_insert(SignalKind::terminate());
            first
        });
    }

    /// Resolves when the program is asked to stop.
    pub async fn requested(self) {
        // The sender is held here: the wait has no other end.
        let _ = self.0.subscribe().wait_for(Option::is_some).await;
    }
}
