//! The third door: what happened. An event's canonical bytes are the leaf of the audit log and never change; what is personal
//! stands beside them, bound by a salted commitment, so that erasing it leaves the leaf verifiable (AUD-11).

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::allowed::{Actor, Allowed};
use crate::id::{EventId, PrincipalId, UserId};
use crate::secret::sha256;
use crate::time::Timestamp;

mod kind;
pub use kind::EventType;

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventOutcome {
    /// It was done.
    Success,
    /// It was tried and did not work: a wrong password.
    Failure,
    /// It was refused: no permission.
    Denied,
}

impl EventOutcome {
    /// As stored and sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Denied => "denied",
        }
    }
}

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    kind: &'static str,
    id: Uuid,
    /// Personal, if the subject is a person.
    name: Option<String>,
}

/// The id under which a visitor's data is kept.
pub const VISITOR: PrincipalId = PrincipalId::from_uuid(Uuid::nil());

/// Most bytes of canonical JSON (C2SP tlog-tiles counts an entry's length in 16 bits).
pub const LONGEST: usize = 65_535;

/// An event that cannot be written down: without its row the change it tells of must not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Longer than [`LONGEST`], even without its values.
    #[error("an event is too long for the log")]
    TooLong,
    /// A value has no JSON.
    #[error("an event has a value without a form")]
    NoForm,
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, RecordError> {
    serde_json::to_vec(value).map_err(|_| RecordError::NoForm)
}

/// Something that happened, before it has an id and a time.
#[derive(Clone, Debug)]
pub struct Event {
    kind: EventType,
    outcome: EventOutcome,
    reason: Option<&'static str>,
    actor: Option<Actor>,
    subject: Option<Subject>,
    before: Map<String, Value>,
    after: Map<String, Value>,
}

impl Event {
    /// An event of this type that went well and is about nobody.
    #[must_use]
    pub fn new(kind: EventType) -> Self {
        let outcome = EventOutcome::Success;
        Self { kind, outcome, reason: None, actor: None, subject: None, before: Map::new(), after: Map::new() }
    }

    /// It was tried and did not work, for this reason (a code).
    #[must_use]
    pub const fn failed(mut self, reason: &'static str) -> Self {
        self.outcome = EventOutcome::Failure;
        self.reason = Some(reason);
        self
    }

    /// It was refused, for this reason (a code).
    #[must_use]
    pub const fn denied(mut self, reason: &'static str) -> Self {
        self.outcome = EventOutcome::Denied;
        self.reason = Some(reason);
        self
    }

