//! A small resource server that trusts a Bailiwick: what a team builds with the `guard` crate.
//!
//! It keeps nothing. What it shows is in `clinic.rs` and `agency.rs`: a permission for a route, one's own chart, roles held in a unit.

mod agency;
mod clinic;
mod options;
mod problem;

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use clap::Parser as _;
use guard::{FetchError, Guard, Settings};
use tokio::net::TcpListener;

use crate::options::{Options, Profile, Trust};

/// The media type of metrics.
const METRICS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say_error(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let trust = options.trust()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(options, trust))
}

async fn serve(options: &Options, trust: Trust) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(options.listen).await.map_err(|error| {
        format!(
            "cannot listen on {}: {error}. Stop what listens there, or choose another port: --listen 127.0.0.1:0",
            options.listen
        )
    })?;
    let base_url = format!("http://{}", listener.local_addr()?);
    let settings = Settings::new(trust.issuer.clone(), trust.audience.clone());
    let guard = Guard::connect(settings.credentials(trust.client_id, trust.client_secret))
        .map_err(|error| format!("--issuer {}: {error}", trust.issuer))?;
    announce(options, &base_url, &trust.issuer)?;
    tokio::spawn(report(guard.clone(), trust.issuer));
    Ok(axum::serve(listener, routes(options.profile, &guard)).await?)
}

fn routes(profile: Profile, guard: &Guard) -> Router {
    let routes = match profile {
        Profile::Healthcare => clinic::routes(guard),
        Profile::Agency => agency::routes(guard),
    };
    // For whoever watches over this program; put it where only they can ask.
    let watched = guard.clone();
    let metrics = get(move || async move { ([(CONTENT_TYPE, METRICS_TEXT)], watched.metrics().to_prometheus()) });
    problem::instead_of_empty_answers(routes.route("/metrics", metrics), guard)
}

fn announce(options: &Options, base_url: &str, issuer: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if options.json {
        writeln!(out, "{}", serde_json::json!({ "base_url": base_url }))?;
    } else {
        let try_it = match options.profile {
            Profile::Healthcare => "GET /charts/1, POST /prescriptions, POST /results/1/release",
            Profile::Agency => "GET /policies/1, POST /policies",
        };
        writeln!(out, "Listening on {base_url}, trusting {issuer}.\nTry, with an access token of it: {try_it}")?;
    }
    out.flush()
}

/// Tells once what stands in the way; the guard goes on trying by itself.
async fn report(guard: Guard, issuer: String) {
    let Err(error) = guard.refresh().await else { return };
    let way_out = match &error {
        FetchError::Unreachable(..) => {
            format!("waiting for {issuer}: start it with `cargo run --release -- demo`, or name another with --issuer")
        }
        FetchError::Status(_, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            "the API's credentials are not accepted, so revocations cannot be followed and roles held in units count for nothing: check --client-id and --client-secret".to_owned()
        }
        _ => format!("trying again: is {issuer} the issuer URL of a Bailiwick? If not, name it with --issuer"),
    };
    say_error(&format!("{error}; {way_out}"));
}

fn say_error(text: &str) {
    // Nobody is left to be told if standard error is closed.
    let _unheard = writeln!(std::io::stderr(), "clinic: {}", text.replace('\n', " "));
}
