//! What resources look like on the wire (api.md).

use domain::time::Timestamp;
use serde::Serialize;
use service::stored::{Grant, Session};
use service::user::Person;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use uuid::Uuid;

use super::device;

/// RFC 3339.
pub(super) fn at(instant: Timestamp) -> String {
    instant.rfc3339()
}

/// A refusal (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemDocument {
    /// An address that explains the code.
    pub r#type: String,
    /// The stable name.
    #[schema(schema_with = codes)]
    pub code: String,
    /// For people.
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// More.
    #[schema(nullable = false)]
    pub detail: Option<String>,
    /// Values that are not acceptable.
    #[schema(nullable = false)]
    pub errors: Option<Vec<FieldDocument>>,
    /// Permissions that are missing.
    #[schema(nullable = false)]
    pub missing: Option<Vec<String>>,
    /// Which authentication would do (RFC 9470).
    #[schema(nullable = false)]
    pub acr_values: Option<String>,
    /// How old an authentication may be, in seconds (RFC 9470).
    #[schema(nullable = false)]
    pub max_age: Option<u64>,
    /// As in `X-Request-Id`.
    pub request_id: String,
}

/// The closed list.
fn codes() -> Schema {
    let names = wire::problem::Code::ALL.map(wire::problem::Code::as_str);
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).description(Some("The stable name.")).into()
}

/// A value that is not acceptable.
#[derive(Debug, Serialize, ToSchema)]
pub struct FieldDocument {
    /// Where it stands (RFC 6901), for example `/new_password`.
    pub pointer: String,
    /// What is wrong, for programs.
    pub code: String,
    /// What is wrong, for people.
    pub detail: String,
}

/// A person.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct User {
    id: Uuid,
    #[schema(required)]
    username: Option<String>,
    #[schema(required)]
    display_name: Option<String>,
    #[schema(required)]
    given_name: Option<String>,
    #[schema(required)]
    family_name: Option<String>,
    #[schema(required)]
    email: Option<String>,
    email_verified: bool,
    #[schema(required)]
    phone: Option<String>,
    #[schema(required)]
    locale: Option<String>,
    /// Path of the home unit.
    unit: String,
    #[schema(required)]
    external_id: Option<String>,
    #[schema(value_type = Object)]
    attributes: serde_json::Value,
    /// `active`, `disabled`, `invited`, `deleted`.
    status: &'static str,
    /// Granted anywhere.
    roles: Vec<String>,
    /// Second factors.
    mfa: Vec<String>,
    #[schema(required)]
    last_sign_in_at: Option<String>,
    #[schema(required)]
    password_changed_at: Option<String>,
    created_at: String,
    #[schema(required)]
    created_by: Option<Uuid>,
    updated_at: String,
    #[schema(required)]
    updated_by: Option<Uuid>,
    version: i64,
}

/// Oneself.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Me {
    #[serde(flatten)]
    pub(super) user: User,
    /// What would make the account safer: `add_second_factor`, `add_another_second_factor`, `make_recovery_codes`, `confirm_second_factor`.
    pub(super) recommended_actions: Vec<&'static str>,
}

impl From<Person> for User {
    fn from(person: Person) -> Self {
        let Person { user, roles, mfa } = person;
        Self {
            id: user.id.uuid(),
            email_verified: user.email_verified_at.is_some(),
            attributes: serde_json::from_str(&user.attributes).unwrap_or_default(),
            username: user.username,
            display_name: user.display_name,
            given_name: user.given_name,
            family_name: user.family_name,
            email: user.email,
            phone: user.phone,
            locale: user.locale,
            unit: user.unit.as_str().to_owned(),
            external_id: user.external_id,
            status: user.status.as_str(),
            roles,
            mfa,
            last_sign_in_at: user.last_sign_in_at.map(at),
            password_changed_at: user.password_changed_at.map(at),
            created_at: at(user.created_at),
            created_by: user.created_by,
            updated_at: at(user.updated_at),
            updated_by: user.updated_by,
            version: user.version,
        }
    }
}

/// Somebody holds a role in a unit.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GrantShape {
    id: Uuid,
    role: String,
    unit: String,
    valid_from: String,
    #[schema(required)]
    valid_until: Option<String>,
    reason: String,
    /// Null: the command line or the server.
    #[schema(required)]
    granted_by: Option<Uuid>,
    granted_at: String,
    #[schema(required)]
    ended_at: Option<String>,
    #[schema(required)]
    ended_by: Option<Uuid>,
}

impl From<Grant> for GrantShape {
    fn from(grant: Grant) -> Self {
        Self {
            id: grant.id.uuid(),
            role: grant.role_name,
            unit: grant.unit.as_str().to_owned(),
            valid_from: at(grant.valid_from),
            valid_until: grant.valid_until.map(at),
            reason: grant.reason,
            granted_by: grant.granted_by.map(domain::id::PrincipalId::uuid),
            granted_at: at(grant.granted_at),
            ended_at: grant.ended_at.map(at),
            ended_by: grant.ended_by.map(domain::id::PrincipalId::uuid),
        }
    }
}

/// A device as people recognise it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Device {
    /// As given at sign-in.
    #[schema(required)]
    label: Option<String>,
    /// `desktop`, `phone`, `tablet`, `other`.
    kind: &'static str,
    browser: String,
    os: String,
}

/// A sign-in on a device.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionShape {
    id: Uuid,
    current: bool,
    device: Device,
    #[schema(required)]
    address: Option<String>,
    created_at: String,
    last_active_at: String,
    idle_deadline: String,
    absolute_deadline: String,
    /// `live` or `locked`.
    state: &'static str,
    acr: String,
    amr: Vec<String>,
}

impl SessionShape {
    pub(super) fn new(session: Session, current: Option<domain::id::SessionId>, now: Timestamp) -> Self {
        let described = device::describe(session.user_agent.as_deref());
        let locked = session.deadlines.state(session.ended_at.is_some(), now) == domain::session::State::Locked;
        Self {
            id: session.id.uuid(),
            current: current == Some(session.id),
            device: Device {
                label: session.device_label,
                kind: described.kind,
                browser: described.browser,
                os: described.os,
            },
            address: session.address,
            created_at: at(session.created_at),
            last_active_at: at(session.last_active_at),
            idle_deadline: at(session.deadlines.idle_at),
            absolute_deadline: at(session.deadlines.absolute_at),
            state: if locked { "locked" } else { "live" },
            acr: session.acr,
            amr: session.amr.split(' ').map(ToOwned::to_owned).collect(),
        }
    }
}

/// One way in which a permission is held.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccessPath {
    role: String,
    via: Vec<String>,
    grant: Uuid,
    unit: String,
    #[schema(required)]
    valid_until: Option<String>,
}

/// A permission that is held, where, and through what.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccessShape {
    api: String,
    permission: String,
    unit: String,
    withheld: bool,
    paths: Vec<AccessPath>,
}

impl From<domain::access::Explained> for AccessShape {
    fn from(held: domain::access::Explained) -> Self {
        let path = |path: domain::access::Path| AccessPath {
            role: path.role.to_string(),
            via: path.via.iter().map(ToString::to_string).collect(),
            grant: path.grant.uuid(),
            unit: path.unit.as_str().to_owned(),
            valid_until: path.valid_until.map(at),
        };
        Self {
            api: held.api.to_string(),
            permission: held.permission.to_string(),
            unit: held.unit.as_str().to_owned(),
            withheld: held.withheld,
            paths: held.paths.into_iter().map(path).collect(),
        }
    }
}
