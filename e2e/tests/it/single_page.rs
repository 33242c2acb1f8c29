//! Applications in the browser that sign in by themselves: behind the same origin, on a listed origin of the same site, and of another site.
//!
//! Three host names under two registrable names, over TLS: Chromium is told that all of them are here.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse as _, Response};
use axum_server::tls_rustls::RustlsConfig;
use serde_json::{Value, json};
use testkit::Folder;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::browser::{Browser, with};
use crate::demo::{http, program};

const SERVER: &str = "https://id.hospital.example";
const SIBLING: &str = "https://app.hospital.example";
const OTHER_SITE: &str = "https://app.evil.example";
const PASSWORD: &str = "a quiet harbour at dawn";

/// What a request for the server brought along, and what it was answered.
#[derive(Clone, Debug)]
struct Seen {
    call: String,
    cookies: String,
    status: u16,
}

/// `serve` behind a proxy that ends TLS, and applications beside it.
struct Hospital {
    _server: Child,
    folder: Folder,
    arguments: Vec<String>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// What the proxy knows.
#[derive(Clone)]
struct Proxy {
    client: reqwest::Client,
    behind: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// The application: one function, called by the test.
const APPLICATION: &str =
    "<!doctype html><html lang=en><title>Ward board</title><link rel=icon href='data:,'><h1>Ward board</h1><script>
async function call(path, { method = 'POST', body, token, mode } = {}) {
  const headers = {};
  if (body) headers['Content-Type'] = 'application/json';
  if (token) headers.Authorization = 'Bearer ' + token;
  try {
    const response = await fetch('https://id.hospital.example/api/v1' + path,
      { method, mode, headers, credentials: 'include', body: body && JSON.stringify(body) });
    const text = response.type === 'opaque' ? '' : await response.text();
    return { status: response.status, type: response.type, body: text && JSON.parse(text) };
  } catch (error) { return { error: String(error) }; }
}
</script>";

async fn answer(State(proxy): State<Proxy>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let named = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = parts.uri.host().or(named).unwrap_or("").to_owned();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    if host != "id.hospital.example" || path.starts_with("/board") {
        return Html(APPLICATION).into_response();
    }
    let mut headers = parts.headers;
    headers.remove(header::CONNECTION);
    let cookies =
        headers.get_all(header::COOKIE).iter().map(|line| line.to_str().unwrap()).collect::<Vec<_>>().join("; ");
    headers.remove(header::HOST);
    headers.insert(header::HOST, "id.hospital.example".parse().unwrap());
    let call = format!("{} {path}", parts.method);
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let onward = proxy.client.request(parts.method, format!("{}{path}", proxy.behind)).headers(headers).body(body);
    let answered = onward.send().await.unwrap();
    let (status, mut headers): (_, HeaderMap) = (answered.status(), answered.headers().clone());
    proxy.seen.lock().unwrap().push(Seen { call, cookies, status: status.as_u16() });
    headers.remove(header::TRANSFER_ENCODING);
    headers.remove(header::CONNECTION);
    let mut response = Response::new(Body::from(answered.bytes().await.unwrap()));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Ends TLS for all three names; the port.
async fn proxy(behind: String, seen: Arc<Mutex<Vec<Seen>>>) -> u16 {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let names = ["id.hospital.example", "app.hospital.example", "app.evil.example"].map(ToOwned::to_owned);
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let pem = (made.cert.pem().into_bytes(), made.signing_key.serialize_pem().into_bytes());
    let config = RustlsConfig::from_pem(pem.0, pem.1).await.unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let routes = axum::Router::new().fallback(answer).with_state(Proxy { client: http(), behind, seen });
    let server = axum_server::from_tcp_rustls(listener, config).unwrap();
    tokio::spawn(server.serve(routes.into_make_service()));
    port
}

impl Hospital {
    /// The server, with somebody who may sign in.
    async fn open() -> Self {
        let (folder, port) = (Folder::new(), free_port());
        let configuration = format!(
            "[server]\nbase_url = \"{SERVER}\"\nlisten = \"127.0.0.1:{port}\"\noperations_listen = \"127.0.0.1:0\"\n\
             tls_proxy = true\norigins = \"{SIBLING}\"\n[database]\nlocation = \"data\"\n[keys]\nrsa_bits = 2048\n\
             [passwords]\nmemory_kib = 12288\npasses = 3\n[log]\nlevel = \"warn\"\n"
        );
        std::fs::write(folder.path().join("bailiwick.toml"), configuration).unwrap();
        run(&folder, &["init", "--profile", "healthcare"]).await;
        let made = run(&folder, &["user", "create", "nurse.joy", "--display-name", "Joy Almedal"]).await;
        let token = made["invitation_url"].as_str().unwrap().split_once("token=").unwrap().1.to_owned();
        let mut command = bailiwick(&folder, &["serve"]);
        let mut server = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
        loop {
            let line = tokio::time::timeout(Duration::from_secs(90), lines.next_line()).await.expect("it starts");
            let line = line.unwrap().expect("it serves");
            if line.contains("serving") {
                break;
            }
        }
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                assert!(!line.contains("panicked"), "{line}");
            }
        });
        let behind = format!("http://127.0.0.1:{port}");
        let chosen = json!({ "token": token, "new_password": PASSWORD });
        let reset = http().post(format!("{behind}/api/v1/password/reset")).header("host", "id.hospital.example");
        assert_eq!(reset.json(&chosen).send().await.unwrap().status(), 204);

