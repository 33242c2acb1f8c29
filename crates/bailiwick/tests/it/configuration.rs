//! What is refused before anything starts, and how it is said.

use crate::program::run;
use crate::site::Site;

#[tokio::test]
async fn five_mistakes_are_told_at_once() {
    let site = Site::new("data");
    site.configure(
        "[server]\nbase_url = \"ftp://x\"\nlisten = \"nowhere\"\nlisen = \"x\"\n[keys]\nrsa_bits = 1024\n[passwords]\nmemory_kib = 1\n",
    );
    for arguments in [&["config", "check"][..], &["serve"], &["init", "--profile", "healthcare"], &["migrate"]] {
        let said = site.run(arguments).await;
        let told = said.refused();
        assert!(told.contains("5 mistake(s)"), "{told}");
        for key in ["server.base_url", "server.listen ", "server.lisen", "keys.rsa_bits", "passwords.memory_kib"] {
            assert!(told.contains(key), "{key} in {told}");
        }
    }
    assert!(!site.path().join("data").exists(), "nothing was made");
}

#[tokio::test]
async fn an_unknown_key_is_named_wherever_it_comes_from() {
    let mut site = Site::new("data");
    site.environment.push(("BAILIWICK__SERVER__LISEN".to_owned(), "x".to_owned()));
    let said = site.run(&["config", "check"]).await;
    assert!(said.refused().contains("BAILIWICK__SERVER__LISEN: there is no setting server.lisen"), "{said:?}");

    site.environment.clear();
    site.configure(&format!("{}\n[sessions]\nidle = 5\n", site.configuration()));
    let said = site.run(&["config", "check"]).await;
    assert!(said.refused().contains("bailiwick.toml: there is no setting sessions.idle"), "{said:?}");
}

#[tokio::test]
async fn the_environment_wins_over_the_file() {
    let mut site = Site::new("data");
    let plain = site.run(&["config", "check", "--json"]).await.json();
    assert_eq!(plain["base_url"], site.base.as_str());

    site.environment.push(("BAILIWICK__SERVER__BASE_URL".to_owned(), "https://id.example.org".to_owned()));

    let checked = site.run(&["config", "check", "--json"]).await.json();
    assert_eq!(checked["base_url"], "https://id.example.org");
}

#[tokio::test]
async fn a_public_listener_without_tls_is_refused() {
    let mut site = Site::new("data");
    site.environment.push(("BAILIWICK__SERVER__LISTEN".to_owned(), "0.0.0.0:0".to_owned()));
    for arguments in [&["config", "check"][..], &["serve"]] {
        let said = site.run(arguments).await;
        assert!(said.refused().contains("server.tls_certificate"), "{said:?}");
        assert!(said.refused().contains("server.tls_proxy"), "{said:?}");
    }
}

#[tokio::test]
async fn a_configuration_that_is_missing_or_no_toml_is_named() {
    let site = Site::new("data");
    let said = run(site.path(), &[], &["serve", "--config", "absent.toml"]).await;
    said.refused_in_one_line(&["absent.toml", "cannot be read"]);
    site.configure("[server\nlisten = ");
    assert!(site.run(&["config", "check"]).await.refused().contains("bailiwick.toml"));
}

#[tokio::test]
async fn a_key_encryption_key_does_not_belong_into_the_file() {
    let site = Site::new("data");
    site.configure(&format!("[keys]\nencryption_key = \"{}\"\n", "ab".repeat(32)));

    let said = site.run(&["config", "check"]).await;

    assert!(said.refused().contains("may not stand in a file"), "{said:?}");
    assert!(!said.err.contains("abab"), "the key itself is not repeated");
}

#[tokio::test]
async fn what_is_no_command_ends_with_code_two() {
    let site = Site::new("data");
    for arguments in
        [&["sevre"][..], &["serve", "--port", "1"], &["grant", "add"], &["key", "rotate", "--reason", "x"], &[]]
    {
        let said = run(site.path(), &[], arguments).await;
        assert_eq!(said.code, Some(2), "{said:?}");
    }
    assert_eq!(run(site.path(), &[], &["--help"]).await.code, Some(0));
    assert_eq!(run(site.path(), &[], &["--version"]).await.code, Some(0));
}
