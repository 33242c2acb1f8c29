//! The third door: an outcome comes from its constructors, and cannot be changed afterwards.

use store::Outcome;

fn with_the_deeds_of_another(value: u8, other: Outcome<u8>) -> Outcome<u8> {
    Outcome { value, ..other }
}

fn main() {}
