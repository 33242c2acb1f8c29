//! `config check`, and the reference of all settings.

use crate::command::ConfigFile;
use crate::config::{self, SETTINGS};
use crate::output::{self, Failure};

#[derive(clap::Subcommand)]
pub(super) enum ConfigCommand {
    /// Read the configuration and print every mistake at once.
    Check {
        #[command(flatten)]
        file: ConfigFile,
    },
}

impl ConfigCommand {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Check { file } => {
                let read = config::load(file.config.as_deref())?;
                let value = serde_json::json!({ "ok": true, "base_url": read.base_url, "listen": read.listen });
                output::show(
                    file.json,
                    &value,
                    &format!("the configuration is good: {} on {}", read.base_url, read.listen),
                );
            }
        }
        Ok(())
    }
}

/// `docs/configuration.md`.
pub(crate) fn reference() -> String {
    let mut text = String::from(
        "# Configuration\n\nMade by `bailiwick reference configuration`. A TOML file (`--config bailiwick.toml`) has sections and keys; each setting can also come from\n\
         the environment, which wins: `server.base_url` is `BAILIWICK__SERVER__BASE_URL`. Unknown keys are refused; `bailiwick config check` prints every mistake at once.\n\n\
         | Setting | Default | Meaning |\n|---|---|---|\n",
    );
    for setting in SETTINGS {
        text.push_str(&format!("| `{}` | {} | {} |\n", setting.key, setting.default, setting.says));
    }
    text
}
