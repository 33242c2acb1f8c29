//! Finding people.

use axum::Json as Out;
use axum::extract::State;
use domain::id::UserId;
use domain::unit::UnitPath;
use domain::user::Status;
use serde::Deserialize;
use service::stored::{Column, Mfa, Position};
use service::user::Search;
use utoipa::IntoParams;
use wire::problem::Code;

use super::super::shape::{ProblemDocument, User};
use crate::config::Web;
use crate::http::page::{self, Page};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::table::SignedIn;

/// Longer beginnings are nobody's.
const LONGEST: usize = 200;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in super::super) struct ListQuery {
    /// The beginning of a display name, family name, username, e-mail or external id, whatever the case (external id: as written); at most 200 characters.
    q: Option<String>,
    /// Name of a role that they hold directly, anywhere, now.
    role: Option<String>,
    /// Path of a unit: home unit there or below.
    unit: Option<String>,
    /// `active`, `disabled`, `invited`, `deleted`; absent: whoever is not deleted.
    status: Option<String>,
    /// Second factors: `none`, `totp`, `passkey`.
    mfa: Option<String>,
    /// 1-200.
    limit: Option<i64>,
    cursor: Option<String>,
}

/// A filter that cannot be read: 400.
fn filter<T>(sent: Option<&str>, read: impl Fn(&str) -> Option<T>, says: &str) -> Result<Option<T>, Problem> {
    let refused = || Problem::from(Code::Malformed).detail(says);
    sent.map(|text| read(text).ok_or_else(refused)).transpose()
}

/// A place in the results, as a cursor.
pub(crate) fn written(at: &Position) -> String {
    format!("{} {} {}", at.column.number(), at.id, at.key)
}

/// Reads [`written`].
pub(crate) fn place(text: &str) -> Option<Position> {
    let mut parts = text.splitn(3, ' ');
    let column = parts.next()?.parse().ok().and_then(Column::from_number)?;
    let id = parts.next()?.parse::<UserId>().ok()?;
    let key = parts.next()?.to_owned();
    (!key.contains('\0')).then_some(Position { column, key, id })
}

/// People within reach whose names begin with `q`: first by display name, then by family name, username, e-mail, external id, each in the order of
/// its text; nobody twice. Without `q` everybody, by display name.
#[utoipa::path(get, path = "/api/v1/users", tag = "users", params(ListQuery), security(("bearer" = [])),
    responses((status = 200, description = "A page", body = Page<User>), (status = "4XX", description = "Refused", body = ProblemDocument)))]
pub(in super::super) async fn list(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    Query(query): Query<ListQuery>,
) -> Result<Out<Page<User>>, Problem> {
    let limit = page::limit(query.limit)?;
    let short = |text: &str| (text.chars().count() <= LONGEST).then(|| text.to_owned());
    let search = Search {
        prefix: filter(query.q.as_deref(), short, "q is at most 200 characters.")?.unwrap_or_default(),
        role: query.role,
        unit: filter(query.unit.as_deref(), |text| UnitPath::parse(text).ok(), "unit is a path like /clinic-a.")?,
        status: filter(query.status.as_deref(), Status::parse, "status is active, disabled, invited or deleted.")?,
        mfa: filter(query.mfa.as_deref(), Mfa::parse, "mfa is none, totp or passkey.")?,
        after: page::cursor(query.cursor.as_deref(), place)?,
    };
    let found = service::user::list(&web.app, &caller, search, limit + 1).await?;
    Ok(Out(page::cut(found, limit, |last| written(&last.at), |found| User::from(found.person))))
}
