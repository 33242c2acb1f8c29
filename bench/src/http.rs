//! A server process of the release build, and requests to it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use domain::refresh::RefreshToken;
use serde_json::{Value as Json, json};
use service::clock::{Clock, SystemClock};

use crate::Failure;
use crate::house::{self, KEK, PASSWORD};
use crate::measure::{since, wall};

/// The program beside this one.
pub(crate) fn program() -> Result<PathBuf, Failure> {
    let path = std::env::current_exe()?.with_file_name("bailiwick");
    if path.exists() { Ok(path) } else { Err("first: cargo build --release -p bailiwick".into()) }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> Result<u16, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// What a sign-in came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    /// `Retry-After`, seconds.
    pub(crate) retry_after: Option<u64>,
}

/// `bailiwick serve`, ended with this value.
pub(crate) struct Server {
    process: Child,
    port: u16,
    /// The port in the base URL: another node's, if there is more than one.
    named: u16,
    operations: u16,
    client: reqwest::Client,
}

impl Server {
    /// Starts it on a folder that a [`House`](crate::house::House) was built in.
    pub(crate) fn start(folder: &Path, port: u16) -> Result<Self, Failure> {
        Self::start_on(&folder.display().to_string(), port, port)
    }

    /// Starts a node on a database; `named` is the port in the base URL that all nodes share.
    pub(crate) fn start_on(location: &str, named: u16, port: u16) -> Result<Self, Failure> {
        let base = format!("http://localhost:{named}");
        let key = format!("{KEK:02x}").repeat(32);
        let operations = free_port()?;
        let process = Command::new(program()?)
            .arg("serve")
            .env("BAILIWICK__SERVER__BASE_URL", &base)
            .env("BAILIWICK__SERVER__LISTEN", format!("127.0.0.1:{port}"))
            .env("BAILIWICK__SERVER__OPERATIONS_LISTEN", format!("127.0.0.1:{operations}"))
            .env("BAILIWICK__SERVER__MAX_CONNECTIONS_PER_ADDRESS", "0")
            .env("BAILIWICK__DATABASE__LOCATION", location)
            .env("BAILIWICK__KEYS__ENCRYPTION_KEY", key)
            .env("BAILIWICK__LOG__LEVEL", "error")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { process, port, named, operations, client: reqwest::Client::builder().no_proxy().build()? })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits for the first answer; returns how many seconds that took.
    pub(crate) fn first_response(&self) -> Result<f64, Failure> {
        let start = wall();
        let request = format!(
            "GET /.well-known/jwks.json HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n\r\n",
            self.named
        );
        while since(start) < 20.0 {
            let mut answer = [0; 12];
            let asked = TcpStream::connect(("127.0.0.1", self.port)).and_then(|mut socket| {
                socket.write_all(request.as_bytes())?;
                socket.read_exact(&mut answer)
            });
            if asked.is_ok() && &answer == b"HTTP/1.1 200" {
                return Ok(since(start));
            }
            std::thread::park_timeout(Duration::from_micros(500));
        }
        Err("the server does not answer".into())
    }

    /// A connection of its own.
    pub(crate) fn line(&self) -> Result<Line, Failure> {
        let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(1).build()?;
        Ok(Line { client, base: format!("http://localhost:{}", self.port), host: format!("localhost:{}", self.named) })
    }

    fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }

    /// Exchanges a refresh token.
    pub(crate) async fn refresh(&self, token: &RefreshToken) -> Result<(), Failure> {
        let cookie = format!("__Host-bailiwick-refresh={}", token.expose());
        let request = self.client.post(self.url("/api/v1/session/refresh")).header("Cookie", cookie);
        let response = request.header("Content-Type", "application/json").body("{}").send().await?;
        let status = response.status();
        let text = response.text().await?;
        if status == 200 { Ok(()) } else { Err(format!("refresh: {status} {text}").into()) }
    }

    /// Signs in: the password, and the second factor where it is owed.
    pub(crate) async fn sign_in(&self, person: &str) -> Result<Answered, Failure> {
        let body = json!({ "identifier": person, "password": PASSWORD, "audience": "clinic" });
        let (answered, text) = self.post("/api/v1/sign-in", &body).await?;
        let answer: Json = serde_json::from_str(&text)?;
        if answer["outcome"] != "second_factor" {
            return Ok(answered);
        }
        let code = house::code(person, SystemClock.now()).expose();
        let body = json!({ "transaction": answer["transaction"], "method": "totp", "code": code });
        Ok(self.post("/api/v1/sign-in/second-factor", &body).await?.0)
    }

    async fn post(&self, path: &str, body: &Json) -> Result<(Answered, String), Failure> {
        let response = self.client.post(self.url(path)).json(body).send().await?;
        let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let answered = Answered { status: response.status().as_u16(), retry_after };
        Ok((answered, response.text().await?))
    }

    /// Whether the operations listener says that it lives; in how many milliseconds.
    pub(crate) async fn health(&self) -> Result<f64, Failure> {
        let start = wall();
        let response = self.client.get(format!("http://localhost:{}/healthz", self.operations)).send().await?;
        let status = response.status();
        response.bytes().await?;
        if status == 200 { Ok(since(start) * 1e3) } else { Err(format!("health: {status}").into()) }
    }

    /// Resident memory in MiB, and its part that no file stands behind.
    pub(crate) fn memory(&self) -> Result<(f64, f64), Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|rest| rest.split_ascii_whitespace().next()).and_then(|n| n.parse::<f64>().ok());
            kib.map(|kib| kib / 1024.0).ok_or_else(|| Failure::from(format!("no {name}")))
        };
        Ok((field("VmRSS:")?, field("RssAnon:")?))
    }
}

/// One connection to one node.
pub(crate) struct Line {
    client: reqwest::Client,
    base: String,
    host: String,
}

impl Line {
    /// Exchanges a refresh token; returns the access token.
    pub(crate) async fn refresh(&self, token: &RefreshToken) -> Result<String, Failure> {
        let cookie = format!("__Host-bailiwick-refresh={}", token.expose());
        let request = self.client.post(format!("{}/api/v1/session/refresh", self.base)).header("Cookie", cookie);
        let answer = self.answer(request.header("Content-Type", "application/json").body("{}")).await?;
        let answer: Json = serde_json::from_str(&answer)?;
        Ok(answer["access_token"].as_str().unwrap_or_default().to_owned())
    }

    /// Asks about an access token (RFC 7662); fails unless it is active.
    pub(crate) async fn introspect(&self, (id, secret): (&str, &str), token: &str) -> Result<(), Failure> {
        let request = self.client.post(format!("{}/oauth/introspect", self.base)).basic_auth(id, Some(secret));
        let request =
            request.header("Content-Type", "application/x-www-form-urlencoded").body(format!("token={token}"));
        let answer: Json = serde_json::from_str(&self.answer(request).await?)?;
        if answer["active"] == true { Ok(()) } else { Err(format!("introspection: {answer}").into()) }
    }

    /// A request that reads nothing and signs nothing: the published keys.
    pub(crate) async fn bare(&self) -> Result<(), Failure> {
        self.answer(self.client.get(format!("{}/.well-known/jwks.json", self.base))).await?;
        Ok(())
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<String, Failure> {
        let response = request.header("Host", &self.host).send().await?;
        let status = response.status();
        let text = response.text().await?;
        if status == 200 { Ok(text) } else { Err(format!("{status} {text}").into()) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // As an operator would: so that the database is closed in order.
        if let Some(id) = i32::try_from(self.process.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        }
        let _ = self.process.wait();
    }
}
