//! Configuration: defaults → file → environment (`BAILIWICK__SECTION__KEY`). Unknown keys are refused, and every mistake is told at once.
//!
//! Each setting stands once, in [`SETTINGS`]; `docs/configuration.md` is made from it.
#![expect(clippy::disallowed_methods, reason = "the configuration is what reads the environment")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use domain::password::kind::{self, Kind};
use service::hashing::{Cost, Scheme};

use crate::output::Failure;

/// One setting: its key, its default in words, what it is for, and how it is read.
pub(crate) struct Setting {
    pub(crate) key: &'static str,
    pub(crate) default: &'static str,
    pub(crate) says: &'static str,
    read: fn(&mut Config, &str) -> Result<(), String>,
}

/// Where the key-encryption key comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KekSource {
    pub(crate) file: Option<PathBuf>,
    pub(crate) command: Option<String>,
    pub(crate) value: Option<String>,
}

/// How new passwords are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Argon2id,
    Bcrypt,
    Pbkdf2,
}

/// Everything that can be set.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) base_url: String,
    pub(crate) listen: String,
    pub(crate) operations_listen: String,
    pub(crate) tls_certificate: Option<PathBuf>,
    pub(crate) tls_key: Option<PathBuf>,
    pub(crate) tls_proxy: bool,
    pub(crate) trusted_proxies: Vec<(std::net::IpAddr, u8)>,
    pub(crate) max_connections_per_address: usize,
    pub(crate) origins: Vec<String>,
    pub(crate) database: String,
    pub(crate) connections: usize,
    pub(crate) kek: KekSource,
    pub(crate) hash: Hash,
    pub(crate) hash_memory_kib: u32,
    pub(crate) hash_passes: u32,
    pub(crate) bcrypt_cost: u32,
    pub(crate) pbkdf2_rounds: u32,
    pub(crate) invitation_seconds: u64,
    pub(crate) algorithm: domain::key::Algorithm,
    pub(crate) rsa_bits: u32,
    pub(crate) smtp_url: Option<String>,
    pub(crate) smtp_from: Option<String>,
    pub(crate) log: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            base_url: "http://localhost:8080".to_owned(),
            listen: "127.0.0.1:8080".to_owned(),
            operations_listen: "127.0.0.1:9080".to_owned(),
            tls_certificate: None,
            tls_key: None,
            tls_proxy: false,
            trusted_proxies: Vec::new(),
            max_connections_per_address: 256,
            origins: Vec::new(),
            database: "data".to_owned(),
            connections: 8,
            kek: KekSource::default(),
            hash: Hash::Argon2id,
            hash_memory_kib: 65_536,
            hash_passes: 3,
            bcrypt_cost: 12,
            pbkdf2_rounds: 600_000,
            invitation_seconds: 604_800,
            algorithm: domain::key::Algorithm::Rs256,
            rsa_bits: 3072,
            smtp_url: None,
            smtp_from: None,
            log: "info".to_owned(),
        }
    }
}

impl Config {
    /// How new passwords are hashed.
    pub(crate) const fn scheme(&self) -> Scheme {
        match self.hash {
            Hash::Argon2id => Scheme::Argon2id(Cost { memory_kib: self.hash_memory_kib, passes: self.hash_passes }),
            Hash::Bcrypt => Scheme::Bcrypt { cost: self.bcrypt_cost },
            Hash::Pbkdf2 => Scheme::Pbkdf2 { rounds: self.pbkdf2_rounds },
        }
    }
}

macro_rules! settings {
    ($($key:literal, $default:literal, $says:literal, |$config:ident, $text:ident| $read:expr;)*) => {
        /// All settings, in the order of the reference.
        pub(crate) const SETTINGS: &[Setting] = &[$(Setting {
            key: $key, default: $default, says: $says, read: |$config: &mut Config, $text: &str| $read,
        },)*];
    };
}

