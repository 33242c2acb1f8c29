//! The whole server walks with the model of refresh rotation (crates/domain/tests/refresh): the same actions, over HTTP, with the answer, the token
//! in it and the family's row compared at each step. Racing requests must end as one interleaving of the model does.

#[path = "../../../domain/tests/refresh/bounds.rs"]
#[allow(dead_code, reason = "the search uses all of it")]
mod bounds;
#[path = "../../../domain/tests/refresh/world.rs"]
#[allow(dead_code, reason = "the search uses all of it")]
mod world;

use domain::id::FamilyId;
use domain::realm::RealmKey;
use domain::refresh::{Family, RefreshToken};
use domain::secret::Secret;
use domain::session::Deadlines;
use domain::time::{Timestamp, hours, seconds};
use serde_json::json;
use store::{Outcome, Read, Upkeep};
use testkit::{Answer as Heard, Browser, TestApp, on_both_databases, race};

use self::bounds::{Bounds, Proofs, Rule};
use self::world::{ABSOLUTE, Action, Answer, IDLE, Phase, THIEF, World};
use crate::chance::Chance;

/// Two tabs and a thief; nothing is assumed of network and clock.
const BOUNDS: Bounds = Bounds {
    tabs: 2,
    thief: true,
    horizon: ABSOLUTE + 30,
    generations: 9,
    proofs: Proofs::AnyTime,
    in_order: false,
    queues: false,
    step_back: 1,
    within_the_window: false,
};
const RULE: Rule = Rule::REAL;
const WALKS: u64 = 24;
const STEPS: usize = 40;

/// How often what happened, over all walks.
#[derive(Debug, Default)]
struct Seen {
    served: usize,
    locked: usize,
    ended: usize,
    proved: usize,
    raced: usize,
    replays: usize,
}

struct Walk {
    app: TestApp,
    chance: Chance,
    begun: Timestamp,
    world: World,
    family: FamilyId,
    nurse: Browser,
    /// The texts of the tokens that the jar and the thief hold.
    jar: String,
    copy: String,
    path: Vec<Action>,
}

impl Walk {
    async fn new(app: &TestApp, number: u64) -> Self {
        app.advance(hours(1));
        let begun = app.db.now();
        let nurse = app.signed_in("nurse").await;
        let jar = nurse.cookie("refresh").unwrap();
        let family = RefreshToken::parse(&jar).unwrap().family();
        let world = World::signed_in();
        let (app, chance, path) = (app.clone(), Chance::new(number), Vec::new());
        let walk = Self { app, chance, begun, world, family, nurse, copy: jar.clone(), jar, path };
        walk.shorten().await;
        walk.compare().await;
        walk
    }

    /// The session locks and ends when the model's does.
    async fn shorten(&self) {
        let idle = i64::try_from(IDLE).unwrap();
        let (idle_at, absolute_at) = (self.begun.plus(seconds(IDLE)), self.at(ABSOLUTE));
        let session = "UPDATE session SET idle_seconds = $2, idle_at = $3, absolute_at = $4
            WHERE realm_id = $1 AND id = (SELECT session_id FROM refresh_family WHERE realm_id = $1 AND id = $5)";
        let realm = self.app.db.realm;
        let values = vec![realm.into(), idle.into(), idle_at.into(), absolute_at.into(), self.family.into()];
        assert_eq!(self.app.db.execute(session, values).await, 1);
        let family = "UPDATE refresh_family SET idle_at = $2, absolute_at = $3 WHERE realm_id = $1 AND id = $4";
        let values = vec![realm.into(), idle_at.into(), absolute_at.into(), self.family.into()];
        assert_eq!(self.app.db.execute(family, values).await, 1);
    }

    fn at(&self, seconds: i64) -> Timestamp {
        Timestamp::from_micros(self.begun.micros() + seconds * 1_000_000)
    }

    async fn stored(&self) -> Family {
        let id = self.family;
        self.app.db.read(move |tx| Box::pin(store::refresh::find(tx, id))).await.unwrap().unwrap().family
    }

    /// The model's family, in the server's time.
    fn expected(&self, world: &World) -> Family {
        let shifted = |at: Timestamp| Timestamp::from_micros(at.micros() + self.begun.micros());
        let Family { generation, rotated_at, previous_at, deadlines, ended } = world.family;
        let (idle_at, absolute_at) = (shifted(deadlines.idle_at), shifted(deadlines.absolute_at));
        // Before the first step there was none: long ago, to the model and to the row.
        let long_ago = Timestamp::from_seconds(0);
        let previous_at = if previous_at < long_ago { long_ago } else { shifted(previous_at) };
        let rotated_at = shifted(rotated_at);
        Family { generation, rotated_at, previous_at, deadlines: Deadlines { idle_at, absolute_at }, ended }
    }

