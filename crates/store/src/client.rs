//! Clients: applications that ask for tokens. A client is a principal; its secrets are `access::api`'s.

use domain::client::{ClientKind, RedirectUri};
use domain::id::PrincipalId;
use domain::permission::Audience;

use crate::db::{Read, Row, WriteTx, params, sql};
use crate::error::StoreError;

/// A client as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its id as a principal.
    pub id: PrincipalId,
    /// `client_id`; never changes.
    pub client_id: String,
    /// Its name for people.
    pub name: String,
    /// What kind of application.
    pub kind: ClientKind,
    /// Where people may be sent back to.
    pub redirect_uris: Vec<RedirectUri>,
    /// Audiences of the APIs that it may ask tokens for.
    pub apis: Vec<Audience>,
    /// Whether it must use PKCE (RFC 7636).
    pub require_pkce: bool,
    /// Whether it may do anything.
    pub enabled: bool,
    /// Raised by each change.
    pub version: i64,
}

fn from_row(row: &Row) -> Result<Client, StoreError> {
    Ok(Client {
        id: row.get(0)?,
        client_id: row.get(1)?,
        name: row.get(2)?,
        kind: row.parsed(3, ClientKind::parse)?,
        redirect_uris: row.parsed(4, |text| serde_json::from_str(text).ok())?,
        apis: row.parsed(5, |text| serde_json::from_str(text).ok())?,
        require_pkce: row.get(6)?,
        enabled: row.get(7)?,
        version: row.get(8)?,
    })
}

/// A client by `client_id`.
///
/// # Errors
/// [`StoreError`].
pub async fn by_client_id(tx: &mut impl Read, client_id: &str) -> Result<Option<Client>, StoreError> {
    let sql = sql!(
        "SELECT id, client_id, name, kind, redirect_uris, apis, require_pkce, enabled, version FROM client
          WHERE realm_id = $1 AND client_id = $2 AND ended_at IS NULL"
    );
    tx.one(sql, params![tx.realm(), client_id]).await?.as_ref().map(from_row).transpose()
}

/// A client by its id as a principal: `sub` of its tokens.
///
/// # Errors
/// [`StoreError`].
pub async fn by_id(tx: &mut impl Read, id: PrincipalId) -> Result<Option<Client>, StoreError> {
    let sql = sql!(
        "SELECT id, client_id, name, kind, redirect_uris, apis, require_pkce, enabled, version FROM client
          WHERE realm_id = $1 AND id = $2 AND ended_at IS NULL"
    );
    tx.one(sql, params![tx.realm(), id]).await?.as_ref().map(from_row).transpose()
}

/// Clients by `client_id`, after `after`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut impl Read, after: &str, limit: i64) -> Result<Vec<Client>, StoreError> {
    let sql = sql!(
        "SELECT id, client_id, name, kind, redirect_uris, apis, require_pkce, enabled, version FROM client
          WHERE realm_id = $1 AND client_id > $2 AND ended_at IS NULL ORDER BY client_id LIMIT $3"
    );
    tx.query(sql, params![tx.realm(), after, limit]).await?.iter().map(from_row).collect()
}

/// The `client_id` of one that names an API.
///
/// # Errors
/// [`StoreError`].
pub async fn naming(tx: &mut impl Read, audience: &str) -> Result<Option<String>, StoreError> {
    // Clients are few, and their lists short.
    let mut after = String::new();
    loop {
        let some = list(tx, &after, 200).await?;
        let Some(last) = some.last() else { return Ok(None) };
        after.clone_from(&last.client_id);
        if let Some(found) = some.into_iter().find(|client| client.apis.iter().any(|api| api.as_str() == audience)) {
            return Ok(Some(found.client_id));
        }
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Registers a client; `false`: the `client_id` is taken.
///
/// # Errors
/// [`StoreError`].
pub async fn create(tx: &mut WriteTx<'_>, client: &Client) -> Result<bool, StoreError> {
    let (realm, now, by) = (tx.realm(), tx.now(), tx.allowed().actor().principal());
    if by_client_id(tx, &client.client_id).await?.is_some() {
        return Ok(false);
    }
    let principal = sql!("INSERT INTO principal (realm_id, id, kind, created_at) VALUES ($1, $2, 'client', $3)");
    tx.execute(principal, params![realm, client.id, now]).await?;
    let sql = sql!(
        "INSERT INTO client (realm_id, id, client_id, name, kind, redirect_uris, apis, require_pkce, enabled, version, created_at,
            created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $11)"
    );
    let (uris, apis) = (json(&client.redirect_uris), json(&client.apis));
    let values = params![
        realm,
        client.id,
        &client.client_id,
        &client.name,
        client.kind.as_str(),
        uris,
        apis,
        client.require_pkce,
        client.enabled,
        now,
        by,
    ];
    tx.execute(sql, values).await.map(|rows| rows == 1)
}

/// Writes what may change of a client and raises its version; `false`: it is in another version, or ended.
///
/// # Errors
/// [`StoreError`].
pub async fn update(tx: &mut WriteTx<'_>, client: &Client) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE client SET name = $4, redirect_uris = $5, apis = $6, require_pkce = $7, enabled = $8, version = version + 1
          WHERE realm_id = $1 AND id = $2 AND version = $3 AND ended_at IS NULL"
    );
    let (uris, apis) = (json(&client.redirect_uris), json(&client.apis));
    let (pkce, enabled) = (client.require_pkce, client.enabled);
    let values = params![tx.realm(), client.id, client.version, &client.name, uris, apis, pkce, enabled];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Raises a client's version: what it holds changed.
///
/// # Errors
/// [`StoreError`].
pub async fn touch(tx: &mut WriteTx<'_>, id: PrincipalId) -> Result<(), StoreError> {
    let sql = sql!("UPDATE client SET version = version + 1 WHERE realm_id = $1 AND id = $2 AND ended_at IS NULL");
    let values = params![tx.realm(), id];
    tx.execute(sql, values).await.map(|_| ())
}

/// Ends a client with its secrets; `false`: it is in another version, or ended already.
///
/// # Errors
/// [`StoreError`].
pub async fn end(tx: &mut WriteTx<'_>, id: PrincipalId, version: i64) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE client SET ended_at = $4, ended_by = $5 WHERE realm_id = $1 AND id = $2 AND version = $3 AND ended_at IS NULL"
    );
    let by = tx.allowed().actor().principal();
    let values = params![tx.realm(), id, version, tx.now(), by];
    if tx.execute(sql, values).await? == 0 {
        return Ok(false);
    }
    crate::access::api::end_secrets(tx, id).await?;
    Ok(true)
}
