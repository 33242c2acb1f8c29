//! Policy: how long a session lives, how surely one must sign in, from where, and what a password must be; by realm and role.
//!
//! What a realm does not set is the default ([`effective`]); what a role sets can only be stricter than that. What may be set at all stands in
//! [`limits`].

pub mod effective; // what applies to a person, and through what
pub mod limits; // what may be set, and what is a deviation
pub mod network; // from where

use serde::{Deserialize, Serialize};

pub use self::effective::{Cause, Effective, Merged, Ruled};
pub use self::limits::Wrong;
pub use self::network::Network;

/// What a realm or a role asks for; an absent field is not set there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Without activity for so long, the session locks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_seconds: Option<u32>,
    /// So long after sign-in, the session is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absolute_seconds: Option<u32>,
    /// An access token lives at most so long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_seconds: Option<u32>,
    /// How surely one must have signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assurance: Option<Assurance>,
    /// How old a proof may be where a fresh one is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_up_seconds: Option<u32>,
    /// How many sessions somebody may have at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_sessions: Option<u32>,
    /// What becomes of a sign-in beyond them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_limit: Option<AtLimit>,
    /// From where; empty: from nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub networks: Option<Vec<Network>>,
    /// What a password must be.
    #[serde(skip_serializing_if = "PasswordPolicy::is_unset")]
    pub password: PasswordPolicy,
}

/// What a realm or a role asks of passwords; an absent field is not set there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PasswordPolicy {
    /// Numbers for what is not set here (requirements.md, 2.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// Fewest code points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_length: Option<u32>,
    /// So many earlier passwords may not be chosen again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<u32>,
    /// After so many days it must be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiry_days: Option<u32>,
    /// Before so many days its owner may not change it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_age_days: Option<u32>,
}

impl PasswordPolicy {
    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_unset(&self) -> bool {
        *self == Self::default()
    }
}

/// How surely one must have signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Assurance {
    /// With one factor.
    Aal1,
    /// With two.
    Aal2,
    /// With hardware that no phishing passes. Not possible yet: refused by [`limits`].
    Phrh,
}

/// What becomes of a sign-in beyond the most sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtLimit {
    /// The oldest session ends.
    EndOldest,
    /// It is refused. The stricter of both.
    Refuse,
}

/// A name for a set of password rules (requirements.md, 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// NIST SP 800-63B-4: long, not common, no composition, no expiry.
    Nist,
    /// PCI DSS 4.0.1, section 8.3.
    Pci,
    /// Three of four classes of characters, changed each quarter.
    Classic,
}

/// The numbers of a preset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Fewest code points where the password can be the only factor.
    pub least: u32,
    /// Earlier passwords that may not be chosen again.
    pub history: u32,
    /// Days after which it must be changed by whoever signs in with it alone (C-02).
    pub expiry_days: Option<u32>,
    /// Days before which its owner may not change it.
    pub min_age_days: u32,
}

impl Preset {
    /// Its numbers: data, not code. No number of any policy goes below [`limits`].
    #[must_use]
    pub const fn numbers(self) -> Numbers {
        match self {
            Self::Nist => Numbers { least: 15, history: 4, expiry_days: None, min_age_days: 0 },
            Self::Pci => Numbers { least: 15, history: 4, expiry_days: Some(90), min_age_days: 0 },
            Self::Classic => Numbers { least: 12, history: 12, expiry_days: Some(90), min_age_days: 1 },
        }
    }

    /// As written and sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nist => "nist",
            Self::Pci => "pci",
            Self::Classic => "classic",
        }
    }
}

impl Policy {
    /// Names of the fields, as in JSON; those of passwords stand in `password`.
    pub const FIELDS: [&'static str; 13] = [
        "idle_seconds",
        "absolute_seconds",
        "access_token_seconds",
        "assurance",
        "step_up_seconds",
        "max_sessions",
        "at_limit",
        "networks",
        "password.preset",
        "password.min_length",
        "password.history",
        "password.expiry_days",
        "password.min_age_days",
    ];

    /// The value of one of [`Policy::FIELDS`]; null: not set.
    #[must_use]
    pub fn value(&self, field: &str) -> serde_json::Value {
        let whole = serde_json::to_value(self).unwrap_or_default();
        let mut at = &whole;
        for part in field.split('.') {
            at = &at[part];
        }
        at.clone()
    }

    /// The same with networks in one order and none within another: what is stored.
    #[must_use]
    pub fn normal(mut self) -> Self {
        self.networks = self.networks.map(network::maximal);
        self
    }
}

#[cfg(test)]
mod tests;
