//! A stand-in for the server: one Ed25519 key, one roles catalogue, a revocation feed that tells of one session.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use axum::Router;
use axum::body::Body;
use axum::extract::Query;
use axum::http::header::CONTENT_TYPE;
use axum::response::Json;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Whose tokens these are.
pub(crate) const SUBJECT: &str = "11112222-3333-4444-8555-666677778888";

/// The session that the feed says has ended.
pub(crate) const ENDED: &str = "00000000-0000-4000-8000-0000000000ee";

/// One page, and each second that nothing is missing.
fn feed() -> Body {
    let page = json!({"items": [{"kind": "session", "sid": ENDED, "expires_at": "2096-10-02T07:06:40Z"}], "next_cursor": "1", "more": false});
    let first = format!("event: revocations\nid: 1\ndata: {page}\n\n: ok 0\n\n");
    Body::from_stream(stream::unfold(0_u32, move |second| {
        let first = first.clone();
        async move {
            if second == 0 {
                return Some((Ok::<_, std::io::Error>(first), 1));
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok(format!(": ok {second}000\n\n")), second + 1))
        }
    }))
}

#[derive(serde::Deserialize)]
struct Audience {
    audience: String,
}

pub(crate) struct Issuer {
    pub(crate) base: String,
    key: Ed25519KeyPair,
}

impl Issuer {
    /// One that does not listen: its address was free a moment ago.
    pub(crate) async fn new() -> Self {
        Self::described(&TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) async fn start(roles: Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = Self::described(&listener);
        let x = URL_SAFE_NO_PAD.encode(issuer.key.public_key().as_ref());
        let keys =
            json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "k", "x": x}]});
        let catalogue = async move |Query(Audience { audience }): Query<Audience>| {
            Json(json!({"audience": audience, "roles_version": 1, "roles": roles}))
        };
        let app = Router::new()
            .route("/.well-known/jwks.json", get(async move || Json(keys)))
            .route("/.well-known/bailiwick-roles", get(catalogue))
            .route("/api/v1/revocations", get(async || ([(CONTENT_TYPE, "text/event-stream")], feed())));
        tokio::spawn(async move { axum::serve(listener, app).await });
        issuer
    }

    fn described(listener: &TcpListener) -> Self {
        let base = format!("http://{}", listener.local_addr().unwrap());
        Self { base, key: Ed25519KeyPair::generate().unwrap() }
    }

    /// A token that is good for a minute.
    pub(crate) fn token(&self, audience: &str, permissions: &[&str], units: &Value) -> String {
        self.of_session("00000000-0000-4000-8000-00000000000b", audience, permissions, units)
    }

    pub(crate) fn of_session(&self, sid: &str, audience: &str, permissions: &[&str], units: &Value) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let claims = json!({
            "iss": self.base, "aud": audience, "sub": SUBJECT, "client_id": "bailiwick-web", "iat": now, "exp": now + 60,
            "jti": "00000000-0000-4000-8000-00000000000a", "sid": sid, "roles": [], "permissions": permissions, "units": units,
            "roles_version": 1,
        });
        let header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": "k"});
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", encode(&header), encode(&claims));
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(self.key.sign(input.as_bytes())))
    }
}
