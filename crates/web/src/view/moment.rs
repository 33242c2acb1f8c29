//! A point in time on a page: what people read, and the exact instant for the `datetime` attribute.

use super::{Language, words};

/// A point in time, and how it is to be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    now: i64,
    then: i64,
    manner: Manner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Clock,
    NextMinute,
    Day,
    Date,
    At,
    Ago,
    Left,
}

impl Moment {
    /// "14:36".
    #[must_use]
    pub const fn clock(then: i64) -> Self {
        Self { now: then, then, manner: Manner::Clock }
    }

    /// "Sat 21 Nov 2026".
    #[must_use]
    pub const fn day(then: i64) -> Self {
        Self { now: then, then, manner: Manner::Day }
    }

    /// "Fri 27 Nov", "3 Mar 2024".
    #[must_use]
    pub const fn date(now: i64, then: i64) -> Self {
        Self { now, then, manner: Manner::Date }
    }

    /// "06:04", "yesterday 22:10", "Fri 27 Nov, 08:00".
    #[must_use]
    pub const fn at(now: i64, then: i64) -> Self {
        Self { now, then, manner: Manner::At }
    }

    /// "2 hours ago".
    #[must_use]
    pub const fn ago(now: i64, then: i64) -> Self {
        Self { now, then, manner: Manner::Ago }
    }

    /// "in 6 days".
    #[must_use]
    pub const fn left(now: i64, then: i64) -> Self {
        Self { now, then, manner: Manner::Left }
    }

    /// As people say it.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        match self.manner {
            Manner::Clock => words::clock(language, self.then),
            Manner::NextMinute => {
                words::clock(language, self.then.saturating_add(59).div_euclid(60).saturating_mul(60))
            }
            Manner::Day => words::whole_day(language, self.then),
            Manner::Date => words::date(language, self.now, self.then),
            Manner::At => words::at(language, self.now, self.then),
            Manner::Ago => words::ago(language, self.now, self.then),
            Manner::Left => words::in_words(language, self.now, self.then),
        }
    }

    /// RFC 3339, UTC.
    #[must_use]
    pub fn datetime(&self) -> String {
        words::datetime(self.then)
    }
}

/// How long no further attempt is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// "14:36". The clock has no seconds, so the minute said is the first in which an attempt counts again.
    pub until: Moment,
    /// "in 2 minutes".
    pub left: Moment,
}

impl Wait {
    /// From `now` until `then`.
    #[must_use]
    pub const fn until(now: i64, then: i64) -> Self {
        Self { until: Moment { now, then, manner: Manner::NextMinute }, left: Moment::left(now, then) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_minute_that_was_said_the_wait_is_over() {
        let wait = Wait::until(1_795_271_650, 1_795_271_701);

        let said = |moment: &Moment| moment.text(Language::English);
        assert_eq!((said(&wait.until), said(&wait.left)), ("14:36".to_owned(), "in less than a minute".to_owned()));
        assert_eq!(wait.until.datetime(), "2026-11-21T14:35:01Z");
        assert_eq!(wait.until.text(Language::German), "14:36 Uhr");
    }
}
