//! A point in time on a page: what people read, and the exact instant for the `datetime` attribute.

use super::words;

/// What people read, and the exact instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// As people say it.
    pub text: String,
    /// RFC 3339, UTC.
    pub datetime: String,
}

impl Moment {
    fn said(text: String, then: i64) -> Self {
        Self { text, datetime: words::datetime(then) }
    }

    /// "14:36".
    #[must_use]
    pub fn clock(then: i64) -> Self {
        Self::said(words::clock(then), then)
    }

    /// "Fri 27 Nov", "3 Mar 2024".
    #[must_use]
    pub fn date(now: i64, then: i64) -> Self {
        Self::said(words::date(now, then), then)
    }

    /// "06:04", "yesterday 22:10", "Fri 27 Nov, 08:00".
    #[must_use]
    pub fn at(now: i64, then: i64) -> Self {
        Self::said(words::at(now, then), then)
    }

    /// "2 hours ago".
    #[must_use]
    pub fn ago(now: i64, then: i64) -> Self {
        Self::said(words::ago(now, then), then)
    }
}

/// How long no further attempt is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// "14:36".
    pub until: Moment,
    /// "in 2 minutes".
    pub in_words: String,
}

impl Wait {
    /// From `now` until `then`. The clock has no seconds, so the minute said is the first in which it counts again.
    #[must_use]
    pub fn until(now: i64, then: i64) -> Self {
        let minute = then.saturating_add(59).div_euclid(60).saturating_mul(60);
        let until = Moment { text: words::clock(minute), datetime: words::datetime(then) };
        Self { until, in_words: words::in_words(now, then) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_minute_that_was_said_the_wait_is_over() {
        let wait = Wait::until(1_795_271_650, 1_795_271_701);

        assert_eq!((wait.until.text.as_str(), wait.in_words.as_str()), ("14:36", "in less than a minute"));
        assert_eq!(wait.until.datetime, "2026-11-21T14:35:01Z");
    }
}
