//! How to reach PostgreSQL: over a Unix socket or loopback as the URL says, to other hosts only through TLS with a checked certificate.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::StoreError;

/// Reads the URL. `sslrootcert=FILE` names the authority that signed the server's certificate; without it the system's are used.
pub(super) fn prepare(url: &str) -> Result<(Config, Option<MakeRustlsConnect>), StoreError> {
    let (url, root) = take_root(url);
    // The driver's own message may quote the URL, and with it the password.
    let mut config: Config = url.parse().map_err(|_| {
        StoreError::Unusable(
            "the PostgreSQL URL cannot be read: postgres://user:password@host:5432/database".to_owned(),
        )
    })?;
    let remote = config.get_hosts().iter().any(is_remote);
    if remote && config.get_ssl_mode() == SslMode::Disable {
        let what = "PostgreSQL on another machine is reached through TLS only: take sslmode=disable out of the URL";
        return Err(StoreError::Unusable(what.to_owned()));
    }
    if remote {
        config.ssl_mode(SslMode::Require);
    }
    config.application_name("bailiwick");
    config.connect_timeout(std::time::Duration::from_secs(5));
    let set = "-c statement_timeout=10s -c lock_timeout=5s -c idle_in_transaction_session_timeout=10s -c synchronous_commit=on";
    let options = config.get_options().map_or_else(|| set.to_owned(), |own| format!("{set} {own}"));
    config.options(&options);
    let wants_tls = remote || root.is_some() || config.get_ssl_mode() == SslMode::Require;
    if !wants_tls {
        config.ssl_mode(SslMode::Disable);
        return Ok((config, None));
    }
    config.ssl_mode(SslMode::Require);
    Ok((config, Some(tls(root.as_deref())?)))
}

fn is_remote(host: &Host) -> bool {
    match host {
        Host::Unix(_) => false,
        Host::Tcp(name) => {
            !(name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()))
        }
    }
}

/// The driver does not know `sslrootcert`.
fn take_root(url: &str) -> (String, Option<String>) {
    let Some((start, query)) = url.split_once('?') else { return (url.to_owned(), None) };
    let (root, rest): (Vec<&str>, Vec<&str>) = query.split('&').partition(|part| part.starts_with("sslrootcert="));
    let file = root.first().and_then(|part| part.strip_prefix("sslrootcert=")).map(|f| f.replace("%2F", "/"));
    let rest = rest.join("&");
    (if rest.is_empty() { start.to_owned() } else { format!("{start}?{rest}") }, file)
}

fn tls(root: Option<&str>) -> Result<MakeRustlsConnect, StoreError> {
    let mut roots = rustls::RootCertStore::empty();
    match root {
        Some(file) => {
            let unreadable =
                || StoreError::Unusable(format!("sslrootcert {file} holds no certificate that can be read"));
            let certificates = CertificateDer::pem_file_iter(Path::new(file)).map_err(|_| unreadable())?;
            for certificate in certificates {
                roots.add(certificate.map_err(|_| unreadable())?).map_err(|_| unreadable())?;
            }
        }
        None => {
            for certificate in rustls_native_certs::load_native_certs().certs {
                let _ = roots.add(certificate);
            }
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| StoreError::Unusable(e.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// What went wrong, with its cause, without values of rows.
pub(crate) fn reason(error: &tokio_postgres::Error) -> String {
    if let Some(db) = error.as_db_error() {
        return format!("{} ({})", db.message(), db.code().code());
    }
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_server_is_never_spoken_to_in_the_clear() {
        assert!(prepare("postgres://u:p@db.example.org/x?sslmode=disable").is_err());
        let (config, tls) = prepare("postgres://u:p@db.example.org/x").expect("a URL");
        assert_eq!(config.get_ssl_mode(), SslMode::Require);
        assert!(tls.is_some());
    }

    #[test]
    fn a_local_server_needs_no_tls() {
        for url in ["postgres://u@localhost/x", "postgres://u@127.0.0.1/x", "postgres:///x?host=/tmp"] {
            assert!(prepare(url).expect("a URL").1.is_none(), "{url}");
        }
    }

    #[test]
    fn a_url_that_cannot_be_read_is_not_repeated() {
        let error = prepare("postgres://u:s3cret@h:notaport/x").err().expect("refused").to_string();

        assert!(!error.contains("s3cret"), "{error}");
    }
}
