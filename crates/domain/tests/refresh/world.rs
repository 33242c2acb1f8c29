//! The world around one refresh family: a browser whose tabs share a cookie jar, somebody with a copy, a network that loses, delays and
//! reorders, a server that looks, updates and crashes, a clock that also steps back. Every change of the family is `domain::refresh`'s own.
//!
//! `crates/web/tests/it/refresh_walk.rs` walks the same actions against the whole server.

use domain::refresh::{Asked, Family, Presented};
use domain::session::{Deadlines, State};
use domain::time::{Timestamp, seconds};

use super::bounds::{Bounds, Proofs, Rule};

/// Seconds of a step of the clock; two of them are the window exactly.
pub(crate) const TICK: i64 = 15;
/// Seconds from activity to the lock.
pub(crate) const IDLE: u64 = 45;
/// Seconds after the sign-in at which all is over.
pub(crate) const ABSOLUTE: i64 = 75;
/// The window of requirements 2.6, said here once more: what judges the rule does not ask it.
const WINDOW: i64 = 30;

/// Tabs come first; the last place is the thief's.
pub(crate) const PLACES: usize = 4;
pub(crate) const THIEF: usize = PLACES - 1;

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    Token(i64),
    Locked,
    Ended,
}

/// Where somebody's request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    Idle,
    /// The answer did not come: it will be asked again.
    Lost,
    /// On its way with a token.
    Sent {
        token: i64,
        active: bool,
    },
    /// Its transaction has its time, and has looked at nothing yet.
    Begun {
        token: i64,
        active: bool,
        now: i64,
    },
    /// It looked, and is about to write what it then decided.
    Looked {
        token: i64,
        active: bool,
        now: i64,
        from: i64,
        presented: Presented,
    },
    /// Committed; the answer is on its way. Lower numbers were decided earlier.
    Answered {
        answer: Answer,
        order: u8,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) now: i64,
    pub stepped_back: bool,
    pub(crate) family: Family,
    /// What the browser's cookie holds.
    pub(crate) jar: Option<i64>,
    /// What the thief holds; `None`: nothing yet, or it was taken away.
    pub(crate) copy: Option<i64>,
    pub(crate) stolen: bool,
    pub(crate) phases: [Phase; PLACES],
    /// Rules that were broken on the way here, a bit each: see [`Broken`].
    pub(crate) broken: u16,
}

/// What may never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// A stale token was answered with a token.
    StaleServed,
    /// A stale token did not lead to the end of the family.
    ReplayIgnored,
    /// A token was given out that was not the current one.
    TwoGenerations,
    /// A refresh advanced a family whose window was open, or by more than one.
    AdvancedTwice,
    /// The absolute deadline moved.
    AbsoluteMoved,
    /// Idle moved though nobody acted.
    IdleMoved,
    /// A token was given out for what was locked or over.
    DeadServed,
    /// What was over came back.
    Revived,
    /// An honest browser was told that its session is over, before its time.
    HonestEnded,
}

impl Broken {
    pub(crate) const fn bit(self) -> u16 {
        1 << self as u16
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// A tab, or the thief, asks with the token that it holds.
    Send {
        who: usize,
        active: bool,
    },
    /// The server begins a transaction for it.
    Begin(usize),
    /// It looks at the family.
    Look(usize),
    /// It writes under the condition that what it saw still holds, and commits.
    Write(usize),
    /// The answer arrives.
    Deliver(usize),
    /// The request or its answer is lost.
    Lose(usize),
    /// The server ends without warning.
    Crash,
    /// The person proves again who they are, in a tab.
    Prove(usize),
    /// The person acts.
    Act,
    /// Somebody else signs in on the device.
    Lock,
    /// The jar is copied.
    Steal,
    Tick,
    StepBack,
}

fn at(now: i64) -> Timestamp {
    Timestamp::from_seconds(now)
}

fn idle_at(now: i64) -> Timestamp {
    at(now).plus(seconds(IDLE))
}

impl World {
    pub(crate) fn signed_in() -> Self {
        let deadlines = Deadlines { idle_at: idle_at(0), absolute_at: at(ABSOLUTE) };
        let family = Family { generation: 0, rotated_at: at(0), previous_at: at(-WINDOW), deadlines, ended: false };
        let phases = [Phase::Idle; PLACES];
        Self { now: 0, stepped_back: false, family, jar: Some(0), copy: None, stolen: false, phases, broken: 0 }
    }

    pub(crate) fn holds(&self, broken: Broken) -> bool {
        self.broken & broken.bit() == 0
    }

    fn breaks(&mut self, broken: Broken, really: bool) {
        if really {
            self.broken |= broken.bit();
        }
    }

    fn token_of(&self, who: usize) -> Option<i64> {
        if who == THIEF { self.copy } else { self.jar }
    }

