//! Tokens, good and hostile, at the verifier.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use guard::Refused;
use serde_json::{Value, json};
use wire::jwk::JwkSet;
use wire::jws::LONGEST_TOKEN;

use crate::mint::{AUDIENCE, ISSUER, NOW, RSA, Signer, claims, verifier};

/// What a fresh verifier says of `token` now.
fn verdict(token: &str) -> Result<(), Refused> {
    verifier(&RSA).0.verify(token, NOW).map(drop)
}

fn with(change: impl FnOnce(&mut guard::AccessClaims)) -> String {
    let mut changed = claims();
    change(&mut changed);
    RSA.token(&changed)
}

fn header_with(name: &str, value: Value) -> String {
    let mut header = RSA.header();
    header[name] = value;
    RSA.with_header(&header)
}

#[test]
fn a_good_token_of_each_algorithm_is_accepted_and_read() {
    for signer in [&*RSA, &Signer::p256(), &Signer::ed25519()] {
        let (verifier, _) = verifier(signer);

        let read = verifier.verify(&signer.token(&claims()), NOW).unwrap();

        assert_eq!(*read, claims());
    }
}

#[test]
fn a_good_token_is_accepted_whatever_the_order_of_its_header() {
    let header = format!(r#"{{ "kid":"{}", "typ":"application/at+jwt", "alg":"RS256" }}"#, RSA.kid());
    assert_eq!(verdict(&RSA.raw(&header, &serde_json::to_string(&claims()).unwrap())), Ok(()));
}

#[test]
fn a_token_with_the_algorithm_none_is_refused() {
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let signed = header_with("alg", json!(alg));
        let unsigned = format!("{}.", signed.rsplit_once('.').unwrap().0);

        assert_eq!(verdict(&signed), Err(Refused::Algorithm));
        assert_eq!(verdict(&unsigned), Err(Refused::NotCompact));
        assert_eq!(verdict(unsigned.trim_end_matches('.')), Err(Refused::NotCompact));
    }
}

#[test]
fn a_token_signed_with_hs256_and_the_public_key_is_refused() {
    let modulus = URL_SAFE_NO_PAD.decode(RSA.jwk.n.as_deref().unwrap()).unwrap();
    for secret in [modulus, serde_json::to_vec(&RSA.jwk).unwrap()] {
        let token = header_with("alg", json!("HS256"));
        let input = token.rsplit_once('.').unwrap().0;
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), input.as_bytes());

        assert_eq!(verdict(&format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag))), Err(Refused::Algorithm));
    }
}

#[test]
fn a_token_that_names_another_algorithm_than_its_key_has_is_refused() {
    for alg in ["ES256", "EdDSA"] {
        assert_eq!(verdict(&header_with("alg", json!(alg))), Err(Refused::Algorithm));
    }
    for alg in ["RS384", "RS512", "PS256", "rs256", "RS256 "] {
        assert_eq!(verdict(&header_with("alg", json!(alg))), Err(Refused::Algorithm));
    }
}

#[test]
fn a_token_with_a_critical_extension_is_refused() {
    for (name, value) in [("crit", json!(["exp"])), ("crit", json!([])), ("b64", json!(false)), ("b64", json!(true))] {
        assert_eq!(verdict(&header_with(name, value)), Err(Refused::CriticalExtension));
    }
}

#[test]
fn a_key_that_the_token_brings_along_is_not_used() {
    let thief = Signer::rsa(aws_lc_rs::rsa::KeySize::Rsa2048);
    for (name, value) in [
        ("jwk", serde_json::to_value(&thief.jwk).unwrap()),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/cert")),
        ("x5c", json!(["AAAA"])),
    ] {
        let mut header = RSA.header();
        header[name] = value;

        assert_eq!(verdict(&thief.with_header(&header)), Err(Refused::Signature), "{name}: the thief's signature");
        assert_eq!(verdict(&RSA.with_header(&header)), Ok(()), "{name}: ignored on a token of ours");
    }
}

#[test]
fn a_key_id_is_data_and_bounded() {
    for kid in ["../../etc/passwd", "' OR 1=1 --", "unknown", "\u{0}"] {
        assert_eq!(verdict(&header_with("kid", json!(kid))), Err(Refused::UnknownKey), "{kid}");
    }
    for kid in [json!(""), json!("k".repeat(129))] {
        assert_eq!(verdict(&header_with("kid", kid)), Err(Refused::KeyId));
    }
    assert_eq!(verdict(&header_with("kid", json!(7))), Err(Refused::MalformedHeader));
    let header = json!({"alg": "RS256", "typ": "at+jwt"});
    assert_eq!(verdict(&RSA.with_header(&header)), Err(Refused::KeyId));
}

