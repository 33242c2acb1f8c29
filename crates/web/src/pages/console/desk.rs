//! Who is at the console: the caller of the session cookie, and what a page takes from them.

use std::collections::HashMap;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::access::Reach;
use domain::caller::Caller;
use domain::permission::Permission;
use domain::secret::Secret;
use domain::session::AAL1;
use domain::time::Timestamp;
use domain::unit::UnitPath;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use service::seal::Place;
use service::stored::Unit;
use uuid::Uuid;
use wire::problem::Code;

use crate::config::Web;
use crate::http::cross_site::{self, Cause};
use crate::http::form::{self, Form};
use crate::http::problem::Problem;
use crate::http::query::{in_query, with_query};
use crate::http::request::Context;
use crate::pages::{account_token, frame, page, see, signed_in};
use crate::table::{Access, fresh};
use crate::view::Frame;
use crate::view::console::{Choice, Console, Doorstep, HeldView, Nothing, Section};

/// Somebody signed in, at a page of the console.
pub(super) struct Desk {
    pub(super) web: Web,
    pub(super) context: Context,
    pub(super) caller: Caller,
    headers: HeaderMap,
    secret: Secret,
}

/// Why nobody is there.
pub(super) enum Absent {
    /// They sign in first, and come back.
    SignIn(Box<Response>),
    /// They were led here by another site, and go on themselves.
    Doorstep(Box<Response>),
    /// It could not be found out.
    Problem(Problem),
}

impl IntoResponse for Absent {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn(response) | Self::Doorstep(response) => *response,
            Self::Problem(problem) => problem.into_response(),
        }
    }
}

impl FromRequestParts<Web> for Desk {
    type Rejection = Absent;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Absent> {
        let context = Context::from_request_parts(parts, web).await.map_err(Absent::Problem)?;
        let found = signed_in(web, &context, &parts.headers).await.map_err(Absent::Problem)?;
        let Some((secret, caller)) = found else {
            // What was sent with a form is not sent again.
            let back = if parts.method == Method::GET { parts.uri.path_and_query() } else { None };
            let back = in_query(back.map_or("/console", |path| path.as_str()));
            return Err(Absent::SignIn(Box::new(see(&context, &format!("/sign-in?return_to={back}")))));
        };
        let desk = Self { web: web.clone(), context, caller, headers: parts.headers.clone(), secret };
        // What another site leads to is shown when the person goes on: reading some pages is recorded, and that is theirs to cause. A form says
        // it by its token.
        let judged = cross_site::judge(&parts.headers, &web.own_origins(), &[]);
        if parts.method == Method::GET && judged == Cause::Foreign {
            let path = parts.uri.path_and_query().map_or("/console", |path| path.as_str());
            let page = Doorstep { frame: desk.frame(), path: format!("{}{path}", desk.base()) }.render();
            return Err(Absent::Doorstep(Box::new(desk.page(StatusCode::OK, page))));
        }
        Ok(desk)
    }
}

/// What was entered before a confirmation.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Kept {
    kept: Option<String>,
}

/// Most characters of what was entered, sealed.
const LONGEST_KEPT: usize = 4096;

fn kept_in(session: &Uuid) -> Place<'_> {
    Place { table: "session", column: "form", row: session.as_bytes() }
}

impl Desk {
    pub(super) fn frame(&self) -> Frame {
        frame(&self.context)
    }

    pub(super) fn base(&self) -> String {
        self.context.base()
    }

    pub(super) fn now(&self) -> i64 {
        self.web.app.now().seconds()
    }

    pub(super) fn page(&self, status: StatusCode, html: String) -> Response {
        page(&self.context, status, html)
    }

    pub(super) fn see(&self, path: &str) -> Response {
        see(&self.context, path)
    }

    /// The fields of a form, if our own page made it.
    pub(super) async fn proved<T>(&self, form: Form<T>) -> Result<T, Problem> {
        let proof = (form::Purpose::Account, Some(&self.secret));
        let fields = form.proved(&self.web, &self.context, &self.headers, proof).await?;
        fields.ok_or_else(|| Code::Forbidden.into())
    }

