//! A client with a cookie jar and a bearer, as browsers and scripts are.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::app::{HOST, TestApp};

/// A client. A clone has a jar of its own: a second tab that goes its own way.
#[derive(Clone)]
pub struct Browser {
    app: TestApp,
    realm: String,
    /// The jar: all our cookies have `Path=/`.
    pub cookies: BTreeMap<String, String>,
    /// Sent as `Authorization: Bearer`.
    pub bearer: Option<String>,
    /// Sent with every request.
    pub headers: BTreeMap<String, String>,
    /// The socket's other end.
    pub address: SocketAddr,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The problem's code; empty if it is none.
    #[must_use]
    pub fn code(&self) -> String {
        let body: Value = serde_json::from_str(&self.text).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }

    /// A header; empty if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// The lines of `Set-Cookie`.
    #[must_use]
    pub fn set_cookies(&self) -> Vec<&str> {
        self.headers.get_all(header::SET_COOKIE).iter().map(|line| line.to_str().expect("text")).collect()
    }

    /// What may not differ within a class (2.3): status, body and headers without the request's id and the nonce.
    #[must_use]
    pub fn observable(&self) -> String {
        let mut headers: Vec<String> = self
            .headers
            .iter()
            .filter(|(name, _)| *name != "x-request-id")
            .map(|(name, value)| format!("{name}: {}", self.without_marks(value.to_str().expect("text"))))
            .collect();
        headers.sort();
        format!("{}\n{}\n\n{}", self.status, headers.join("\n"), self.unmarked())
    }

    /// The body without what is made anew for each answer: the request's id, and the nonce of a page.
    #[must_use]
    pub fn unmarked(&self) -> String {
        self.without_marks(&self.text)
    }

    fn without_marks(&self, text: &str) -> String {
        let nonce = self.header("content-security-policy").split_once("'nonce-");
        let nonce = nonce.and_then(|(_, rest)| rest.split('\'').next()).unwrap_or_default();
        let marks = [(self.header("x-request-id"), "ID"), (nonce, "NONCE")];
        let marks = marks.into_iter().filter(|(mark, _)| !mark.is_empty());
        marks.fold(text.to_owned(), |text, (mark, name)| text.replace(mark, name))
    }

    /// The value of a hidden field of a form.
    #[must_use]
    pub fn hidden(&self, name: &str) -> String {
        let mark = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.text.split_once(&mark).unwrap_or_else(|| panic!("no field {name} in {}", self.text));
        rest.split('"').next().expect("a value").to_owned()
    }

    /// Fails the test unless the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}

/// A request that is being put together.
pub struct Call<'b> {
    browser: &'b mut Browser,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Body,
    bearer: bool,
    cookies: bool,
}

impl Call<'_> {
    /// Adds a header; one of the same name that every request has is replaced.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("a name");
        self.headers.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
        self
    }

    /// A JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.text("application/json", body.to_string())
    }

    /// A body of any type.
    #[must_use]
    pub fn text(self, content_type: &str, body: impl Into<Body>) -> Self {
        let mut call = self.header("content-type", content_type);
        call.body = body.into();
        call
    }

    /// A body of no type.
    #[must_use]
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// Without the bearer.
    #[must_use]
    pub fn without_bearer(mut self) -> Self {
        self.bearer = false;
        self
    }

    /// Without the jar.
    #[must_use]
    pub fn without_cookies(mut self) -> Self {
        self.cookies = false;
        self
    }

    /// Sends it, and takes over what the answer sets.
    pub async fn send(self) -> Answer {
        let Self { browser, method, path, headers, body, bearer, cookies } = self;
        let uri = format!("{}{path}", browser.base());
        let mut request = Request::builder().method(method).uri(uri).body(body).expect("a request");
        let out = request.headers_mut();
        let usual = browser.headers.iter().map(|(name, value)| (name.clone(), value.clone()));
        let mut usual: Vec<(String, String)> = usual.chain([("host".to_owned(), HOST.to_owned())]).collect();
        if let Some(token) = browser.bearer.as_ref().filter(|_| bearer) {
            usual.push(("authorization".to_owned(), format!("Bearer {token}")));
        }
        if cookies && !browser.cookies.is_empty() {
            let pairs: Vec<String> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            usual.push(("cookie".to_owned(), pairs.join("; ")));
        }
        for (name, value) in usual.into_iter().filter(|(name, _)| !headers.contains_key(name.as_str())) {
            let name: HeaderName = name.parse().expect("a name");
            out.insert(name, value.parse().expect("a value"));
        }
        out.extend(headers);
        request.extensions_mut().insert(ConnectInfo(browser.address));
        let response = browser.app.answer(request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a whole body").to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let answer = Answer { status: parts.status.as_u16(), headers: parts.headers, text };
        browser.take_over(&answer);
        answer
    }
}

