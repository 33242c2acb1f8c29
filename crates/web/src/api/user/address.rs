//! Addresses: one's e-mail, where notices go, and the link that confirms them.

use axum::Json as Out;
use axum::extract::State;
use axum::http::StatusCode;
use domain::activation::link_or_code;
use domain::id::{AddressId, UserId};
use serde::{Deserialize, Serialize};
use service::stored::Address;
use service::user::{AddAddress, EndAddress};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::shape::{ProblemDocument, at};
use super::change::email;
use crate::config::Web;
use crate::http::body::Json;
use crate::http::page::Page;
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::http::request::Context;
use crate::table::SignedIn;

/// Where notices go.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct AddressShape {
    id: Uuid,
    email: String,
    /// Notices go there once it is confirmed.
    verified: bool,
    created_at: String,
}

impl From<Address> for AddressShape {
    fn from(address: Address) -> Self {
        Self {
            id: address.id.uuid(),
            email: address.value,
            verified: address.verified_at.is_some(),
            created_at: at(address.created_at),
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct AddressBody {
    /// A link is mailed there.
    email: String,
}

fn listed(all: Vec<Address>) -> Out<Page<AddressShape>> {
    Out(Page { items: all.into_iter().map(AddressShape::from).collect(), next_cursor: None })
}

/// Addresses to which notices about a person within reach go, beside their e-mail.
#[utoipa::path(get, path = "/api/v1/users/{id}/addresses", tag = "users", params(("id" = Uuid, Path, description = "The person")), security(("bearer" = [])),
    responses((status = 200, description = "In the order in which they were added", body = Page<AddressShape>),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
pub(in super::super) async fn of_user(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<Uuid>,
) -> Result<Out<Page<AddressShape>>, Problem> {
    Ok(listed(service::user::addresses(&web.app, &caller, UserId::from_uuid(path.0)).await?))
}

/// Adds an address for notices; it counts once the link that is mailed there is used. Needs the right to give every role that the person holds.
#[utoipa::path(post, path = "/api/v1/users/{id}/addresses", tag = "users", params(("id" = Uuid, Path, description = "The person")),
    request_body = AddressBody, security(("bearer" = [])),
    responses((status = 201, description = "Added", body = AddressShape),
        (status = 409, description = "Listed already, or five are there", body = ProblemDocument),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
pub(in super::super) async fn add(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<Uuid>,
    Json(body): Json<AddressBody>,
) -> Result<(StatusCode, Out<AddressShape>), Problem> {
    let command = AddAddress { user: UserId::from_uuid(path.0), email: email(&body.email)? };
    Ok((StatusCode::CREATED, Out(service::user::add_address(&web.app, &caller, command).await?.into())))
}

/// Removes an address for notices. Needs the right to give every role that the person holds.
#[utoipa::path(delete, path = "/api/v1/users/{id}/addresses/{address}", tag = "users",
    params(("id" = Uuid, Path, description = "The person"), ("address" = Uuid, Path, description = "The address")), security(("bearer" = [])),
    responses((status = 204, description = "Removed"), (status = "4XX", description = "Refused", body = ProblemDocument)))]
pub(in super::super) async fn end(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    Path((user, address)): Path<(Uuid, Uuid)>,
) -> Result<StatusCode, Problem> {
    let command = EndAddress { user: UserId::from_uuid(user), address: AddressId::from_uuid(address) };
    service::user::end_address(&web.app, &caller, command).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One's own addresses for notices, beside the e-mail.
#[utoipa::path(get, path = "/api/v1/me/addresses", tag = "me", security(("bearer" = [])),
    responses((status = 200, description = "In the order in which they were added", body = Page<AddressShape>),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
pub(in super::super) async fn own(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
) -> Result<Out<Page<AddressShape>>, Problem> {
    Ok(listed(service::user::own_addresses(&web.app, &caller).await?))
}

/// Adds an address for notices; it counts once the link that is mailed there is used.
#[utoipa::path(post, path = "/api/v1/me/addresses", tag = "me", request_body = AddressBody, security(("bearer" = [])),
    responses((status = 201, description = "Added", body = AddressShape),
        (status = 409, description = "Listed already, or five are there", body = ProblemDocument),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
pub(in super::super) async fn add_own(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    Json(body): Json<AddressBody>,
) -> Result<(StatusCode, Out<AddressShape>), Problem> {
    let made = service::user::add_own_address(&web.app, &caller, email(&body.email)?).await?;
    Ok((StatusCode::CREATED, Out(made.into())))
}

/// Removes one of one's own addresses for notices.
#[utoipa::path(delete, path = "/api/v1/me/addresses/{id}", tag = "me", params(("id" = Uuid, Path, description = "The address")), security(("bearer" = [])),
    responses((status = 204, description = "Removed"), (status = "4XX", description = "Refused", body = ProblemDocument)))]
pub(in super::super) async fn end_own(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<Uuid>,
) -> Result<StatusCode, Problem> {
    service::user::end_own_address(&web.app, &caller, AddressId::from_uuid(path.0)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks for another e-mail address of one's own: nothing changes before the link that is mailed there is used. The present address is told.
#[utoipa::path(put, path = "/api/v1/me/email", tag = "me", request_body = AddressBody, security(("bearer" = [])),
    responses((status = 202, description = "A link is on its way"),
        (status = 409, description = "It is the address already", body = ProblemDocument),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
pub(in super::super) async fn change_own(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    Json(body): Json<AddressBody>,
) -> Result<StatusCode, Problem> {
    service::user::change_own_email(&web.app, &caller, email(&body.email)?).await?;
    Ok(StatusCode::ACCEPTED)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct ConfirmBody {
    /// From the link.
    token: String,
}

/// Confirms an address with the link that was mailed to it. One answer for unknown, expired and used links.
#[utoipa::path(post, path = "/api/v1/email/confirm", tag = "me", request_body = ConfirmBody, security(()),
    responses((status = 204, description = "Confirmed"), (status = 400, description = "`token-refused`", body = ProblemDocument),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
pub(in super::super) async fn confirm(
    State(web): State<Web>,
    context: Context,
    Json(body): Json<ConfirmBody>,
) -> Result<StatusCode, Problem> {
    let token = link_or_code(&body.token);
    service::user::confirm(&web.app, context.realm.key, token, context.request).await?;
    Ok(StatusCode::NO_CONTENT)
}
