//! Binding an authenticator app: in the middle of a sign-in, or by somebody signed in.

use askama::Template;

use super::code::{CodeMethod, CodeProblem};
use super::factor::FactorProblem;
use super::trouble::Trouble;
use super::{Frame, Language, Qr, Say};

/// `GET` and a refused `POST /sign-in/enrol` (fields `code`, `label`), or the answer to `POST /account/second-factor/new`, whose form goes to
/// `/account/second-factor/confirm` (fields `id`, `code`); `csrf`.
#[derive(Clone, Debug, Template)]
#[template(path = "enrol-totp.html")]
pub struct EnrolTotp {
    /// What every page has.
    pub frame: Frame,
    /// What the form is signed with.
    pub csrf: String,
    /// Who binds it, and why.
    pub why: EnrolWhy,
    /// What the app reads; `None`: it was shown before, or fits no QR code.
    pub qr: Option<Qr>,
    /// The same as Base32, for typing; empty: it was shown before.
    pub secret: String,
    /// How the app is to be called; asked for in a sign-in alone.
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
    Account {
        /// What is being bound.
        id: String,
    },
}

/// `GET` and a refused `POST /account/second-factor/new`: fields `label`, `csrf`.
#[derive(Clone, Debug, Template)]
#[template(path = "factor-new.html")]
pub struct NewFactor {
    /// What every page has.
    pub frame: Frame,
    /// What the form is signed with.
    pub csrf: String,
    /// What was typed.
    pub label: String,
    /// Why it did not begin.
    pub problem: Option<FactorProblem>,
}

impl NewFactor {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(super) fn sample_of(language: Language, say: Say<'_>) -> Self {
        Self { frame: Frame::sample_of(language, say), csrf: say("csrf"), label: say("My phone"), problem: None }
    }

    fn trouble(&self) -> Trouble {
        self.problem.map_or(Trouble::None, |problem| problem.trouble(&self.frame))
    }
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
        matches!(self.why, EnrolWhy::SignIn { .. })
    }

    fn trouble(&self) -> Trouble {
        self.problem.as_ref().map_or(Trouble::None, |problem| problem.trouble(&self.frame, CodeMethod::Totp))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_stands_in_groups_of_four() {
        let rows = EnrolTotp { secret: "JBSWY3DPK5XXE".to_owned(), ..EnrolTotp::sample() }.groups();

        assert_eq!(rows, ["JBSW Y3DP", "K5XX E"]);
    }
}
