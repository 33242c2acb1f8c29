//! JSON bodies, read once and strictly: content type 415, syntax and duplicate members 400, unknown and missing fields 422 with pointers.

use std::collections::BTreeSet;
use std::fmt;

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use wire::problem::Code;

use super::problem::Problem;

/// Most bytes of a body.
pub const LONGEST: usize = 64 * 1024;

/// A JSON body.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::from(Code::UnsupportedMediaType).detail("Send Content-Type: application/json."));
        }
        read(request).await.and_then(|bytes| parse(&bytes)).map(Self)
    }
}

/// A body that may be absent: then the default.
#[derive(Clone, Copy, Debug)]
pub struct OptionalJson<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let empty = request.headers().get(header::CONTENT_LENGTH).is_none_or(|length| length == "0")
            && !request.headers().contains_key(header::TRANSFER_ENCODING)
            && !request.headers().contains_key(header::CONTENT_TYPE);
        if empty {
            return Ok(Self(T::default()));
        }
        Json::from_request(request, state).await.map(|Json(body)| Self(body))
    }
}

/// A body must have come after so long; nobody is kept waiting for with an authority that was checked before (WEB-24).
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// Reads a body whole, within [`LONGEST`] and [`PATIENCE`].
pub(crate) async fn read(request: Request) -> Result<axum::body::Bytes, Problem> {
    let whole = tokio::time::timeout(PATIENCE, to_bytes(request.into_body(), LONGEST)).await;
    let slow = || Problem::from(Code::Malformed).detail("The body took too long.");
    whole.map_err(|_| slow())?.map_err(|error| {
        let too_long =
            std::error::Error::source(&error).is_some_and(|cause| cause.is::<http_body_util::LengthLimitError>());
        if too_long {
            Code::PayloadTooLarge.into()
        } else {
            Problem::from(Code::Malformed).detail("The body broke off.")
        }
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(first), None) = (types.next(), types.next()) else { return false };
    let text = first.to_str().unwrap_or("");
    let essence = text.split(';').next().unwrap_or("").trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// Reads a body's bytes.
///
/// # Errors
/// [`Problem`]: 400 or 422.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let Strict(value) = serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
    if !value.is_object() {
        return Err(Problem::from(Code::Malformed).detail("The body must be a JSON object."));
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let mut pointer: String = error.path().iter().map(segment).collect();
        let text = error.inner().to_string();
        let (code, field) = classify(&text);
        if let Some(field) = field.filter(|field| !pointer.ends_with(&format!("/{field}"))) {
            pointer = format!("{pointer}/{}", escape(field));
        }
        Problem::invalid(&pointer, code, message(code, &text))
    })
}

fn malformed(error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    // Our own messages may be shown; serde's may repeat parts of the body.
    let detail = ["duplicate member", "U+0000"].into_iter().find(|own| text.contains(own)).map_or_else(
        || format!("The body is not JSON (line {}, column {}).", error.line(), error.column()),
        |own| format!("The body has a {own} (line {}, column {}).", error.line(), error.column()),
    );
    Problem::from(Code::Malformed).detail(detail)
}

fn segment(segment: &serde_path_to_error::Segment) -> String {
    use serde_path_to_error::Segment;
    match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", escape(key)),
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    }
}

/// RFC 6901, section 3.
fn escape(text: &str) -> String {
    text.replace('~', "~0").replace('/', "~1")
}

fn classify(text: &str) -> (&'static str, Option<&str>) {
    let quoted = || text.split('`').nth(1);
    if text.starts_with("unknown field") {
        ("unknown_field", quoted())
    } else if text.starts_with("missing field") {
        ("required", quoted())
    } else {
        ("invalid", None)
    }
}

fn message(code: &str, text: &str) -> String {
    match code {
        "unknown_field" => "There is no such field here.".to_owned(),
        "required" => "This field is required.".to_owned(),
        // "invalid type: integer `5`, expected a string": without the value, which may be a secret.
        _ => match text.split_once(", expected ") {
            Some((_, expected)) => format!("Expected {expected}."),
            None => "This value is not accepted here.".to_owned(),
        },
    }
}

/// JSON in which no member occurs twice and no text holds U+0000.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(Number::from_f64(v).map_or(Value::Null, Value::Number))
    }
    fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<Value, E> {
        if v.contains('\0') { Err(E::custom("U+0000")) } else { Ok(v.into()) }
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Strict(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(items.into())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut seen = BTreeSet::new();
        let mut members = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if key.contains('\0') {
                return Err(A::Error::custom("U+0000"));
            }
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom("duplicate member"));
            }
            let Strict(value) = map.next_value()?;
            members.insert(key, value);
        }
        Ok(members.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Body {
        name: String,
        #[serde(default)]
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Inner {
        role: String,
    }

    fn refused(text: &str) -> (u16, String, String) {
        let problem = parse::<Body>(text.as_bytes()).expect_err("refused");
        let error = problem.errors.first().cloned();
        let (pointer, code) = error.map(|e| (e.pointer, e.code.into_owned())).unwrap_or_default();
        (problem.code.status(), pointer, code)
    }

    #[test]
    fn broken_duplicate_and_nul_are_400() {
        let broken: [&str; 8] = [
            "",
            "{",
            "[]",
            "\"x\"",
            r#"{"name":"a","name":"b"}"#,
            r#"{"name":"a\u0000"}"#,
            "{\"name\":\"\u{1}\"}",
            "\u{feff}{}",
        ];
        for text in broken {
            assert_eq!(refused(text).0, 400, "{text}");
        }
        assert_eq!(parse::<Body>(&[0xff, b'{', b'}']).expect_err("refused").code.status(), 400);
        assert_eq!(refused(&"[".repeat(10_000)).0, 400);
    }

    #[test]
    fn unknown_missing_and_mistyped_fields_are_422_with_a_pointer() {
        assert_eq!(refused(r#"{"name":"a","role":"admin"}"#), (422, "/role".into(), "unknown_field".into()));
        assert_eq!(refused("{}"), (422, "/name".into(), "required".into()));
        assert_eq!(refused(r#"{"name":5}"#), (422, "/name".into(), "invalid".into()));
        assert_eq!(
            refused(r#"{"name":"a","inner":[{"role":"x"},{}]}"#),
            (422, "/inner/1/role".into(), "required".into())
        );
    }

    #[test]
    fn a_refused_value_is_not_repeated() {
        let problem = parse::<Body>(br#"{"name":["hunter2"]}"#).expect_err("refused");

        assert!(!format!("{problem:?}").contains("hunter2"));
    }
}
