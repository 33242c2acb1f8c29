//! The second step of a sign-in: a code.

use askama::Template;

use super::code::{CodeMethod, CodeProblem};
use super::trouble::Trouble;
use super::{Frame, Language, Message, Moment, SAMPLE_NOW, Say};

/// `GET` and a refused `POST /sign-in/second-factor`: fields `method`, `code`, `csrf`. `?method=recovery_code` asks for the other code.
#[derive(Clone, Debug, Template)]
#[template(path = "second-factor.html")]
pub struct SecondFactor {
    /// What every page has.
    pub frame: Frame,
    /// What the form is signed with.
    pub csrf: String,
    /// Which code is asked for.
    pub method: CodeMethod,
    /// Whether the other code would do too.
    pub other: bool,
    /// How the authenticator is called, if there is one only.
    pub label: Option<String>,
    /// What was typed as username or e-mail in the step before, if it is known.
    pub identifier: Option<String>,
    /// When the step ends, if it is known.
    pub ends: Option<Moment>,
    /// Why it did not go on.
    pub problem: Option<CodeProblem>,
}

impl SecondFactor {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(super) fn sample_of(language: Language, say: Say<'_>) -> Self {
        Self {
            frame: Frame::sample_of(language, say),
            csrf: say("csrf"),
            method: CodeMethod::Totp,
            other: true,
            label: Some(say("Ines’s phone")),
            identifier: Some(say("ines.tallmark")),
            ends: Some(Moment::left(SAMPLE_NOW, SAMPLE_NOW + 290)),
            problem: None,
        }
    }

    fn hint(&self) -> Message {
        let (key, plain) =
            if self.totp() { ("code-hint", "code-hint-plain") } else { ("recovery-hint", "recovery-hint-plain") };
        self.ends.as_ref().map_or_else(|| self.frame.say(plain), |ends| self.frame.say(key).put("left", ends))
    }

    fn totp(&self) -> bool {
        self.method == CodeMethod::Totp
    }

    fn trouble(&self) -> Trouble {
        self.problem.as_ref().map_or(Trouble::None, |problem| problem.trouble(&self.frame, self.method))
    }
}
