//! QR codes as SVG: black on white with four modules of margin, in both colour schemes; attributes only, no style.

use qrcode::{Color, EcLevel, QrCode};

/// A QR code, ready to be drawn: nothing of its content stands there as words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qr {
    /// Modules on a side, with the margin.
    pub size: usize,
    /// `d` of the path whose stroke, one wide, darkens the modules: a line through the middle of each run.
    pub path: String,
}

const MARGIN: usize = 4;

impl Qr {
    /// Draws `text`; `None`: it does not fit into a QR code.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
        let width = code.width();
        let mut path = String::new();
        for (number, row) in code.to_colors().chunks(width).enumerate() {
            let (mut start, mut end) = (MARGIN, None);
            for run in row.chunk_by(|left, right| left == right) {
                if run.first() == Some(&Color::Dark) {
                    let line = number + MARGIN;
                    let step = end.map_or_else(|| format!("M{start} {line}.5"), |end| format!("m{} 0", start - end));
                    path += &format!("{step}h{}", run.len());
                    end = Some(start + run.len());
                }
                start += run.len();
            }
        }
        Some(Self { size: width + 2 * MARGIN, path })
    }

    /// A document of its own, for JSON.
    #[must_use]
    pub fn svg(&self) -> String {
        let Self { size, path } = self;
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{size}v{size}H0z"/><path stroke="#000" d="{path}"/></svg>"##
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the path back: which modules it darkens.
    fn drawn(qr: &Qr) -> Vec<Vec<bool>> {
        let mut modules = vec![vec![false; qr.size]; qr.size];
        for row in qr.path.split('M').skip(1) {
            let (start, rest) = row.split_once(' ').unwrap();
            let (number, runs) = rest.split_once(".5h").unwrap();
            let (mut at, number): (usize, usize) = (start.parse().unwrap(), number.parse().unwrap());
            for run in runs.split('m') {
                let length = match run.split_once(" 0h") {
                    Some((step, length)) => {
                        at += step.parse::<usize>().unwrap();
                        length
                    }
                    None => run,
                };
                for _ in 0..length.parse().unwrap() {
                    modules[number][at] = true;
                    at += 1;
                }
            }
        }
        modules
    }

    #[test]
    fn totp_01_the_path_draws_each_dark_module_and_no_other() {
        let content = "otpauth://totp/x:y?secret=JBSWY3DPK5XXE3DEKRUGKIDQ&issuer=x";
        let code = QrCode::with_error_correction_level(content, EcLevel::M).unwrap();
        let qr = Qr::of(content).unwrap();
        let mut expected = vec![vec![false; qr.size]; qr.size];
        for (y, row) in code.to_colors().chunks(code.width()).enumerate() {
            for (x, color) in row.iter().enumerate() {
                expected[y + MARGIN][x + MARGIN] = *color == Color::Dark;
            }
        }

        assert_eq!(drawn(&qr), expected);
    }

    #[test]
    fn a_code_has_its_margin_and_says_nothing_in_clear() {
        let qr = Qr::of("otpauth://totp/A:b?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").expect("fits");

        assert!(qr.size >= 21 + 8 && qr.path.starts_with("M4 4.5h7m"), "{}", &qr.path[..20]);
        assert!(!qr.svg().contains("otpauth") && !qr.svg().contains("style"));
        assert_eq!(Qr::of(&"x".repeat(10_000)), None);
    }
}
