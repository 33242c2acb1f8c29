//! What is wrong with a profile: every mistake at once, each with the path to its key, so that the line can be found.

use std::collections::{BTreeMap, BTreeSet};

use super::{Profile, ProfileApi, ProfileRole};
use crate::attribute::AttributeSchema;
use crate::permission::{Audience, OWN_API, Permission, PermissionName};
use crate::policy::limits::{ABSOLUTE_CEILING_SECONDS, IDLE_CEILING_SECONDS};
use crate::policy::{Policy, Wrong};
use crate::role::{DEEPEST, RoleName};
use crate::user::printable;

/// Most APIs of a profile.
pub const MOST_APIS: usize = 20;
/// Most permissions of a profile, over all its APIs.
pub const MOST_PERMISSIONS: usize = 1000;
/// Most roles of a profile.
pub const MOST_ROLES: usize = 200;

/// A step on the way to a value in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A key of a table.
    Key(String),
    /// An element of an array, from 0.
    Index(usize),
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The way to it in the file.
    pub path: Vec<Step>,
    /// In whose words: `inherits of role nurse`.
    pub place: String,
    /// What was expected, and what stands there.
    pub expected: String,
}

/// Where a check looks, and what it found.
struct Look<'a> {
    path: Vec<Step>,
    whose: String,
    found: &'a mut Vec<Mistake>,
}

impl Look<'_> {
    fn wrong(&mut self, key: &str, index: Option<usize>, expected: impl Into<String>) {
        let mut path = self.path.clone();
        path.extend(key.split('.').filter(|part| !part.is_empty()).map(|part| Step::Key(part.to_owned())));
        path.extend(index.map(Step::Index));
        let place = if key.is_empty() { self.whose.clone() } else { format!("{key} of {}", self.whose) };
        self.found.push(Mistake { path, place, expected: expected.into() });
    }

    fn text(&mut self, key: &str, text: &str, least: usize, most: usize) {
        if let Err(error) = printable(text, least, most) {
            self.wrong(key, None, error.to_string());
        }
    }
}

