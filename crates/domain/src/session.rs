//! Sessions: one sign-in on one device, its deadlines and states.

use crate::policy::Effective;
use crate::time::Timestamp;

/// Signed in with one factor.
pub const AAL1: &str = "urn:bailiwick:aal1";
/// Signed in with two factors.
pub const AAL2: &str = "urn:bailiwick:aal2";
/// Seconds for which a replaced refresh generation is still answered.
pub const GRACE_SECONDS: u64 = 30;

/// When a session locks and when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Deadlines {
    /// Without activity until then, it locks.
    pub idle_at: Timestamp,
    /// Then it is over; nothing moves this.
    pub absolute_at: Timestamp,
}

impl Deadlines {
    /// Of a session that begins now.
    #[must_use]
    pub fn begin(now: Timestamp, policy: &Effective) -> Self {
        Self { idle_at: now.plus(policy.idle), absolute_at: now.plus(policy.absolute) }
    }

    /// The stricter of what was stored and the policy of this moment, for a session that began and whose person acted last then. Nothing is ever
    /// moved later by it (SES-03).
    #[must_use]
    pub fn under(self, policy: &Effective, created_at: Timestamp, last_active_at: Timestamp) -> Self {
        let idle_at = Self::begin(last_active_at, policy).idle_at;
        self.earlier(Self { idle_at, ..Self::begin(created_at, policy) })
    }

    /// Of each the earlier.
    #[must_use]
    pub fn earlier(self, other: Self) -> Self {
        Self { idle_at: self.idle_at.min(other.idle_at), absolute_at: self.absolute_at.min(other.absolute_at) }
    }

    /// What the session is now.
    #[must_use]
    pub fn state(self, ended: bool, now: Timestamp) -> State {
        if ended || now >= self.absolute_at {
            State::Ended
        } else if now >= self.idle_at {
            State::Locked
        } else {
            State::Live
        }
    }
}

/// What a session can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// In use.
    Live,
    /// Idle passed: resumed by unlocking.
    Locked,
    /// Over.
    Ended,
}

/// Why a session ended; a code in events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The person signed out.
    SignedOut,
    /// The person ended it from another device, or everywhere.
    EndedByOwner,
    /// An administrator ended it.
    EndedByAdministrator,
    /// The same person signed in again on the device.
    Replaced,
    /// A refresh token was used twice.
    TokenReuse,
    /// The account was disabled.
    UserDisabled,
    /// A new password was set through a link.
    PasswordReset,
    /// Its person changed the password elsewhere.
    PasswordChanged,
    /// A second factor was removed.
    FactorRemoved,
    /// The account was locked down.
    LockedDown,
    /// The person was deleted.
    UserDeleted,
    /// The person signed in elsewhere, more often than the policy allows (SES-07).
    SessionLimit,
    /// A client gave its refresh token back (RFC 7009).
    TokenRevoked,
}

impl EndReason {
    /// As stored and sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::EndedByOwner => "ended_by_owner",
            Self::EndedByAdministrator => "ended_by_administrator",
            Self::Replaced => "replaced",
            Self::TokenReuse => "token_reuse",
            Self::UserDisabled => "user_disabled",
            Self::PasswordReset => "password_reset",
            Self::PasswordChanged => "password_changed",
            Self::FactorRemoved => "factor_removed",
            Self::LockedDown => "locked_down",
            Self::UserDeleted => "user_deleted",
            Self::SessionLimit => "session_limit",
            Self::TokenRevoked => "token_revoked",
        }
    }
}
