//! Policies as they are sent.

use domain::policy::{Assurance, AtLimit, Cause, Merged, Preset, Ruled};
use serde::{Deserialize, Serialize};
use service::policy::Edition;
use utoipa::ToSchema;

/// How surely one must sign in.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum AssuranceName {
    /// With a password.
    Aal1,
    /// With a second factor too.
    Aal2,
    /// With a passkey bound to hardware.
    Phrh,
}

/// What becomes of a sign-in beyond the most sessions.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum AtLimitName {
    /// It is refused with 409, after everything was proved.
    Refuse,
    /// The oldest session ends.
    EndOldest,
}

/// A name for a set of password rules.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum PresetName {
    /// NIST SP 800-63B-4.
    Nist,
    /// PCI DSS 4.0.1.
    Pci,
    /// Three of four classes of characters, changed each quarter.
    Classic,
}

/// Both ways between a name and what it means.
macro_rules! names {
    ($($name:ident = $meaning:ident { $($variant:ident),+ })+) => {$(
        impl From<$name> for $meaning {
            fn from(name: $name) -> Self {
                match name {
                    $($name::$variant => Self::$variant,)+
                }
            }
        }

        impl From<$meaning> for $name {
            fn from(meaning: $meaning) -> Self {
                match meaning {
                    $($meaning::$variant => Self::$variant,)+
                }
            }
        }
    )+};
}

names! {
    AssuranceName = Assurance { Aal1, Aal2, Phrh }
    AtLimitName = AtLimit { Refuse, EndOldest }
    PresetName = Preset { Nist, Pci, Classic }
}

/// What a realm or a role asks for. Null: not set here.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PolicyShape {
    #[schema(required)]
    idle_seconds: Option<u32>,
    #[schema(required)]
    absolute_seconds: Option<u32>,
    #[schema(required)]
    access_token_seconds: Option<u32>,
    #[schema(required)]
    assurance: Option<AssuranceName>,
    #[schema(required)]
    step_up_seconds: Option<u32>,
    #[schema(required)]
    max_sessions: Option<u32>,
    #[schema(required)]
    at_limit: Option<AtLimitName>,
    /// Empty: from nowhere.
    #[schema(required)]
    networks: Option<Vec<String>>,
    password: PasswordShape,
    /// Where it departs from a standard: the clause and what departs.
    deviations: Vec<&'static str>,
    /// 0: nothing was ever set.
    version: i64,
}

/// What is asked of passwords. Null: not set here.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PasswordShape {
    #[schema(required)]
    preset: Option<PresetName>,
    #[schema(required)]
    min_length: Option<u32>,
    #[schema(required)]
    history: Option<u32>,
    #[schema(required)]
    expiry_days: Option<u32>,
    #[schema(required)]
    min_age_days: Option<u32>,
}

impl From<&Edition> for PolicyShape {
    fn from(edition: &Edition) -> Self {
        let policy = &edition.policy;
        let password = &policy.password;
        let networks = policy.networks.as_ref();
        Self {
            idle_seconds: policy.idle_seconds,
            absolute_seconds: policy.absolute_seconds,
            access_token_seconds: policy.access_token_seconds,
            assurance: policy.assurance.map(Into::into),
            step_up_seconds: policy.step_up_seconds,
            max_sessions: policy.max_sessions,
            at_limit: policy.at_limit.map(Into::into),
            networks: networks.map(|networks| networks.iter().map(ToString::to_string).collect()),
            password: PasswordShape {
                preset: password.preset.map(Into::into),
                min_length: password.min_length,
                history: password.history,
                expiry_days: password.expiry_days,
                min_age_days: password.min_age_days,
            },
            deviations: policy.deviations(),
            version: edition.version,
        }
    }
}

/// A number that applies, and what it comes from.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RuledNumber {
    /// Null: without bound.
    #[schema(required)]
    value: Option<u32>,
    /// `role:NAME`, `realm`, `floor`.
    from: String,
}

/// A word that applies, and what it comes from.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RuledWord {
    #[schema(value_type = String)]
    value: serde_json::Value,
    /// `role:NAME`, `realm`, `floor`.
    from: String,
}

/// Networks that apply, and what they come from.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RuledNetworks {
    /// What all that set networks share; empty: from nowhere, null: from anywhere.
    #[schema(required)]
    value: Option<Vec<String>>,
    /// Whoever sets networks, separated by spaces: `realm role:NAME`; `floor`: nobody.
    from: String,
}

/// What applies to a person.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EffectivePolicy {
    idle_seconds: RuledNumber,
    absolute_seconds: RuledNumber,
    access_token_seconds: RuledNumber,
    assurance: RuledWord,
    step_up_seconds: RuledNumber,
    max_sessions: RuledNumber,
    at_limit: RuledWord,
    networks: RuledNetworks,
    password: EffectivePassword,
}

/// What applies to a person's password.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EffectivePassword {
    /// What composition and expiry go by.
    preset: RuledWord,
    /// Where the password can be the only factor.
    min_length: RuledNumber,
    /// For whoever always signs in with a second factor.
    min_length_with_second_factor: RuledNumber,
    history: RuledNumber,
    /// By the preset only where the password is the only factor.
    expiry_days: RuledNumber,
    min_age_days: RuledNumber,
}

fn number(field: Option<&Ruled<u32>>) -> RuledNumber {
    let from = field.map_or(&Cause::Floor, |ruled| &ruled.from).to_string();
    RuledNumber { value: field.map(|ruled| ruled.value), from }
}

fn word<T: Copy + Serialize>(field: Option<&Ruled<T>>) -> RuledWord {
    let value = field.and_then(|ruled| serde_json::to_value(ruled.value).ok()).unwrap_or_default();
    RuledWord { value, from: field.map_or(&Cause::Floor, |ruled| &ruled.from).to_string() }
}

fn networks(merged: &Merged) -> RuledNetworks {
    let value = merged.shared_networks().map(|all| all.iter().map(ToString::to_string).collect());
    // In the order of the causes: the realm first, roles by name.
    let from = merged.networks.keys().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    RuledNetworks { value, from: if from.is_empty() { Cause::Floor.to_string() } else { from } }
}

impl From<&Merged> for EffectivePolicy {
    fn from(merged: &Merged) -> Self {
        Self {
            idle_seconds: number(merged.idle_seconds.as_ref()),
            absolute_seconds: number(merged.absolute_seconds.as_ref()),
            access_token_seconds: number(merged.access_token_seconds.as_ref()),
            assurance: word(merged.assurance.as_ref()),
            step_up_seconds: number(merged.step_up_seconds.as_ref()),
            max_sessions: number(merged.max_sessions.as_ref()),
            at_limit: word(merged.at_limit.as_ref()),
            networks: networks(merged),
            password: EffectivePassword {
                preset: word(merged.preset.as_ref()),
                min_length: number(merged.min_length.as_ref()),
                min_length_with_second_factor: number(merged.min_length_with_second_factor.as_ref()),
                history: number(merged.history.as_ref()),
                expiry_days: number(merged.expiry_days.as_ref().or(merged.single_factor_expiry_days.as_ref())),
                min_age_days: number(merged.min_age_days.as_ref()),
            },
        }
    }
}
