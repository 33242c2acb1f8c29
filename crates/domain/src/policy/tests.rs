use std::collections::BTreeSet;
use std::net::IpAddr;

use proptest::prelude::*;
use proptest::sample::select;

use super::network::{maximal, shared};
use super::*;
use crate::session::Deadlines;
use crate::time::{Timestamp, minutes};

fn network() -> impl Strategy<Value = Network> {
    // Few, so that they meet.
    let texts = [
        "0.0.0.0/0",
        "10.0.0.0/8",
        "10.1.0.0/16",
        "10.1.2.3",
        "10.128.0.0/9",
        "192.168.0.0/24",
        "::/0",
        "2001:db8::/32",
    ];
    select(texts.to_vec()).prop_map(|text| Network::parse(text).expect("a network"))
}

fn few(values: &'static [u32]) -> impl Strategy<Value = Option<u32>> {
    proptest::option::of(select(values.to_vec()))
}

prop_compose! {
    fn password()(
        preset in proptest::option::of(select(vec![Preset::Nist, Preset::Pci, Preset::Classic])),
        min_length in few(&[8, 12, 20, 64]),
        history in few(&[0, 4, 24]),
        expiry_days in few(&[30, 90]),
        min_age_days in few(&[0, 1, 7]),
    ) -> PasswordPolicy {
        PasswordPolicy { preset, min_length, history, expiry_days, min_age_days }
    }
}

prop_compose! {
    fn policy()(
        idle_seconds in few(&[60, 900, 3600]),
        absolute_seconds in few(&[300, 43_200, 86_400]),
        access_token_seconds in few(&[60, 300, 3600]),
        assurance in proptest::option::of(select(vec![Assurance::Aal1, Assurance::Aal2])),
        step_up_seconds in few(&[60, 300, 900]),
        max_sessions in few(&[1, 3, 100]),
        at_limit in proptest::option::of(select(vec![AtLimit::EndOldest, AtLimit::Refuse])),
        networks in proptest::option::of(proptest::collection::vec(network(), 0..4)),
        password in password(),
    ) -> Policy {
        Policy { idle_seconds, absolute_seconds, access_token_seconds, assurance, step_up_seconds, max_sessions, at_limit, networks, password }
    }
}

/// Policies of a few roles, the same role always with the same name.
fn merged() -> impl Strategy<Value = Merged> {
    (policy(), select(vec!["admin", "nurse", "physician"]), any::<bool>()).prop_map(|(policy, name, of_realm)| {
        if of_realm { Merged::base(&policy) } else { Merged::of(&policy, &Cause::Role(name.into())) }
    })
}

/// Nothing of what applies is looser than it was. Said here field by field, not by what is tested.
fn is_no_looser(new: &Effective, old: &Effective) -> bool {
    let times = new.idle <= old.idle && new.absolute <= old.absolute && new.access_token <= old.access_token;
    let proof = new.assurance >= old.assurance && new.step_up_seconds <= old.step_up_seconds;
    let sessions =
        new.max_sessions.unwrap_or(u32::MAX) <= old.max_sessions.unwrap_or(u32::MAX) && new.at_limit >= old.at_limit;
    let (now, before) = (&new.password, &old.password);
    let days = |days: Option<u32>| days.unwrap_or(u32::MAX);
    let passwords = now.least >= before.least
        && now.least_with_second_factor >= before.least_with_second_factor
        && now.history >= before.history
        && days(now.expiry_days) <= days(before.expiry_days)
        && days(now.single_factor_expiry_days) <= days(before.single_factor_expiry_days)
        && now.min_age_days >= before.min_age_days
        && now.composition == before.composition;
    let from = ["10.1.2.3", "10.9.9.9", "10.200.0.1", "192.168.0.7", "8.8.8.8", "2001:db8::1", "::1"];
    let places = from.into_iter().all(|from| {
        let address: IpAddr = from.parse().expect("an address");
        old.admits(Some(address)) || !new.admits(Some(address))
    });
    times && proof && sessions && passwords && places
}

