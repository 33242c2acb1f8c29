//! What holds in every state that can be reached.

use std::io::Write as _;

use domain::refresh::Presented;
use domain::session::State;
use domain::time::Timestamp;
use stateright::{Checker, HasDiscoveries, Model, Property};

use crate::bounds::{Bounds, Proofs, Rule};
use crate::world::{ABSOLUTE, Action, Answer, Broken, PLACES, Phase, THIEF, World};

#[derive(Clone)]
pub(crate) struct Search {
    pub(crate) bounds: Bounds,
    pub(crate) rule: Rule,
}

impl Model for Search {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::signed_in()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        // What follows a broken rule is of no interest.
        if world.broken == 0 {
            world.actions(&self.bounds, actions);
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let next = world.next(&self.bounds, &self.rule, action);
        (next != *world).then_some(next)
    }

    fn within_boundary(&self, world: &World) -> bool {
        world.now <= self.bounds.horizon && world.family.generation <= self.bounds.generations
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut all = vec![
            Property::always("no stale token is served", |_, w: &World| w.holds(Broken::StaleServed)),
            Property::always("a replay ends the family", |_, w: &World| w.holds(Broken::ReplayIgnored)),
            Property::always("one generation lives", |_, w: &World| w.holds(Broken::TwoGenerations)),
            Property::always("a family advances once in a window", |_, w: &World| w.holds(Broken::AdvancedTwice)),
            Property::always("the absolute deadline stays", |_, w: &World| w.holds(Broken::AbsoluteMoved)),
            Property::always("idle moves with activity alone", |_, w: &World| w.holds(Broken::IdleMoved)),
            Property::always("nothing is served that is locked or over", |_, w: &World| w.holds(Broken::DeadServed)),
            Property::always("what is over stays over", |_, w: &World| w.holds(Broken::Revived)),
            Property::always("two parties do not both go on", |m: &Self, w: &World| m.both_do_not_go_on(w)),
            // That the search reaches what it is for.
            Property::sometimes("somebody was faster", |_, w: &World| {
                w.phases.iter().any(|phase| matches!(phase, Phase::Looked { from, presented: Presented::Advance, .. } if *from < w.family.generation))
            }),
            Property::sometimes("one generation behind and answered", |_, w: &World| {
                w.jar.is_some_and(|jar| jar < w.family.generation)
                    && w.phases.iter().any(|phase| matches!(phase, Phase::Answered { answer: Answer::Token(_), .. }))
            }),
            Property::sometimes("two generations behind and not answered yet", |m: &Self, w: &World| {
                let waits = |phase: &Phase| phase.token().is_some_and(|token| token + 2 == w.family.generation);
                m.bounds.generations < 2 || w.phases.iter().any(waits)
            }),
            Property::sometimes("locked", |_, w: &World| {
                w.phases.iter().any(|phase| matches!(phase, Phase::Answered { answer: Answer::Locked, .. }))
            }),
        ];
        if self.bounds.horizon >= ABSOLUTE {
            all.push(Property::sometimes("its time has come", |_, w: &World| w.jar.is_none() && w.now >= ABSOLUTE));
        }
        if self.bounds.thief {
            all.push(Property::sometimes("a replay ended it", |_, w: &World| w.family.ended && w.now < ABSOLUTE));
            all.push(Property::sometimes("the thief was served", |_, w: &World| w.copy.is_some_and(|copy| copy > 0)));
        } else {
            all.push(Property::always("an honest browser is never signed out", |_, w: &World| {
                w.holds(Broken::HonestEnded)
            }));
            all.push(Property::always("whatever happened, the next refresh works", |m: &Self, w: &World| m.goes_on(w)));
        }
        all
    }
}

impl Search {
    fn now(world: &World) -> Timestamp {
        Timestamp::from_seconds(world.now)
    }

    /// Once the window is over, one of two holders of different tokens cannot come without ending it for both.
    fn both_do_not_go_on(&self, world: &World) -> bool {
        let (Some(jar), Some(copy)) = (world.jar, world.copy) else { return true };
        let over = world.family.state(Self::now(world)) == State::Ended;
        if jar == copy || over || world.now < world.family.rotated_at.seconds() + 30 {
            return true;
        }
        // The older of the two shows up, and all that is under way comes to its end.
        let mut later = *world;
        let older = if jar < copy { 0 } else { THIEF };
        later.phases = [Phase::Idle; PLACES];
        for action in [
            Action::Send { who: older, active: false },
            Action::Begin(older),
            Action::Look(older),
            Action::Write(older),
        ] {
            later = later.next(&self.bounds, &self.rule, action);
        }
        later.family.ended
    }

