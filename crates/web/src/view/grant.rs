//! A role given to a person, as its holder reads it: where, since when, until when, and what it lets them do.

use super::{Frame, Message, Moment, Say};

/// A role given.
#[derive(Clone, Debug)]
pub struct GrantView {
    /// The role's display name.
    pub role: String,
    /// Where it is held, for people: "Ward 7, Medicine"; `None`: everywhere.
    pub unit: Option<String>,
    /// From when.
    pub since: Moment,
    /// Whether that is past.
    pub begun: bool,
    /// Until when.
    pub until: Option<Moment>,
    /// "in 6 days".
    pub left: Option<Moment>,
    /// What it waits for.
    pub withheld: Option<Withheld>,
    /// The bar.
    pub term: Term,
    /// What it carries, by API.
    pub abilities: Vec<Abilities>,
}

/// What a role waits for before it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withheld {
    /// That its holder confirms with the second factor.
    Confirm,
    /// That its holder has a second factor at all.
    AddFactor,
}

impl Withheld {
    /// What to do about it.
    pub(super) fn help(self, frame: &Frame) -> Message {
        let base = &frame.base;
        match self {
            Self::Confirm => {
                let link = format!("{base}/account/confirm?method=totp&return_to=/account?told=confirmed");
                frame.say("withheld-confirm").link("confirm", link)
            }
            Self::AddFactor => frame.say("withheld-add").link("add", format!("{base}/account/second-factor/new")),
        }
    }
}

/// What a role carries in one API.
#[derive(Clone, Debug)]
pub struct Abilities {
    /// The API's name.
    pub api: String,
    /// What may be done.
    pub descriptions: Vec<String>,
}

/// Where a term lies on a bar of 176, on which now is 128 and each step is 18 hours: 96 days back, 36 ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// Where it begins.
    pub from: i64,
    /// Where it ends.
    pub to: i64,
}

impl Term {
    const STEP: i64 = 18 * 3600;
    const NOW: i64 = 128;
    const END: i64 = 176;

    /// Of a term; without an end it goes on to the right edge. Never shorter than can be seen.
    #[must_use]
    pub fn new(now: i64, from: i64, until: Option<i64>) -> Self {
        let place = |at: i64| (Self::NOW + at.saturating_sub(now).div_euclid(Self::STEP)).clamp(0, Self::END);
        let from = place(from).min(Self::END - 4);
        Self { from, to: until.map_or(Self::END, place).max(from + 4) }
    }
}

impl GrantView {
    /// Puts the times in words.
    #[must_use]
    pub fn new(
        role: String,
        unit: Option<String>,
        now: i64,
        from: i64,
        until: Option<i64>,
        abilities: Vec<Abilities>,
    ) -> Self {
        // A day is exact enough, unless it ends today or tomorrow.
        let end = |until: i64| {
            if until.saturating_sub(now) < 2 * 86_400 { Moment::at(now, until) } else { Moment::date(now, until) }
        };
        Self {
            role,
            unit,
            since: Moment::date(now, from),
            begun: from <= now,
            until: until.map(end),
            left: until.map(|until| Moment::left(now, until)),
            withheld: None,
            term: Term::new(now, from, until),
            abilities,
        }
    }

    /// "until Fri 27 Nov, in 6 days".
    pub(super) fn when(&self, frame: &Frame) -> Message {
        match (self.begun, &self.until, &self.left) {
            (true, Some(until), Some(left)) => frame.say("grant-until").put("until", until).put("left", left),
            (true, ..) => frame.say("grant-since").put("since", &self.since),
            (false, Some(until), _) => frame.say("grant-from-to").put("since", &self.since).put("until", until),
            (false, None, _) => frame.say("grant-from").put("since", &self.since),
        }
    }

    pub(super) fn samples(say: Say<'_>, now: i64) -> Vec<Self> {
        const DAY: i64 = 86_400;
        let abilities = |descriptions: &[&str]| {
            vec![Abilities { api: say("Ward Charts"), descriptions: descriptions.iter().map(|d| say(d)).collect() }]
        };
        let nurse = ["Read charts", "Write nursing notes", "Read prescriptions", "Record medicines as given"];
        let grant = |role, unit, from: i64, until: Option<i64>, abilities| {
            Self::new(say(role), Some(say(unit)), now, now + from * DAY, until.map(|days| now + days * DAY), abilities)
        };
        let waiting = grant("Physician", "Ward 7, Medicine", -1, None, abilities(&["Prescribe medicines"]));
        vec![
            Self { withheld: Some(Withheld::Confirm), ..waiting },
            grant("Nurse", "Ward 7, Medicine", -993, None, abilities(&nurse)),
            grant("Nurse", "Ward 3, Surgery", -20, Some(6), abilities(&nurse)),
            grant("Charge nurse", "Ward 7, Medicine", 10, Some(99), abilities(&["Publish the rota"])),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::super::Language;
    use super::*;

    const DAY: i64 = 86_400;

    #[test]
    fn a_term_lies_around_now() {
        assert_eq!(Term::new(0, -1000 * DAY, None), Term { from: 0, to: 176 });
        assert_eq!(Term::new(0, -24 * DAY, Some(6 * DAY)), Term { from: 96, to: 136 });
        assert_eq!(Term::new(0, 9 * DAY, Some(99 * DAY)), Term { from: 140, to: 176 });
    }

    #[test]
    fn a_term_can_always_be_seen() {
        assert_eq!(Term::new(0, 500 * DAY, None), Term { from: 172, to: 176 });
        assert_eq!(Term::new(0, 0, Some(60)), Term { from: 128, to: 132 });
    }

    #[test]
    fn an_end_today_is_said_with_its_time() {
        let view = GrantView::new(String::new(), None, 0, -DAY, Some(3 * 3600), Vec::new());

        let said = |moment: Option<Moment>| moment.map(|moment| moment.text(Language::English));
        assert_eq!(said(view.until).as_deref(), Some("03:00"));
        assert_eq!(said(view.left).as_deref(), Some("in 3 hours"));
    }
}
