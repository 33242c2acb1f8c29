//! The verifier: is this token one that the issuer signed for us, and is it good now?
//!
//! Offline and synchronous: the keys are at hand, nothing is asked. The order of the checks is the order of the lines in
//! [`Verifier::verify`]; nothing of the claims is looked at before the signature was verified.

use std::fmt;
use std::sync::Arc;

use wire::claims::{AccessClaims, ReadClaims};
use wire::jws::{Compact, Refused};

use crate::cache::{TokenCache, Verified};
use crate::denylist::Denylist;
use crate::keys::{KeySet, Keys, VerifyingKey};

/// The most that clocks may differ, in seconds, whatever is configured (RFC 8725; FAPI 2.0 allows 10 to 60).
pub const MOST_LEEWAY_SECONDS: u32 = 60;
/// How far clocks may differ unless configured, in seconds.
pub const LEEWAY_SECONDS: u32 = 10;
/// How many bytes of verified tokens are remembered unless configured.
pub const CACHE_BYTES: usize = 8 * 1024 * 1024;

/// Verifies the access tokens of one issuer for one audience.
pub struct Verifier {
    issuer: String,
    audience: String,
    leeway: i64,
    keys: Arc<dyn Keys>,
    cache: TokenCache,
    denylist: Option<Arc<Denylist>>,
}

impl Verifier {
    /// Accepts tokens that `issuer` signed for `audience` with one of `keys`; asks for the keys at every token, so that a rotation counts at
    /// once.
    #[must_use]
    pub fn with_keys(issuer: impl Into<String>, audience: impl Into<String>, keys: Arc<dyn Keys>) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            leeway: i64::from(LEEWAY_SECONDS),
            keys,
            cache: TokenCache::new(CACHE_BYTES),
            denylist: None,
        }
    }

    /// Refuses what `denylist` names; asks it at every token, also of those seen before.
    #[must_use]
    pub fn denylist(mut self, denylist: Arc<Denylist>) -> Self {
        self.denylist = Some(denylist);
        self
    }

    /// Lets clocks differ by `seconds`, at most [`MOST_LEEWAY_SECONDS`].
    #[must_use]
    pub fn leeway(mut self, seconds: u32) -> Self {
        self.leeway = i64::from(seconds.min(MOST_LEEWAY_SECONDS));
        self
    }

    /// Remembers at most about `bytes` of verified tokens; 0 remembers none.
    #[must_use]
    pub fn cache_bytes(mut self, bytes: usize) -> Self {
        self.cache = TokenCache::new(bytes);
        self
    }

    /// The issuer, also the base of its addresses.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The audience.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// Tells whether `token` is good at `now` (seconds since 1970 UTC).
    ///
    /// # Errors
    /// The first [`Refused`] in the order of the checks. Log it; do not tell it to the caller.
    ///
    /// Source: RFC 9068, section 4; RFC 8725, section 3.
    pub fn verify(&self, token: &str, now: i64) -> Result<Arc<AccessClaims>, Refused> {
        let keys = self.keys.current();
        if let Some(seen) = self.cache.get(token) {
            // A key that was withdrawn takes its tokens along.
            let key = if keys.has(&seen.key) { Ok(()) } else { Err(Refused::UnknownKey) };
            return match key.and_then(|()| self.good_now(&seen.claims, seen.nbf, now)) {
                Ok(()) => Ok(Arc::clone(&seen.claims)),
                // A revoked token stays: refused again, it must not cost a signature each time.
                Err(Refused::Revoked) => Err(Refused::Revoked),
                Err(refused) => {
                    self.cache.remove(token);
                    Err(refused)
                }
            };
        }
        let compact = Compact::split(token)?;
        let key = key_of(&keys, &compact)?;
        if !key.verifies(compact.signing_input.as_bytes(), &compact.signature_bytes()?) {
            return Err(Refused::Signature);
        }
        let ReadClaims { claims, nbf } = compact.claims()?;
        self.for_us(&claims)?;
        self.good_now(&claims, nbf, now)?;
        let claims = Arc::new(claims);
        if self.cache.takes(token) {
            self.cache.insert(Arc::new(Verified::new(token, Arc::clone(&claims), nbf, key)));
        }
        Ok(claims)
    }

    /// What never changes for a token: who made it and for whom.
    fn for_us(&self, claims: &AccessClaims) -> Result<(), Refused> {
        if claims.iss != self.issuer {
            return Err(Refused::Issuer);
        }
        if claims.aud != self.audience {
            return Err(Refused::Audience);
        }
        Ok(())
    }

    /// What is asked at every use, also of a token seen before.
    fn good_now(&self, claims: &AccessClaims, nbf: Option<i64>, now: i64) -> Result<(), Refused> {
        if now >= claims.exp.saturating_add(self.leeway) {
            return Err(Refused::Expired);
        }
        let latest = now.saturating_add(self.leeway);
        if claims.iat > latest || nbf.is_some_and(|nbf| nbf > latest) {
            return Err(Refused::NotYetValid);
        }
        if self.denylist.as_ref().is_some_and(|denylist| denylist.refuses(claims)) {
            return Err(Refused::Revoked);
        }
        Ok(())
    }
}

/// The key that the header names, if the header is one of an access token and names the key's own algorithm.
fn key_of(keys: &KeySet, compact: &Compact<'_>) -> Result<Arc<VerifyingKey>, Refused> {
    if let Some(key) = keys.of_header(compact.header) {
        return Ok(Arc::clone(key));
    }
    let header = compact.access_token_header()?;
    let key = keys.key(&header.kid).ok_or(Refused::UnknownKey)?;
    if key.algorithm() == header.alg { Ok(Arc::clone(key)) } else { Err(Refused::Algorithm) }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { issuer, audience, leeway, .. } = self;
        f.debug_struct("Verifier")
            .field("issuer", issuer)
            .field("audience", audience)
            .field("leeway", leeway)
            .finish_non_exhaustive()
    }
}
