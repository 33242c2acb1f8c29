//! Rules with one mistake each. A search that finds none of them proves nothing.

use domain::refresh::{Asked, Family, Presented, decide};
use domain::session::{Deadlines, State};
use domain::time::{Timestamp, seconds};

use crate::bounds::{Bounds, Proofs, Rule};
use crate::check::{HONEST, Search, THEFT};

#[track_caller]
fn found(bounds: Bounds, rule: Rule, expected: &[&str]) {
    let (name, path) = Search { bounds, rule }.counterexample().expect("a mistake that was not found");

    assert!(expected.contains(&name), "found as {name:?}: {path:?}");
}

fn current(family: &Family, asked: Asked) -> bool {
    asked.generation == family.generation
}

#[test]
fn a_window_that_is_compared_the_wrong_way_round() {
    fn wrong(family: &Family, asked: Asked, now: Timestamp) -> Presented {
        let turned = Family { rotated_at: now.minus(seconds(if family.in_window(now) { 60 } else { 0 })), ..*family };
        decide(&turned, asked, now)
    }
    let rule = Rule { decide: wrong, ..Rule::REAL };

    found(HONEST, rule, &["an honest browser is never signed out", "whatever happened, the next refresh works"]);
    found(THEFT, rule, &["no stale token is served", "a replay ends the family", "two parties do not both go on"]);
}

#[test]
fn a_window_that_is_a_moment_too_long() {
    fn wrong(family: &Family, asked: Asked, now: Timestamp) -> Presented {
        decide(family, asked, Timestamp::from_micros(now.micros() - 1))
    }
    let rule = Rule { decide: wrong, ..Rule::REAL };

    // The same moment is too long for the lock.
    let locked = "nothing is served that is locked or over";
    found(
        THEFT,
        rule,
        &["no stale token is served", "a replay ends the family", "two parties do not both go on", locked],
    );
}

#[test]
fn the_one_before_is_never_served() {
    fn wrong(family: &Family, asked: Asked, now: Timestamp) -> Presented {
        match decide(family, asked, now) {
            Presented::WithinWindow if !current(family, asked) => Presented::Replayed,
            other => other,
        }
    }
    let rule = Rule { decide: wrong, again: wrong, ..Rule::REAL };

    found(HONEST, rule, &["an honest browser is never signed out", "whatever happened, the next refresh works"]);
}

#[test]
fn the_one_before_is_served_for_ever() {
    fn wrong(family: &Family, asked: Asked, now: Timestamp) -> Presented {
        match decide(family, asked, now) {
            Presented::Replayed if asked.generation + 1 == family.generation => Presented::WithinWindow,
            other => other,
        }
    }
    let rule = Rule { decide: wrong, ..Rule::REAL };

    found(THEFT, rule, &["no stale token is served", "a replay ends the family", "two parties do not both go on"]);
}

#[test]
fn two_before_is_served_whenever_it_was_replaced() {
    fn wrong(family: &Family, asked: Asked, now: Timestamp) -> Presented {
        decide(&Family { previous_at: family.rotated_at, ..*family }, asked, now)
    }
    let rule = Rule { decide: wrong, ..Rule::REAL };

    found(THEFT, rule, &["no stale token is served", "a replay ends the family"]);
}

#[test]
fn a_request_under_way_while_the_family_advances_twice_is_a_replay() {
    fn wrong(family: &Family, asked: Asked, now: Timestamp) -> Presented {
        match decide(family, asked, now) {
            Presented::WithinWindow if asked.generation + 1 < family.generation => Presented::Replayed,
            other => other,
        }
    }
    let rule = Rule { decide: wrong, again: wrong, ..Rule::REAL };

    found(HONEST, rule, &["an honest browser is never signed out", "whatever happened, the next refresh works"]);
}

#[test]
fn a_replay_is_refused_and_nothing_else() {
    fn wrong(family: &Family, asked: Asked, now: Timestamp) -> Presented {
        match decide(family, asked, now) {
            Presented::Replayed => Presented::Ended,
            other => other,
        }
    }
    let rule = Rule { decide: wrong, ..Rule::REAL };

    found(THEFT, rule, &["a replay ends the family", "two parties do not both go on"]);
}

