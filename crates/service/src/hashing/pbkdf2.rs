//! PBKDF2 (RFC 8018) over HMAC-SHA-256 and HMAC-SHA-512. Ours is fed HMAC-SHA-256(pepper, password).

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use domain::password::kind::Digest;
use domain::secret::hmac_sha256;
use zeroize::Zeroizing;

pub(super) fn hash(
    digest: Digest,
    rounds: u32,
    pepper: Option<&[u8]>,
    password: &[u8],
    salt: &[u8],
    out: &mut [u8],
) -> Option<()> {
    let rounds = NonZeroU32::new(rounds)?;
    let algorithm = match digest {
        Digest::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
        Digest::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
    };
    match pepper {
        Some(pepper) => {
            let keyed = Zeroizing::new(hmac_sha256(pepper, &[password]));
            pbkdf2::derive(algorithm, rounds, salt, &keyed[..], out);
        }
        None => pbkdf2::derive(algorithm, rounds, salt, password, out),
    }
    Some(())
}
