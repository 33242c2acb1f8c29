//! The third door: an outcome is said, not assumed, and what was done cannot be taken out of one.

use store::Outcome;

fn from_nothing<T: Default>() {}

fn undone(outcome: Outcome<u8>) {
    let _ = outcome.done;
}

fn main() {
    from_nothing::<Outcome<()>>();
}