impl Profile {
    /// Finds everything that is wrong: grammar, names that refer to nothing, cycles, limits.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut found = Vec::new();
        let mut look = Look { path: Vec::new(), whose: "the profile".to_owned(), found: &mut found };
        if RoleName::parse(&self.name).is_err() {
            look.wrong("name", None, "must be 2 to 63 lower-case letters, digits and hyphens, starting with a letter");
        }
        if self.edition == 0 {
            look.wrong("edition", None, "must be 1 or more; raise it with each change");
        }
        look.text("title", &self.title, 1, 100);
        look.text("description", &self.description, 1, 500);
        policy(&mut look, &self.policy);
        let permissions = self.api.iter().map(|api| api.permission.len()).sum::<usize>();
        for (key, count, most, what) in [
            ("api", self.api.len(), MOST_APIS, "APIs"),
            ("api", permissions, MOST_PERMISSIONS, "permissions in all"),
            ("role", self.role.len(), MOST_ROLES, "roles"),
        ] {
            if count > most {
                look.wrong(key, None, format!("must be at most {most} {what}, not {count}"));
            }
        }
        self.check_apis(&mut found);
        self.check_roles(&mut found);
        self.check_inheritance(&mut found);
        self.check_attributes(&mut found);
        found
    }

    fn check_apis(&self, found: &mut Vec<Mistake>) {
        let mut seen = BTreeSet::from([OWN_API]);
        for (at, api) in self.api.iter().enumerate() {
            let path = vec![Step::Key("api".to_owned()), Step::Index(at)];
            let mut look = Look { path, whose: format!("API {}", api.audience), found };
            if let Err(error) = Audience::parse(&api.audience) {
                look.wrong("audience", None, error.to_string());
            } else if !seen.insert(&api.audience) {
                let own = if api.audience == OWN_API { "our own API's" } else { "taken above" };
                look.wrong("audience", None, format!("must be a name of its own; {} is {own}", api.audience));
            }
            look.text("name", &api.name, 1, 100);
            check_permissions(api, at, found);
        }
    }

    /// Audience → permissions that roles may name.
    fn catalogue(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let own = (OWN_API, Permission::ALL.iter().map(|p| p.as_str()).collect());
        let apis = self.api.iter().map(|api| {
            (api.audience.as_str(), api.permission.iter().map(|p| p.name.as_str()).collect::<BTreeSet<_>>())
        });
        apis.chain([own]).collect()
    }

    fn check_roles(&self, found: &mut Vec<Mistake>) {
        let catalogue = self.catalogue();
        let names: BTreeSet<&str> = self.role.iter().map(|role| role.name.as_str()).collect();
        let mut seen = BTreeSet::new();
        for (at, role) in self.role.iter().enumerate() {
            let path = vec![Step::Key("role".to_owned()), Step::Index(at)];
            let mut look = Look { path, whose: format!("role {}", role.name), found };
            if let Err(error) = RoleName::parse(&role.name) {
                look.wrong("name", None, error.to_string());
            } else if !seen.insert(role.name.as_str()) {
                look.wrong("name", None, format!("must be a name of its own; {} is taken above", role.name));
            }
            look.text("display_name", &role.display_name, 1, 100);
            look.text("description", &role.description, 0, 500);
            policy(&mut look, &role.policy);
            references(&mut look, "inherits", &role.inherits, &names);
            references(&mut look, "assignable_by", &role.assignable_by, &names);
            self.check_assignable(&mut look, role);
            check_carried(&mut look, role, &catalogue);
        }
    }

    /// Who is named to give a role must be able to give roles at all, or the line would promise what nobody can do.
    fn check_assignable(&self, look: &mut Look<'_>, role: &ProfileRole) {
        if role.assignable_by.is_empty() {
            look.wrong("assignable_by", None, "must name at least one role, or nobody can ever give this one");
        }
        let assigns = Permission::RolesAssign.as_str();
        for (index, by) in role.assignable_by.iter().enumerate().filter(|(_, by)| self.role(by).is_some()) {
            if !self.gives(by, OWN_API, assigns) {
                let expected = format!("must name roles that hold {OWN_API} {assigns}; {by} does not");
                look.wrong("assignable_by", Some(index), expected);
            }
        }
    }

    /// Each cycle once, at the role of it that stands first in the file; and chains that are too long.
    fn check_inheritance(&self, found: &mut Vec<Mistake>) {
        let mut told: BTreeSet<BTreeSet<&str>> = BTreeSet::new();
        for (at, role) in self.role.iter().enumerate() {
            let path = vec![Step::Key("role".to_owned()), Step::Index(at)];
            let mut look = Look { path, whose: format!("role {}", role.name), found };
            if let Some(cycle) = self.cycle(role) {
                if told.insert(cycle.iter().copied().collect()) {
                    let expected = format!("must not lead back to the role itself: {}", cycle.join(" > "));
                    look.wrong("inherits", None, expected);
                }
            } else if self.depth(role, &mut BTreeMap::new()) > DEEPEST + 1 {
                look.wrong("inherits", None, format!("must not be deeper than {DEEPEST} levels"));
            }
        }
    }

    /// A way from the role over what it inherits back to itself.
    fn cycle<'a>(&'a self, start: &'a ProfileRole) -> Option<Vec<&'a str>> {
        let mut seen = BTreeSet::new();
        let mut waiting: Vec<Vec<&str>> = vec![vec![start.name.as_str()]];
        while let Some(path) = waiting.pop() {
            let last = path.last().and_then(|name| self.role(name));
            for other in last.into_iter().flat_map(|role| &role.inherits) {
                let longer: Vec<&str> = path.iter().copied().chain([other.as_str()]).collect();
                if *other == start.name {
                    return Some(longer);
                }
                if seen.insert(other.as_str()) {
                    waiting.push(longer);
                }
            }
        }
        None
    }

    /// The longest way down from a role, in roles (one more than levels); what hangs above a cycle counts as far as it is a way.
    fn depth<'a>(&'a self, role: &'a ProfileRole, known: &mut BTreeMap<&'a str, usize>) -> usize {
        if let Some(depth) = known.get(role.name.as_str()) {
            return *depth;
        }
        known.insert(&role.name, 0);
        let below = role.inherits.iter().filter_map(|other| self.role(other));
        let depth = 1 + below.map(|other| self.depth(other, known)).max().unwrap_or(0);
        known.insert(&role.name, depth);
        depth
    }

    fn check_attributes(&self, found: &mut Vec<Mistake>) {
        let schema = AttributeSchema { attributes: self.attribute.clone() };
        for mistake in schema.mistakes() {
            let name = self.attribute.get(mistake.index).map_or("", |attribute| attribute.name.as_str());
            let path = vec![Step::Key("attribute".to_owned()), Step::Index(mistake.index)];
            let mut look = Look { path, whose: format!("attribute {name}"), found };
            look.wrong(mistake.key, None, format!("must be {}", mistake.text));
        }
    }
}

