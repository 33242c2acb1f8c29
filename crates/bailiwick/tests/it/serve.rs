//! The server of an organisation: from the first administrator to the graceful stop.

use std::path::Path;

use serde_json::json;
use testkit::{Db, Folder};

use crate::client::{Answer, Person, reset, send};
use crate::log::indexes_are_consecutive;
use crate::program::{Process, Said, operator};
use crate::site::{Site, choose};

const PASSWORD: &str = "a sentence nobody guesses";

/// A server that must not start.
async fn refused(site: &Site, arguments: &[&str]) -> Said {
    Process::start(site.command(arguments)).said().await
}

#[tokio::test]
async fn the_link_of_init_makes_the_first_administrator_once() {
    let (site, link) = Site::set_up().await;
    let again = site.run(&["init", "--profile", "healthcare"]).await;
    assert!(again.refused().contains("was set up already"), "{again:?}");

    let _server = site.serve().await;
    for password in ["admin", "password", "bailiwick"] {
        let answer = Person::visitor(&site.base).sign_in("admin", password, None).await.unwrap();
        assert!(answer.status == 401, "there is no default account: {}", answer.text);
    }
    assert_eq!(reset(&site.base, &"A".repeat(43), PASSWORD).await.problem(), "400 token-refused");
    assert_eq!(reset(&site.base, &link, "short").await.status, 422, "a refused password keeps the link");
    choose(&site.base, &link, PASSWORD).await;
    assert_eq!(reset(&site.base, &link, "another good password").await.problem(), "400 token-refused");

    let admin = Person::signed_in(&site.base, "admin", PASSWORD, None).await;
    assert_eq!(admin.get("/api/v1/me").await.json["roles"], json!(["admin"]));
    let events = admin.events().await;
    indexes_are_consecutive(&events);
    let created = events.iter().find(|event| event["type"] == "user_created").unwrap();
    assert_eq!((&created["actor"]["kind"], &created["actor"]["name"]), (&json!("cli"), &json!(operator())));
}

#[tokio::test]
async fn serve_without_init_says_what_to_do() {
    let site = Site::new("data");
    let said = refused(&site, &["serve"]).await;
    said.refused_in_one_line(&["is empty", "run `bailiwick init"]);
    assert!(!site.path().join("data").exists(), "nothing was made");
}

#[tokio::test]
async fn another_base_url_is_refused_and_names_the_issuer() {
    let (site, _) = Site::set_up().await;
    site.configure(&site.configuration().replace(&site.base, "http://localhost:1"));

    let said = refused(&site, &["serve"]).await;

    said.refused();
    for word in [site.base.as_str(), "http://localhost:1", "issuer", "server.base_url"] {
        assert!(said.err.contains(word), "{word} in {said:?}");
    }
}

#[tokio::test]
async fn a_second_server_on_the_folder_is_refused() {
    let site = Site::with_admin(PASSWORD).await;
    let _first = site.serve().await;
    let mut second = Site::new("data");
    second.base.clone_from(&site.base);
    let text = site.configuration().replace("\"data\"", &format!("{:?}", site.path().join("data")));
    // Another port: it is the folder that is taken.
    let own = second.configuration().lines().find(|line| line.starts_with("listen")).unwrap().to_owned();
    let text: Vec<&str> =
        text.lines().map(|line| if line.starts_with("listen") { own.as_str() } else { line }).collect();
    second.configure(&text.join("\n"));

    let said = refused(&second, &["serve"]).await;

    assert!(said.refused().contains("another"), "{said:?}");
    assert_eq!(Person::visitor(&site.base).get("/api/v1/password-policy").await.status, 200, "the first goes on");
}

#[tokio::test]
async fn a_port_in_use_is_said_before_anything_is_opened() {
    let (site, _) = Site::set_up().await;
    let _server = site.serve().await;

    let said = refused(&site.copied(), &["serve"]).await;

    assert!(said.refused().contains("in use"), "{said:?}");
}

#[tokio::test]
async fn a_stop_is_graceful_and_stands_in_the_log() {
    let site = Site::with_admin(PASSWORD).await;
    let server = site.serve().await;

    assert!(server.stop().await.success());

    let db = Db::of_folder(&site.path().join("data")).await;
    let text = "SELECT type FROM audit_event WHERE realm_id = $1 ORDER BY position DESC LIMIT 1";
    let last = db.rows(text, vec![db.realm.into()]).await;
    assert!(format!("{last:?}").contains("server_stopped"), "{last:?}");
}

#[tokio::test]
async fn a_request_in_progress_is_answered_before_the_stop() {
    let site = Site::with_admin(PASSWORD).await;
    let server = site.serve().await;
    let signing_in: Vec<_> = (0..4)
        .map(|_| {
            let mut person = Person::visitor(&site.base);
            tokio::spawn(async move { person.sign_in("admin", PASSWORD, None).await.map(|answer| answer.status) })
        })
        .collect();
    // One answer means that the others are at least on their way.
    let mut answers = Vec::new();
    let stopped = tokio::spawn(server.stop());
    for one in signing_in {
        answers.push(one.await.unwrap());
    }

    assert!(stopped.await.unwrap().success());
    // Whatever was accepted was answered whole; what came too late found the door closed.
    assert!(answers.iter().all(|answer| matches!(answer, Some(200 | 503) | None)), "{answers:?}");
}

