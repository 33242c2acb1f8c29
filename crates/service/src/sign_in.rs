//! Signing in: from an identifier to a session, by the steps of `domain::sign_in`.
//!
//! First the password (`password`); what comes after it is a transaction of its own row (`walk`).
#![expect(clippy::disallowed_methods, reason = "this folder names the flow that signs in")]

mod change;
mod device;
mod enrolment;
mod password;
mod pending;
mod second_factor;
mod walk;

use domain::password::Password;
use domain::secret::Secret;
use domain::sign_in::{ChangeReason, SecondFactor, Step};
use domain::throttle::Throttled;
use domain::user::Identifier;
use store::StoreError;
use store::sign_in::Holder;
use store::user::User;
use thiserror::Error;

pub use self::change::new_password;
pub(crate) use self::device::recognised;
pub use self::enrolment::{Enrolment, begin_totp, confirm_totp, shown_totp};
pub use self::password::start;
pub(crate) use self::password::{Counters, admit, counters, fail};
pub use self::pending::{Pending, pending, take_over};
pub use self::second_factor::{Code, second_factor};
pub(crate) use self::walk::account;
use crate::hashing::Overloaded;
use crate::key::KeyError;
use crate::session::{Tokens, UnknownAudience};

/// Somebody who wants to sign in.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Who they say they are.
    pub identifier: Identifier,
    /// What proves it; `None`: nothing that could be a password.
    pub password: Option<Password>,
    /// The API that the token is for.
    pub audience: Option<String>,
    /// What the device is called.
    pub device_label: Option<String>,
    /// Where a page leads afterwards: a path of ours.
    pub return_to: Option<String>,
    /// How a transaction is held if steps are owed.
    pub medium: Medium,
    /// The cookies that came with it.
    pub visit: Visit,
}

/// How somebody signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// Over JSON: whoever knows the transaction's id holds it, until a browser opens `continue_url`.
    Json,
    /// On pages: the flow cookie holds it.
    Browser,
}

/// Who says that a transaction is theirs.
#[derive(Clone, Debug)]
pub enum Held {
    /// By its id, over JSON.
    Id(Secret),
    /// By the flow cookie.
    Flow(Secret),
}

impl Held {
    fn holder(&self) -> Holder {
        match self {
            Self::Id(secret) => Holder::Id(secret.hash()),
            Self::Flow(secret) => Holder::Flow(secret.hash()),
        }
    }

    /// The id or the cookie's value.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        match self {
            Self::Id(secret) | Self::Flow(secret) => secret,
        }
    }
}

/// Cookies that a request of a sign-in brings along.
#[derive(Clone, Debug, Default)]
pub struct Visit {
    /// A session that is signed in over.
    pub session: Option<Secret>,
    /// A recognised device.
    pub device: Option<Secret>,
}

/// What a step led to.
#[derive(Debug)]
pub enum Answer {
    /// A session.
    SignedIn(Box<SignedIn>),
    /// Another step is owed.
    Owed(Box<Owed>),
}

/// Recovery codes that a step made; shown once.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Codes {
    /// A whole set, after the first factor was bound.
    pub set: Vec<String>,
    /// The one that stands in for the one that was used.
    pub replacement: Option<String>,
}

impl std::fmt::Debug for Codes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Codes({}, …)", self.set.len())
    }
}

/// Somebody who has signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// What the client gets.
    pub tokens: Tokens,
    /// The session cookie's value.
    pub secret: Secret,
    /// The device cookie's value.
    pub device: Secret,
    /// Who.
    pub user: User,
    /// Roles granted anywhere.
    pub roles: Vec<String>,
    /// Recovery codes to show.
    pub codes: Codes,
    /// Where a page leads now.
    pub return_to: Option<String>,
}

/// A step that is owed.
#[derive(Debug)]
pub struct Owed {
    /// Which.
    pub step: &'static Step,
    /// How the transaction is held.
    pub held: Held,
    /// A handle for `continue_url`, over JSON.
    pub handle: Option<Secret>,
    /// By which methods it can be done.
    pub methods: Vec<&'static str>,
    /// Why the password must be changed.
    pub reason: Option<ChangeReason>,
    /// Seconds that the transaction waits.
    pub expires_in: i64,
    /// Recovery codes to show.
    pub codes: Codes,
}

/// Why nobody was signed in.
#[derive(Debug, Error)]
pub enum SignInError {
    /// Unknown, wrong, disabled: one answer. Also a wrong code.
    #[error("identifier or password is wrong")]
    InvalidCredentials,
    /// The transaction is unknown, used, expired, at another step, or what it stood on is gone.
    #[error("this sign-in cannot go on; begin again")]
    Dead,
    /// Inside a wait; not looked at.
    #[error("too many attempts")]
    Throttled(Throttled),
    /// The new password is refused.
    #[error(transparent)]
    Password(#[from] domain::password::PasswordError),
    /// Everything was proved, but there may be no more sessions than so many (SES-07).
    #[error("there may be no more than {0} sessions at a time")]
    TooManySessions(u32),
    /// No such API.
    #[error(transparent)]
    Audience(#[from] UnknownAudience),
    /// Too many passwords are being checked.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// A signing key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A method, as sent.
fn methods(step: &Step, account: &domain::sign_in::Account, recovery: bool) -> Vec<&'static str> {
    match step.name {
        "second_factor" => {
            let codes = recovery.then_some(SecondFactor::RecoveryCode);
            account.second_factors.iter().copied().chain(codes).map(SecondFactor::as_str).collect()
        }
        "enrol_factor" => vec![SecondFactor::Totp.as_str()],
        _ => Vec::new(),
    }
}