fn check_permissions(api: &ProfileApi, at: usize, found: &mut Vec<Mistake>) {
    let mut seen = BTreeSet::new();
    for (index, permission) in api.permission.iter().enumerate() {
        let path = ["api", "permission"].into_iter().zip([at, index]);
        let path = path.flat_map(|(key, index)| [Step::Key(key.to_owned()), Step::Index(index)]).collect();
        let whose = format!("permission {} of API {}", permission.name, api.audience);
        let mut look = Look { path, whose, found };
        if let Err(error) = PermissionName::parse(&permission.name) {
            look.wrong("name", None, error.to_string());
        } else if !seen.insert(&permission.name) {
            look.wrong("name", None, format!("must be a name of its own; {} is taken above", permission.name));
        }
        look.text("description", &permission.description, 1, 200);
    }
}

/// Names of roles in a list: each one of the profile's, none twice.
fn references(look: &mut Look<'_>, key: &str, listed: &[String], names: &BTreeSet<&str>) {
    for (index, name) in listed.iter().enumerate() {
        if !names.contains(name.as_str()) {
            look.wrong(key, Some(index), unknown("a role of this profile", name, names));
        } else if listed[..index].contains(name) {
            look.wrong(key, Some(index), format!("must name each role once; {name} stands there twice"));
        }
    }
}

/// The permissions that a role carries itself.
fn check_carried(look: &mut Look<'_>, role: &ProfileRole, catalogue: &BTreeMap<&str, BTreeSet<&str>>) {
    for (audience, names) in &role.permissions {
        let key = format!("permissions.{audience}");
        let Some(known) = catalogue.get(audience.as_str()) else {
            let audiences = catalogue.keys().copied().collect();
            look.wrong(&key, None, unknown("an API of this profile", audience, &audiences));
            continue;
        };
        for (index, name) in names.iter().enumerate() {
            if !known.contains(name.as_str()) {
                let what = format!("a permission of API {audience}");
                look.wrong(&key, Some(index), unknown(&what, name, known));
            } else if names[..index].contains(name) {
                look.wrong(&key, Some(index), format!("must name each permission once; {name} stands there twice"));
            }
        }
    }
}

/// Values that no policy may have (requirements.md, 2.1 and 2.2): cut silently, the file would say what is not so. A profile deviates from nothing,
/// so that no realm does before somebody decides it.
fn policy(look: &mut Look<'_>, policy: &Policy) {
    let stricter = [
        ("idle_seconds", policy.idle_seconds, 60, IDLE_CEILING_SECONDS),
        ("absolute_seconds", policy.absolute_seconds, 300, ABSOLUTE_CEILING_SECONDS),
        ("access_token_seconds", policy.access_token_seconds, 60, 3600),
    ];
    for (field, seconds, least, most) in stricter {
        if let Some(seconds) = seconds.filter(|seconds| !(least..=most).contains(seconds)) {
            look.wrong(&format!("policy.{field}"), None, format!("must be {least} to {most} seconds, not {seconds}"));
        }
    }
    let told = |wrong: &Wrong| {
        stricter.iter().any(|(field, ..)| *field == wrong.field) && wrong.code != "longer_than_absolute"
    };
    for wrong in policy.wrong().into_iter().filter(|wrong| !told(wrong)) {
        look.wrong(&format!("policy.{}", wrong.field), None, wrong.detail);
    }
}

/// What was expected, what stands there, and what was probably meant.
fn unknown(expected: &str, found: &str, known: &BTreeSet<&str>) -> String {
    let close = known.iter().filter(|_| found.len() <= 100).map(|name| (distance(found, name), *name)).min();
    let hint = match close {
        Some((steps, name)) if steps <= 2 => format!("; did you mean \"{name}\"?"),
        _ => String::new(),
    };
    format!("must be {expected}, and \"{found}\" is none{hint}")
}

/// How many letters must be put in, taken out or changed to make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, a) in one.bytes().enumerate() {
        let mut corner = at;
        row[0] = at + 1;
        for (index, b) in other.bytes().enumerate() {
            let changed = corner + usize::from(a != b);
            corner = row[index + 1];
            row[index + 1] = changed.min(corner + 1).min(row[index] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}
