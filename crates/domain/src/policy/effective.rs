//! What applies to a person: of each field the strictest value, and what it comes from.
//!
//! The realm's value stands for everybody, or the default where the realm says nothing; roles can only be stricter. So no role loosens anything,
//! also not where the realm is silent.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::network::{Network, shared};
use super::{Assurance, AtLimit, Policy, Preset};
use crate::password::rules::{Composition, LEAST_WITH_SECOND_FACTOR};
use crate::time::Timestamp;

/// What holds where nobody says otherwise (requirements.md, 2.2).
const IDLE_SECONDS: u32 = 1800;
const ABSOLUTE_SECONDS: u32 = 43_200;
const ACCESS_TOKEN_SECONDS: u32 = 600;
const STEP_UP_SECONDS: u32 = 300;

/// What a value comes from. The order decides between equals: what holds for everybody is named before what holds for a role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The default: nobody set it.
    Floor,
    /// The realm's policy.
    Realm,
    /// The policy of a role that is held.
    Role(Arc<str>),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Floor => f.write_str("floor"),
            Self::Realm => f.write_str("realm"),
            Self::Role(name) => write!(f, "role:{name}"),
        }
    }
}

/// A value with what it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruled<T> {
    /// The value.
    pub value: T,
    /// What it comes from.
    pub from: Cause,
}

type Field<T> = Option<Ruled<T>>;

/// Policies, merged; an absent field is set by none of them. A semilattice: see [`Merged::strictest`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Seconds.
    pub idle_seconds: Field<u32>,
    /// Seconds.
    pub absolute_seconds: Field<u32>,
    /// Seconds.
    pub access_token_seconds: Field<u32>,
    /// How surely.
    pub assurance: Field<Assurance>,
    /// Seconds.
    pub step_up_seconds: Field<u32>,
    /// How many.
    pub max_sessions: Field<u32>,
    /// And beyond.
    pub at_limit: Field<AtLimit>,
    /// Whoever sets networks, with theirs: what they share is what applies.
    pub networks: BTreeMap<Cause, Vec<Network>>,
    /// What composition and expiry go by; roles set none.
    pub preset: Field<Preset>,
    /// Code points where the password can be the only factor.
    pub min_length: Field<u32>,
    /// Code points where it never is.
    pub min_length_with_second_factor: Field<u32>,
    /// Earlier passwords.
    pub history: Field<u32>,
    /// Days, for everybody: whoever names them.
    pub expiry_days: Field<u32>,
    /// Days, for whoever signs in with the password alone: by the realm's preset; no preset of a role switches it on.
    pub single_factor_expiry_days: Field<u32>,
    /// Days.
    pub min_age_days: Field<u32>,
}

/// The stricter of both; between equals the one whose cause comes first.
fn pick<T: Ord>(one: Field<T>, other: Field<T>, order: fn(&T, &T) -> Ordering) -> Field<T> {
    match (one, other) {
        (Some(a), Some(b)) => {
            let a_first = order(&a.value, &b.value).then_with(|| a.from.cmp(&b.from)) != Ordering::Greater;
            Some(if a_first { a } else { b })
        }
        (one, none) => one.or(none),
    }
}

fn less<T: Ord>(a: &T, b: &T) -> Ordering {
    a.cmp(b)
}

fn more<T: Ord>(a: &T, b: &T) -> Ordering {
    b.cmp(a)
}

impl Merged {
    /// What one policy asks for. A preset stands for numbers that the policy does not name itself; of a role's preset only lengths, history and
    /// least age count: composition and expiry are never switched on by combination (requirements.md, 2.1).
    #[must_use]
    pub fn of(policy: &Policy, from: &Cause) -> Self {
        fn ruled<T>(value: Option<T>, from: &Cause) -> Field<T> {
            value.map(|value| Ruled { value, from: from.clone() })
        }
        let asked = &policy.password;
        let everybody = !matches!(from, Cause::Role(_));
        let numbers = asked.preset.map(Preset::numbers);
        let with_second = u32::try_from(LEAST_WITH_SECOND_FACTOR).ok();
        let by_preset = numbers.filter(|_| everybody && asked.expiry_days.is_none()).and_then(|n| n.expiry_days);
        Self {
            idle_seconds: ruled(policy.idle_seconds, from),
            absolute_seconds: ruled(policy.absolute_seconds, from),
            access_token_seconds: ruled(policy.access_token_seconds, from),
            assurance: ruled(policy.assurance, from),
            step_up_seconds: ruled(policy.step_up_seconds, from),
            max_sessions: ruled(policy.max_sessions, from),
            at_limit: ruled(policy.at_limit, from),
            networks: policy.networks.iter().map(|all| (from.clone(), shared(all, all))).collect(),
            preset: ruled(asked.preset.filter(|_| everybody), from),
            min_length: ruled(asked.min_length.or(numbers.map(|n| n.least)), from),
            min_length_with_second_factor: ruled(asked.min_length.or(numbers.and(with_second)), from),
            history: ruled(asked.history.or(numbers.map(|n| n.history)), from),
            expiry_days: ruled(asked.expiry_days, from),
            single_factor_expiry_days: ruled(by_preset, from),
            min_age_days: ruled(asked.min_age_days.or(numbers.map(|n| n.min_age_days)), from),
        }
    }

