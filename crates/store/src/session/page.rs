//! Lists of sessions: of a device, of everybody within reach.

use domain::id::{DeviceId, SessionId, UserId};
use domain::time::{Timestamp, days};

use super::{Session, from_row};
use crate::db::{Composed, Read, Statement, params, sql};
use crate::error::StoreError;

/// A session that was begun on a device and is not over, with its person's name.
#[derive(Clone, Debug)]
pub struct OnDevice {
    /// The session.
    pub session: Session,
    /// What people call its person.
    pub name: String,
}

/// The sessions of a device that are not over, of everybody who is recognised there; newest first.
///
/// # Errors
/// [`StoreError`].
pub async fn on_device(tx: &mut impl Read, device: DeviceId) -> Result<Vec<OnDevice>, StoreError> {
    // By the device's people: no index begins with the device, and there are few of them.
    let sql = sql!(
        "SELECT s.id, s.user_id, s.acr, s.amr, s.auth_at, s.idle_at, s.absolute_at, s.idle_seconds, s.ended_at, s.created_at, s.last_active_at,
            s.renewed_at, s.device_label, s.address, s.user_agent, s.locked_at, COALESCE(u.display_name, u.username, '')
          FROM device_principal d CROSS JOIN session s CROSS JOIN \"user\" u
          WHERE d.realm_id = $1 AND d.device_id = $2 AND d.ended_at IS NULL AND d.last_at > $4
            AND s.realm_id = d.realm_id AND s.user_id = d.principal_id AND s.ended_at IS NULL AND s.absolute_at > $3 AND s.device_id = $2
            AND u.realm_id = s.realm_id AND u.id = s.user_id AND u.status = 'active' ORDER BY s.id DESC LIMIT 100"
    );
    let since = tx.now().minus(days(crate::device::RECOGNISED_DAYS));
    let rows = tx.query(sql, params![tx.realm(), device, tx.now(), since]).await?;
    rows.iter().map(|row| Ok(OnDevice { session: from_row(row)?, name: row.get(16)? })).collect()
}

/// What a listing of sessions is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this person.
    pub user: Option<UserId>,
    /// From this address.
    pub address: Option<String>,
    /// Older than this one, in the listing.
    pub after: Option<SessionId>,
}

/// The sessions of people within reach that are not over, newest first.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut impl Read, filter: &Filter, limit: i64) -> Result<Vec<Session>, StoreError> {
    let statement = list_statement((tx.realm(), tx.now()), tx.allowed().reach(), filter, limit);
    tx.query(statement.sql, statement.params).await?.iter().map(from_row).collect()
}

/// The statement of [`list`], for the test that enumerates every combination.
#[must_use]
pub fn list_statement(
    (realm, now): (domain::realm::RealmKey, Timestamp),
    reach: &domain::access::Reach,
    filter: &Filter,
    limit: i64,
) -> Statement {
    let start = "SELECT s.id, s.user_id, s.acr, s.amr, s.auth_at, s.idle_at, s.absolute_at, s.idle_seconds, s.ended_at, s.created_at,
        s.last_active_at, s.renewed_at, s.device_label, s.address, s.user_agent, s.locked_at FROM session s
      CROSS JOIN \"user\" u CROSS JOIN unit n WHERE u.realm_id = s.realm_id AND u.id = s.user_id
        AND n.realm_id = u.realm_id AND n.id = u.unit_id AND s.realm_id = ";
    Composed::new(start)
        .bind(realm)
        .add(" AND s.ended_at IS NULL AND s.absolute_at > ")
        .bind(now)
        .and("s.user_id = ", filter.user)
        .and("s.address = ", filter.address.as_deref())
        .and("s.id < ", filter.after)
        .within("n.path", reach)
        .add(" ORDER BY s.id DESC LIMIT ")
        .bind(limit)
        .done()
}
