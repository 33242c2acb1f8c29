//! What may be a password here: the rules of `domain::password` with the words of this place and this person, and the list of common passwords.
//!
//! The one way to a new password: invitation, reset and change all come through [`check`].

mod change;

use std::sync::LazyLock;

use domain::allowed::{Allowed, Job};
use domain::caller::Caller;
use domain::password::stand_in::draw;
use domain::password::{
    Blocklist, Kind, LEAST_SINGLE_FACTOR, LEAST_WITH_SECOND_FACTOR, MOST_BYTES, MOST_CODE_POINTS, Password,
    PasswordError, Rules,
};
use domain::realm::{Realm, RealmKey};
use domain::secret::hmac_sha256;
use store::user::User;
use store::{Read, StoreError};

pub use self::change::{ChangeError, change};
use crate::app::App;
use crate::hashing::{Against, Overloaded};

/// The product's own name (PW-07).
const PRODUCT: &str = "Bailiwick";

/// Made by `scripts/blocklist`; docs/blocklist.md says from what.
static FILE: &[u8] = include_bytes!("../assets/blocklist.bin");
static LIST: LazyLock<Option<Blocklist<'static>>> = LazyLock::new(|| Blocklist::parse(FILE));

/// The passwords that everybody tries (PW-06). `None` cannot happen: a test reads the file.
#[must_use]
pub fn blocklist() -> Option<&'static Blocklist<'static>> {
    LIST.as_ref()
}

/// The policy in numbers: what [`check`] does (PW-19).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Fewest code points where the password can be the only factor.
    pub least: usize,
    /// Fewest code points where another factor is always required.
    pub least_with_second_factor: usize,
    /// Most code points.
    pub most: usize,
    /// Most bytes after normalisation (NFC).
    pub most_bytes: usize,
    /// How many common passwords are refused.
    pub blocklist: u64,
}

impl Policy {
    /// The one in force.
    #[must_use]
    pub fn current() -> Self {
        Self {
            least: Rules::new(false).least(),
            least_with_second_factor: Rules::new(true).least(),
            most: MOST_CODE_POINTS,
            most_bytes: MOST_BYTES,
            blocklist: blocklist().map_or(0, Blocklist::entries),
        }
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        format!(
            "At least {} characters of any kind, or {} for whoever always signs in with a second factor; spaces count, and digits and signs are \
             not needed. Not one of the passwords that everybody tries, and not your own name, address or organisation with digits around it. A \
             sentence of your own is easy to remember and hard to guess.",
            self.least, self.least_with_second_factor
        )
    }
}

/// The kinds of a realm's password hashes with how many there are of each.
///
/// # Errors
/// [`StoreError`].
#[expect(clippy::disallowed_methods, reason = "a count for the operator, asked for by nobody who signed in")]
pub async fn kinds(app: &App, realm: RealmKey) -> Result<Vec<(String, i64)>, StoreError> {
    let allowed = Allowed::job(Job::Observe, realm);
    app.store.read(&allowed, app.now(), |tx| Box::pin(store::credential::mix(tx))).await
}

/// What an identifier that nobody has is compared with: a kind out of the realm's mix, always the same one for the same identifier
/// (requirements.md, 2.3, rule 1). Ask for it whether or not there is somebody, so that both cost the same.
///
/// # Errors
/// [`StoreError`].
pub async fn stand_in(app: &App, tx: &mut impl Read, identifier: &str) -> Result<Kind, StoreError> {
    let key = app.seal.derive("password stand-in", tx.realm());
    let mix = store::credential::mix(tx).await?;
    let label = draw(&mix, &hmac_sha256(key.bytes(), &[identifier.as_bytes()]));
    // Nobody has a password here yet, or it is of a kind that cannot be used: what a new one would be.
    Ok(label.and_then(|label| Kind::parse(label).ok()).unwrap_or_else(|| app.hashing.kind()))
}

/// Characters that a new password must have, where another factor is always demanded or not (PW-01).
#[must_use]
pub const fn least(always_second_factor: bool) -> usize {
    if always_second_factor { LEAST_WITH_SECOND_FACTOR } else { LEAST_SINGLE_FACTOR }
}

/// What a new password of the caller must have.
///
/// # Errors
/// [`StoreError`].
pub async fn own_least(app: &App, caller: &Caller) -> Result<usize, StoreError> {
    let (parts, id) = (app.clone(), caller.user());
    let allowed = caller.oneself();
    let demands = app.store.read(&allowed, app.now(), move |tx| {
        Box::pin(async move { crate::directory::demands_second_factor(&parts, tx, id).await })
    });
    Ok(least(demands.await?))
}

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
    let rules = Rules::new(always_second_factor).and_words(words);
    match blocklist() {
        Some(list) => Password::chosen(text, &rules.and_blocklist(list)),
        None => Password::chosen(text, &rules),
    }
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

#[cfg(test)]
mod tests {
    use domain::entropy::bytes;

    use super::*;
    use crate::entropy::SystemEntropy;

    fn listed(text: &str) -> bool {
        blocklist().expect("the file").contains(text)
    }

    #[test]
    fn pw_06_the_list_is_whole_and_has_more_than_100_000_passwords() {
        let list = blocklist().expect("the file");

        assert!(list.entries() >= 700_000, "{}", list.entries());
        assert!(list.bytes() <= 4 * 1024 * 1024);
    }

    #[test]
    fn pw_06_passwords_that_everybody_tries_are_refused_whatever_their_case() {
        for text in [
            "password12345678",
            "Password12345678",
            "PASSWORD12345678",
            "ｐａｓｓｗｏｒｄ12345678",
            "correct horse battery staple",
            "CorrectHorseBatteryStaple",
            "correct-horse-battery-staple",
            "qwertyuiopasdfgh",
            "1qaz2wsx3edc4rfv",
            "aaaaaaaaaaaaaaa",
            "123456789012345",
            "iloveyouiloveyou",
            "passwordpassword",
            "letmeinletmein!",
            "administrator2026!",
            "changeme1234567",
            "abc123abc123abc123",
            "let me in please",
        ] {
            assert!(listed(text), "{text}");
        }
        let refused = Password::chosen("password12345678", &Rules::new(false).and_blocklist(blocklist().expect("it")));
        assert_eq!(refused.err(), Some(PasswordError::Blocklisted));
    }

    /// From the most common ones of at least 12 characters in the first source.
    #[test]
    fn pw_06_a_sample_of_leaked_passwords_is_refused() {
        let sample = include_str!("../assets/blocklist-sample.txt");
        assert!(sample.lines().count() >= 90);
        for text in sample.lines() {
            assert!(listed(text), "{text}");
        }
    }

    #[test]
    fn pw_06_what_is_random_is_accepted() {
        let random = || -> String { bytes::<12>(&SystemEntropy).iter().map(|byte| format!("{byte:02x}")).collect() };
        let wrong = (0..100_000).filter(|_| listed(&random())).count();
        // 1.5 are expected.
        assert!(wrong <= 12, "{wrong} of 100,000");
        for text in ["quietly the heron lands at noon", "gravel, ink and two umbrellas", "kalqozupimrevad"] {
            assert!(!listed(text), "{text}");
        }
    }
}
