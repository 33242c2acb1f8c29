//! Asks, and keeps the first success of each operation.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use serde_json::{Map, Value, json};
use testkit::browser::encode;
use testkit::{Answer, Browser, Contract, TestApp};

use crate::contract::sorted;

/// Lists of an example are cut to so many items.
const MOST_ITEMS: usize = 2;

/// What was asked and answered so far, by operation: `POST /api/v1/users`.
pub(super) struct Recorder {
    contract: Contract,
    all: BTreeMap<String, Value>,
}

impl Recorder {
    pub(super) fn new(app: &TestApp) -> Self {
        let contract = Contract::new(&web::service(app.app.clone(), app.config.clone()).web().openapi);
        Self { contract, all: BTreeMap::new() }
    }

    pub(super) const fn all(&self) -> &BTreeMap<String, Value> {
        &self.all
    }

    pub(super) fn text(&self) -> String {
        let sorted: BTreeMap<_, _> = self.all.iter().map(|(name, example)| (name, sorted(example.clone()))).collect();
        serde_json::to_string_pretty(&sorted).unwrap() + "\n"
    }

    pub(super) async fn get(&mut self, browser: &mut Browser, path: &str) -> Value {
        self.ask(browser, Method::GET, path, &[], None).await
    }

    pub(super) async fn post(&mut self, browser: &mut Browser, path: &str, body: Value) -> Value {
        self.ask(browser, Method::POST, path, &[], Some(body)).await
    }

    /// `POST` without a body.
    pub(super) async fn act(&mut self, browser: &mut Browser, path: &str) -> Value {
        self.ask(browser, Method::POST, path, &[], None).await
    }

    pub(super) async fn put(&mut self, browser: &mut Browser, path: &str, body: Value) -> Value {
        self.ask(browser, Method::PUT, path, &[], Some(body)).await
    }

    pub(super) async fn delete(&mut self, browser: &mut Browser, path: &str) -> Value {
        self.ask(browser, Method::DELETE, path, &[], None).await
    }

    /// A change in the version that `of` has now.
    pub(super) async fn change(
        &mut self,
        browser: &mut Browser,
        call: (Method, &str),
        of: &str,
        body: Option<Value>,
    ) -> Value {
        let tag = browser.get(of).await.expect(200).header("etag").to_owned();
        self.ask(browser, call.0, call.1, &[("if-match", &tag)], body).await
    }

    /// Asks, keeps a success, and gives the answer's body. Anything but a success fails the test.
    pub(super) async fn ask(
        &mut self,
        browser: &mut Browser,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Value {
        let mut call = browser.call(method.clone(), path);
        for (name, value) in headers {
            call = call.header(name, value);
        }
        if let Some(body) = &body {
            call = call.json(body);
        }
        let answer = call.send().await;
        self.keep(&method, path, &answer, || example(path, headers, body.as_ref(), &answer))
    }

    /// A form of OAuth with credentials.
    pub(super) async fn form(
        &mut self,
        browser: &mut Browser,
        path: &str,
        authorization: &str,
        fields: &[(&str, &str)],
    ) -> Value {
        let call = browser.call(Method::POST, path).header("authorization", authorization);
        let answer = call.text("application/x-www-form-urlencoded", encode(fields)).send().await;
        self.keep(&Method::POST, path, &answer, || {
            let mut example = example(path, &[], None, &answer);
            let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).into()));
            example["request"]["form"] = fields.map(|(name, value)| (name.clone(), shortened(&name, value))).collect();
            example
        })
    }

    fn keep(&mut self, method: &Method, path: &str, answer: &Answer, example: impl FnOnce() -> Value) -> Value {
        assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
        let (template, _) =
            self.contract.operation(method, path).unwrap_or_else(|| panic!("{method} {path} is no operation"));
        let name = format!("{method} {template}");
        let result = serde_json::from_str(&answer.text).unwrap_or(Value::Null);
        self.all.entry(name).or_insert_with(example);
        result
    }
}

fn example(path: &str, headers: &[(&str, &str)], body: Option<&Value>, answer: &Answer) -> Value {
    let mut request = json!({ "path": path });
    // Whose credentials they were is not the example's business.
    let named = headers.iter().filter(|(name, _)| *name == "if-match");
    let sent: Map<String, Value> = named.map(|(_, value)| ("If-Match".to_owned(), (*value).into())).collect();
    if !sent.is_empty() {
        request["headers"] = sent.into();
    }
    if let Some(body) = body {
        request["body"] = shortened("", body.clone());
    }
    let mut answered = json!({ "status": answer.status });
    for (name, header) in [("ETag", "etag"), ("Location", "location")] {
        if !answer.header(header).is_empty() {
            answered["headers"][name] = answer.header(header).into();
        }
    }
    if let Ok(body) = serde_json::from_str(&answer.text) {
        answered["body"] = shortened("", body);
    }
    json!({ "request": request, "answer": answered })
}

/// Long lists and texts are cut.
fn shortened(name: &str, value: Value) -> Value {
    match value {
        // This document in itself would have no end.
        Value::Object(members) if members.contains_key("openapi") => {
            json!({ "openapi": members["openapi"], "info": members["info"] })
        }
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, value)| (name.clone(), shortened(&name, value))).collect())
        }
        Value::Array(items) => items.into_iter().take(MOST_ITEMS).map(|item| shortened(name, item)).collect(),
        Value::String(text) if ["access_token", "token", "qr_svg", "n"].contains(&name) => {
            Value::String(text.chars().take(40).chain(['…']).collect())
        }
        other => other,
    }
}

/// Where two examples differ in what stays the same from run to run: members, and the kinds of their values. Nothing there is like anything.
pub(super) fn difference(kept: &Value, asked: &Value) -> Option<String> {
    match (kept, asked) {
        (Value::Null, _) | (_, Value::Null) => None,
        (Value::Object(kept), Value::Object(asked)) => {
            let names = |members: &Map<String, Value>| members.keys().cloned().collect::<BTreeSet<_>>();
            if names(kept) != names(asked) {
                return Some(format!("{:?} and {:?}", names(kept), names(asked)));
            }
            kept.iter().find_map(|(name, value)| difference(value, &asked[name]).map(|what| format!("{name}: {what}")))
        }
        (Value::Array(kept), Value::Array(asked)) => {
            kept.iter().zip(asked).find_map(|(kept, asked)| difference(kept, asked))
        }
        (Value::String(_), Value::String(_))
        | (Value::Bool(_), Value::Bool(_))
        | (Value::Number(_), Value::Number(_)) => None,
        _ => Some(format!("{kept} and {asked}")),
    }
}
