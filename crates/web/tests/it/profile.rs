//! Applying a profile to a realm that people have worked with: what is new arrives, what they did stays done.

use std::collections::BTreeMap;

use domain::profile::Profile;
use domain::profile::plan::{Item, Plan};
use domain::realm::{RealmKey, RealmSlug};
use service::profile::ProfileError;
use store::realm::NewRealm;
use testkit::app::{BASE, HOST, operator};
use testkit::{TestApp, on_both_databases};

const HEALTHCARE: &str = include_str!("../../../../profiles/healthcare.toml");
const AGENCY: &str = include_str!("../../../../profiles/agency.toml");
const MAIN: RealmKey = RealmKey::MAIN;

fn healthcare() -> Profile {
    service::profile::parse(HEALTHCARE).unwrap()
}

/// The next edition: a permission more for nurses, and a role of its own.
fn next_edition() -> Profile {
    let text = HEALTHCARE.replacen("edition = 2", "edition = 3", 1);
    let text = text.replacen(
        "[[api.permission]]\n  name = \"patients:read\"",
        "[[api.permission]]\n  name = \"falls:record\"\n  description = \"Record falls\"\n\n  [[api.permission]]\n  name = \"patients:read\"",
        1,
    );
    let text = text.replacen(
        "\"specimens:collect\", \"vitals:record\",\n]",
        "\"specimens:collect\", \"vitals:record\", \"falls:record\",\n]",
        1,
    );
    let role = "\n[[role]]\nname = \"scheduler\"\ndisplay_name = \"Scheduler\"\nassignable_by = [\"admin\"]\n[role.permissions]\nclinic = [\"appointments:read\", \"falls:record\"]\n";
    service::profile::parse(&(text + role)).unwrap()
}

async fn apply(app: &TestApp, profile: Profile) -> Plan {
    service::profile::apply(&app.app, operator(MAIN), profile).await.unwrap()
}

/// Audience → permissions that a role gives now.
async fn effective(app: &TestApp, realm: RealmKey, role: &str) -> BTreeMap<String, Vec<String>> {
    let directory = service::role::all_as_operator(&app.app, operator(realm)).await.unwrap();
    let flat = directory.graph.named(role).unwrap();
    flat.effective.iter().map(|(api, names)| (api.clone(), names.iter().cloned().collect())).collect()
}

/// What an administrator does: the row is ended, and stays.
async fn take_away(app: &TestApp, role: &str, permission: &str) {
    let text = "UPDATE role_permission SET ended_at = valid_from + 1
                 WHERE realm_id = 1 AND role_id = (SELECT id FROM role WHERE realm_id = 1 AND name = $1)
                   AND permission_id IN (SELECT id FROM permission WHERE realm_id = 1 AND name = $2)";
    let rows = app.db.execute(text, vec![role.to_owned().into(), permission.to_owned().into()]).await;
    assert_eq!(rows, 1, "{role} {permission}");
}

