use super::*;
use crate::allowed::{Flow, Request};
use crate::realm::RealmKey;

#[expect(clippy::disallowed_methods, reason = "a permission for events of a test")]
fn allowed() -> Allowed {
    let request = Request {
        id: "req-1".to_owned(),
        address: Some("192.0.2.7".parse().expect("an address")),
        user_agent: Some("curl/8".to_owned()),
    };
    Allowed::visitor(Flow::SignIn, RealmKey::MAIN, request)
}

fn record(event: &Event) -> Record {
    let id = EventId::from_uuid(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001));
    event.record(id, Timestamp::from_seconds(1_795_271_760), &allowed(), || [7; 32]).expect("a record")
}

/// The format is a contract with every verifier: these bytes and hashes never change (docs/audit-format.md).
#[test]
fn aud_11_canonical_bytes_match_the_test_vectors() {
    let file: Value = serde_json::from_str(include_str!("../../tests/vectors/audit.json")).expect("JSON");
    let user = UserId::from_uuid(Uuid::from_u128(42));
    let events = [
        Event::new(EventType::AuthnLoginFail).failed("wrong_password").user(user, "Ines Tallmark"),
        Event::new(EventType::RoleUpdated).about("role", Uuid::from_u128(9), "nurse").changed("sensitive", false, true),
        Event::new(EventType::ServerStarted),
    ];
    let vectors = file["vectors"].as_array().expect("an array");
    assert_eq!(vectors.len(), events.len());
    for (event, vector) in events.iter().zip(vectors) {
        let made = record(event);

        assert_eq!(
            String::from_utf8(made.canonical.clone()).expect("UTF-8"),
            vector["canonical"].as_str().expect("text")
        );
        assert_eq!(hex(&leaf_hash(&made.canonical)), vector["leaf_hash"].as_str().expect("text"));
        let personal: Vec<String> =
            made.personal.iter().map(|p| String::from_utf8_lossy(&p.bytes).into_owned()).collect();
        assert_eq!(Value::from(personal), vector["personal"]);
    }
}

#[test]
fn names_and_addresses_of_people_stay_out_of_the_leaf() {
    let event = Event::new(EventType::UserUpdated)
        .user(UserId::from_uuid(Uuid::from_u128(42)), "Ines Tallmark")
        .changed("email", "old@example.org", "new@example.org");

    let text = String::from_utf8(record(&event).canonical).expect("UTF-8");

    for personal in ["Ines", "example.org", "192.0.2.7", "curl"] {
        assert!(!text.contains(personal), "{text}");
    }
    assert!(text.contains(r#""changed":["email"]"#));
}

#[test]
fn aud_05_control_characters_are_escaped() {
    let event = Event::new(EventType::RoleUpdated).about("role", Uuid::nil(), "a\r\nb\u{1b}[31m\u{0}");

    let canonical = record(&event).canonical;

    assert!(canonical.iter().all(|byte| *byte >= 0x20), "{}", String::from_utf8_lossy(&canonical));
}

#[test]
fn an_event_that_would_be_too_long_says_so_and_stays_within_bounds() {
    let event =
        Event::new(EventType::RoleUpdated).about("role", Uuid::nil(), "x").with("description", "y".repeat(70_000));

    let canonical = record(&event).canonical;

    assert!(canonical.len() <= LONGEST);
    assert!(String::from_utf8_lossy(&canonical).contains(r#""changed":["too_long"]"#));
}

#[test]
fn an_event_that_is_too_long_without_its_values_is_refused_rather_than_cut() {
    let event = Event::new(EventType::RoleUpdated).about("role", Uuid::nil(), &"x".repeat(70_000));
    let id = EventId::from_uuid(Uuid::from_u128(1));

    let refused = event.record(id, Timestamp::from_seconds(1), &allowed(), || [7; 32]).expect_err("too long");

    assert_eq!(refused, RecordError::TooLong);
}
