//! Mail: written into the outbox by the transaction that causes it, sealed, and sent by a job. One link a mail, on its own line.
#![expect(clippy::disallowed_methods, reason = "this file names the job that sends mail")]

use domain::allowed::{Allowed, Job};
use domain::id::{MessageId, UserId};
use domain::realm::{Realm, RealmKey};
use domain::secret::Secret;
use domain::time::{Timestamp, minutes};
use domain::user::{Email, Status};
use lettre::message::Mailbox;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use serde::{Deserialize, Serialize};
use store::user::User;
use store::{Outcome, Read, StoreError, Upkeep, WriteTx, outbox};

use crate::app::App;
use crate::seal::Place;

/// Most tries of one message: a day, with growing pauses.
const MOST_ATTEMPTS: i64 = 12;

/// A message in clear.
#[derive(Clone, Serialize, Deserialize)]
pub struct Mail {
    /// To whom.
    pub to: String,
    /// Subject line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// Who is told: nobody writes to whoever was deleted meanwhile.
    #[serde(default)]
    pub about: Option<UserId>,
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mail(…)")
    }
}

fn place(id: &uuid::Uuid) -> Place<'_> {
    Place { table: "outbox", column: "payload", row: id.as_bytes() }
}

async fn add(app: &App, tx: &mut WriteTx<'_>, mail: &Mail) -> Result<(), StoreError> {
    let id = MessageId::new(&*tx.entropy(), tx.now());
    let plain = serde_json::to_vec(mail).map_err(|error| StoreError::Unusable(error.to_string()))?;
    let sealed = app.seal.seal(&*tx.entropy(), tx.realm(), place(&id.uuid()), &plain)?;
    outbox::add(tx, id, sealed).await
}

/// The invitation of somebody new.
pub(crate) async fn invitation(
    app: &App,
    tx: &mut WriteTx<'_>,
    (id, to): (UserId, &Email),
    name: &str,
    link: &Secret,
) -> Result<(), StoreError> {
    let realm = store::realm::own(tx).await?;
    let base = realm.as_ref().map(|realm: &Realm| app.realm_url(realm)).unwrap_or_default();
    let organisation = realm.map(|realm| realm.name).unwrap_or_default();
    let days = app.settings.invitation_seconds / 86_400;
    let text = format!(
        "Hello {name},\n\nan account was made for you at {organisation}. Choose your password here:\n\n{base}/invitation?token={}\n\n\
         The link works once, for {days} days. If you do not know why you get this mail, do nothing.\n",
        link.expose()
    );
    let subject = format!("Your account at {organisation}");
    add(app, tx, &Mail { to: to.as_str().to_owned(), subject, text, about: Some(id) }).await
}

/// A link to a new password.
pub(crate) async fn reset(
    app: &App,
    tx: &mut WriteTx<'_>,
    (id, to): (UserId, &Email),
    name: &str,
    link: &Secret,
) -> Result<(), StoreError> {
    let realm = store::realm::own(tx).await?;
    let base = realm.as_ref().map(|realm: &Realm| app.realm_url(realm)).unwrap_or_default();
    let text = format!(
        "Hello {name},\n\nyour help desk sent you this link. Choose a new password here:\n\n{base}/reset-password?token={}\n\n\
         The link works once, for one hour. Until then your password stays as it is.\n",
        link.expose()
    );
    add(
        app,
        tx,
        &Mail { to: to.as_str().to_owned(), subject: "Choose a new password".to_owned(), text, about: Some(id) },
    )
    .await
}

/// A link that confirms an address.
pub(crate) async fn confirmation(
    app: &App,
    tx: &mut WriteTx<'_>,
    (id, to): (UserId, &Email),
    link: &Secret,
) -> Result<(), StoreError> {
    let realm = store::realm::own(tx).await?;
    let base = realm.as_ref().map(|realm: &Realm| app.realm_url(realm)).unwrap_or_default();
    let text = format!(
        "Hello,\n\nthis address was given for your account. Confirm that it is yours:\n\n{base}/confirm-email?token={}\n\n\
         The link works once, for one day. If you do not know why you get this mail, do nothing.\n",
        link.expose()
    );
    add(
        app,
        tx,
        &Mail { to: to.as_str().to_owned(), subject: "Confirm your address".to_owned(), text, about: Some(id) },
    )
    .await
}