proptest! {
    #[test]
    fn the_order_of_roles_does_not_matter_nor_how_often_each_is_held(a in merged(), b in merged(), c in merged()) {
        let both = |a: &Merged, b: &Merged| a.clone().strictest(b.clone());

        prop_assert_eq!(both(&a, &b), both(&b, &a));
        prop_assert_eq!(both(&both(&a, &b), &c), both(&a, &both(&b, &c)));
        prop_assert_eq!(&both(&a, &a), &a);
        prop_assert_eq!(both(&both(&a, &b), &b), both(&a, &b));
    }

    #[test]
    fn adding_a_role_never_loosens_anything(realm in policy(), held in proptest::collection::vec(policy(), 0..4), new in policy()) {
        let of = |at: usize, policy: &Policy| Merged::of(policy, &Cause::Role(format!("role-{at}").into()));
        let before = (0..).zip(&held).fold(Merged::base(&realm), |all, (at, one)| all.strictest(of(at, one)));
        let after = before.clone().strictest(of(99, &new));

        prop_assert!(is_no_looser(&after.effective(), &before.effective()), "{before:?} became {after:?}");
        prop_assert!(after.is_as_strict_as(&before));
    }

    #[test]
    fn a_policy_is_as_strict_as_another_if_nothing_of_it_is_looser(old in policy(), new in policy()) {
        let (old, new) = (Merged::base(&old), Merged::base(&new));
        let same_characters = old.effective().password.composition == new.effective().password.composition;
        prop_assume!(same_characters);

        prop_assert_eq!(new.is_as_strict_as(&old), is_no_looser(&new.effective(), &old.effective()));
    }

    #[test]
    fn what_is_stored_is_what_was_set(policy in policy()) {
        let text = serde_json::to_string(&policy.clone().normal()).expect("JSON");

        prop_assert_eq!(serde_json::from_str::<Policy>(&text).expect("a policy"), policy.normal());
    }

    #[test]
    fn shared_networks_hold_what_both_hold(a in proptest::collection::vec(network(), 0..4), b in proptest::collection::vec(network(), 0..4)) {
        let both = shared(&a, &b);
        for text in ["10.1.2.3", "10.1.9.9", "10.200.0.1", "192.168.0.7", "192.168.1.7", "8.8.8.8", "2001:db8::1", "::1", "::ffff:10.1.2.3"] {
            let address: IpAddr = text.parse().expect("an address");
            let holds = |all: &[Network]| all.iter().any(|one| one.holds(address));
            prop_assert_eq!(holds(&both), holds(&a) && holds(&b), "{}", text);
        }
        prop_assert_eq!(maximal(both.clone()), both);
    }

    #[test]
    fn ses_03_a_policy_moves_no_deadline_later(policy in policy(), idle in 0i64..100_000, absolute in 0i64..100_000, acted in 0i64..100_000) {
        let at = Timestamp::from_seconds;
        let stored = Deadlines { idle_at: at(idle), absolute_at: at(absolute) };
        let judged = stored.under(&Merged::base(&policy).effective(), at(0), at(acted));

        prop_assert!(judged.idle_at <= stored.idle_at && judged.absolute_at <= stored.absolute_at);
    }
}

#[test]
fn the_realm_alone_widens_the_defaults() {
    let long = Policy { idle_seconds: Some(3600), ..Policy::default() };
    let role = Merged::of(&long, &Cause::Role("patient".into()));

    assert_eq!(Merged::base(&Policy::default()).strictest(role.clone()).effective().idle, minutes(30));
    assert_eq!(Merged::base(&long).strictest(role).effective().idle, minutes(60));
}

#[test]
fn a_value_names_what_it_comes_from_and_between_equals_what_holds_for_more() {
    let idle = |seconds| Policy { idle_seconds: Some(seconds), ..Policy::default() };
    let role = |name: &str, seconds| Merged::of(&idle(seconds), &Cause::Role(name.into()));
    let from = |merged: Merged| merged.idle_seconds.expect("set").from.to_string();

    assert_eq!(from(Merged::base(&Policy::default()).strictest(role("nurse", 1800))), "floor");
    assert_eq!(from(Merged::base(&idle(900)).strictest(role("nurse", 900))), "realm");
    assert_eq!(
        from(Merged::base(&idle(900)).strictest(role("physician", 600)).strictest(role("nurse", 600))),
        "role:nurse"
    );
}

#[test]
fn composition_and_expiry_are_never_switched_on_by_combination() {
    let preset = |preset| Policy {
        password: PasswordPolicy { preset: Some(preset), ..Default::default() },
        ..Policy::default()
    };
    let classic = Merged::of(&preset(Preset::Classic), &Cause::Role("clerk".into()));
    let rules = Merged::base(&Policy::default()).strictest(classic).effective().password;

    assert_eq!(
        (rules.least, rules.history, rules.min_age_days),
        (15, 12, 1),
        "the stricter numbers of nist and classic"
    );
    assert_eq!(
        (rules.composition, rules.expiry_days, rules.single_factor_expiry_days),
        (Default::default(), None, None)
    );

    let named = Merged::base(&preset(Preset::Classic)).effective().password;
    assert_eq!((named.least, named.least_with_second_factor), (12, 12));
    assert_eq!((named.single_factor_expiry_days, named.expiry_days), (Some(90), None), "C-02");
    assert_ne!(named.composition, Default::default());
}