settings! {
    "server.base_url", "http://localhost:8080", "Where people and programs reach realm main; its issuer when the realm is made. https, or http on localhost.",
        |c, t| url(t).map(|v| c.base_url = v);
    "server.listen", "127.0.0.1:8080", "Address and port of the public listener.", |c, t| address(t).map(|v| c.listen = v);
    "server.operations_listen", "127.0.0.1:9080", "Address and port for health and metrics; keep it off the public network.",
        |c, t| address(t).map(|v| c.operations_listen = v);
    "server.tls_certificate", "none", "PEM file with the certificate chain.", |c, t| { c.tls_certificate = Some(t.into()); Ok(()) };
    "server.tls_key", "none", "PEM file with the certificate's private key.", |c, t| { c.tls_key = Some(t.into()); Ok(()) };
    "server.tls_proxy", "false", "A proxy in front of this listener terminates TLS.", |c, t| parsed(t, "true or false").map(|v| c.tls_proxy = v);
    "server.trusted_proxies", "none", "Proxies whose X-Forwarded-For is believed, as 10.0.0.0/8, comma-separated.",
        |c, t| networks(t).map(|v| c.trusted_proxies = v);
    "server.max_connections_per_address", "256", "Open connections that one address (IPv6: one /64) may hold; 0: as many as it likes. Trusted proxies are not counted.",
        |c, t| number(t, 0, 1_000_000).map(|v| c.max_connections_per_address = v);
    "server.origins", "none", "Exact origins that may call the JSON API with cookies (CORS), comma-separated.",
        |c, t| list(t).map(url).collect::<Result<_, _>>().map(|v| c.origins = v);
    "database.location", "data", "A folder for the embedded database, or postgres://user:password@host/database.",
        |c, t| if t.contains("://") && !t.starts_with("postgres://") && !t.starts_with("postgresql://") {
            Err("must be a folder or postgres://…".to_owned())
        } else {
            c.database = t.to_owned();
            Ok(())
        };
    "database.connections", "8", "Connections that read (embedded), or all of them (PostgreSQL): 2 to 200.",
        |c, t| number(t, 2, 200).map(|v| c.connections = v);
    "keys.encryption_key_file", "none", "File (mode 600) with the key-encryption key: 32 bytes as 64 hexadecimal characters.",
        |c, t| { c.kek.file = Some(t.into()); Ok(()) };
    "keys.encryption_key_command", "none", "Command that prints the key-encryption key.", |c, t| { c.kek.command = Some(t.to_owned()); Ok(()) };
    "keys.encryption_key", "none", "The key-encryption key itself; only from the environment.", |c, t| { c.kek.value = Some(t.to_owned()); Ok(()) };
    "keys.algorithm", "RS256", "How tokens of Bailiwick's own API are signed: RS256, ES256, EdDSA. For a new database.",
        |c, t| domain::key::Algorithm::parse(t).map(|v| c.algorithm = v).ok_or_else(|| "must be RS256, ES256 or EdDSA".to_owned());
    "keys.rsa_bits", "3072", "Size of new RSA keys: 2048, 3072, 4096.",
        |c, t| match t { "2048" | "3072" | "4096" => parsed(t, "a number").map(|v| c.rsa_bits = v), _ => Err("must be 2048, 3072 or 4096".to_owned()) };
    "passwords.hash", "argon2id", "How new passwords are hashed: argon2id, bcrypt, pbkdf2. Others are verified, and raised at the next sign-in.",
        |c, t| match t {
            "argon2id" => { c.hash = Hash::Argon2id; Ok(()) }
            "bcrypt" => { c.hash = Hash::Bcrypt; Ok(()) }
            "pbkdf2" => { c.hash = Hash::Pbkdf2; Ok(()) }
            _ => Err("must be argon2id, bcrypt or pbkdf2".to_owned()),
        };
    "passwords.memory_kib", "65536", "Memory of Argon2id in KiB; with passes at least 19456/2, 47104/1 or 12288/3.",
        |c, t| small(t, 12_288, kind::MOST_MEMORY_KIB).map(|v| c.hash_memory_kib = v);
    "passwords.passes", "3", "Passes of Argon2id. Memory times passes is at most 4 GiB.",
        |c, t| small(t, 1, kind::MOST_PASSES).map(|v| c.hash_passes = v);
    "passwords.bcrypt_cost", "12", "Cost of bcrypt, where passwords.hash says so: 10 to 16; each step doubles the time.",
        |c, t| small(t, 10, *kind::BCRYPT_COST.end()).map(|v| c.bcrypt_cost = v);
    "passwords.pbkdf2_rounds", "600000", "Rounds of PBKDF2-HMAC-SHA-256, where passwords.hash says so: at least 600000.",
        |c, t| small(t, 600_000, kind::MOST_ROUNDS).map(|v| c.pbkdf2_rounds = v);
    "sign_in.invitation_seconds", "604800", "Lifetime of an invitation link: an hour to 30 days.",
        |c, t| number(t, 3600, 2_592_000).map(|v| c.invitation_seconds = v as u64);
    "mail.smtp_url", "none", "Where mail goes: smtps://user:password@host, or smtp://host:587?tls=required.", |c, t| { c.smtp_url = Some(t.to_owned()); Ok(()) };
    "mail.from", "none", "The sender's address.", |c, t| { c.smtp_from = Some(t.to_owned()); Ok(()) };
    "log.level", "info", "error, warn, info, debug, trace.",
        |c, t| match t { "error" | "warn" | "info" | "debug" | "trace" => { c.log = t.to_owned(); Ok(()) } _ => Err("must be error, warn, info, debug or trace".to_owned()) };
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn parsed<T: std::str::FromStr>(text: &str, expected: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("must be {expected}"))
}

