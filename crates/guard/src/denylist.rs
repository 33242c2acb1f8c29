//! What must be refused although it was signed and has not expired: the facts of the revocation feed, in memory.
//!
//! Built to be asked at every request and to hold a hundred thousand facts in a few megabytes: 24 bytes a fact and one byte of the table, in
//! shards, so that requests on different cores do not meet and a sweep holds up few. Facts are idempotent; of two about the same thing the
//! stricter stays. Each goes a while after the last token that it could concern has expired.
//!
//! The bound is hard: what does not fit is refused to the feed ([`Full`]), which then no longer vouches for anything. Nothing is forgotten to
//! make room.

mod table;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use uuid::Uuid;
use wire::claims::AccessClaims;
use wire::revocation::Revocation;

use self::table::{ALWAYS, Mark, Table};

/// How many bytes facts may take unless configured.
pub const DENYLIST_BYTES: usize = 64 * 1024 * 1024;
/// No fact is kept for longer than this from when it came, in seconds, whatever it says: access tokens live an hour at most.
pub const LONGEST_KEPT_SECONDS: i64 = 2 * 3600;
/// How long a fact stays after its time, in seconds: a clock that is set back must not make a token good again.
const GRACE_SECONDS: i64 = 60;

/// There is no room for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the revocations need more memory than they are allowed")]
pub struct Full;

/// What a part of the feed asks for beyond being remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The issuer's keys are to be fetched again.
    pub keys: bool,
}

/// How many facts of each kind are held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    /// Sessions that ended or were locked.
    pub sessions: usize,
    /// People and services whose earlier tokens are refused.
    pub users: usize,
    /// Single tokens.
    pub tokens: usize,
    /// Roles that changed.
    pub roles: usize,
}

impl Entries {
    /// All of them.
    #[must_use]
    pub fn total(self) -> usize {
        self.sessions + self.users + self.tokens + self.roles
    }
}

/// The facts. Cheap to ask from many threads; written by the one that follows the feed.
pub struct Denylist {
    sessions: Table,
    users: Table,
    tokens: Table,
    roles: RwLock<Roles>,
    /// The newest edition of which a role changed: tokens of it or a later one need not be looked at.
    newest_edition: AtomicI64,
    bytes: AtomicUsize,
    most_bytes: usize,
}

impl Denylist {
    /// An empty one that takes at most `most_bytes`.
    #[must_use]
    pub fn new(most_bytes: usize) -> Self {
        Self {
            sessions: Table::default(),
            users: Table::default(),
            tokens: Table::default(),
            roles: RwLock::default(),
            newest_edition: AtomicI64::new(i64::MIN),
            bytes: AtomicUsize::default(),
            most_bytes,
        }
    }

    /// Whether a token with these claims was revoked.
    #[must_use]
    pub fn refuses(&self, claims: &AccessClaims) -> bool {
        claims.sid.is_some_and(|sid| self.sessions.refuses(sid, claims.session_as_of()))
            || self.users.refuses(claims.sub, claims.rights_as_of())
            || self.tokens.refuses(claims.jti, claims.iat)
            || self.refuses_roles(claims)
    }

    fn refuses_roles(&self, claims: &AccessClaims) -> bool {
        let edition = claims.roles_version;
        if edition >= self.newest_edition.load(Ordering::Acquire) {
            return false;
        }
        // A narrowed token names permissions and no roles, so nothing tells which change it escapes.
        if claims.scope.is_some() {
            return true;
        }
        let changed = self.roles.read().unwrap_or_else(PoisonError::into_inner);
        let earlier = |role: &String| changed.named.get(role.as_str()).is_some_and(|mark| edition < mark.edition);
        changed.all.is_some_and(|mark| edition < mark.edition)
            || claims.roles.iter().any(earlier)
            || claims.units.values().flatten().any(earlier)
    }

    /// Remembers `items`, which came at `now`. A reset among them counts first.
    ///
    /// # Errors
    /// [`Full`] at the first that has no room; those before it are remembered.
    pub fn apply(&self, items: &[Revocation], now: i64) -> Result<Applied, Full> {
        let mut applied = Applied::default();
        if items.iter().any(|item| matches!(item, Revocation::Reset)) {
            self.clear();
        }
        for item in items {
            match item {
                Revocation::Session { sid, not_before, expires_at } => {
                    let before = not_before.map_or(ALWAYS, earlier_than);
                    self.keep(&self.sessions, *sid, before, *expires_at, now)?;
                }
                Revocation::User { sub, not_before, expires_at } => {
                    self.keep(&self.users, *sub, earlier_than(*not_before), *expires_at, now)?;
                }
                Revocation::Token { jti, expires_at } => self.keep(&self.tokens, *jti, ALWAYS, *expires_at, now)?,
                Revocation::Roles { roles_version, roles, expires_at } => {
                    self.keep_roles(*roles_version, roles, *expires_at, now)?;
                }
                Revocation::Keys { .. } => applied.keys = true,
                Revocation::Reset => {}
            }
        }
        Ok(applied)
    }

