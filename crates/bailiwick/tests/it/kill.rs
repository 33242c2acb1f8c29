//! The server is ended without warning, over and over, while people sign in, refresh, and are given roles. Afterwards: what was acknowledged is
//! there; what was not is whole or absent; every change has its event and its leaf, no event lacks its change, no index is missing.
//!
//! A handful of times in the ordinary run; `BAILIWICK_KILLS=100` for the long one (`cargo nextest run -p bailiwick kill_`).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::entropy::bytes;
use serde_json::json;
use testkit::{Db, SystemEntropy};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::client::Person;
use crate::log::{Looked, changes_and_events_agree, leaves_are_whole, sequenced};
use crate::site::{Site, choose};
use crate::traffic::another_grant;

const PASSWORD: &str = "a sentence nobody guesses";
/// People who are signed in and refresh, two of each at once.
const REFRESHING: usize = 3;
/// People who sign in and out.
const COMING_AND_GOING: usize = 2;
/// Tasks that give and end roles.
const GIVING: usize = 3;
/// Refreshes of one tab in one life of the server. Two tabs share a family, which is answered 120 times in a window (2.6, rule 4): a quick machine
/// would reach that, and be refused as a flood.
const REFRESHES: usize = 55;

#[expect(clippy::disallowed_methods, reason = "the length of the long run is the caller's choice")]
fn kills() -> usize {
    std::env::var("BAILIWICK_KILLS").ok().map_or(5, |text| text.parse().expect("BAILIWICK_KILLS is a number"))
}

/// What the server acknowledged since it was started last.
#[derive(Default)]
struct Ledger {
    given: Vec<Uuid>,
    ended: Vec<Uuid>,
    /// Who must be signed in still.
    live: Vec<Person>,
    /// Who signed out.
    dead: Vec<Person>,
}

/// Over all rounds.
#[derive(Debug, Default)]
struct Counted {
    kills: usize,
    given: usize,
    ended: usize,
    refreshes: usize,
    signed_out: usize,
    left_signed_in: usize,
}

type Shared<T> = Arc<Mutex<T>>;

struct World {
    site: Site,
    admin: Person,
    people: Vec<String>,
    refreshing: Vec<Shared<Person>>,
    ledger: Shared<Ledger>,
    counted: Shared<Counted>,
}

impl World {
    async fn new(site: Site, link: &str) -> Self {
        let server = site.serve().await;
        choose(&site.base, link, PASSWORD).await;
        let names: Vec<String> = (0..REFRESHING + COMING_AND_GOING).map(|number| format!("person-{number}")).collect();
        for name in &names {
            site.person(name, PASSWORD).await;
        }
        let admin = Person::signed_in(&site.base, "admin", PASSWORD, None).await;
        let ids = admin.people().await;
        let mut refreshing = Vec::new();
        for name in &names[..REFRESHING] {
            let person = Person::signed_in(&site.base, name, PASSWORD, None).await;
            refreshing.push(Arc::new(Mutex::new(person)));
        }
        server.kill().await;
        let people = names.iter().map(|name| ids[name].clone()).collect();
        Self { site, admin, people, refreshing, ledger: Shared::default(), counted: Shared::default() }
    }

    /// Starts traffic that goes on until the server is gone.
    fn traffic(&self) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        for number in 0..GIVING {
            let (admin, ledger, counted) = (self.admin.clone(), self.ledger.clone(), self.counted.clone());
            tasks.spawn(give_and_end(admin, self.people[number].clone(), ledger, counted));
        }
        for person in self.refreshing.iter().chain(&self.refreshing) {
            tasks.spawn(refresh(person.clone(), self.counted.clone()));
        }
        for number in 0..COMING_AND_GOING {
            let name = format!("person-{}", REFRESHING + number);
            tasks.spawn(come_and_go(self.site.base.clone(), name, self.ledger.clone(), self.counted.clone()));
        }
        tasks
    }

    /// What the server says of what it acknowledged before it was ended.
    async fn asked_again(&mut self) {
        let answer = self.admin.refresh().await;
        assert_eq!(answer.status, 200, "the administrator's session: {}", answer.text);
        // Giving roles needs an authentication of the last five minutes.
        self.admin = Person::signed_in(&self.site.base, "admin", PASSWORD, None).await;
        for shared in &self.refreshing {
            let mut person = shared.lock().unwrap().clone();
            let answer = person.refresh().await;
            assert_eq!(answer.status, 200, "an acknowledged refresh token: {}", answer.text);
            *shared.lock().unwrap() = person;
        }
        let ledger = std::mem::take(&mut *self.ledger.lock().unwrap());
        for mut person in ledger.live {
            assert_eq!(person.refresh().await.status, 200, "an acknowledged sign-in");
        }
        for mut person in ledger.dead {
            assert_eq!(person.refresh().await.problem(), "401 session-ended", "an acknowledged sign-out");
        }
        let grants = self.grants().await;
        for id in ledger.given {
            assert!(grants.iter().any(|(known, _)| *known == id), "an acknowledged grant is gone: {id}");
        }
        for id in ledger.ended {
            assert!(grants.contains(&(id, true)), "an acknowledged end is gone: {id}");
        }
    }

    /// The newest grants of those who get some, and whether they have ended.
    async fn grants(&self) -> Vec<(Uuid, bool)> {
        let mut grants = Vec::new();
        for person in &self.people[..GIVING] {
            let mut cursor = String::new();
            loop {
                let page = self.admin.get(&format!("/api/v1/users/{person}/grants?limit=200{cursor}")).await;
                assert_eq!(page.status, 200, "{}", page.text);
                let items = page.json["items"].as_array().unwrap();
                grants.extend(
                    items.iter().map(|g| (g["id"].as_str().unwrap().parse().unwrap(), !g["ended_at"].is_null())),
                );
                let Some(next) = page.json["next_cursor"].as_str() else { break };
                cursor = format!("&cursor={next}");
            }
        }
        grants
    }
}

