//! Events, the personal data beside them, and the leaves that fix their order. Insert-only.

use domain::event::{EventOutcome, EventType, PersonalData, Record, leaf_hash};
use domain::id::{EventId, PrincipalId};
use domain::realm::RealmKey;
use domain::time::Timestamp;

use crate::db::{Composed, Read, Statement, Value, WriteTx, params, sql};
use crate::error::StoreError;

mod insert;
pub(crate) use insert::{insert_sequenced, insert_statements};

/// What a listing is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Who acted.
    pub actor: Option<PrincipalId>,
    /// What it is about.
    pub subject: Option<uuid::Uuid>,
    /// Of which type.
    pub kind: Option<EventType>,
    /// How it went.
    pub outcome: Option<EventOutcome>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
    /// After this event in the listing, which is newest first.
    pub after: Option<(Timestamp, EventId)>,
}

/// An event as stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its id.
    pub id: EventId,
    /// When.
    pub at: Timestamp,
    /// Its leaf's index; `None` until sequenced.
    pub index: Option<i64>,
    /// `{"v":1,…}`.
    pub canonical: Vec<u8>,
    /// What is personal, by whom it concerns; erased rows are absent.
    pub personal: Vec<(PrincipalId, PersonalData)>,
}

/// The listing, newest first: at most `limit` events.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut impl Read, filter: &Filter, limit: i64) -> Result<Vec<Stored>, StoreError> {
    let statement = list_statement(tx.realm(), filter, limit);
    let mut events = Vec::new();
    for row in tx.query(statement.sql, statement.params).await? {
        let (id, at, index, canonical) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        events.push(Stored { id, at, index, canonical, personal: Vec::new() });
    }
    for event in &mut events {
        event.personal = personal(tx, event.id).await?;
    }
    Ok(events)
}

/// The statement of [`list`], for the test that enumerates every combination.
#[must_use]
pub fn list_statement(realm: RealmKey, filter: &Filter, limit: i64) -> Statement {
    let composed = Composed::new(
        "SELECT e.id, e.at, l.\"index\", e.canonical FROM audit_event e
           LEFT JOIN audit_leaf l ON l.realm_id = e.realm_id AND l.event_id = e.id WHERE e.realm_id = ",
    )
    .bind(realm)
    .and("e.actor_id = ", filter.actor)
    .and("e.subject_id = ", filter.subject)
    .and("e.type = ", filter.kind.map(EventType::as_str))
    .and("e.outcome = ", filter.outcome.map(EventOutcome::as_str))
    .and("e.at >= ", filter.from)
    .and("e.at < ", filter.to);
    let composed = match filter.after {
        Some((at, id)) => composed.add(" AND (e.at, e.id) < (").bind(at).add(", ").bind(id).add(")"),
        None => composed,
    };
    composed.add(" ORDER BY e.at DESC, e.id DESC LIMIT ").bind(limit).done()
}

/// One event.
///
/// # Errors
/// [`StoreError`].
pub async fn find(tx: &mut impl Read, id: EventId) -> Result<Option<Stored>, StoreError> {
    let found = tx
        .one(
            sql!(
                "SELECT e.id, e.at, l.\"index\", e.canonical FROM audit_event e
                   LEFT JOIN audit_leaf l ON l.realm_id = e.realm_id AND l.event_id = e.id
                  WHERE e.realm_id = $1 AND e.id = $2"
            ),
            params![tx.realm(), id],
        )
        .await?;
    let Some(row) = found else { return Ok(None) };
    let personal = personal(tx, id).await?;
    Ok(Some(Stored { id: row.get(0)?, at: row.get(1)?, index: row.get(2)?, canonical: row.get(3)?, personal }))
}

