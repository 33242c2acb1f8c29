//! Clients and APIs that prove who they are (RFC 6749, section 2.3.1): one function for every place that asks for it.
#![expect(
    clippy::disallowed_methods,
    reason = "this file names the flow in which clients and APIs prove their credentials"
)]

use domain::allowed::{Actor, Allowed, Flow, Request};
use domain::client::ClientKind;
use domain::event::{Event, EventType, VISITOR};
use domain::id::PrincipalId;
use domain::realm::RealmKey;
use domain::secret::{Secret, SecretHash};
use domain::throttle::{Kind, Throttled};
use store::access::api::{self, Api};
use store::client::{self, Client};
use store::{Outcome, Read, StoreError, throttle};
use thiserror::Error;

use crate::app::App;
use crate::throttle as throttle_key;

/// Why a client or an API was not let in.
#[derive(Debug, Error)]
pub enum ClientAuthError {
    /// Unknown, disabled, wrong: one answer.
    #[error("the credentials are wrong")]
    Credentials,
    /// Too many wrong secrets.
    #[error("too many attempts")]
    Throttled(Throttled),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Credentials as sent.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// `client_id`; of an API its audience. Nobody's where it cannot be one.
    pub client_id: String,
    /// What was sent as a secret.
    pub secret: Sent,
}

/// What was sent as a secret.
#[derive(Clone, Debug)]
pub enum Sent {
    /// None: a public client says who it is.
    Nothing,
    /// Something that cannot be one of ours.
    Nonsense,
    /// What may be one.
    Secret(Secret),
}

impl Credentials {
    /// Credentials with a secret as text.
    #[must_use]
    pub fn new(client_id: &str, secret: Option<&str>) -> Self {
        // No id of ours is longer, and none has another character: whatever else was sent names nobody.
        let known = domain::client::client_id(client_id).or_else(|| made_up(client_id));
        let secret = match secret {
            None => Sent::Nothing,
            Some(text) => Secret::parse(text).map_or(Sent::Nonsense, Sent::Secret),
        };
        Self { client_id: known.unwrap_or_default(), secret }
    }
}

/// An id that we made up when a client was registered: a UUID.
fn made_up(text: &str) -> Option<String> {
    text.parse::<PrincipalId>().ok().map(|id| id.to_string()).filter(|id| id == text)
}

/// Who may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Whoever has a secret.
    Secret,
    /// Public clients too, which can keep none and only say who they are (RFC 7009, section 2.1).
    SecretUnlessPublic,
}

/// Who proved their credentials.
#[derive(Clone, Debug)]
pub struct Proved {
    /// For reading and writing.
    pub allowed: Allowed,
    /// Which.
    pub who: Who,
}

/// A client or an API.
#[derive(Clone, Debug)]
pub enum Who {
    /// A resource server.
    Api(Api),
    /// An application.
    Client(Client),
}

impl Who {
    /// Its id as a principal.
    #[must_use]
    pub fn principal(&self) -> PrincipalId {
        match self {
            Self::Api(api) => api.id.into(),
            Self::Client(client) => client.id,
        }
    }

    pub(super) fn event(&self, event: Event) -> Event {
        match self {
            Self::Api(api) => event.about("api", api.id.uuid(), api.audience.as_str()),
            Self::Client(client) => event.about("client", client.id.uuid(), &client.client_id),
        }
    }
}

impl Proved {
    /// The audience, if it is an API.
    #[must_use]
    pub fn audience(&self) -> Option<&str> {
        match &self.who {
            Who::Api(api) => Some(api.audience.as_str()),
            Who::Client(_) => None,
        }
    }

    /// The client, if it is one.
    #[must_use]
    pub const fn client(&self) -> Option<&Client> {
        match &self.who {
            Who::Api(_) => None,
            Who::Client(client) => Some(client),
        }
    }
}

/// What one look at the database found.
enum Looked {
    Right(Box<Who>),
    Wrong,
}

