//! bcrypt. It reads 72 bytes: those of other systems are verified with that truncation; ours are fed 64 characters that stand for the whole
//! password (C-05).

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Bytes that bcrypt reads.
const MOST: usize = 72;

/// `out` gets 23 bytes. `None`: no system would have made this.
pub(super) fn hash(cost: u32, pepper: Option<&[u8]>, password: &[u8], salt: &[u8], out: &mut [u8]) -> Option<()> {
    let salt: [u8; 16] = salt.try_into().ok()?;
    let key = match pepper {
        Some(pepper) => terminated(stand_for(pepper, password).as_bytes()),
        None => terminated(password),
    };
    let made = Zeroizing::new(::bcrypt::bcrypt(cost, salt, &key));
    out.copy_from_slice(made.get(..out.len())?);
    // Systems disagree about NUL: C stops there, others refuse, others go on. Nobody's password has one, so it matches nothing; after the same work.
    (pepper.is_some() || !password.contains(&0)).then_some(())
}

/// base64(HMAC-SHA-384(pepper, password)).
fn stand_for(pepper: &[u8], password: &[u8]) -> Zeroizing<String> {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA384, pepper), password);
    Zeroizing::new(STANDARD.encode(tag))
}

/// The key as C has it: with the NUL at its end, cut after 72 bytes.
fn terminated(password: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(MOST));
    key.extend_from_slice(&password[..password.len().min(MOST)]);
    if key.len() < MOST {
        key.push(0);
    }
    key
}
