//! scrypt (RFC 7914) of other systems. Its memory is the crate's own: it is not kept, and not wiped before it is given back.

use ::scrypt::{Params, scrypt};

pub(super) fn hash(log_n: u8, r: u32, p: u32, password: &[u8], salt: &[u8], out: &mut [u8]) -> Option<()> {
    let params = Params::new(log_n, r, p).ok()?;
    scrypt(password, salt, &params, out).ok()
}