    /// What can happen.
    pub(crate) fn actions(&self, bounds: &Bounds, actions: &mut Vec<Action>) {
        let thief = bounds.thief.then_some(THIEF);
        for who in (0..bounds.tabs).chain(thief) {
            match self.phases[who] {
                Phase::Idle | Phase::Lost if self.token_of(who).is_some() => {
                    actions.push(Action::Send { who, active: false });
                    // One of them is enough to mix activity in.
                    if who == 0 {
                        actions.push(Action::Send { who, active: true });
                    }
                    // The third step of a window would be one too many for a request that was under way before the first.
                    let third = self.now < self.family.previous_at.seconds() + WINDOW;
                    let proves = bounds.proofs == Proofs::AnyTime || (bounds.proofs == Proofs::Seldom && !third);
                    if who != THIEF && proves {
                        actions.push(Action::Prove(who));
                    }
                }
                Phase::Idle | Phase::Lost => {}
                Phase::Sent { .. } => actions.extend([Action::Begin(who), Action::Lose(who)]),
                Phase::Begun { .. } => actions.push(Action::Look(who)),
                Phase::Looked { .. } => actions.push(Action::Write(who)),
                Phase::Answered { order, .. } => {
                    let earlier =
                        |phase: &Phase| matches!(phase, Phase::Answered { order: other, .. } if *other < order);
                    if who == THIEF || !bounds.in_order || !self.phases[..bounds.tabs].iter().any(earlier) {
                        actions.push(Action::Deliver(who));
                    }
                    actions.push(Action::Lose(who));
                }
            }
        }
        if self.phases.iter().any(|phase| matches!(phase, Phase::Begun { .. } | Phase::Looked { .. })) {
            actions.push(Action::Crash);
        }
        if bounds.proofs != Proofs::None && self.family.state(at(self.now)) == State::Live {
            actions.extend([Action::Act, Action::Lock]);
        }
        if bounds.thief && !self.stolen && self.jar.is_some() {
            actions.push(Action::Steal);
        }
        if !(bounds.within_the_window && self.somebody_would_be_late(bounds, TICK)) {
            actions.push(Action::Tick);
        }
        if !self.stepped_back && self.now >= bounds.step_back {
            actions.push(Action::StepBack);
        }
    }

    /// Whether the window would close over somebody who waits for an answer and is behind.
    fn somebody_would_be_late(&self, bounds: &Bounds, by: i64) -> bool {
        let tabs = &self.phases[..bounds.tabs];
        let waiting = tabs.iter().any(|phase| !matches!(phase, Phase::Idle));
        let held = self.jar.into_iter().chain(tabs.iter().filter_map(Phase::token));
        let late = held.into_iter().any(|token| self.stale(token, self.now + by));
        let old = |phase: &Phase| phase.begun().is_some_and(|begun| self.now + by >= begun + WINDOW);
        (waiting && late) || self.phases.iter().any(old)
    }

    /// Whether a token was replaced a window ago. Longer ago than by the step before the last is always too long.
    fn stale(&self, token: i64, now: i64) -> bool {
        let family = &self.family;
        let replaced_at = match family.generation - token {
            ..=0 => return false,
            1 => family.rotated_at,
            2 => family.previous_at.min(family.rotated_at),
            3.. => return true,
        };
        now >= replaced_at.seconds() + WINDOW
    }

    /// What it leads to.
    pub(crate) fn next(&self, bounds: &Bounds, rule: &Rule, action: Action) -> Self {
        let mut next = *self;
        match action {
            Action::Send { who, active } => {
                if let Some(token) = self.token_of(who) {
                    next.phases[who] = Phase::Sent { token, active };
                }
            }
            Action::Begin(who) => {
                if let Phase::Sent { token, active } = self.phases[who] {
                    next.phases[who] = Phase::Begun { token, active, now: self.now };
                }
                if !bounds.queues {
                    next.look(rule, who);
                }
            }
            Action::Look(who) => next.look(rule, who),
            Action::Write(who) => next.write(rule, who),
            Action::Deliver(who) => next.deliver(bounds, who),
            Action::Lose(who) => {
                next.phases[who] = Phase::Lost;
                next.count_again();
            }
            Action::Crash => {
                for phase in &mut next.phases {
                    if matches!(phase, Phase::Begun { .. } | Phase::Looked { .. } | Phase::Answered { .. }) {
                        *phase = Phase::Lost;
                    }
                }
                next.count_again();
            }
            Action::Prove(who) => next.prove(who),
            Action::Act => next.family = self.family.acted(idle_at(self.now), at(self.now)).unwrap_or(self.family),
            Action::Lock => next.family = self.family.locked(at(self.now)),
            Action::Steal => (next.copy, next.stolen) = (self.jar, true),
            Action::Tick => next.now += TICK,
            Action::StepBack => (next.now, next.stepped_back) = (self.now - bounds.step_back, true),
        }
        let honest = !bounds.thief && next.family.ended;
        next.breaks(Broken::HonestEnded, honest);
        next.breaks(Broken::AbsoluteMoved, next.family.deadlines.absolute_at != at(ABSOLUTE));
        next.breaks(Broken::Revived, self.family.ended && !next.family.ended);
        next
    }

