//! A folder with a configuration, set up by `init`, and the server that `serve` makes of it.

use std::path::Path;

use serde_json::Value;
use testkit::Folder;
use tokio::process::Command;

use crate::program::{BAILIWICK, Process, Said, command, copy, run};

/// An organisation's installation.
pub(crate) struct Site {
    folder: Folder,
    pub(crate) base: String,
    pub(crate) environment: Vec<(String, String)>,
}

/// A port for a server that must have the same one after a restart. Clients draw theirs from 32768 up (Linux), so nobody takes it meanwhile.
fn lasting_port() -> u16 {
    let offset = std::process::id() * 13 % 20_000;
    let ports = (0..20_000).map(|step| u16::try_from(10_000 + (offset + step) % 20_000).unwrap());
    ports.into_iter().find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port")
}

impl Site {
    /// A folder with a configuration and nothing else. Hashing is as cheap as the configuration lets it be.
    pub(crate) fn new(database: &str) -> Self {
        let port = lasting_port();
        let base = format!("http://localhost:{port}");
        let site = Self { folder: Folder::new(), base, environment: Vec::new() };
        let text = format!(
            "[server]\nbase_url = \"{}\"\nlisten = \"127.0.0.1:{port}\"\noperations_listen = \"127.0.0.1:0\"\n\
             [database]\nlocation = \"{database}\"\n[keys]\nrsa_bits = 2048\n[passwords]\nmemory_kib = 12288\npasses = 3\n\
             [log]\nlevel = \"warn\"\n",
            site.base
        );
        site.configure(&text);
        site
    }

    /// The embedded database, set up; and the link for the first administrator.
    pub(crate) async fn set_up() -> (Self, String) {
        let site = Self::new("data");
        let link = site.init().await;
        (site, link)
    }

    /// Set up, and the first administrator has chosen this password.
    pub(crate) async fn with_admin(password: &str) -> Self {
        let (site, link) = Self::set_up().await;
        let server = site.serve().await;
        choose(&site.base, &link, password).await;
        assert!(server.stop().await.success());
        site
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn configuration(&self) -> String {
        std::fs::read_to_string(self.path().join("bailiwick.toml")).unwrap()
    }

    pub(crate) fn configure(&self, text: &str) {
        std::fs::write(self.path().join("bailiwick.toml"), text).unwrap();
    }

    /// The same in a folder of its own.
    pub(crate) fn copied(&self) -> Self {
        let folder = Folder::new();
        copy(self.path(), folder.path());
        Self { folder, base: self.base.clone(), environment: self.environment.clone() }
    }

    /// `bailiwick init`; returns the link's token.
    pub(crate) async fn init(&self) -> String {
        let said = self.run(&["init", "--profile", "healthcare", "--json"]).await.json();
        assert_eq!(said["username"], "admin");
        token_of(&said["set_up_url"])
    }

    /// Runs a command with this configuration.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Said {
        let mut all = arguments.to_vec();
        all.extend(["--config", "bailiwick.toml"]);
        run(self.path(), &self.environment, &all).await
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(BAILIWICK, self.path(), &self.environment);
        command.args(arguments).args(["--config", "bailiwick.toml"]);
        command
    }

    /// `bailiwick serve`, once it serves.
    pub(crate) async fn serve(&self) -> Process {
        let mut server = Process::start(self.command(&["serve"]));
        server.says(&format!("serving {}", self.base)).await.unwrap_or_else(|said| panic!("{said:?}"));
        server
    }

    /// Makes somebody who has chosen this password.
    pub(crate) async fn person(&self, username: &str, password: &str) {
        let said = self.run(&["user", "create", username, "--display-name", username, "--json"]).await.json();
        choose(&self.base, &token_of(&said["invitation_url"]), password).await;
    }
}

/// The token in a link.
pub(crate) fn token_of(url: &Value) -> String {
    url.as_str().unwrap().split_once("token=").unwrap().1.trim().to_owned()
}

/// Chooses a password with a link's token.
pub(crate) async fn choose(base: &str, token: &str, password: &str) {
    let answer = crate::client::reset(base, token, password).await;
    assert_eq!(answer.status, 204, "{}", answer.text);
}