    /// Why, though it went well (a code): `replaced`, `signed_out`.
    #[must_use]
    pub const fn because(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// It is about a person.
    #[must_use]
    pub fn user(mut self, id: UserId, name: &str) -> Self {
        self.subject = Some(Subject { kind: "user", id: id.uuid(), name: Some(name.to_owned()) });
        self
    }

    /// It is about a thing: `role`, `unit`, `key`, `api`, `realm`, `session`. Its values are not personal.
    #[must_use]
    pub fn about(mut self, kind: &'static str, id: Uuid, name: &str) -> Self {
        self.subject = Some(Subject { kind, id, name: Some(name.to_owned()) });
        self
    }

    /// Who acted, where the `Allowed` could not know it yet: the person who has just signed in.
    #[must_use]
    pub fn acted_by(mut self, actor: Actor) -> Self {
        self.actor = Some(actor);
        self
    }

    /// A field and its value before and after; `Null` where there was or is none.
    #[must_use]
    pub fn changed(mut self, field: &str, before: impl Into<Value>, after: impl Into<Value>) -> Self {
        let (before, after) = (before.into(), after.into());
        if !before.is_null() {
            self.before.insert(field.to_owned(), before);
        }
        self.after.insert(field.to_owned(), after);
        self
    }

    /// A field that has a value now.
    #[must_use]
    pub fn with(self, field: &str, value: impl Into<Value>) -> Self {
        self.changed(field, Value::Null, value)
    }

    /// The reason that whoever did it gave, where there is one.
    #[must_use]
    pub fn with_reason(self, reason: Option<&str>) -> Self {
        match reason {
            Some(reason) => self.with("reason", reason),
            None => self,
        }
    }

    /// Whether its values fit into the log. Of what is not about a person they stand nowhere else, so a change whose values do not fit is refused.
    #[must_use]
    pub fn fits(&self) -> bool {
        const ENVELOPE: usize = 4 * 1024;
        let bytes = |values: &Map<String, Value>| serde_json::to_vec(values).map_or(usize::MAX, |bytes| bytes.len());
        bytes(&self.before).saturating_add(bytes(&self.after)) <= LONGEST - ENVELOPE
    }

    /// Its type.
    #[must_use]
    pub const fn kind(&self) -> EventType {
        self.kind
    }

    /// The rows to store: canonical bytes, and for each person concerned the salted personal bytes.
    ///
    /// `salt` yields 32 random bytes at each call.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn record(
        &self,
        id: EventId,
        at: Timestamp,
        allowed: &Allowed,
        mut salt: impl FnMut() -> [u8; 32],
    ) -> Result<Record, RecordError> {
        let actor = self.actor.as_ref().unwrap_or_else(|| allowed.actor());
        let personal: Vec<Personal> = self
            .personal(actor, allowed)
            .into_iter()
            .map(|(subject, data)| Ok(Personal { subject, salt: salt(), bytes: json(&data)? }))
            .collect::<Result<_, RecordError>>()?;
        let about_person = self.subject.as_ref().is_some_and(|s| s.kind == "user");
        let mut changed: Vec<&str> = self.after.keys().chain(self.before.keys()).map(String::as_str).collect();
        changed.sort_unstable();
        changed.dedup();
        let open = |values: &Map<String, Value>| {
            // By name, whatever order the map keeps in this build.
            let sorted =
                || values.iter().map(|(name, value)| (name.clone(), value.clone())).collect::<BTreeMap<_, _>>();
            (!about_person && !values.is_empty()).then(sorted)
        };
        let form = Canonical {
            v: 1,
            id: id.uuid(),
            realm: allowed.realm().get(),
            at: at.rfc3339(),
            r#type: self.kind.as_str(),
            outcome: self.outcome.as_str(),
            reason: self.reason,
            actor: canonical_actor(actor),
            subject: self.subject.as_ref().map(|s| CanonicalSubject {
                kind: s.kind,
                id: s.id,
                name: if about_person { None } else { s.name.as_deref() },
            }),
            request_id: &allowed.request().id,
            changed,
            before: open(&self.before),
            after: open(&self.after),
            personal: personal.iter().map(Personal::commitment).collect(),
        };
        let mut canonical = json(&form)?;
        if canonical.len() > LONGEST {
            canonical = json(&Canonical { before: None, after: None, changed: vec!["too_long"], ..form })?;
        }
        if canonical.len() > LONGEST {
            return Err(RecordError::TooLong);
        }
        Ok(Record {
            id,
            at,
            kind: self.kind,
            outcome: self.outcome,
            actor: actor.principal(),
            subject: self.subject.as_ref().map(|s| s.id),
            canonical,
            personal,
        })
    }

