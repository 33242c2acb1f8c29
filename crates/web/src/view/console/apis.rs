//! The resource servers, and what each of them lets people do.

use askama::Template;
use domain::client::ClientKind;

use super::{Console, Language, Say, Section};

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
        match self.kind {
            ClientKind::Public => "client-public",
            ClientKind::Confidential => "client-confidential",
            ClientKind::Service => "client-service",
        }
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
    /// Where its matrix is.
    pub matrix: String,
}

impl Apis {
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
        }
    }
}
