//! Times and numbers as people say them, in each language. Pure: `now` is an argument, instants are seconds since 1970, all in UTC.
//!
//! What a page says depends on how far away a time is; the words for it stand in `locales/*/time.ftl`.

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

use super::Language;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Nearer than this, a date says its weekday; farther, its year.
const NEAR_DAYS: i64 = 60;

fn instant(at: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH).to_offset(UtcOffset::UTC)
}

fn write(at: i64, format: &[BorrowedFormatItem<'_>]) -> String {
    instant(at).format(format).unwrap_or_default()
}

/// How many midnights lie between: 1 is tomorrow, -1 yesterday.
fn days_between(now: i64, then: i64) -> i64 {
    then.div_euclid(DAY) - now.div_euclid(DAY)
}

/// One of the names that stand in a message, with spaces between.
fn name(language: Language, names: &'static str, number: u8) -> String {
    language.say(names).to_string().split(' ').nth(number.into()).unwrap_or_default().to_owned()
}

/// For a `datetime` attribute: "2026-11-21T14:36:00Z".
#[must_use]
pub fn datetime(at: i64) -> String {
    write(at, format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z"))
}

/// "14:36", "14:36 Uhr".
#[must_use]
pub fn clock(language: Language, at: i64) -> String {
    language.say("clock").put("time", write(at, format_description!("[hour]:[minute]"))).to_string()
}

/// "Fri 27 Nov".
#[must_use]
pub fn day(language: Language, at: i64) -> String {
    let at = instant(at);
    let message =
        language.say("day").put("weekday", name(language, "weekdays", at.weekday().number_days_from_monday()));
    let message = message.put("day", i64::from(at.day()));
    message.put("month", name(language, "months", u8::from(at.month()) - 1)).to_string()
}

/// "28 Feb 2027".
#[must_use]
pub fn day_and_year(language: Language, at: i64) -> String {
    let at = instant(at);
    let message = language.say("day-and-year").put("day", i64::from(at.day()));
    let message = message.put("month", name(language, "months", u8::from(at.month()) - 1));
    message.put("year", i64::from(at.year())).to_string()
}

/// "Sat 21 Nov 2026".
#[must_use]
pub fn whole_day(language: Language, at: i64) -> String {
    format!("{} {}", day(language, at), instant(at).year())
}

/// The day alone: "today", "Fri 27 Nov", "28 Feb 2027".
#[must_use]
pub fn date(language: Language, now: i64, then: i64) -> String {
    match days_between(now, then) {
        -1 => language.say("yesterday").to_string(),
        0 => language.say("today").to_string(),
        1 => language.say("tomorrow").to_string(),
        days if days.abs() <= NEAR_DAYS => day(language, then),
        _ => day_and_year(language, then),
    }
}

/// The day and, where it matters, the time: "06:04" is today; "yesterday 22:10", "Fri 27 Nov, 08:00", "3 Mar 2024".
#[must_use]
pub fn at(language: Language, now: i64, then: i64) -> String {
    let with_clock = |key| language.say(key).put("clock", clock(language, then));
    match days_between(now, then) {
        0 => clock(language, then),
        -1 => with_clock("yesterday-at").to_string(),
        1 => with_clock("tomorrow-at").to_string(),
        days if days.abs() <= NEAR_DAYS => with_clock("day-at").put("day", day(language, then)).to_string(),
        _ => day_and_year(language, then),
    }
}

/// What is still to come: "in 2 minutes", "in 6 days". Never promises too early: minutes and hours are rounded up.
#[must_use]
pub fn in_words(language: Language, now: i64, then: i64) -> String {
    let left = then.saturating_sub(now);
    match left {
        ..=0 => language.say("now").to_string(),
        1..MINUTE => language.say("in-less-than-a-minute").to_string(),
        _ => {
            let length =
                length(left, days_between(now, then), |value, unit| value / unit + i64::from(value % unit != 0));
            let key = match length {
                Length::Minutes(_) => "in-minutes",
                Length::Hours(_) => "in-hours",
                Length::Days(_) => "in-days",
                Length::Months(_) => "in-months",
                Length::Years(_) => "in-years",
            };
            language.say(key).put("count", length.count()).to_string()
        }
    }
}

/// What is past: "just now", "2 hours ago", "6 days ago".
#[must_use]
pub fn ago(language: Language, now: i64, then: i64) -> String {
    let past = now.saturating_sub(then);
    if past < MINUTE {
        return language.say("just-now").to_string();
    }
    let length = length(past, days_between(then, now), |value, unit| value / unit);
    let key = match length {
        Length::Minutes(_) => "minutes-ago",
        Length::Hours(_) => "hours-ago",
        Length::Days(_) => "days-ago",
        Length::Months(_) => "months-ago",
        Length::Years(_) => "years-ago",
    };
    language.say(key).put("count", length.count()).to_string()
}

#[derive(Clone, Copy)]
enum Length {
    Minutes(i64),
    Hours(i64),
    Days(i64),
    Months(i64),
    Years(i64),
}

impl Length {
    const fn count(self) -> i64 {
        match self {
            Self::Minutes(count)
            | Self::Hours(count)
            | Self::Days(count)
            | Self::Months(count)
            | Self::Years(count) => count,
        }
    }
}

fn length(seconds: i64, days: i64, round: impl Fn(i64, i64) -> i64) -> Length {
    let minutes = round(seconds, MINUTE);
    let hours = round(seconds, HOUR);
    if minutes < 60 {
        Length::Minutes(minutes)
    } else if hours < 24 {
        Length::Hours(hours)
    } else if days <= NEAR_DAYS {
        Length::Days(days.max(1))
    } else if days < 730 {
        Length::Months(days / 30)
    } else {
        Length::Years(days / 365)
    }
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
    use Language::{English, German};

    /// Saturday 21 November 2026, 14:34:10.
    const NOW: i64 = 1_795_271_650;

    #[test]
    fn an_instant_is_said_exactly() {
        assert_eq!(datetime(NOW), "2026-11-21T14:34:10Z");
        assert_eq!(clock(English, NOW), "14:34");
        assert_eq!(day(English, NOW), "Sat 21 Nov");
        assert_eq!(day_and_year(English, NOW + 99 * DAY), "28 Feb 2027");
    }

    #[test]
    fn a_near_date_has_its_weekday_and_a_far_one_its_year() {
        assert_eq!(date(English, NOW, NOW + 6 * DAY), "Fri 27 Nov");
        assert_eq!(date(English, NOW, NOW + 99 * DAY), "28 Feb 2027");
        assert_eq!(date(English, NOW, NOW - 993 * DAY), "3 Mar 2024");
        assert_eq!(
            [date(English, NOW, NOW - DAY), date(English, NOW, NOW), date(English, NOW, NOW + DAY)],
            ["yesterday", "today", "tomorrow"]
        );
    }

    #[test]
    fn today_needs_only_the_clock() {
        assert_eq!(at(English, NOW, NOW - 8 * HOUR), "06:34");
        assert_eq!(at(English, NOW, NOW - 16 * HOUR), "yesterday 22:34");
        assert_eq!(at(English, NOW, NOW + 10 * HOUR), "tomorrow 00:34");
        assert_eq!(at(English, NOW, NOW + 6 * DAY), "Fri 27 Nov, 14:34");
        assert_eq!(at(English, NOW, NOW - 400 * DAY), "17 Oct 2025");
    }

    #[test]
    fn what_is_to_come_is_never_promised_too_early() {
        assert_eq!(in_words(English, NOW, NOW - 5), "now");
        assert_eq!(in_words(English, NOW, NOW + 59), "in less than a minute");
        assert_eq!(in_words(English, NOW, NOW + 60), "in 1 minute");
        assert_eq!(in_words(English, NOW, NOW + 61), "in 2 minutes");
        assert_eq!(in_words(English, NOW, NOW + 59 * MINUTE + 1), "in 1 hour");
        assert_eq!(in_words(English, NOW, NOW + 23 * HOUR + 1), "in 1 day");
        assert_eq!(in_words(English, NOW, NOW + 6 * DAY), "in 6 days");
        assert_eq!(in_words(English, NOW, NOW + 99 * DAY), "in 3 months");
        assert_eq!(in_words(English, NOW, NOW + 800 * DAY), "in 2 years");
    }

    #[test]
    fn what_is_past_is_rounded_down() {
        assert_eq!(ago(English, NOW, NOW + 5), "just now");
        assert_eq!(ago(English, NOW, NOW - 119), "1 minute ago");
        assert_eq!(ago(English, NOW, NOW - 2 * HOUR - 5), "2 hours ago");
        assert_eq!(ago(English, NOW, NOW - 6 * DAY), "6 days ago");
    }

    #[test]
    fn numbers_begin_a_sentence() {
        assert_eq!([number(0), number(1), number(13), number(20)], ["No", "One", "Thirteen", "Twenty"]);
        assert_eq!([number(21), number(99), number(100)], ["Twenty-one", "Ninety-nine", "100"]);
    }

    #[test]
    fn times_beyond_the_calendar_do_not_break() {
        assert_eq!(datetime(i64::MAX), "1970-01-01T00:00:00Z");
        assert_eq!(in_words(English, i64::MIN, i64::MAX).split(' ').next(), Some("in"));
        assert_eq!(ago(English, i64::MIN, i64::MAX), "just now");
    }

    #[test]
    fn in_german_a_time_has_its_word_and_a_number_its_full_stop() {
        assert_eq!(clock(German, NOW), "14:34 Uhr");
        assert_eq!(date(German, NOW, NOW + 6 * DAY), "Fr., 27. Nov.");
        assert_eq!(date(German, NOW, NOW - 993 * DAY), "3. März 2024");
        assert_eq!(at(German, NOW, NOW - 16 * HOUR), "gestern, 22:34 Uhr");
        assert_eq!(at(German, NOW, NOW + 6 * DAY), "Fr., 27. Nov., 14:34 Uhr");
        assert_eq!(in_words(German, NOW, NOW + 60), "in 1 Minute");
        assert_eq!(in_words(German, NOW, NOW + 6 * DAY), "in 6 Tagen");
        assert_eq!(ago(German, NOW, NOW - 2 * HOUR - 5), "vor 2 Stunden");
        assert_eq!(ago(German, NOW, NOW - 26 * HOUR), "vor 1 Tag");
    }
}