#[test]
fn a_token_of_another_kind_is_refused() {
    for typ in ["JWT", "logout+jwt", "secevent+jwt", "client-authentication+jwt", "dpop+jwt", "AT+JWT", "at+JWT", ""] {
        assert_eq!(verdict(&header_with("typ", json!(typ))), Err(Refused::Type), "{typ}");
    }
    let id_token = RSA.with_header(&json!({"alg": "RS256", "kid": RSA.kid()}));
    assert_eq!(verdict(&id_token), Err(Refused::Type));
}

#[test]
fn a_member_that_occurs_twice_is_refused_in_the_header_and_in_the_claims() {
    let good = serde_json::to_string(&claims()).unwrap();
    let header = format!(r#"{{"alg":"RS256","typ":"at+jwt","kid":"{0}","kid":"{0}"}}"#, RSA.kid());

    assert_eq!(verdict(&RSA.raw(&header, &good)), Err(Refused::DuplicateMember));
    for extra in [r#""sub":"00000000-0000-4000-8000-000000000000""#, r#""x":1,"x":2"#, r#""units":{"/a":[],"/a":[]}"#] {
        let twice = good.replacen('{', &format!("{{{extra},"), 1);
        assert_eq!(verdict(&RSA.with_claims(&twice)), Err(Refused::DuplicateMember), "{extra}");
    }
}

#[test]
fn a_token_for_another_audience_or_of_another_issuer_is_refused() {
    for aud in ["pharmacy", "Clinic", "clinic ", ""] {
        assert_eq!(verdict(&with(|claims| claims.aud = aud.to_owned())), Err(Refused::Audience));
    }
    for iss in ["https://evil.example", "https://id.example/", "https://id.example/realms/x", "HTTPS://ID.EXAMPLE", ""]
    {
        assert_eq!(verdict(&with(|claims| claims.iss = iss.to_owned())), Err(Refused::Issuer));
    }
    let list = serde_json::to_string(&claims()).unwrap().replace(r#""aud":"clinic""#, r#""aud":["clinic","other"]"#);
    assert_eq!(verdict(&RSA.with_claims(&list)), Err(Refused::MalformedClaims));
}

#[test]
fn a_token_lives_from_its_issue_to_its_expiry_and_ten_seconds_around() {
    let (verifier, _) = verifier(&RSA);
    let verifier = verifier.cache_bytes(0);
    let token = RSA.token(&claims());

    assert_eq!(verifier.verify(&token, NOW - 11).unwrap_err(), Refused::NotYetValid);
    assert!(verifier.verify(&token, NOW - 10).is_ok());
    assert!(verifier.verify(&token, NOW + 609).is_ok());
    assert_eq!(verifier.verify(&token, NOW + 610).unwrap_err(), Refused::Expired);
}

#[test]
fn no_leeway_means_none_at_either_end() {
    let verifier = verifier(&RSA).0.leeway(0).cache_bytes(0);
    let token = RSA.token(&claims());

    assert!(verifier.verify(&token, NOW).is_ok());
    assert_eq!(verifier.verify(&token, NOW - 1).unwrap_err(), Refused::NotYetValid);
    assert!(verifier.verify(&token, NOW + 599).is_ok());
    assert_eq!(verifier.verify(&token, NOW + 600).unwrap_err(), Refused::Expired);
    let nbf = serde_json::to_string(&claims()).unwrap().replacen('{', &format!(r#"{{"nbf":{},"#, NOW + 1), 1);
    assert_eq!(verifier.verify(&RSA.with_claims(&nbf), NOW).unwrap_err(), Refused::NotYetValid, "others' nbf");
}

#[test]
fn a_token_is_refused_before_its_nbf() {
    let claims = serde_json::to_string(&claims()).unwrap();
    let nbf = |at: i64| RSA.with_claims(&claims.replacen('{', &format!(r#"{{"nbf":{at},"#), 1));

    assert_eq!(verdict(&nbf(NOW + 11)), Err(Refused::NotYetValid));
    assert_eq!(verdict(&nbf(NOW + 10)), Ok(()));
}

#[test]
fn no_configuration_stretches_the_leeway_over_a_minute() {
    let verifier = verifier(&RSA).0.leeway(3_600);
    let token = RSA.token(&claims());

    assert!(verifier.verify(&token, NOW + 659).is_ok());
    assert_eq!(verifier.verify(&token, NOW + 660).unwrap_err(), Refused::Expired);
}

#[test]
fn times_at_the_ends_of_the_numbers_break_nothing() {
    assert_eq!(verdict(&with(|claims| claims.exp = i64::MIN)), Err(Refused::Expired));
    assert_eq!(verdict(&with(|claims| claims.iat = i64::MAX)), Err(Refused::NotYetValid));
    assert_eq!(verdict(&with(|claims| claims.exp = i64::MAX)), Ok(()));
    for exp in ["1e400", "1.5", "\"1800000600\"", "null", "99999999999999999999"] {
        let text = serde_json::to_string(&claims()).unwrap().replace(r#""exp":1800000600"#, &format!(r#""exp":{exp}"#));
        assert_eq!(verdict(&RSA.with_claims(&text)), Err(Refused::MalformedClaims), "{exp}");
    }
}

#[test]
fn a_token_without_a_required_claim_is_refused() {
    for name in ["iss", "aud", "sub", "client_id", "iat", "exp", "jti"] {
        let mut value = serde_json::to_value(claims()).unwrap();
        value.as_object_mut().unwrap().remove(name);
        assert_eq!(verdict(&RSA.with_claims(&value.to_string())), Err(Refused::MalformedClaims), "{name}");
    }
}

#[test]
fn a_token_is_refused_if_any_one_of_its_characters_is_changed() {
    let token = RSA.token(&claims());
    let (verifier, _) = verifier(&RSA);
    assert!(verifier.verify(&token, NOW).is_ok());

    for at in 0..token.len() {
        for other in ["A", "z", ".", "=", " ", "+", "/", "\n", "%"] {
            let mut changed = token.clone();
            changed.replace_range(at..=at, other);
            assert!(changed == token || verifier.verify(&changed, NOW).is_err(), "{at} {other:?}");
        }
    }
}

#[test]
fn a_token_is_refused_if_truncated_anywhere_or_extended() {
    let token = RSA.token(&claims());
    let (verifier, _) = verifier(&RSA);
    assert!(verifier.verify(&token, NOW).is_ok());

    for length in 0..token.len() {
        assert!(verifier.verify(&token[..length], NOW).is_err(), "{length}");
    }
    for extra in ["A", "=", "==", ".", ".e30", " ", "\n", "\0", "AAAA"] {
        assert!(verifier.verify(&format!("{token}{extra}"), NOW).is_err(), "{extra:?}");
        assert!(verifier.verify(&format!("{extra}{token}"), NOW).is_err(), "{extra:?}");
    }
}

#[test]
fn a_segment_in_another_base64_is_refused_even_if_signed_so() {
    let payload = serde_json::to_string(&claims()).unwrap();
    let padded = URL_SAFE.encode(format!("{payload} "));
    let padded = if padded.ends_with('=') { padded } else { URL_SAFE.encode(format!("{payload}  ")) };
    let header = URL_SAFE_NO_PAD.encode(RSA.header().to_string());

    assert!(padded.ends_with('='));
    assert_eq!(verdict(&RSA.seal(&header, &padded)), Err(Refused::NotBase64Url));
    let standard = STANDARD.encode(format!("{payload}{}", "\u{FF}\u{FE}?>")).trim_end_matches('=').to_owned();
    assert!(standard.contains(['+', '/']));
    assert_eq!(verdict(&RSA.seal(&header, &standard)), Err(Refused::NotBase64Url));
}

#[test]
fn claims_that_are_not_utf_8_are_refused() {
    let header = URL_SAFE_NO_PAD.encode(RSA.header().to_string());
    let mut bytes = serde_json::to_vec(&claims()).unwrap();
    let at = bytes.windows(5).position(|five| five == b"nurse").unwrap();
    bytes[at] = 0xFF;

    assert_eq!(verdict(&RSA.seal(&header, &URL_SAFE_NO_PAD.encode(bytes))), Err(Refused::MalformedClaims));
}

#[test]
fn a_token_of_64_kibibytes_is_refused_unread() {
    let token = with(|claims| claims.permissions = Some(vec!["p".repeat(48 * 1024)]));

    assert!(token.len() > 64 * 1024 - 1 && token.len() > LONGEST_TOKEN);
    assert_eq!(verdict(&token), Err(Refused::TooLong));
}

#[test]
fn a_json_serialisation_and_a_nested_token_are_refused() {
    let token = RSA.token(&claims());
    let parts: Vec<&str> = token.split('.').collect();
    let json = json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]}).to_string();

    assert!(verdict(&json).is_err());
    assert_eq!(verdict(&RSA.with_claims(&format!("\"{token}\""))), Err(Refused::MalformedClaims));
}

#[test]
fn a_signature_of_another_key_with_the_same_name_is_refused() {
    let mut other = Signer::rsa(aws_lc_rs::rsa::KeySize::Rsa2048);
    other.jwk.kid.clone_from(&RSA.jwk.kid);
    assert_eq!(verdict(&other.token(&claims())), Err(Refused::Signature));
}

#[test]
fn an_ecdsa_signature_has_one_form_only() {
    let signer = Signer::p256();
    let (verifier, _) = verifier(&signer);
    let token = signer.token(&claims());
    let (input, signature) = token.rsplit_once('.').unwrap();
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();

    for bad in [vec![0; 64], raw[..63].to_vec(), [&raw[..], &[0]].concat(), [&[0], &raw[..]].concat(), vec![0x30; 70]] {
        let changed = format!("{input}.{}", URL_SAFE_NO_PAD.encode(bad));
        assert_eq!(verifier.verify(&changed, NOW).unwrap_err(), Refused::Signature);
    }
}

#[test]
fn a_token_seen_before_is_refused_once_it_has_expired() {
    let (verifier, _) = verifier(&RSA);
    let token = RSA.token(&claims());
    let first = verifier.verify(&token, NOW).unwrap();

    assert!(Arc::ptr_eq(&first, &verifier.verify(&token, NOW + 600).unwrap()), "the second answer comes from memory");
    assert_eq!(verifier.verify(&token, NOW + 610).unwrap_err(), Refused::Expired);
    assert_eq!(verifier.verify(&token, NOW - 60).unwrap_err(), Refused::NotYetValid);
}

#[test]
fn a_token_seen_before_is_refused_once_its_key_is_gone() {
    let (verifier, keys) = verifier(&RSA);
    let token = RSA.token(&claims());
    verifier.verify(&token, NOW).unwrap();

    keys.replace(Signer::p256().keys());

    assert_eq!(verifier.verify(&token, NOW).unwrap_err(), Refused::UnknownKey);
    assert_eq!(verifier.verify(&token, NOW).unwrap_err(), Refused::UnknownKey);
}

#[test]
fn a_token_seen_before_is_refused_once_its_key_was_exchanged_under_the_same_name() {
    let (old, mut new) = (Signer::ed25519(), Signer::ed25519());
    new.jwk.kid.clone_from(&old.jwk.kid);
    let (verifier, keys) = verifier(&old);
    let token = old.token(&claims());
    verifier.verify(&token, NOW).unwrap();

    keys.replace(new.keys());

    assert_eq!(verifier.verify(&token, NOW).unwrap_err(), Refused::UnknownKey);
    assert_eq!(verifier.verify(&token, NOW).unwrap_err(), Refused::Signature);
}

#[test]
fn a_token_seen_before_stays_in_memory_when_a_key_is_added() {
    let (verifier, keys) = verifier(&RSA);
    let token = RSA.token(&claims());
    let first = verifier.verify(&token, NOW).unwrap();

    let both = JwkSet { keys: vec![Signer::p256().jwk, RSA.jwk.clone()] };
    keys.replace(guard::KeySet::from_jwks(&both).unwrap());

    assert!(Arc::ptr_eq(&first, &verifier.verify(&token, NOW).unwrap()));
}

#[test]
fn a_refused_token_is_not_remembered_as_good() {
    let (verifier, _) = verifier(&RSA);
    let early = with(|claims| claims.iat = NOW + 100);
    assert_eq!(verifier.verify(&early, NOW).unwrap_err(), Refused::NotYetValid);

    let forged = format!("{}.{}", early.rsplit_once('.').unwrap().0, "A".repeat(342));
    assert_eq!(verifier.verify(&forged, NOW + 100).unwrap_err(), Refused::Signature);
    assert_eq!(verifier.verify(&forged, NOW + 100).unwrap_err(), Refused::Signature);
    assert!(verifier.verify(&early, NOW + 100).is_ok());
}

#[test]
fn the_head_of_a_remembered_token_cannot_be_exchanged() {
    let (verifier, _) = verifier(&RSA);
    let token = RSA.token(&claims());
    verifier.verify(&token, NOW).unwrap();
    let signature = token.rsplit_once('.').unwrap().1;
    let mut raised = claims();
    raised.permissions = Some(vec!["everything:do".to_owned()]);
    let other = RSA.token(&raised);

    let spliced = format!("{}.{signature}", other.rsplit_once('.').unwrap().0);

    assert_eq!(verifier.verify(&spliced, NOW).unwrap_err(), Refused::Signature);
}

#[test]
fn one_verifier_serves_one_issuer_and_one_audience() {
    let keys = Arc::new(guard::SharedKeys::new(RSA.keys()));
    let pharmacy = guard::Verifier::with_keys(ISSUER, "pharmacy", keys.clone());
    let clinic = guard::Verifier::with_keys(ISSUER, AUDIENCE, keys);
    let token = RSA.token(&claims());

    assert!(clinic.verify(&token, NOW).is_ok());
    assert_eq!(pharmacy.verify(&token, NOW).unwrap_err(), Refused::Audience);
}