    /// The same, and what was entered comes back: [`Desk::kept`].
    pub(super) async fn confirm_keeping<T: Serialize + Sync>(
        &self,
        path: &str,
        entered: &T,
    ) -> Result<Option<Response>, Problem> {
        self.confirm_first(&self.keep(path, entered)?).await
    }

    /// A path with what was entered, sealed: only this session reads it again, at this path, and nobody else writes it. A link cannot fill in a form.
    fn keep<T: Serialize>(&self, path: &str, entered: &T) -> Result<String, Problem> {
        // What is too long for an address is entered once more.
        let plain = serde_json::to_vec(&(path, entered)).map_err(|error| Problem::internal(&error))?;
        let (seal, row) = (&self.web.app.seal, self.caller.session().uuid());
        let sealed = seal.seal(&*self.web.app.entropy, self.context.realm.key, kept_in(&row), &plain);
        let sealed = sealed.map_err(|error| Problem::internal(&error))?;
        let kept = Some(URL_SAFE_NO_PAD.encode(sealed)).filter(|text| text.len() <= LONGEST_KEPT);
        Ok(with_query(path, &[("kept", kept.as_deref())]))
    }

    /// What was entered before a confirmation; nothing, if it is not what [`Desk::keep`] made of it.
    pub(super) fn kept<T: DeserializeOwned + Default>(&self, path: &str, kept: &Kept) -> T {
        let row = self.caller.session().uuid();
        let read = || {
            let sealed = URL_SAFE_NO_PAD.decode(kept.kept.as_deref()?).ok()?;
            let plain = self.web.app.seal.open(self.context.realm.key, kept_in(&row), &sealed).ok()?;
            let (of, entered): (String, T) = serde_json::from_slice(&plain).ok()?;
            (of == path).then_some(entered)
        };
        read().unwrap_or_default()
    }

    /// Where one confirms first what `x-step-up` marks: two factors within five minutes.
    pub(super) async fn confirm_first(&self, return_to: &str) -> Result<Option<Response>, Problem> {
        match fresh(&self.web, &self.caller, Access::May(Permission::RolesAssign)).await {
            Ok(()) => Ok(None),
            Err(problem) if problem.code == Code::InsufficientAuthentication => {
                let strongest = service::step_up::strongest(&self.web.app, &self.caller).await?;
                if strongest == AAL1 {
                    // There is nothing to confirm with yet.
                    return Ok(Some(self.see("/account/second-factor/new")));
                }
                Ok(Some(self.see(&format!("/account/confirm?return_to={}", in_query(return_to)))))
            }
            Err(other) => Err(other),
        }
    }

    pub(super) fn holds(&self, permission: Permission) -> bool {
        self.caller.holds(permission)
    }

    /// Whether a permission is held at or above a unit.
    pub(super) fn covers(&self, permission: Permission, unit: &UnitPath) -> bool {
        self.caller.access().reach(permission).is_some_and(|reach| reach.covers(unit))
    }

    pub(super) fn sections(&self) -> Vec<Section> {
        sections(&self.caller)
    }

    pub(super) fn reads_audit(&self) -> bool {
        reads_audit(&self.caller)
    }

    pub(super) async fn console(&self, here: Option<Section>) -> Result<Console, Problem> {
        let first = self.caller.access().held().first();
        let role = first.and_then(|held| self.caller.access().graph().get(held.role));
        let standing = match (first, role) {
            (Some(held), Some(flat)) => {
                Some(HeldView { role: flat.role.display_name.clone(), unit: self.unit_name(&held.unit), until: None })
            }
            _ => None,
        };
        Ok(Console {
            frame: self.frame(),
            name: service::user::me(&self.web.app, &self.caller).await?.user.name().to_owned(),
            standing,
            sections: self.sections(),
            here,
            csrf: account_token(&self.web, &self.context, &self.secret),
        })
    }

