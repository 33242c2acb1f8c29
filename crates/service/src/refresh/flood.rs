//! How often a family is answered within one window: a flood of refreshes is refused, and is no replay (requirements.md, 2.6, rule 4).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::id::FamilyId;
use domain::refresh::Family;
use domain::session::GRACE_SECONDS;
use domain::throttle::Throttled;
use domain::time::{Timestamp, seconds};

/// Answers in one window, of one node. Fifty tabs that wake up at once are people (T3); four a second for half a minute are a program, and
/// each answer costs a signature.
pub(crate) const MOST: u32 = 120;
/// Families that are counted at a time. Whoever would exceed that holds as many sessions.
const FAMILIES: usize = 10_000;

/// What was answered lately. In memory: only authentic tokens count, so nobody can fill it up or shut anybody else out, and a window is short.
#[derive(Debug, Default)]
pub(crate) struct Floods(Mutex<HashMap<FamilyId, Window>>);

#[derive(Debug)]
struct Window {
    generation: i64,
    answers: u32,
    ends: Timestamp,
}

/// Refused until the window ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Flooded {
    pub(crate) throttled: Throttled,
    /// The first refusal of this window: the one that is recorded.
    pub(crate) first: bool,
}

impl Floods {
    /// Counts an answer within the window of a family.
    pub(crate) fn count(&self, id: FamilyId, family: &Family, now: Timestamp) -> Result<(), Flooded> {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= FAMILIES && !windows.contains_key(&id) {
            windows.retain(|_, window| window.ends > now);
            if windows.len() >= FAMILIES {
                return Ok(());
            }
        }
        let generation = family.generation;
        let ends = family.rotated_at.plus(seconds(GRACE_SECONDS));
        let window = windows.entry(id).or_insert(Window { generation, answers: 0, ends });
        if window.generation != generation {
            *window = Window { generation, answers: 0, ends };
        }
        window.answers = window.answers.saturating_add(1);
        if window.answers <= MOST {
            return Ok(());
        }
        Err(Flooded { throttled: Throttled { until: window.ends }, first: window.answers == MOST + 1 })
    }
}

#[cfg(test)]
mod tests {
    use domain::session::Deadlines;
    use uuid::Uuid;

    use super::*;

    fn family(generation: i64, rotated_at: i64) -> Family {
        let at = Timestamp::from_seconds;
        let deadlines = Deadlines { idle_at: at(9000), absolute_at: at(9000) };
        Family { generation, rotated_at: at(rotated_at), previous_at: at(0), deadlines, ended: false }
    }

    #[test]
    fn each_window_and_each_family_has_its_own_count_and_one_refusal_is_the_first() {
        let (floods, now) = (Floods::default(), Timestamp::from_seconds(1000));
        let [one, other] = [1, 2].map(|number| FamilyId::from_uuid(Uuid::from_u128(number)));
        let answered = (0..MOST + 9).filter(|_| floods.count(one, &family(3, 990), now).is_ok()).count();

        assert_eq!(answered, MOST as usize);
        let until = Timestamp::from_seconds(1020);
        assert_eq!(
            floods.count(one, &family(3, 990), now),
            Err(Flooded { throttled: Throttled { until }, first: false })
        );
        assert_eq!(floods.count(other, &family(3, 990), now), Ok(()));
        assert_eq!(floods.count(one, &family(4, 1020), until), Ok(()), "the next window");
    }

    #[test]
    fn what_is_counted_is_bounded_and_what_is_over_makes_room() {
        let floods = Floods::default();
        let refused = |number: u128, now: i64| {
            let id = FamilyId::from_uuid(Uuid::from_u128(number));
            (0..=MOST).filter(|_| floods.count(id, &family(1, now), Timestamp::from_seconds(now)).is_err()).count()
        };
        for number in 0..FAMILIES as u128 {
            let id = FamilyId::from_uuid(Uuid::from_u128(number));
            assert_eq!(floods.count(id, &family(1, 1000), Timestamp::from_seconds(1000)), Ok(()));
        }

        assert_eq!(refused(1 << 64, 1001), 0, "not counted, and not refused");
        assert_eq!(refused((1 << 64) + 1, 1030), 1, "counted again");
        assert!(floods.0.lock().is_ok_and(|windows| windows.len() <= FAMILIES));
    }
}
