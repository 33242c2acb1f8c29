//! Second factors of seeded people: several applications each, because a code works once and the clock stands still.

use std::collections::HashMap;
use std::sync::Mutex;

use domain::secret::sha256;
use domain::time::Timestamp;
use domain::totp::{Seed, step_of};

/// So many applications has everybody whose role is sensitive.
pub const APPLICATIONS: usize = 8;

/// The seed of one of somebody's applications.
#[must_use]
pub fn seed(realm: &str, username: &str, number: usize) -> Seed {
    let hash = sha256(&[realm.as_bytes(), b" ", username.as_bytes(), b" ", &number.to_be_bytes()]);
    Seed::from_stored(&hash[..20]).expect("20 bytes")
}

/// Which codes were handed out.
#[derive(Debug, Default)]
pub struct Codes(Mutex<HashMap<(String, usize), i64>>);

impl Codes {
    /// A code of somebody seeded that was not handed out before.
    ///
    /// # Panics
    /// All of this instant were.
    #[must_use]
    pub fn next(&self, realm: &str, username: &str, now: Timestamp) -> String {
        let mut used = self.0.lock().expect("the codes");
        let current = step_of(now);
        for step in [current - 1, current] {
            for number in 0..APPLICATIONS {
                let last = used.entry((format!("{realm} {username}"), number)).or_insert(i64::MIN);
                if *last < step {
                    *last = step;
                    return seed(realm, username, number).code(step).expose();
                }
            }
        }
        panic!("{username} has used all codes of this instant: move the clock on")
    }
}