    /// What holds for everybody in a realm: its policy, and the defaults of requirements.md 2.1 and 2.2 for what it does not set.
    #[must_use]
    pub fn base(realm: &Policy) -> Self {
        let defaults = Policy {
            idle_seconds: Some(IDLE_SECONDS),
            absolute_seconds: Some(ABSOLUTE_SECONDS),
            access_token_seconds: Some(ACCESS_TOKEN_SECONDS),
            assurance: Some(Assurance::Aal1),
            step_up_seconds: Some(STEP_UP_SECONDS),
            at_limit: Some(AtLimit::EndOldest),
            password: super::PasswordPolicy { preset: Some(Preset::Nist), ..Default::default() },
            ..Policy::default()
        };
        let (set, default) = (Self::of(realm, &Cause::Realm), Self::of(&defaults, &Cause::Floor));
        Self {
            idle_seconds: set.idle_seconds.or(default.idle_seconds),
            absolute_seconds: set.absolute_seconds.or(default.absolute_seconds),
            access_token_seconds: set.access_token_seconds.or(default.access_token_seconds),
            assurance: set.assurance.or(default.assurance),
            step_up_seconds: set.step_up_seconds.or(default.step_up_seconds),
            max_sessions: set.max_sessions,
            at_limit: set.at_limit.or(default.at_limit),
            networks: set.networks,
            preset: set.preset.or(default.preset),
            min_length: set.min_length.or(default.min_length),
            min_length_with_second_factor: set.min_length_with_second_factor.or(default.min_length_with_second_factor),
            history: set.history.or(default.history),
            expiry_days: set.expiry_days,
            single_factor_expiry_days: set.single_factor_expiry_days,
            min_age_days: set.min_age_days.or(default.min_age_days),
        }
    }

    /// Field by field the stricter value: shorter time, higher assurance, fewer sessions, `refuse`, what networks share, longer passwords.
    /// Commutative, associative, idempotent, also in what the values come from.
    #[must_use]
    pub fn strictest(self, other: Self) -> Self {
        let mut networks = self.networks;
        for (cause, theirs) in other.networks {
            let both = networks.get(&cause).map(|ours| shared(ours, &theirs));
            networks.insert(cause, both.unwrap_or(theirs));
        }
        Self {
            idle_seconds: pick(self.idle_seconds, other.idle_seconds, less),
            absolute_seconds: pick(self.absolute_seconds, other.absolute_seconds, less),
            access_token_seconds: pick(self.access_token_seconds, other.access_token_seconds, less),
            assurance: pick(self.assurance, other.assurance, more),
            step_up_seconds: pick(self.step_up_seconds, other.step_up_seconds, less),
            max_sessions: pick(self.max_sessions, other.max_sessions, less),
            at_limit: pick(self.at_limit, other.at_limit, more),
            networks,
            preset: pick(self.preset, other.preset, more),
            min_length: pick(self.min_length, other.min_length, more),
            min_length_with_second_factor: pick(
                self.min_length_with_second_factor,
                other.min_length_with_second_factor,
                more,
            ),
            history: pick(self.history, other.history, more),
            expiry_days: pick(self.expiry_days, other.expiry_days, less),
            single_factor_expiry_days: pick(self.single_factor_expiry_days, other.single_factor_expiry_days, less),
            min_age_days: pick(self.min_age_days, other.min_age_days, more),
        }
    }

    /// What all that set networks share; `None`: nobody does, from anywhere.
    #[must_use]
    pub fn shared_networks(&self) -> Option<Vec<Network>> {
        let mut all = self.networks.values();
        let first = all.next()?.clone();
        Some(all.fold(first, |found, one| shared(&found, one)))
    }

    /// Whether nothing in it is less strict than in `before`, whatever the causes.
    #[must_use]
    pub fn is_as_strict_as(&self, before: &Self) -> bool {
        // The stricter of both must be what this is already.
        self.clone().strictest(before.clone()).effective() == self.effective()
    }