    /// Who is concerned, and what about them is personal. Actor and subject may be the same person.
    fn personal(&self, actor: &Actor, allowed: &Allowed) -> Vec<(PrincipalId, PersonalData)> {
        let request = allowed.request();
        let mut rows = Vec::with_capacity(2);
        let name = match actor {
            Actor::User { name, .. } | Actor::Cli(name) => Some(name.clone()),
            Actor::Client { .. } | Actor::Job(_) | Actor::Visitor => None,
        };
        let source = PersonalData {
            name,
            address: request.address.map(|a| a.to_string()),
            user_agent: request.user_agent.clone(),
            ..PersonalData::default()
        };
        if source != PersonalData::default() {
            rows.push((actor.principal().unwrap_or(VISITOR), source));
        }
        if let Some(subject) = self.subject.as_ref().filter(|s| s.kind == "user") {
            let id = PrincipalId::from_uuid(subject.id);
            if rows.first().is_none_or(|(first, _)| *first != id) {
                rows.push((id, PersonalData::default()));
            }
            if let Some((_, row)) = rows.last_mut() {
                row.subject_name.clone_from(&subject.name);
                row.before = (!self.before.is_empty()).then(|| self.before.clone());
                row.after = (!self.after.is_empty()).then(|| self.after.clone());
            }
        }
        rows
    }
}

/// What one event says about one person; erased alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, serde::Deserialize)]
#[serde(default)]
pub struct PersonalData {
    /// The actor's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the request came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// With what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The subject's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_name: Option<String>,
    /// Values before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Map<String, Value>>,
    /// Values after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Map<String, Value>>,
}

/// Personal bytes with their salt.
#[derive(Clone, Debug)]
pub struct Personal {
    /// Whom they concern.
    pub subject: PrincipalId,
    /// 32 random bytes: without them the commitment could be guessed.
    pub salt: [u8; 32],
    /// JSON of [`PersonalData`].
    pub bytes: Vec<u8>,
}

impl Personal {
    fn commitment(&self) -> Commitment {
        Commitment { subject: self.subject.uuid(), sha256: commitment(&self.salt, &self.bytes) }
    }
}

/// `SHA-256(salt ‖ personal bytes)`, in hexadecimal, as it stands in the canonical bytes.
#[must_use]
pub fn commitment(salt: &[u8], personal: &[u8]) -> String {
    hex(&sha256(&[salt, personal]))
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The leaf over canonical bytes: `SHA-256(0x00 ‖ entry)` (RFC 9162, section 2.1.1).
#[must_use]
pub fn leaf_hash(canonical: &[u8]) -> [u8; 32] {
    sha256(&[&[0], canonical])
}

/// An event as it is stored.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its id.
    pub id: EventId,
    /// When.
    pub at: Timestamp,
    /// Its type.
    pub kind: EventType,
    /// How it went.
    pub outcome: EventOutcome,
    /// The principal who acted.
    pub actor: Option<PrincipalId>,
    /// What it is about.
    pub subject: Option<Uuid>,
    /// `{"v":1,…}`.
    pub canonical: Vec<u8>,
    /// One for each person concerned.
    pub personal: Vec<Personal>,
}

/// The canonical form. The order of fields is part of the format: version 1 never changes.
#[derive(Serialize)]
struct Canonical<'a> {
    v: u8,
    id: Uuid,
    realm: i64,
    at: String,
    r#type: &'static str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    actor: CanonicalActor<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<CanonicalSubject<'a>>,
    request_id: &'a str,
    changed: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<BTreeMap<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<BTreeMap<String, Value>>,
    personal: Vec<Commitment>,
}

#[derive(Serialize)]
struct CanonicalActor<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Uuid>,
}

#[derive(Serialize)]
struct CanonicalSubject<'a> {
    kind: &'static str,
    id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct Commitment {
    subject: Uuid,
    sha256: String,
}

fn canonical_actor(actor: &Actor) -> CanonicalActor<'_> {
    let kind = match actor {
        Actor::User { .. } => "user",
        Actor::Client { .. } => "client",
        Actor::Job(_) => "job",
        Actor::Cli(_) => "cli",
        Actor::Visitor => "visitor",
    };
    let (acr, session) = match actor {
        Actor::User { acr, session, .. } => (Some(acr.as_str()), session.map(crate::id::SessionId::uuid)),
        _ => (None, None),
    };
    CanonicalActor { kind, id: actor.principal().map(PrincipalId::uuid), acr, session }
}

#[cfg(test)]
mod tests;
