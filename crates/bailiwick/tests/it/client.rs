//! Somebody with cookies and a token, as a browser application has them.

use std::collections::BTreeMap;
use std::sync::Mutex;

use domain::time::Timestamp;
use domain::totp::{Seed, step_of};
use reqwest::header::{HeaderMap, SET_COOKIE};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

/// An answer, read whole.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Answer {
    /// The problem's code, with its status: `403 forbidden`.
    pub(crate) fn problem(&self) -> String {
        format!("{} {}", self.status, self.json["code"].as_str().unwrap_or(&self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Recovery codes of people who bound an authenticator, by server and username.
static RECOVERY: Mutex<BTreeMap<(String, String), Vec<String>>> = Mutex::new(BTreeMap::new());

#[expect(clippy::disallowed_methods, reason = "an authenticator has a clock of its own")]
fn service_now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_seconds(i64::try_from(since.as_secs()).unwrap())
}

pub(crate) fn http() -> Client {
    let none = reqwest::redirect::Policy::none();
    Client::builder().no_proxy().tls_certs_only([]).redirect(none).build().unwrap()
}

/// Sends and reads; `None`: the connection broke.
pub(crate) async fn try_send(request: RequestBuilder) -> Option<Answer> {
    let response = request.send().await.ok()?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.ok()?;
    let json = serde_json::from_str(&text).unwrap_or_default();
    Some(Answer { status, headers, text, json })
}

pub(crate) async fn send(request: RequestBuilder) -> Answer {
    try_send(request).await.expect("an answer")
}

/// Somebody at one server.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    http: Client,
    base: String,
    cookies: BTreeMap<String, String>,
    pub(crate) token: String,
}

impl Person {
    /// Nobody yet.
    pub(crate) fn visitor(base: &str) -> Self {
        Self { http: http(), base: base.to_owned(), cookies: BTreeMap::new(), token: String::new() }
    }

    /// The same person at another address, as after a restart or at another node.
    pub(crate) fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), http: http(), ..self.clone() }
    }

    /// Somebody who has signed in.
    pub(crate) async fn signed_in(base: &str, username: &str, password: &str, audience: Option<&str>) -> Self {
        let mut person = Self::visitor(base);
        let answer = person.sign_in(username, password, audience).await.expect("an answer");
        assert_eq!(answer.status, 200, "{username}: {}", answer.text);
        person
    }

    pub(crate) async fn sign_in(&mut self, username: &str, password: &str, audience: Option<&str>) -> Option<Answer> {
        let mut body = json!({ "identifier": username, "password": password });
        if let Some(audience) = audience {
            body["audience"] = audience.into();
        }
        let request = self.http.post(format!("{}/api/v1/sign-in", self.base)).json(&body);
        let mut answer = try_send(request).await?;
        self.keep(&answer);
        if let Some(outcome) = answer.json["outcome"].as_str().filter(|outcome| *outcome != "signed_in") {
            answer = self.second_step(username, outcome, &answer.json["transaction"]).await?;
            self.keep(&answer);
        }
        Some(answer)
    }

    /// Binds an authenticator the first time; later a recovery code proves it, which needs no waiting. Demo says its people's codes.
    async fn second_step(&self, username: &str, outcome: &str, transaction: &Value) -> Option<Answer> {
        let post = |path: &str, body: &Value| self.http.post(format!("{}/api/v1/sign-in/{path}", self.base)).json(body);
        let whose = (self.base.clone(), username.to_owned());
        if outcome == "enrol_factor" {
            let shown = try_send(post("totp", &json!({ "transaction": transaction }))).await?;
            let seed = Seed::parse(shown.json["secret"].as_str().unwrap()).unwrap();
            let code = seed.code(step_of(service_now())).expose();
            let body = json!({ "transaction": transaction, "code": code });
            let answer = try_send(post("totp/confirm", &body)).await?;
            let codes = answer.json["recovery_codes"].as_array().unwrap().iter();
            let codes = codes.map(|code| code.as_str().unwrap().to_owned()).collect();
            RECOVERY.lock().unwrap().insert(whose, codes);
            return Some(answer);
        }
        let known = RECOVERY.lock().unwrap().get_mut(&whose).and_then(Vec::pop);
        let (method, code) = match known {
            Some(code) => ("recovery_code", code),
            None => {
                let path = format!("{}/demo/code?username={username}", self.base);
                ("totp", try_send(self.http.get(path)).await?.text)
            }
        };
        let body = json!({ "transaction": transaction, "method": method, "code": code });
        let answer = try_send(post("second-factor", &body)).await?;
        if let Some(replacement) = answer.json["replacement_recovery_code"].as_str() {
            RECOVERY.lock().unwrap().entry(whose).or_default().push(replacement.to_owned());
        }
        Some(answer)
    }

    pub(crate) async fn try_refresh(&mut self, body: Value) -> Option<Answer> {
        let request = self.with_cookies(Method::POST, "/api/v1/session/refresh").json(&body);
        let answer = try_send(request).await?;
        self.keep(&answer);
        Some(answer)
    }

    /// The refresh cookie's value.
    pub(crate) fn refresh_cookie(&self) -> &str {
        self.cookies.get("__Host-bailiwick-refresh").expect("a refresh cookie")
    }

    pub(crate) async fn refresh(&mut self) -> Answer {
        self.try_refresh(json!({})).await.expect("an answer")
    }

    pub(crate) async fn try_sign_out(&mut self) -> Option<Answer> {
        let answer = try_send(self.with_cookies(Method::POST, "/api/v1/sign-out")).await?;
        self.keep(&answer);
        Some(answer)
    }

    pub(crate) async fn try_get(&self, path: &str) -> Option<Answer> {
        try_send(self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.token)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.try_get(path).await.expect("an answer")
    }

    pub(crate) async fn try_post(&self, path: &str, body: Value) -> Option<Answer> {
        try_send(self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.token).json(&body)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.try_post(path, body).await.expect("an answer")
    }

    /// Everybody's id by username, as an administrator sees them.
    pub(crate) async fn people(&self) -> BTreeMap<String, String> {
        let answer = self.get("/api/v1/users?limit=200").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        answer.json["items"].as_array().unwrap().iter().map(|u| (text(&u["username"]), text(&u["id"]))).collect()
    }

    /// All events, oldest first.
    pub(crate) async fn events(&self) -> Vec<Value> {
        let (mut events, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("/api/v1/audit/events?limit=200{cursor}")).await;
            assert_eq!(page.status, 200, "{}", page.text);
            events.extend(page.json["items"].as_array().unwrap().iter().cloned());
            match page.json["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        events.reverse();
        events
    }

    fn with_cookies(&self, method: Method, path: &str) -> RequestBuilder {
        let line: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.http.request(method, format!("{}{path}", self.base)).header("cookie", line.join("; "))
    }

    fn keep(&mut self, answer: &Answer) {
        for line in answer.headers.get_all(SET_COOKIE) {
            let line = line.to_str().unwrap();
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        if let Some(token) = answer.json["access_token"].as_str() {
            token.clone_into(&mut self.token);
        }
    }
}

/// `POST /password/reset`: chooses a password with a link's token.
pub(crate) async fn reset(base: &str, token: &str, password: &str) -> Answer {
    let body = json!({ "token": token, "new_password": password });
    send(http().post(format!("{base}/api/v1/password/reset")).json(&body)).await
}

/// The ids of the keys that a server publishes.
pub(crate) async fn published_keys(base: &str) -> Vec<String> {
    let answer = send(http().get(format!("{base}/.well-known/jwks.json"))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}