    /// What applies, where [`Merged::base`] is merged in.
    #[must_use]
    pub fn effective(&self) -> Effective {
        fn value<T: Copy>(field: &Field<T>) -> Option<T> {
            field.as_ref().map(|ruled| ruled.value)
        }
        fn time(field: &Field<u32>, default: u32) -> Duration {
            Duration::from_secs(value(field).unwrap_or(default).max(1).into())
        }
        let least = |field: &Field<u32>, default: usize| {
            value(field)
                .map_or(default, |n| usize::try_from(n).unwrap_or(usize::MAX))
                .max(crate::password::rules::FLOOR)
        };
        let preset = value(&self.preset).unwrap_or(Preset::Nist);
        Effective {
            idle: time(&self.idle_seconds, IDLE_SECONDS),
            absolute: time(&self.absolute_seconds, ABSOLUTE_SECONDS),
            access_token: time(&self.access_token_seconds, ACCESS_TOKEN_SECONDS).min(Duration::from_secs(3600)),
            assurance: value(&self.assurance).unwrap_or(Assurance::Aal1),
            step_up_seconds: value(&self.step_up_seconds).unwrap_or(STEP_UP_SECONDS),
            max_sessions: value(&self.max_sessions),
            at_limit: value(&self.at_limit).unwrap_or(AtLimit::EndOldest),
            networks: self.shared_networks(),
            password: PasswordRules {
                least: least(&self.min_length, crate::password::LEAST_SINGLE_FACTOR),
                least_with_second_factor: least(&self.min_length_with_second_factor, LEAST_WITH_SECOND_FACTOR),
                history: value(&self.history).unwrap_or(0),
                expiry_days: value(&self.expiry_days),
                single_factor_expiry_days: value(&self.single_factor_expiry_days),
                min_age_days: value(&self.min_age_days).unwrap_or(0),
                composition: Composition::of(preset),
            },
        }
    }
}

/// What applies to a session and its person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// Until the session locks.
    pub idle: Duration,
    /// Until it is over.
    pub absolute: Duration,
    /// Of an access token, at most.
    pub access_token: Duration,
    /// How surely one must have signed in.
    pub assurance: Assurance,
    /// How old a proof may be where a fresh one is asked for.
    pub step_up_seconds: u32,
    /// How many sessions at a time.
    pub max_sessions: Option<u32>,
    /// And beyond.
    pub at_limit: AtLimit,
    /// From where; `None`: from anywhere.
    pub networks: Option<Vec<Network>>,
    /// What a password must be.
    pub password: PasswordRules,
}

/// What a password must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordRules {
    /// Code points where it can be the only factor.
    pub least: usize,
    /// Code points where it never is.
    pub least_with_second_factor: usize,
    /// Earlier passwords that may not be chosen again.
    pub history: u32,
    /// Days after which it must be changed.
    pub expiry_days: Option<u32>,
    /// The same for whoever signs in with it alone.
    pub single_factor_expiry_days: Option<u32>,
    /// Days before which its owner may not change it.
    pub min_age_days: u32,
    /// What characters it must have.
    pub composition: Composition,
}

impl PasswordRules {
    /// Code points that a new one must have. `always_second_factor`: this person never signs in with the password alone.
    #[must_use]
    pub const fn least_for(&self, always_second_factor: bool) -> usize {
        if always_second_factor { self.least_with_second_factor } else { self.least }
    }

    /// Whether a password chosen then must be changed now.
    #[must_use]
    pub fn has_expired(&self, chosen_at: Timestamp, now: Timestamp, second_factor: bool) -> bool {
        let alone = self.single_factor_expiry_days.filter(|_| !second_factor);
        let mut concern = self.expiry_days.into_iter().chain(alone);
        concern.any(|days| now >= chosen_at.plus(crate::time::days(days.into())))
    }

    /// Whether a password chosen then is too young to be changed by its owner, who was not told to.
    #[must_use]
    pub fn is_too_young(&self, chosen_at: Timestamp, now: Timestamp) -> bool {
        now < chosen_at.plus(crate::time::days(self.min_age_days.into()))
    }
}

impl Effective {
    /// Whether somebody may ask from there. Where networks are set, nobody may from an address that is not known.
    #[must_use]
    pub fn admits(&self, address: Option<IpAddr>) -> bool {
        match (&self.networks, address) {
            (None, _) => true,
            (Some(networks), Some(address)) => networks.iter().any(|network| network.holds(address)),
            (Some(_), None) => false,
        }
    }
}
