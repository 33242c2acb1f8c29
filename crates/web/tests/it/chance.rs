//! Random walks through the sign-in API: several people, several transactions, an administrator in between. Nobody ever gets a token
//! without having given what their account demanded at that moment.

use domain::realm::RealmKey;
use domain::time::seconds;
use domain::totp::{Seed, step_of};
use serde_json::{Value, json};
use store::token::Purpose;
use testkit::{Answer, TestApp, on_both_databases};

/// The same walk for the same number.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(number: u64) -> Self {
        Self(number)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % limit as u64).unwrap()
    }

    pub(crate) fn one_in(&mut self, number: usize) -> bool {
        self.below(number) == 0
    }
}

/// Somebody, as the test knows them.
struct Person {
    username: String,
    id: String,
    /// How often the password was changed.
    version: usize,
    active: bool,
    seeds: Vec<Seed>,
    demands: bool,
    must_change: bool,
}

impl Person {
    fn password(&self) -> String {
        format!("a quiet harbour of {} at dawn {}", self.username.len(), self.version)
    }
}

/// A transaction, with what was really given in it.
struct Flow {
    id: String,
    person: usize,
    version: usize,
    second: bool,
    shown: Option<Seed>,
}

struct Walk {
    app: TestApp,
    chance: Chance,
    people: Vec<Person>,
    flows: Vec<Flow>,
    tokens: usize,
    taken: Vec<String>,
}

impl Walk {
    async fn new(app: &TestApp, number: u64) -> Self {
        let mut people = Vec::new();
        for (at, roles) in [&[][..], &["nurse"], &["physician"], &["admin"]].into_iter().enumerate() {
            let username = format!("walker{number}-{}", "x".repeat(at));
            let link = app.new_link_for(&username, Purpose::Activation, roles).await;
            let id = app.user_id(RealmKey::MAIN, &username).await;
            let demands = at > 1;
            let person = Person { username, id, version: 0, active: true, seeds: vec![], demands, must_change: false };
            app.browser().choose(&link, &person.password()).await.expect(204);
            people.push(person);
        }
        let (flows, taken) = (Vec::new(), Vec::new());
        Self { app: app.clone(), chance: Chance(number), people, flows, tokens: 0, taken }
    }

    async fn step(&mut self) {
        let wait = if self.chance.one_in(20) { 290 } else { [0, 0, 1, 31][self.chance.below(4)] };
        self.app.advance(seconds(wait));
        match self.chance.below(20) {
            0..=4 => self.begin().await,
            5..=9 => self.code().await,
            10..=13 => self.enrol().await,
            14..=16 => self.choose().await,
            17 => self.take_over().await,
            _ => self.administer().await,
        }
    }

    /// A transaction; one of the last, mostly.
    fn some_flow(&mut self) -> Option<usize> {
        let all = self.flows.len();
        if all == 0 {
            return None;
        }
        let among = if self.chance.one_in(4) { all } else { all.min(3) };
        Some(all - 1 - self.chance.below(among))
    }

    async fn begin(&mut self) {
        // Mostly somebody of whom more is demanded.
        let at = self.chance.below(self.people.len()).max(self.chance.below(self.people.len()));
        let person = &self.people[at];
        let (right, version) = (!self.chance.one_in(6), person.version);
        let password = if right { person.password() } else { format!("{} not", person.password()) };
        let answer = self.app.browser().begin_sign_in(&person.username, &password).await;
        if answer.status != 200 {
            return self.nothing(&answer);
        }
        assert!(right, "a wrong password led on: {answer:?}");
        let id = answer.json()["transaction"].as_str().unwrap_or_default().to_owned();
        self.flows.push(Flow { id, person: at, version, second: false, shown: None });
        let last = self.flows.len() - 1;
        self.judge(last, &answer);
    }

    async fn code(&mut self) {
        let Some(at) = self.some_flow() else { return };
        let flow = &self.flows[at];
        // Now and then the code of somebody else.
        let whose = if self.chance.one_in(5) { self.chance.below(self.people.len()) } else { flow.person };
        let person = &self.people[whose];
        let step = step_of(self.app.db.now());
        let (code, right) = match person.seeds.first() {
            Some(seed) if !self.chance.one_in(5) => (seed.code(step).expose(), whose == flow.person),
            _ => ("000000".to_owned(), false),
        };
        let method = if self.chance.one_in(6) { "recovery_code" } else { "totp" };
        let body = json!({ "transaction": flow.id, "method": method, "code": code });
        let answer = self.app.browser().post("/api/v1/sign-in/second-factor", &body).await;
        if answer.status != 200 {
            return self.nothing(&answer);
        }
        assert!(right && method == "totp", "a wrong code led on: {answer:?}");
        self.flows[at].second = true;
        self.judge(at, &answer);
    }

    async fn enrol(&mut self) {
        let Some(at) = self.some_flow() else { return };
        let begin = json!({ "transaction": self.flows[at].id });
        if self.flows[at].shown.is_none() || self.chance.one_in(3) {
            let answer = self.app.browser().post("/api/v1/sign-in/totp", &begin).await;
            self.nothing(&answer);
            if answer.status == 200 {
                let person = &self.people[self.flows[at].person];
                assert!(person.seeds.is_empty() && person.demands, "nothing is to be bound: {answer:?}");
                self.flows[at].shown = Some(Seed::parse(answer.json()["secret"].as_str().unwrap()).unwrap());
            }
            if self.chance.one_in(2) {
                return;
            }
        }
        let Some(seed) = &self.flows[at].shown else { return };
        let right = !self.chance.one_in(5);
        let code = if right { seed.code(step_of(self.app.db.now())).expose() } else { "000000".to_owned() };
        let body = json!({ "transaction": self.flows[at].id, "code": code });
        let answer = self.app.browser().post("/api/v1/sign-in/totp/confirm", &body).await;
        if answer.status != 200 {
            return self.nothing(&answer);
        }
        let seed = self.flows[at].shown.take().unwrap();
        let person = &mut self.people[self.flows[at].person];
        assert!(right && person.seeds.is_empty() && person.demands, "bound beside what was there: {answer:?}");
        person.seeds.push(seed);
        self.flows[at].second = true;
        self.judge(at, &answer);
    }

