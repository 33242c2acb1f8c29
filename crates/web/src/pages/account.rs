//! The first page of somebody signed in: who they are, what their roles let them do, where they are signed in.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::caller::Caller;
use domain::id::SessionId;
use domain::time::Timestamp;
use serde::Deserialize;
use service::session::{EndError, Which};
use service::stored::{Factor, Session};
use uuid::Uuid;
use wire::problem::Code;

use super::sign_out::Nothing;
use super::{account_token, console, factor, frame, page, see, signed_in, to_sign_in};
use crate::api::describe;
use crate::config::Web;
use crate::http::form::{self, Form};
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::request::Context;
use crate::view::{
    Abilities, Account, AccountNotice, DeviceIcon, DeviceState, DeviceView, FactorView, GrantView, Moment, Recommended,
    RecoveryView, Withheld,
};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Told {
    told: Option<String>,
}

pub(super) async fn show(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    Query(told): Query<Told>,
) -> Result<Response, Problem> {
    let Some((secret, caller)) = signed_in(&web, &context, &headers).await? else {
        return Ok(to_sign_in(&context, "/account"));
    };
    let notice = match told.told.as_deref() {
        Some("ended") => Some(AccountNotice::DeviceEnded),
        Some("ended-others") => Some(AccountNotice::OthersEnded),
        Some("gone") => Some(AccountNotice::DeviceGone),
        Some("expired") => Some(AccountNotice::Expired),
        Some("password") => Some(AccountNotice::PasswordChanged),
        Some("added") => Some(AccountNotice::FactorAdded),
        Some("renamed") => Some(AccountNotice::FactorRenamed),
        Some("removed") => Some(AccountNotice::FactorRemoved),
        Some("confirmed") => Some(AccountNotice::Confirmed),
        _ => None,
    };
    let csrf = account_token(&web, &context, &secret);
    let shown = fill(&web, &context, &caller, notice, csrf).await?;
    Ok(page(&context, StatusCode::OK, shown.render()))
}

async fn fill(
    web: &Web,
    context: &Context,
    caller: &Caller,
    notice: Option<AccountNotice>,
    csrf: String,
) -> Result<Account, Problem> {
    let now = web.app.now().seconds();
    let me = service::user::me(&web.app, caller).await?.user;
    let sessions = service::session::own(&web.app, caller).await?;
    let own = service::factor::own(&web.app, caller).await?;
    let factors: Vec<FactorView> = own.iter().filter_map(|one| factor::shown(one, now)).collect();
    let codes = own.iter().find(|one| one.kind == "recovery_codes");
    let made = codes.map(|codes| Moment::date(now, codes.created_at.seconds()));
    Ok(Account {
        frame: frame(context),
        name: me.name().to_owned(),
        username: me.username.clone().unwrap_or_default(),
        unit: (!me.unit.is_root()).then(|| me.unit.as_str().to_owned()),
        console: !console::sections(caller).is_empty(),
        notice,
        recommended: recommended(&own, caller),
        grants: grants(web, caller, (now, factors.is_empty())).await?,
        devices: sessions.into_iter().map(|session| device(session, caller, now)).collect(),
        password: me.password_changed_at.map(|at| Moment::date(now, at.seconds())),
        recovery: (!factors.is_empty()).then_some(RecoveryView { made }),
        factors,
        csrf,
    })
}

/// The most urgent of what would make the account safer.
fn recommended(own: &[Factor], caller: &Caller) -> Option<Recommended> {
    service::factor::recommended(own, caller.access()).into_iter().find_map(|code| match code {
        "add_second_factor" => Some(Recommended::AddFactor),
        "make_recovery_codes" => Some(Recommended::MakeCodes),
        "add_another_second_factor" => Some(Recommended::AddSecondFactor),
        _ => None,
    })
}

async fn grants(web: &Web, caller: &Caller, (now, no_factor): (i64, bool)) -> Result<Vec<GrantView>, Problem> {
    let withheld = caller.access().withheld_roles();
    let waits_for = if no_factor { Withheld::AddFactor } else { Withheld::Confirm };
    let rows = service::grant::own(&web.app, caller).await?;
    let directory = service::role::of_oneself(&web.app, caller).await?;
    let described = service::role::descriptions(&web.app, caller).await?;
    let mut shown = Vec::new();
    for grant in rows {
        let Some(flat) = directory.graph.get(grant.role) else { continue };
        let mut abilities = Vec::new();
        for (audience, names) in &flat.effective {
            let empty = BTreeMap::new();
            let (api, texts) =
                described.get(audience).map_or((audience.clone(), &empty), |(name, texts)| (name.clone(), texts));
            let text = |name: &String| texts.get(name).cloned().unwrap_or_else(|| name.clone());
            abilities.push(Abilities { api, descriptions: names.iter().map(text).collect() });
        }
        let (from, until) = (grant.valid_from.seconds(), grant.valid_until.map(Timestamp::seconds));
        let unit = (!grant.unit.is_root()).then(|| grant.unit.as_str().to_owned());
        let waits = withheld.iter().any(|name| name == directory.graph.name(grant.role));
        let view = GrantView::new(flat.role.display_name.clone(), unit, now, from, until, abilities);
        shown.push(GrantView { withheld: waits.then_some(waits_for), ..view });
    }
    Ok(shown)
}

fn device(session: Session, caller: &Caller, now: i64) -> DeviceView {
    let locked_since = session.locked_since();
    let described = describe(session.user_agent.as_deref());
    DeviceView {
        id: session.id.to_string(),
        icon: DeviceIcon::of(described.kind),
        label: session.device_label,
        browser: described.browser,
        os: described.os,
        current: session.id == caller.session(),
        state: DeviceState::of(now, session.last_active_at.seconds(), locked_since.seconds()),
        since: Moment::at(now, session.created_at.seconds()),
        ends: Moment::at(now, session.deadlines.absolute_at.seconds()),
    }
}

pub(super) async fn end_session(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    id: Path<Uuid>,
    form: Form<Nothing>,
) -> Result<Response, Problem> {
    let Some((secret, caller)) = signed_in(&web, &context, &headers).await? else {
        return Ok(to_sign_in(&context, "/account"));
    };
    let proof = (form::Purpose::Account, Some(&secret));
    form.proved(&web, &context, &headers, proof).await?.ok_or(Code::Forbidden)?;
    match service::session::end_own(&web.app, &caller, Which::One(SessionId::from_uuid(id.0))).await {
        Ok(_) => Ok(see(&context, "/account?told=ended")),
        Err(EndError::NotFound) => Ok(see(&context, "/account?told=gone")),
        Err(other) => Err(other.into()),
    }
}

pub(super) async fn end_others(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    form: Form<Nothing>,
) -> Result<Response, Problem> {
    let Some((secret, caller)) = signed_in(&web, &context, &headers).await? else {
        return Ok(to_sign_in(&context, "/account"));
    };
    let proof = (form::Purpose::Account, Some(&secret));
    form.proved(&web, &context, &headers, proof).await?.ok_or(Code::Forbidden)?;
    let ended = service::session::end_own(&web.app, &caller, Which::Others(caller.session())).await?;
    Ok(see(&context, if ended == 0 { "/account?told=gone" } else { "/account?told=ended-others" }))
}
