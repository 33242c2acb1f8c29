//! Refresh families: making many, and moving them on one after the other.

use std::sync::Arc;

use domain::allowed::Allowed;
use domain::entropy::Entropy;
use domain::id::{FamilyId, SessionId, UserId};
use domain::refresh::RefreshToken;
use domain::secret::{Secret, SecretHash};
use domain::session::{AAL1, Deadlines, GRACE_SECONDS};
use domain::time::{Timestamp, days, seconds};
use store::refresh::NewFamily;
use store::session::NewSession;
use store::{Outcome, Store, StoreError, Upkeep, WriteTx};

/// A family and its secret.
#[derive(Clone)]
pub(crate) struct Family {
    pub(crate) id: FamilyId,
    pub(crate) secret: Secret,
}

impl Family {
    /// Its first token, which is exchanged once.
    pub(crate) fn token(&self) -> RefreshToken {
        RefreshToken::make(self.id, 0, &self.secret)
    }
}

/// Sessions of one transaction.
const CHUNK: usize = 500;
/// Sessions of one person that are made one after the other: where each is another one's, each writes a page of its own.
pub(crate) const RUN: usize = 20;

/// How a family's secret is kept.
pub(crate) type Sealing = Arc<dyn Fn(FamilyId, &Secret) -> Result<Vec<u8>, StoreError> + Send + Sync>;

/// Gives each of the people sessions with a family, `count` in all, begun at `begun`.
pub(crate) async fn seed(
    store: &Store,
    allowed: &Allowed,
    begun: Timestamp,
    people: &[UserId],
    count: usize,
    sealing: Sealing,
) -> Result<Vec<Family>, StoreError> {
    let people: Arc<[UserId]> = people.into();
    let mut all = Vec::with_capacity(count);
    for from in (0..count).step_by(CHUNK) {
        let input = (people.clone(), from, CHUNK.min(count - from), sealing.clone());
        let made = store
            .write(allowed.clone(), begun, input, |tx, (people, from, count, sealing)| {
                Box::pin(async move {
                    let (mut made, mut statements) = (Vec::with_capacity(*count), Vec::with_capacity(2 * count));
                    for at in *from..from + count {
                        let (family, session, new) = begin(tx, people[at / RUN % people.len()], sealing)?;
                        statements.push(store::session::create_statement(tx, &session));
                        statements.push(store::refresh::create_statement(tx, &new));
                        made.push(family);
                    }
                    tx.pipeline(statements).await?;
                    Ok::<_, StoreError>(Outcome::upkeep(made, Upkeep::SessionRenewal))
                })
            })
            .await?;
        all.extend(made);
    }
    Ok(all)
}

/// A family, its session, and how it is kept.
fn begin(tx: &WriteTx<'_>, user: UserId, sealing: &Sealing) -> Result<(Family, NewSession, NewFamily), StoreError> {
    use store::Read;
    let (now, entropy) = (tx.now(), tx.entropy());
    let deadlines = Deadlines { idle_at: now.plus(days(300)), absolute_at: now.plus(days(300)) };
    let session = SessionId::new(&*entropy, now);
    let family = Family { id: FamilyId::new(&*entropy, now), secret: Secret::new(&*entropy) };
    let new = NewSession {
        id: session,
        user,
        secret: nobodys(session)?,
        device_label: None,
        device: None,
        acr: AAL1,
        amr: "pwd".to_owned(),
        idle_seconds: 3600,
        deadlines,
    };
    let new_family = NewFamily {
        id: family.id,
        session,
        user,
        client_id: "bailiwick-web".to_owned(),
        audience: "clinic".to_owned(),
        sealed_key: sealing(family.id, &family.secret)?,
        deadlines,
    };
    Ok((family, new, new_family))
}

/// The hash of a cookie that nobody has, in the order in which the sessions begin: where hashes come in any order, each of ten million writes
/// a page of its own.
fn nobodys(session: SessionId) -> Result<SecretHash, StoreError> {
    let mut hash = [0; 32];
    hash[..16].copy_from_slice(session.uuid().as_bytes());
    SecretHash::from_stored(&hash).ok_or(StoreError::Busy)
}

/// People without anything else, for storage alone.
pub(crate) async fn people(
    store: &Store,
    allowed: &Allowed,
    now: Timestamp,
    count: usize,
) -> Result<Vec<UserId>, StoreError> {
    store
        .write(allowed.clone(), now, count, |tx, count| {
            Box::pin(async move {
                let entropy = tx.entropy();
                let root = domain::unit::UnitPath::root();
                let unit = domain::id::UnitId::new(&*entropy, store::Read::now(tx));
                store::unit::create(tx, unit, None, &root, "/").await?;
                let mut people = Vec::new();
                for number in 0..*count {
                    people.push(person(tx, &*entropy, unit, number).await?);
                }
                Ok::<_, StoreError>(Outcome::upkeep(people, Upkeep::Counter))
            })
        })
        .await
}

async fn person(
    tx: &mut WriteTx<'_>,
    entropy: &dyn Entropy,
    unit: domain::id::UnitId,
    number: usize,
) -> Result<UserId, StoreError> {
    let wrong = |_| StoreError::Busy;
    let new = store::user::NewUser {
        id: UserId::new(entropy, store::Read::now(tx)),
        username: domain::user::Username::parse(&format!("person-{number}")).map_err(wrong)?,
        display_name: domain::user::DisplayName::parse("Noor Castellan").map_err(wrong)?,
        given_name: None,
        family_name: None,
        email: None,
        email_verified: false,
        phone: None,
        locale: None,
        unit,
        external_id: None,
        attributes: "{}".to_owned(),
    };
    store::user::create(tx, &new).await?;
    Ok(new.id)
}

/// Moves its families on, one after the other, again and again; each pass is later by more than the window.
pub(crate) struct Walker {
    families: Vec<FamilyId>,
    next: usize,
    generation: i64,
    begun: Timestamp,
}

impl Walker {
    /// `count` walkers that share the families out.
    pub(crate) fn share(families: &[Family], count: usize, begun: Timestamp) -> Vec<Self> {
        let of = |first: usize| families.iter().skip(first).step_by(count).map(|family| family.id).collect();
        (0..count).map(|first| Self { families: of(first), next: 0, generation: 0, begun }).collect()
    }

    /// The next family, its generation, and the instant of the refresh.
    pub(crate) fn step(&mut self) -> (FamilyId, i64, Timestamp) {
        let family = self.families[self.next];
        let pass = u64::try_from(self.generation).unwrap_or(0) + 1;
        let step = (family, self.generation, self.begun.plus(seconds((GRACE_SECONDS + 1) * pass)));
        self.next += 1;
        if self.next == self.families.len() {
            self.next = 0;
            self.generation += 1;
        }
        step
    }
}
