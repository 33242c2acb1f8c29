//! The generated references in `docs/`: configuration, errors, audit events, API, profiles. A test keeps each current.

mod api;

use clap::ValueEnum;

use crate::command::{config_check, reference_profile};
use crate::output::{self, Failure};

/// Which reference.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Reference {
    /// docs/configuration.md
    Configuration,
    /// docs/errors.md
    Errors,
    /// docs/audit-events.md
    AuditEvents,
    /// docs/api.md
    Api,
    /// docs/profile-healthcare.md
    ProfileHealthcare,
    /// docs/profile-agency.md
    ProfileAgency,
}

impl Reference {
    pub(super) fn run(self) -> Result<(), Failure> {
        output::line(self.text().trim_end());
        Ok(())
    }

    #[cfg(test)]
    const fn file(self) -> &'static str {
        match self {
            Self::Configuration => "configuration.md",
            Self::Errors => "errors.md",
            Self::AuditEvents => "audit-events.md",
            Self::Api => "api.md",
            Self::ProfileHealthcare => "profile-healthcare.md",
            Self::ProfileAgency => "profile-agency.md",
        }
    }

    fn text(self) -> String {
        match self {
            Self::Configuration => config_check::reference(),
            Self::Errors => errors(),
            Self::AuditEvents => audit_events(),
            Self::Api => api::page(),
            Self::ProfileHealthcare => reference_profile::page("healthcare"),
            Self::ProfileAgency => reference_profile::page("agency"),
        }
    }
}

fn errors() -> String {
    let mut text = String::from(
        "# Errors\n\nMade by `bailiwick reference errors` from the closed list of problems. Refusals are `application/problem+json` (RFC 9457); `code` is the\n\
         stable name, `request_id` finds the request in the log, `errors` points into the body (RFC 6901).\n\n| Code | Status | Title | What to do |\n|---|---|---|---|\n",
    );
    for code in web::problem_codes() {
        text.push_str(&format!("| `{}` | {} | {} | {} |\n", code.name, code.status, code.title, code.explanation));
    }
    text
}

fn audit_events() -> String {
    let mut text = String::from(
        "# Audit events\n\nMade by `bailiwick reference audit-events` from the closed list of types. The form is api.md's `event`; how it is stored and proved: audit-format.md.\n\n\
         | Type | Meaning |\n|---|---|\n",
    );
    for kind in domain::event::EventType::ALL {
        text.push_str(&format!("| `{}` | {} |\n", kind.as_str(), kind.description()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generated_references_are_current() {
        for reference in Reference::value_variants() {
            let file = format!("{}/../../docs/{}", env!("CARGO_MANIFEST_DIR"), reference.file());
            let written = std::fs::read_to_string(&file).unwrap_or_default();
            let name = reference.to_possible_value().expect("a name").get_name().to_owned();

            assert_eq!(
                written.trim_end(),
                reference.text().trim_end(),
                "run: bailiwick reference {name} > docs/{}",
                reference.file()
            );
        }
    }
}
