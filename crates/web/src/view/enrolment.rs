//! Binding an authenticator app: in the middle of a sign-in, or by somebody signed in.

use askama::Template;
use qrcode::{Color, EcLevel, QrCode};

use super::code::{CodeMethod, CodeProblem};
use super::trouble::Trouble;
use super::{Frame, Language, Say};

/// `GET` and a refused `POST /sign-in/enrol` or `/account/second-factor/new`: fields `code`, `label`, `csrf`.
#[derive(Clone, Debug, Template)]
#[template(path = "enrol-totp.html")]
pub struct EnrolTotp {
    /// What every page has.
    pub frame: Frame,
    /// What the form is signed with.
    pub csrf: String,
    /// Who binds it, and why.
    pub why: EnrolWhy,
    /// What the app reads; `None` if the content fits no code.
    pub qr: Option<Qr>,
    /// The same as Base32, for typing.
    pub secret: String,
    /// How the app is to be called.
    pub label: String,
    /// Why it was not bound.
    pub problem: Option<CodeProblem>,
}

/// Who binds it, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnrolWhy {
    /// Somebody who may not go on without one.
    SignIn {
        /// The role that needs it, if it is known.
        role: Option<String>,
        /// What was typed as username or e-mail, if it is known.
        identifier: Option<String>,
    },
    /// Somebody signed in who wants one, or one more.
    Account,
}

impl EnrolTotp {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(super) fn sample_of(language: Language, say: Say<'_>) -> Self {
        let address = "otpauth://totp/Havelmoor%20Clinic:teodor.ahlgrim?secret=JBSWY3DPK5XXE3DEKRUGKIDQMFZXG53P&issuer=Havelmoor%20Clinic";
        Self {
            frame: Frame::sample_of(language, say),
            csrf: say("csrf"),
            why: EnrolWhy::SignIn { role: Some(say("Physician")), identifier: Some(say("teodor.ahlgrim")) },
            qr: Qr::of(address),
            secret: "JBSWY3DPK5XXE3DEKRUGKIDQMFZXG53P".to_owned(),
            label: say("My phone"),
            problem: None,
        }
    }

    /// In groups of four, two in a row.
    fn groups(&self) -> Vec<String> {
        let letters: Vec<char> = self.secret.chars().collect();
        let group = |four: &[char]| four.iter().collect::<String>();
        letters.chunks(8).map(|row| row.chunks(4).map(group).collect::<Vec<_>>().join(" ")).collect()
    }

    fn at_sign_in(&self) -> bool {
        self.why != EnrolWhy::Account
    }

    fn trouble(&self) -> Trouble {
        self.problem.as_ref().map_or(Trouble::None, |problem| problem.trouble(&self.frame, CodeMethod::Totp))
    }
}

/// A QR code as numbers and one path: nothing of its content is in the page as words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qr {
    /// How many modules a side has, with four of margin on each.
    pub side: usize,
    /// A line through the middle of each run of dark modules, without the margin.
    pub path: String,
}

impl Qr {
    /// With 15 % of correction; `None`: too long for a QR code.
    #[must_use]
    pub fn of(content: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(content, EcLevel::M).ok()?;
        let width = code.width();
        let mut path = String::new();
        for (number, row) in code.to_colors().chunks(width).enumerate() {
            let mut start = 0;
            let mut end = None;
            for run in row.chunk_by(|left, right| left == right) {
                if run.first() == Some(&Color::Dark) {
                    let step = end.map_or_else(|| format!("M{start} {number}.5"), |end| format!("m{} 0", start - end));
                    path += &format!("{step}h{}", run.len());
                    end = Some(start + run.len());
                }
                start += run.len();
            }
        }
        Some(Self { side: width + 8, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the path back: which modules it darkens.
    fn drawn(qr: &Qr) -> Vec<Vec<bool>> {
        let width = qr.side - 8;
        let mut modules = vec![vec![false; width]; width];
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
        let expected: Vec<Vec<bool>> = code
            .to_colors()
            .chunks(code.width())
            .map(|row| row.iter().map(|color| *color == Color::Dark).collect())
            .collect();

        assert_eq!(drawn(&Qr::of(content).unwrap()), expected);
        assert_eq!(Qr::of(&"x".repeat(3000)), None);
    }

    #[test]
    fn the_secret_stands_in_groups_of_four() {
        let rows = EnrolTotp { secret: "JBSWY3DPK5XXE".to_owned(), ..EnrolTotp::sample() }.groups();

        assert_eq!(rows, ["JBSW Y3DP", "K5XX E"]);
    }
}
