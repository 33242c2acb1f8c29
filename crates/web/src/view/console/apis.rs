//! The resource servers, and what each of them lets people do.

use askama::Template;
use domain::client::ClientKind;

use super::{Choice, Console, Deed, Frame, Language, Notice, Say, Section, Trouble};

/// `GET /console/apis`.
#[derive(Clone, Debug, Template)]
#[template(path = "console/apis.html")]
pub struct Apis {
    /// What every page of the console has.
    pub console: Console,
    /// The APIs.
    pub apis: Vec<ApiRow>,
    /// Applications, if they may be seen.
    pub clients: Option<Vec<ClientRow>>,
    /// Where the list of applications begins, if this is not its beginning.
    pub first: Option<String>,
    /// Where it goes on.
    pub next: Option<String>,
    /// Whether APIs and permissions may be made and changed.
    pub may_change: bool,
    /// What was done before.
    pub told: Option<Told>,
}

/// What was done before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Something new is there.
    Made,
    /// Something is as it was entered.
    Saved,
    /// A deed.
    Done(Deed),
}

impl Told {
    /// Reads `?told=`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "made" => Some(Self::Made),
            "saved" => Some(Self::Saved),
            other => Deed::parse(other).map(Self::Done),
        }
    }

    pub(super) const fn says(self) -> &'static str {
        match self {
            Self::Made => "told-made",
            Self::Saved => "told-saved",
            Self::Done(deed) => deed.done(),
        }
    }
}

/// An application that asks for tokens.
#[derive(Clone, Debug)]
pub struct ClientRow {
    /// `client_id`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What kind it is.
    pub kind: ClientKind,
    /// Names of the APIs that it may ask tokens for.
    pub apis: Vec<String>,
    /// Whether it may do anything.
    pub enabled: bool,
}

impl ClientRow {
    const fn kind(&self) -> &'static str {
        called(self.kind)
    }

    /// Kinds of clients, to choose from.
    #[must_use]
    pub fn kinds(frame: &Frame, chosen: Option<&str>) -> Vec<Choice> {
        ClientKind::ALL.map(|kind| Choice::new(kind.as_str(), frame.say(called(kind)).to_string(), chosen)).to_vec()
    }
}

const fn called(kind: ClientKind) -> &'static str {
    match kind {
        ClientKind::Public => "client-public",
        ClientKind::Confidential => "client-confidential",
        ClientKind::Service => "client-service",
    }
}

/// An API.
#[derive(Clone, Debug)]
pub struct ApiRow {
    /// Its name in tokens.
    pub audience: String,
    /// Its name.
    pub name: String,
    /// How its tokens are signed.
    pub algorithm: String,
    /// How long they live.
    pub minutes: i64,
    /// Permission and what it allows.
    pub permissions: Vec<(String, String)>,
    /// Whether it is Bailiwick's own: what that lets people do, the program knows.
    pub own: bool,
    /// Where its matrix is.
    pub matrix: String,
}

impl Apis {
    fn trouble(&self) -> Trouble {
        let said = |told: Told| Trouble::above(Notice::done(self.console.frame.say(told.says()).put("name", "")));
        self.told.map_or(Trouble::None, said)
    }

    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(in crate::view) fn sample_of(language: Language, say: Say<'_>) -> Self {
        let api = |audience: &str, name: &str| ApiRow {
            audience: say(audience),
            name: say(name),
            algorithm: say("RS256"),
            minutes: 10,
            permissions: vec![(say("charts:read"), say("Read charts")), (say("charts:write"), say("Write charts"))],
            matrix: say("/console/roles?api=clinic"),
            own: audience == "bailiwick",
        };
        Self {
            console: Console::sample_of(language, say, Section::Apis),
            apis: vec![api("bailiwick", "Bailiwick"), api("clinic", "Ward Charts")],
            clients: Some(
                ClientKind::ALL
                    .into_iter()
                    .map(|kind| ClientRow {
                        id: say("rota-planner"),
                        name: say("Rota planner"),
                        kind,
                        apis: vec![say("clinic"), say("bailiwick")],
                        enabled: kind != ClientKind::Service,
                    })
                    .collect(),
            ),
            first: Some(say("/console/apis")),
            next: Some(say("/console/apis?cursor=abc")),
            may_change: true,
            told: None,
        }
    }
}
