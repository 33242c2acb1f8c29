#![expect(clippy::needless_pass_by_value, reason = "`json!` makes values, and a reference before each says nothing")]

use super::*;
use serde_json::json;

fn schema(definitions: Value) -> AttributeSchema {
    let schema: AttributeSchema = serde_json::from_value(json!({ "attributes": definitions })).expect("a schema");
    assert_eq!(schema.mistakes(), []);
    schema
}

fn healthcare() -> AttributeSchema {
    schema(json!([
        {"name": "npi", "title": "NPI", "kind": "text", "format": "npi"},
        {"name": "dea_number", "title": "DEA number", "kind": "text", "format": "dea"},
        {"name": "licence_number", "title": "Licence", "kind": "text", "format": "code", "longest": 40},
        {"name": "floor", "title": "Floor", "kind": "integer", "least": -2, "most": 40},
        {"name": "interpreter", "title": "Interpreter", "kind": "boolean"},
        {"name": "licensed_until", "title": "Licensed until", "kind": "date"},
        {"name": "employment", "title": "Employment", "kind": "choice", "choices": ["employee", "agency"]},
        {"name": "note", "title": "Note", "kind": "text", "hidden": true},
    ]))
}

fn map(value: Value) -> Map<String, Value> {
    value.as_object().cloned().expect("an object")
}

/// Pointer and code of what one value was refused for.
fn refused(name: &str, value: Value) -> (String, &'static str) {
    let errors = healthcare().check(&map(json!({ name: value }))).expect_err("accepted");
    assert_eq!(errors.len(), 1, "{errors:?}");
    (errors[0].pointer.clone(), errors[0].code)
}

#[test]
fn what_fits_the_schema_is_kept_in_one_order() {
    let values = json!({"npi": "1234567893", "floor": 3, "interpreter": true, "licensed_until": "2028-02-29",
        "employment": "agency", "licence_number": " A-12/34.5 ", "dea_number": "ab1234563", "note": null});

    let checked = healthcare().check(&map(values)).expect("accepted");

    assert_eq!(
        serde_json::to_string(&checked).expect("JSON"),
        r#"{"dea_number":"AB1234563","employment":"agency","floor":3,"interpreter":true,"licence_number":"A-12/34.5","licensed_until":"2028-02-29","npi":"1234567893"}"#
    );
}

#[test]
fn what_the_schema_does_not_name_is_refused() {
    assert_eq!(refused("role", json!("admin")), ("/role".into(), "unknown_field"));
    assert_eq!(refused("a/b~c", json!(1)), ("/a~1b~0c".into(), "unknown_field"));
    assert!(AttributeSchema::default().check(&map(json!({"npi": "1234567893"}))).is_err());
    assert!(AttributeSchema::default().check(&Map::new()).is_ok());
}

#[test]
fn an_npi_has_ten_digits_and_the_right_check_digit() {
    // The example of CMS: 1234567893.
    for wrong in ["1234567890", "123456789", "12345678933", "3234567891", "12345б7893", "123456789x"] {
        assert_eq!(refused("npi", json!(wrong)), ("/npi".into(), "format"), "{wrong}");
    }
    assert_eq!(refused("npi", json!(1_234_567_893)), ("/npi".into(), "invalid"));
}

#[test]
fn one_digit_mistyped_or_two_neighbours_swapped_is_no_npi() {
    let right = *b"1234567893";
    for at in 0..10 {
        for digit in (b'0'..=b'9').filter(|digit| *digit != right[at]) {
            let mut wrong = right;
            wrong[at] = digit;
            assert_eq!(refused("npi", json!(std::str::from_utf8(&wrong).expect("ASCII"))).1, "format");
        }
    }
    for at in 0..9 {
        let mut wrong = right;
        wrong.swap(at, at + 1);
        assert_eq!(refused("npi", json!(std::str::from_utf8(&wrong).expect("ASCII"))).1, "format");
    }
}

#[test]
fn a_dea_number_has_its_check_digit() {
    for wrong in ["AB1234567", "A1234563", "1B1234563", "AB12345630", "AB123456é", ""] {
        assert!(["format", "length"].contains(&refused("dea_number", json!(wrong)).1), "{wrong}");
    }
}

#[test]
fn each_kind_refuses_what_is_not_of_it() {
    for (name, value, code) in [
        ("floor", json!("3"), "invalid"),
        ("floor", json!(41), "range"),
        ("floor", json!(1.5), "range"),
        ("floor", json!(u64::MAX), "range"),
        ("interpreter", json!("true"), "invalid"),
        ("interpreter", json!(1), "invalid"),
        ("licensed_until", json!("2027-02-29"), "format"),
        ("licensed_until", json!("+002027-02-01"), "format"),
        ("licensed_until", json!("27-2-1"), "format"),
        ("licensed_until", json!(20_270_201), "invalid"),
        ("employment", json!("Agency"), "choice"),
        ("employment", json!(["agency"]), "invalid"),
        ("licence_number", json!(""), "length"),
        ("licence_number", json!("x".repeat(41)), "length"),
        ("licence_number", json!("é".repeat(5_000_000)), "length"),
        ("licence_number", json!("<b>A</b>"), "format"),
        ("licence_number", json!("-A"), "format"),
        ("note", json!("a\u{7}b"), "character"),
        ("note", json!("\u{202e}eoJ"), "character"),
        ("note", json!({"a": 1}), "invalid"),
    ] {
        assert_eq!(refused(name, value.clone()), (format!("/{name}"), code), "{name}: {code}");
    }
}

