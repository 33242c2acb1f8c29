//! QR codes as SVG: black on white with four modules of margin, in both colour schemes; attributes only, no style.

use qrcode::{Color, EcLevel, QrCode};

/// A QR code, ready to be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qr {
    /// Modules on a side, with the margin.
    pub size: usize,
    /// `d` of the path of its dark modules.
    pub path: String,
}

const MARGIN: usize = 4;

impl Qr {
    /// Draws `text`; `None`: it does not fit into a QR code.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
        let width = code.width();
        let colors = code.to_colors();
        let mut path = String::new();
        for (y, row) in colors.chunks(width).enumerate() {
            let mut x = 0;
            for run in row.chunk_by(|left, right| left == right) {
                if run.first() == Some(&Color::Dark) {
                    let (left, top, length) = (x + MARGIN, y + MARGIN, run.len());
                    path.push_str(&format!("M{left} {top}h{length}v1h-{length}z"));
                }
                x += run.len();
            }
        }
        Some(Self { size: width + 2 * MARGIN, path })
    }

    /// A document of its own, for JSON.
    #[must_use]
    pub fn svg(&self) -> String {
        let Self { size, path } = self;
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{size}v{size}H0z"/><path d="{path}"/></svg>"##
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_margin_and_says_nothing_in_clear() {
        let qr = Qr::of("otpauth://totp/A:b?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").expect("fits");

        assert!(qr.size >= 21 + 8 && qr.path.starts_with("M4 4h7v1h-7z"), "{}", &qr.path[..20]);
        assert!(!qr.svg().contains("otpauth") && !qr.svg().contains("style"));
        assert_eq!(Qr::of(&"x".repeat(10_000)), None);
    }
}
