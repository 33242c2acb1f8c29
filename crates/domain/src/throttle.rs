//! How often may be tried. Counters stand in the database; those of identifiers and factors rise *before* the expensive check (2.4). The keys are
//! keyed hashes, of an identifier whether or not anybody has that name, so that a wait tells nothing.

use std::time::Duration;

use crate::time::{Timestamp, hours, minutes, seconds};

/// From this failure in a row on, each further attempt must wait.
pub const FIRST_WAIT_AT: i64 = 5;
/// The longest wait.
pub const LONGEST_WAIT: Duration = hours(1);

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Failures in a row for one identifier (F1).
    Identifier,
    /// Failures in a row for one factor of one person, by recognised device or session: a code, or a password asked for again (F1, F2).
    Factor,
    /// Failures from one address in a minute (F3).
    AddressMinute,
    /// Failures from one address in an hour (F3).
    AddressHour,
    /// Wrong single-use links from one address in an hour (2.5 rule 8).
    TokenHour,
    /// Wrong secrets for one client or API from one address in an hour (LOCK-06). Never for the client alone: its id is no secret, and whoever
    /// knows it could shut it out.
    Client,
    /// Wrong secrets of clients and APIs from one address in an hour, whatever they name.
    ClientHour,
    /// Access tokens of one principal that one client gave back in an hour: each is kept in mind by every resource server until it would have expired.
    GivenBack,
    /// Times that one person resumed a session in an hour: each locks the others on the device, which every resource server keeps in mind.
    Resumed,
    /// Requests that another site caused, refused.
    Csrf,
    /// A caller's requests without a permission, refused.
    Authz,
}

impl Kind {
    /// As stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identifier => "identifier",
            Self::Factor => "factor",
            Self::AddressMinute => "address_minute",
            Self::AddressHour => "address_hour",
            Self::TokenHour => "token_hour",
            Self::Client => "client",
            Self::ClientHour => "client_hour",
            Self::GivenBack => "given_back",
            Self::Resumed => "resumed",
            Self::Csrf => "csrf",
            Self::Authz => "authz",
        }
    }

    /// How many are allowed in a window, and its length; `None` for failures in a row.
    #[must_use]
    pub const fn window(self) -> Option<(i64, Duration)> {
        match self {
            Self::Identifier | Self::Factor | Self::Csrf | Self::Authz => None,
            Self::AddressMinute => Some((20, minutes(1))),
            Self::AddressHour => Some((200, hours(1))),
            Self::Client => Some((10, hours(1))),
            Self::GivenBack => Some((1000, hours(1))),
            Self::Resumed => Some((120, hours(1))),
            Self::TokenHour | Self::ClientHour => Some((20, hours(1))),
        }
    }
}

/// How long to wait after `failures` failures in a row: none below the fifth, then 30 s, 60 s, … up to [`LONGEST_WAIT`].
///
/// Source: NIST SP 800-63B-4, section 3.2.2 gives this range as its example. The start is our choice.
#[must_use]
pub fn wait_after(failures: i64) -> Duration {
    let over = failures - FIRST_WAIT_AT;
    if over < 0 {
        return Duration::ZERO;
    }
    let doubled = 30u64 << u32::try_from(over).unwrap_or(u32::MAX).min(7);
    seconds(doubled).min(LONGEST_WAIT)
}

/// A try was refused; it may be repeated at this instant (`Retry-After`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled {
    /// When the next try is looked at.
    pub until: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_begin_at_the_fifth_failure_and_end_at_an_hour() {
        let waits: Vec<u64> = [1, 4, 5, 6, 7, 11, 12, 13, 100].iter().map(|n| wait_after(*n).as_secs()).collect();

        assert_eq!(waits, [0, 0, 30, 60, 120, 1920, 3600, 3600, 3600]);
    }
}
