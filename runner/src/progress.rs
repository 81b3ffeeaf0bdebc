//! Progress, on standard error: what runs now and how long it took. Never part of a result.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Work that takes longer than this is announced while it runs.
const PATIENCE: Duration = Duration::from_secs(2);
/// And then again at this distance.
const REMINDER: Duration = Duration::from_secs(30);

/// Where progress goes.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    shown: bool,
}

impl Progress {
    /// Progress for a person who waits; `quiet` for nobody.
    pub fn new(quiet: bool) -> Self {
        Self { shown: !quiet }
    }

    /// Says one thing.
    pub fn say(self, text: &str) {
        if self.shown {
            // Nobody reading is no reason to stop.
            let _ = writeln!(std::io::stderr(), "{}{text}", prefix());
        }
    }

    /// Waits for `work`; says that it runs when it takes long, and what it took when it did.
    pub async fn during<T>(self, what: &str, work: impl Future<Output = T>) -> T {
        let start = Instant::now();
        tokio::pin!(work);
        let mut wait = PATIENCE;
        loop {
            match tokio::time::timeout(wait, &mut work).await {
                Ok(done) => {
                    if start.elapsed() >= PATIENCE {
                        self.say(&format!("{what}: done in {}", seconds(start.elapsed())));
                    }
                    return done;
                }
                Err(_) => self.say(&format!("{what}: running for {}", seconds(start.elapsed()))),
            }
            wait = REMINDER;
        }
    }
}

/// A duration as people read it.
pub fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        0..=9 => format!("{:.2} s", duration.as_secs_f64()),
        10..=119 => format!("{:.0} s", duration.as_secs_f64()),
        long => format!("{} min {} s", long / 60, long % 60),
    }
}

/// In a log among other programs' lines, ours say whose they are.
fn prefix() -> &'static str {
    if std::io::stderr().is_terminal() {
        "  "
    } else {
        "passmuster: "
    }
}
