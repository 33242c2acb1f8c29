//! Units, roles, APIs, clients and grants by command beside a running server: each counts at once, and is told in the log with who did it and why.

use serde_json::{Value, json};

use crate::client::Person;
use crate::program::operator;
use crate::site::Site;

const PASSWORD: &str = "a sentence nobody guesses";

/// Runs a command and reads what it printed as JSON.
pub(crate) async fn json(site: &Site, line: &str) -> Value {
    let mut words = split(line);
    words.push("--json".to_owned());
    site.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).await.json()
}

/// The members of an object.
fn members(text: &str) -> serde_json::Map<String, Value> {
    serde_json::from_str(text).unwrap()
}

/// Words of a line; 'what stands in quotes' is one.
pub(crate) fn split(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    parts
        .flat_map(|(at, part)| match at % 2 {
            0 => part.split_whitespace().map(ToOwned::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

/// Command, type of the event, name of its subject, values before and after.
const TABLE: &[(&str, &str, &str, &str, &str)] = &[
    ("unit create /clinic-a --name 'Clinic A'", "unit_created", "/clinic-a", "{}", r#"{"name": "Clinic A"}"#),
    ("unit create /clinic-a/ward-3 --name 'Ward 3'", "unit_created", "/clinic-a/ward-3", "{}", r#"{"name": "Ward 3"}"#),
    (
        "unit rename /clinic-a/ward-3 --name 'Ward Three'",
        "unit_updated",
        "/clinic-a/ward-3",
        r#"{"name": "Ward 3"}"#,
        r#"{"name": "Ward Three"}"#,
    ),
    (
        "api create radiology --name Radiology --access-lifetime 300",
        "api_created",
        "radiology",
        "{}",
        r#"{"access_lifetime_seconds": 300}"#,
    ),
    (
        "api update radiology --name 'Radiology department'",
        "api_updated",
        "radiology",
        r#"{"name": "Radiology"}"#,
        r#"{"name": "Radiology department"}"#,
    ),
    (
        "api permission add radiology images:read --description 'Look at images'",
        "permission_created",
        "images:read",
        "{}",
        r#"{"api": "radiology"}"#,
    ),
    (
        "api permission add radiology images:delete --description 'Delete images'",
        "permission_created",
        "images:delete",
        "{}",
        r#"{"description": "Delete images"}"#,
    ),
    (
        "api permission remove radiology images:delete --reason 'nobody may'",
        "permission_deleted",
        "images:delete",
        r#"{"description": "Delete images"}"#,
        r#"{"reason": "nobody may"}"#,
    ),
    (
        "role create radiographer --display-name Radiographer --permission radiology/images:read --inherits clinical-staff",
        "role_created",
        "radiographer",
        "{}",
        r#"{"permissions": {"radiology": ["images:read"]}}"#,
    ),
    (
        "role update radiographer --description 'Makes images' --sensitive true",
        "role_updated",
        "radiographer",
        r#"{"sensitive": false}"#,
        r#"{"sensitive": true}"#,
    ),
    (
        "role update radiographer --sensitive false",
        "role_updated",
        "radiographer",
        r#"{"sensitive": true}"#,
        r#"{"sensitive": false}"#,
    ),
    (
        "policy set --role radiographer idle_seconds=600 max_sessions=2",
        "policy_changed",
        "radiographer",
        "{}",
        r#"{"idle_seconds": 600}"#,
    ),
    (
        "policy set --role radiographer idle_seconds=",
        "policy_changed",
        "radiographer",
        r#"{"idle_seconds": 600}"#,
        "{}",
    ),
    (
        "role permissions radiographer --add clinic/orders:create",
        "role_updated",
        "radiographer",
        "{}",
        r#"{"permissions": {"clinic": ["orders:create"]}}"#,
    ),
    (
        "role permissions radiographer --remove clinic/orders:create",
        "role_updated",
        "radiographer",
        r#"{"permissions": {"clinic": ["orders:create"]}}"#,
        "{}",
    ),
    (
        "role inherits radiographer --add lab-technician",
        "role_updated",
        "radiographer",
        "{}",
        r#"{"inherits": ["lab-technician"]}"#,
    ),
    (
        "role inherits radiographer --remove lab-technician",
        "role_updated",
        "radiographer",
        r#"{"inherits": ["lab-technician"]}"#,
        "{}",
    ),
    (
        "client create --name Portal --kind confidential --client-id portal --redirect-uri https://portal.example.org/back --api radiology",
        "client_secret_created",
        "portal",
        "{}",
        "{}",
    ),
    (
        "client update portal --enabled false",
        "client_updated",
        "portal",
        r#"{"enabled": true}"#,
        r#"{"enabled": false}"#,
    ),
    ("client secret portal", "client_secret_created", "portal", "{}", "{}"),
    (
        "client delete portal --reason 'replaced by another'",
        "client_deleted",
        "portal",
        r#"{"name": "Portal"}"#,
        r#"{"reason": "replaced by another"}"#,
    ),
    (
        "role permissions radiographer --remove radiology/images:read",
        "role_updated",
        "radiographer",
        r#"{"permissions": {"radiology": ["images:read"]}}"#,
        "{}",
    ),
    (
        "role delete radiographer --reason 'never needed'",
        "role_deleted",
        "radiographer",
        r#"{"display_name": "Radiographer"}"#,
        r#"{"reason": "never needed"}"#,
    ),
    ("api secret radiology", "api_secret_created", "radiology", "{}", "{}"),
    (
        "api delete radiology --reason 'bought elsewhere'",
        "api_deleted",
        "radiology",
        r#"{"name": "Radiology department"}"#,
        r#"{"reason": "bought elsewhere"}"#,
    ),
    (
        "unit delete /clinic-a/ward-3 --reason 'closed for good'",
        "unit_deleted",
        "/clinic-a/ward-3",
        r#"{"name": "Ward Three"}"#,
        r#"{"reason": "closed for good"}"#,
    ),
];

#[tokio::test]
async fn each_command_leaves_its_event_with_who_did_it_and_why() {
    let site = Site::with_admin(PASSWORD).await;
    let _server = site.serve().await;
    site.person("lena.marsh", PASSWORD).await;
    for (line, ..) in TABLE {
        json(&site, line).await;
    }

    let admin = Person::signed_in(&site.base, "admin", PASSWORD, None).await;
    // In the order in which they happened.
    let mut events = admin.events().await.into_iter();
    for (line, kind, name, before, after) in TABLE {
        let event = events.find(|event| event["type"] == *kind && event["subject"]["name"] == *name);
        let event = event.unwrap_or_else(|| panic!("no {kind} of {name} after {line}"));
        assert_eq!((&event["actor"]["kind"], &event["actor"]["name"]), (&json!("cli"), &json!(operator())), "{event}");
        for (field, value) in members(before) {
            assert_eq!(event["before"][&field], value, "{line}: {event}");
        }
        for (field, value) in members(after) {
            assert_eq!(event["after"][&field], value, "{line}: {event}");
        }
    }
}

#[tokio::test]
async fn a_new_permission_in_a_role_is_in_the_next_token_and_a_dated_grant_is_explained() {
    let site = Site::with_admin(PASSWORD).await;
    let _server = site.serve().await;
    site.person("lena.marsh", PASSWORD).await;
    json(&site, "unit create /ward-3 --name 'Ward 3'").await;
    json(&site, "api permission add clinic images:read --description 'Look at images'").await;
    json(&site, "role create radiographer --display-name Radiographer --permission clinic/images:read --inherits clinical-staff").await;

    let given = json(
        &site,
        "grant add lena.marsh radiographer --unit /ward-3 --until 2199-11-27T18:00:00Z --reason 'leave cover'",
    )
    .await;

    assert_eq!(
        (&given[0]["unit"], &given[0]["valid_until"]),
        (&json!("/ward-3"), &json!("2199-11-27T18:00:00.000000Z"))
    );
    let members = json(&site, "role members radiographer").await;
    assert_eq!((&members[0]["username"], &members[0]["unit"]), (&json!("lena.marsh"), &json!("/ward-3")));
    let access = json(&site, "user permissions lena.marsh").await;
    let chart = access.as_array().unwrap().iter().find(|one| one["permission"] == "charts:read").unwrap();
    assert_eq!(chart["paths"][0]["via"], json!(["radiographer", "clinical-staff"]));
    assert_eq!(
        (&chart["unit"], &chart["paths"][0]["valid_until"]),
        (&json!("/ward-3"), &json!("2199-11-27T18:00:00.000000Z"))
    );
    let said = site.run(&["user", "permissions", "lena.marsh", "--api", "clinic"]).await;
    assert!(said.out.contains("radiographer > clinical-staff, until 2199-11-27 18:00:00 UTC"), "{said:?}");

    // At `/`, it is in the token itself; taken out, it is not in the next one.
    json(&site, "grant add lena.marsh radiographer --reason 'everywhere now'").await;
    let mut lena = Person::visitor(&site.base);
    let answer = lena.sign_in("lena.marsh", PASSWORD, Some("clinic")).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
    let has = |token: &str| claims(token)["permissions"].as_array().unwrap().contains(&json!("images:read"));
    assert!(has(answer.json["access_token"].as_str().unwrap()));
    json(&site, "role permissions radiographer --remove clinic/images:read").await;
    let after = lena.try_refresh(json!({ "audience": "clinic" })).await.unwrap();
    assert!(!has(after.json["access_token"].as_str().unwrap()), "{}", after.text);
}

fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn the_log_is_read_by_command_and_says_who_did_what_to_whom() {
    let site = Site::with_admin(PASSWORD).await;
    let made = json(&site, "user create lena.marsh --display-name 'Lena Marsh'").await;
    assert_eq!(made["username"], "lena.marsh");
    let before = audit(&site, "").await.len();
    json(&site, "grant add lena.marsh nurse --until 2199-11-27T18:00:00Z --reason 'leave cover'").await;

    let hers = audit(&site, "--subject lena.marsh --type role_granted").await;
    let said = site.run(&["audit", "list", "--subject", "lena.marsh", "--limit", "1"]).await;

    assert_eq!(hers.len(), 1, "{hers:?}");
    assert_eq!((&hers[0]["after"]["role"], &hers[0]["after"]["reason"]), (&json!("nurse"), &json!("leave cover")));
    assert_eq!(hers[0]["actor"]["name"], json!(operator()));
    assert!(said.out.contains(&format!("role_granted: user Lena Marsh, by cli {}", operator())), "{said:?}");
    assert!(said.out.contains("reason leave cover, role nurse, unit /"), "{said:?}");
    assert_eq!(audit(&site, "--subject lena.marsh --actor lena.marsh --type role_granted").await.len(), 0);
    assert_eq!(audit(&site, "--to 2020-01-01T00:00:00Z").await.len(), 0);
    // The grant, and each reading since.
    let after = audit(&site, "").await;
    assert_eq!(after.len(), before + 6, "{after:?}");
    assert_eq!((&after[0]["type"], &after[0]["actor"]["kind"]), (&json!("audit_read"), &json!("cli")));
    assert_eq!(after[0]["after"]["to"], json!("2020-01-01T00:00:00.000000Z"));
    let wrong = site.run(&["audit", "list", "--type", "role_stolen"]).await;
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
}

async fn audit(site: &Site, which: &str) -> Vec<Value> {
    json(site, &format!("audit list --limit 1000 {which}")).await.as_array().unwrap().clone()
}

#[tokio::test]
async fn what_cannot_be_is_said_in_words_that_help_and_changes_nothing() {
    let site = Site::with_admin(PASSWORD).await;
    json(&site, "unit create /ward-3 --name 'Ward 3'").await;
    json(&site, "unit create /ward-3/bay-1 --name 'Bay 1'").await;
    let cases: &[(&str, &str)] = &[
        ("unit create /moon/base --name Base", "the unit above /moon/base does not exist"),
        ("unit create /ward-3 --name 'Ward 3'", "there is a unit /ward-3 already"),
        ("unit create ward-3 --name 'Ward 3'", "a unit is written as its path"),
        ("unit rename /moon --name Moon", "there is no unit /moon; see `bailiwick unit list`"),
        ("unit delete /ward-3 --reason 'not needed'", "There are units below it"),
        ("unit delete / --reason 'not needed'", "The root stays"),
        ("role show wizard", "there is no role wizard; see `bailiwick role list`"),
        ("role members wizard", "there is no role wizard"),
        ("role create nurse --display-name Nurse", "there is a role nurse already"),
        ("role create No! --display-name Nurse", "lower-case letters"),
        (
            "role create scribe --display-name Scribe --permission clinic/charts:reed",
            "there is no permission charts:reed of API clinic",
        ),
        ("role create scribe --display-name Scribe --inherits wizard", "there is no role wizard"),
        ("role create scribe --display-name Scribe --assignable-by wizard", "there is no role wizard"),
        ("role inherits clinical-staff --add charge-nurse", "clinical-staff → "),
        ("role inherits nurse --remove physician", "nurse does not inherit from physician"),
        ("role permissions nurse", "say what to change: --add or --remove"),
        ("role permissions nurse --remove clinic/prescriptions:create", "nurse does not have it"),
        ("role permissions nurse --remove clinic/charts:read", "nurse inherits it"),
        ("role update nurse", "say what to change"),
        ("role delete clinical-staff --reason 'not needed'", "inherits from it"),
        ("role delete admin --reason 'not needed'", "People hold this role"),
        (
            "role permissions admin --remove bailiwick/roles:assign",
            "Nobody would hold roles:assign and users:manage everywhere",
        ),
        ("api create bailiwick --name Bailiwick", "bailiwick is taken"),
        ("api create 'Our API' --name Ours", "lower-case letters"),
        ("api update moon --name Moon", "there is no API moon; see `bailiwick api list`"),
        ("api update clinic", "say what to change"),
        ("api delete clinic --reason 'not needed'", "has permissions of this API"),
        ("api delete bailiwick --reason 'not needed'", "own API"),
        ("api permission list moon", "there is no API moon"),
        ("api permission add clinic charts:read --description Again", "has a permission charts:read already"),
        ("api permission add clinic charts --description Charts", "resource:action"),
        ("api permission add bailiwick moon:read --description Moon", "what the program knows"),
        ("api permission remove clinic charts:read --reason 'not needed'", "has this permission"),
        ("api permission remove clinic moon:read --reason 'not needed'", "it has no permission moon:read"),
        ("api secret moon", "there is no API moon"),
        ("client update moon --name Moon", "there is no client moon; see `bailiwick client list`"),
        ("client create --name Web --kind public", "redirect URI"),
        ("client create --name Job --kind service --redirect-uri https://a.example.org/", "no redirect URIs"),
        ("client create --name Job --kind service --api moon", "there is no API moon"),
        ("user permissions nobody", "there is nobody with the username nobody"),
        ("user permissions admin --at 2199-01-01T00:00:00Z", "--at lies ahead"),
        (
            "grant add admin nurse --from 2199-01-02T00:00:00Z --until 2199-01-01T00:00:00Z --reason 'why not'",
            "must end after it begins",
        ),
    ];
    let before = json(&site, "role list").await;
    for (line, words) in cases {
        let line = split(line);
        let said = site.run(&line.iter().map(String::as_str).collect::<Vec<_>>()).await;
        assert!(said.refused().contains(words), "{words:?} is not in {said:?}");
    }
    assert_eq!(json(&site, "role list").await, before);
}

#[tokio::test]
async fn what_is_written_wrong_is_told_with_the_argument_before_anything_is_opened() {
    let site = Site::new("data");
    let cases: &[(&str, &[&str])] = &[
        ("unit delete /ward-3", &["--reason"]),
        ("role delete nurse", &["--reason"]),
        ("api delete clinic", &["--reason"]),
        ("client delete portal", &["--reason"]),
        ("unit delete /ward-3 --reason no", &["--reason", "3 to 500 characters"]),
        ("role permissions nurse --add charts:read", &["--add", "like clinic/charts:read"]),
        ("grant add lena nurse --until tomorrow --reason 'why not'", &["--until", "2026-11-27T18:00:00Z"]),
        ("grant add lena nurse --from friday --reason 'why not'", &["--from", "2026-11-27T18:00:00Z"]),
        ("api create moon --name Moon --algorithm HS256", &["--algorithm", "RS256, ES256 or EdDSA"]),
        ("api create moon --name Moon --access-lifetime 86400", &["--access-lifetime", "3600"]),
        ("client create --name Web --kind browser", &["--kind", "public, confidential or service"]),
        ("client create --name Web --kind public --redirect-uri http://example.org/", &["--redirect-uri", "https"]),
        ("role update nurse --sensitive perhaps", &["--sensitive", "true"]),
    ];
    for (line, words) in cases {
        let line = split(line);
        let said = site.run(&line.iter().map(String::as_str).collect::<Vec<_>>()).await;
        assert_eq!(said.code, Some(2), "{said:?}");
        for word in *words {
            assert!(said.err.contains(word), "{word:?} is not in {said:?}");
        }
    }
    assert!(!site.path().join("data").exists(), "nothing was opened");
}
