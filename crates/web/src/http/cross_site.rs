//! What another site may cause: nothing (WEB-03). `Sec-Fetch-Site` decides when present, else `Origin`; neither is no browser.

use axum::http::{HeaderMap, header};

/// What the headers say of who caused a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Our own pages, a listed origin, or the person's own navigation.
    Ours,
    /// Not a browser: allowed on JSON endpoints, refused on forms without their token.
    NoBrowser,
    /// Another site, or a word that we do not know.
    Foreign,
}

/// Judges a request's headers. `own` are our origins, `listed` those that may call the JSON API.
#[must_use]
pub fn judge(headers: &HeaderMap, own: &[String], listed: &[String]) -> Cause {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("\u{fffd}"));
    let origin = text(header::ORIGIN.as_str());
    let is_listed = origin.is_some_and(|origin| listed.iter().any(|known| known == origin));
    match (text("sec-fetch-site"), origin) {
        (Some("same-origin"), _) => Cause::Ours,
        (Some("none"), _) if text("sec-fetch-mode") == Some("navigate") => Cause::Ours,
        (Some("same-site" | "cross-site"), _) if is_listed => Cause::Ours,
        (Some(_), _) => Cause::Foreign,
        (None, Some(origin)) if is_listed || own.iter().any(|known| known == origin) => Cause::Ours,
        (None, Some(_)) => Cause::Foreign,
        (None, None) => Cause::NoBrowser,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matrix_of_headers() {
        let own = ["https://id.example".to_owned()];
        let listed = ["https://app.example".to_owned()];
        let cases: &[(&[(&str, &str)], Cause)] = &[
            (&[], Cause::NoBrowser),
            (&[("sec-fetch-site", "same-origin")], Cause::Ours),
            (&[("sec-fetch-site", "same-origin"), ("origin", "https://id.example")], Cause::Ours),
            (&[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")], Cause::Ours),
            (&[("sec-fetch-site", "none")], Cause::Foreign),
            (&[("sec-fetch-site", "same-site")], Cause::Foreign),
            (&[("sec-fetch-site", "cross-site")], Cause::Foreign),
            (&[("sec-fetch-site", "same-site"), ("origin", "https://app.example")], Cause::Ours),
            (&[("sec-fetch-site", "cross-site"), ("origin", "https://app.example")], Cause::Ours),
            (&[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")], Cause::Foreign),
            (&[("sec-fetch-site", "cross-site"), ("origin", "https://id.example")], Cause::Foreign),
            (&[("sec-fetch-site", "same origin")], Cause::Foreign),
            (&[("origin", "https://id.example")], Cause::Ours),
            (&[("origin", "https://app.example")], Cause::Ours),
            (&[("origin", "https://id.example.evil")], Cause::Foreign),
            (&[("origin", "http://id.example")], Cause::Foreign),
            (&[("origin", "null")], Cause::Foreign),
            (&[("origin", "")], Cause::Foreign),
        ];
        for (headers, expected) in cases {
            let mut map = HeaderMap::new();
            for (name, value) in *headers {
                map.insert(*name, value.parse().expect("a value"));
            }
            assert_eq!(judge(&map, &own, &listed), *expected, "{headers:?}");
        }
    }
}
