//! The first door: no `Allowed` comes from nothing.

use domain::allowed::Allowed;

fn from_nothing<T: Default>() {}

fn main() {
    from_nothing::<Allowed>();
}
