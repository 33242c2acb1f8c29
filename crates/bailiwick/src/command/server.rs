//! `serve`.

use crate::command::{ConfigFile, log};
use crate::output::{self, Failure};
use crate::{config, open, serve};

#[derive(clap::Args)]
pub(super) struct Serve {
    #[command(flatten)]
    file: ConfigFile,
    /// Bring a PostgreSQL database to this version first.
    #[arg(long)]
    migrate: bool,
}

impl Serve {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let config = config::load(self.file.config.as_deref())?;
        log(&config.log);
        let listeners = serve::bind(&config.listen, &config.operations_listen)?;
        let entropy = service::entropy::SystemEntropy;
        let kek = open::key(&config, &entropy, false)?;
        let app = open::app(&config, kek, open::Mode::Serve, self.migrate).await?;
        open::ready(&app, &config).await?;
        let surface = web::Config {
            base_url: config.base_url.clone(),
            origins: config.origins.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            ..web::Config::default()
        };
        if config.smtp_url.is_none() {
            output::error("no mail is sent: set mail.smtp_url and mail.from");
        }
        let base = config.base_url.clone();
        serve::run(app, &config, surface, listeners, move || output::error(&format!("serving {base}"))).await
    }
}
