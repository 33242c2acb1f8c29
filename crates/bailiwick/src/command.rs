//! The command line: one file per command.

mod admin;
mod config_check;
mod demo;
mod demo_people;
mod doctor;
mod init;
mod migrate;
mod reference;
mod server;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::output::Failure;

/// Bailiwick: who you are, what you may do, for how long, and proof of it afterwards.
#[derive(Parser)]
#[command(name = "bailiwick", version, about, long_about = None)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// Where the configuration is.
#[derive(Args, Clone)]
pub(crate) struct ConfigFile {
    /// Configuration file; without it defaults and environment variables (BAILIWICK__SECTION__KEY).
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Answer in JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server.
    Serve(server::Serve),
    /// A running organisation with seeded people, on this machine only. Never for production.
    Demo(demo::Demo),
    /// Make the database, the keys and a one-time set-up link for the first administrator.
    Init(init::Init),
    /// Bring the database to this version.
    Migrate(migrate::Migrate),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(config_check::ConfigCommand),
    /// Look at this machine, the configuration and the database, and say what a password hash costs here.
    Doctor(doctor::Doctor),
    /// Print a generated reference of docs/.
    #[command(hide = true)]
    Reference {
        /// Which one.
        which: reference::Reference,
    },
    /// Realms: list, create.
    #[command(subcommand)]
    Realm(admin::RealmCommand),
    /// People: list, create, disable.
    #[command(subcommand)]
    User(admin::UserCommand),
    /// Roles: list.
    #[command(subcommand)]
    Role(admin::RoleCommand),
    /// Roles that people hold: list, add, end.
    #[command(subcommand)]
    Grant(admin::GrantCommand),
    /// APIs: list, make credentials.
    #[command(subcommand)]
    Api(admin::ApiCommand),
    /// Signing keys: list, rotate.
    #[command(subcommand)]
    Key(admin::KeyCommand),
}

/// Runs what was asked for.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.command {
            Command::Serve(command) => command.run().await,
            Command::Demo(command) => command.run().await,
            Command::Init(command) => command.run().await,
            Command::Migrate(command) => command.run().await,
            Command::Config(command) => command.run(),
            Command::Doctor(command) => command.run().await,
            Command::Reference { which } => which.run(),
            Command::Realm(command) => command.run().await,
            Command::User(command) => command.run().await,
            Command::Role(command) => command.run().await,
            Command::Grant(command) => command.run().await,
            Command::Api(command) => command.run().await,
            Command::Key(command) => command.run().await,
        }
    })
}

/// Log lines as JSON on standard error: control characters are escaped by that (AUD-05).
pub(crate) fn log(level: &str) {
    let filter = tracing_subscriber::EnvFilter::try_new(level).unwrap_or_default();
    let _ = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
