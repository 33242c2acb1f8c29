//! Passwords under load: hashing runs in a pool of its own, at low priority, with a bounded queue. Refresh, validation and reads never wait
//! behind it; over the bound the answer is "busy" at once (PW-15).
//!
//! New hashes are of one [`Scheme`] and carry the pepper. Those of other systems are verified as those systems did, and raised at the next
//! sign-in. What a stored hash may cost is bounded where it is read: `domain::password::stored`.

mod argon2;
mod bcrypt;
mod pbkdf2;
mod pool;
mod scheme;
mod scrypt;

use domain::entropy::{Entropy, bytes};
use domain::password::{Kind, Password, Stored};
use domain::secret::{Secret, same};

pub use pool::{Overloaded, Turn};
pub use scheme::{Cost, Scheme};

use argon2::Arena;
use pool::Pool;
use scheme::Pepper;

/// What a password is compared with.
#[derive(Clone, Debug)]
pub enum Against {
    /// A stored hash. One that cannot be used matches nothing, and costs what a new hash would.
    Stored(String),
    /// Nobody: the work of that kind, and no.
    Nobody(Kind),
}

/// The pool.
pub struct Hashing {
    pool: Pool,
    scheme: Scheme,
    pepper: Pepper,
}

impl std::fmt::Debug for Hashing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hashing({})", self.kind())
    }
}

/// How many threads hash on this machine: max(1, cores − 1).
#[must_use]
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).max(1))
}

impl Hashing {
    /// Starts [`threads`] threads. `pepper` is a key kept apart from the database (PW-13).
    #[must_use]
    pub fn start(scheme: impl Into<Scheme>, pepper: Secret, entropy: &dyn Entropy) -> Self {
        Self::with_threads(scheme, pepper, entropy, threads())
    }

    /// Starts so many threads; sixteen passwords may wait for each.
    #[must_use]
    pub fn with_threads(scheme: impl Into<Scheme>, pepper: Secret, entropy: &dyn Entropy, count: usize) -> Self {
        let scheme = scheme.into();
        let codes = scheme.of_codes();
        let keep = scheme::blocks(scheme.kind()).max(scheme::blocks(Scheme::Argon2id(codes).kind()));
        Self { pool: Pool::start(count, keep), scheme, pepper: Pepper::new(pepper, bytes(entropy)) }
    }

    /// Takes a place in the queue, before anything is counted or looked up.
    ///
    /// # Errors
    /// [`Overloaded`].
    pub fn admit(&self) -> Result<Turn, Overloaded> {
        self.pool.admit()
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// [`Overloaded`].
    pub async fn hash(&self, password: Password, entropy: &dyn Entropy) -> Result<String, Overloaded> {
        let mut made = self.make(self.kind(), vec![password], entropy).await?;
        made.pop().ok_or(Overloaded)
    }

    /// Hashes recovery codes, in one turn. They are 80 random bits each: Argon2id at the floor is enough (NIST SP 800-63B-4, section 3.1.2).
    ///
    /// # Errors
    /// [`Overloaded`].
    pub async fn hash_codes(&self, codes: Vec<Password>, entropy: &dyn Entropy) -> Result<Vec<String>, Overloaded> {
        self.make(Scheme::Argon2id(self.scheme.of_codes()).kind(), codes, entropy).await
    }

    async fn make(&self, kind: Kind, all: Vec<Password>, entropy: &dyn Entropy) -> Result<Vec<String>, Overloaded> {
        let salted: Vec<_> = all.into_iter().map(|one| (one, bytes::<16>(entropy))).collect();
        let (turn, pepper) = (self.admit()?, self.pepper.clone());
        let work = move |arena: &mut Arena| -> Option<Vec<String>> {
            let mut one = |(password, salt): &(Password, _)| pepper.make(kind, password.expose(), *salt, arena);
            salted.iter().map(|salted| one(salted).map(|stored| stored.to_string())).collect()
        };
        self.pool.run(turn, work).await?.ok_or(Overloaded)
    }

    /// Whether `password` is the one that was hashed.
    ///
    /// # Errors
    /// [`Overloaded`].
    pub async fn verify(&self, password: Password, against: Against) -> Result<bool, Overloaded> {
        self.verify_in(self.admit()?, password, against).await
    }

    /// The same in a place that was taken before.
    ///
    /// # Errors
    /// [`Overloaded`]: the pool is closing.
    pub async fn verify_in(&self, turn: Turn, password: Password, against: Against) -> Result<bool, Overloaded> {
        let (pepper, own) = (self.pepper.clone(), self.kind());
        self.pool.run(turn, move |arena| verify(&pepper, own, &password, &against, arena)).await
    }

    /// Which of several stored hashes `password` is the one of: all of them are computed, whichever it is.
    ///
    /// # Errors
    /// [`Overloaded`]: the pool is closing.
    pub async fn find_in(&self, turn: Turn, password: Password, all: Vec<String>) -> Result<Option<usize>, Overloaded> {
        let (pepper, own) = (self.pepper.clone(), self.kind());
        let work = move |arena: &mut Arena| {
            let matches = all.into_iter().map(|one| verify(&pepper, own, &password, &Against::Stored(one), arena));
            matches.enumerate().fold(None, |found, (at, matches)| if matches { Some(at) } else { found })
        };
        self.pool.run(turn, work).await
    }

    /// Whether a stored hash differs in any way from what a new one would be: algorithm, cost, pepper, lengths (PW-14).
    #[must_use]
    pub fn is_outdated(&self, stored: &str) -> bool {
        Stored::parse(stored).map_or(true, |stored| !self.pepper.is_new(self.kind(), &stored))
    }

    /// The kind of new hashes.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.scheme.kind()
    }

    /// How many passwords wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.pool.waiting()
    }
}

/// One hash after the other on the thread that calls: for whoever measures what a kind costs here.
pub struct Trial {
    pepper: Pepper,
    kind: Kind,
    arena: Arena,
}

impl std::fmt::Debug for Trial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trial({})", self.kind)
    }
}

impl Trial {
    /// Prepares one.
    #[must_use]
    pub fn new(kind: Kind, entropy: &dyn Entropy) -> Self {
        Self { pepper: Pepper::new(Secret::new(entropy), bytes(entropy)), kind, arena: Arena::new() }
    }

    /// Does the work of one hash.
    pub fn run(&mut self) {
        let stored = self.pepper.nobody(self.kind);
        let _ = self.pepper.compute(&stored, b"as long as a password", &mut self.arena);
    }
}

fn verify(pepper: &Pepper, own: Kind, password: &Password, against: &Against, arena: &mut Arena) -> bool {
    let usable = match against {
        Against::Stored(text) => Stored::parse(text).ok().filter(|stored| pepper.fits(stored)),
        Against::Nobody(_) => None,
    };
    let known = usable.is_some();
    let stored = usable.unwrap_or_else(|| {
        pepper.nobody(match against {
            Against::Stored(_) => own,
            Against::Nobody(kind) => *kind,
        })
    });
    let computed = pepper.compute(&stored, password.expose(), arena);
    computed.is_some_and(|computed| same(&computed, &stored.hash)) && known
}

#[cfg(test)]
mod tests;
