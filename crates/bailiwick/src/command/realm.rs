//! `realm`.

use domain::realm::RealmSlug;
use serde_json::json;
use store::realm::NewRealm;

use super::desk::InRealm;
use crate::command::ConfigFile;
use crate::open;
use crate::output::{self, Failure};

#[derive(clap::Subcommand)]
pub(super) enum RealmCommand {
    /// List the realms.
    List {
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Make a realm.
    Create {
        #[command(flatten)]
        file: ConfigFile,
        /// Its name in paths, /realms/NAME: lower-case letters, digits and hyphens. It never changes.
        #[arg(value_name = "NAME")]
        slug: String,
        /// Its name for people.
        #[arg(long, value_name = "TEXT")]
        name: String,
    },
}

impl RealmCommand {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let (Self::List { file } | Self::Create { file, .. }) = &self;
        let desk = InRealm::main(file).open().await?;
        if let Self::Create { slug, name, .. } = &self {
            let parsed =
                RealmSlug::parse(slug).ok_or("a realm's name is lower-case letters, digits and hyphens, at most 31")?;
            let issuer = format!("{}/realms/{slug}", desk.config.base_url);
            let new = NewRealm { slug: parsed, name: name.clone(), issuer, rp_id: desk.realm.rp_id.clone() };
            service::realm::create(&desk.app, desk.operator(), new).await?;
            open::ready(&desk.app, &desk.config).await?;
        }
        let realms = service::realm::all(&desk.app).await?;
        let rows: Vec<_> =
            realms.iter().map(|r| json!({ "slug": r.slug.as_str(), "name": r.name, "issuer": r.issuer })).collect();
        let lines: Vec<String> =
            realms.iter().map(|r| format!("{:<20} {:<30} {}", r.slug.as_str(), r.name, r.issuer)).collect();
        output::show(desk.json, &json!(rows), &lines.join("\n"));
        Ok(())
    }
}
