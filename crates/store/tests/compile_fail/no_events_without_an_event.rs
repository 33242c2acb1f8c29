//! The third door: who says that something was done names at least one event.

use domain::event::Event;
use store::{Events, Outcome};

fn from_nothing<T: Default>() {}
fn from_any_number<T: FromIterator<Event>>() {}

fn of_a_list_that_may_be_empty(events: Vec<Event>) -> Outcome<()> {
    Outcome::done((), events)
}

fn of_nobody() -> Outcome<()> {
    Outcome::done((), ())
}

fn main() {
    from_nothing::<Events>();
    from_any_number::<Events>();
}