    fn keep(&self, table: &Table, id: Uuid, before: u32, expires_at: i64, now: i64) -> Result<(), Full> {
        match until(expires_at, now) {
            Some(until) => table.keep(id, Mark { before, until }, &self.bytes, self.most_bytes),
            None => Ok(()),
        }
    }

    fn keep_roles(&self, edition: i64, names: &[String], expires_at: i64, now: i64) -> Result<(), Full> {
        let Some(until) = until(expires_at, now) else { return Ok(()) };
        let mark = Changed { edition, until };
        let mut roles = self.roles.write().unwrap_or_else(PoisonError::into_inner);
        if names.is_empty() {
            roles.all = Some(roles.all.map_or(mark, |other| other.and(mark)));
        }
        for name in names {
            if let Some(known) = roles.named.get_mut(name.as_str()) {
                *known = known.and(mark);
                continue;
            }
            let bytes = Roles::entry_bytes(name);
            if self.bytes.load(Ordering::Relaxed) + bytes > self.most_bytes {
                return Err(Full);
            }
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
            roles.named.insert(name.as_str().into(), mark);
        }
        // Last: whoever reads the new edition must find its roles.
        self.newest_edition.fetch_max(edition, Ordering::Release);
        Ok(())
    }

    /// Drops what no token that is still good at `now` could meet, and gives the memory back.
    pub fn expire(&self, now: i64) {
        let oldest = now.saturating_sub(GRACE_SECONDS);
        for table in [&self.sessions, &self.users, &self.tokens] {
            table.retain(|mark| i64::from(mark.until) > oldest, &self.bytes);
        }
        let mut roles = self.roles.write().unwrap_or_else(PoisonError::into_inner);
        let mut freed = 0;
        roles.named.retain(|name, mark| {
            let stays = i64::from(mark.until) > oldest;
            freed += if stays { 0 } else { Roles::entry_bytes(name) };
            stays
        });
        if roles.named.len() < roles.named.capacity() / 4 {
            roles.named.shrink_to_fit();
        }
        roles.all = roles.all.filter(|mark| i64::from(mark.until) > oldest);
        let newest = roles.named.values().chain(&roles.all).map(|mark| mark.edition).max();
        self.newest_edition.store(newest.unwrap_or(i64::MIN), Ordering::Release);
        self.bytes.fetch_sub(freed, Ordering::Relaxed);
    }

    /// Forgets everything.
    pub fn clear(&self) {
        for table in [&self.sessions, &self.users, &self.tokens] {
            table.retain(|_| false, &self.bytes);
        }
        let mut roles = self.roles.write().unwrap_or_else(PoisonError::into_inner);
        let freed = roles.named.keys().map(|name| Roles::entry_bytes(name)).sum();
        *roles = Roles::default();
        self.newest_edition.store(i64::MIN, Ordering::Release);
        self.bytes.fetch_sub(freed, Ordering::Relaxed);
    }

    /// How many facts are held.
    #[must_use]
    pub fn entries(&self) -> Entries {
        let roles = self.roles.read().unwrap_or_else(PoisonError::into_inner);
        Entries {
            sessions: self.sessions.len(),
            users: self.users.len(),
            tokens: self.tokens.len(),
            roles: roles.named.len() + usize::from(roles.all.is_some()),
        }
    }

    /// How many bytes they take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether a fourth of the room or more is free.
    pub(crate) fn has_room(&self) -> bool {
        self.bytes() <= self.most_bytes / 4 * 3
    }
}

impl fmt::Debug for Denylist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Denylist")
            .field("entries", &self.entries())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

/// `not_before` in seconds since 1970 as it is kept: what does not fit refuses more.
fn earlier_than(not_before: i64) -> u32 {
    u32::try_from(not_before.max(0)).unwrap_or(ALWAYS)
}

/// Until when a fact is kept; `None`: it is over.
fn until(expires_at: i64, now: i64) -> Option<u32> {
    if expires_at <= now.saturating_sub(GRACE_SECONDS) {
        return None;
    }
    Some(u32::try_from(expires_at.min(now.saturating_add(LONGEST_KEPT_SECONDS))).unwrap_or(ALWAYS))
}

/// In which edition a role changed.
#[derive(Clone, Copy)]
struct Changed {
    edition: i64,
    until: u32,
}

impl Changed {
    fn and(self, other: Self) -> Self {
        Self { edition: self.edition.max(other.edition), until: self.until.max(other.until) }
    }
}

#[derive(Default)]
struct Roles {
    named: HashMap<Box<str>, Changed>,
    /// Every role changed, or more than could be named.
    all: Option<Changed>,
}

impl Roles {
    /// About what an entry takes: the name, its allocation, and two places of the map, which may just have grown.
    fn entry_bytes(name: &str) -> usize {
        name.len() + 16 + 2 * (size_of::<(Box<str>, Changed)>() + 1)
    }
}

#[cfg(test)]
mod tests;
