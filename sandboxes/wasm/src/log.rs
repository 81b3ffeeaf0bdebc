//! What a plugin logged: kept up to a limit, counted beyond it.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use crate::limits::LOG_LINE;
use crate::text::shortened;

/// How important a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// For whoever looks closely.
    Debug,
    /// For whoever looks.
    Info,
    /// Something is odd.
    Warn,
    /// Something is wrong. The last such line is the reason of a panic.
    Error,
}

impl Display for Level {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        })
    }
}

/// One line: foreign text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// How important it is.
    pub level: Level,
    /// At most [`LOG_LINE`] bytes.
    pub message: String,
}

/// The lines of one call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// The first ones, in order.
    pub lines: Vec<Line>,
    /// How many more there were.
    pub dropped: u64,
    /// The last one at level `error`, also where it was dropped.
    #[serde(skip)]
    last_error: Option<String>,
}

impl Log {
    pub(crate) fn write(&mut self, level: Level, message: &str, most: usize) {
        let message = shortened(message, LOG_LINE);
        if level == Level::Error {
            self.last_error = Some(message.clone());
        }
        if self.lines.len() < most {
            self.lines.push(Line { level, message });
        } else {
            self.dropped += 1;
        }
    }

    pub(crate) fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_beyond_the_limit_are_counted_and_the_last_error_is_remembered() {
        let mut log = Log::default();
        for number in 0..5 {
            log.write(Level::Error, &format!("line {number}"), 2);
        }
        assert_eq!((log.lines.len(), log.dropped), (2, 3));
        assert_eq!(log.last_error(), Some("line 4"));
    }

    #[test]
    fn a_long_line_is_cut_off() {
        let mut log = Log::default();
        log.write(Level::Info, &"ä".repeat(LOG_LINE), 1);
        assert!(log.lines[0].message.len() <= LOG_LINE);
        assert!(log.lines[0].message.ends_with('…'));
    }
}
