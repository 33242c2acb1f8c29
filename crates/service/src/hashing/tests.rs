use std::sync::Arc;

use super::*;
use crate::entropy::SystemEntropy;

const CHEAP: Cost = Cost { memory_kib: 64, passes: 1 };
const PEPPER: [u8; 32] = [7; 32];
const PASSWORD: &str = "Grüße aus dem Käsekeller";

fn of(scheme: impl Into<Scheme>, pepper: u8) -> Hashing {
    Hashing::with_threads(scheme, Secret::from_bytes([pepper; 32]), &SystemEntropy, 1)
}

fn pool(pepper: u8) -> Hashing {
    of(CHEAP, pepper)
}

fn schemes() -> [Scheme; 3] {
    [CHEAP.into(), Scheme::Bcrypt { cost: 4 }, Scheme::Pbkdf2 { rounds: 1000 }]
}

fn typed(text: &str) -> Password {
    Password::typed(text).expect("short")
}

async fn matches(pool: &Hashing, text: &str, stored: &str) -> bool {
    pool.verify(typed(text), Against::Stored(stored.to_owned())).await.expect("idle")
}

#[tokio::test]
async fn pw_12_a_password_verifies_and_another_does_not() {
    for (scheme, begin) in schemes().into_iter().zip([
        "$argon2id$v=19$m=64,t=1,p=1,keyid=",
        "$bcrypt-sha384$v=1,r=4,keyid=",
        "$pbkdf2-sha256$i=1000,l=32,keyid=",
    ]) {
        let pool = of(scheme, 1);
        let stored = pool.hash(typed("correct horse battery"), &SystemEntropy).await.expect("idle");

        assert!(stored.starts_with(begin), "{stored}");
        assert!(matches(&pool, "correct horse battery", &stored).await);
        assert!(!matches(&pool, "correct horse batterz", &stored).await);
        let nobody = Against::Nobody(scheme.kind());
        assert!(!pool.verify(typed("correct horse battery"), nobody).await.expect("idle"));
        assert_ne!(stored, pool.hash(typed("correct horse battery"), &SystemEntropy).await.expect("idle"), "salt");
    }
}

#[tokio::test]
async fn pw_13_with_another_pepper_nobody_signs_in() {
    for scheme in schemes() {
        let stored = of(scheme, 1).hash(typed("correct horse battery"), &SystemEntropy).await.expect("idle");
        let unmarked = {
            let (begin, rest) = stored.split_once(",keyid=").expect("marked");
            format!("{begin}{}", &rest[8..])
        };

        assert!(!matches(&of(scheme, 2), "correct horse battery", &stored).await);
        assert!(!matches(&of(scheme, 1), "correct horse battery", &unmarked).await, "the pepper went into it");
    }
}

#[tokio::test]
async fn pw_02_the_first_72_bytes_are_not_enough() {
    let long = "a".repeat(100);
    for scheme in schemes() {
        let pool = of(scheme, 1);
        let stored = pool.hash(typed(&long), &SystemEntropy).await.expect("idle");

        assert!(matches(&pool, &long, &stored).await);
        assert!(!matches(&pool, &long[..72], &stored).await);
    }
}

