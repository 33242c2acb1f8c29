//! Tokens that were fully verified, so that the next request with the same token costs no signature.
//!
//! Bounded by bytes. The key is the tail of the signature under a hash that is seeded per process, so that nobody can aim at one bucket; the
//! whole token is compared, so that two tokens with one tail are never mistaken for each other. Whether the token is still good (time, key,
//! revocation) is the verifier's question at every hit, not the cache's.
//!
//! Two generations: when the young one is full it becomes the old one and the old one is dropped. A hit in the old one moves the token to the
//! young. What is used stays, what is not goes, and no list has to be kept.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use wire::claims::AccessClaims;

use crate::keys::VerifyingKey;

/// The characters of the signature that find the entry: 96 random bits.
const TAIL: usize = 16;
/// Locks are split, so that requests on different cores seldom meet.
const SHARDS: usize = 16;

/// A verified token.
#[derive(Debug)]
pub(crate) struct Verified {
    token: Box<str>,
    pub(crate) claims: Arc<AccessClaims>,
    pub(crate) nbf: Option<i64>,
    pub(crate) key: Arc<VerifyingKey>,
}

impl Verified {
    pub(crate) fn new(token: &str, claims: Arc<AccessClaims>, nbf: Option<i64>, key: Arc<VerifyingKey>) -> Self {
        Self { token: token.into(), claims, nbf, key }
    }

    /// About how many bytes an entry holds: the token, the claims (no longer than the token), and the fixed parts.
    fn weight(&self) -> usize {
        weight(&self.token)
    }
}

fn weight(token: &str) -> usize {
    2 * token.len() + 512
}

type Generation = HashMap<[u8; TAIL], Arc<Verified>, RandomState>;

struct Shard {
    young: Generation,
    old: Generation,
    young_bytes: usize,
}

/// The cache; cheap to ask from many threads.
pub(crate) struct TokenCache {
    shards: Vec<Mutex<Shard>>,
    seed: RandomState,
    /// How many bytes one generation of one shard may hold.
    generation_bytes: usize,
}

impl TokenCache {
    /// A cache that holds at most about `bytes`; with 0 it keeps nothing.
    pub(crate) fn new(bytes: usize) -> Self {
        let seed = RandomState::new();
        let empty = || Generation::with_hasher(seed.clone());
        let shard = || Mutex::new(Shard { young: empty(), old: empty(), young_bytes: 0 });
        Self { shards: (0..SHARDS).map(|_| shard()).collect(), generation_bytes: bytes / SHARDS / 2, seed }
    }

    /// The verified form of exactly this token, if it is remembered.
    pub(crate) fn get(&self, token: &str) -> Option<Arc<Verified>> {
        let tail = tail(token)?;
        let mut shard = self.shard(&tail)?;
        // Not in constant time: only someone who has the end of a valid signature gets to compare, and learns at most the rest of a token
        // that this end belongs to.
        if let Some(found) = shard.young.get(&tail) {
            return (*found.token == *token).then(|| Arc::clone(found));
        }
        let found = shard.old.get(&tail).filter(|old| *old.token == *token).cloned()?;
        self.add(&mut shard, tail, Arc::clone(&found));
        Some(found)
    }

    /// Whether there is room at all for a token of this length.
    pub(crate) fn takes(&self, token: &str) -> bool {
        weight(token) <= self.generation_bytes
    }

    /// Remembers a token that was verified.
    pub(crate) fn insert(&self, verified: Arc<Verified>) {
        if !self.takes(&verified.token) {
            return;
        }
        if let Some(tail) = tail(&verified.token)
            && let Some(mut shard) = self.shard(&tail)
        {
            self.add(&mut shard, tail, verified);
        }
    }

    /// Forgets a token that is no longer good.
    pub(crate) fn remove(&self, token: &str) {
        if let Some(tail) = tail(token)
            && let Some(mut shard) = self.shard(&tail)
        {
            if let Some(gone) = shard.young.remove(&tail) {
                shard.young_bytes = shard.young_bytes.saturating_sub(gone.weight());
            }
            shard.old.remove(&tail);
        }
    }