    async fn compare(&self) {
        assert_eq!(self.stored().await, self.expected(&self.world), "after {:?}", self.path);
    }

    fn apply(&mut self, action: Action) {
        self.path.push(action);
        self.world = self.world.next(&BOUNDS, &RULE, action);
    }

    fn token(&self, who: usize) -> String {
        if who == THIEF { self.copy.clone() } else { self.jar.clone() }
    }

    async fn ask(app: &TestApp, token: &str, active: bool) -> Heard {
        let mut browser = app.browser();
        browser.set_cookie("refresh", token);
        browser.post("/api/v1/session/refresh", &json!({ "active": active })).await
    }

    /// What an answer says, in the model's words.
    fn understood(&self, heard: &Heard) -> Answer {
        let set = heard.set_cookies();
        if heard.status == 200 {
            let line = set.iter().find_map(|line| line.strip_prefix("__Host-bailiwick-refresh=")).expect("a cookie");
            let token = RefreshToken::parse(line.split(';').next().unwrap()).expect("a token");
            assert_eq!(token.family(), self.family);
            return Answer::Token(token.generation());
        }
        assert_eq!(heard.status, 401, "{heard:?}");
        match heard.code().as_str() {
            "session-locked" => {
                assert!(set.is_empty(), "the cookie is kept");
                Answer::Locked
            }
            "session-ended" => {
                assert!(set.iter().any(|line| line.contains("Max-Age=0")), "the cookie goes");
                Answer::Ended
            }
            other => panic!("{other}"),
        }
    }

    /// The answer arrives, or is lost.
    fn receive(&mut self, who: usize, heard: &Heard, seen: &mut Seen) {
        let Phase::Answered { answer, .. } = self.world.phases[who] else { panic!("no answer: {:?}", self.path) };
        assert_eq!(self.understood(heard), answer, "after {:?}", self.path);
        match answer {
            Answer::Token(_) => seen.served += 1,
            Answer::Locked => seen.locked += 1,
            Answer::Ended => seen.ended += 1,
        }
        if self.chance.one_in(4) {
            return self.apply(Action::Lose(who));
        }
        if let Some(line) = heard.set_cookies().iter().find_map(|line| line.strip_prefix("__Host-bailiwick-refresh=")) {
            let text = line.split(';').next().unwrap().to_owned();
            *(if who == THIEF { &mut self.copy } else { &mut self.jar }) = text;
        }
        if who != THIEF
            && let Some(line) =
                heard.set_cookies().iter().find_map(|line| line.strip_prefix("__Host-bailiwick-session="))
        {
            self.nurse.set_cookie("session", line.split(';').next().unwrap());
        }
        self.apply(Action::Deliver(who));
    }

    async fn refresh(&mut self, who: usize, active: bool, seen: &mut Seen) {
        let was_over = self.world.family.ended;
        let (app, token) = (self.app.clone(), self.token(who));
        self.apply(Action::Send { who, active });
        self.apply(Action::Begin(who));
        if matches!(self.world.phases[who], Phase::Looked { .. }) {
            self.apply(Action::Write(who));
        }
        let heard = Self::ask(&app, &token, active).await;
        if !was_over && self.world.family.ended {
            seen.replays += 1;
        }
        if who != THIEF && heard.status == 200 {
            // Whichever tab it is, the person's next call uses the newest bearer.
            self.nurse.bearer = heard.json()["access_token"].as_str().map(ToOwned::to_owned);
        }
        self.receive(who, &heard, seen);
    }

    /// Everybody at once: some interleaving of the model must give these answers and this row.
    async fn race(&mut self, seen: &mut Seen) {
        let racing: Vec<usize> = [0, 1, THIEF]
            .into_iter()
            .filter(|who| if *who == THIEF { self.world.copy } else { self.world.jar }.is_some())
            .collect();
        for who in &racing {
            self.apply(Action::Send { who: *who, active: false });
        }
        let (app, tokens) = (self.app.clone(), racing.iter().map(|who| self.token(*who)).collect::<Vec<_>>());
        let heard = race(racing.len(), |number| {
            let (app, token) = (app.clone(), tokens[number].clone());
            async move { Self::ask(&app, &token, false).await }
        })
        .await;
        let (answers, stored) =
            (heard.iter().map(|heard| self.understood(heard)).collect::<Vec<_>>(), self.stored().await);
        let fits = |world: &World| {
            let same = racing
                .iter()
                .zip(&answers)
                .all(|(who, heard)| matches!(&world.phases[*who], Phase::Answered { answer, .. } if answer == heard));
            same && self.expected(world) == stored
        };
        let fitting = outcomes(self.world).into_iter().find(fits);
        self.world =
            fitting.unwrap_or_else(|| panic!("no interleaving gives {answers:?} and {stored:?}: {:?}", self.path));
        seen.raced += 1;
        for (who, heard) in racing.into_iter().zip(&heard) {
            self.receive(who, heard, seen);
        }
    }