fn number(text: &str, least: usize, most: usize) -> Result<usize, String> {
    let value: usize = parsed(text, "a whole number")?;
    if (least..=most).contains(&value) { Ok(value) } else { Err(format!("must be {least} to {most}")) }
}

fn small(text: &str, least: u32, most: u32) -> Result<u32, String> {
    let value: u32 = parsed(text, "a whole number")?;
    if (least..=most).contains(&value) { Ok(value) } else { Err(format!("must be {least} to {most}")) }
}

fn address(text: &str) -> Result<String, String> {
    let (host, port) = text.rsplit_once(':').ok_or("must be address:port, like 127.0.0.1:8080")?;
    let host_ok = host == "localhost" || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
    if host_ok && port.parse::<u16>().is_ok() {
        Ok(text.to_owned())
    } else {
        Err("must be address:port, like 127.0.0.1:8080".to_owned())
    }
}

/// An origin: scheme, host, port; nothing after it.
fn url(text: &str) -> Result<String, String> {
    let expected = "must be like https://id.example.org, without a path; http only on localhost";
    let rest = match text.strip_prefix("https://") {
        Some(rest) => rest,
        None => text
            .strip_prefix("http://")
            .filter(|rest| *rest == "localhost" || rest.starts_with("localhost:"))
            .ok_or(expected)?,
    };
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b':');
    if !rest.is_empty() && rest.bytes().all(good) { Ok(text.to_owned()) } else { Err(expected.to_owned()) }
}

fn networks(text: &str) -> Result<Vec<(std::net::IpAddr, u8)>, String> {
    let one = |part: &str| {
        let (address, prefix) = part.split_once('/').unwrap_or((part, ""));
        let address: std::net::IpAddr = parsed(address, "addresses like 10.0.0.0/8")?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = if prefix.is_empty() { most } else { parsed(prefix, "addresses like 10.0.0.0/8")? };
        if prefix <= most { Ok((address, prefix)) } else { Err("must be addresses like 10.0.0.0/8".to_owned()) }
    };
    list(text).map(one).collect()
}

/// Reads the file (if there is one) and the environment; all mistakes at once.
pub(crate) fn load(file: Option<&Path>) -> Result<Config, Failure> {
    let mut mistakes = Vec::new();
    let mut values: BTreeMap<String, (String, String)> = BTreeMap::new();
    if let Some(path) = file {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|e| Failure(format!("the configuration {shown} cannot be read: {e}")))?;
        match text.parse::<toml::Table>() {
            Ok(table) => flatten("", &table, &mut |key, value| {
                if key == "keys.encryption_key" {
                    mistakes.push(format!(
                        "{shown}: {key} may not stand in a file; use keys.encryption_key_file or the environment"
                    ));
                }
                values.insert(key, (value, shown.to_string()));
            }),
            Err(error) => mistakes.push(format!("{shown}: {error}")),
        }
    }
    for (name, value) in std::env::vars_os() {
        let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else { continue };
        let Some(key) = name.strip_prefix("BAILIWICK__") else { continue };
        values.insert(key.to_lowercase().replace("__", "."), (value.to_owned(), name.to_owned()));
    }
    let mut config = Config::default();
    for (key, (value, source)) in &values {
        match SETTINGS.iter().find(|setting| setting.key == key) {
            None => mistakes.push(format!("{source}: there is no setting {key}{}", nearest(key))),
            Some(setting) => {
                if let Err(expected) = (setting.read)(&mut config, value) {
                    mistakes.push(format!("{source}: {key} {expected}"));
                }
            }
        }
    }
    check(&config, &mut mistakes);
    if mistakes.is_empty() {
        return Ok(config);
    }
    Err(Failure(format!("the configuration has {} mistake(s):\n  {}", mistakes.len(), mistakes.join("\n  "))))
}

