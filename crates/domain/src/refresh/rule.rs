//! The rule as a state machine: what a presented token, a fresh authentication or activity makes of a family, and what is answered.
//!
//! A refresh is a look ([`decide`]), for [`Presented::Advance`] a guarded step ([`Family::advanced`]) that others may have taken meanwhile, and
//! then a second look ([`decide_again`]). Each statement of `store::refresh` is one of these functions in SQL.

use super::RefreshToken;
use crate::session::{Deadlines, GRACE_SECONDS, State};
use crate::time::{Timestamp, seconds};
use crate::user::Status;

/// What a family is when a token is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Family {
    /// The current generation.
    pub generation: i64,
    /// When it was made.
    pub rotated_at: Timestamp,
    /// When the one before it was made, and the one before that was replaced.
    pub previous_at: Timestamp,
    /// When it locks and when it is over.
    pub deadlines: Deadlines,
    /// Whether it or its session was ended, or its principal may not sign in.
    pub ended: bool,
}

/// What is asked with an authentic token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Asked {
    /// The token's generation.
    pub generation: i64,
    /// Whether it comes from the client that the family was made for.
    pub own_client: bool,
}

/// What presenting an authentic token means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Presented {
    /// The current generation, older than the window: the family advances.
    Advance,
    /// Within the window: answered with the current token, nothing moves.
    WithinWindow,
    /// Idle passed: unlock.
    Locked,
    /// Over, or its principal may not go on.
    Ended,
    /// An older generation, or another client: a copy exists.
    Replayed,
}

impl Family {
    /// Whether the current token is so young that the one before is answered too.
    #[must_use]
    pub fn in_window(&self, now: Timestamp) -> bool {
        now < self.rotated_at.plus(seconds(GRACE_SECONDS))
    }

    /// Whether a token of an older generation was replaced so lately that a request which carries it may have been under way: it is answered
    /// with the current one. A refresh and a fresh authentication may both come within one window, so that it may be two generations old.
    fn covers(&self, generation: i64, now: Timestamp) -> bool {
        let lately = match self.generation.saturating_sub(generation) {
            1 => true,
            2 => now < self.previous_at.plus(seconds(GRACE_SECONDS)),
            _ => false,
        };
        lately && self.in_window(now)
    }

    /// The next generation, made now.
    fn moved_on(self, now: Timestamp) -> Self {
        Self { generation: self.generation + 1, rotated_at: now, previous_at: self.rotated_at, ..self }
    }

    /// What it is now.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> State {
        self.deadlines.state(self.ended, now)
    }

    /// One generation on, by a refresh that saw generation `from`; `None`: it moved, locked or ended meanwhile. The absolute deadline stays.
    #[must_use]
    pub fn advanced(self, from: i64, now: Timestamp) -> Option<Self> {
        let due = self.generation == from && !self.in_window(now) && self.state(now) == State::Live;
        due.then(|| self.moved_on(now))
    }

    /// One generation on, after a fresh authentication (step-up, unlock, one's own password change): always, also inside the window. The
    /// absolute deadline stays; `None`: it is over.
    #[must_use]
    pub fn renewed(self, idle_at: Timestamp, now: Timestamp) -> Option<Self> {
        let deadlines = Deadlines { idle_at, ..self.deadlines };
        (self.state(now) != State::Ended).then(|| Self { deadlines, ..self.moved_on(now) })
    }

    /// The person acted: idle starts again, and nothing else. What is locked or over stays so (`None`).
    #[must_use]
    pub fn acted(self, idle_at: Timestamp, now: Timestamp) -> Option<Self> {
        let deadlines = Deadlines { idle_at, ..self.deadlines };
        (self.state(now) == State::Live).then_some(Self { deadlines, ..self })
    }

    /// Locked at once: somebody else took the device over. What is over stays as it was.
    #[must_use]
    pub fn locked(self, now: Timestamp) -> Self {
        let idle_at = if self.ended { self.deadlines.idle_at } else { self.deadlines.idle_at.min(now) };
        Self { deadlines: Deadlines { idle_at, ..self.deadlines }, ..self }
    }

    /// Over; nothing revives it.
    #[must_use]
    pub fn over(self) -> Self {
        Self { ended: true, ..self }
    }
}