/// Checks credentials. A right secret costs reading alone, and is right whatever others sent from the same address: it has 256 random bits, and a
/// ward's one broken program must not stop all its guards. A wrong one is counted by client and address, and by address (LOCK-06). Unknown, disabled and wrong are one answer after the same work.
///
/// # Errors
/// [`ClientAuthError`].
pub async fn authenticate(
    app: &App,
    realm: RealmKey,
    credentials: Credentials,
    demand: Demand,
    request: Request,
) -> Result<Proved, ClientAuthError> {
    let visitor = Allowed::visitor(Flow::Authenticate, realm, request.clone());
    let address = throttle_key::address(app, realm, "client", &request);
    let both = throttle_key::key(app, realm, "client", &[credentials.client_id.as_bytes(), b" ", &address].concat());
    let keys = [(Kind::Client, both), (Kind::ClientHour, address)];
    let sent = credentials.clone();
    let looked = app
        .store
        .read(&visitor, app.now(), move |tx| {
            Box::pin(async move {
                Ok::<_, StoreError>(match look(tx, &sent, demand).await? {
                    (Some(who), true) => Looked::Right(Box::new(who)),
                    _ => Looked::Wrong,
                })
            })
        })
        .await?;
    match looked {
        Looked::Right(who) => {
            let allowed = match &*who {
                Who::Api(api) => Allowed::api(api.id, realm, request),
                Who::Client(client) => Allowed::client(client.id, realm, request),
            };
            Ok(Proved { allowed, who: *who })
        }
        Looked::Wrong => Err(refuse(app, visitor, credentials, demand, keys).await?),
    }
}

/// Whose credentials these would be, and whether they are. The same statements whoever is named.
async fn look(tx: &mut impl Read, sent: &Credentials, demand: Demand) -> Result<(Option<Who>, bool), StoreError> {
    let client = client::by_client_id(tx, &sent.client_id).await?;
    let api = api::by_audience(tx, &sent.client_id).await?;
    let who = client.map(Who::Client).or(api.map(Who::Api));
    let secrets = api::secrets(tx, who.as_ref().map_or(VISITOR, Who::principal)).await?;
    let hash = match &sent.secret {
        Sent::Secret(secret) => Some(secret.hash()),
        Sent::Nothing | Sent::Nonsense => None,
    };
    let matches = |hash: &SecretHash| secrets.iter().filter(|stored| *stored == hash).count() > 0;
    let right = match &who {
        Some(Who::Client(client)) if !client.enabled => false,
        Some(Who::Client(client)) if client.kind == ClientKind::Public => {
            demand == Demand::SecretUnlessPublic && matches!(sent.secret, Sent::Nothing)
        }
        _ => hash.as_ref().is_some_and(matches),
    };
    Ok((who, right))
}

/// Counts a failure, and says so in the log; in a full window only that there was one more.
async fn refuse(
    app: &App,
    visitor: Allowed,
    credentials: Credentials,
    demand: Demand,
    keys: [(Kind, [u8; 32]); 2],
) -> Result<ClientAuthError, StoreError> {
    app.store
        .write(visitor, app.now(), (credentials, keys), move |tx, (credentials, keys)| {
            Box::pin(async move {
                for (kind, key) in keys {
                    if let Err(refused) = throttle::check_window(tx, *kind, key).await? {
                        let told = throttle_key::refusal(refused, ClientAuthError::Throttled);
                        return Ok(
                            told.map(|answer: Result<(), _>| answer.err().unwrap_or(ClientAuthError::Credentials))
                        );
                    }
                }
                let (who, _) = look(tx, credentials, demand).await?;
                for (kind, key) in keys {
                    throttle::count(tx, *kind, key).await?;
                }
                let event =
                    Event::new(EventType::AuthnLoginFail).failed("wrong_secret").with("method", "client_secret");
                let event = match &who {
                    Some(who) => who.event(event).acted_by(Actor::Client { id: who.principal() }),
                    None => event.acted_by(Actor::Client { id: VISITOR }),
                };
                Ok::<_, StoreError>(Outcome::done(ClientAuthError::Credentials, event))
            })
        })
        .await
}
