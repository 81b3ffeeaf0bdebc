//! The rows that are measured, and the table that is printed of them.

use passmuster_tests::rounds::Compared;

/// What a row must not exceed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// Our time over the peer's.
    Ratio(f64),
    /// Our time, in milliseconds.
    Millis(f64),
    /// Shown to judge the others by; nothing is promised.
    None,
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    what: String,
    peer: String,
    found: Result<Compared, &'static str>,
    target: Target,
}

/// The first line of the table.
pub(crate) const HEAD: &str = "| what | peer | rounds | ours | peer's | ratio | target | met |\n|---|---|---|---|---|---|---|---|";

impl Row {
    /// What was measured.
    pub(crate) fn new(what: &str, peer: &str, found: Compared, target: Target) -> Self {
        Self::of(what, peer, Ok(found), target)
    }

    /// What could not be measured, and why.
    pub(crate) fn missing(what: &str, peer: &str, why: &'static str, target: Target) -> Self {
        Self::of(what, peer, Err(why), target)
    }

    fn of(what: &str, peer: &str, found: Result<Compared, &'static str>, target: Target) -> Self {
        Self {
            what: what.to_owned(),
            peer: peer.to_owned(),
            found,
            target,
        }
    }

    /// The line in Markdown.
    pub(crate) fn line(&self) -> String {
        let (what, peer, target) = (&self.what, &self.peer, self.target());
        match &self.found {
            Err(why) => format!("| {what} | {peer} | – | – | – | – | {target} | {why} |"),
            Ok(found) => format!(
                "| {what} | {peer} | {} | {:.1} ms | {:.1} ms | {:.3} | {target} | {} |",
                found.count(),
                found.ours(),
                found.peer(),
                found.ratio(),
                self.met(found),
            ),
        }
    }

    fn target(&self) -> String {
        match self.target {
            Target::Ratio(most) => format!("≤ {most:.3}"),
            Target::Millis(most) => format!("≤ {most} ms"),
            Target::None => "–".to_owned(),
        }
    }

    fn met(&self, found: &Compared) -> &'static str {
        let met = match self.target {
            Target::Ratio(most) => found.ratio() <= most,
            Target::Millis(most) => found.ours() <= most,
            Target::None => return "–",
        };
        if met { "yes" } else { "no" }
    }
}
