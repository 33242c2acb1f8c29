use super::*;

const CLINIC: &str = r#"name = "clinic"
edition = 1
title = "Clinic"
description = "A small clinic."

[[api]]
audience = "clinic"
name = "Clinic"

  [[api.permission]]
  name = "charts:read"
  description = "Read charts"

[[role]]
name = "admin"
display_name = "Administrator"
assignable_by = ["admin"]
[role.permissions]
bailiwick = ["roles:assign"]

[[role]]
name = "nurse"
display_name = "Nurse"
inherits = []
assignable_by = ["admin"]
[role.permissions]
clinic = [
  "charts:read",
]
[role.policy]
idle_seconds = 900
"#;

/// What is told when one piece of the file is replaced.
fn told(piece: &str, by: &str) -> Vec<String> {
    assert!(CLINIC.contains(piece), "{piece}");
    let errors = parse(&CLINIC.replacen(piece, by, 1)).expect_err("accepted");
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn a_right_file_is_read() {
    assert_eq!(parse(CLINIC).expect("a profile").role.len(), 2);
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let said = told("edition = 1", "edition = = 1");
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("line 2: "), "{said:?}");
}

#[test]
fn a_key_of_the_wrong_kind_an_unknown_and_a_missing_one_are_told_with_line_and_key() {
    let said = told("idle_seconds = 900", "idle_seconds = \"a while\"");
    assert_eq!(said, ["line 31: role[1].policy.idle_seconds: invalid type: string \"a while\", expected u32"]);

    let said = told("inherits = []", "inherit = []");
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("line 24: role[1].inherit: unknown field \"inherit\", expected one of"), "{said:?}");

    let said = told("display_name = \"Nurse\"\n", "");
    assert_eq!(said, ["line 21: role[1]: missing field \"display_name\""]);

    assert_eq!(told("title = \"Clinic\"\n", ""), ["line 1: missing field \"title\""]);
}

#[test]
fn what_contradicts_itself_is_told_with_line_and_key_all_at_once() {
    let said = told("inherits = []\nassignable_by = [\"admin\"]", "inherits = [\"nurse\"]\nassignable_by = [\"boss\"]");
    assert_eq!(
        said,
        [
            "line 24: inherits of role nurse must not lead back to the role itself: nurse > nurse",
            "line 25: assignable_by of role nurse must be a role of this profile, and \"boss\" is none",
        ]
    );
}

#[test]
fn in_a_list_over_several_lines_the_line_is_the_elements_own() {
    assert_eq!(
        told("  \"charts:read\",\n", "  \"charts:read\",\n  \"charts:reed\",\n"),
        [
            "line 29: permissions.clinic of role nurse must be a permission of API clinic, and \"charts:reed\" is none; did you mean \"charts:read\"?"
        ]
    );
}

#[test]
fn what_is_missing_is_told_where_it_should_stand() {
    let said = told("inherits = []\nassignable_by = [\"admin\"]", "inherits = []");
    assert_eq!(
        said,
        ["line 21: assignable_by of role nurse must name at least one role, or nobody can ever give this one"]
    );
}

#[test]
fn a_bound_is_told_with_the_value() {
    let said = told("idle_seconds = 900", "idle_seconds = 86400");
    assert_eq!(said, ["line 31: policy.idle_seconds of role nurse must be 60 to 3600 seconds, not 86400"]);
}

#[test]
fn a_file_of_megabytes_is_not_read() {
    let said = parse(&"#".repeat(LARGEST + 1)).expect_err("accepted");
    assert!(said[0].expected.contains("1 MiB"), "{said:?}");
}

#[test]
fn nothing_that_is_no_profile_makes_the_reader_panic() {
    for text in [
        "",
        "name",
        "[[role]]",
        "role = 1",
        "role = [1]",
        "api = [{}]",
        "name = \"\u{0}\"",
        "[policy]\nx = 1",
        "\u{feff}name = 1",
    ] {
        assert!(parse(text).is_err(), "{text:?}");
    }
    // Each prefix of a right file is a file that somebody was still writing.
    for end in 0..CLINIC.len() {
        let _ = parse(&CLINIC[..end]);
    }
}