impl Browser {
    pub(crate) fn new(app: &TestApp, realm: &str) -> Self {
        Self {
            app: app.clone(),
            realm: realm.to_owned(),
            cookies: BTreeMap::new(),
            bearer: None,
            headers: BTreeMap::from([("user-agent".to_owned(), "testkit/1".to_owned())]),
            address: "192.0.2.7:50000".parse().expect("an address"),
        }
    }

    /// The same client at another node.
    #[must_use]
    pub fn at(&self, node: &TestApp) -> Self {
        Self { app: node.clone(), ..self.clone() }
    }

    /// `""` for main, `/realms/x` for x.
    #[must_use]
    pub fn base(&self) -> String {
        if self.realm == "main" { String::new() } else { format!("/realms/{}", self.realm) }
    }

    /// The full name of a cookie: `session`, `refresh`, `flow`.
    #[must_use]
    pub fn cookie_name(&self, short: &str) -> String {
        let name = format!("__Host-bailiwick-{short}");
        if self.realm == "main" { name } else { format!("{name}.{}", self.realm) }
    }

    /// The value of a cookie in the jar.
    #[must_use]
    pub fn cookie(&self, short: &str) -> Option<String> {
        self.cookies.get(&self.cookie_name(short)).cloned()
    }

    /// Puts a cookie into the jar.
    pub fn set_cookie(&mut self, short: &str, value: &str) {
        self.cookies.insert(self.cookie_name(short), value.to_owned());
    }

    fn take_over(&mut self, answer: &Answer) {
        for line in answer.set_cookies() {
            let (pair, rest) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = pair.split_once('=').expect("a cookie");
            if rest.contains("Max-Age=0;") {
                self.cookies.remove(name);
            } else {
                self.app.remember(value);
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        self.remember(&body);
        if let Some(token) = body["access_token"].as_str() {
            self.app.remember(token);
            self.bearer = Some(token.to_owned());
        }
    }

    /// What holds a sign-in in progress, seeds and recovery codes.
    fn remember(&self, body: &Value) {
        for name in ["transaction", "secret", "replacement_recovery_code"] {
            body[name].as_str().into_iter().for_each(|secret| self.app.remember(secret));
        }
        if let Some((_, handle)) = body["continue_url"].as_str().and_then(|url| url.split_once("handle=")) {
            self.app.remember(handle);
        }
        for code in body["recovery_codes"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            self.app.remember(code);
        }
    }

    /// Begins a request.
    pub fn call(&mut self, method: Method, path: &str) -> Call<'_> {
        let path = path.to_owned();
        let (headers, body) = (HeaderMap::new(), Body::empty());
        Call { browser: self, method, path, headers, body, bearer: true, cookies: true }
    }

    /// `GET`.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.call(Method::GET, path).send().await
    }