#[test]
fn a_replay_does_not_count_while_locked() {
    fn wrong(family: &Family, asked: Asked, now: Timestamp) -> Presented {
        if family.state(now) == State::Locked { Presented::Locked } else { decide(family, asked, now) }
    }
    let rule = Rule { decide: wrong, ..Rule::REAL };

    found(THEFT, rule, &["a replay ends the family", "two parties do not both go on"]);
}

#[test]
fn whoever_loses_the_race_is_not_judged_again() {
    let rule = Rule { again: |_, _, _| Presented::Ended, ..Rule::REAL };

    found(HONEST, rule, &["an honest browser is never signed out", "whatever happened, the next refresh works"]);
}

#[test]
fn every_refresh_advances_also_within_the_window() {
    fn wrong(family: &Family, asked: Asked, now: Timestamp) -> Presented {
        match decide(family, asked, now) {
            Presented::WithinWindow if current(family, asked) => Presented::Advance,
            other => other,
        }
    }
    fn moves(family: Family, from: i64, now: Timestamp) -> Option<Family> {
        let due = family.generation == from && family.state(now) == State::Live;
        due.then_some(Family { generation: from + 1, rotated_at: now, ..family })
    }
    let rule = Rule { decide: wrong, advanced: moves, ..Rule::REAL };

    found(HONEST, rule, &["a family advances once in a window", "whatever happened, the next refresh works"]);
}

#[test]
fn the_update_does_not_look_at_the_generation() {
    fn wrong(family: Family, _: i64, now: Timestamp) -> Option<Family> {
        let live = family.state(now) == State::Live;
        live.then_some(Family { generation: family.generation + 1, rotated_at: now, ..family })
    }
    let rule = Rule { advanced: wrong, ..Rule::REAL };

    found(HONEST, rule, &["a family advances once in a window", "whatever happened, the next refresh works"]);
}

#[test]
fn the_update_does_not_look_at_the_end() {
    fn wrong(family: Family, from: i64, now: Timestamp) -> Option<Family> {
        let moved = Family { ended: false, ..family }.advanced(from, now)?;
        Some(Family { ended: family.ended, ..moved })
    }
    let rule = Rule { advanced: wrong, ..Rule::REAL };
    // A second tab holds what is current while the first one's older token ends the family.
    let bounds = Bounds { tabs: 2, generations: 2, horizon: 60, proofs: Proofs::None, ..THEFT };

    found(bounds, rule, &["nothing is served that is locked or over"]);
}

#[test]
fn the_update_does_not_look_at_the_lock() {
    fn wrong(family: Family, from: i64, now: Timestamp) -> Option<Family> {
        let due = family.generation == from && !family.in_window(now) && family.state(now) != State::Ended;
        due.then_some(Family { generation: from + 1, rotated_at: now, ..family })
    }
    let rule = Rule { advanced: wrong, ..Rule::REAL };

    found(THEFT, rule, &["nothing is served that is locked or over"]);
}

#[test]
fn a_refresh_moves_the_absolute_deadline() {
    fn wrong(family: Family, from: i64, now: Timestamp) -> Option<Family> {
        let family = family.advanced(from, now)?;
        let absolute_at = family.deadlines.absolute_at.plus(seconds(1));
        Some(Family { deadlines: Deadlines { absolute_at, ..family.deadlines }, ..family })
    }
    let rule = Rule { advanced: wrong, ..Rule::REAL };

    found(HONEST, rule, &["the absolute deadline stays", "whatever happened, the next refresh works"]);
}

#[test]
fn a_refresh_is_taken_for_activity() {
    fn wrong(family: Family, from: i64, now: Timestamp) -> Option<Family> {
        let family = family.advanced(from, now)?;
        Some(Family { deadlines: Deadlines { idle_at: now.plus(seconds(45)), ..family.deadlines }, ..family })
    }
    let rule = Rule { advanced: wrong, ..Rule::REAL };

    found(HONEST, rule, &["idle moves with activity alone", "whatever happened, the next refresh works"]);
}
