//! Which language a page speaks: what `Accept-Language` asks for, among those that there are (RFC 9110, section 12.5.4; RFC 4647, lookup).

use axum::http::{HeaderMap, header};

use crate::view::Language;

/// The language that the browser likes best; English if it names none that we have.
#[must_use]
pub fn of(headers: &HeaderMap) -> Language {
    let lines = headers.get_all(header::ACCEPT_LANGUAGE).iter().filter_map(|line| line.to_str().ok());
    let mut best = (0, Language::default());
    for range in lines.flat_map(|line| line.split(',')).take(100) {
        let (name, quality) = read(range);
        if let Some(language) = known(name).filter(|_| quality > best.0) {
            best = (quality, language);
        }
    }
    best.1
}

/// A range and how much it is liked, in thousandths; what cannot be read is not liked.
fn read(range: &str) -> (&str, u16) {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let quality = match parts.next().map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="))) {
        None => 1000,
        Some(None) => 0,
        Some(Some(number)) => thousandths(number),
    };
    (name, quality)
}

/// "1", "0.8", "0.875": at most three digits after the point.
fn thousandths(number: &str) -> u16 {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
    match whole {
        "1" if digits && part.bytes().all(|b| b == b'0') => 1000,
        "0" if digits => format!("{part:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

/// `de-AT` and `de` are German; `*` is whatever comes first.
fn known(range: &str) -> Option<Language> {
    if range == "*" {
        return Some(Language::default());
    }
    let primary = range.split('-').next()?;
    Language::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
}

#[cfg(test)]
mod tests {
    use Language::{English, German};

    use super::*;

    #[test]
    fn the_best_liked_language_that_there_is_wins() {
        for (sent, expected) in [
            ("", English),
            ("de", German),
            ("DE-at", German),
            ("de-AT,de;q=0.9,en;q=0.8", German),
            ("en-GB,en;q=0.9,de;q=0.8", English),
            ("fr,de;q=0.7,en;q=0.3", German),
            ("fr, en;q=0.3 , de ; q=0.7", German),
            ("fr;q=1,es", English),
            ("de;q=0", English),
            ("de;q=0.000,en;q=0.001", English),
            ("en;q=0.5,de;q=0.5", English),
            ("de;q=0.5,en;q=0.5", German),
            ("*,de;q=0.9", English),
            ("de,*;q=0.5", German),
            ("de;q=1.1,en;q=0.1", English),
            ("de;q=0.9999,en;q=0.1", English),
            ("de;level=1,en;q=0.1", English),
            ("deu", English),
            ("de\u{e9}", English),
            (";;;,,,q=,-", English),
        ] {
            let mut headers = HeaderMap::new();
            if let Ok(value) = axum::http::HeaderValue::from_bytes(sent.as_bytes()) {
                headers.insert(header::ACCEPT_LANGUAGE, value);
            }
            assert_eq!(of(&headers), expected, "{sent}");
        }
    }

    #[test]
    fn two_lines_count_as_one() {
        let mut headers = HeaderMap::new();
        headers.append(header::ACCEPT_LANGUAGE, "en;q=0.5".parse().unwrap());
        headers.append(header::ACCEPT_LANGUAGE, "de".parse().unwrap());
        assert_eq!(of(&headers), German);
    }
}