fn words(items: &[Item]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

on_both_databases! {
    async fn what_a_role_gives_in_a_realm_is_what_the_file_says(app: TestApp) {
        let agency = service::profile::parse(AGENCY).unwrap();
        let new = NewRealm { slug: RealmSlug::parse("third").unwrap(), name: "Third".to_owned(), issuer: format!("{BASE}/realms/third"), rp_id: HOST.to_owned() };
        let third = service::realm::create(&app.app, operator(MAIN), new).await.unwrap().key;
        service::profile::apply(&app.app, operator(third), agency.clone()).await.unwrap();

        for (realm, profile) in [(MAIN, healthcare()), (third, agency)] {
            for role in &profile.role {
                let said = profile.effective(&role.name);
                let said: BTreeMap<String, Vec<String>> = said.into_iter().map(|(api, names)| (api.to_owned(), names.into_iter().map(ToOwned::to_owned).collect())).collect();
                assert_eq!(effective(&app, realm, &role.name).await, said, "{}", role.name);
            }
        }
    }

    async fn a_new_edition_adds_what_is_new_and_what_was_taken_away_stays_away(app: TestApp) {
        take_away(&app, "nurse", "vitals:record").await;
        app.db.execute("UPDATE role SET display_name = 'Registered nurse' WHERE realm_id = 1 AND name = 'nurse'", vec![]).await;
        app.db.execute("UPDATE role SET ended_at = created_at + 1 WHERE realm_id = 1 AND name = 'billing'", vec![]).await;
        let version = "SELECT version FROM role WHERE realm_id = 1 AND name = 'nurse'";
        let before = (app.events().await.len(), app.db.number(version, vec![]).await);

        let shown = service::profile::plan(&app.app, &operator(MAIN), next_edition()).await.unwrap();
        assert_eq!(app.events().await.len(), before.0, "a dry run leaves nothing");
        let done = apply(&app, next_edition()).await;

        assert_eq!(shown, done, "the dry run told what happened");
        assert_eq!(
            words(&done.added),
            [
                "permission falls:record of API clinic",
                "role scheduler",
                "role nurse: permission clinic falls:record",
                "role scheduler: permission clinic appointments:read",
                "role scheduler: permission clinic falls:record",
                "role scheduler: may be given by admin",
            ]
        );
        let left: Vec<String> = done.left.iter().map(|left| format!("{}: {}", left.item, left.why)).collect();
        assert_eq!(
            left,
            [
                "role nurse: display_name is \"Registered nurse\" here, \"Nurse\" in the profile",
                "role billing: was taken away here",
                "role nurse: permission clinic vitals:record: was taken away here",
            ]
        );
        let nurse = effective(&app, MAIN, "nurse").await;
        assert!(nurse["clinic"].contains(&"falls:record".to_owned()));
        assert!(!nurse["clinic"].contains(&"vitals:record".to_owned()), "what was taken away came back");
        assert_eq!(app.db.number(version, vec![]).await, before.1 + 1, "whoever has the role open sees that it changed");

        let events = app.events().await.split_off(before.0);
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!(events[0]["type"], "profile_applied");
        assert_eq!(events[0]["subject"]["name"], "healthcare");
        let after = &events[0]["after"];
        assert_eq!(after["edition"], 3);
        assert_eq!(after["permissions"], serde_json::json!(["clinic falls:record"]));
        assert_eq!(after["roles"], serde_json::json!(["scheduler"]));
        assert_eq!(after["added_to_roles"], serde_json::json!(["role nurse: permission clinic falls:record"]));
        assert_eq!(after["apis"], serde_json::json!([]));
    }

    async fn what_a_profile_adds_is_in_the_next_token(app: TestApp) {
        let permissions = |token: &str| crate::claims(token)["permissions"].to_string();
        let mut nurse = app.signed_in("nurse").await;
        let before = nurse.post("/api/v1/session/refresh", &serde_json::json!({"audience": "clinic"})).await;
        assert!(!permissions(before.json()["access_token"].as_str().unwrap()).contains("falls:record"));

        apply(&app, next_edition()).await;

        let after = nurse.post("/api/v1/session/refresh", &serde_json::json!({"audience": "clinic"})).await;
        assert!(permissions(after.json()["access_token"].as_str().unwrap()).contains("falls:record"));
    }

    async fn applying_what_is_applied_writes_nothing(app: TestApp) {
        let (before, version) = (app.events().await.len(), app.db.number("SELECT value FROM counter WHERE realm_id = 1 AND name = 'roles'", vec![]).await);

        assert_eq!(apply(&app, healthcare()).await, Plan::default());

        assert_eq!(app.events().await.len(), before);
        assert_eq!(app.db.number("SELECT value FROM counter WHERE realm_id = 1 AND name = 'roles'", vec![]).await, version);
    }

    async fn an_older_edition_is_no_step_back(app: TestApp) {
        apply(&app, next_edition()).await;
        let before = app.events().await.len();

        let plan = apply(&app, healthcare()).await;

        assert_eq!(plan.added, []);
        assert_eq!(words(&plan.only_here), ["permission falls:record of API clinic", "role scheduler", "role nurse: permission clinic falls:record"]);
        assert_eq!(service::profile::applied(&app.app, &operator(MAIN)).await.unwrap(), Some(("healthcare".to_owned(), 3)));
        assert_eq!(app.events().await.len(), before);
    }

    async fn inheritance_that_would_close_a_cycle_with_what_was_made_here_is_refused_with_its_path(app: TestApp) {
        let text = "INSERT INTO role_inheritance (realm_id, role_id, inherits_id, valid_from)
            SELECT 1, s.id, r.id, 1 FROM role s, role r WHERE s.realm_id = 1 AND s.name = 'receptionist' AND r.realm_id = 1 AND r.name = 'billing'";
        assert_eq!(app.db.execute(text, vec![]).await, 1);
        let text = HEALTHCARE.replacen("name = \"billing\"\ndisplay_name = \"Billing\"", "name = \"billing\"\ndisplay_name = \"Billing\"\n#", 1);
        let text = text.replacen("invoices and records payments.\"\ninherits = []", "invoices and records payments.\"\ninherits = [\"receptionist\"]", 1);
        let profile = service::profile::parse(&text).unwrap();
        assert_eq!(profile.role("billing").unwrap().inherits, ["receptionist"]);
        let before = app.db.dump(MAIN).await;

        let refused = service::profile::apply(&app.app, operator(MAIN), profile.clone()).await.unwrap_err();

        let said = refused.to_string();
        assert!(matches!(refused, ProfileError::Contradicts(_)), "{said}");
        assert!(said.contains("billing") && said.contains("receptionist"), "{said}");
        assert_eq!(app.db.dump(MAIN).await, before);
        let shown = service::profile::plan(&app.app, &operator(MAIN), profile).await.unwrap_err();
        assert_eq!(shown.to_string(), said, "the dry run says it too");
    }

    async fn an_attribute_that_was_changed_here_stays_and_a_new_one_arrives(app: TestApp) {
        let schema = async || app.app.store.read(operator(MAIN).allowed(), app.app.now(), |tx| Box::pin(store::realm::attribute_schema(tx))).await.unwrap();
        let mut here = schema().await;
        assert_eq!(here.attributes, healthcare().attribute);
        here.attributes[0].title = "NPI (ten digits)".to_owned();
        let json = serde_json::to_string(&here).unwrap();
        app.db.execute("UPDATE realm SET attribute_schema = $1 WHERE id = 1", vec![json.into()]).await;
        let more = "\n[[attribute]]\nname = \"badge\"\ntitle = \"Badge\"\nkind = \"integer\"\nleast = 1\n";

        let plan = apply(&app, service::profile::parse(&format!("{HEALTHCARE}{more}")).unwrap()).await;

        assert_eq!(words(&plan.added), ["attribute badge"]);
        assert_eq!(plan.left.len(), 1);
        let after = schema().await;
        assert_eq!(after.attributes[0].title, "NPI (ten digits)");
        assert_eq!(after.attributes.last().unwrap().name, "badge");
    }

    async fn a_file_that_adds_more_than_one_event_can_name_is_refused_whole(app: TestApp) {
        let mut text = String::from("name = \"huge\"\nedition = 1\ntitle = \"Huge\"\ndescription = \"Huge\"\n[[api]]\naudience = \"huge\"\nname = \"Huge\"\n");
        for n in 0..1000 {
            text.push_str(&format!("[[api.permission]]\nname = \"a-resource-with-quite-a-long-name-{n}:an-action-with-quite-a-long-name-{n}\"\ndescription = \"x\"\n"));
        }
        text.push_str("[[role]]\nname = \"boss\"\ndisplay_name = \"Boss\"\nassignable_by = [\"boss\"]\n[role.permissions]\nbailiwick = [\"roles:assign\"]\n");
        let profile = service::profile::parse(&text).unwrap();
        let before = app.db.dump(MAIN).await;

        let refused = service::profile::apply(&app.app, operator(MAIN), profile).await.unwrap_err();

        assert!(matches!(refused, ProfileError::TooMuch(_)), "{refused}");
        assert_eq!(app.db.dump(MAIN).await, before);
    }
}
