use proptest::prelude::*;

use super::*;

const SALT_22: &str = "AAECAwQFBgcICQoLDA0ODw";
const HASH_43: &str = "w3lflI4xUxNCDtV2RGqVaQPE2Zn7y5e27545+fW2+00";

#[test]
fn pw_14_kinds_of_other_systems_are_told_by_their_hashes() {
    for (text, label) in [
        (format!("$argon2id$v=19$m=65536,t=3,p=4${SALT_22}${HASH_43}"), "argon2id m=65536,t=3,p=4"),
        (format!("$argon2i$m=4096,t=3,p=1${SALT_22}${HASH_43}"), "argon2i m=4096,t=3,v=16"),
        ("$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy".to_owned(), "bcrypt 10"),
        ("$2y$12$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy".to_owned(), "bcrypt 12"),
        (format!("$pbkdf2-sha256$29000${SALT_22}${}", HASH_43.replace('+', ".")), "pbkdf2-sha256 29000"),
        (format!("$pbkdf2-sha512$i=210000,l=32${SALT_22}${HASH_43}"), "pbkdf2-sha512 210000"),
        (format!("pbkdf2_sha256$870000$NaCl4Django${HASH_43}="), "pbkdf2-sha256 870000"),
        (format!("$scrypt$ln=16,r=8,p=1${SALT_22}${HASH_43}"), "scrypt ln=16,r=8,p=1"),
    ] {
        let stored = Stored::parse(&text).expect(&text);

        assert_eq!((stored.kind.to_string().as_str(), stored.key), (label, None), "{text}");
        assert_eq!(Kind::of(&text), Kind::parse(label).ok());
    }
}

#[test]
fn pw_15_a_hash_that_costs_too_much_is_refused_when_it_is_read() {
    for text in [
        format!("$argon2id$v=19$m=4194304,t=1,p=1${SALT_22}${HASH_43}"),
        format!("$argon2id$v=19$m=65536,t=65,p=1${SALT_22}${HASH_43}"),
        format!("$argon2id$v=19$m=1048576,t=5,p=1${SALT_22}${HASH_43}"),
        format!("$argon2id$v=19$m=65536,t=1,p=17${SALT_22}${HASH_43}"),
        "$2b$17$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy".to_owned(),
        format!("$pbkdf2-sha256$2147483648${SALT_22}${HASH_43}"),
        format!("$scrypt$ln=20,r=8,p=1${SALT_22}${HASH_43}"),
        format!("$scrypt$ln=63,r=8,p=1${SALT_22}${HASH_43}"),
        format!("$scrypt$ln=17,r=8,p=16${SALT_22}${HASH_43}"),
    ] {
        assert!(matches!(Stored::parse(&text), Err(Unusable::TooCostly(_))), "{text}");
    }
}

#[test]
fn what_is_no_hash_does_not_parse() {
    for text in [
        "",
        "$",
        "$argon2id$",
        "$argon2id$v=19$m=64,t=1,p=1$!$!",
        "$argon2id$v=18$m=64,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODw",
        "$argon2id$v=19$m=64,t=1,p=1$AAEC$AAECAwQFBgcICQoLDA0ODw",
        "$argon2id$v=19$m=64,t=1,p=1,data=AAAA$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODw",
        "$argon2id$v=19$m=64,t=1,p=1,keyid=AAAA$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODw",
        "$argon2id$v=19$m=+64,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODw",
        "$argon2d$v=19$m=64,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODw",
        "$2b$12$abc",
        "$2x$12$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
        "$2b$3$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
        "$2b$12$N9qo8uLOickgx2ZMRZoMyéIjZAgcfl7p92ldGxad68LJZdL17lhW",
        "$bcrypt-sha384$v=1,r=12$N9qo8uLOickgx2ZMRZoMye$IjZAgcfl7p92ldGxad68LJZdL17lhWy",
        "$pbkdf2-sha256$0$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODw",
        "$pbkdf2-sha256$i=1000,l=31$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODw",
        "pbkdf2_sha1$1000$salt$AAECAwQFBgcICQoLDA0ODw==",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "hunter2",
    ] {
        assert!(Stored::parse(text).is_err(), "{text}");
    }
    assert!(Stored::parse(&"$".repeat(100_000)).is_err());
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        (8..2000_u32, 1..9_u32, any::<bool>(), any::<bool>()).prop_map(|(memory_kib, passes, id, new)| Kind::Argon2 {
            variant: if id { Variant::Id } else { Variant::I },
            version: if new { 19 } else { 16 },
            memory_kib,
            passes,
            lanes: 1,
        }),
        (4..17_u32).prop_map(|cost| Kind::Bcrypt { cost }),
        (1..10_000_000_u32, any::<bool>()).prop_map(|(rounds, long)| Kind::Pbkdf2 {
            digest: if long { Digest::Sha512 } else { Digest::Sha256 },
            rounds,
        }),
        (1..15_u8, 1..9_u32, 1..5_u32).prop_map(|(log_n, r, p)| Kind::Scrypt { log_n, r, p }),
    ]
}

proptest! {
    #[test]
    fn what_we_write_reads_as_it_was(kind in kinds(), keyed in any::<bool>(), salt in any::<[u8; 16]>(), hash in any::<[u8; 23]>()) {
        let keyed = keyed && !matches!(kind, Kind::Scrypt { .. });
        let key = keyed.then_some(KeyId([1, 2, 3, 4, 5, 6]));
        let stored = Stored { kind, key, salt: salt.to_vec(), hash: hash.to_vec() };

        prop_assert_eq!(Stored::parse(&stored.to_string()), Ok(stored));
        prop_assert_eq!(Kind::parse(&kind.to_string()), Ok(kind));
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\$?(argon2id|2b|bcrypt-sha384|pbkdf2-sha256|pbkdf2_sha256|scrypt)\\$[ -~é$=,]{0,80}") {
        let _ = Stored::parse(&text);
    }
}