/// Judges an authentic token. The order is the rule: a replay counts locked or not; whatever 3 or 4 would serve is never a replay, unless
/// it comes from another client.
#[must_use]
pub fn decide(family: &Family, asked: Asked, now: Timestamp) -> Presented {
    let in_window = family.in_window(now);
    let current = asked.generation == family.generation;
    let servable = asked.own_client && (current || family.covers(asked.generation, now));
    match (family.state(now), servable) {
        // A generation that does not exist yet is authentic only after the database was set back.
        _ if asked.generation > family.generation => Presented::Ended,
        (State::Ended, _) => Presented::Ended,
        (_, false) => Presented::Replayed,
        (State::Locked, true) => Presented::Locked,
        (State::Live, true) if in_window => Presented::WithinWindow,
        (State::Live, true) => Presented::Advance,
    }
}

/// Judges the same token after the guarded step was not taken, as the family is now. Nobody tries that twice: whoever holds what is current
/// still is answered with it.
#[must_use]
pub fn decide_again(family: &Family, asked: Asked, now: Timestamp) -> Presented {
    match decide(family, asked, now) {
        Presented::Advance => Presented::WithinWindow,
        other => other,
    }
}

/// [`decide`] for a token of the family's own client.
#[must_use]
pub fn judge(family: &Family, token: &RefreshToken, now: Timestamp) -> Presented {
    decide(family, Asked { generation: token.generation(), own_client: true }, now)
}

/// What is checked again at each refresh beside the family: its session and its person (RT-04).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether the session was ended.
    pub session_ended: bool,
    /// When its person last proved who they are in it.
    pub auth_at: Timestamp,
    /// The person's.
    pub status: Status,
    /// All of the person's sessions from before were ended.
    pub tokens_not_before: Timestamp,
}

impl Standing {
    /// Whether an access token may be given out. A sign-in that raced the end of all sessions is older than that end.
    #[must_use]
    pub fn holds(self) -> bool {
        !self.session_ended && self.status == Status::Active && self.auth_at >= self.tokens_not_before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(generation: i64) -> Family {
        let at = |s| Timestamp::from_seconds(s);
        Family {
            generation,
            rotated_at: at(1000),
            previous_at: at(900),
            deadlines: Deadlines { idle_at: at(2000), absolute_at: at(3000) },
            ended: false,
        }
    }

    fn at(seconds: i64, family: Family, generation: i64) -> Presented {
        decide(&family, Asked { generation, own_client: true }, Timestamp::from_seconds(seconds))
    }

    #[test]
    fn the_table_of_2_6() {
        let ended = family(5).over();
        // A step-up ten seconds after a refresh.
        let twice = Family { previous_at: Timestamp::from_seconds(990), ..family(5) };
        for (name, got, expected) in [
            ("current, in the window", at(1010, family(5), 5), Presented::WithinWindow),
            ("the one before, in the window", at(1010, family(5), 4), Presented::WithinWindow),
            ("two before, in the window", at(1010, family(5), 3), Presented::Replayed),
            ("two before, replaced within the window", at(1019, twice, 3), Presented::WithinWindow),
            ("two before, replaced a window ago", at(1020, twice, 3), Presented::Replayed),
            ("three before", at(1000, twice, 2), Presented::Replayed),
            ("current, after the window", at(1030, family(5), 5), Presented::Advance),
            ("the one before, after the window", at(1030, family(5), 4), Presented::Replayed),
            ("current, idle passed", at(2000, family(5), 5), Presented::Locked),
            ("the one before, idle passed", at(2000, family(5), 4), Presented::Replayed),
            ("current, absolute passed", at(3000, family(5), 5), Presented::Ended),
            ("the one before, absolute passed", at(3000, family(5), 4), Presented::Ended),
            ("current, ended", at(1030, ended, 5), Presented::Ended),
            ("older, ended already", at(1030, ended, 1), Presented::Ended),
            ("from a future that was set back", at(1010, family(5), 6), Presented::Ended),
        ] {
            assert_eq!(got, expected, "{name}");
        }
    }

    #[test]
    fn t5_another_clients_token_is_a_replay_whatever_its_generation() {
        for (generation, now) in [(5, 1010), (5, 1030), (4, 1010), (3, 1010), (5, 2000)] {
            let asked = Asked { generation, own_client: false };
            let now = Timestamp::from_seconds(now);

            assert_eq!(decide(&family(5), asked, now), Presented::Replayed, "{generation}");
            assert_eq!(decide(&family(5).over(), asked, now), Presented::Ended, "{generation}");
        }
    }

    #[test]
    fn only_a_sound_standing_holds() {
        let at = |s| Timestamp::from_seconds(s);
        let sound =
            Standing { session_ended: false, auth_at: at(10), status: Status::Active, tokens_not_before: at(10) };

        assert!(sound.holds());
        assert!(!Standing { session_ended: true, ..sound }.holds());
        assert!(!Standing { status: Status::Disabled, ..sound }.holds());
        assert!(!Standing { auth_at: at(9), ..sound }.holds());
    }
}
