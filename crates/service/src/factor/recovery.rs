//! Recovery codes: hashed like passwords, sealed as a set, one used brings another (2.5, recovery rule 3).

use domain::id::{CredentialId, UserId};
use domain::realm::RealmKey;
use domain::recovery::RecoveryCode;
use store::{Read, StoreError, WriteTx, factor};

use super::{corrupt, place, sealed_in};
use crate::app::App;
use crate::hashing::{Against, Overloaded, Turn};

/// A set as stored: the envelope that a guarded update compares, and the hashes in it.
pub(crate) struct Set {
    id: CredentialId,
    envelope: Vec<u8>,
    hashes: Vec<String>,
}

/// A code that was right, and what takes its place.
pub(crate) struct Recovered {
    set: Set,
    replacement: RecoveryCode,
    hash: String,
}

impl Recovered {
    /// The code to show, once.
    pub(crate) fn replacement(&self) -> String {
        self.replacement.expose()
    }

    /// The set.
    pub(crate) const fn credential(&self) -> CredentialId {
        self.set.id
    }

    /// Its place in the set.
    pub(crate) const fn place(&self) -> usize {
        self.replacement.place()
    }
}

/// The set of a person.
pub(crate) async fn recovery_set(app: &App, tx: &mut impl Read, user: UserId) -> Result<Option<Set>, StoreError> {
    let Some(row) = factor::recovery_codes(tx, user).await? else { return Ok(None) };
    let opened = app.seal.open(tx.realm(), sealed_in(&place(&row.id)), &row.secret);
    let opened = opened.map_err(|_| corrupt(row.id, "secret"))?;
    let hashes = serde_json::from_slice(&opened).map_err(|_| corrupt(row.id, "secret"))?;
    Ok(Some(Set { id: row.id, envelope: row.secret, hashes }))
}

/// Compares a code with the one hash at its place; if it is right, makes and hashes its replacement. Slow: outside of any transaction.
pub(crate) async fn check_recovery_code(
    app: &App,
    turn: Turn,
    code: RecoveryCode,
    set: Set,
) -> Result<Option<Recovered>, Overloaded> {
    let (Some(typed), Some(stored)) = (code.as_password(), set.hashes.get(code.place()).cloned()) else {
        return Ok(None);
    };
    if !app.hashing.verify_in(turn, typed, Against::Stored(stored)).await? {
        return Ok(None);
    }
    let replacement = RecoveryCode::new(&*app.entropy, code.place());
    let made = hash(app, std::slice::from_ref(&replacement)).await?;
    Ok(made.into_iter().next().map(|hash| Recovered { set, replacement, hash }))
}

async fn hash(app: &App, codes: &[RecoveryCode]) -> Result<Vec<String>, Overloaded> {
    let typed = codes.iter().filter_map(RecoveryCode::as_password).collect();
    app.hashing.hash_codes(typed, &*app.entropy).await
}

/// Writes the replacement; `false`: the set changed meanwhile.
pub(crate) async fn use_recovery_code(
    app: &App,
    tx: &mut WriteTx<'_>,
    recovered: &Recovered,
) -> Result<bool, StoreError> {
    let set = &recovered.set;
    let mut hashes = set.hashes.clone();
    let Some(slot) = hashes.get_mut(recovered.place()) else { return Ok(false) };
    slot.clone_from(&recovered.hash);
    let after = sealed(app, tx, set.id, &hashes)?;
    factor::replace_recovery_code(tx, set.id, &set.envelope, &after).await
}

fn sealed(app: &App, tx: &WriteTx<'_>, id: CredentialId, hashes: &[String]) -> Result<Vec<u8>, StoreError> {
    let plain = serde_json::to_vec(hashes).map_err(|_| corrupt(id, "secret"))?;
    Ok(app.seal.seal(&*tx.entropy(), realm(tx), sealed_in(&place(&id)), &plain)?)
}

fn realm(tx: &WriteTx<'_>) -> RealmKey {
    tx.allowed().realm()
}

/// A new set: the codes to show, and their hashes.
pub(crate) struct NewSet {
    /// For people, once.
    pub(crate) shown: Vec<String>,
    hashes: Vec<String>,
}

/// Makes and hashes a set. Slow: outside of any transaction.
pub(crate) async fn new_set(app: &App) -> Result<NewSet, Overloaded> {
    let codes = RecoveryCode::set(&*app.entropy);
    let hashes = hash(app, &codes).await?;
    Ok(NewSet { shown: codes.iter().map(RecoveryCode::expose).collect(), hashes })
}

impl NewSet {
    /// Gives the set to a person; the one before is ended.
    pub(crate) async fn give(&self, app: &App, tx: &mut WriteTx<'_>, user: UserId) -> Result<CredentialId, StoreError> {
        let id = CredentialId::new(&*tx.entropy(), tx.now());
        let envelope = sealed(app, tx, id, &self.hashes)?;
        factor::set_recovery_codes(tx, id, user, &envelope).await?;
        Ok(id)
    }
}
