//! How two ways of doing something are compared: in rounds, each of which measures both, one right
//! after the other and the first one in turn. The machine's load then meets both alike, and the
//! ratio inside a round says more than any of its times.

use std::time::{Duration, Instant};

/// What is measured, given the number of the round; gives the time that counts, so that setting up
/// and clearing away stay out.
pub type Measure<'a> = &'a mut dyn FnMut(usize) -> Duration;

/// Two series of times, round by round.
#[derive(Debug)]
pub struct Compared {
    rounds: Vec<(Duration, Duration)>,
}

/// Measures both that many times, after one round that does not count.
pub fn compare(rounds: usize, ours: Measure<'_>, peer: Measure<'_>) -> Compared {
    ours(0);
    peer(0);
    let round = |number: usize| {
        if number.is_multiple_of(2) {
            let our = ours(number);
            (our, peer(number))
        } else {
            let peer = peer(number);
            (ours(number), peer)
        }
    };
    Compared {
        rounds: (1..=rounds).map(round).collect(),
    }
}

/// The time of one call.
pub fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

impl Compared {
    /// How many rounds counted.
    pub fn count(&self) -> usize {
        self.rounds.len()
    }

    /// The median of the rounds' ratios, ours over the peer's.
    pub fn ratio(&self) -> f64 {
        let ratio = |(ours, peer): &(Duration, Duration)| ours.as_secs_f64() / peer.as_secs_f64();
        median(self.rounds.iter().map(ratio).collect())
    }

    /// The median of our times, in milliseconds.
    pub fn ours(&self) -> f64 {
        median(self.rounds.iter().map(|round| millis(round.0)).collect())
    }

    /// The median of the peer's times, in milliseconds.
    pub fn peer(&self) -> f64 {
        median(self.rounds.iter().map(|round| millis(round.1)).collect())
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The middle value; of an even number the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        (values[middle - 1] + values[middle]) / 2.0
    } else {
        values[middle]
    }
}