    /// If nothing more is lost, every tab has the current token, or is told that the session is locked.
    fn goes_on(&self, world: &World) -> bool {
        // A clock that stepped back has been at a deadline that is to come.
        let latest = Timestamp::from_seconds(world.now + i64::from(world.stepped_back) * self.bounds.step_back);
        if latest >= Timestamp::from_seconds(ABSOLUTE) || world.now > self.bounds.horizon {
            return true;
        }
        let settled = self.settled(world);
        let locked = settled.family.state(latest) == State::Locked;
        settled.broken == 0 && (locked || settled.jar == Some(settled.family.generation))
    }

    /// Everything under way comes to its end, nothing is lost, and every tab refreshes once more.
    fn settled(&self, world: &World) -> World {
        let (bounds, rule) = (&self.bounds, &self.rule);
        let mut world = *world;
        let send = |world: World, who| world.next(bounds, rule, Action::Send { who, active: false });
        for who in 0..bounds.tabs {
            if matches!(world.phases[who], Phase::Idle) {
                world = send(world, who);
            }
        }
        for _ in 0..8 * PLACES {
            let lost = world.phases[..bounds.tabs].iter().position(|phase| matches!(phase, Phase::Lost));
            if let Some(who) = lost.filter(|_| world.jar.is_some()) {
                world = send(world, who);
            }
            let mut actions = Vec::new();
            world.actions(bounds, &mut actions);
            let onward = |action: &&Action| {
                matches!(action, Action::Begin(_) | Action::Look(_) | Action::Write(_) | Action::Deliver(_))
            };
            let Some(action) = actions.iter().find(onward) else { break };
            world = world.next(bounds, rule, *action);
        }
        world
    }

    /// Searches everything; says how much that was.
    pub(crate) fn exhaust(self, name: &str) {
        let checker = self.checker().threads(2).spawn_bfs().join();
        let (unique, depth) = (checker.unique_state_count(), checker.max_depth());
        let _ = writeln!(std::io::stderr(), "{name}: {unique} states, {depth} steps deep");
        checker.assert_properties();
    }

    /// Searches until a property fails; which one.
    pub(crate) fn counterexample(self) -> Option<(&'static str, Vec<Action>)> {
        let checker = self.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        let failures = checker.model().properties().into_iter().filter(|p| p.expectation.discovery_is_failure());
        let names: Vec<&'static str> = failures.map(|property| property.name).collect();
        let found = checker.discoveries().into_iter().find(|(name, _)| names.contains(name));
        found.map(|(name, path)| (name, path.into_actions()))
    }
}

/// Tabs of an honest browser, whatever the network and the server do, as long as whoever is behind catches up within the window.
pub(crate) const HONEST: Bounds = Bounds {
    tabs: 2,
    thief: false,
    horizon: 75,
    generations: 3,
    proofs: Proofs::Seldom,
    in_order: true,
    queues: false,
    step_back: 1,
    within_the_window: true,
};

/// An honest browser and a copy of its token; nothing is assumed of network and clock.
pub(crate) const THEFT: Bounds = Bounds {
    tabs: 1,
    thief: true,
    horizon: 75,
    generations: 2,
    proofs: Proofs::AnyTime,
    in_order: false,
    queues: false,
    step_back: 1,
    within_the_window: false,
};

#[test]
fn an_honest_browser_keeps_its_session_whatever_happens() {
    Search { bounds: HONEST, rule: Rule::REAL }.exhaust("two tabs");
}

/// A clock that was ahead by more than a window and is set right.
#[test]
fn a_clock_that_is_set_back_by_more_than_a_window_signs_nobody_out_and_hides_no_copy() {
    let honest = Bounds { step_back: 31, proofs: Proofs::None, generations: 1, tabs: 3, horizon: 60, ..HONEST };
    let theft = Bounds { step_back: 31, proofs: Proofs::None, queues: true, generations: 3, ..THEFT };

    Search { bounds: honest, rule: Rule::REAL }.exhaust("three tabs, a clock set back");
    Search { bounds: theft, rule: Rule::REAL }.exhaust("a tab and a thief, a clock set back");
}

#[test]
fn three_tabs_keep_their_session_whatever_happens() {
    let bounds = Bounds { tabs: 3, proofs: Proofs::None, horizon: 60, generations: 1, ..HONEST };

    Search { bounds, rule: Rule::REAL }.exhaust("three tabs");
}

#[test]
fn a_copy_is_found_out_and_nobody_gets_more_than_the_rule_gives() {
    Search { bounds: THEFT, rule: Rule::REAL }.exhaust("a tab and a thief");
}

#[test]
fn a_copy_is_found_out_whatever_waits_in_whose_queue() {
    let bounds = Bounds { proofs: Proofs::None, queues: true, generations: 3, ..THEFT };

    Search { bounds, rule: Rule::REAL }.exhaust("a tab and a thief, queues");
}

#[test]
fn a_copy_of_what_two_tabs_use_is_found_out() {
    let bounds = Bounds { tabs: 2, proofs: Proofs::None, horizon: 60, ..THEFT };

    Search { bounds, rule: Rule::REAL }.exhaust("two tabs and a thief");
}
