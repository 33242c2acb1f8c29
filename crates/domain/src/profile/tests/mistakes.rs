use super::*;

/// Path and text of what is wrong with the clinic once something in it is changed.
fn wrong(change: impl FnOnce(&mut Value)) -> Vec<(String, String)> {
    let mut value = clinic();
    change(&mut value);
    let step = |step: &mistake::Step| match step {
        mistake::Step::Key(key) => format!(".{key}"),
        mistake::Step::Index(index) => format!("[{index}]"),
    };
    let path = |mistake: &Mistake| mistake.path.iter().map(step).collect::<String>();
    profile(value).mistakes().iter().map(|one| (path(one), format!("{} {}", one.place, one.expected))).collect()
}

/// One mistake, at this path, in these words.
fn one(change: impl FnOnce(&mut Value), path: &str, words: &str) {
    let found = wrong(change);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, path);
    assert!(found[0].1.contains(words), "{words:?} is not in {found:?}");
}

/// The same among others.
fn has(change: impl FnOnce(&mut Value), path: &str, words: &str) {
    let found = wrong(change);
    let there = found.iter().any(|(at, text)| at == path && text.contains(words));
    assert!(there, "{path} {words:?} is not in {found:?}");
}

#[test]
fn a_profile_that_is_right_has_no_mistakes() {
    assert_eq!(wrong(|_| ()), []);
}

#[test]
fn names_that_refer_to_nothing_are_told_with_what_was_meant() {
    one(|p| p["role"][2]["inherits"][0] = json!("staf"), ".role[2].inherits[0]", "did you mean \"staff\"?");
    one(|p| p["role"][2]["inherits"][0] = json!("physician"), ".role[2].inherits[0]", "\"physician\" is none");
    one(
        |p| p["role"][1]["assignable_by"] = json!(["admin", "boss"]),
        ".role[1].assignable_by[1]",
        "must be a role of this profile",
    );
    one(
        |p| p["role"][1]["permissions"]["clinic"][0] = json!("chart:read"),
        ".role[1].permissions.clinic[0]",
        "did you mean \"charts:read\"?",
    );
    one(
        |p| p["role"][1]["permissions"] = json!({"klinik": ["charts:read"]}),
        ".role[1].permissions.klinik",
        "must be an API of this profile",
    );
    one(
        |p| p["role"][0]["permissions"]["bailiwick"] = json!(["roles:assign", "users:mange"]),
        ".role[0].permissions.bailiwick[1]",
        "did you mean \"users:manage\"?",
    );
}

#[test]
fn a_cycle_is_told_once_with_its_path() {
    one(|p| p["role"][1]["inherits"] = json!(["nurse"]), ".role[1].inherits", "staff > nurse > staff");
    one(|p| p["role"][1]["inherits"] = json!(["staff"]), ".role[1].inherits", "staff > staff");
}

#[test]
fn who_may_give_a_role_must_be_able_to() {
    one(|p| p["role"][1]["assignable_by"] = json!([]), ".role[1].assignable_by", "nobody can ever give this one");
    one(|p| p["role"][1]["assignable_by"] = json!(["nurse"]), ".role[1].assignable_by[0]", "nurse does not");
}

#[test]
fn names_are_unique_and_keep_to_the_grammar() {
    one(|p| p["name"] = json!("My Clinic"), ".name", "lower-case");
    one(|p| p["edition"] = json!(0), ".edition", "must be 1 or more");
    one(|p| p["title"] = json!("a\u{7}b"), ".title", "character");
    one(|p| p["role"][1]["display_name"] = json!(""), ".role[1].display_name", "1 to 100 characters");
    // What refers to the name is told too; these look at the name alone.
    has(|p| p["api"][0]["audience"] = json!("bailiwick"), ".api[0].audience", "our own API's");
    has(|p| p["api"][0]["permission"][1]["name"] = json!("vitals"), ".api[0].permission[1].name", "resource:action");
    has(|p| p["api"][0]["permission"][1]["name"] = json!("charts:read"), ".api[0].permission[1].name", "taken above");
    has(|p| p["role"][2]["name"] = json!("staff"), ".role[2].name", "taken above");
    has(|p| p["role"][2]["name"] = json!("Nurse!"), ".role[2].name", "lower-case");
}

#[test]
fn what_stands_twice_in_a_list_is_told() {
    one(|p| p["role"][2]["inherits"] = json!(["staff", "staff"]), ".role[2].inherits[1]", "stands there twice");
    let twice = json!(["charts:read", "charts:read"]);
    one(|p| p["role"][1]["permissions"]["clinic"] = twice, ".role[1].permissions.clinic[1]", "stands there twice");
}

#[test]
fn times_outside_their_bounds_are_told() {
    let idle = ".role[2].policy.idle_seconds";
    one(|p| p["role"][2]["policy"] = json!({"idle_seconds": 3601}), idle, "60 to 3600 seconds, not 3601");
    one(|p| p["role"][2]["policy"] = json!({"idle_seconds": 0}), idle, "60 to 3600 seconds, not 0");
    one(
        |p| p["policy"] = json!({"idle_seconds": 1800, "absolute_seconds": 900}),
        ".policy.idle_seconds",
        "1800 is longer than 900",
    );
    one(|p| p["policy"] = json!({"access_token_seconds": 7200}), ".policy.access_token_seconds", "not 7200");
}

#[test]
fn there_is_an_end_to_roles_permissions_and_levels() {
    let role = |n: usize| {
        let below = if n == 0 { vec![] } else { vec![format!("r{:03}", n - 1)] };
        json!({"name": format!("r{n:03}"), "display_name": "R", "assignable_by": ["admin"], "inherits": below})
    };
    let with =
        |count: usize| move |p: &mut Value| p["role"].as_array_mut().expect("roles").extend((0..count).map(role));
    assert_eq!(wrong(with(17)), []);
    one(with(18), ".role[20].inherits", "deeper than 16 levels");
    has(with(198), ".role", "at most 200 roles, not 201");
    let permission = |n: usize| json!({"name": format!("charts:read{n}"), "description": "x"});
    has(
        |p| p["api"][0]["permission"].as_array_mut().expect("them").extend((0..999).map(permission)),
        ".api",
        "at most 1000 permissions in all, not 1001",
    );
}

#[test]
fn an_attribute_that_contradicts_itself_is_told_at_its_key() {
    one(|p| p["attribute"][0]["choices"] = json!(["a"]), ".attribute[0].choices", "only with kind = \"choice\"");
}