    /// Step-up with the password, if the bearer still serves for that.
    async fn prove(&mut self, tab: usize, seen: &mut Seen) {
        let password = self.app.password("main", "nurse");
        let heard = self.nurse.clone().post("/api/v1/session/step-up", &json!({ "password": password })).await;
        if heard.status == 401 {
            return;
        }
        assert_eq!(heard.status, 200, "{heard:?}");
        seen.proved += 1;
        self.apply(Action::Prove(tab));
        self.nurse.bearer = heard.json()["access_token"].as_str().map(ToOwned::to_owned);
        self.receive(tab, &heard, seen);
    }

    /// A token that only somebody without the family's key can have made.
    async fn forge(&mut self) {
        let generation = self.world.family.generation + i64::try_from(self.chance.below(3)).unwrap() - 1;
        let forged = RefreshToken::make(self.family, generation, &Secret::from_bytes([9; 32])).expose();
        assert_eq!(self.understood(&Self::ask(&self.app, &forged, true).await), Answer::Ended);
    }

    async fn by_the_store(&mut self, action: Action) {
        let (family, idle_at) = (self.family, self.app.db.now().plus(seconds(IDLE)));
        let done = self.app.db.write((family, idle_at), move |tx, (family, idle_at)| {
            Box::pin(async move {
                let session =
                    store::refresh::find(tx, *family).await?.and_then(|stored| stored.session).expect("a session");
                match action {
                    Action::Lock => store::session::lock(tx, session, tx.now()).await?.is_some(),
                    _ => store::session::acted(tx, session, *idle_at).await?,
                };
                Ok(Outcome::upkeep((), Upkeep::SessionActivity))
            })
        });
        done.await.unwrap();
        self.apply(action);
    }

    async fn step(&mut self, seen: &mut Seen) {
        let who = [0, 1, THIEF][self.chance.below(3)];
        let holds = if who == THIEF { self.world.copy } else { self.world.jar }.is_some();
        match self.chance.below(20) {
            0..=7 if holds => {
                let active = self.chance.one_in(3);
                self.refresh(who, active, seen).await;
            }
            8..=9 => self.race(seen).await,
            10 if who != THIEF && self.world.jar.is_some() => self.prove(who, seen).await,
            11 => self.forge().await,
            12 if self.chance.one_in(2) => self.by_the_store(Action::Lock).await,
            13 => self.by_the_store(Action::Act).await,
            14 if !self.world.stolen && self.world.jar.is_some() => {
                self.copy = self.jar.clone();
                self.apply(Action::Steal);
            }
            15 if !self.world.stepped_back && self.world.now > 0 => self.apply(Action::StepBack),
            16 => {
                // Another node, which shares no memory with the one before.
                self.app = self.app.node(|_, _| ());
                self.nurse = self.nurse.at(&self.app);
            }
            _ => self.apply(Action::Tick),
        }
        self.app.clock.set(self.at(self.world.now));
        self.compare().await;
    }
}

/// Every way in which requests that are under way can end.
fn outcomes(world: World) -> Vec<World> {
    let (mut open, mut ended) = (vec![world], Vec::new());
    while let Some(world) = open.pop() {
        let mut actions = Vec::new();
        world.actions(&BOUNDS, &mut actions);
        actions.retain(|action| matches!(action, Action::Begin(_) | Action::Look(_) | Action::Write(_)));
        if actions.is_empty() {
            ended.push(world);
        }
        open.extend(actions.into_iter().map(|action| world.next(&BOUNDS, &RULE, action)));
    }
    ended
}

on_both_databases! {
    async fn the_server_does_what_the_model_does_at_every_step(app: TestApp) {
        let mut seen = Seen::default();
        for number in 0..WALKS {
            let mut walk = Walk::new(&app, number).await;
            for _ in 0..STEPS {
                // What comes after the end is looked at for some steps only.
                if walk.world.now > ABSOLUTE || (walk.world.jar.is_none() && walk.world.copy.is_none()) {
                    break;
                }
                walk.step(&mut seen).await;
            }
            assert_eq!(walk.world.broken & !world::Broken::HonestEnded.bit(), 0, "{:?}", walk.path);
        }
        let Seen { served, locked, ended, proved, raced, replays } = seen;
        let all = [served, locked, ended, proved, raced, replays];
        assert!(all.iter().all(|count| *count > 0), "some of it never happened: {seen:?}");
        assert!(app.count("authn_token_reuse").await > 0, "{:?}", RealmKey::MAIN);
    }
}
