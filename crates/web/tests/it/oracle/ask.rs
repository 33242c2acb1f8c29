//! Asks everybody, and compares with the facts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, Method};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use guard::{Guard, KeySet, SharedKeys, Verifier};
use serde_json::{Value, json};
use testkit::Browser;
use testkit::browser::encode;

use super::facts::{Facts, Named, Way};
use super::{APIS, Organisation, PASSWORD, PEOPLE, UNITS};
use crate::claims;

fn texts(value: &Value) -> BTreeSet<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// A list of `access` as permission and unit → ways. Each way leads from the granted role to the permission.
fn ways(list: &Value, facts: &Facts) -> BTreeMap<(Named, String), BTreeSet<Way>> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut found = BTreeMap::new();
    for access in list["items"].as_array().unwrap() {
        let permission = (text(&access["api"]), text(&access["permission"]));
        assert_eq!(access["withheld"], false, "{access}");
        let mut all = BTreeSet::new();
        for path in access["paths"].as_array().unwrap() {
            let via: Vec<String> = path["via"].as_array().unwrap().iter().map(text).collect();
            let each = via.windows(2).all(|pair| facts.roles[&pair[0]].inherits.contains(&pair[1]));
            let carries = facts.roles[via.last().unwrap()].permissions.contains(&permission);
            assert!(each && carries && via[0] == path["role"], "no way through the roles: {path}");
            all.insert((via[0].clone(), text(&path["grant"]), via.len()));
        }
        let before = found.insert((permission, text(&access["unit"])), all);
        assert!(before.is_none(), "said twice: {access}");
    }
    found
}

impl Organisation {
    /// Keeps what is true now.
    pub(super) fn remember(&mut self) {
        self.past.push((self.app.db.now(), self.facts.clone()));
    }

    pub(super) async fn everybody_agrees(&mut self) {
        self.fresh().await;
        for person in 0..PEOPLE.len() {
            let mut own = self.sign_in(person, None).await;
            self.our_api_agrees(person, &mut own).await;
            for (at, api) in APIS.iter().enumerate() {
                let browser = self.sign_in(person, Some(api)).await;
                let token = browser.bearer.as_deref().unwrap();
                self.token_and_guard_agree(person, at, token).await;
                self.introspection_agrees(person, at, token).await;
                // One API each time, in turn: there are many questions.
                if (self.past.len() / 4 + person) % 2 == at {
                    self.decisions_agree(person, at).await;
                }
            }
        }
    }

    async fn sign_in(&self, person: usize, audience: Option<&str>) -> Browser {
        let mut browser = self.app.browser();
        let mut body = json!({ "identifier": PEOPLE[person].0, "password": PASSWORD });
        if let Some(audience) = audience {
            body["audience"] = audience.into();
        }
        let answer = browser.post("/api/v1/sign-in", &body).await.expect(200).json();
        assert_eq!(texts(&answer["user"]["roles"]), self.facts.granted(person, self.app.db.now()), "user.roles");
        browser
    }

    async fn our_api_agrees(&mut self, person: usize, own: &mut Browser) {
        let now = self.app.db.now();
        let expected = self.facts.explained(person, &self.permissions, now);
        let me = own.get("/api/v1/me/permissions").await.expect(200).json();
        assert_eq!(ways(&me, &self.facts), expected, "me/permissions");
        for ((_, unit), ways) in &expected {
            let place = if unit == "/" { "everywhere" } else { "in a unit" };
            let far = ways.iter().any(|way| way.2 > 2).then_some("over two roles");
            let several = (ways.len() > 1).then_some("in two ways");
            self.seen.extend([Some(place), far, several].into_iter().flatten().map(ToOwned::to_owned));
        }
        let path = format!("/api/v1/users/{}/permissions", self.ids[person]);
        let seen = self.admin.get(&path).await.expect(200).json();
        assert_eq!(ways(&seen, &self.facts), expected, "users/{{id}}/permissions");
        // What our own API does, not what it says.
        let reads = ("bailiwick".to_owned(), "users:read".to_owned());
        for (other, (_, home)) in PEOPLE.iter().enumerate() {
            let answer = own.get(&format!("/api/v1/users/{}", self.ids[other])).await;
            let expected = match self.facts.holds_somewhere(person, &reads, now) {
                false => 403,
                true if self.facts.holds(person, &reads, home, now) => 200,
                true => 404,
            };
            assert_eq!(answer.status, expected, "{answer:?}");
            self.seen.insert(expected.to_string());
        }
    }