async fn personal(tx: &mut impl Read, event: EventId) -> Result<Vec<(PrincipalId, PersonalData)>, StoreError> {
    let sql = sql!(
        "SELECT subject_id, personal FROM audit_personal WHERE realm_id = $1 AND event_id = $2 ORDER BY subject_id"
    );
    let rows = tx.query(sql, params![tx.realm(), event]).await?;
    rows.iter()
        .map(|row| {
            let data = serde_json::from_slice(&row.get::<Vec<u8>>(1)?).map_err(|_| StoreError::Corrupt {
                table: "audit_personal",
                column: "personal".to_owned(),
                id: event.to_string(),
            })?;
            Ok((row.get(0)?, data))
        })
        .collect()
}

/// Erases what one event says about one person. The leaf stays and still verifies.
///
/// # Errors
/// [`StoreError`].
pub async fn erase_personal(tx: &mut WriteTx<'_>, event: EventId, subject: PrincipalId) -> Result<bool, StoreError> {
    let sql = sql!("DELETE FROM audit_personal WHERE realm_id = $1 AND event_id = $2 AND subject_id = $3");
    let realm = tx.realm();
    Ok(tx.execute(sql, params![realm, event, subject]).await? == 1)
}

/// A leaf with its entry and the commitments' openings, for verification.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// Consecutive from 0.
    pub index: i64,
    /// `SHA-256(0x00 ‖ canonical)`.
    pub hash: [u8; 32],
    /// The entry.
    pub canonical: Vec<u8>,
    /// Subject, salt, personal bytes: what has not been erased.
    pub openings: Vec<(PrincipalId, Vec<u8>, Vec<u8>)>,
}

/// Leaves from an index on, in order.
///
/// # Errors
/// [`StoreError`].
pub async fn leaves(tx: &mut impl Read, from: i64, limit: i64) -> Result<Vec<Leaf>, StoreError> {
    let rows = tx
        .query(
            sql!(
                "SELECT l.\"index\", l.leaf_hash, e.canonical, e.id FROM audit_leaf l
                   JOIN audit_event e ON e.realm_id = l.realm_id AND e.id = l.event_id
                  WHERE l.realm_id = $1 AND l.\"index\" >= $2 ORDER BY l.\"index\" LIMIT $3"
            ),
            params![tx.realm(), from, limit],
        )
        .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let event: EventId = row.get(3)?;
        let sql = sql!("SELECT subject_id, salt, personal FROM audit_personal WHERE realm_id = $1 AND event_id = $2");
        let openings = tx.query(sql, params![tx.realm(), event]).await?;
        let openings = openings.iter().map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        let openings = openings.collect::<Result<_, StoreError>>()?;
        found.push(Leaf { index: row.get(0)?, hash: row.get(1)?, canonical: row.get(2)?, openings });
    }
    Ok(found)
}

/// How many events wait for their index.
///
/// # Errors
/// [`StoreError`].
pub async fn counts(tx: &mut impl Read) -> Result<(i64, i64), StoreError> {
    let sql = sql!(
        "SELECT (SELECT COUNT(*) FROM audit_event WHERE realm_id = $1), (SELECT COUNT(*) FROM audit_leaf WHERE realm_id = $1)"
    );
    let row = tx.one(sql, params![tx.realm()]).await?.ok_or_else(|| StoreError::rule("a count has one row"))?;
    Ok((row.get(0)?, row.get(1)?))
}

fn event_params(realm: RealmKey, record: &Record) -> Vec<Value> {
    params![
        realm,
        record.id,
        record.at,
        record.kind.as_str(),
        record.outcome.as_str(),
        record.actor,
        record.subject,
        record.canonical.clone(),
    ]
}

/// Whether a leaf is what its entry says, and every opening that is left fits its commitment.
#[must_use]
pub fn leaf_verifies(leaf: &Leaf) -> bool {
    let text = String::from_utf8_lossy(&leaf.canonical);
    leaf_hash(&leaf.canonical) == leaf.hash
        && leaf.openings.iter().all(|(subject, salt, personal)| {
            let commitment = domain::event::commitment(salt, personal);
            text.contains(&format!("{{\"subject\":\"{subject}\",\"sha256\":\"{commitment}\"}}"))
        })
}
