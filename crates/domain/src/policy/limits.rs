//! What may be set at all (requirements.md, 2.1 and 2.2), and what is allowed but departs from a standard (C-17, PW-20).

use super::{Assurance, Policy, Preset};

/// The most networks of a policy.
pub const MOST_NETWORKS: usize = 64;
/// Idle time above which a deviation is recorded (C-17).
pub const IDLE_CEILING_SECONDS: u32 = 3600;
/// Overall time above which a deviation is recorded (C-17).
pub const ABSOLUTE_CEILING_SECONDS: u32 = 86_400;
/// Nobody stays signed in for longer, whatever is recorded (NIST SP 800-63B-4, 2.1.3).
pub const LONGEST_SESSION: u32 = 30 * 86_400;

/// A value that may not be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Which of [`Policy::FIELDS`].
    pub field: &'static str,
    /// Why, for programs.
    pub code: &'static str,
    /// Why, for people: the bound and the clause it comes from.
    pub detail: String,
}

/// A bound: field, value, least, most, unit, clause.
type Bound = (&'static str, Option<u32>, u32, u32, &'static str, &'static str);

impl Policy {
    /// Everything that may not be set so.
    #[must_use]
    pub fn wrong(&self) -> Vec<Wrong> {
        let password = &self.password;
        let session = "a session ends after 30 days at the latest, NIST SP 800-63B-4 section 2.1.3";
        let bounds: [Bound; 9] = [
            ("idle_seconds", self.idle_seconds, 60, LONGEST_SESSION, "seconds", session),
            ("absolute_seconds", self.absolute_seconds, 300, LONGEST_SESSION, "seconds", session),
            (
                "access_token_seconds",
                self.access_token_seconds,
                60,
                3600,
                "seconds",
                "an access token lives 60 minutes at most, requirement 2.2",
            ),
            (
                "step_up_seconds",
                self.step_up_seconds,
                60,
                900,
                "seconds",
                "a fresh proof is 15 minutes old at most, ASVS 7.5.1 and 7.5.3",
            ),
            ("max_sessions", self.max_sessions, 1, 100, "sessions", "SES-07, ASVS 7.1.2"),
            (
                "password.min_length",
                password.min_length,
                8,
                64,
                "characters",
                "no password is shorter than 8, and 64 must always be possible, NIST SP 800-63B-4 section 3.1.1.2",
            ),
            ("password.history", password.history, 0, 24, "passwords", "requirement 2.1"),
            ("password.expiry_days", password.expiry_days, 30, 730, "days", "requirement 2.1"),
            ("password.min_age_days", password.min_age_days, 0, 14, "days", "requirement 2.1"),
        ];
        let mut found: Vec<Wrong> = bounds.into_iter().filter_map(outside).collect();
        if let (Some(idle), Some(absolute)) = (self.idle_seconds, self.absolute_seconds)
            && idle > absolute
        {
            let detail = format!("must not be longer than absolute_seconds; {idle} is longer than {absolute}");
            found.push(Wrong { field: "idle_seconds", code: "longer_than_absolute", detail });
        }
        if self.assurance == Some(Assurance::Phrh) {
            let detail = "cannot be demanded yet: nobody could sign in, because passkeys are not built. Choose aal2.";
            found.push(Wrong { field: "assurance", code: "unsupported", detail: detail.to_owned() });
        }
        if self.networks.as_ref().is_some_and(|networks| networks.len() > MOST_NETWORKS) {
            let detail = format!("may name {MOST_NETWORKS} networks at most");
            found.push(Wrong { field: "networks", code: "length", detail });
        }
        found
    }

    /// Where it departs from a standard: allowed, and recorded wherever the policy is (C-17, PW-20).
    #[must_use]
    pub fn deviations(&self) -> Vec<&'static str> {
        let above = |value: Option<u32>, ceiling: u32| value.is_some_and(|value| value > ceiling);
        let password = &self.password;
        let preset = password.preset.unwrap_or(Preset::Nist);
        let expires = password.expiry_days.is_some() || preset.numbers().expiry_days.is_some();
        let short = password.min_length.or(password.preset.map(|preset| preset.numbers().least));
        let found = [
            (above(self.idle_seconds, IDLE_CEILING_SECONDS), "NIST SP 800-63B-4 2.2.3 idle above 1 hour (C-17)"),
            (
                above(self.absolute_seconds, ABSOLUTE_CEILING_SECONDS),
                "NIST SP 800-63B-4 2.2.3 session above 24 hours (C-17)",
            ),
            (short.is_some_and(|least| least < 15), "NIST SP 800-63B-4 3.1.1.2 fewer than 15 characters (C-01)"),
            (preset != Preset::Nist, "NIST SP 800-63B-4 3.1.1.2 composition (C-01)"),
            (preset != Preset::Nist, "ASVS 6.2.5"),
            (expires, "NIST SP 800-63B-4 3.1.1.2 expiry (C-02)"),
            (expires, "ASVS 6.2.10"),
        ];
        found.into_iter().filter(|(so, _)| *so).map(|(_, clause)| clause).collect()
    }
}

fn outside((field, value, least, most, unit, clause): Bound) -> Option<Wrong> {
    let value = value.filter(|value| !(least..=most).contains(value))?;
    let code = if value < least { "too_short" } else { "too_long" };
    Some(Wrong { field, code, detail: format!("must be {least} to {most} {unit}, not {value}: {clause}") })
}
