//! The first door: only `domain` makes an `Allowed`.

use domain::access::Reach;
use domain::allowed::{Actor, Allowed, Request, Why};
use domain::realm::RealmKey;

fn literally() -> Allowed {
    Allowed {
        realm: RealmKey::MAIN,
        actor: Actor::Visitor,
        reach: Reach::Everywhere,
        why: Why::Cli,
        request: Request::default(),
    }
}

fn in_another_realm(allowed: Allowed, realm: RealmKey) -> Allowed {
    Allowed { realm, ..allowed }
}

fn main() {}