/// What a person is told about their own account (NIST SP 800-63B-4, section 4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// A second factor was bound.
    FactorAdded,
    /// A second factor was removed.
    FactorRemoved,
    /// A recovery code was used.
    RecoveryCodeUsed,
    /// New recovery codes were made.
    RecoveryCodesMade,
    /// The password was changed.
    PasswordChanged,
    /// A code was printed with which a new password can be chosen.
    CodePrinted,
    /// The e-mail address was changed.
    EmailChanged,
    /// Another e-mail address was asked for.
    EmailChangeAsked,
    /// The username was changed.
    UsernameChanged,
    /// An address for notices was added.
    AddressAdded,
    /// An address for notices was removed.
    AddressRemoved,
    /// A session ended because a copy of its refresh token was presented (RT-02).
    SessionCopied,
}

impl Notice {
    const fn says(self) -> (&'static str, &'static str) {
        match self {
            Self::FactorAdded => {
                ("A second factor was added", "An authenticator application was added to your account.")
            }
            Self::FactorRemoved => ("A second factor was removed", "A second factor was removed from your account."),
            Self::RecoveryCodeUsed => ("A recovery code was used", "One of your recovery codes was used to sign in."),
            Self::RecoveryCodesMade => (
                "You have new recovery codes",
                "New recovery codes were made for your account. The old ones do not work any more.",
            ),
            Self::PasswordChanged => ("Your password was changed", "The password of your account was changed."),
            Self::CodePrinted => (
                "A code for a new password was made",
                "Your help desk made a code with which a new password can be chosen for your account.",
            ),
            Self::EmailChanged => {
                ("Your e-mail address was changed", "The e-mail address of your account was changed.")
            }
            Self::EmailChangeAsked => (
                "Another e-mail address for your account",
                "Another e-mail address was asked for your account. It counts once the link in the mail to it is used.",
            ),
            Self::UsernameChanged => ("Your username was changed", "The username of your account was changed."),
            Self::AddressAdded => {
                ("An address for notices was added", "An address for notices was added to your account.")
            }
            Self::SessionCopied => (
                "One of your sessions was ended",
                "A session of your account was used in two places, as if somebody had copied it. It was ended in both, and \
                 its tokens are refused. Sign in again where you need it. If you cannot explain it, choose another password.",
            ),
            Self::AddressRemoved => {
                ("An address for notices was removed", "An address for notices was removed from your account.")
            }
        }
    }
}

/// Tells a person what happened to their account, at their e-mail and at every address that they confirmed (ACC-06).
pub(crate) async fn notice(app: &App, tx: &mut WriteTx<'_>, user: &User, notice: Notice) -> Result<(), StoreError> {
    let mut to: Vec<String> = user.email.iter().cloned().collect();
    for other in store::address::of_user(tx, user.id).await? {
        let known = to.iter().any(|one| domain::user::fold(one) == domain::user::fold(&other.value));
        if other.verified_at.is_some() && !known {
            to.push(other.value);
        }
    }
    let realm = store::realm::own(tx).await?;
    let base = realm.as_ref().map(|realm: &Realm| app.realm_url(realm)).unwrap_or_default();
    let (subject, happened) = notice.says();
    let (name, at) = (user.name(), tx.now().rfc3339());
    // "2026-11-22 03:23 UTC"
    let at = format!("{} UTC", at.get(..16).unwrap_or(&at).replace('T', " "));
    let text = format!(
        "Hello {name},\n\n{happened} That was at {at}.\n\nIf it was you, do nothing. If it was not, look at your account and tell your help desk:\n\n{base}/account\n"
    );
    for to in to {
        add(app, tx, &Mail { to, subject: subject.to_owned(), text: text.clone(), about: Some(user.id) }).await?;
    }
    Ok(())
}

/// Why a message about somebody who was deleted is not sent.
const GONE: &str = "the person was deleted";

/// How many messages that wait are looked through when somebody is deleted. There are more only while no mail can be sent; [`send_due`] looks again.
const LOOKED_THROUGH: i64 = 1000;

/// Empties the messages that wait for a person who is deleted: nobody reads them any more.
pub(crate) async fn forget(app: &App, tx: &mut WriteTx<'_>, user: UserId) -> Result<(), StoreError> {
    let realm = tx.realm();
    for row in outbox::newest(tx, LOOKED_THROUGH).await? {
        if open(app, realm, &row).is_some_and(|mail| mail.about == Some(user)) {
            outbox::given_up(tx, row.id, GONE).await?;
        }
    }
    Ok(())
}

