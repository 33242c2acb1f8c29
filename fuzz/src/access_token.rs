//! What must hold for any bytes that claim to be an access token. Used by the fuzz target and, with its corpus, by a test of `guard`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use wire::claims::AccessClaims;
use wire::jws::{Compact, LONGEST_KID, LONGEST_TOKEN};

/// Panics if reading `input` breaks a promise of `wire::jws`: as a token, and as the JSON of a header and of claims.
pub(crate) fn check(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        check_token(text);
    }
    let json = URL_SAFE_NO_PAD.encode(input);
    check_token(&format!("{json}.{json}.AA"));
}

fn check_token(token: &str) {
    let Ok(compact) = Compact::split(token) else { return };
    let Compact { header, payload, signature, signing_input } = compact;
    assert!(token.len() <= LONGEST_TOKEN, "a long token is not read");
    assert_eq!(format!("{header}.{payload}.{signature}"), token, "nothing is dropped");
    assert_eq!(format!("{header}.{payload}"), signing_input, "what is signed is what is read");
    if let Ok(bytes) = compact.signature_bytes() {
        assert_eq!(URL_SAFE_NO_PAD.encode(bytes), signature, "a signature has one written form");
    }
    if let Ok(read) = compact.header() {
        assert!((1..=LONGEST_KID).contains(&read.kid.len()), "a key id is bounded");
        let again = format!("{}.{payload}.{signature}", read.encode());
        assert_eq!(Compact::split(&again).map(|again| again.header()), Ok(Ok(read)), "a header survives being written");
    }
    if let Ok(header) = compact.access_token_header() {
        assert!(header.typ.ends_with("at+jwt"), "another kind is no access token");
    }
    if let Ok(read) = compact.claims() {
        let written = serde_json::to_string(&read.claims).unwrap_or_default();
        let again: Result<AccessClaims, _> = serde_json::from_str(&written);
        assert_eq!(again.ok().as_ref(), Some(&read.claims), "claims survive being written");
    }
}
