//! The page of a profile in `docs/`: its roles, and role × permission.

use std::fmt::Write;

use domain::permission::{OWN_API, Permission};
use domain::profile::{Profile, ProfileRole};

use crate::command::profile::BUILT_IN;

/// The page of a built-in profile.
pub(super) fn page(name: &str) -> String {
    let text = BUILT_IN.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| *text);
    let profile = match service::profile::parse(text) {
        Ok(profile) => profile,
        Err(error) => return error.to_string(),
    };
    let mut page = format!(
        "# Profile {name}\n\nMade by `bailiwick reference profile-{name}` from [profiles/{name}.toml](../profiles/{name}.toml), edition {}; the file says why things are so.\n\n{}\n\n",
        profile.edition, profile.description
    );
    roles(&mut page, &profile);
    for api in &profile.api {
        let rows = api.permission.iter().map(|one| (one.name.as_str(), one.description.as_str())).collect::<Vec<_>>();
        table(&mut page, &profile, (&api.audience, &api.name), &rows);
    }
    let own = Permission::ALL.iter().map(|one| (one.as_str(), one.description())).collect::<Vec<_>>();
    table(&mut page, &profile, (OWN_API, "Bailiwick's own API"), &own);
    attributes(&mut page, &profile);
    page
}

fn roles(page: &mut String, profile: &Profile) {
    page.push_str(
        "## Roles\n\nA *sensitive* role needs a second factor. Times: idle, then overall, then access token. Of several roles, and of the realm's own times, the shortest count.\n\n\
         | Role | For | Inherits | Given by | Sensitive | Times |\n|---|---|---|---|---|---|\n",
    );
    for role in &profile.role {
        let sensitive = if role.sensitive { "yes" } else { "" };
        let (inherits, by) = (codes(&role.inherits), codes(&role.assignable_by));
        let times = times(role);
        // Writing into a String cannot fail.
        let _ =
            writeln!(page, "| `{}` | {} | {inherits} | {by} | {sensitive} | {times} |", role.name, role.description);
    }
    page.push('\n');
}

fn codes(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn times(role: &ProfileRole) -> String {
    let shown = |seconds: Option<u32>| match seconds {
        None => "-".to_owned(),
        Some(seconds) if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        Some(seconds) if seconds % 60 == 0 => format!("{} min", seconds / 60),
        Some(seconds) => format!("{seconds} s"),
    };
    let policy = &role.policy;
    [policy.idle_seconds, policy.absolute_seconds, policy.access_token_seconds].map(shown).join(", ")
}

/// A line for each permission, a column for each role that has any of this API.
fn table(page: &mut String, profile: &Profile, (audience, title): (&str, &str), permissions: &[(&str, &str)]) {
    let has_any = |role: &&ProfileRole| profile.effective(&role.name).contains_key(audience);
    let columns: Vec<&ProfileRole> = profile.role.iter().filter(has_any).collect();
    let _ = write!(
        page,
        "## {title} (`{audience}`)\n\n{} permissions. **x**: the role carries it; (x): through a role that it inherits from.\n\n| Permission | |",
        permissions.len()
    );
    for role in &columns {
        let _ = write!(page, " {} |", role.name);
    }
    let _ = writeln!(page, "\n|---|---|{}", ":-:|".repeat(columns.len()));
    for (name, description) in permissions {
        let _ = write!(page, "| `{name}` | {description} |");
        for role in &columns {
            let carries = role.permissions.get(audience).is_some_and(|names| names.iter().any(|one| one == name));
            let gives = profile.gives(&role.name, audience, name);
            page.push_str(if carries {
                " **x** |"
            } else if gives {
                " (x) |"
            } else {
                " |"
            });
        }
        page.push('\n');
    }
    page.push('\n');
}

fn attributes(page: &mut String, profile: &Profile) {
    page.push_str(
        "## Attributes\n\nWhat the realm keeps of a person beyond name and address. What is not listed cannot be stored.\n\n| Name | | Expected |\n|---|---|---|\n",
    );
    for attribute in &profile.attribute {
        let (title, description) = (&attribute.title, &attribute.description);
        let _ = writeln!(page, "| `{}` | {title}. {description} | {} |", attribute.name, attribute.expected());
    }
}
