//! `config check` and `config reference`.

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
    /// Print the reference of all settings (docs/configuration.md).
    Reference,
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
            Self::Reference => output::line(reference().trim_end()),
        }
        Ok(())
    }
}

/// `docs/configuration.md`.
pub(crate) fn reference() -> String {
    let mut text = String::from(
        "# Configuration\n\nMade by `bailiwick config reference`. A TOML file (`--config bailiwick.toml`) has sections and keys; each setting can also come from\n\
         the environment, which wins: `server.base_url` is `BAILIWICK__SERVER__BASE_URL`. Unknown keys are refused; `bailiwick config check` prints every mistake at once.\n\n\
         | Setting | Default | Meaning |\n|---|---|---|\n",
    );
    for setting in SETTINGS {
        text.push_str(&format!("| `{}` | {} | {} |\n", setting.key, setting.default, setting.says));
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_configuration_reference_is_current() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        let written = std::fs::read_to_string(file).unwrap_or_default();

        assert_eq!(
            written.trim_end(),
            super::reference().trim_end(),
            "run: bailiwick config reference > docs/configuration.md"
        );
    }
}
