//! RBAC-02: one oracle for who may do what. Random organisations, and random changes to them: tokens, `me/permissions`, `users/{id}/permissions` (now
//! and at every moment before), the guard and our own API all say what recursion over the raw facts says.

mod ask;
mod facts;

use std::collections::BTreeSet;

use domain::time::{Timestamp, minutes};
use serde_json::{Value, json};
use testkit::{Browser, TestApp, on_both_databases};

use self::facts::{Facts, Grant, Named, Role};
use crate::chance::Chance;

const UNITS: [&str; 6] = ["/", "/north", "/north/ward-1", "/north/ward-1/room-2", "/north/ward-10", "/south"];
const APIS: [&str; 2] = ["lab", "rota"];
const ROLES: usize = 6;
const PASSWORD: &str = "a long walk to the far lighthouse";
/// Name, home unit.
const PEOPLE: [(&str, &str); 2] = [("ada", "/north/ward-1"), ("bea", "/")];

/// A directory that changes, and what is known of it.
struct Organisation {
    app: TestApp,
    chance: Chance,
    admin: Browser,
    signed_in: Timestamp,
    ids: Vec<String>,
    secrets: Vec<String>,
    permissions: Vec<Named>,
    facts: Facts,
    /// What came up, to know that chance left nothing out.
    seen: BTreeSet<String>,
    /// What was true at each moment that was looked at.
    past: Vec<(Timestamp, Facts)>,
}

fn role_name(number: usize) -> String {
    format!("role-{number}")
}

impl Organisation {
    async fn new(app: TestApp, chance: u64) -> Self {
        let mut admin = app.signed_in("admin").await;
        for path in &UNITS[1..] {
            let (parent, slug) = path.rsplit_once('/').unwrap();
            let parent = if parent.is_empty() { "/" } else { parent };
            admin.post("/api/v1/units", &json!({ "parent": parent, "slug": slug, "name": slug })).await.expect(201);
        }
        let mut secrets = Vec::new();
        let mut permissions = vec![("bailiwick".to_owned(), "users:read".to_owned())];
        for api in APIS {
            admin.post("/api/v1/apis", &json!({ "audience": api, "name": api })).await.expect(201);
            let secret = admin.post_empty(&format!("/api/v1/apis/{api}/secret")).await.expect(200).json();
            secrets.push(secret["client_secret"].as_str().unwrap().to_owned());
            for name in ["things:read", "things:write", "notes:read:own"] {
                let body = json!({ "name": name, "description": "A permission of the test" });
                admin.post(&format!("/api/v1/apis/{api}/permissions"), &body).await.expect(201);
                permissions.push((api.to_owned(), name.to_owned()));
            }
        }
        let mut facts = Facts::default();
        for number in 0..ROLES {
            let name = role_name(number);
            admin.post("/api/v1/roles", &json!({ "name": name, "display_name": name })).await.expect(201);
            facts.roles.insert(name, Role::default());
        }
        let mut ids = Vec::new();
        for (name, unit) in PEOPLE {
            let body = json!({ "username": name, "display_name": name, "unit": unit, "email": format!("{name}@clinic.example") });
            let made = admin.post("/api/v1/users", &body).await.expect(201).json();
            ids.push(made["id"].as_str().unwrap().to_owned());
            let link = app.link(domain::realm::RealmKey::MAIN, &format!("{name}@clinic.example")).await;
            app.browser().choose(&link, PASSWORD).await.expect(204);
        }
        let signed_in = app.db.now();
        let chance = Chance::new(chance);
        Self {
            app,
            chance,
            admin,
            signed_in,
            ids,
            secrets,
            permissions,
            facts,
            seen: BTreeSet::new(),
            past: Vec::new(),
        }
    }

    /// An administrator whose authentication is fresh enough.
    async fn fresh(&mut self) {
        if self.app.db.now().since(self.signed_in) >= minutes(3) {
            self.admin = self.app.signed_in("admin").await;
            self.signed_in = self.app.db.now();
        }
    }

    /// One change, or some time that passes.
    async fn step(&mut self) {
        // No two changes at one moment, and none at a moment that is looked at.
        self.app.advance(minutes(1));
        self.fresh().await;
        match self.chance.below(10) {
            0..=3 => self.give().await,
            4 => self.end().await,
            5 | 6 => self.set_permissions().await,
            7 | 8 => self.set_inherits().await,
            _ => {
                let by = minutes(1 + self.chance.below(20) as u64);
                self.app.advance(by);
            }
        }
        self.app.advance(minutes(1));
    }

