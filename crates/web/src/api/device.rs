//! What a `User-Agent` says, in words that people know.

/// A device described.
#[derive(Clone, Debug)]
pub(crate) struct Described {
    /// `desktop`, `phone`, `tablet`, `other`.
    pub(crate) kind: &'static str,
    /// `Chrome`; empty if unknown.
    pub(crate) browser: String,
    /// `Windows 11`; empty if unknown.
    pub(crate) os: String,
}

impl Described {
    /// Browser and operating system, as far as they are known.
    pub(crate) fn software(&self) -> Option<String> {
        let known: Vec<&str> =
            [&self.browser, &self.os].into_iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
        (!known.is_empty()).then(|| known.join(", "))
    }
}

/// Reads a `User-Agent`.
pub(crate) fn describe(user_agent: Option<&str>) -> Described {
    let unknown = Described { kind: "other", browser: String::new(), os: String::new() };
    let Some(text) = user_agent else { return unknown };
    let program = || Described { browser: text.split(['/', ' ']).next().unwrap_or("").to_owned(), ..unknown.clone() };
    let Some(found) = woothee::parser::Parser::new().parse(text).filter(|found| found.category != "misc") else {
        return program();
    };
    let kind = match found.category {
        "pc" => "desktop",
        "smartphone" | "mobilephone" => "phone",
        _ => "other",
    };
    let known = |text: &str| if text == "UNKNOWN" { String::new() } else { text.to_owned() };
    let kind =
        if text.contains("iPad") || (text.contains("Android") && !text.contains("Mobile")) { "tablet" } else { kind };
    Described { kind, browser: known(found.name), os: known(found.os) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_recognise_their_devices() {
        let agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36";
        let found = describe(Some(agent));
        assert_eq!((found.kind, found.browser.as_str()), ("desktop", "Chrome"));
        assert!(found.os.starts_with("Windows"), "{found:?}");
        assert_eq!(describe(Some("curl/7.88.1")).browser, "curl");
        assert_eq!(describe(Some("curl/7.88.1")).software().as_deref(), Some("curl"));
        assert_eq!(found.software(), Some(format!("Chrome, {}", found.os)));
        assert_eq!(describe(None).kind, "other");
        assert_eq!(describe(None).software(), None);
    }
}
