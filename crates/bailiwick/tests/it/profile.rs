//! `profile`: shown, tried and applied by command.

use serde_json::json;

use crate::client::Person;
use crate::program::operator;
use crate::site::Site;

const PASSWORD: &str = "a sentence nobody guesses";
const HEALTHCARE: &str = include_str!("../../../../profiles/healthcare.toml");

/// The organisation's own copy: a role more, and a permission more for nurses.
fn own_copy() -> String {
    let text = HEALTHCARE.replacen("edition = 2", "edition = 3", 1);
    let nurse = "\"specimens:collect\", \"vitals:record\",\n]";
    assert!(text.contains(nurse));
    let text = text.replacen(nurse, "\"specimens:collect\", \"vitals:record\", \"beds:assign\",\n]", 1);
    text + "\n[[role]]\nname = \"scheduler\"\ndisplay_name = \"Scheduler\"\nassignable_by = [\"admin\"]\n[role.permissions]\nclinic = [\"appointments:read\"]\n"
}

#[tokio::test]
async fn a_profile_is_tried_applied_and_told_in_the_log_beside_a_running_server() {
    let site = Site::with_admin(PASSWORD).await;
    let _server = site.serve().await;
    std::fs::write(site.path().join("ours.toml"), own_copy()).unwrap();
    // What an administrator took away.
    site.run(&["role", "permissions", "nurse", "--remove", "clinic/vitals:record"]).await;

    let tried = site.run(&["profile", "apply", "ours.toml", "--dry-run"]).await;
    let plan = site.run(&["profile", "apply", "ours.toml", "--dry-run", "--json"]).await.json();

    assert_eq!(tried.code, Some(0), "{tried:?}");
    for line in [
        "healthcare, edition 3, in realm main",
        "Would be added (2):",
        "  role scheduler, with 1 permissions",
        "  role nurse: permission clinic beds:assign",
        "Left as it is here (1):",
        "  role nurse: permission clinic vitals:record: was taken away here",
        "Nothing was changed.",
    ] {
        assert!(tried.out.lines().any(|said| said == line), "{line:?} is not in {}", tried.out);
    }
    assert_eq!((&plan["dry_run"], &plan["realm"]), (&json!(true), &json!("main")));
    assert_eq!(plan["added"][0], json!({"kind": "role", "role": "scheduler"}));
    let nurse = |roles: serde_json::Value| {
        roles.as_array().unwrap().iter().find(|role| role["name"] == "nurse").cloned().unwrap()
    };
    let before = nurse(site.run(&["role", "list", "--json"]).await.json());
    assert!(!before["permissions"].to_string().contains("beds:assign"), "a dry run changes nothing");

    let mut done = site.run(&["profile", "apply", "ours.toml", "--json"]).await.json();

    done["dry_run"] = json!(true);
    assert_eq!(done, plan, "the dry run told what happened");
    let after = nurse(site.run(&["role", "list", "--json"]).await.json());
    assert!(after["permissions"].to_string().contains("beds:assign"));
    assert!(!after["permissions"].to_string().contains("vitals:record"), "what was taken away came back");
    let again = site.run(&["profile", "apply", "ours.toml"]).await;
    assert!(again.out.contains("nothing to add"), "{again:?}");
    let listed = site.run(&["profile", "list", "--json"]).await.json();
    assert_eq!((&listed[0]["name"], &listed[0]["applied_edition"]), (&json!("healthcare"), &json!(3)));

    let admin = Person::signed_in(&site.base, "admin", PASSWORD, None).await;
    let events = admin.events().await;
    let applied: Vec<_> = events.iter().filter(|event| event["type"] == "profile_applied").collect();
    assert_eq!(applied.len(), 2, "init's and ours: {applied:?}");
    let event = applied[1];
    assert_eq!((&event["actor"]["kind"], &event["actor"]["name"]), (&json!("cli"), &json!(operator())));
    assert_eq!(event["after"]["roles"], json!(["scheduler"]));
    assert_eq!(event["after"]["added_to_roles"], json!(["role nurse: permission clinic beds:assign"]));
}

#[tokio::test]
async fn a_wrong_file_is_told_with_line_and_key_and_what_was_expected() {
    let site = Site::new("data");
    let text = own_copy().replacen("inherits = [\"nurse\"]", "inherits = [\"nurze\"]", 1);
    let line = 1 + text.lines().position(|line| line.contains("nurze")).unwrap();
    std::fs::write(site.path().join("ours.toml"), &text).unwrap();
    std::fs::write(site.path().join("bytes.toml"), [0xff, 0xfe]).unwrap();

    for command in [
        &["profile", "show", "ours.toml"][..],
        &["profile", "apply", "ours.toml", "--dry-run"],
        &["init", "--profile", "ours.toml"],
    ] {
        let said = site.run(command).await;
        let expected = format!(
            "line {line}: inherits of role charge-nurse must be a role of this profile, and \"nurze\" is none; did you mean \"nurse\"?"
        );
        assert!(said.refused().contains(&expected), "{said:?}");
        assert!(said.err.contains("ours.toml"), "{said:?}");
    }
    assert!(!site.path().join("data").exists(), "a wrong file opens no database");
    site.run(&["profile", "show", "moon.toml"])
        .await
        .refused_in_one_line(&["moon.toml", "healthcare, agency, or the path of a file"]);
    site.run(&["profile", "show", "bytes.toml"]).await.refused_in_one_line(&["bytes.toml", "UTF-8"]);
    let no_admin = own_copy()
        .replacen("\"roles:read\", \"roles:manage\", \"roles:assign\",", "\"roles:assign\",", 1)
        .replacen("\"users:delete\", \"users:manage\",", "\"users:delete\",", 1);
    std::fs::write(site.path().join("none.toml"), no_admin).unwrap();
    site.run(&["init", "--profile", "none.toml"])
        .await
        .refused_in_one_line(&["no role admin with bailiwick roles:assign and users:manage"]);
}

#[tokio::test]
async fn a_profile_is_shown_without_a_database() {
    let site = Site::new("data");

    let shown = site.run(&["profile", "show", "agency", "--json"]).await.json();
    let role = site.run(&["profile", "show", "agency", "--role", "manager", "--json"]).await.json();
    let unknown = site.run(&["profile", "show", "agency", "--role", "nurse"]).await;

    let roles: Vec<&str> =
        shown["roles"].as_array().unwrap().iter().map(|role| role["name"].as_str().unwrap()).collect();
    assert!(roles.contains(&"compliance-officer") && roles.len() >= 6, "{roles:?}");
    let through = |name: &str| {
        role["permissions"].as_array().unwrap().iter().find(|one| one["permission"] == name).unwrap()["through"].clone()
    };
    assert_eq!(through("refunds:approve"), json!(["manager"]));
    assert_eq!(through("quotes:create"), json!(["agent"]));
    unknown.refused_in_one_line(&["no role nurse", "manager"]);
    assert!(!site.path().join("data").exists());
}

#[tokio::test]
async fn an_organisation_begins_with_a_profile_of_its_own() {
    let site = Site::new("data");
    std::fs::write(site.path().join("ours.toml"), own_copy()).unwrap();

    let said = site.run(&["init", "--profile", "ours.toml", "--json"]).await.json();

    assert_eq!(said["username"], "admin");
    let roles = site.run(&["role", "show", "scheduler", "--json"]).await.json();
    assert_eq!(roles["permissions"], json!({"clinic": ["appointments:read"]}));
}