    async fn choose(&mut self) {
        let Some(at) = self.some_flow() else { return };
        let flow = &self.flows[at];
        let person = &mut self.people[flow.person];
        person.version += 1;
        let (new, old) = (person.password(), person.version - 1);
        person.version = old;
        let body = json!({ "transaction": flow.id, "new_password": new });
        let answer = self.app.browser().post("/api/v1/sign-in/password", &body).await;
        if answer.status != 200 {
            return self.nothing(&answer);
        }
        let needs_second = person.demands || !person.seeds.is_empty();
        assert!(person.must_change && flow.version == old, "nothing was to be changed: {answer:?}");
        assert!(flow.second || !needs_second, "a password changed by the password alone: {answer:?}");
        (person.version, person.must_change) = (old + 1, false);
        self.flows[at].version = old + 1;
        self.judge(at, &answer);
    }

    async fn take_over(&mut self) {
        let Some(handle) = self.taken.pop() else { return };
        let answer = self.app.browser().get(&handle).await;
        assert!(answer.set_cookies().iter().all(|line| line.starts_with("__Host-bailiwick-flow=")), "{answer:?}");
        self.nothing(&answer);
    }

    async fn administer(&mut self) {
        self.app.advance(seconds(61));
        let at = self.chance.below(self.people.len());
        let mut admin = self.app.signed_in("admin").await;
        let id = self.people[at].id.clone();
        match self.chance.below(8) {
            0..=2 => {
                admin.set(&id, "require-password-change").await.expect(200);
                self.people[at].must_change = true;
            }
            3 => {
                admin.set(&id, "disable").await.expect(if self.people[at].active { 200 } else { 409 });
                self.people[at].active = false;
            }
            4 | 5 => {
                admin.set(&id, "enable").await.expect(if self.people[at].active { 409 } else { 200 });
                self.people[at].active = true;
            }
            6 => {
                let given = admin.give(&id, "physician", "/").await;
                assert!([201, 409].contains(&given.status), "{given:?}");
                self.people[at].demands = true;
            }
            _ => {
                let path = format!("/api/v1/users/{id}/factors");
                let listed = admin.get(&path).await.expect(200).json();
                for factor in listed["items"].as_array().unwrap() {
                    if factor["kind"] == "totp" && factor["ended_at"].is_null() {
                        admin.delete(&format!("{path}/{}", factor["id"].as_str().unwrap())).await.expect(204);
                    }
                }
                self.people[at].seeds.clear();
            }
        }
    }

    /// A step led on: to another one, or to a token that was earned.
    fn judge(&mut self, at: usize, answer: &Answer) {
        let body: Value = answer.json();
        let flow = &self.flows[at];
        let person = &self.people[flow.person];
        if body["access_token"].is_null() {
            assert!(answer.set_cookies().is_empty(), "{answer:?}");
            let link = body["continue_url"].as_str().unwrap();
            self.taken.push(link.strip_prefix("https://id.example.org").unwrap().to_owned());
            return;
        }
        let who = &person.username;
        assert_eq!(body["user"]["username"], json!(who), "somebody else's token");
        assert!(person.active, "{who} is disabled");
        assert_eq!(flow.version, person.version, "{who} changed the password meanwhile");
        assert!(!person.must_change, "{who} must change the password first");
        assert!(flow.second || person.seeds.is_empty(), "{who} has a factor and gave none");
        assert!(flow.second || !person.demands, "{who} needs a factor and gave none");
        let acr = crate::claims(body["access_token"].as_str().unwrap())["acr"].clone();
        assert_eq!(acr == "urn:bailiwick:aal2", flow.second, "{who}: {acr}");
        self.tokens += 1;
    }

    fn nothing(&self, answer: &Answer) {
        assert!(![500, 403].contains(&answer.status), "{answer:?}");
        assert!(!answer.text.contains("access_token"), "{answer:?}");
        let given = answer.set_cookies().iter().any(|line| line.contains("-session=") || line.contains("-refresh="));
        assert!(!given, "{answer:?}");
    }
}

async fn walks(app: &TestApp, numbers: std::ops::Range<u64>) {
    let (mut tokens, mut second, mut waited) = (0, 0, 0);
    for number in numbers {
        let mut walk = Walk::new(app, number).await;
        for _ in 0..120 {
            walk.step().await;
        }
        tokens += walk.tokens;
        second += walk.flows.iter().filter(|flow| flow.second).count();
        waited += walk.flows.iter().filter(|flow| !flow.id.is_empty()).count();
    }
    // The walks go somewhere.
    assert!(tokens >= 6 && second >= 2 && waited >= 10, "{tokens} tokens, {second} with two factors, {waited} waited");
}

on_both_databases! {
    async fn nobody_gets_a_token_without_what_the_account_demands_at_that_moment(app: TestApp) {
        walks(&app, 0..6).await;
    }
}