/// The newest messages that were not sent: demo's mail page.
///
/// # Errors
/// [`StoreError`].
pub async fn waiting(app: &App, realm: RealmKey) -> Result<Vec<(Mail, Timestamp)>, StoreError> {
    let rows =
        app.store.read(&Allowed::job(Job::SendMail, realm), app.now(), |tx| Box::pin(outbox::newest(tx, 100))).await?;
    Ok(rows.iter().filter_map(|row| Some((open(app, realm, row)?, row.created_at))).collect())
}

fn open(app: &App, realm: RealmKey, row: &outbox::Message) -> Option<Mail> {
    let plain = app.seal.open(realm, place(&row.id.uuid()), &row.payload).ok()?;
    serde_json::from_slice(&plain).ok()
}

/// The way out.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Smtp {
    /// Takes `smtp://host:port`, `smtps://user:password@host` and the sender's address.
    ///
    /// # Errors
    /// What is wrong with them, without the password.
    pub fn new(url: &str, from: &str) -> Result<Self, String> {
        let host = url.split("://").nth(1).unwrap_or("").rsplit('@').next().unwrap_or("");
        let local = ["localhost", "127.0.0.1", "[::1]"].iter().any(|name| host.starts_with(name));
        if !local && !url.starts_with("smtps://") && !url.contains("tls=required") {
            return Err(
                "in the clear: links are secrets. Take smtps://host, or smtp://host:587?tls=required".to_owned()
            );
        }
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|_| "not an SMTP address like smtps://host".to_owned())?;
        let from = from.parse().map_err(|_| "not a mail address".to_owned())?;
        Ok(Self { transport: transport.build(), from })
    }

    async fn send(&self, mail: Mail) -> Result<(), String> {
        let to: Mailbox = mail.to.parse().map_err(|_| "the address cannot be written to".to_owned())?;
        let message = Message::builder().from(self.from.clone()).to(to).subject(mail.subject).body(mail.text);
        let message = message.map_err(|_| "the message cannot be built".to_owned())?;
        let sent = self.transport.send(message).await;
        sent.map(|_| ())
            .map_err(|error| if error.is_permanent() { "refused".to_owned() } else { "not reached".to_owned() })
    }
}

async fn is_gone(tx: &mut WriteTx<'_>, user: UserId) -> Result<bool, StoreError> {
    let found = store::user::find_anywhere(tx, user).await?;
    Ok(found.is_none_or(|user| user.status == Status::Deleted))
}

/// Sends what is due in a realm; returns how many were sent.
///
/// # Errors
/// [`StoreError`].
pub async fn send_due(app: &App, realm: RealmKey, smtp: &Smtp) -> Result<usize, StoreError> {
    let now = app.now();
    let taken = app
        .store
        .write(Allowed::job(Job::SendMail, realm), now, app.clone(), move |tx, app| {
            Box::pin(async move {
                let again_at = tx.now().plus(minutes(5));
                let mut due = Vec::new();
                for row in outbox::take(tx, again_at, 20).await? {
                    let mail = open(app, realm, &row);
                    match mail.as_ref().and_then(|mail| mail.about) {
                        Some(about) if is_gone(tx, about).await? => outbox::given_up(tx, row.id, GONE).await?,
                        _ => due.push((row, mail)),
                    }
                }
                Ok::<_, StoreError>(Outcome::upkeep(due, Upkeep::Outbox))
            })
        })
        .await?;
    let mut count = 0;
    for (row, mail) in taken {
        let done = match mail {
            Some(mail) => smtp.send(mail).await,
            None => Err("the message does not open".to_owned()),
        };
        count += usize::from(done.is_ok());
        let over = row.attempts >= MOST_ATTEMPTS;
        app.store
            .write(Allowed::job(Job::SendMail, realm), app.now(), (row.id, done, over), |tx, (id, done, over)| {
                Box::pin(async move {
                    match done {
                        Ok(()) => outbox::sent(tx, *id).await?,
                        Err(why) if *over => outbox::given_up(tx, *id, why).await?,
                        Err(why) => outbox::failed(tx, *id, why).await?,
                    }
                    Ok::<_, StoreError>(Outcome::upkeep((), Upkeep::Outbox))
                })
            })
            .await?;
    }
    Ok(count)
}
