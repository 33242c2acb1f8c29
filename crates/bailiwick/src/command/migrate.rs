//! `migrate`.

use std::sync::Arc;

use service::clock::{Clock, SystemClock};
use service::entropy::SystemEntropy;
use store::{Location, Options, Store};

use crate::command::ConfigFile;
use crate::config;
use crate::output::{self, Failure};

#[derive(clap::Args)]
pub(super) struct Migrate {
    #[command(flatten)]
    file: ConfigFile,
    /// Show what would be done.
    #[arg(long)]
    dry_run: bool,
}

impl Migrate {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let config = config::load(self.file.config.as_deref())?;
        let store = Store::open(&Options::new(Location::parse(&config.database)), Arc::new(SystemEntropy)).await?;
        let names =
            if self.dry_run { store.pending_migrations().await? } else { store.migrate(SystemClock.now()).await? };
        let verb = if self.dry_run { "would apply" } else { "applied" };
        let people = if names.is_empty() {
            "the database is up to date".to_owned()
        } else {
            format!("{verb} {}", names.join(", "))
        };
        output::show(self.file.json, &serde_json::json!({ "dry_run": self.dry_run, "migrations": names }), &people);
        Ok(())
    }
}
