//! Key documents, good and hostile. The cases of Wycheproof's `json_web_key_test.json` are here by their meaning.

use aws_lc_rs::rsa::KeySize;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use guard::{BadKeys, KeySet};
use serde_json::{Value, json};
use wire::jwk::{Jwk, JwkSet};

use crate::mint::{RSA, Signer};

fn parse(keys: &[Value]) -> Result<usize, BadKeys> {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).map(|set| set.len())
}

fn rsa(change: impl FnOnce(&mut Value)) -> Value {
    changed(&RSA.jwk, change)
}

fn changed(jwk: &Jwk, change: impl FnOnce(&mut Value)) -> Value {
    let mut value = serde_json::to_value(jwk).unwrap();
    change(&mut value);
    value
}

fn number(bytes: &[u8]) -> Value {
    json!(URL_SAFE_NO_PAD.encode(bytes))
}

fn modulus() -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(RSA.jwk.n.as_deref().unwrap()).unwrap()
}

#[test]
fn a_document_with_a_key_of_each_kind_is_taken() {
    let keys = [&RSA.jwk, &Signer::p256().jwk, &Signer::ed25519().jwk, &Signer::rsa(KeySize::Rsa4096).jwk];
    assert_eq!(parse(&keys.map(|key| serde_json::to_value(key).unwrap())), Ok(4));
}

#[test]
fn the_name_of_a_key_is_its_rfc_7638_thumbprint() {
    // RFC 8037, appendix A.3.
    let x = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
    let jwk = Jwk::ed25519(&x, |bytes| {
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().try_into().unwrap()
    });
    assert_eq!(jwk.kid.as_deref(), Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
}

#[test]
fn keys_of_kinds_that_we_do_not_know_are_passed_over() {
    let others = [
        json!({"kty": "EC", "crv": "P-521", "alg": "ES512", "kid": "a", "x": "AA", "y": "AA"}),
        json!({"kty": "AKP", "alg": "ML-DSA-65", "kid": "b", "pub": "AA"}),
        rsa(|key| key["alg"] = json!("RS512")),
        rsa(|key| key["use"] = json!("enc")),
        rsa(|_| ()),
    ];
    assert_eq!(parse(&others), Ok(1));
    assert_eq!(parse(&others[..4]), Err(BadKeys::Empty));
}

#[test]
fn a_document_with_a_private_or_symmetric_key_is_refused() {
    assert_eq!(parse(&[rsa(|key| key["d"] = json!("AQAB"))]), Err(BadKeys::Malformed));
    assert_eq!(
        parse(&[rsa(|_| ()), json!({"kty": "oct", "alg": "HS256", "kid": "a", "k": "AAAA"})]),
        Err(BadKeys::Malformed)
    );
}

#[test]
fn a_document_with_two_keys_of_one_name_is_refused() {
    let mut other = Signer::p256().jwk;
    other.kid.clone_from(&RSA.jwk.kid);
    assert_eq!(parse(&[rsa(|_| ()), serde_json::to_value(other).unwrap()]), Err(BadKeys::KeyId));
    assert_eq!(parse(&[rsa(|_| ()), rsa(|_| ())]), Err(BadKeys::KeyId));
}

#[test]
fn a_key_without_a_name_is_refused() {
    for kid in [json!(""), Value::Null, json!("k".repeat(129))] {
        assert_eq!(parse(&[rsa(|key| key["kid"] = kid)]), Err(BadKeys::KeyId));
    }
}

#[test]
fn a_key_whose_algorithm_does_not_fit_its_kind_is_refused() {
    let p256 = Signer::p256().jwk;
    for key in [
        rsa(|key| key["alg"] = json!("ES256")),
        rsa(|key| key["alg"] = json!("EdDSA")),
        rsa(|key| key["alg"] = Value::Null),
        changed(&p256, |key| key["alg"] = json!("RS256")),
        changed(&p256, |key| key["crv"] = json!("P-384")),
        changed(&p256, |key| key["kty"] = json!("RSA")),
        changed(&Signer::ed25519().jwk, |key| key["crv"] = json!("X25519")),
    ] {
        assert_eq!(parse(std::slice::from_ref(&key)), Err(BadKeys::Algorithm), "{key}");
    }
}

#[test]
fn a_weak_rsa_key_is_refused() {
    let weak_n = [
        modulus()[..128].to_vec(),
        [&[0x7F], &modulus()[1..]].concat(),
        [&[0], modulus().as_slice()].concat(),
        modulus().iter().copied().take(255).chain([0xFE]).collect(),
        vec![0xFF; 1025],
        Vec::new(),
    ];
    for n in weak_n {
        assert_eq!(parse(&[rsa(|key| key["n"] = number(&n))]), Err(BadKeys::Weak), "{n:?}");
    }
    for e in [&[1][..], &[3], &[17], &[1, 0, 0], &[0, 1, 0, 1], &[0xFF, 0xFF], &[], &[1; 9], &[1, 0, 0, 0]] {
        assert_eq!(parse(&[rsa(|key| key["e"] = number(e))]), Err(BadKeys::Weak), "{e:?}");
    }
}

#[test]
fn a_point_that_is_not_on_the_curve_is_refused() {
    let p256 = Signer::p256().jwk;
    for member in ["x", "y"] {
        for bytes in [vec![7; 32], vec![0; 32], vec![0xFF; 32], vec![1; 31], vec![1; 33]] {
            let key = changed(&p256, |key| key[member] = number(&bytes));
            assert_eq!(parse(&[key]), Err(BadKeys::Weak), "{member} {bytes:?}");
        }
    }
    for bytes in [vec![1; 31], vec![1; 33]] {
        let key = changed(&Signer::ed25519().jwk, |key| key["x"] = number(&bytes));
        assert_eq!(parse(&[key]), Err(BadKeys::Weak));
    }
}

#[test]
fn numbers_that_are_not_base64url_are_refused() {
    for e in ["AQAB=", "AQA+", "AQ AB", "AQABA"] {
        assert_eq!(parse(&[rsa(|key| key["e"] = json!(e))]), Err(BadKeys::Weak), "{e}");
    }
}

#[test]
fn a_document_of_too_many_keys_or_bytes_is_refused() {
    let many = JwkSet { keys: vec![RSA.jwk.clone(); 65] };
    assert_eq!(KeySet::from_jwks(&many).unwrap_err(), BadKeys::TooMany);

    let long = format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(256 * 1024));
    assert_eq!(KeySet::parse(long.as_bytes()).unwrap_err(), BadKeys::TooLong);
}

#[test]
fn what_is_not_a_key_set_is_refused() {
    for text in
        ["", "{}", "[]", "null", "<!doctype html>", r#"{"keys":{}}"#, r#"{"keys":[1]}"#, r#"{"keys":[],"keys":[]}"#]
    {
        assert_eq!(KeySet::parse(text.as_bytes()).unwrap_err(), BadKeys::Malformed, "{text}");
    }
    assert_eq!(parse(&[]), Err(BadKeys::Empty));
}