    fn look(&mut self, rule: &Rule, who: usize) {
        let Phase::Begun { token, active, now } = self.phases[who] else { return };
        let presented = (rule.decide)(&self.family, Asked { generation: token, own_client: true }, at(now));
        self.decided(who, (token, active, now), presented);
    }

    /// Goes on with what was decided: at once, or by a guarded write.
    fn decided(&mut self, who: usize, (token, active, now): (i64, bool, i64), presented: Presented) {
        let stale = self.stale(token, now);
        let over = self.family.ended || now >= ABSOLUTE;
        self.breaks(Broken::ReplayIgnored, stale && !over && presented != Presented::Replayed);
        match presented {
            Presented::Ended => self.answer(who, now, Answer::Ended),
            Presented::Locked => self.answer(who, now, Answer::Locked),
            Presented::WithinWindow => {
                self.breaks(Broken::StaleServed, stale);
                self.serve(who, active, now);
            }
            Presented::Advance | Presented::Replayed => {
                self.breaks(Broken::StaleServed, stale && presented == Presented::Advance);
                let from = self.family.generation;
                self.phases[who] = Phase::Looked { token, active, now, from, presented };
            }
        }
    }

    fn write(&mut self, rule: &Rule, who: usize) {
        let Phase::Looked { token, active, now, from, presented } = self.phases[who] else { return };
        if presented == Presented::Replayed {
            self.family = self.family.over();
            return self.answer(who, now, Answer::Ended);
        }
        let before = self.family;
        if let Some(after) = (rule.advanced)(before, from, at(now)) {
            let open = now < before.rotated_at.seconds() + WINDOW;
            self.breaks(Broken::AdvancedTwice, open || before.generation != token || after.generation != token + 1);
            self.breaks(Broken::IdleMoved, after.deadlines.idle_at != before.deadlines.idle_at);
            self.breaks(Broken::DeadServed, before.state(at(now)) != State::Live);
            self.family = after;
            return self.serve(who, active, now);
        }
        let again = (rule.again)(&before, Asked { generation: token, own_client: true }, at(now));
        self.decided(who, (token, active, now), again);
    }

    fn serve(&mut self, who: usize, active: bool, now: i64) {
        self.breaks(Broken::DeadServed, self.family.state(at(now)) != State::Live);
        if active {
            self.family = self.family.acted(idle_at(now), at(now)).unwrap_or(self.family);
        }
        self.answer(who, now, Answer::Token(self.family.generation));
    }

    fn answer(&mut self, who: usize, now: i64, answer: Answer) {
        if let Answer::Token(given) = answer {
            self.breaks(Broken::TwoGenerations, given != self.family.generation);
        }
        let honest = who != THIEF && !self.stolen;
        self.breaks(Broken::HonestEnded, honest && answer == Answer::Ended && now < ABSOLUTE);
        let orders = self.phases.iter().filter(|phase| matches!(phase, Phase::Answered { .. })).count();
        self.phases[who] = Phase::Answered { answer, order: u8::try_from(orders).unwrap_or(u8::MAX) };
    }

    fn deliver(&mut self, bounds: &Bounds, who: usize) {
        let Phase::Answered { answer, .. } = self.phases[who] else { return };
        let holder = if who == THIEF { &mut self.copy } else { &mut self.jar };
        match answer {
            Answer::Token(token) => *holder = Some(token),
            Answer::Locked => {}
            Answer::Ended => *holder = None,
        }
        // Whoever was told "locked" while behind is still behind.
        let behind = bounds.within_the_window && self.jar.is_some_and(|jar| jar < self.family.generation);
        self.phases[who] = if behind && answer == Answer::Locked { Phase::Lost } else { Phase::Idle };
        self.count_again();
    }

    /// Answers on their way are numbered from 0 without gaps: one state is one state.
    fn count_again(&mut self) {
        let before = self.phases;
        for phase in &mut self.phases {
            if let Phase::Answered { order, .. } = phase {
                let earlier = |other: &&Phase| matches!(other, Phase::Answered { order: other, .. } if *other < *order);
                *order = u8::try_from(before.iter().filter(earlier).count()).unwrap_or(u8::MAX);
            }
        }
    }

    fn prove(&mut self, who: usize) {
        if let Some(renewed) = self.family.renewed(idle_at(self.now), at(self.now)) {
            self.breaks(Broken::TwoGenerations, renewed.generation != self.family.generation + 1);
            self.family = renewed;
            self.answer(who, self.now, Answer::Token(renewed.generation));
        }
    }
}

impl Phase {
    /// When its transaction began.
    const fn begun(&self) -> Option<i64> {
        match self {
            Self::Begun { now, .. } | Self::Looked { now, .. } => Some(*now),
            Self::Idle | Self::Lost | Self::Sent { .. } | Self::Answered { .. } => None,
        }
    }

    /// The token of a request that the server has not answered.
    pub(crate) const fn token(&self) -> Option<i64> {
        match self {
            Self::Sent { token, .. } | Self::Begun { token, .. } | Self::Looked { token, .. } => Some(*token),
            Self::Idle | Self::Lost | Self::Answered { .. } => None,
        }
    }
}
