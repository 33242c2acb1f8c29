//! The program, started and asked.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use reqwest::{Client, StatusCode};
use serde_json::Value;

use crate::body;

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clinic"));
    command.current_dir(folder).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program, which must end at once with code 1, nothing on stdout and one line on stderr; that line.
pub(crate) fn fails(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder, arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

/// A clinic that runs until it is dropped.
pub(crate) struct Clinic {
    base: String,
    child: Child,
    errors: BufReader<ChildStderr>,
    client: Client,
}

impl Clinic {
    /// Starts it and reads where it listens from its first line.
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = command(folder, arguments).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let first: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?} is not the line of --json"));
        let errors = BufReader::new(child.stderr.take().unwrap());
        let client = Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        Self { base: first["base_url"].as_str().unwrap().to_owned(), child, errors, client }
    }

    pub(crate) fn first_error_line(&mut self) -> String {
        let mut line = String::new();
        self.errors.read_line(&mut line).unwrap();
        line
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> (StatusCode, Value) {
        body(self.authorized(self.client.get(self.url(path)), token).send().await.unwrap()).await
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        self.client.get(self.url(path)).send().await.unwrap().text().await.unwrap()
    }

    /// The `Allow` of a GET that is not allowed.
    pub(crate) async fn allow(&self, path: &str) -> String {
        let response = self.client.get(self.url(path)).send().await.unwrap();
        response.headers()["allow"].to_str().unwrap().to_owned()
    }

    pub(crate) async fn post(&self, path: &str, token: &str, json: Option<Value>) -> (StatusCode, Value) {
        let mut request = self.authorized(self.client.post(self.url(path)), token);
        if let Some(json) = json {
            request = request.json(&json);
        }
        body(request.send().await.unwrap()).await
    }

    pub(crate) async fn post_raw(
        &self,
        path: &str,
        token: &str,
        content_type: &str,
        text: String,
    ) -> (StatusCode, Value) {
        let request = self.authorized(self.client.post(self.url(path)), token);
        body(request.header("content-type", content_type).body(text).send().await.unwrap()).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn authorized(&self, request: reqwest::RequestBuilder, token: &str) -> reqwest::RequestBuilder {
        if token.is_empty() { request } else { request.bearer_auth(token) }
    }
}

impl Drop for Clinic {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