/// Makes a certificate for localhost in a folder; returns it in PEM.
fn certificate(folder: &Path) -> String {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("tls.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    made.cert.pem()
}

#[tokio::test]
async fn with_a_certificate_it_speaks_https_and_says_so_for_good() {
    let mut site = Site::new("data");
    let pem = certificate(site.path());
    let https = site.base.replace("http://", "https://");
    let text = site.configuration().replace(&site.base, &https);
    site.configure(&text.replacen("listen =", "tls_certificate = \"tls.pem\"\ntls_key = \"tls.key\"\nlisten =", 1));
    site.base = https;
    site.init().await;
    let _server = site.serve().await;
    let trusting = reqwest::Certificate::from_pem(pem.as_bytes()).unwrap();
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([trusting]).build().unwrap();

    let answer: Answer = send(http.get(format!("{}/.well-known/openid-configuration", site.base))).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json["issuer"], site.base.as_str());
    assert_eq!(answer.header("strict-transport-security"), "max-age=63072000; includeSubDomains");
    let plain = send_plain(&site.base.replace("https://", "http://")).await;
    assert!(plain.is_none_or(|answer| answer.status >= 400), "plain HTTP is not answered");
}

async fn send_plain(base: &str) -> Option<Answer> {
    crate::client::try_send(crate::client::http().get(format!("{base}/.well-known/jwks.json"))).await
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_named() {
    let (mut site, _) = Site::set_up().await;
    std::fs::write(site.path().join("tls.pem"), "nothing").unwrap();
    std::fs::write(site.path().join("tls.key"), "nothing").unwrap();
    for (name, value) in [("TLS_CERTIFICATE", "tls.pem"), ("TLS_KEY", "tls.key")] {
        site.environment.push((format!("BAILIWICK__SERVER__{name}"), value.to_owned()));
    }
    let said = refused(&site, &["serve"]).await;
    assert!(said.refused().contains("server.base_url must begin with https://"), "{said:?}");

    let mut site = Site::new("data");
    let https = site.base.replace("http://", "https://");
    site.configure(&site.configuration().replace(&site.base, &https));
    site.base = https;
    site.init().await;
    std::fs::write(site.path().join("tls.pem"), "nothing").unwrap();
    std::fs::write(site.path().join("tls.key"), "nothing").unwrap();
    for (name, value) in [("TLS_CERTIFICATE", "tls.pem"), ("TLS_KEY", "tls.key")] {
        site.environment.push((format!("BAILIWICK__SERVER__{name}"), value.to_owned()));
    }
    let said = refused(&site, &["serve"]).await;
    assert!(said.refused().contains("server.tls_certificate or server.tls_key cannot be used"), "{said:?}");
}

#[tokio::test]
async fn a_missing_or_wrong_key_encryption_key_stops_the_start() {
    let (mut site, _) = Site::set_up().await;
    let file = site.path().join("data/key-encryption-key");
    let right = std::fs::read_to_string(&file).unwrap();

    std::fs::remove_file(&file).unwrap();
    refused(&site, &["serve"]).await.refused_in_one_line(&["data/key-encryption-key is missing", "Put it back"]);
    let key = "BAILIWICK__KEYS__ENCRYPTION_KEY".to_owned();
    site.environment = vec![(key.clone(), "12".repeat(32))];
    refused(&site, &["serve"]).await.refused_in_one_line(&["key-encryption key is not the one"]);
    site.environment = vec![(key.clone(), "12".to_owned())];
    refused(&site, &["serve"]).await.refused_in_one_line(&["BAILIWICK__KEYS__ENCRYPTION_KEY", "64 hexadecimal"]);
    site.environment = vec![("BAILIWICK__KEYS__ENCRYPTION_KEY_COMMAND".to_owned(), "exit 3".to_owned())];
    refused(&site, &["serve"]).await.refused_in_one_line(&["command failed"]);

    site.environment = vec![(key, right.trim().to_owned())];
    assert!(site.serve().await.stop().await.success());
    let command = format!("printf %s {}", right.trim());
    site.environment = vec![("BAILIWICK__KEYS__ENCRYPTION_KEY_COMMAND".to_owned(), command)];
    assert!(site.serve().await.stop().await.success());
}

#[tokio::test]
async fn a_database_that_is_truncated_foreign_or_newer_is_refused() {
    let (site, _) = Site::set_up().await;
    let file = |site: &Site| site.path().join("data/bailiwick.db");

    let truncated = site.copied();
    let bytes = std::fs::read(file(&truncated)).unwrap();
    std::fs::write(file(&truncated), &bytes[..bytes.len() / 3]).unwrap();
    let said = refused(&truncated, &["serve"]).await;
    assert!(said.refused().contains("bailiwick: "), "{said:?}");

    let foreign = site.copied();
    std::fs::write(file(&foreign), "this is a letter to my aunt, and no database at all\n".repeat(200)).unwrap();
    let said = refused(&foreign, &["serve"]).await;
    assert!(said.refused().contains("bailiwick.db") || said.err.contains("database"), "{said:?}");

    let newer = site.copied();
    let db = Db::of_folder(&newer.path().join("data")).await;
    let text = "INSERT INTO schema_migration (number, name, hash, compatible_from, applied_at) SELECT 9999, 'later', hash, 9999, applied_at FROM schema_migration WHERE number = 1";
    db.execute(text, Vec::new()).await;
    drop(db);
    let said = refused(&newer, &["serve"]).await;
    assert!(said.refused().contains("newer"), "{said:?}");
}

/// Asks on a connection that stays open; `None`: the server closed it.
async fn asked(stream: &mut tokio::net::TcpStream, site: &Site) -> Option<String> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let host = site.base.trim_start_matches("http://");
    let request = format!("GET /api/v1/password-policy HTTP/1.1\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await.ok().filter(|length| *length > 0)?;
    String::from_utf8_lossy(&answer[..length]).lines().next().map(ToOwned::to_owned)
}

#[tokio::test]
async fn an_address_holds_as_many_connections_as_it_may() {
    let (site, _) = Site::set_up().await;
    let port = site.base.rsplit_once(':').unwrap().1.to_owned();
    let connect = async || tokio::net::TcpStream::connect(format!("127.0.0.1:{port}")).await.unwrap();
    site.configure(&site.configuration().replace("[server]", "[server]\nmax_connections_per_address = 3"));
    let server = site.serve().await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = connect().await;
        assert_eq!(asked(&mut stream, &site).await.as_deref(), Some("HTTP/1.1 200 OK"));
        held.push(stream);
    }

    assert_eq!(asked(&mut connect().await, &site).await, None, "one too many is closed");
    assert_eq!(asked(&mut held[0], &site).await.as_deref(), Some("HTTP/1.1 200 OK"), "the others go on");
    held.pop();
    let mut again = None;
    for _ in 0..200 {
        again = asked(&mut connect().await, &site).await;
        if again.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(again.as_deref(), Some("HTTP/1.1 200 OK"), "a place that was given back");
    drop(held);
    assert!(server.stop().await.success());

    let trusted = site.configuration().replace("[server]", "[server]\ntrusted_proxies = \"127.0.0.1\"");
    site.configure(&trusted);
    let _server = site.serve().await;
    let mut many = Vec::new();
    for _ in 0..6 {
        let mut stream = connect().await;
        assert_eq!(asked(&mut stream, &site).await.as_deref(), Some("HTTP/1.1 200 OK"));
        many.push(stream);
    }
}

#[tokio::test]
async fn postgresql_is_migrated_only_when_asked() {
    let db = Db::postgres_unmigrated().await;
    let store::Location::Postgres(url) = &db.location else { panic!("not PostgreSQL") };
    let site = Site::new(url);
    let key = site.path().join("kek");
    std::fs::write(&key, "34".repeat(32)).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();

    let said = refused(&site, &["serve"]).await;
    assert!(said.refused().contains("keys.encryption_key_file"), "{said:?}");
    site.configure(&site.configuration().replace("[keys]", "[keys]\nencryption_key_file = \"kek\""));
    let said = refused(&site, &["serve"]).await;
    assert!(said.refused().contains("run `bailiwick migrate` first"), "{said:?}");

    let pending = site.run(&["migrate", "--dry-run", "--json"]).await.json();
    assert_eq!(pending["dry_run"], true);
    let names = pending["migrations"].as_array().unwrap().clone();
    assert!(names.len() >= 6, "{names:?}");
    assert_eq!(
        site.run(&["migrate", "--dry-run", "--json"]).await.json()["migrations"],
        json!(names),
        "nothing was done"
    );
    let said = refused(&site, &["serve", "--migrate"]).await;
    assert!(said.refused().contains("run `bailiwick init"), "{said:?}");
    assert_eq!(site.run(&["migrate", "--json"]).await.json()["migrations"], json!([]));

    let link = site.init().await;
    let server = site.serve().await;
    choose(&site.base, &link, PASSWORD).await;
    Person::signed_in(&site.base, "admin", PASSWORD, None).await;
    assert!(server.stop().await.success());
    let server = Process::start(site.command(&["serve", "--migrate"]));
    let mut server = server;
    server.says("serving").await.unwrap();
    crate::log::sequenced(&db).await;
    crate::log::leaves_are_whole(&db, &mut crate::log::Looked::default()).await;
}

#[tokio::test]
async fn postgresql_that_is_not_there_is_said_in_one_line() {
    let folder = Folder::new();
    let site = Site::new(&format!("postgres:///x?host={}&user=nobody", folder.path().display()));
    let mut site = site;
    site.environment.push(("BAILIWICK__KEYS__ENCRYPTION_KEY".to_owned(), "12".repeat(32)));

    let said = refused(&site, &["serve"]).await;

    assert_eq!(said.refused().lines().count(), 1, "{said:?}");
}
