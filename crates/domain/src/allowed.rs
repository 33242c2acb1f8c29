//! The first door: proof that an action was permitted. Without one there is no connection.
//!
//! Only [`Caller`] and the closed constructors below make one. The constructors are kept by `clippy.toml`
//! to the files that name these flows.

use std::net::IpAddr;

use crate::access::Reach;
use crate::caller::Caller;
use crate::id::{ApiId, PrincipalId, SessionId, UserId};
use crate::permission::Permission;
use crate::realm::RealmKey;

/// Where a request came from; on every event that it causes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Echoed or made: `X-Request-Id`.
    pub id: String,
    /// The socket peer, or the right-most untrusted hop behind configured proxies (2.4).
    pub address: Option<IpAddr>,
    /// `User-Agent`, printable and bounded.
    pub user_agent: Option<String>,
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A signed-in person.
    User {
        /// Who.
        id: UserId,
        /// Their display name at the time.
        name: String,
        /// How surely they signed in.
        acr: String,
        /// In which session.
        session: Option<SessionId>,
    },
    /// A client or an API, with its own credentials.
    Client {
        /// Which.
        id: PrincipalId,
    },
    /// The server's own upkeep.
    Job(Job),
    /// Somebody at the machine's command line: the operating-system user.
    Cli(String),
    /// Nobody known yet.
    Visitor,
}

impl Actor {
    /// The principal, if there is one.
    #[must_use]
    pub fn principal(&self) -> Option<PrincipalId> {
        match self {
            Self::User { id, .. } => Some((*id).into()),
            Self::Client { id } => Some(*id),
            Self::Job(_) | Self::Cli(_) | Self::Visitor => None,
        }
    }
}

/// What somebody may do before they are signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Identify, prove, get a session.
    SignIn,
    /// Exchange a refresh token.
    Refresh,
    /// End the session that a cookie names.
    SignOut,
    /// Use a link: set-up, invitation, reset.
    OneTimeToken,
    /// Find out who a bearer or cookie is.
    Authenticate,
    /// Read what everybody may: keys, metadata.
    Public,
}

/// Work of the server itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Start and stop, first keys, demo's people.
    Start,
    /// Move signing keys through their states.
    RotateKeys,
    /// Send what waits in the outbox.
    SendMail,
    /// Remove what expired.
    Expire,
    /// Count, probe, report.
    Observe,
}

/// Why the action is permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A permission that the caller holds.
    Permission(Permission),
    /// It concerns the caller alone.
    Oneself,
    /// A flow open to everybody.
    Flow(Flow),
    /// The server's own upkeep.
    Job(Job),
    /// The machine's operator.
    Cli,
    /// A resource server with its credentials.
    Api,
    /// A client with its credentials, or a public one that said who it is: about its own tokens.
    Client,
}

/// Proof of permission. It cannot be made outside this crate, nor changed.
#[derive(Clone, Debug)]
pub struct Allowed {
    realm: RealmKey,
    actor: Actor,
    reach: Reach,
    why: Why,
    request: Request,
}

impl Allowed {
    pub(crate) fn by(caller: &Caller, why: Why, reach: Reach) -> Self {
        let (realm, actor, request) = caller.parts();
        Self { realm, actor: actor.clone(), reach, why, request: request.clone() }
    }

    /// Somebody not signed in, in one of the flows that are open to them.
    #[must_use]
    pub fn visitor(flow: Flow, realm: RealmKey, request: Request) -> Self {
        Self { realm, actor: Actor::Visitor, reach: Reach::Everywhere, why: Why::Flow(flow), request }
    }

    /// The server's own upkeep.
    #[must_use]
    pub fn job(job: Job, realm: RealmKey) -> Self {
        let request = Request { id: "job".to_owned(), ..Request::default() };
        Self { realm, actor: Actor::Job(job), reach: Reach::Everywhere, why: Why::Job(job), request }
    }

    /// The operator at the machine's command line; audited as `cli` with the operating-system user.
    #[must_use]
    pub fn cli(os_user: &str, realm: RealmKey) -> Operator {
        let request = Request { id: "cli".to_owned(), ..Request::default() };
        Operator(Self {
            realm,
            actor: Actor::Cli(os_user.to_owned()),
            reach: Reach::Everywhere,
            why: Why::Cli,
            request,
        })
    }

    /// A resource server that proved its credentials.
    #[must_use]
    pub fn api(api: ApiId, realm: RealmKey, request: Request) -> Self {
        Self { realm, actor: Actor::Client { id: api.into() }, reach: Reach::Everywhere, why: Why::Api, request }
    }

    /// A client that proved its credentials; a public one, which has none, for its own tokens.
    #[must_use]
    pub fn client(id: PrincipalId, realm: RealmKey, request: Request) -> Self {
        Self { realm, actor: Actor::Client { id }, reach: Reach::Everywhere, why: Why::Client, request }
    }

    /// The realm that it is about. Nothing of another one can be reached with it.
    #[must_use]
    pub const fn realm(&self) -> RealmKey {
        self.realm
    }

    /// Who acts.
    #[must_use]
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The units that it reaches.
    #[must_use]
    pub const fn reach(&self) -> &Reach {
        &self.reach
    }

    /// By what right.
    #[must_use]
    pub const fn why(&self) -> Why {
        self.why
    }

    /// Where from.
    #[must_use]
    pub const fn request(&self) -> &Request {
        &self.request
    }
}

/// Whoever operates the machine. Use cases that ask no caller's permission take this and nothing else, so that a handler cannot call them
/// with what some other permission gave it.
#[derive(Clone, Debug)]
pub struct Operator(Allowed);

impl Operator {
    /// For reading and writing.
    #[must_use]
    pub const fn allowed(&self) -> &Allowed {
        &self.0
    }
}

impl From<Operator> for Allowed {
    fn from(operator: Operator) -> Self {
        operator.0
    }
}
