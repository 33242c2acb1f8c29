//! Demo's first page: who there is, and what to try.

use askama::Template;

use super::piece::{self, Piece};
use super::{Say, words};

/// `GET /` of `bailiwick demo`.
#[derive(Clone, Debug, Template)]
#[template(path = "demo.html")]
pub struct Demo {
    /// What runs: "A clinic".
    pub place: String,
    /// The profile's name: "healthcare".
    pub profile: String,
    /// Who is in the main realm.
    pub people: Vec<DemoPerson>,
    /// The path of the mail page.
    pub mail: String,
    /// How many messages it has.
    pub mail_count: usize,
    /// The other realms.
    pub realms: Vec<DemoRealm>,
    /// What to try, in order.
    pub steps: Vec<DemoStep>,
    /// Addresses and credentials for code.
    pub facts: Vec<DemoFact>,
}

/// Somebody whose password is no secret.
#[derive(Clone, Debug)]
pub struct DemoPerson {
    /// Display name.
    pub name: String,
    /// The role's display name.
    pub role: String,
    /// Where they hold it: "everywhere", "Ward 7".
    pub place: String,
    /// What they sign in with.
    pub username: String,
    /// The password.
    pub password: String,
    /// What their authenticator application shows now, if they have one.
    pub code: Option<String>,
    /// Its seed, to be added to an application of one's own.
    pub seed: Option<String>,
}

/// Another realm.
#[derive(Clone, Debug)]
pub struct DemoRealm {
    /// Its name.
    pub name: String,
    /// Its prefix: "/realms/other".
    pub base: String,
    /// Who is in it.
    pub people: Vec<DemoPerson>,
}

/// Something to try.
#[derive(Clone, Debug)]
pub struct DemoStep {
    /// What the line does.
    pub text: Vec<Piece>,
    /// What to type.
    pub code: String,
}

impl DemoStep {
    /// Backticks in `text` mark code.
    #[must_use]
    pub fn new(text: &str, code: &str) -> Self {
        Self { text: piece::with_code(text), code: code.to_owned() }
    }
}

/// Something that code needs to know.
#[derive(Clone, Debug)]
pub struct DemoFact {
    /// What it is: "Issuer".
    pub name: String,
    /// The value, as a machine reads it.
    pub value: String,
    /// Where it leads on this server, if anywhere.
    pub href: Option<String>,
}

impl Demo {
    /// "Thirteen", for the template.
    fn how_many(&self) -> String {
        words::number(self.people.len())
    }

    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(&str::to_owned)
    }

    pub(super) fn sample_of(say: Say<'_>) -> Self {
        let person = |name, role, place, username, password| DemoPerson {
            name: say(name),
            role: say(role),
            place: say(place),
            username: say(username),
            password: say(password),
            code: (role != "Nurse").then(|| say("287082")),
            seed: (role != "Nurse").then(|| say("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")),
        };
        let step = |text, code| DemoStep::new(&say(text), &say(code));
        let fact =
            |name, value, href: Option<&str>| DemoFact { name: say(name), value: say(value), href: href.map(say) };
        Self {
            place: say("A clinic"),
            profile: say("healthcare"),
            people: vec![
                person("Mirela Ostrowe", "Administrator", "everywhere", "admin", "lantern-quiet-orbit-41"),
                person("Teodor Ahlgrim", "Physician", "everywhere", "physician", "harbor-violet-stone-27"),
                person("Ines Tallmark", "Nurse", "Ward 7", "ines.tallmark", "meadow-copper-train-63"),
                person("Hanno Reetzke", "Lab technician", "everywhere", "lab-technician", "paper-island-clock-52"),
            ],
            mail: say("/demo/mail"),
            mail_count: 2,
            realms: vec![DemoRealm {
                name: say("other"),
                base: say("/realms/other"),
                people: vec![person("Runa Velten", "Administrator", "everywhere", "admin", "winter-apple-bridge-29")],
            }],
            steps: vec![
                step(
                    "Sign in as the physician. The answer has an `access_token`.",
                    "curl -s -c jar -H 'content-type: application/json' \\\n  -d '{\"identifier\":\"physician\",\"password\":\"harbor-violet-stone-27\",\"audience\":\"clinic\"}' \\\n  http://localhost:8080/api/v1/sign-in",
                ),
                step(
                    "Refresh. The cookie is replaced each time.",
                    "curl -s -b jar -c jar -X POST http://localhost:8080/api/v1/session/refresh",
                ),
            ],
            facts: vec![
                fact("Issuer", "http://localhost:8080", None),
                fact("Keys", "/.well-known/jwks.json", Some("/.well-known/jwks.json")),
                fact("Metrics", "http://localhost:9090/metrics", None),
                fact("Data", ".bailiwick-demo", None),
            ],
        }
    }
}
