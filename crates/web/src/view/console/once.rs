//! A secret that was just made. Nobody sees it again.

use askama::Template;

use super::{Console, Language, Message, Moment, SAMPLE_NOW, Say, Section};

/// The answer to a `POST` that made a secret.
#[derive(Clone, Debug, Template)]
#[template(path = "console/once.html")]
pub struct Once {
    /// What every page of the console has.
    pub console: Console,
    /// What was made.
    pub what: Made,
    /// Whose it is.
    pub name: String,
    /// The secret.
    pub secret: String,
    /// What it goes with, if it is not for people: the `client_id`.
    pub client_id: Option<String>,
    /// Where a code is typed.
    pub address: Option<String>,
    /// A printed code: until when it is valid; a secret: until when those before are.
    pub until: Option<Moment>,
    /// Where one goes on.
    pub back: String,
}

/// What was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// A printed code with which somebody chooses a password.
    Code,
    /// A secret of an API or a client.
    Secret,
    /// A client with its first secret.
    Client,
}

impl Once {
    const fn title(&self) -> &'static str {
        match self.what {
            Made::Code => "once-code",
            Made::Secret => "once-secret",
            Made::Client => "once-client",
        }
    }

    fn lead(&self) -> Message {
        let frame = &self.console.frame;
        match (self.what, &self.until) {
            (Made::Code, Some(until)) => frame.say("once-code-lead").put("until", until),
            (Made::Code, None) | (_, None) => frame.say("once-secret-first"),
            (_, Some(until)) => frame.say("once-secret-lead").put("until", until),
        }
    }

    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(in crate::view) fn sample_of(language: Language, say: Say<'_>) -> Self {
        Self {
            console: Console::sample_of(language, say, Section::People),
            what: Made::Code,
            name: say("Edda Holtmarsh"),
            secret: say("7K2M-9QRT-X4WB-3HNP-6CDF"),
            client_id: None,
            address: Some(say("https://id.havelmoor.example/invitation")),
            until: Some(Moment::at(SAMPLE_NOW, SAMPLE_NOW + 3 * 86_400)),
            back: say("/console/people/1"),
        }
    }
}
