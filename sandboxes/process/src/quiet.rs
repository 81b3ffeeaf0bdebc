//! Whether a command still does something: it prints, or it uses the processor.
//!
//! The keeper does not see the output; the caller, who reads it, tells it.

use std::time::{Duration, Instant};

/// Less of the time than this share on the processor counts as nothing: runtimes wake up now and
/// then to look after themselves.
const IDLE_SHARE: u32 = 100;
/// The grain of the clock that counts processor time.
const GRAIN: Duration = Duration::from_millis(10);

/// Watches for a command that neither prints nor computes.
pub(crate) struct Quiet {
    since: Instant,
    cpu: Duration,
    printed: bool,
}

impl Quiet {
    pub(crate) fn new() -> Self {
        Self {
            since: Instant::now(),
            cpu: Duration::ZERO,
            printed: false,
        }
    }

    /// Something was printed since the last look.
    pub(crate) fn printed(&mut self) {
        self.printed = true;
    }

    /// How long nothing was done, given the processor time of all processes until now.
    pub(crate) fn look(&mut self, now: Instant, cpu: Duration) -> Duration {
        let still = now.saturating_duration_since(self.since);
        let computed = cpu.saturating_sub(self.cpu) >= GRAIN.max(still / IDLE_SHARE);
        if !self.printed && !computed {
            return still;
        }
        (self.since, self.cpu, self.printed) = (now, cpu, false);
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::Quiet;
    use std::time::{Duration, Instant};

    #[test]
    fn a_little_processor_time_now_and_then_is_quiet_and_more_is_not() {
        let start = Instant::now();
        let mut quiet = Quiet::new();
        quiet.since = start;
        let cases = [
            (10, 0, 10),
            (20, 150, 20), // less than a hundredth of it
            (30, 400, 0),
            (31, 405, 1),
            (32, 425, 0),
        ];
        for (second, cpu, still) in cases {
            let now = start + Duration::from_secs(second);
            let found = quiet.look(now, Duration::from_millis(cpu));
            assert_eq!(found, Duration::from_secs(still), "at {second}");
        }
        quiet.printed();
        let now = start + Duration::from_secs(40);
        assert_eq!(quiet.look(now, Duration::from_millis(425)), Duration::ZERO);
        let now = start + Duration::from_secs(41);
        assert_eq!(
            quiet.look(now, Duration::from_millis(425)),
            Duration::from_secs(1)
        );
    }
}
