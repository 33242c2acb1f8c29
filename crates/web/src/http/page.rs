//! Lists: `?limit=` (1-200, default 50) and `?cursor=`; answers `{"items":[…],"next_cursor":"…"|null}`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use utoipa::ToSchema;
use wire::problem::Code;

use super::problem::Problem;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; null: this was the last.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

/// The limit as asked, or the default.
///
/// # Errors
/// [`Problem`] 400: outside of 1-200.
pub fn limit(asked: Option<i64>) -> Result<i64, Problem> {
    match asked {
        None => Ok(50),
        Some(limit @ 1..=200) => Ok(limit),
        Some(_) => Err(Problem::from(Code::Malformed).detail("limit is 1 to 200.")),
    }
}

/// Cuts a list that was read one longer than the limit, and points behind its last item.
pub fn cut<R, T>(mut rows: Vec<R>, limit: i64, cursor: impl FnOnce(&R) -> String, item: impl FnMut(R) -> T) -> Page<T> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > most;
    rows.truncate(most);
    let next_cursor = rows.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(cursor(last)));
    Page { items: rows.into_iter().map(item).collect(), next_cursor }
}

/// Reads a cursor made by [`cut`].
///
/// # Errors
/// [`Problem`] 400.
pub fn cursor<T>(sent: Option<&str>, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Problem> {
    let Some(sent) = sent else { return Ok(None) };
    let text = URL_SAFE_NO_PAD.decode(sent).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let refused = || Problem::from(Code::Malformed).detail("This cursor is not from this list.");
    text.as_deref().and_then(read).map(Some).ok_or_else(refused)
}