    async fn token_and_guard_agree(&self, person: usize, api: usize, token: &str) {
        let (now, audience) = (self.app.db.now(), APIS[api]);
        let said = claims(token);
        let of_api = |named: &&Named| named.0 == audience;
        let everywhere =
            self.permissions.iter().filter(of_api).filter(|named| self.facts.holds(person, named, "/", now));
        assert_eq!(texts(&said["permissions"]), everywhere.map(|named| named.1.clone()).collect(), "permissions");
        assert_eq!(texts(&said["roles"]), self.facts.roles_at_root(person, now), "roles");
        let units = said["units"].as_object().into_iter().flatten().map(|(unit, roles)| (unit.clone(), texts(roles)));
        assert_eq!(units.collect::<BTreeMap<_, _>>(), self.facts.roles_in_units(person, now), "units");

        let caller = self.guard(api).await.authenticate(&bearer(token)).await.expect("a good token");
        for named in self.permissions.iter().filter(of_api) {
            assert_eq!(caller.may(&named.1), self.facts.holds(person, named, "/", now), "{named:?} everywhere");
            for unit in UNITS.iter().chain(&["/north/ward-1/room-3", "/northern", "/elsewhere"]) {
                let expected = self.facts.holds(person, named, unit, now);
                assert_eq!(caller.may_in(&named.1, unit), expected, "{named:?} in {unit}");
            }
        }
    }

    /// A resource server asks, with an API's credentials.
    async fn asked_by(&self, api: usize, path: &str, kind: &str, body: String) -> Value {
        let mut program = self.app.browser();
        let basic = format!("Basic {}", STANDARD.encode(format!("{}:{}", APIS[api], self.secrets[api])));
        let call = program.call(Method::POST, path).header("authorization", &basic);
        call.text(kind, body).send().await.expect(200).json()
    }

    async fn introspection_agrees(&self, person: usize, api: usize, token: &str) {
        let (now, audience) = (self.app.db.now(), APIS[api]);
        let form = encode(&[("token", token)]);
        let said = self.asked_by(api, "/oauth/introspect", "application/x-www-form-urlencoded", form).await;
        let held = |named: &&Named| named.0 == audience && self.facts.holds(person, named, "/", now);
        let everywhere: BTreeSet<String> = self.permissions.iter().filter(held).map(|named| named.1.clone()).collect();
        assert_eq!(said["active"], true);
        assert_eq!(texts(&said["permissions"]), everywhere, "introspected permissions");
        assert_eq!(texts(&said["roles"]), self.facts.roles_at_root(person, now), "introspected roles");
        let units = said["units"].as_object().into_iter().flatten().map(|(unit, roles)| (unit.clone(), texts(roles)));
        assert_eq!(units.collect::<BTreeMap<_, _>>(), self.facts.roles_in_units(person, now), "introspected units");
    }

    /// Every permission in every unit, of one's own and of somebody else's things.
    async fn decisions_agree(&self, person: usize, api: usize) {
        let (now, me) = (self.app.db.now(), self.ids[person].as_str());
        for (kind, action) in [("things", "read"), ("things", "write"), ("notes", "read")] {
            for unit in UNITS.iter().chain(&["/northern"]) {
                for owner in [Some("somebody"), Some(me)] {
                    let question = json!({ "subject": { "type": "user", "id": me }, "action": { "name": action },
                        "resource": { "type": kind, "id": "1", "properties": { "unit": unit, "owner": owner } } });
                    let path = "/access/v1/evaluation";
                    let said = self.asked_by(api, path, "application/json", question.to_string()).await;
                    let names = [format!("{kind}:{action}"), format!("{kind}:{action}:own")];
                    let count = if owner == Some(me) { 2 } else { 1 };
                    let holds =
                        |name: &String| self.facts.holds(person, &(APIS[api].to_owned(), name.clone()), unit, now);
                    let expected = names.iter().take(count).any(holds);
                    assert_eq!(said["decision"], expected, "{question}");
                }
            }
        }
    }

    /// A guard of this API, with the keys and the roles catalogue that the server publishes now.
    async fn guard(&self, api: usize) -> Guard {
        let mut visitor = self.app.browser();
        let keys = visitor.get("/.well-known/jwks.json").await.expect(200).text;
        let keys = KeySet::from_jwks(&serde_json::from_str(&keys).unwrap()).unwrap();
        let credentials = STANDARD.encode(format!("{}:{}", APIS[api], self.secrets[api]));
        let path = format!("/.well-known/bailiwick-roles?audience={}", APIS[api]);
        let call =
            visitor.call(axum::http::Method::GET, &path).header("authorization", &format!("Basic {credentials}"));
        let catalogue = call.send().await.expect(200).text;
        let now = self.app.db.now().seconds();
        let verifier = Verifier::with_keys(testkit::app::BASE, APIS[api], Arc::new(SharedKeys::new(keys)));
        Guard::offline_with_roles(verifier, Arc::new(move || now), serde_json::from_str(&catalogue).unwrap())
    }

    pub(super) async fn the_past_is_as_it_was(&mut self) {
        self.fresh().await;
        assert!(self.past.len() > 30);
        for (at, facts) in &self.past {
            for person in 0..PEOPLE.len() {
                let path = format!("/api/v1/users/{}/permissions?at={}", self.ids[person], at.rfc3339());
                let seen = self.admin.get(&path).await.expect(200).json();
                let expected = facts.explained(person, &self.permissions, *at);
                assert_eq!(ways(&seen, facts), expected, "at {}", at.rfc3339());
            }
        }
    }
}

fn bearer(token: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_str(&format!("Bearer {token}")).unwrap());
    headers
}