    /// `POST` with a JSON body.
    pub async fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path).json(body).send().await
    }

    /// `PATCH` in a version: the `ETag` that was read.
    pub async fn patch(&mut self, path: &str, version: &str, body: &Value) -> Answer {
        self.call(Method::PATCH, path).header("if-match", version).json(body).send().await
    }

    /// `PUT` in a version.
    pub async fn put(&mut self, path: &str, version: &str, body: &Value) -> Answer {
        self.call(Method::PUT, path).header("if-match", version).json(body).send().await
    }

    /// `DELETE` in a version.
    pub async fn delete_in(&mut self, path: &str, version: &str) -> Answer {
        self.call(Method::DELETE, path).header("if-match", version).send().await
    }

    /// The version that a resource is in, as `If-Match` says it.
    pub async fn version(&mut self, path: &str) -> String {
        self.get(path).await.expect(200).header("etag").to_owned()
    }

    /// `PUT` in the version that is there now.
    pub async fn put_now(&mut self, path: &str, of: &str, body: &Value) -> Answer {
        let version = self.version(of).await;
        self.put(path, &version, body).await
    }

    /// `POST` without a body.
    pub async fn post_empty(&mut self, path: &str) -> Answer {
        self.call(Method::POST, path).send().await
    }

    /// `DELETE`.
    pub async fn delete(&mut self, path: &str) -> Answer {
        self.call(Method::DELETE, path).send().await
    }

    /// `POST` of a form.
    pub async fn form(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.call(Method::POST, path).text("application/x-www-form-urlencoded", encode(fields)).send().await
    }

    /// Signs in with a seeded password; fails the test if that does not work.
    #[track_caller]
    pub fn sign_in<'b>(&'b mut self, username: &'b str) -> impl Future<Output = Answer> + 'b {
        let password = self.app.password(&self.realm, username);
        async move { self.sign_in_with(username, &password).await.expect(200) }
    }

    /// Tries to sign in.
    pub async fn sign_in_with(&mut self, identifier: &str, password: &str) -> Answer {
        let first = self.begin_sign_in(identifier, password).await;
        self.finish_sign_in(identifier, first).await
    }

    /// The password step alone.
    pub async fn begin_sign_in(&mut self, identifier: &str, password: &str) -> Answer {
        self.app.remember(password);
        let body = json!({ "identifier": identifier, "password": password });
        self.call(Method::POST, "/api/v1/sign-in").without_bearer().json(&body).send().await
    }

    /// Does what is owed after the password: a seeded person's second factor, or binding one.
    async fn finish_sign_in(&mut self, username: &str, first: Answer) -> Answer {
        let body: Value = serde_json::from_str(&first.text).unwrap_or_default();
        let transaction = body["transaction"].as_str().unwrap_or_default().to_owned();
        match body["outcome"].as_str() {
            Some("second_factor") => {
                let code = self.app.code(&self.realm, username);
                let body = json!({ "transaction": transaction, "method": "totp", "code": code });
                self.call(Method::POST, "/api/v1/sign-in/second-factor").without_bearer().json(&body).send().await
            }
            Some("enrol_factor") => {
                let begun = json!({ "transaction": transaction });
                let shown = self.call(Method::POST, "/api/v1/sign-in/totp").without_bearer().json(&begun).send().await;
                let secret = shown.expect(200).json()["secret"].as_str().expect("a secret").to_owned();
                let seed = domain::totp::Seed::parse(&secret).expect("base32");
                let code = seed.code(domain::totp::step_of(self.app.db.now())).expose();
                let body = json!({ "transaction": transaction, "code": code });
                self.call(Method::POST, "/api/v1/sign-in/totp/confirm").without_bearer().json(&body).send().await
            }
            _ => first,
        }
    }

    /// Proves again who it is, with a seeded second factor.
    pub async fn step_up(&mut self, username: &str) -> Answer {
        let code = self.app.code(&self.realm, username);
        self.post("/api/v1/session/step-up", &json!({ "method": "totp", "code": code })).await
    }

    /// Signs in for an API.
    pub async fn sign_in_for(&mut self, username: &str, audience: &str) -> Answer {
        let password = self.app.password(&self.realm, username);
        let body = json!({ "identifier": username, "password": password, "audience": audience });
        let first = self.call(Method::POST, "/api/v1/sign-in").without_bearer().json(&body).send().await.expect(200);
        self.finish_sign_in(username, first).await.expect(200)
    }

    /// Refreshes with the cookie.
    pub async fn refresh(&mut self) -> Answer {
        self.call(Method::POST, "/api/v1/session/refresh").without_bearer().send().await
    }

    /// Refreshes with one refresh token and nothing else.
    pub async fn refresh_with(&mut self, token: &str) -> Answer {
        let line = format!("{}={token}", self.cookie_name("refresh"));
        let call = self.call(Method::POST, "/api/v1/session/refresh");
        call.without_bearer().header("cookie", &line).send().await
    }

    /// Gives a role in a unit.
    pub async fn give(&mut self, user: &str, role: &str, unit: &str) -> Answer {
        let body = json!({ "role": role, "unit": unit, "reason": "given by a test" });
        self.post(&format!("/api/v1/users/{user}/grants"), &body).await
    }

    /// The ids of somebody's grants that have not ended, newest first.
    pub async fn grants(&mut self, user: &str) -> Vec<String> {
        let list = self.get(&format!("/api/v1/users/{user}/grants")).await.expect(200).json();
        let items = list["items"].as_array().expect("items").iter().filter(|grant| grant["ended_at"].is_null());
        items.map(|grant| grant["id"].as_str().expect("an id").to_owned()).collect()
    }

    /// Ends a grant.
    pub async fn end_grant(&mut self, user: &str, grant: &str) -> Answer {
        let body = json!({ "reason": "ended by a test" });
        self.post(&format!("/api/v1/users/{user}/grants/{grant}/end"), &body).await
    }

    /// Disables or enables an account.
    pub async fn set(&mut self, user: &str, what: &str) -> Answer {
        self.post(&format!("/api/v1/users/{user}/{what}"), &json!({ "reason": "said by a test" })).await
    }

    /// Chooses a password with a link.
    pub async fn choose(&mut self, link: &str, password: &str) -> Answer {
        self.app.remember(password);
        self.post("/api/v1/password/reset", &json!({ "token": link, "new_password": password })).await
    }

    /// Whose bearer it is, or why not.
    pub async fn me(&mut self) -> Answer {
        self.get("/api/v1/me").await
    }
}

/// `application/x-www-form-urlencoded`.
#[must_use]
pub fn encode(fields: &[(&str, &str)]) -> String {
    let escape = |text: &str| -> String {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        text.bytes().map(|b| if plain(b) { (b as char).to_string() } else { format!("%{b:02X}") }).collect()
    };
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    pairs.join("&")
}
