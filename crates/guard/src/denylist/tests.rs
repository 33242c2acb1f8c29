#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
use super::table::table_bytes;
use super::*;

const NOW: i64 = 1_800_000_000;
const EXPIRES: i64 = NOW + 3_660;

fn id(number: u128) -> Uuid {
    // Like a real one: the last byte differs from id to id.
    Uuid::from_u128(number.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835))
}

fn claims() -> AccessClaims {
    let claims = serde_json::json!({
        "iss": "https://id.example", "aud": "clinic", "sub": id(1), "client_id": "bailiwick-web", "iat": NOW,
        "exp": NOW + 600, "jti": id(2), "sid": id(3), "roles": ["nurse"], "units": {"/clinic-a": ["charge-nurse"]},
        "roles_version": 7,
    });
    serde_json::from_value(claims).unwrap()
}

fn list(items: &[Revocation]) -> Denylist {
    let list = Denylist::new(DENYLIST_BYTES);
    list.apply(items, NOW).unwrap();
    list
}

fn refused(item: Revocation) -> bool {
    list(&[item]).refuses(&claims())
}

fn session(number: u128, not_before: Option<i64>) -> Revocation {
    Revocation::Session { sid: id(number), not_before, expires_at: EXPIRES }
}

fn user(number: u128, not_before: i64) -> Revocation {
    Revocation::User { sub: id(number), not_before, expires_at: EXPIRES }
}

fn roles(roles_version: i64, names: &[&str]) -> Revocation {
    let roles = names.iter().map(|&name| name.to_owned()).collect();
    Revocation::Roles { roles_version, roles, expires_at: EXPIRES }
}

#[test]
fn each_fact_refuses_what_it_names_and_nothing_else() {
    assert!(!Denylist::new(DENYLIST_BYTES).refuses(&claims()));
    assert!(refused(session(3, None)) && !refused(session(9, None)));
    assert!(refused(Revocation::Token { jti: id(2), expires_at: EXPIRES }));
    assert!(!refused(Revocation::Token { jti: id(3), expires_at: EXPIRES }), "a session's id is not a token's");
    assert!(refused(user(1, NOW + 1)) && !refused(user(9, NOW + 1)));
}

#[test]
fn not_before_refuses_what_was_issued_earlier_and_not_what_came_after() {
    for of in [|at| session(3, Some(at)), |at| user(1, at)] {
        assert!(refused(of(NOW + 1)), "issued a second earlier");
        assert!(!refused(of(NOW)), "issued in that very second");
        assert!(!refused(of(NOW - 60)));
        // Made in the seconds that `not_before` lies ahead, from the rights of afterwards.
        let after = AccessClaims { as_of: Some(NOW + 3), sid_as_of: Some(NOW + 3), ..claims() };
        assert!(!list(&[of(NOW + 3)]).refuses(&after) && list(&[of(NOW + 4)]).refuses(&after));
        assert!(
            list(&[of(NOW + 1)]).refuses(&AccessClaims { as_of: Some(NOW - 9), sid_as_of: Some(NOW - 9), ..claims() }),
            "never before the issue"
        );
    }
}

#[test]
fn what_a_token_knows_of_its_session_hides_no_change_of_its_person_and_the_other_way_round() {
    let of_session = AccessClaims { sid_as_of: Some(NOW + 600), ..claims() };
    assert!(list(&[user(1, NOW + 1)]).refuses(&of_session));
    let of_person = AccessClaims { as_of: Some(NOW + 600), ..claims() };
    assert!(list(&[session(3, Some(NOW + 1))]).refuses(&of_person));
}

#[test]
fn a_role_that_changed_refuses_tokens_of_earlier_editions_that_carry_it() {
    assert!(refused(roles(8, &["physician", "nurse"])), "held at the root");
    assert!(refused(roles(8, &["charge-nurse"])), "held in a unit");
    assert!(refused(roles(8, &[])), "no names: whatever it carries");
    assert!(!refused(roles(8, &["physician"])), "another role");
    assert!(!refused(roles(7, &["nurse"])) && !refused(roles(7, &[])), "a token of that very edition");
}

#[test]
fn a_narrowed_token_carries_no_roles_so_any_change_of_roles_since_refuses_it() {
    let narrowed = AccessClaims {
        scope: Some("charts:read".into()),
        roles: Vec::new(),
        units: std::collections::BTreeMap::new(),
        ..claims()
    };
    for names in [&["physician"][..], &["nurse", "auditor"], &[]] {
        assert!(list(&[roles(8, names)]).refuses(&narrowed), "{names:?}");
        assert!(!list(&[roles(7, names)]).refuses(&narrowed), "{names:?}: a token of that very edition");
    }
    assert!(!list(&[session(9, None)]).refuses(&narrowed), "no role changed");
}

#[test]
fn a_role_of_an_older_change_does_not_count_against_newer_tokens() {
    let list = list(&[roles(5, &["nurse"]), roles(9, &["physician"])]);
    assert!(!list.refuses(&claims()));
    assert!(list.refuses(&AccessClaims { roles_version: 4, ..claims() }));
}

#[test]
fn of_two_facts_the_stricter_stays_in_whatever_order_they_come() {
    let (lenient, strict) = (session(3, Some(NOW - 60)), session(3, None));
    for items in [[lenient.clone(), strict.clone()], [strict, lenient]] {
        assert!(list(&items).refuses(&claims()));
    }
    for items in [[user(1, NOW + 1), user(1, 5)], [user(1, 5), user(1, NOW + 1)]] {
        assert!(list(&items).refuses(&claims()));
    }
    for items in [[roles(8, &["nurse"]), roles(3, &["nurse"])], [roles(3, &["nurse"]), roles(8, &["nurse"])]] {
        assert!(list(&items).refuses(&claims()));
    }
}