#[test]
fn no_value_passes_its_bound_and_each_refusal_says_why() {
    let wrong = |json: serde_json::Value| -> Vec<(&str, &str)> {
        let policy: Policy = serde_json::from_value(json).expect("a policy");
        let wrong = policy.wrong();
        assert!(wrong.iter().all(|wrong| wrong.detail.len() > 20));
        wrong.into_iter().map(|wrong| (wrong.field, wrong.code)).collect()
    };
    use serde_json::json;

    assert_eq!(wrong(json!({ "idle_seconds": 59 })), [("idle_seconds", "too_short")]);
    assert_eq!(wrong(json!({ "idle_seconds": 7200, "absolute_seconds": 100_000 })), []);
    assert_eq!(wrong(json!({ "absolute_seconds": 2_592_001 })), [("absolute_seconds", "too_long")]);
    assert_eq!(wrong(json!({ "access_token_seconds": 3601 })), [("access_token_seconds", "too_long")]);
    assert_eq!(wrong(json!({ "step_up_seconds": 901 })), [("step_up_seconds", "too_long")]);
    assert_eq!(wrong(json!({ "max_sessions": 0 })), [("max_sessions", "too_short")]);
    assert_eq!(wrong(json!({ "password": { "min_length": 7 } })), [("password.min_length", "too_short")]);
    assert_eq!(wrong(json!({ "password": { "history": 25 } })), [("password.history", "too_long")]);
    assert_eq!(wrong(json!({ "assurance": "phrh" })), [("assurance", "unsupported")]);
    assert_eq!(
        wrong(json!({ "idle_seconds": 3600, "absolute_seconds": 600 })),
        [("idle_seconds", "longer_than_absolute")]
    );
}

#[test]
fn c_17_what_exceeds_a_ceiling_is_a_deviation_and_nothing_else_is() {
    let of = |json: serde_json::Value| serde_json::from_value::<Policy>(json).expect("a policy").deviations().len();
    use serde_json::json;

    assert_eq!(of(json!({})), 0);
    assert_eq!(of(json!({ "idle_seconds": 3600, "absolute_seconds": 86_400, "password": { "preset": "nist" } })), 0);
    assert_eq!(of(json!({ "idle_seconds": 3601 })), 1);
    assert_eq!(of(json!({ "idle_seconds": 3601, "absolute_seconds": 86_401 })), 2);
    assert_eq!(of(json!({ "password": { "min_length": 14 } })), 1);
    assert_eq!(of(json!({ "password": { "expiry_days": 90 } })), 2);
    assert_eq!(of(json!({ "password": { "preset": "classic" } })), 5);
}

#[test]
fn a_network_is_written_in_one_way() {
    for text in ["10.0.0.0/8", "10.1.2.3/32", "0.0.0.0/0", "2001:db8::/32", "::/0"] {
        assert_eq!(Network::parse(text).map(|network| network.to_string()), Ok(text.to_owned()));
    }
    assert_eq!(Network::parse("10.1.2.3").map(|network| network.to_string()), Ok("10.1.2.3/32".to_owned()));
    for text in [
        "",
        "10.0.0.0/33",
        "10.0.0.0/08",
        "10.0.0.0/+8",
        "10.0.0.0/",
        "10.0.0/8",
        "10.0.0.1/8",
        "::/129",
        "::ffff:10.0.0.0/104",
        "clinic",
        "10.0.0.0/8/8",
        " 10.0.0.0/8",
    ] {
        assert!(Network::parse(text).is_err(), "{text}");
    }
    assert!(Network::parse("10.9.0.1/16").is_err_and(|error| error.to_string().contains("10.9.0.0/16")));
}

#[test]
fn from_nowhere_is_nowhere_and_an_unknown_address_is_outside() {
    let nowhere = Merged::base(&Policy { networks: Some(Vec::new()), ..Policy::default() }).effective();
    let clinic = Policy { networks: Some(vec![Network::parse("10.0.0.0/8").expect("a network")]), ..Policy::default() };
    let clinic = Merged::base(&clinic).effective();
    let inside: IpAddr = "10.1.2.3".parse().expect("an address");

    assert!(!nowhere.admits(Some(inside)) && !nowhere.admits(None));
    assert!(clinic.admits(Some(inside)) && !clinic.admits(None));
    assert!(Merged::base(&Policy::default()).effective().admits(None));
}

#[test]
fn every_field_can_be_looked_at_by_its_name() {
    let all = Policy {
        idle_seconds: Some(900),
        absolute_seconds: Some(43_200),
        access_token_seconds: Some(300),
        assurance: Some(Assurance::Aal2),
        step_up_seconds: Some(120),
        max_sessions: Some(2),
        at_limit: Some(AtLimit::Refuse),
        networks: Some(Vec::new()),
        password: PasswordPolicy {
            preset: Some(Preset::Pci),
            min_length: Some(16),
            history: Some(4),
            expiry_days: Some(90),
            min_age_days: Some(1),
        },
    };
    let named: BTreeSet<_> = Policy::FIELDS.into_iter().collect();

    assert!(named.iter().all(|field| !all.value(field).is_null()));
    assert!(named.iter().all(|field| Policy::default().value(field).is_null()));
    let json = serde_json::to_value(&all).expect("JSON");
    let count = json.as_object().expect("an object").len() - 1 + json["password"].as_object().expect("an object").len();
    assert_eq!(count, Policy::FIELDS.len());
}
