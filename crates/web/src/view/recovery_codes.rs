//! Recovery codes: the question before new ones are made, and the one time that they are shown.

use askama::Template;

use super::trouble::{Notice, Trouble};
use super::{Frame, Language, Moment, SAMPLE_NOW, Say};

/// Shown once, as the answer to the form that made them; never cached.
#[derive(Clone, Debug, Template)]
#[template(path = "recovery-codes.html")]
pub struct RecoveryCodes {
    /// What every page has.
    pub frame: Frame,
    /// Why they are shown.
    pub why: CodesWhy,
    /// The codes, as people type them.
    pub codes: Vec<String>,
    /// A path of our own, with the realm's prefix.
    pub continue_to: String,
}

/// Why they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodesWhy {
    /// A first authenticator was bound.
    First,
    /// They were asked for anew: those before are void.
    Renewed,
    /// One was used: here is another for it.
    Replacement,
}

/// `GET` and a refused `POST /account/recovery-codes`: field `csrf`.
#[derive(Clone, Debug, Template)]
#[template(path = "recovery-codes-new.html")]
pub struct NewRecoveryCodes {
    /// What every page has.
    pub frame: Frame,
    /// What the form is signed with.
    pub csrf: String,
    /// When the present ones were made, which will be void.
    pub made: Option<Moment>,
    /// Whether the form was too old.
    pub expired: bool,
}

impl RecoveryCodes {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(super) fn sample_of(language: Language, say: Say<'_>) -> Self {
        let code = |place: usize| say(&format!("{place}-7K2M-9QXD-T4HB-VW8N"));
        Self {
            frame: Frame::sample_of(language, say),
            why: CodesWhy::First,
            codes: (0..10).map(code).collect(),
            continue_to: say("/account"),
        }
    }

    /// What "Save as a file" saves: a line each, percent-encoded.
    fn file(&self) -> String {
        let text = format!("{}\n\n{}\n", self.frame.organisation, self.codes.join("\n"));
        let byte = |byte: u8| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        };
        format!("data:text/plain;charset=utf-8,{}", text.bytes().map(byte).collect::<String>())
    }

    fn title(&self) -> &'static str {
        if self.why == CodesWhy::Replacement { "codes-one-title" } else { "codes-title" }
    }

    fn lead(&self) -> &'static str {
        match self.why {
            CodesWhy::First => "codes-lead",
            CodesWhy::Renewed => "codes-renewed-lead",
            CodesWhy::Replacement => "codes-one-lead",
        }
    }
}

impl NewRecoveryCodes {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(super) fn sample_of(language: Language, say: Say<'_>) -> Self {
        Self {
            frame: Frame::sample_of(language, say),
            csrf: say("csrf"),
            made: Some(Moment::date(SAMPLE_NOW, SAMPLE_NOW - 993 * 86_400)),
            expired: false,
        }
    }

    fn trouble(&self) -> Trouble {
        if self.expired { Trouble::above(Notice::later(self.frame.say("page-expired"))) } else { Trouble::None }
    }
}