#[test]
fn a_fact_goes_when_no_token_can_meet_it_any_more_and_its_memory_with_it() {
    let many: Vec<_> = (10..5_000).map(|number| session(number, None)).collect();
    let list = list(&many);
    list.apply(&[user(1, NOW + 1), Revocation::Token { jti: id(2), expires_at: EXPIRES }, roles(8, &["nurse"])], NOW)
        .unwrap();
    assert_eq!(list.entries().total(), 4_993);

    list.expire(EXPIRES + GRACE_SECONDS - 1);
    assert_eq!(list.entries().total(), 4_993, "a clock that is set back a minute changes nothing");
    list.expire(EXPIRES + GRACE_SECONDS);

    assert_eq!((list.entries().total(), list.bytes()), (0, 0));
    assert!(!list.refuses(&claims()));
}

#[test]
fn what_never_ends_is_kept_for_two_hours_and_what_is_over_not_at_all() {
    for expires_at in [i64::MAX, 253_402_300_799, NOW + LONGEST_KEPT_SECONDS + 1] {
        let list = list(&[Revocation::Session { sid: id(3), not_before: None, expires_at }]);
        list.expire(NOW + LONGEST_KEPT_SECONDS);
        assert!(list.refuses(&claims()), "{expires_at}");
        list.expire(NOW + LONGEST_KEPT_SECONDS + GRACE_SECONDS);
        assert_eq!(list.entries().total(), 0, "{expires_at}");
    }
    for expires_at in [i64::MIN, 0, NOW - GRACE_SECONDS] {
        assert_eq!(list(&[Revocation::Token { jti: id(2), expires_at }]).entries().total(), 0, "{expires_at}");
    }
    // A time that does not fit refuses all, and one before 1970 none.
    for (not_before, all) in [(i64::MAX, true), (1 << 33, true), (-1, false), (i64::MIN, false)] {
        assert_eq!(refused(user(1, not_before)), all, "{not_before}");
    }
}

#[test]
fn a_reset_forgets_what_was_there_and_keeps_what_comes_with_it() {
    let list = list(&[session(3, None), roles(99, &["nurse"]), roles(99, &[])]);
    let applied = list.apply(&[user(9, NOW), Revocation::Reset], NOW).unwrap();

    assert!(!applied.keys);
    assert!(!list.refuses(&claims()));
    assert_eq!(list.entries(), Entries { users: 1, ..Entries::default() });
}

#[test]
fn withdrawn_keys_are_told_to_whoever_fetches_them() {
    let list = Denylist::new(DENYLIST_BYTES);
    assert!(list.apply(&[Revocation::Keys { expires_at: EXPIRES }], NOW).unwrap().keys);
    assert_eq!(list.entries().total(), 0);
}

#[test]
fn what_has_no_room_is_refused_and_what_was_there_stays() {
    let list = Denylist::new(64 * 1024);
    list.apply(&[session(3, None)], NOW).unwrap();
    let flood: Vec<_> = (10..20_000).map(|number| session(number, None)).collect();

    assert_eq!(list.apply(&flood, NOW), Err(Full));

    assert!(list.bytes() <= 64 * 1024, "{}", list.bytes());
    assert!(list.refuses(&claims()), "nothing is forgotten to make room");
    let long = "n".repeat(70_000);
    assert_eq!(list.apply(&[roles(8, &[&long])], NOW), Err(Full));
    list.expire(EXPIRES + GRACE_SECONDS);
    assert!(list.has_room());
    assert!(list.apply(&flood[..500], EXPIRES - 60).is_ok());
}

/// Resident memory of this process: each test is one of its own.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn a_hundred_thousand_revocations_take_less_than_sixteen_mebibytes() {
    const MOST: usize = 16 * 1024 * 1024;
    let list = Denylist::new(DENYLIST_BYTES);
    let before = resident();
    for number in 0..100_000 {
        let item = match number % 4 {
            0 => user(number, NOW + 1),
            1 => Revocation::Token { jti: id(number), expires_at: EXPIRES },
            _ => session(number, None),
        };
        list.apply(&[item], NOW).unwrap();
    }
    let grown = resident().saturating_sub(before);

    assert_eq!(list.entries().total(), 100_000);
    assert!(list.bytes() <= MOST && list.bytes() >= 100_000 * 25, "{} bytes by our own count", list.bytes());
    assert!(grown <= MOST, "{grown} bytes by the system's count");
    assert!(list.bytes() <= grown + 1024 * 1024, "our count is honest: {} of {grown}", list.bytes());
}

#[test]
fn our_count_of_a_map_is_what_the_map_holds() {
    for wanted in [0_usize, 1, 3, 4, 7, 8, 14, 15, 28, 29, 448, 449, 7_168, 7_169] {
        let map: HashMap<Uuid, Mark> = HashMap::with_capacity(wanted);
        let places = match map.capacity() {
            0 => 0,
            few @ (3 | 7) => few + 1,
            many => many / 7 * 8,
        };
        assert!(places == 0 || places.is_power_of_two(), "the layout is another one: {places}");
        let expected = if places == 0 { 0 } else { places * (16 + 8 + 1) + 16 };
        assert_eq!(table_bytes(map.capacity()), expected, "{wanted}");
    }
}