/// Made with Python 3.11 by libraries of other authors: bcrypt 5.0.0, argon2-cffi 25.1.0 (libargon2), passlib 1.7.4, Django 5.2.19, and hashlib
/// (OpenSSL) for PBKDF2 and scrypt in PHC form; salt `bytes(range(16))` where one can be given.
const OTHERS: &[&str] = &[
    "$2a$04$nmFP7pvwReAnmAcHqh/obeljrZbt/rYF99FSjkFA2fcEn4ouA3rZe",
    "$2b$04$Vb7/agzdPifwzcjzeRIpzerMpqzSqfJwoDCqt.HqIy1JXsowq4uoK",
    "$2y$04$Vb7/agzdPifwzcjzeRIpzerMpqzSqfJwoDCqt.HqIy1JXsowq4uoK",
    "$argon2id$v=19$m=256,t=2,p=2$AAECAwQFBgcICQoLDA0ODw$PEmvS6n6mI+ngLGTJfVx1pQoHuTbGqm/5e9toH5mH9g",
    "$argon2id$v=16$m=256,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$i+FjNDfV69Kv39T6kN8fuA",
    "$argon2i$v=19$m=256,t=2,p=2$AAECAwQFBgcICQoLDA0ODw$NAyKZvh9dZ099DOAynw0kQFB1UlxSUo2kl+Z/vvXdYg",
    "$argon2i$m=256,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$mAtz//7YC99ecsSNdtA5UA",
    "$pbkdf2-sha256$1000$AAECAwQFBgcICQoLDA0ODw$w3lflI4xUxNCDtV2RGqVaQPE2Zn7y5e27545.fW2.00",
    "$pbkdf2-sha512$1000$AAECAwQFBgcICQoLDA0ODw$OC74Udp7M./fPHSWDTjhHI6qiN3b4QTmPRLWLeIh36kSXFBtZpyuEEh7o6dQT3TNEqMYU3awnplaK5wpDIG3tw",
    "pbkdf2_sha256$1000$NaCl4Django$tEpaItDocd03kuXMTD/NCtOHn1ZhwgogreGpDYo+8Jo=",
    "$pbkdf2-sha256$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$w3lflI4xUxNCDtV2RGqVaQPE2Zn7y5e27545+fW2+00",
    "$pbkdf2-sha512$i=1000$AAECAwQFBgcICQoLDA0ODw$OC74Udp7M+/fPHSWDTjhHI6qiN3b4QTmPRLWLeIh36kSXFBtZpyuEEh7o6dQT3TNEqMYU3awnplaK5wpDIG3tw",
    "$scrypt$ln=6,r=8,p=2$AAECAwQFBgcICQoLDA0ODw$ov/muUUe+kEwmNS4DtwwaNhb8cqTrsvmVWmICgLJIrI",
    "$scrypt$ln=7,r=4,p=1$AAECAwQFBgcICQoLDA0ODw$QIkWFrbTg3MHIXKdAt4wj8gb/hVm5Pm57u7Rp23L3R2pyOPyE/u4jQYjNPI/tKOJeHS6JU9I4SlbUZCAYdEHrg",
];

/// Ours, with a pepper of 32 bytes 7, made by Python's bcrypt, hmac and hashlib, and by libargon2 with its `secret` through argon2-cffi's
/// `low_level.core`.
const OURS: &[&str] = &[
    "$argon2id$v=19$m=64,t=1,p=1,keyid=85R9uW0Q$AAECAwQFBgcICQoLDA0ODw$TxnsIvykhDDxexWHYm6ysZ9uHOEnfsL5Hw06f1B/j4o",
    "$bcrypt-sha384$v=1,r=4,keyid=85R9uW0Q$S9JIJU3TBWgvKhFn.gZl0e$C5CPqkvyQ/CB.3/YX4A5hug4NF74OFG",
    "$pbkdf2-sha256$i=1000,l=32,keyid=85R9uW0Q$AAECAwQFBgcICQoLDA0ODw$X4VV7+SXWQVL7p16OFqdYhP3AsvF359JfgK9CAmrR4Q",
];

#[tokio::test]
async fn pw_14_hashes_of_other_systems_verify_and_are_outdated() {
    let pool = of(CHEAP, PEPPER[0]);
    for stored in OTHERS.iter().chain(OURS) {
        assert!(matches(&pool, PASSWORD, stored).await, "{stored}");
        assert!(!matches(&pool, "Grüße aus dem Käsekellen", stored).await, "{stored}");
    }
    for stored in OTHERS {
        assert!(pool.is_outdated(stored), "{stored}");
    }
}

#[tokio::test]
async fn pw_14_a_hash_of_other_parameters_is_outdated_and_one_of_these_is_not() {
    for scheme in schemes() {
        let stored = of(scheme, 1).hash(typed("correct horse battery"), &SystemEntropy).await.expect("idle");
        let others = [
            Scheme::default(),
            Cost { passes: 2, ..CHEAP }.into(),
            Cost { memory_kib: 65, ..CHEAP }.into(),
            Scheme::Bcrypt { cost: 5 },
            Scheme::Pbkdf2 { rounds: 1001 },
        ];

        assert!(!of(scheme, 1).is_outdated(&stored), "{stored}");
        assert!(of(scheme, 2).is_outdated(&stored), "another pepper: {stored}");
        for other in others {
            assert!(of(other, 1).is_outdated(&stored), "{stored} for {other:?}");
        }
        for damaged in ["", "x", &stored[..stored.len() - 4]] {
            assert!(of(scheme, 1).is_outdated(damaged), "{damaged}");
        }
    }
}