    async fn give(&mut self) {
        let now = self.app.db.now();
        let chance = &mut self.chance;
        let from = chance.one_in(3).then(|| now.plus(minutes(1 + chance.below(15) as u64)));
        let until = chance.one_in(3).then(|| from.unwrap_or(now).plus(minutes(1 + chance.below(20) as u64)));
        let mut grant = Grant {
            id: String::new(),
            person: chance.below(PEOPLE.len()),
            role: role_name(chance.below(ROLES)),
            unit: UNITS[chance.below(UNITS.len())].to_owned(),
            from: from.unwrap_or(now),
            until,
            ended: None,
        };
        let mut body = json!({ "role": grant.role, "unit": grant.unit, "reason": "given by chance" });
        for (name, at) in [("valid_from", from), ("valid_until", until)] {
            if let Some(at) = at {
                body[name] = at.rfc3339().into();
            }
        }
        let answer = self.admin.post(&format!("/api/v1/users/{}/grants", self.ids[grant.person]), &body).await;
        if self.facts.overlaps(&grant) {
            self.seen.insert("held already".to_owned());
            assert_eq!(answer.status, 409, "a role is held once in a unit at a moment: {grant:?} {answer:?}");
            return;
        }
        grant.id = answer.expect(201).json()["id"].as_str().unwrap().to_owned();
        self.facts.grants.push(grant);
    }

    async fn end(&mut self) {
        let now = self.app.db.now();
        let open = |grant: &&mut Grant| grant.ended.is_none() && grant.until.is_none_or(|until| now < until);
        let mut open: Vec<&mut Grant> = self.facts.grants.iter_mut().filter(open).collect();
        if open.is_empty() {
            return;
        }
        let at = self.chance.below(open.len());
        let grant = &mut open[at];
        let path = format!("/api/v1/users/{}/grants/{}/end", self.ids[grant.person], grant.id);
        self.admin.post(&path, &json!({ "reason": "ended by chance" })).await.expect(200);
        grant.ended = Some(now);
    }

    async fn set_permissions(&mut self) {
        let role = role_name(self.chance.below(ROLES));
        let all = self.permissions.clone();
        let some: BTreeSet<Named> = all.into_iter().filter(|_| self.chance.one_in(3)).collect();
        let mut sent = json!({});
        for (api, name) in &some {
            match sent[api].as_array_mut() {
                Some(names) => names.push(name.clone().into()),
                None => sent[api] = json!([name]),
            }
        }
        self.change(&role, "permissions", &json!({ "permissions": sent })).await;
        self.facts.roles.get_mut(&role).unwrap().permissions = some;
    }

    /// Only from roles of a lower number: no cycles, but any depth and any number of ways.
    async fn set_inherits(&mut self) {
        let number = self.chance.below(ROLES);
        let some: BTreeSet<String> = (0..number).filter(|_| self.chance.one_in(3)).map(role_name).collect();
        self.change(&role_name(number), "inherits", &json!({ "inherits": some })).await;
        self.facts.roles.get_mut(&role_name(number)).unwrap().inherits = some;
    }

    async fn change(&mut self, role: &str, what: &str, body: &Value) {
        let path = format!("/api/v1/roles/{role}");
        let tag = self.admin.get(&path).await.expect(200).header("etag").to_owned();
        let call = self.admin.call(axum::http::Method::PUT, &format!("{path}/{what}")).header("if-match", &tag);
        call.json(body).send().await.expect(200);
    }
}

on_both_databases! {
    async fn rbac_02_whoever_is_asked_says_what_the_raw_facts_say(app: TestApp) {
        let mut organisation = Organisation::new(app, 7).await;
        for step in 0..60 {
            organisation.step().await;
            organisation.remember();
            if step % 4 == 3 {
                organisation.everybody_agrees().await;
            }
        }
        organisation.the_past_is_as_it_was().await;
        for word in ["200", "403", "404", "held already", "over two roles", "in two ways", "in a unit", "everywhere"] {
            assert!(organisation.seen.contains(word), "never came up: {word}; {:?}", organisation.seen);
        }
    }
}
