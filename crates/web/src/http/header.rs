//! Security headers on every answer (WEB-07 to WEB-14).

use axum::http::{HeaderName, HeaderValue, Response, header};

use crate::view::Language;

/// Marks an answer as a page for people, in the language that was asked for, or in English whatever was asked for; the outermost layer gives it a
/// page's policy.
#[derive(Clone, Copy, Debug)]
pub struct IsPage(pub Option<Language>);

/// Marks a page in whose address a token stood.
#[derive(Clone, Copy, Debug)]
pub struct HadToken;

const PERMISSIONS: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), \
    magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=(), \
    publickey-credentials-create=(self), publickey-credentials-get=(self)";

/// Adds what is missing. `nonce` is fresh for each answer; `https`: the base URL is.
pub fn secure<B>(response: &mut Response<B>, https: bool, nonce: &str) {
    let page = response.extensions().get::<IsPage>().copied();
    let had_token = response.extensions().get::<HadToken>().is_some();
    let policy = if page.is_some() {
        format!(
            "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
             connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
        )
    } else {
        "default-src 'none'; frame-ancestors 'none'".to_owned()
    };
    let referrer = if page.is_some() && !had_token { "same-origin" } else { "no-referrer" };
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.entry(name).or_insert(value);
        }
    };
    set(header::CONTENT_SECURITY_POLICY, &policy);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, referrer);
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(HeaderName::from_static("permissions-policy"), PERMISSIONS);
    set(header::CACHE_CONTROL, "no-store");
    if let Some(IsPage(language)) = page {
        set(header::CONTENT_LANGUAGE, language.unwrap_or_default().tag());
    }
    if https {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains");
    }
    if let Some(IsPage(Some(_))) = page {
        headers.append(header::VARY, HeaderValue::from_static("accept-language"));
    }
}