#[tokio::test]
async fn imported_bcrypt_reads_72_bytes_as_it_always_did() {
    // bcrypt 5.0.0: 50 times ä, cut to 72 bytes by hand (it refuses longer ones since 5.0; older ones cut); 72 times x; nothing.
    let umlauts = "$2b$05$Nhj5fmpVfSY0SSXUbQb7cuaN/8h3NRNDxfDH2hbTiboFW3yotceQG";
    let exact = "$2b$04$vPJoBILJDQkeouFNTDpGluUZ4hao.ADjeQ3rMddxBx5zfXjHM.b/O";
    let empty = "$2b$04$tPjixdnUqFA4Q2PoD8wpBuMriCqsKu9BZMzVHVDkPxMstFNNcdm4W";
    let pool = pool(1);

    for (text, stored, expected) in [
        ("ä".repeat(50), umlauts, true),
        ("ä".repeat(36), umlauts, true),
        ("ä".repeat(35), umlauts, false),
        ("x".repeat(72), exact, true),
        ("x".repeat(73), exact, true),
        ("x".repeat(71), exact, false),
        (String::new(), empty, true),
        ("\0".to_owned(), empty, false),
        ("\0abc".to_owned(), empty, false),
    ] {
        assert_eq!(matches(&pool, &text, stored).await, expected, "{} {stored}", text.len());
    }
}

#[tokio::test]
async fn what_cannot_be_used_matches_nothing() {
    let pool = pool(1);
    for stored in ["", "hunter2", "$argon2id$v=19$m=4194304,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODw"] {
        assert!(!matches(&pool, "hunter2", stored).await, "{stored}");
    }
    let unbounded = Kind::Pbkdf2 { digest: domain::password::kind::Digest::Sha256, rounds: u32::MAX };
    assert!(!pool.verify(typed("x"), Against::Nobody(unbounded)).await.expect("at once"));
}

#[tokio::test]
async fn nobody_costs_any_kind_of_work_and_is_never_right() {
    let pool = pool(1);
    for label in
        ["argon2id m=64,t=1", "argon2i m=64,t=1,p=2,v=16", "bcrypt 4", "pbkdf2-sha512 10", "scrypt ln=4,r=8,p=1"]
    {
        let kind = Kind::parse(label).expect(label);
        for text in ["", "\0", "anything"] {
            assert!(!pool.verify(typed(text), Against::Nobody(kind)).await.expect("idle"), "{label}");
        }
    }
}

#[tokio::test]
async fn recovery_codes_are_hashed_in_one_turn_and_found_again() {
    let pool = pool(1);
    let codes: Vec<Password> = (0..10).map(|at| typed(&format!("code-{at}"))).collect();

    let stored = pool.hash_codes(codes, &SystemEntropy).await.expect("idle");

    assert_eq!(stored.len(), 10);
    assert!(stored.iter().all(|one| one.starts_with("$argon2id$v=19$m=64,t=1,p=1,keyid=")), "cheap here");
    assert!(matches(&pool, "code-3", &stored[3]).await);
    let find = |text: &str| pool.find_in(pool.admit().expect("idle"), typed(text), stored.clone());
    assert_eq!(find("code-9").await.expect("idle"), Some(9));
    assert_eq!(find("code-10").await.expect("idle"), None);
    assert_eq!(Scheme::default().of_codes(), Cost::FLOOR);
    assert_eq!(Scheme::Bcrypt { cost: 12 }.of_codes(), Cost::FLOOR);
}

#[tokio::test]
async fn pw_15_a_full_queue_is_refused_at_once() {
    let pool = Arc::new(pool(1));
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let blocked = tokio::spawn({
        let pool = pool.clone();
        async move { pool.pool.run(pool.admit()?, move |_| wait.recv().is_ok()).await }
    });
    let mut refused = 0;
    let mut waiting = Vec::new();
    for _ in 0..40 {
        let pool = pool.clone();
        waiting.push(tokio::spawn(async move { pool.verify(typed("x"), Against::Nobody(pool.kind())).await }));
    }
    tokio::task::yield_now().await;
    go.send(()).expect("the pool waits");
    for one in waiting {
        refused += usize::from(one.await.expect("no panic").is_err());
    }

    assert!(blocked.await.expect("no panic").expect("queued"));
    assert!(refused >= 40 - 17, "{refused}");
}

#[test]
fn the_defaults_reach_the_floor() {
    assert!(Scheme::default().kind().is_enough());
    assert!(Cost::default().is_enough() && Cost::FLOOR.is_enough());
    assert!(!CHEAP.is_enough());
}
