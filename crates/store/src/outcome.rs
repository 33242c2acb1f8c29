//! The third door, as transactions see it: a closure that writes says what it did.

use domain::event::Event;

/// What a write closure returns: its value, and what it did.
#[derive(Debug)]
pub struct Outcome<T> {
    pub(crate) value: T,
    pub(crate) done: Done,
}

#[derive(Debug)]
pub(crate) enum Done {
    Nothing,
    Upkeep(Upkeep),
    Events(Vec<Event>),
}

/// Writes that no auditor asks about. A closed list: everything else needs an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// A refresh within the hour of the last `session_renewed`.
    SessionRenewal,
    /// A person acted: the idle deadline moved.
    SessionActivity,
    /// Counters of failures rose, fell, expired.
    Throttle,
    /// A step of a sign-in before its outcome.
    SignInStep,
    /// A factor or address that is not confirmed yet.
    Pending,
    /// Rows that expired were removed.
    Expiry,
    /// A message was sent, or will be tried again.
    Outbox,
    /// A stored hash was raised to the current parameters.
    Rehash,
    /// Marks of the sequencer and of caches.
    Counter,
}

/// One event or several, never none.
#[derive(Debug)]
pub struct Events(Vec<Event>);

impl From<Event> for Events {
    fn from(event: Event) -> Self {
        Self(vec![event])
    }
}

impl Events {
    /// Another one after it.
    #[must_use]
    pub fn and(mut self, event: Event) -> Self {
        self.0.push(event);
        self
    }

    /// More after it.
    #[must_use]
    pub fn and_all(mut self, events: impl IntoIterator<Item = Event>) -> Self {
        self.0.extend(events);
        self
    }
}

impl<T> Outcome<T> {
    /// Something was done, and this is what the log says of it.
    pub fn done(value: T, events: impl Into<Events>) -> Self {
        Self { value, done: Done::Events(events.into().0) }
    }

    /// Nothing was written. The store checks that.
    pub const fn nothing(value: T) -> Self {
        Self { value, done: Done::Nothing }
    }

    /// The same deed with another value.
    pub fn map<U>(self, other: impl FnOnce(T) -> U) -> Outcome<U> {
        Outcome { value: other(self.value), done: self.done }
    }

    /// Upkeep was written, which has no event.
    pub const fn upkeep(value: T, upkeep: Upkeep) -> Self {
        Self { value, done: Done::Upkeep(upkeep) }
    }
}
