//! What may be a password here: the rules of `domain::password` with the words of this place and this person, and the list of common passwords.
//!
//! The one way to a new password: invitation, reset and change all come through `check`.

mod change;

use std::sync::LazyLock;

use domain::allowed::{Allowed, Flow, Job, Request};
use domain::caller::Caller;
use domain::id::UserId;
use domain::password::stand_in::draw;
use domain::password::{Blocklist, Kind, MOST_BYTES, MOST_CODE_POINTS, Password, PasswordError, Rules};
use domain::policy::effective::PasswordRules;
use domain::realm::{Realm, RealmKey};
use domain::secret::hmac_sha256;
use domain::time::Timestamp;
use store::user::User;
use store::{Read, StoreError};

pub use self::change::{ChangeError, change};
use crate::app::App;
use crate::directory;
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

/// The policy in numbers: what `check` does (PW-19).
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
    /// Characters that must be there.
    pub composition: Option<&'static str>,
    /// Days after which it must be changed; by a preset only where it is the only factor.
    pub expires_after_days: Option<u32>,
    /// So many of the latest ones may not be chosen again.
    pub history: u32,
    /// Days before which its owner may not change it.
    pub min_age_days: u32,
}

/// What holds for everybody in a realm: what a form says before it knows who chooses.
///
/// # Errors
/// [`StoreError`].
#[expect(clippy::disallowed_methods, reason = "what a password must be is asked by whoever has none yet")]
pub async fn policy(app: &App, realm: RealmKey, request: Request) -> Result<Policy, StoreError> {
    let allowed = Allowed::visitor(Flow::OneTimeToken, realm, request);
    let parts = app.clone();
    let found = app
        .store
        .read(&allowed, app.now(), move |tx| Box::pin(async move { directory::realm_policy(&parts, tx).await }));
    Ok(Policy::of(&found.await?.password))
}

impl Policy {
    fn of(rules: &PasswordRules) -> Self {
        Self {
            least: rules.least,
            least_with_second_factor: rules.least_with_second_factor,
            most: MOST_CODE_POINTS,
            most_bytes: MOST_BYTES,
            blocklist: blocklist().map_or(0, Blocklist::entries),
            composition: rules.composition.text(),
            expires_after_days: rules.expiry_days.or(rules.single_factor_expiry_days),
            history: rules.history,
            min_age_days: rules.min_age_days,
        }
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let kind = match self.composition {
            None => "spaces count, and digits and signs are not needed".to_owned(),
            Some(needed) => format!("it needs {needed}"),
        };
        format!(
            "At least {} characters of any kind, or {} for whoever always signs in with a second factor; {kind}. Not one of the passwords that everybody tries, and not your own name, address or organisation with digits around it. A \
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

/// What a new password of a person must be, by all policies that hold for them. Read where it is demanded, used outside of the transaction.
#[derive(Clone, Debug)]
pub(crate) struct Demanded {
    rules: PasswordRules,
    always_second_factor: bool,
    /// Hashes of their latest passwords, that in force first; none of them may be chosen again (PW-16).
    latest: Vec<String>,
}

impl Demanded {
    /// Of a person now.
    pub(crate) async fn of(app: &App, tx: &mut impl Read, user: UserId) -> Result<Self, StoreError> {
        let (rules, always_second_factor) = directory::password_rules(app, tx, user).await?;
        let latest = store::credential::latest(tx, user, rules.history).await?;
        Ok(Self { rules, always_second_factor, latest })
    }

    /// Fewest characters.
    pub(crate) const fn least(&self) -> usize {
        self.rules.least_for(self.always_second_factor)
    }

    /// Whether a password chosen then is too young to be changed by its owner.
    pub(crate) fn is_too_young(&self, chosen_at: Timestamp, now: Timestamp) -> bool {
        self.rules.is_too_young(chosen_at, now)
    }
}

/// What a new password of the caller must have.
///
/// # Errors
/// [`StoreError`].
pub async fn own_least(app: &App, caller: &Caller) -> Result<usize, StoreError> {
    let (parts, id) = (app.clone(), caller.user());
    let allowed = caller.oneself();
    let demanded =
        app.store.read(&allowed, app.now(), move |tx| Box::pin(async move { Demanded::of(&parts, tx, id).await }));
    Ok(demanded.await?.least())
}

/// Checks a new password of a person.
///
/// # Errors
/// [`PasswordError`].
pub(crate) fn check(
    app: &App,
    realm: &Realm,
    person: &User,
    text: &str,
    demanded: &Demanded,
) -> Result<Password, PasswordError> {
    let host = app.settings.base_url.split("://").nth(1).unwrap_or_default();
    let place = [PRODUCT, &realm.name, realm.slug.as_str(), host];
    let own = [&person.username, &person.display_name, &person.given_name, &person.family_name, &person.email];
    let words = place.into_iter().chain(own.into_iter().flatten().map(String::as_str));
    let rules = Rules::new(demanded.always_second_factor).at_least(demanded.least());
    let rules = rules.composed(demanded.rules.composition).and_words(words);
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

/// A password is none of the latest ones (PW-16), but for one that it was compared with already. As slow as there are passwords to compare with.
pub(crate) async fn is_new(
    app: &App,
    chosen: &Password,
    demanded: Demanded,
    compared: Option<&str>,
) -> Result<Result<(), PasswordError>, Overloaded> {
    for hash in demanded.latest.into_iter().filter(|hash| Some(hash.as_str()) != compared) {
        if app.hashing.verify(chosen.clone(), Against::Stored(hash)).await? {
            return Ok(Err(PasswordError::UsedBefore));
        }
    }
    Ok(Ok(()))
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
