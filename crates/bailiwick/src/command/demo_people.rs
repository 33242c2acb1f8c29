//! Who works in the demo, and their passwords.

use domain::entropy::{Entropy, bytes};
use domain::profile::Profile;
use domain::totp::Seed;
use serde::{Deserialize, Serialize};

/// A role in a unit.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub(super) struct Holds {
    pub(super) role: String,
    pub(super) unit: String,
}

/// Somebody of the demo.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Person {
    pub(super) username: String,
    pub(super) display_name: String,
    pub(super) email: String,
    pub(super) password: String,
    /// Home unit.
    pub(super) unit: String,
    pub(super) grants: Vec<Holds>,
    /// Base32 seed of their authenticator application, where the role needs a second factor.
    #[serde(default)]
    pub(super) totp_secret: Option<String>,
}

impl Person {
    /// Roles held at `/`.
    pub(super) fn roles(&self) -> Vec<&str> {
        self.grants.iter().filter(|holds| holds.unit == "/").map(|holds| holds.role.as_str()).collect()
    }
}

const NAMES: [&str; 24] = [
    "Mirela Ostrowe",
    "Teodor Ahlgrim",
    "Ines Tallmark",
    "Amara Nwosten",
    "Hanno Reetzke",
    "Sofie Lindqvar",
    "Dorrit Vanhelm",
    "Kasimir Olbrecht",
    "Pia Wendelmoor",
    "Jonas Feldrup",
    "Leyla Karadem",
    "Matteo Brizzi",
    "Nora Eklundh",
    "Oskar Tiedgen",
    "Priya Raghnath",
    "Quentin Marleau",
    "Rosa Almedal",
    "Samir Haddawi",
    "Tilda Broman",
    "Ulrik Sandhage",
    "Vera Kowalik",
    "Wim Drieborg",
    "Yara Benhaim",
    "Zeno Castrovi",
];

const WORDS: [&str; 64] = [
    "amber", "anchor", "apple", "autumn", "bamboo", "basin", "birch", "bridge", "candle", "canyon", "cedar", "clock",
    "cloud", "copper", "coral", "cotton", "dawn", "delta", "ember", "falcon", "fern", "forest", "garden", "ginger",
    "granite", "harbor", "hazel", "island", "ivory", "jasmine", "juniper", "kettle", "lantern", "lemon", "letter",
    "linen", "maple", "marble", "meadow", "mirror", "moon", "mountain", "north", "olive", "orbit", "paper", "pebble",
    "pepper", "pine", "quiet", "river", "saffron", "silver", "stone", "summer", "thunder", "train", "valley", "velvet",
    "violet", "walnut", "willow", "window", "winter",
];

/// Four words and two digits: easy to type, 30 bits; for a machine that nobody else reaches.
fn password(entropy: &dyn Entropy) -> String {
    let random: [u8; 5] = bytes(entropy);
    let word = |at: usize| WORDS[usize::from(random[at]) % WORDS.len()];
    format!("{}-{}-{}-{}-{:02}", word(0), word(1), word(2), word(3), random[4] % 100)
}

/// The demo's places below `/`.
pub(super) fn units(profile: &str) -> &'static [(&'static str, &'static str)] {
    if profile == "agency" {
        &[("/office-north", "North office"), ("/office-south", "South office")]
    } else {
        &[
            ("/clinic-a", "Clinic A"),
            ("/clinic-a/ward-3", "Ward 3"),
            ("/clinic-a/ward-7", "Ward 7"),
            ("/clinic-b", "Clinic B"),
        ]
    }
}

/// Whether the role, or one that it inherits, needs a second factor.
fn is_sensitive(profile: &Profile, name: &str) -> bool {
    let role = profile.role.iter().find(|role| role.name == name);
    role.is_some_and(|role| role.sensitive || role.inherits.iter().any(|other| is_sensitive(profile, other)))
}

/// One person for each role at `/`, and some who hold theirs in a unit.
pub(super) fn people(profile: &Profile, entropy: &dyn Entropy) -> Vec<Person> {
    let in_units: &[(&str, &str, &str)] = if profile.name == "agency" {
        &[
            ("north-agent", "agent", "/office-north"),
            ("north-manager", "manager", "/office-north"),
            ("south-agent", "agent", "/office-south"),
        ]
    } else {
        &[
            ("ward3-nurse", "nurse", "/clinic-a/ward-3"),
            ("ward7-physician", "physician", "/clinic-a/ward-7"),
            ("clinic-a-admin", "admin", "/clinic-a"),
            ("clinic-b-nurse", "nurse", "/clinic-b"),
        ]
    };
    let everywhere = profile.role.iter().map(|role| (role.name.as_str(), role.name.as_str(), "/"));
    everywhere
        .chain(in_units.iter().copied())
        .enumerate()
        .map(|(at, (username, role, unit))| Person {
            username: username.to_owned(),
            display_name: NAMES[at % NAMES.len()].to_owned(),
            email: format!("{username}@{}.example", profile.name),
            password: password(entropy),
            unit: unit.to_owned(),
            grants: vec![Holds { role: role.to_owned(), unit: unit.to_owned() }],
            totp_secret: is_sensitive(profile, role).then(|| Seed::new(entropy).base32()),
        })
        .collect()
}

/// The second realm: an administrator and one other person.
pub(super) fn others(profile: &Profile, entropy: &dyn Entropy) -> Vec<Person> {
    let second = if profile.name == "agency" { "agent" } else { "nurse" };
    let mut both: Vec<Person> =
        people(profile, entropy).into_iter().filter(|p| p.username == "admin" || p.username == second).collect();
    for person in &mut both {
        person.email = format!("{}@other.example", person.username);
        person.display_name = if person.username == "admin" { "Zeno Castrovi" } else { "Yara Benhaim" }.to_owned();
    }
    both
}