#[test]
fn every_mistake_is_told_at_once_and_no_value_is_repeated() {
    let errors = healthcare().check(&map(json!({"npi": "secret-1", "floor": 99, "unknown": 1}))).expect_err("accepted");

    assert_eq!(errors.len(), 3);
    assert!(errors.iter().all(|error| !error.text.contains("secret-1") && !error.text.contains("99")), "{errors:?}");
}

#[test]
fn a_required_one_is_asked_of_new_people_and_cannot_be_taken_away() {
    let schema = schema(json!([{"name": "badge", "title": "Badge", "kind": "text", "required": true},
                               {"name": "desk", "title": "Desk", "kind": "text"}]));
    let required =
        |result: Result<Attributes, Vec<AttributeError>>| result.expect_err("accepted")[0].code == "required";

    assert!(required(schema.check(&map(json!({"desk": "1"})))));
    assert!(required(schema.check(&map(json!({"badge": null})))));

    let with = schema.check(&map(json!({"badge": "7"}))).expect("accepted");
    assert!(required(schema.change(&with, &map(json!({"badge": null})))));
    // Somebody who was there before it was required can still move to another desk.
    let before = Attributes::default();
    assert!(schema.change(&before, &map(json!({"desk": "2"}))).is_ok());
    assert!(schema.change(&before, &map(json!({"badge": null}))).is_ok());
}

#[test]
fn a_change_touches_what_it_names_and_nothing_else() {
    let before: Attributes =
        serde_json::from_value(json!({"npi": "1234567893", "floor": 3, "gone": "kept"})).expect("attributes");

    let after = healthcare().change(&before, &map(json!({"floor": null, "interpreter": false}))).expect("accepted");

    assert_eq!(
        serde_json::to_value(&after).expect("JSON"),
        json!({"npi": "1234567893", "interpreter": false, "gone": "kept"})
    );
    assert!(healthcare().change(&before, &map(json!({"gone": "changed"}))).is_err());
    assert!(healthcare().change(&before, &map(json!({"gone": null}))).expect("accepted").get("gone").is_none());
}

#[test]
fn what_is_hidden_is_not_in_the_persons_own_view() {
    let all = healthcare().check(&map(json!({"note": "sees the union", "floor": 1}))).expect("accepted");

    let own = healthcare().own_view(&all);

    assert!(own.get("note").is_none() && own.get("floor").is_some());
}

#[test]
fn a_realm_without_a_schema_is_an_empty_one() {
    assert_eq!(serde_json::from_str::<AttributeSchema>("{}").expect("a schema"), AttributeSchema::default());
}

#[test]
fn a_schema_that_contradicts_itself_is_refused_at_the_key() {
    for (definition, key) in [
        (json!({"name": "NPI", "title": "x", "kind": "text"}), "name"),
        (json!({"name": "n", "title": "", "kind": "text"}), "title"),
        (json!({"name": "n", "title": "x", "kind": "integer", "format": "npi"}), "format"),
        (json!({"name": "n", "title": "x", "kind": "date", "longest": 3}), "longest"),
        (json!({"name": "n", "title": "x", "kind": "text", "shortest": 9, "longest": 3}), "shortest"),
        (json!({"name": "n", "title": "x", "kind": "text", "longest": 501}), "longest"),
        (json!({"name": "n", "title": "x", "kind": "text", "most": 5}), "most"),
        (json!({"name": "n", "title": "x", "kind": "integer", "least": 5, "most": 4}), "least"),
        (json!({"name": "n", "title": "x", "kind": "choice"}), "choices"),
        (json!({"name": "n", "title": "x", "kind": "choice", "choices": ["a", "a"]}), "choices"),
        (json!({"name": "n", "title": "x", "kind": "text", "choices": ["a"]}), "choices"),
    ] {
        let schema: AttributeSchema =
            serde_json::from_value(json!({ "attributes": [definition] })).expect("a definition");
        let keys: Vec<&str> = schema.mistakes().iter().map(|mistake| mistake.key).collect();
        assert_eq!(keys, [key], "{definition}");
    }
    let twice: AttributeSchema = serde_json::from_value(json!({"attributes": [
        {"name": "n", "title": "x", "kind": "text"}, {"name": "n", "title": "x", "kind": "text"}]}))
    .expect("definitions");
    assert_eq!(twice.mistakes().len(), 1);
    assert!(
        serde_json::from_value::<AttributeSchema>(
            json!({"attributes": [{"name": "n", "title": "x", "kind": "regex"}]})
        )
        .is_err()
    );
}
