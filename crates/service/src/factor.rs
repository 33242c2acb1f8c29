//! Second factors: checking them, and what their owner and administrators do with them (MFA-06 to MFA-08).

mod bind;
mod manage;
mod recovery;

use domain::access::Access;
use domain::entropy::Entropy;
use domain::id::{CredentialId, UserId};
use domain::totp::{self, Seed};
use serde::{Deserialize, Serialize};
use store::factor::{Factor, Sealed};
use store::{Read, StoreError, WriteTx, factor};

pub(crate) use self::bind::enrolled;
pub use self::bind::{Bound, begin_totp, confirm_totp, seed_totp};
pub use self::manage::{
    FactorError, Removal, Rename, new_recovery_codes, of_user, of_user_as_operator, own, remove_as_operator,
    remove_other, remove_own, rename,
};
pub(crate) use self::recovery::{Recovered, check_recovery_code, new_set, recovery_set, use_recovery_code};
use crate::app::App;
use crate::seal::Place;

/// What would make an account safer (MFA-07), as codes.
#[must_use]
pub fn recommended(factors: &[Factor], access: &Access) -> Vec<&'static str> {
    let of = |kind: &str| factors.iter().filter(|factor| factor.kind == kind).count();
    let advice = [
        (of("totp") == 0, "add_second_factor"),
        (of("totp") == 1, "add_another_second_factor"),
        (of("totp") > 0 && of("recovery_codes") == 0, "make_recovery_codes"),
        (of("totp") > 0 && !access.withheld_roles().is_empty(), "confirm_second_factor"),
    ];
    advice.into_iter().filter(|(fits, _)| *fits).map(|(_, code)| code).collect()
}

/// Most applications of one person.
pub(crate) const MOST_TOTP: usize = 10;

/// What an application remembers, as JSON: the step of the last code (TOTP-02).
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Used {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<i64>,
}

/// `{"step":…}`.
pub(crate) fn used_at(step: i64) -> String {
    serde_json::json!({ "step": step }).to_string()
}

fn place(id: &CredentialId) -> [u8; 16] {
    id.uuid().into_bytes()
}

/// Where a factor's secret is sealed.
pub(crate) fn sealed_in(row: &[u8; 16]) -> Place<'_> {
    Place { table: "credential", column: "secret", row }
}

fn corrupt(id: CredentialId, column: &str) -> StoreError {
    StoreError::Corrupt { table: "credential", column: column.to_owned(), id: id.to_string() }
}

/// Seals a seed for its row.
pub(crate) fn seal_seed(
    app: &App,
    entropy: &dyn Entropy,
    tx: &impl Read,
    id: CredentialId,
    seed: &Seed,
) -> Result<Vec<u8>, StoreError> {
    Ok(app.seal.seal(entropy, tx.realm(), sealed_in(&place(&id)), seed.bytes())?)
}

/// Opens a seed.
pub(crate) fn open_seed(app: &App, tx: &impl Read, row: &Sealed) -> Result<Seed, StoreError> {
    let opened = app.seal.open(tx.realm(), sealed_in(&place(&row.id)), &row.secret);
    opened.ok().and_then(|bytes| Seed::from_stored(&bytes)).ok_or_else(|| corrupt(row.id, "secret"))
}

/// The step of the last code that was used.
pub(crate) fn last_step(row: &Sealed) -> Result<Option<i64>, StoreError> {
    let used: Used = serde_json::from_str(&row.state).map_err(|_| corrupt(row.id, "state"))?;
    Ok(used.step)
}

/// Which of a person's applications shows this code now; then it is used up, and every one before it.
pub(crate) async fn use_totp(
    app: &App,
    tx: &mut WriteTx<'_>,
    user: UserId,
    code: &totp::Code,
) -> Result<Option<CredentialId>, StoreError> {
    let now = tx.now();
    let mut found = None;
    // All of them are looked at, so that the time tells nothing.
    for row in factor::totps(tx, user).await? {
        let matched = open_seed(app, tx, &row)?.matches(code, now, last_step(&row)?);
        found = found.or(matched.map(|step| (row, step)));
    }
    match found {
        Some((row, step)) => Ok(factor::used(tx, row.id, &row.state, &used_at(step)).await?.then_some(row.id)),
        None => Ok(None),
    }
}
