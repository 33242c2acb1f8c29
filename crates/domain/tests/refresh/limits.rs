//! What the rule does not give: each is an assumption of `HONEST` that is left out, and the search shows what happens then.
//! docs/decisions/0027 says why that is accepted.

use crate::bounds::{Bounds, Proofs, Rule};
use crate::check::{HONEST, Search};

#[track_caller]
fn signs_out(bounds: Bounds) {
    let (name, path) =
        Search { bounds, rule: Rule::REAL }.counterexample().expect("the assumption is not needed any more: drop it");

    assert!(name.starts_with("an honest browser") || name.starts_with("whatever happened"), "{name}: {path:?}");
}

#[test]
fn an_answer_that_is_lost_and_asked_for_again_after_the_window_signs_out() {
    signs_out(Bounds { within_the_window: false, proofs: Proofs::None, ..HONEST });
}

#[test]
fn an_older_answer_that_overtakes_a_newer_one_signs_out() {
    signs_out(Bounds { in_order: false, proofs: Proofs::None, ..HONEST });
}

#[test]
fn a_clock_set_back_by_a_window_under_a_request_and_two_fresh_authentications_signs_out() {
    signs_out(Bounds { step_back: 31, ..HONEST });
}

#[test]
fn a_refresh_under_way_while_the_family_advances_three_times_within_the_window_signs_out() {
    signs_out(Bounds { proofs: Proofs::AnyTime, ..HONEST });
}
