//! The command line: one file per command.

mod api;
mod audit;
mod client;
mod config_check;
mod demo;
mod demo_people;
mod desk;
mod doctor;
mod factor;
mod grant;
mod init;
mod key;
mod migrate;
mod policy;
mod profile;
mod realm;
mod reference;
mod reference_profile;
mod role;
mod role_change;
mod server;
mod session;
mod unit;
mod user;
mod user_access;
mod user_account;
mod user_change;

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
    Realm(realm::RealmCommand),
    /// Profiles, roles and permissions as files: list, show, apply.
    #[command(subcommand)]
    Profile(profile::ProfileCommand),
    /// People: list, show, permissions, create, update, rename, email, delete, disable, enable, unlock, lockdown, reset-password and more.
    #[command(subcommand)]
    User(user::UserCommand),
    /// Sessions: list, end.
    #[command(subcommand)]
    Session(session::SessionCommand),
    /// Second factors of people: list, remove.
    #[command(subcommand)]
    Factor(factor::FactorCommand),
    /// Units, the places in which roles are held: list, create, rename, delete.
    #[command(subcommand)]
    Unit(unit::UnitCommand),
    /// Roles: list, show, members, create, update, permissions, inherits, delete.
    #[command(subcommand)]
    Role(role::RoleCommand),
    /// What the realm and roles ask for (session times, factors, networks, passwords), and what applies to a person: show, set.
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Roles that people hold: list, add, end.
    #[command(subcommand)]
    Grant(grant::GrantCommand),
    /// APIs, the applications that check permissions: list, create, update, delete, permission, secret.
    #[command(subcommand)]
    Api(api::ApiCommand),
    /// Clients, the applications that ask for tokens: list, create, update, delete, secret.
    #[command(subcommand)]
    Client(client::ClientCommand),
    /// The audit log: list.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Signing keys: list, rotate.
    #[command(subcommand)]
    Key(key::KeyCommand),
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
            Command::Profile(command) => command.run().await,
            Command::User(command) => command.run().await,
            Command::Factor(command) => command.run().await,
            Command::Session(command) => command.run().await,
            Command::Unit(command) => command.run().await,
            Command::Role(command) => command.run().await,
            Command::Policy(command) => command.run().await,
            Command::Grant(command) => command.run().await,
            Command::Api(command) => command.run().await,
            Command::Client(command) => command.run().await,
            Command::Audit(command) => command.run().await,
            Command::Key(command) => command.run().await,
        }
    })
}

/// Log lines as JSON on standard error: control characters are escaped by that (AUD-05).
pub(crate) fn log(level: &str) {
    let filter = tracing_subscriber::EnvFilter::try_new(level).unwrap_or_default();
    let _ = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn each(command: &clap::Command, path: &str, look: &mut impl FnMut(&str, &clap::Command)) {
        let path = format!("{path} {}", command.get_name());
        look(&path, command);
        for below in command.get_subcommands() {
            each(below, &path, look);
        }
    }

    #[test]
    fn every_command_and_every_argument_says_what_it_is() {
        let mut seen = 0;
        each(&Arguments::command(), "", &mut |path, command| {
            assert!(command.get_about().is_some(), "{path}");
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{path} {}", argument.get_id());
                seen += 1;
            }
        });

        assert!(seen > 30, "{seen}");
    }
}