async fn give_and_end(admin: Person, user: String, ledger: Shared<Ledger>, counted: Shared<Counted>) {
    let path = format!("/api/v1/users/{user}/grants");
    for number in 0.. {
        let Some(answer) = admin.try_post(&path, another_grant(&format!("number {number}"))).await else { return };
        assert_eq!(answer.status, 201, "{}", answer.text);
        let id: Uuid = answer.json["id"].as_str().unwrap().parse().unwrap();
        ledger.lock().unwrap().given.push(id);
        counted.lock().unwrap().given += 1;
        if number % 2 == 0 {
            let Some(answer) = admin.try_post(&format!("{path}/{id}/end"), json!({ "reason": "over" })).await else {
                return;
            };
            assert_eq!(answer.status, 200, "{}", answer.text);
            ledger.lock().unwrap().ended.push(id);
            counted.lock().unwrap().ended += 1;
        }
    }
}

async fn refresh(shared: Shared<Person>, counted: Shared<Counted>) {
    for _ in 0..REFRESHES {
        // Two of these are two tabs of one browser: they share its cookies.
        let mut person = shared.lock().unwrap().clone();
        let Some(answer) = person.try_refresh(json!({ "active": true })).await else { return };
        assert_eq!(answer.status, 200, "{}", answer.text);
        *shared.lock().unwrap() = person;
        counted.lock().unwrap().refreshes += 1;
        // So that some are under way whenever the server is ended.
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

async fn come_and_go(base: String, name: String, ledger: Shared<Ledger>, counted: Shared<Counted>) {
    loop {
        let mut person = Person::visitor(&base);
        let Some(answer) = person.sign_in(&name, PASSWORD, None).await else { return };
        assert_eq!(answer.status, 200, "{}", answer.text);
        let before = person.clone();
        let Some(answer) = person.try_refresh(json!({})).await else {
            ledger.lock().unwrap().live.push(before);
            counted.lock().unwrap().left_signed_in += 1;
            return;
        };
        assert_eq!(answer.status, 200, "{}", answer.text);
        let copy = person.clone();
        let Some(answer) = person.try_sign_out().await else { return };
        assert_eq!(answer.status, 204, "{}", answer.text);
        ledger.lock().unwrap().dead.push(copy);
        counted.lock().unwrap().signed_out += 1;
    }
}

/// Kills the server so often, and looks at everything after each time. `look` opens the database beside the server.
async fn killed_over_and_over(mut world: World, look: impl AsyncFn() -> Db) {
    let mut looked = Looked::default();
    let kills = kills();
    for kill in 0..=kills {
        let server = world.site.serve().await;
        world.asked_again().await;
        let db = look().await;
        sequenced(&db).await;
        changes_and_events_agree(&db).await;
        leaves_are_whole(&db, &mut looked).await;
        if kill == kills {
            break;
        }
        // Everybody has the current token now; older than the window it is advanced by whoever comes first.
        let older = "UPDATE refresh_family SET rotated_at = rotated_at - 31000000 WHERE realm_id = $1";
        db.execute(older, vec![db.realm.into()]).await;
        // A sign-in that was cut short counts as a failure; five in a row would make its person wait.
        db.execute("DELETE FROM throttle WHERE realm_id = $1", vec![db.realm.into()]).await;
        drop(db);
        let before = world.counted.lock().unwrap().given;
        let mut traffic = world.traffic();
        // Half of the time at any moment, half of the time once there is much to lose, however busy the machine is.
        for _ in 0..1000 {
            if kill % 2 == 0 || world.counted.lock().unwrap().given >= before + 5 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let random: [u8; 2] = bytes(&SystemEntropy);
        tokio::time::sleep(Duration::from_millis(u64::from(u16::from_le_bytes(random)) % 1000)).await;
        server.kill().await;
        while let Some(ended) = traffic.join_next().await {
            ended.unwrap();
        }
        world.counted.lock().unwrap().kills += 1;
    }
    let counted = world.counted.lock().unwrap();
    assert_eq!(counted.kills, kills);
    assert!(counted.given > 0 && counted.refreshes > 0, "there was no traffic: {counted:?}");
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{counted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_over_and_over_on_sqlite() {
    let (site, link) = Site::set_up().await;
    let folder = site.path().join("data");
    let world = World::new(site, &link).await;

    killed_over_and_over(world, async || Db::of_folder(&folder).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_over_and_over_on_postgres() {
    let db = Db::postgres_unmigrated().await;
    let store::Location::Postgres(url) = &db.location else { panic!("not PostgreSQL") };
    let mut site = Site::new(url);
    site.environment.push(("BAILIWICK__KEYS__ENCRYPTION_KEY".to_owned(), "12".repeat(32)));
    let link = site.init().await;
    let world = World::new(site, &link).await;

    killed_over_and_over(world, async || Db::of_url(url).await).await;
}