/// Rules over several settings.
fn check(config: &Config, mistakes: &mut Vec<String>) {
    let loopback = config.listen.starts_with("127.")
        || config.listen.starts_with("[::1]")
        || config.listen.starts_with("localhost");
    let tls = config.tls_certificate.is_some() && config.tls_key.is_some();
    if config.tls_certificate.is_some() != config.tls_key.is_some() {
        mistakes.push("server.tls_certificate and server.tls_key belong together".to_owned());
    }
    if !loopback && !tls && !config.tls_proxy {
        mistakes.push(
            "server.listen is not loopback: set server.tls_certificate and server.tls_key, or server.tls_proxy = true"
                .to_owned(),
        );
    }
    if tls && config.base_url.starts_with("http://") {
        mistakes.push("server.base_url must begin with https:// when the listener has a certificate".to_owned());
    }
    let argon2id = Kind::argon2id(config.hash_memory_kib, config.hash_passes);
    if !argon2id.is_enough() {
        mistakes
            .push("passwords.memory_kib and passwords.passes must be at least 19456/2, 47104/1 or 12288/3".to_owned());
    }
    if argon2id.bounded().is_err() {
        mistakes.push("passwords.memory_kib times passwords.passes must be at most 4194304".to_owned());
    }
    let sources = [config.kek.file.is_some(), config.kek.command.is_some(), config.kek.value.is_some()];
    if sources.iter().filter(|set| **set).count() > 1 {
        mistakes.push(
            "only one of keys.encryption_key_file, keys.encryption_key_command and keys.encryption_key may be set"
                .to_owned(),
        );
    }
    if config.smtp_url.is_some() != config.smtp_from.is_some() {
        mistakes.push("mail.smtp_url and mail.from belong together".to_owned());
    }
}

fn flatten(prefix: &str, table: &toml::Table, each: &mut impl FnMut(String, String)) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::Table(inner) => flatten(&key, inner, each),
            toml::Value::String(text) => each(key, text.clone()),
            toml::Value::Array(items) => {
                let text = |item: &toml::Value| item.as_str().map_or_else(|| item.to_string(), ToOwned::to_owned);
                each(key, items.iter().map(text).collect::<Vec<_>>().join(","));
            }
            other => each(key, other.to_string()),
        }
    }
}

/// "; did you mean x?" for a slip of the finger.
fn nearest(key: &str) -> String {
    let last = key.rsplit('.').next().unwrap_or(key);
    let close = SETTINGS
        .iter()
        .find(|s| s.key.ends_with(&format!(".{last}")) || s.key.split('.').nth(1).is_some_and(|k| k.contains(last)));
    close.map(|s| format!("; did you mean {}?", s.key)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_five_mistakes_is_told_all_five() {
        let folder = std::env::temp_dir().join(format!("bailiwick-config-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join("five.toml");
        let text = "[server]\nbase_url = \"ftp://x\"\nlisten = \"nowhere\"\nlisen = \"x\"\n[keys]\nrsa_bits = 1024\n[passwords]\nmemory_kib = 1\n";
        std::fs::write(&file, text).expect("a file");

        let Failure(told) = load(Some(&file)).expect_err("refused");

        assert!(told.contains("5 mistake(s)"), "{told}");
        for key in ["server.base_url", "server.listen ", "server.lisen", "keys.rsa_bits", "passwords.memory_kib"] {
            assert!(told.contains(key), "{key} in {told}");
        }
        std::fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn every_default_in_the_reference_reads_as_the_default() {
        let plain = format!("{:?}", Config::default());
        for setting in SETTINGS.iter().filter(|setting| setting.default != "none") {
            let mut config = Config::default();
            (setting.read)(&mut config, setting.default).expect("reads");
            assert_eq!(format!("{config:?}"), plain, "{}", setting.key);
        }
    }

    #[test]
    fn pw_12_no_hash_below_the_floor_can_be_configured() {
        let read = |key: &str, text: &str| {
            let setting = SETTINGS.iter().find(|setting| setting.key == key).expect(key);
            let (mut config, mut mistakes) = (Config::default(), Vec::new());
            mistakes.extend((setting.read)(&mut config, text).err());
            check(&config, &mut mistakes);
            (mistakes, config.scheme())
        };
        for (key, text) in [
            ("passwords.hash", "md5"),
            ("passwords.memory_kib", "12287"),
            ("passwords.memory_kib", "1048577"),
            ("passwords.passes", "0"),
            ("passwords.passes", "65"),
            ("passwords.bcrypt_cost", "9"),
            ("passwords.bcrypt_cost", "17"),
            ("passwords.pbkdf2_rounds", "599999"),
            ("passwords.pbkdf2_rounds", "2147483648"),
        ] {
            assert_eq!(read(key, text).0.len(), 1, "{key} = {text}");
        }
        assert_eq!(read("passwords.hash", "bcrypt"), (vec![], Scheme::Bcrypt { cost: 12 }));
        assert_eq!(read("passwords.hash", "pbkdf2"), (vec![], Scheme::Pbkdf2 { rounds: 600_000 }));
        assert_eq!(read("passwords.passes", "4"), (vec![], Cost { passes: 4, ..Cost::default() }.into()));
    }

    #[test]
    fn a_public_listener_without_tls_is_refused() {
        let mut mistakes = Vec::new();
        check(&Config { listen: "0.0.0.0:80".to_owned(), ..Config::default() }, &mut mistakes);
        assert_eq!(mistakes.len(), 1);
    }
}