    /// How many bytes are held, by the same estimate that bounds them.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        let held = |map: &Generation| map.values().map(|entry| entry.weight()).sum::<usize>();
        self.shards
            .iter()
            .filter_map(|shard| shard.lock().ok())
            .map(|shard| held(&shard.young) + held(&shard.old))
            .sum()
    }

    fn add(&self, shard: &mut Shard, tail: [u8; TAIL], verified: Arc<Verified>) {
        if shard.young_bytes + verified.weight() > self.generation_bytes {
            shard.old = std::mem::replace(&mut shard.young, Generation::with_hasher(self.seed.clone()));
            shard.young_bytes = 0;
        }
        shard.young_bytes += verified.weight();
        if let Some(before) = shard.young.insert(tail, verified) {
            shard.young_bytes = shard.young_bytes.saturating_sub(before.weight());
        }
    }

    fn shard(&self, tail: &[u8; TAIL]) -> Option<std::sync::MutexGuard<'_, Shard>> {
        // The low bits choose the shard; the map uses the high ones first.
        let index = usize::try_from(self.seed.hash_one(tail) % SHARDS as u64).ok()?;
        Some(self.shards.get(index)?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn tail(token: &str) -> Option<[u8; TAIL]> {
    token.as_bytes().last_chunk().copied()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;
    use wire::jwk::Jwk;

    fn key() -> Arc<VerifyingKey> {
        let pair = aws_lc_rs::signature::Ed25519KeyPair::generate().unwrap();
        let jwk = Jwk::ed25519(aws_lc_rs::signature::KeyPair::public_key(&pair).as_ref(), |_| [7; 32]);
        Arc::new(VerifyingKey::from_jwk(&jwk).unwrap().unwrap())
    }

    fn verified(token: &str, key: &Arc<VerifyingKey>) -> Arc<Verified> {
        let claims = r#"{"iss":"i","aud":"a","sub":"00000000-0000-0000-0000-000000000001","client_id":"c","iat":1,"exp":2,"jti":"00000000-0000-0000-0000-000000000002"}"#;
        Arc::new(Verified::new(token, Arc::new(serde_json::from_str(claims).unwrap()), None, Arc::clone(key)))
    }

    #[test]
    fn however_many_tokens_come_the_bytes_stay_under_the_bound() {
        let (cache, key) = (TokenCache::new(256 * 1024), key());

        for number in 0..5_000 {
            cache.insert(verified(&format!("{}{number:016}", "t".repeat(number % 700)), &key));
            assert!(number % 500 != 0 || cache.bytes() <= 256 * 1024);
        }

        assert!(cache.bytes() > 64 * 1024);
        assert!(cache.get(&format!("{}{:016}", "t".repeat(4_999 % 700), 4_999)).is_some());
        assert!(cache.get(&format!("{}{:016}", "t".repeat(0), 0)).is_none());
    }

    #[test]
    fn a_token_in_use_outlives_those_that_are_not() {
        let (cache, key) = (TokenCache::new(256 * 1024), key());
        cache.insert(verified("in-use-the-last-sixteen", &key));

        for number in 0..5_000 {
            cache.insert(verified(&format!("other-{number:016}"), &key));
            assert!(cache.get("in-use-the-last-sixteen").is_some(), "{number}");
        }
    }

    #[test]
    fn two_tokens_with_one_tail_are_never_mistaken_for_each_other() {
        let (cache, key) = (TokenCache::new(256 * 1024), key());
        cache.insert(verified("a.0123456789abcdef", &key));

        assert!(cache.get("b.0123456789abcdef").is_none());
        cache.insert(verified("b.0123456789abcdef", &key));
        assert!(cache.get("a.0123456789abcdef").is_none());
        cache.remove("b.0123456789abcdef");
        assert!(cache.get("b.0123456789abcdef").is_none());
    }

    #[test]
    fn without_room_nothing_is_kept() {
        let (cache, key) = (TokenCache::new(0), key());
        cache.insert(verified("a.0123456789abcdef", &key));
        assert!(cache.get("a.0123456789abcdef").is_none());
    }
}