        let seen = Arc::new(Mutex::new(Vec::new()));
        let port = proxy(behind, Arc::clone(&seen)).await;
        let rules = ["id.hospital.example", "app.hospital.example", "app.evil.example"]
            .map(|name| format!("MAP {name}:443 127.0.0.1:{port}"));
        let arguments =
            vec![format!("--host-resolver-rules={}", rules.join(", ")), "--ignore-certificate-errors".to_owned()];
        Self { _server: server, folder, arguments, seen }
    }

    /// Calls for the server since it was asked last.
    fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }

    /// All sessions, and what was ever audited.
    fn state(&self) -> (Vec<String>, Vec<String>) {
        let database = rusqlite::Connection::open(self.folder.path().join("data/bailiwick.db")).unwrap();
        database.busy_timeout(Duration::from_secs(20)).unwrap();
        let all = |text: &str| {
            let mut query = database.prepare(text).unwrap();
            query.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap).collect()
        };
        (
            all("SELECT hex(id) || hex(secret_hash) || idle_at || ifnull(ended_reason, '') FROM session ORDER BY id"),
            all("SELECT type FROM audit_event ORDER BY position"),
        )
    }
}

fn bailiwick(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").current_dir(folder.path());
    command.args(arguments).args(["--config", "bailiwick.toml"]).stdin(Stdio::null()).kill_on_drop(true);
    command
}

