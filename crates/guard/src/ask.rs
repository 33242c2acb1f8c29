//! Asking the issuer about a token (RFC 7662), while the revocation feed does not vouch for what we hold.
//!
//! What the caller may do is then what the issuer says now, not what the token said when it was made: a role may have changed since.
//!
//! An answer serves everybody who brings the same token within a second, so that a burst costs one question. When the issuer does not answer,
//! nobody asks again for a second: it is not helped by a queue. What is wrong with the answer about one token stops nobody else.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, StatusCode, Url};
use serde_json::{Map, Value};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;
use wire::claims::AccessClaims;

use crate::clock::monotonic;

/// How long an answer serves.
const ANSWER_SERVES: Duration = Duration::from_secs(1);
/// How long a question may take as a whole, waiting for its turn included.
const PATIENCE: Duration = Duration::from_secs(2);
/// Questions at a time.
const AT_A_TIME: usize = 64;
/// Tokens that are remembered at a time.
const MOST_ANSWERS: usize = 10_000;
/// The longest answer, in bytes.
const LONGEST_ANSWER: usize = 256 * 1024;

/// Why the issuer's word could not be had.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    #[error("it answers {0}")]
    Status(StatusCode),
    #[error("its answer is not one about a token")]
    Nonsense,
    #[error("it takes too long")]
    TooSlow,
    #[error("too many tokens to ask about at once")]
    TooMany,
    #[error("it did not answer a moment ago")]
    Resting,
}

impl NoAnswer {
    /// Whether it would be the same for any token, so that asking on only adds to the issuer's trouble.
    fn is_the_issuers(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TooSlow => true,
            Self::Status(status) => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
            Self::Nonsense | Self::TooMany | Self::Resting => false,
        }
    }
}

/// One question and its answer, shared by whoever has the same token.
struct Question {
    begun: Instant,
    answer: OnceCell<Answer>,
}

/// The claims with the rights of now; none: the token is no longer good.
type Answer = Result<Option<Arc<AccessClaims>>, NoAnswer>;

/// How questions ended, for metrics.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) active: AtomicU64,
    pub(crate) inactive: AtomicU64,
    pub(crate) failed: AtomicU64,
}

/// Asks one issuer.
pub(crate) struct Asker {
    client: Client,
    url: Url,
    authorization: HeaderValue,
    questions: Mutex<HashMap<Uuid, Arc<Question>>>,
    turns: Semaphore,
    failed: Mutex<Option<Instant>>,
    pub(crate) counts: Counts,
}

impl Asker {
    pub(crate) fn new(client: Client, issuer: &Url, authorization: HeaderValue) -> Option<Self> {
        let url = Url::parse(&format!("{}/oauth/introspect", issuer.as_str().trim_end_matches('/'))).ok()?;
        Some(Self {
            client,
            url,
            authorization,
            questions: Mutex::default(),
            turns: Semaphore::new(AT_A_TIME),
            failed: Mutex::default(),
            counts: Counts::default(),
        })
    }

    /// What the issuer says that `token` is worth now. It was verified and says `claims`: no other token can have its id.
    pub(crate) async fn about(&self, token: &str, claims: &AccessClaims) -> Answer {
        let question = self.question(claims.jti)?;
        question.answer.get_or_init(|| self.ask(token, claims)).await.clone()
    }

    fn question(&self, jti: Uuid) -> Result<Arc<Question>, NoAnswer> {
        let now = monotonic();
        let young = |begun: Instant| now.saturating_duration_since(begun) < ANSWER_SERVES;
        let mut questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(question) = questions.get(&jti).filter(|question| young(question.begun)) {
            return Ok(Arc::clone(question));
        }
        if self.failed.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(young) {
            return Err(NoAnswer::Resting);
        }
        if questions.len() >= MOST_ANSWERS {
            questions.retain(|_, question| young(question.begun));
            if questions.len() >= MOST_ANSWERS {
                return Err(NoAnswer::TooMany);
            }
        }
        let question = Arc::new(Question { begun: now, answer: OnceCell::new() });
        questions.insert(jti, Arc::clone(&question));
        Ok(question)
    }

