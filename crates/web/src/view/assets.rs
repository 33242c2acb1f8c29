//! What pages load besides themselves, in the binary. No font, nothing of others (WEB-21); three scripts, without which everything works.

/// A file that a page loads.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Where it is served, the same for every realm.
    pub path: &'static str,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
    /// The same, packed once by `build.rs`. Assets hold no secret and nothing that was sent (decision 20).
    pub gzip: &'static [u8],
    /// Another one whenever the content is: an address with it may be kept for ever.
    pub version: &'static str,
}

const CSS: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml; charset=utf-8";

macro_rules! asset {
    ($file:literal, $content_type:expr) => {
        Asset {
            path: concat!("/assets/", $file),
            content_type: $content_type,
            bytes: include_bytes!(concat!("../../assets/", $file)),
            gzip: include_bytes!(concat!(env!("OUT_DIR"), "/", $file, ".gz")),
            version: env!(concat!("VERSION_", $file)),
        }
    };
}

macro_rules! address {
    ($file:literal) => {
        concat!("/assets/", $file, "?v=", env!(concat!("VERSION_", $file)))
    };
}

/// Every asset.
pub const ALL: &[Asset] = &[
    asset!("bailiwick.css", CSS),
    asset!("print.css", CSS),
    asset!("bailiwick.js", "text/javascript; charset=utf-8"),
    asset!("console.js", "text/javascript; charset=utf-8"),
    asset!("idle.js", "text/javascript; charset=utf-8"),
    asset!("icons.svg", SVG),
    asset!("logo.svg", SVG),
    asset!("wordmark.svg", SVG),
];

/// Addresses as pages name them.
pub(crate) const SHEET: &str = address!("bailiwick.css");
/// The sheet for paper.
pub(crate) const PRINT: &str = address!("print.css");
/// The script of all other pages.
pub(crate) const SCRIPT: &str = address!("bailiwick.js");
/// The script of the console.
pub(crate) const CONSOLE: &str = address!("console.js");
/// Where applications find the script that watches over a session.
pub(crate) const FOR_APPLICATIONS: &str = "/assets/idle.js";
/// What watches over a session; applications load it without its version.
pub(crate) const IDLE: &str = address!("idle.js");
/// Icons, by their names as fragments.
pub(crate) const ICONS: &str = address!("icons.svg");
/// The picture of a tab.
pub(crate) const LOGO: &str = address!("logo.svg");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sheet_stays_small_and_names_nothing_foreign() {
        let sheet =
            ALL.iter().find(|asset| asset.path.ends_with("bailiwick.css")).map(|asset| asset.bytes).unwrap_or_default();

        assert!(!sheet.is_empty() && sheet.len() < 14_000, "{} bytes", sheet.len());
        assert!(!String::from_utf8_lossy(sheet).contains("url("));
    }
}