async fn run(folder: &Folder, arguments: &[&str]) -> Value {
    let output = bailiwick(folder, arguments).arg("--json").output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A port for a server that is told its own. Clients draw theirs from 32768 up (Linux), so nobody takes it meanwhile.
fn free_port() -> u16 {
    let offset = std::process::id() * 13 % 20_000;
    let ports = (0..20_000).map(|step| u16::try_from(10_000 + (offset + step) % 20_000).unwrap());
    ports.into_iter().find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port")
}

/// Has the application on the page call the server.
async fn call(browser: &Browser, path: &str, options: Value) -> Value {
    let script = "const [path, options, done] = arguments; call(path, options).then(done)";
    browser.driver.execute_async(script, vec![json!(path), options]).await.unwrap().json().clone()
}

fn credentials() -> Value {
    json!({ "body": { "identifier": "nurse.joy", "password": PASSWORD, "device_label": "Ward board" } })
}

/// Signs in, refreshes by cookie, calls with the token, signs out.
async fn whole_life(browser: &Browser, hospital: &Hospital) {
    let signed_in = call(browser, "/sign-in", credentials()).await;
    assert_eq!(signed_in["status"], 200, "{signed_in}");
    assert_eq!(signed_in["body"]["outcome"], "signed_in");
    let session = signed_in["body"]["session_id"].clone();
    assert_eq!(browser.evaluate("return document.cookie").await, "", "no script reads our cookies");

    let refreshed = call(browser, "/session/refresh", json!({ "body": { "active": true } })).await;
    assert_eq!(refreshed["status"], 200, "{refreshed}");
    let token = refreshed["body"]["access_token"].clone();
    let me = call(browser, "/me", json!({ "method": "GET", "token": token })).await;
    assert_eq!(me["body"]["username"], "nurse.joy", "{me}");
    let sessions = call(browser, "/me/sessions", json!({ "method": "GET", "token": token })).await;
    let current = sessions["body"]["items"].as_array().unwrap().iter().find(|one| one["current"] == true).unwrap();
    assert_eq!((&current["id"], &current["device"]["label"]), (&session, &json!("Ward board")), "{sessions}");
    // Without the token no cookie opens the API.
    let bare = call(browser, "/me", json!({ "method": "GET" })).await;
    assert_eq!(bare["body"]["code"], "not-signed-in", "{bare}");

    let out = call(browser, "/sign-out", json!({})).await;
    assert_eq!(out["status"], 204, "{out}");
    let late = call(browser, "/session/refresh", json!({})).await;
    assert_eq!(late["status"], 401, "{late}");
    let late = call(browser, "/me", json!({ "method": "GET", "token": token })).await;
    assert_eq!(late["body"]["code"], "not-signed-in", "{late}");

    let seen = hospital.seen();
    let refresh = seen.iter().find(|seen| seen.call == "POST /api/v1/session/refresh").unwrap();
    assert!(refresh.cookies.contains("__Host-bailiwick-refresh="), "{refresh:?}");
}

#[tokio::test]
async fn in_the_browser_an_application_behind_the_same_origin_signs_in_and_out() {
    let hospital = Hospital::open().await;
    with(&[&hospital.arguments], async |browsers: &[Browser]| {
        browsers[0].expects("status of 401");
        browsers[0].open(&format!("{SERVER}/board/")).await;

        whole_life(&browsers[0], &hospital).await;

        let (_, events) = hospital.state();
        assert!(!events.iter().any(|kind| kind == "malicious_csrf"), "{events:?}");
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_an_application_on_a_listed_sibling_origin_signs_in_and_out() {
    let hospital = Hospital::open().await;
    with(&[&hospital.arguments], async |browsers: &[Browser]| {
        browsers[0].expects("status of 401");
        browsers[0].open(SIBLING).await;

        whole_life(&browsers[0], &hospital).await;

        let (_, events) = hospital.state();
        assert!(!events.iter().any(|kind| kind == "malicious_csrf"), "{events:?}");
    })
    .await;
}

#[tokio::test]
async fn in_the_browser_an_application_of_another_site_is_refused_and_changes_nothing() {
    let hospital = Hospital::open().await;
    with(&[&hospital.arguments], async |browsers: &[Browser]| {
        let browser = &browsers[0];
        browser.expects("blocked by CORS policy");
        browser.expects("Failed to load resource");
        // Somebody is signed in at the server, in this very browser.
        browser.open(SIBLING).await;
        assert_eq!(call(browser, "/sign-in", credentials()).await["status"], 200);
        let before = hospital.state();
        hospital.seen();

        browser.open(OTHER_SITE).await;
        for (path, options) in [
            // The browser asks first, and is not answered as it wants.
            ("/sign-in", credentials()),
            ("/session/refresh", json!({ "body": { "active": true } })),
            // It does not ask before these.
            ("/session/refresh", json!({})),
            ("/session/refresh", json!({ "mode": "no-cors" })),
            ("/sign-out", json!({ "mode": "no-cors" })),
            ("/sign-out/everywhere", json!({ "mode": "no-cors" })),
        ] {
            let answer = call(browser, path, options).await;
            assert!(answer["error"].is_string() || answer["type"] == "opaque", "{path}: {answer}");
        }

        let seen = hospital.seen();
        let posts: Vec<&Seen> = seen.iter().filter(|seen| seen.call.starts_with("POST")).collect();
        assert_eq!(posts.len(), 4, "{seen:#?}");
        for post in &posts {
            assert_eq!(post.status, 403, "{post:?}");
        }
        assert!(seen.iter().all(|seen| seen.cookies.is_empty()), "no cookie goes along: {seen:#?}");
        let after = hospital.state();
        assert_eq!(after.0, before.0, "no session was touched");
        let new = &after.1[before.1.len()..];
        assert!(!new.is_empty() && new.iter().all(|kind| kind == "malicious_csrf"), "{new:?}");

        browser.open(SIBLING).await;
        let refreshed = call(browser, "/session/refresh", json!({})).await;
        assert_eq!(refreshed["status"], 200, "the session goes on: {refreshed}");
    })
    .await;
}