    async fn ask(&self, token: &str, claims: &AccessClaims) -> Answer {
        let until = monotonic() + PATIENCE;
        let answer = match timeout_at(until, self.turns.acquire()).await {
            Ok(Ok(_turn)) => timeout_at(until, self.exchange(token, claims)).await.unwrap_or(Err(NoAnswer::TooSlow)),
            // The issuer was not asked, so this says nothing about it.
            Ok(Err(_)) | Err(_) => Err(NoAnswer::TooMany),
        };
        let count = match &answer {
            Ok(Some(_)) => &self.counts.active,
            Ok(None) => &self.counts.inactive,
            Err(error) => {
                tracing::warn!(issuer = %self.url, %error, "a token cannot be asked about, so it is refused");
                if error.is_the_issuers() {
                    *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(monotonic());
                }
                &self.counts.failed
            }
        };
        count.fetch_add(1, Ordering::Relaxed);
        answer
    }

    async fn exchange(&self, token: &str, claims: &AccessClaims) -> Answer {
        let unreachable = |error: reqwest::Error| NoAnswer::Unreachable(crate::fetch::root(&error.without_url()));
        let request = self.client.post(self.url.clone()).header(AUTHORIZATION, self.authorization.clone());
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        // A compact token has no character that a form would write otherwise.
        let request = request.header(ACCEPT, "application/json").body(format!("token={token}"));
        let mut response = request.send().await.map_err(unreachable)?;
        if response.status() != StatusCode::OK {
            return Err(NoAnswer::Status(response.status()));
        }
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(unreachable)? {
            if body.len() + piece.len() > LONGEST_ANSWER {
                return Err(NoAnswer::Nonsense);
            }
            body.extend_from_slice(&piece);
        }
        let answer: Map<String, Value> = serde_json::from_slice(&body).map_err(|_| NoAnswer::Nonsense)?;
        match answer.get("active").and_then(Value::as_bool) {
            Some(true) => now_worth(claims, &answer).map(Some).ok_or(NoAnswer::Nonsense),
            Some(false) => Ok(None),
            None => Err(NoAnswer::Nonsense),
        }
    }
}

/// What says which token is meant: must be the same.
const IDENTITY: [&str; 3] = ["jti", "sub", "aud"];
/// What may have changed since the token was made: what the answer does not say, its bearer does not have.
const RIGHTS: [&str; 7] = ["roles", "permissions", "units", "roles_version", "acr", "amr", "auth_time"];

/// The claims with the rights that the answer gives; `None` if it is about another token, or not in our form.
fn now_worth(claims: &AccessClaims, answer: &Map<String, Value>) -> Option<Arc<AccessClaims>> {
    let Ok(Value::Object(mut now)) = serde_json::to_value(claims) else { return None };
    if IDENTITY.iter().any(|name| answer.get(*name) != now.get(*name)) {
        return None;
    }
    for name in RIGHTS {
        now.remove(name);
        now.extend(answer.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    // Without a list the guard would work the permissions out from the roles, which it may not know as they are now.
    for (name, empty) in [("roles", Value::Array(Vec::new())), ("permissions", Value::Array(Vec::new()))] {
        now.entry(name).or_insert(empty);
    }
    serde_json::from_value(Value::Object(now)).ok().map(Arc::new)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_token_that_gets_no_turn_is_refused_and_says_nothing_about_the_issuer() {
        let issuer = Url::parse("http://localhost:9").unwrap();
        let client = crate::fetch::client(&issuer).unwrap();
        let asker = Asker::new(client, &issuer, HeaderValue::from_static("Basic eDp4")).unwrap();
        let claims = serde_json::json!({
            "iss": "http://localhost:9", "aud": "clinic", "sub": Uuid::from_u128(1), "client_id": "bailiwick-web",
            "iat": 0, "exp": 600, "jti": Uuid::from_u128(2),
        });
        let claims = serde_json::from_value(claims).unwrap();
        let all = asker.turns.acquire_many(u32::try_from(AT_A_TIME).unwrap()).await.unwrap();

        let answer = asker.about("token", &claims).await;
        drop(all);

        assert!(matches!(answer, Err(NoAnswer::TooMany)), "{answer:?}");
        assert!(asker.failed.lock().unwrap().is_none(), "others may ask");
        assert_eq!(asker.counts.failed.load(Ordering::Relaxed), 1);
    }
}
