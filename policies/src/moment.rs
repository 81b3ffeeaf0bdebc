//! Moments: seconds of the one time that signed statements and lists of signers are written in, UTC.
//!
//! The calendar is that of RFC 3339: proleptic Gregorian, no leap seconds. Nothing here asks a clock.

use std::fmt;

/// A day, in seconds.
const DAY: i64 = 86_400;
/// 400 years of the calendar, after which it repeats, in days.
const CYCLE: i64 = 146_097;
/// From 0000-03-01 to 1970-01-01, in days: years are counted from March, so that a leap day is the last.
const BEFORE_1970: i64 = 719_468;
/// 0000-01-01 and 10000-01-01, in seconds since 1970: what four digits of a year can say.
const YEARS: std::ops::Range<i64> = -62_167_219_200..253_402_300_800;

/// Seconds since 1970-01-01T00:00:00Z, in the years 0 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(i64);

impl Moment {
    /// From seconds since 1970; none outside of the years that can be written.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        YEARS.contains(&seconds).then_some(Self(seconds))
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0
    }

    /// Reads exactly the form that is written: `2026-11-29T08:21:54Z`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let found = Self::of_digits(&text.replacen(['-', 'T', ':'], "", 5).replacen('Z', "", 1))?;
        (found.to_string() == text).then_some(found)
    }

    /// Reads the form of OpenSSH's `valid-after` and `valid-before`: `YYYYMMDD[HHMM[SS]]`, with or without a `Z`. Both are
    /// UTC here: what a list means must not depend on the machine that reads it.
    #[must_use]
    pub fn parse_compact(text: &str) -> Option<Self> {
        let digits = text.strip_suffix('Z').unwrap_or(text);
        matches!(digits.len(), 8 | 12 | 14)
            .then(|| Self::of_digits(digits))
            .flatten()
    }

    /// `YYYYMMDD` and as much of `HHMMSS` as is there.
    fn of_digits(digits: &str) -> Option<Self> {
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number = |from: usize, length: usize| match digits.get(from..from + length) {
            Some(part) => part.parse::<i64>().ok(),
            None => Some(0),
        };
        let (year, month, day) = (number(0, 4)?, number(4, 2)?, number(6, 2)?);
        let (hour, minute, second) = (number(8, 2)?, number(10, 2)?, number(12, 2)?);
        let days = days(year, month, day);
        let seconds = days * DAY + hour * 3600 + minute * 60 + second;
        let in_range = (1..=12).contains(&month) && hour < 24 && minute < 60 && second < 60;
        let found = Self::from_seconds(seconds).filter(|_| in_range)?;
        // A day that the month does not have is another one in the calendar.
        (date(days) == (year, month, day)).then_some(found)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date(self.0.div_euclid(DAY));
        let second = self.0.rem_euclid(DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

/// Days since 1970-01-01 of a date; days beyond the month's end run on.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let from_march = (month + 9) % 12;
    let year = year - i64::from(month <= 2);
    let (cycle, year) = (year.div_euclid(400), year.rem_euclid(400));
    let leap_days = year / 4 - year / 100;
    // Months from March on have 153 days in every five.
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    cycle * CYCLE + year * 365 + leap_days + day_of_year - BEFORE_1970
}

/// Year, month and day of a day since 1970-01-01.
fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + BEFORE_1970;
    let (cycle, day) = (shifted.div_euclid(CYCLE), shifted.rem_euclid(CYCLE));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = (from_march + 2) % 12 + 1;
    let day_of_month = day_of_year - (153 * from_march + 2) / 5 + 1;
    (
        cycle * 400 + year + i64::from(month <= 2),
        month,
        day_of_month,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments_are_written_and_read_back() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (1_795_940_514, "2026-11-29T08:21:54Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (YEARS.start, "0000-01-01T00:00:00Z"),
            (YEARS.end - 1, "9999-12-31T23:59:59Z"),
        ] {
            let moment = Moment::from_seconds(seconds).unwrap();
            assert_eq!(moment.to_string(), text);
            assert_eq!(Moment::parse(text), Some(moment));
        }
        assert_eq!(Moment::from_seconds(YEARS.end), None);
        assert_eq!(Moment::from_seconds(YEARS.start - 1), None);
    }

    #[test]
    fn each_day_of_eight_centuries_follows_the_one_before() {
        let mut expected = (1600, 1, 1);
        for day in days(1600, 1, 1)..days(2400, 1, 1) {
            assert_eq!(date(day), expected);
            let (year, month, today) = expected;
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                2 => 28 + i64::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            expected = match (today == length, month == 12) {
                (false, _) => (year, month, today + 1),
                (true, false) => (year, month + 1, 1),
                (true, true) => (year + 1, 1, 1),
            };
        }
    }

    #[test]
    fn only_the_one_form_is_read() {
        for wrong in [
            "",
            "2026-11-29",
            "2026-11-29T08:21:54",
            "2026-11-29T08:21:54+00:00",
            "2026-11-29 08:21:54Z",
            "2026-02-29T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-31T00:00:00Z",
            "2026-11-29T24:00:00Z",
            "2026-11-29T08:60:00Z",
            "2026-11-29T08:21:60Z",
            "2026-11-29T08:21:54.0Z",
            "02026-11-29T08:21:54Z",
            "2026-11-29T08:21:5éZ",
        ] {
            assert_eq!(Moment::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_compact_form_may_leave_out_the_time() {
        for (text, whole) in [
            ("20261129", Some("2026-11-29T00:00:00Z")),
            ("202611290821", Some("2026-11-29T08:21:00Z")),
            ("20261129082154Z", Some("2026-11-29T08:21:54Z")),
            ("2026112908", None),
            ("2026112", None),
            ("20261199", None),
            ("Z", None),
        ] {
            let found = Moment::parse_compact(text).map(|moment| moment.to_string());
            assert_eq!(found.as_deref(), whole, "{text}");
        }
    }
}