    /// A unit where no list of units was read: by the end of its path.
    fn unit_name(&self, unit: &UnitPath) -> Option<String> {
        (!unit.is_root()).then(|| unit.as_str().to_owned())
    }

    /// A page that says that there is nothing for them here.
    pub(super) fn nothing(&self) -> Response {
        self.page(StatusCode::OK, Nothing { frame: self.frame() }.render())
    }

    /// The names of units, as far as one may read them.
    pub(super) async fn places(&self) -> Result<Places, Problem> {
        if !self.holds(Permission::RolesRead) {
            return Ok(Places::default());
        }
        let units = service::unit::list(&self.web.app, &self.caller, String::new(), MOST_UNITS + 1).await?;
        let whole = units.len() <= usize::try_from(MOST_UNITS).unwrap_or(usize::MAX);
        let whole_organisation = self.context.language.say("any-unit").to_string();
        let name = |unit: &Unit| if unit.path.is_root() { whole_organisation.clone() } else { unit.name.clone() };
        let names = units.iter().map(|unit| (unit.path.clone(), name(unit))).collect();
        let order = if whole { units.into_iter().map(|unit| unit.path).collect() } else { Vec::new() };
        Ok(Places { names, order })
    }
}

/// The parts that somebody may see. The log is read whole or not at all.
pub(in crate::pages) fn sections(caller: &Caller) -> Vec<Section> {
    let sees = |section: &Section| match section {
        Section::People => caller.holds(Permission::UsersRead),
        Section::Units | Section::Roles | Section::Apis => caller.holds(Permission::RolesRead),
        Section::Audit => reads_audit(caller),
    };
    Section::ALL.into_iter().filter(sees).collect()
}

fn reads_audit(caller: &Caller) -> bool {
    caller.access().reach(Permission::AuditRead) == Some(Reach::Everywhere)
}

/// So many units are offered in a list; where there are more, a path is typed.
const MOST_UNITS: i64 = 200;

/// The organisation's places by name.
#[derive(Default)]
pub(super) struct Places {
    names: HashMap<UnitPath, String>,
    order: Vec<UnitPath>,
}

impl Places {
    /// What people call it; `None`: everywhere.
    pub(super) fn name(&self, unit: &UnitPath) -> Option<String> {
        (!unit.is_root()).then(|| self.names.get(unit).cloned().unwrap_or_else(|| unit.as_str().to_owned()))
    }

    /// Those that fit, to choose from; empty if there are too many.
    pub(super) fn choices(&self, chosen: Option<&str>, fits: impl Fn(&UnitPath) -> bool) -> Vec<Choice> {
        let choice = |path: &UnitPath| {
            // Two wards of one name are told apart by what they lie in.
            let name = self.names.get(path).cloned().unwrap_or_default();
            let twins = self.names.values().filter(|other| **other == name).count() > 1;
            let text = if twins { format!("{name} ({})", path.as_str()) } else { name };
            Choice::new(path.as_str(), text, chosen)
        };
        self.order.iter().filter(|path| fits(path)).map(choice).collect()
    }
}

/// The first instant of a day `2026-11-21`, UTC.
pub(super) fn day(text: &str) -> Option<Timestamp> {
    let date = text.len() == 10 && text.is_ascii();
    date.then(|| Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z"))).flatten()
}

/// The day of an instant, as date fields have it.
pub(super) fn day_of(at: Timestamp) -> String {
    at.rfc3339().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_as_date_fields_send_it_and_nothing_else_is() {
        let midnight = day("2026-11-27").expect("a day");
        assert_eq!(midnight.rfc3339(), "2026-11-27T00:00:00.000000Z");
        assert_eq!(day_of(midnight), "2026-11-27");
        for text in ["", "27.11.2026", "2026-11-31", "2026-11-27T00:00:00Z", "2026-11-2é"] {
            assert_eq!(day(text), None, "{text}");
        }
    }
}
