//! Signing in, as a state machine: what is established, what the account demands, and the first step that is still owed.
//!
//! [`STEPS`] is the whole of it. Pages and JSON walk the same list; a step added here is asked for everywhere, and no session begins before
//! it is done. Pure: `store::sign_in` remembers, `service::sign_in` does.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::id::CredentialId;
use crate::session::{AAL1, AAL2};

/// A wrong code so often kills the transaction (2.4, F7).
pub const MOST_FAILURES: i64 = 5;

/// A step of signing in.
pub struct Step {
    /// `outcome` in JSON, `step` of the transaction.
    pub name: &'static str,
    /// The page that does it.
    pub page: &'static str,
    /// The transaction waits for it so long, seconds.
    pub lives_seconds: u32,
    /// Whether it must be done before there is a session.
    pub owed: fn(&Account, &Established) -> bool,
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Step({})", self.name)
    }
}

/// The steps in their order.
pub const STEPS: &[Step] = &[
    Step { name: "password", page: "/sign-in", lives_seconds: 900, owed: password },
    Step { name: "second_factor", page: "/sign-in/second-factor", lives_seconds: 300, owed: second_factor },
    Step { name: "enrol_factor", page: "/sign-in/enrol", lives_seconds: 900, owed: enrolment },
    Step { name: "change_password", page: "/sign-in/change-password", lives_seconds: 900, owed: forced_change },
];

fn password(_: &Account, done: &Established) -> bool {
    done.password.is_none()
}

/// Whoever has a second factor is asked for it, demanded or not.
fn second_factor(account: &Account, done: &Established) -> bool {
    done.second.is_none() && !account.second_factors.is_empty()
}

fn enrolment(account: &Account, done: &Established) -> bool {
    done.second.is_none() && account.demands_second_factor && account.second_factors.is_empty()
}

fn forced_change(account: &Account, _: &Established) -> bool {
    account.must_change.is_some()
}

/// A factor beside the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondFactor {
    /// Six digits of an application.
    Totp,
    /// One of ten codes on paper.
    RecoveryCode,
}

impl SecondFactor {
    /// As sent: a `method`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery_code",
        }
    }

    /// Reads [`SecondFactor::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Totp, Self::RecoveryCode].into_iter().find(|factor| factor.as_str() == text)
    }
}

/// A second factor that was proved, and by which of the person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proved {
    /// What kind.
    pub factor: SecondFactor,
    /// Its row: removed, it proves nothing any more.
    pub credential: CredentialId,
}

/// Why a password must be changed before there is a session (PW-05, PW-17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeReason {
    /// It is older than the policy allows.
    Expired,
    /// Somebody else may know it.
    Compromised,
}

impl ChangeReason {
    /// As sent: a `reason`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Compromised => "compromised",
        }
    }

    /// Reads [`ChangeReason::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Expired, Self::Compromised].into_iter().find(|reason| reason.as_str() == text)
    }
}

/// What the account is and demands at this moment; read again at each step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Whether anybody may sign in to it.
    pub active: bool,
    /// The password in force.
    pub password: Option<CredentialId>,
    /// Confirmed second factors that are asked for.
    pub second_factors: BTreeSet<SecondFactor>,
    /// What proves a second factor: applications and sets of recovery codes in force.
    pub in_force: BTreeSet<CredentialId>,
    /// Whether a role that it holds needs a second factor (MFA-01).
    pub demands_second_factor: bool,
    /// Whether the password must be changed first.
    pub must_change: Option<ChangeReason>,
}

/// `acr` and `amr` of a password and a one-time code (RFC 8176). A recovery code is a one-time password too.
pub const TWO_FACTORS: (&str, &str) = (AAL2, "pwd otp mfa");

/// What earlier steps established; kept in the transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Established {
    /// The password that was proved.
    pub password: Option<CredentialId>,
    /// The second factor that was proved.
    pub second: Option<Proved>,
    /// Steps that prove nothing but must be passed: consent, terms.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub passed: BTreeSet<String>,
}

impl Established {
    /// How surely (`acr`, MFA-02).
    #[must_use]
    pub const fn acr(&self) -> &'static str {
        if self.second.is_some() { TWO_FACTORS.0 } else { AAL1 }
    }

    /// With what (`amr`), space-separated.
    #[must_use]
    pub const fn amr(&self) -> &'static str {
        if self.second.is_some() { TWO_FACTORS.1 } else { "pwd" }
    }
}

/// Where a sign-in stands.
#[derive(Clone, Copy)]
pub enum Next<'a> {
    /// This step is owed.
    Step(&'a Step),
    /// Nothing is owed: a session begins.
    Session,
    /// What was established no longer holds: the account is closed, its password changed, the factor was removed.
    Dead,
}

/// The first step that is owed.
#[must_use]
pub fn next<'a>(steps: &'a [Step], account: &Account, done: &Established) -> Next<'a> {
    let password_holds = done.password.is_none() || done.password == account.password;
    let second_holds = done.second.is_none_or(|proved| account.in_force.contains(&proved.credential));
    if !account.active || !password_holds || !second_holds {
        return Next::Dead;
    }
    steps.iter().find(|step| (step.owed)(account, done)).map_or(Next::Session, Next::Step)
}

#[cfg(test)]
mod tests;
