//! What may be a password here: the rules of `domain::password` with the words of this place and this person.
//!
//! The one way to a new password: invitation, reset and change all come through [`check`].

mod change;

use domain::password::{Password, PasswordError, Rules};
use domain::realm::Realm;
use store::user::User;

pub use self::change::{ChangeError, change};
use crate::app::App;
use crate::hashing::{Against, Overloaded};

/// The product's own name (PW-07).
const PRODUCT: &str = "Bailiwick";

/// Checks a new password of a person. `always_second_factor`: this person can never sign in with the password alone.
///
/// # Errors
/// [`PasswordError`].
pub fn check(
    app: &App,
    realm: &Realm,
    person: &User,
    text: &str,
    always_second_factor: bool,
) -> Result<Password, PasswordError> {
    let host = app.settings.base_url.split("://").nth(1).unwrap_or_default();
    let place = [PRODUCT, &realm.name, realm.slug.as_str(), host];
    let own = [&person.username, &person.display_name, &person.given_name, &person.family_name, &person.email];
    let words = place.into_iter().chain(own.into_iter().flatten().map(String::as_str));
    Password::chosen(text, &Rules::new(always_second_factor).and_words(words))
}

/// A password that must be changed is not changed by being kept.
pub(crate) async fn differs(
    app: &App,
    chosen: Password,
    old: Option<String>,
) -> Result<Result<(), PasswordError>, Overloaded> {
    let Some(old) = old else { return Ok(Ok(())) };
    let same = app.hashing.verify(chosen, Against::Stored(old)).await?;
    Ok(if same { Err(PasswordError::Reused) } else { Ok(()) })
}
