//! The command line, and whom to trust: what is given, and for the rest what `bailiwick demo` left in its folder.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

/// A small resource server behind Bailiwick's guard.
///
/// Without arguments it trusts the `bailiwick demo` that was started in this folder.
#[derive(clap::Parser, Debug)]
#[command(name = "clinic", version)]
pub(crate) struct Options {
    /// The realm's issuer URL [default: the demo's, else http://localhost:8080]
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// Which API this is [default: clinic, with --profile agency: agency]
    #[arg(long)]
    pub(crate) audience: Option<String>,
    /// The API's own credentials, for revocations and the roles catalogue [default: the demo's]
    #[arg(long, requires = "client_secret")]
    pub(crate) client_id: Option<String>,
    /// Belongs to --client-id
    #[arg(long, requires = "client_id")]
    pub(crate) client_secret: Option<String>,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    pub(crate) listen: SocketAddr,
    /// Print {"base_url"} as the first line, for programs
    #[arg(long)]
    pub(crate) json: bool,
    /// Which application to play
    #[arg(long, value_enum, default_value = "healthcare")]
    pub(crate) profile: Profile,
    /// The folder of `bailiwick demo`
    #[arg(long, value_name = "FOLDER", default_value = ".bailiwick-demo")]
    pub(crate) data: PathBuf,
}

/// The two applications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Profile {
    /// Charts, prescriptions, results
    #[value(alias = "clinic")]
    Healthcare,
    /// Insurance policies
    Agency,
}

/// Whom to trust, and as which API.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Trust {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
}

/// Why it is not known whom to trust.
#[derive(Debug)]
pub(crate) enum NoTrust {
    NoFile(PathBuf, std::io::Error),
    BrokenFile(PathBuf, serde_json::Error),
    NoSuchApi(PathBuf, String),
}

impl fmt::Display for NoTrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ways_out = "start `cargo run --release -- demo` in this folder first, or give --issuer, --client-id and --client-secret";
        match self {
            Self::NoFile(path, error) => write!(f, "no credentials in {}: {error}; {ways_out}", path.display()),
            Self::BrokenFile(path, error) => write!(f, "{} cannot be read: {error}; {ways_out}", path.display()),
            Self::NoSuchApi(path, audience) => {
                write!(f, "{} has no API {audience}: is the demo of the same --profile? Or {ways_out}", path.display())
            }
        }
    }
}

impl std::error::Error for NoTrust {}

/// `credentials.json` as the demo writes it.
#[derive(Deserialize)]
struct Credentials {
    issuer: String,
    apis: Vec<Api>,
}

#[derive(Deserialize)]
struct Api {
    audience: String,
    client_id: String,
    client_secret: String,
}

impl Options {
    /// Whom to trust: the arguments, and where they are silent the demo's file.
    pub(crate) fn trust(&self) -> Result<Trust, NoTrust> {
        let usual = match self.profile {
            Profile::Healthcare => "clinic",
            Profile::Agency => "agency",
        };
        let audience = self.audience.clone().unwrap_or_else(|| usual.to_owned());
        if let (Some(id), Some(secret)) = (&self.client_id, &self.client_secret) {
            let issuer = self.issuer.clone().unwrap_or_else(|| "http://localhost:8080".to_owned());
            return Ok(Trust { issuer, audience, client_id: id.clone(), client_secret: secret.clone() });
        }
        let path = self.data.join("credentials.json");
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) => return Err(NoTrust::NoFile(path, error)),
        };
        let file: Credentials = match serde_json::from_slice(&text) {
            Ok(file) => file,
            Err(error) => return Err(NoTrust::BrokenFile(path, error)),
        };
        let Some(api) = file.apis.into_iter().find(|api| api.audience == audience) else {
            return Err(NoTrust::NoSuchApi(path, audience));
        };
        let issuer = self.issuer.clone().unwrap_or(file.issuer);
        Ok(Trust { issuer, audience, client_id: api.client_id, client_secret: api.client_secret })
    }
}
