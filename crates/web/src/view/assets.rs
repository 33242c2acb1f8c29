//! What pages load besides themselves, in the binary. No font, nothing of others (WEB-21); one script, without which everything works.

/// A file that a page loads.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Where it is served, the same for every realm.
    pub path: &'static str,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
}

const SVG: &str = "image/svg+xml; charset=utf-8";

/// Every asset.
pub const ALL: &[Asset] = &[
    Asset {
        path: "/assets/bailiwick.css",
        content_type: "text/css; charset=utf-8",
        bytes: include_bytes!("../../assets/bailiwick.css"),
    },
    Asset {
        path: "/assets/print.css",
        content_type: "text/css; charset=utf-8",
        bytes: include_bytes!("../../assets/print.css"),
    },
    Asset {
        path: "/assets/bailiwick.js",
        content_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../assets/bailiwick.js"),
    },
    Asset { path: "/assets/icons.svg", content_type: SVG, bytes: include_bytes!("../../assets/icons.svg") },
    Asset { path: "/assets/logo.svg", content_type: SVG, bytes: include_bytes!("../../assets/logo.svg") },
    Asset { path: "/assets/wordmark.svg", content_type: SVG, bytes: include_bytes!("../../assets/wordmark.svg") },
];

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
