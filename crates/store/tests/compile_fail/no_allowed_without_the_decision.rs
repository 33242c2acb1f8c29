//! The first door: the constructor that decides nothing is private, and nobody changes what was decided.

use domain::access::Reach;
use domain::allowed::{Allowed, Why};
use domain::caller::Caller;
use domain::permission::Permission;

fn without_the_decision(caller: &Caller) -> Allowed {
    Allowed::by(caller, Why::Permission(Permission::UsersUpdate), Reach::Everywhere)
}

fn widened(mut allowed: Allowed) -> Allowed {
    allowed.reach = Reach::Everywhere;
    allowed
}

fn main() {}
