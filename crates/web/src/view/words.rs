//! Times and numbers as people say them. Pure: `now` is an argument, instants are seconds since 1970, all in UTC.
//!
//! The one place for English besides the templates: what a page says depends on how far away a time is.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Nearer than this, a date says its weekday; farther, its year.
const NEAR_DAYS: i64 = 60;

fn write(at: i64, format: &[BorrowedFormatItem<'_>]) -> String {
    let at = OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    at.to_offset(UtcOffset::UTC).format(format).unwrap_or_default()
}

/// How many midnights lie between: 1 is tomorrow, -1 yesterday.
fn days_between(now: i64, then: i64) -> i64 {
    then.div_euclid(DAY) - now.div_euclid(DAY)
}

/// For a `datetime` attribute: "2026-11-21T14:36:00Z".
#[must_use]
pub fn datetime(at: i64) -> String {
    write(at, format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z"))
}

/// "14:36".
#[must_use]
pub fn clock(at: i64) -> String {
    write(at, format_description!("[hour]:[minute]"))
}

/// "Fri 27 Nov".
#[must_use]
pub fn day(at: i64) -> String {
    write(at, format_description!("[weekday repr:short] [day padding:none] [month repr:short]"))
}

/// "28 Feb 2027".
#[must_use]
pub fn day_and_year(at: i64) -> String {
    write(at, format_description!("[day padding:none] [month repr:short] [year]"))
}

/// The day alone: "today", "Fri 27 Nov", "28 Feb 2027".
#[must_use]
pub fn date(now: i64, then: i64) -> String {
    match days_between(now, then) {
        -1 => "yesterday".to_owned(),
        0 => "today".to_owned(),
        1 => "tomorrow".to_owned(),
        days if days.abs() <= NEAR_DAYS => day(then),
        _ => day_and_year(then),
    }
}

/// The day and, where it matters, the time: "06:04" is today; "yesterday 22:10", "Fri 27 Nov, 08:00", "3 Mar 2024".
#[must_use]
pub fn at(now: i64, then: i64) -> String {
    match days_between(now, then) {
        0 => clock(then),
        days @ (-1 | 1) => format!("{} {}", if days == 1 { "tomorrow" } else { "yesterday" }, clock(then)),
        days if days.abs() <= NEAR_DAYS => format!("{}, {}", day(then), clock(then)),
        _ => day_and_year(then),
    }
}

/// What is still to come: "in 2 minutes", "in 6 days". Never promises too early: minutes and hours are rounded up.
#[must_use]
pub fn in_words(now: i64, then: i64) -> String {
    let left = then.saturating_sub(now);
    match left {
        ..=0 => "now".to_owned(),
        1..MINUTE => "in less than a minute".to_owned(),
        _ => format!(
            "in {}",
            length(left, days_between(now, then), |value, unit| value / unit + i64::from(value % unit != 0))
        ),
    }
}

/// What is past: "just now", "2 hours ago", "6 days ago".
#[must_use]
pub fn ago(now: i64, then: i64) -> String {
    let past = now.saturating_sub(then);
    match past {
        ..MINUTE => "just now".to_owned(),
        _ => format!("{} ago", length(past, days_between(then, now), |value, unit| value / unit)),
    }
}

fn length(seconds: i64, days: i64, round: impl Fn(i64, i64) -> i64) -> String {
    let minutes = round(seconds, MINUTE);
    let hours = round(seconds, HOUR);
    if minutes < 60 {
        count(minutes, "minute", "minutes")
    } else if hours < 24 {
        count(hours, "hour", "hours")
    } else if days <= NEAR_DAYS {
        count(days.max(1), "day", "days")
    } else if days < 730 {
        count(days / 30, "month", "months")
    } else {
        count(days / 365, "year", "years")
    }
}

/// "1 thing", "14 things".
#[must_use]
pub fn count(number: i64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// The beginning of a sentence: "Thirteen". From a hundred on in digits.
#[must_use]
pub fn number(value: usize) -> String {
    const SMALL: [&str; 20] = [
        "No",
        "One",
        "Two",
        "Three",
        "Four",
        "Five",
        "Six",
        "Seven",
        "Eight",
        "Nine",
        "Ten",
        "Eleven",
        "Twelve",
        "Thirteen",
        "Fourteen",
        "Fifteen",
        "Sixteen",
        "Seventeen",
        "Eighteen",
        "Nineteen",
    ];
    const TENS: [&str; 8] = ["Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety"];
    if let Some(word) = SMALL.get(value) {
        return (*word).to_owned();
    }
    match (TENS.get((value / 10).wrapping_sub(2)), SMALL.get(value % 10)) {
        (Some(tens), _) if value.is_multiple_of(10) => (*tens).to_owned(),
        (Some(tens), Some(ones)) => format!("{tens}-{}", ones.to_lowercase()),
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Saturday 21 November 2026, 14:34:10.
    const NOW: i64 = 1_795_271_650;

    #[test]
    fn an_instant_is_said_exactly() {
        assert_eq!(datetime(NOW), "2026-11-21T14:34:10Z");
        assert_eq!(clock(NOW), "14:34");
        assert_eq!(day(NOW), "Sat 21 Nov");
        assert_eq!(day_and_year(NOW + 99 * DAY), "28 Feb 2027");
    }

    #[test]
    fn a_near_date_has_its_weekday_and_a_far_one_its_year() {
        assert_eq!(date(NOW, NOW + 6 * DAY), "Fri 27 Nov");
        assert_eq!(date(NOW, NOW + 99 * DAY), "28 Feb 2027");
        assert_eq!(date(NOW, NOW - 993 * DAY), "3 Mar 2024");
        assert_eq!([date(NOW, NOW - DAY), date(NOW, NOW), date(NOW, NOW + DAY)], ["yesterday", "today", "tomorrow"]);
    }

    #[test]
    fn today_needs_only_the_clock() {
        assert_eq!(at(NOW, NOW - 8 * HOUR), "06:34");
        assert_eq!(at(NOW, NOW - 16 * HOUR), "yesterday 22:34");
        assert_eq!(at(NOW, NOW + 10 * HOUR), "tomorrow 00:34");
        assert_eq!(at(NOW, NOW + 6 * DAY), "Fri 27 Nov, 14:34");
        assert_eq!(at(NOW, NOW - 400 * DAY), "17 Oct 2025");
    }

    #[test]
    fn what_is_to_come_is_never_promised_too_early() {
        assert_eq!(in_words(NOW, NOW - 5), "now");
        assert_eq!(in_words(NOW, NOW + 59), "in less than a minute");
        assert_eq!(in_words(NOW, NOW + 60), "in 1 minute");
        assert_eq!(in_words(NOW, NOW + 61), "in 2 minutes");
        assert_eq!(in_words(NOW, NOW + 59 * MINUTE + 1), "in 1 hour");
        assert_eq!(in_words(NOW, NOW + 23 * HOUR + 1), "in 1 day");
        assert_eq!(in_words(NOW, NOW + 6 * DAY), "in 6 days");
        assert_eq!(in_words(NOW, NOW + 99 * DAY), "in 3 months");
        assert_eq!(in_words(NOW, NOW + 800 * DAY), "in 2 years");
    }

    #[test]
    fn what_is_past_is_rounded_down() {
        assert_eq!(ago(NOW, NOW + 5), "just now");
        assert_eq!(ago(NOW, NOW - 119), "1 minute ago");
        assert_eq!(ago(NOW, NOW - 2 * HOUR - 5), "2 hours ago");
        assert_eq!(ago(NOW, NOW - 6 * DAY), "6 days ago");
    }

    #[test]
    fn numbers_begin_a_sentence() {
        assert_eq!([number(0), number(1), number(13), number(20)], ["No", "One", "Thirteen", "Twenty"]);
        assert_eq!([number(21), number(99), number(100)], ["Twenty-one", "Ninety-nine", "100"]);
    }

    #[test]
    fn times_beyond_the_calendar_do_not_break() {
        assert_eq!(datetime(i64::MAX), "1970-01-01T00:00:00Z");
        assert_eq!(in_words(i64::MIN, i64::MAX).split(' ').next(), Some("in"));
        assert_eq!(ago(i64::MIN, i64::MAX), "just now");
    }
}
