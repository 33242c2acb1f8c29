//! Pages: the steps of a sign-in and one's own account, by forms alone; languages; what a script may do.

use std::io::Write as _;
use std::process::{Command, Stdio};

use domain::realm::RealmKey;
use domain::time::{minutes, seconds};
use domain::totp::Seed;
use testkit::{Answer, Browser, TestApp};

use crate::factors::{bind, code};

/// Types a name and its password into the sign-in page.
async fn begin(app: &TestApp, browser: &mut Browser, username: &str, return_to: &str) -> Answer {
    let page = browser.get(&format!("/sign-in?return_to={return_to}")).await.expect(200);
    let password = app.password("main", username);
    app.remember(&password);
    let fields = [
        ("identifier", username),
        ("password", password.as_str()),
        ("return_to", return_to),
        ("csrf", &page.hidden("csrf")),
    ];
    browser.form("/sign-in", &fields).await.expect(303)
}

/// Sends a page's form again with these fields.
async fn send(browser: &mut Browser, page: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
    let csrf = browser.get(page).await.expect(200).hidden("csrf");
    let fields: Vec<_> = fields.iter().copied().chain([("csrf", csrf.as_str())]).collect();
    browser.form(path, &fields).await
}

fn codes(page: &Answer) -> Vec<String> {
    let list = page.text.split("<ol class=\"codes mono gap\">").nth(1).unwrap().split("</ol>").next().unwrap();
    list.split("<li>").skip(1).map(|item| item.trim_end_matches("</li>").to_owned()).collect()
}

fn secret(page: &Answer) -> Seed {
    let shown = page.text.split("<br><code>").nth(1).unwrap().split("</code>").next().unwrap();
    Seed::parse(&shown.replace("<br>", "").replace(' ', "")).unwrap()
}

const SECOND: &str = "/sign-in/second-factor";

#[tokio::test]
async fn a_second_factor_is_asked_for_on_its_page_and_leads_where_one_wanted_to_go() {
    let app = TestApp::new().await;
    let mut admin = app.browser();

    let owed = begin(&app, &mut admin, "admin", "/account/password").await;

    assert_eq!(owed.header("location"), SECOND);
    assert!(admin.cookie("session").is_none(), "nothing before the second factor");
    let page = admin.get(SECOND).await.expect(200);
    for part in ["inputmode=\"numeric\"", "autocomplete=\"one-time-code\"", "maxlength=\"7\"", "<b>admin</b>"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    assert_eq!(admin.get("/sign-in/enrol").await.expect(303).header("location"), SECOND, "each step in its turn");
    let wrong = send(&mut admin, SECOND, SECOND, &[("method", "totp"), ("code", "000000")]).await.expect(401);
    assert!(wrong.text.contains("id=\"code-error\"") && wrong.text.contains("aria-invalid=\"true\""), "{}", wrong.text);
    let right = app.code("main", "admin");
    let done = send(&mut admin, SECOND, SECOND, &[("method", "totp"), ("code", &right)]).await.expect(303);
    assert_eq!(done.header("location"), "/account/password");
    assert!(admin.cookie("session").is_some() && admin.cookie("flow").is_none_or(|value| value.is_empty()));
    admin.get("/account").await.expect(200);
}

#[tokio::test]
async fn five_wrong_codes_lead_back_to_the_beginning_which_says_why() {
    let app = TestApp::new().await;
    let mut admin = app.browser();
    begin(&app, &mut admin, "admin", "/account").await;
    let csrf = admin.get(SECOND).await.expect(200).hidden("csrf");
    let fields = [("method", "totp"), ("code", "000000"), ("csrf", csrf.as_str())];
    for _ in 0..4 {
        admin.form(SECOND, &fields).await.expect(401);
    }

    let last = admin.form(SECOND, &fields).await.expect(303);

    assert_eq!(last.header("location"), "/sign-in?told=ended");
    assert_eq!(admin.get(SECOND).await.expect(303).header("location"), "/sign-in", "the dead cookie is gone");
    assert!(admin.get("/sign-in?told=ended").await.expect(200).text.contains("This step has ended"));
}

#[tokio::test]
async fn a_form_without_its_token_proves_nothing_at_any_step() {
    let app = TestApp::new().await;
    let mut admin = app.browser();
    begin(&app, &mut admin, "admin", "/account").await;
    let right = app.code("main", "admin");

    let refused = admin.form(SECOND, &[("method", "totp"), ("code", &right), ("csrf", "")]).await.expect(403);

    assert!(refused.text.contains("open too long"), "{}", refused.text);
    assert!(admin.cookie("session").is_none());
    let mut nurse = app.signed_in("nurse").await;
    for path in ["/account/password", "/account/second-factor/new", "/account/recovery-codes", "/account/confirm"] {
        let answer = nurse.form(path, &[("csrf", "no"), ("label", "x"), ("password", "x")]).await;
        assert!([403, 303].contains(&answer.status), "{path}: {answer:?}");
        assert!(answer.set_cookies().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn whoever_needs_a_factor_binds_one_on_the_page_and_sees_ten_codes_once() {
    let app = TestApp::new().await;
    let link = app.new_link_for("dr.new", store::token::Purpose::Invitation, &["physician"]).await;
    app.browser().choose(&link, "a quiet harbour at dawn").await.expect(204);
    let mut person = app.browser();
    let csrf = person.get("/sign-in").await.hidden("csrf");
    let fields = [("identifier", "dr.new"), ("password", "a quiet harbour at dawn"), ("csrf", csrf.as_str())];
    assert_eq!(person.form("/sign-in", &fields).await.expect(303).header("location"), "/sign-in/enrol");

    let page = person.get("/sign-in/enrol").await.expect(200);

    assert_eq!(page.header("cache-control"), "no-store");
    assert!(page.text.contains("<svg class=\"qr\"") && page.text.contains("needs more than a password"));
    assert!(!page.text.contains("otpauth"), "the address is in the picture alone");
    let seed = secret(&page);
    app.remember(&seed.base32());
    assert_eq!(secret(&person.get("/sign-in/enrol").await).base32(), seed.base32(), "loaded again it is the same");
    let csrf = page.hidden("csrf");
    let wrong = person.form("/sign-in/enrol", &[("code", "000000"), ("csrf", &csrf)]).await.expect(401);
    assert_eq!(secret(&wrong).base32(), seed.base32());
    let right = code(&app, &seed);
    let fields = [("code", right.as_str()), ("label", "My <b>phone</b>"), ("csrf", &csrf)];
    let done = person.form("/sign-in/enrol", &fields).await.expect(200);
    assert_eq!((codes(&done).len(), done.header("cache-control")), (10, "no-store"));
    assert!(done.text.contains("href=\"/account\"") && person.cookie("session").is_some());
    codes(&done).iter().for_each(|code| app.remember(code));
    let account = person.get("/account").await.expect(200).text;
    assert!(account.contains("My &#60;b&#62;phone") && !account.contains(&codes(&done)[0]));
    assert!(account.contains("You have only one authenticator"), "MFA-07");
}

#[tokio::test]
async fn a_recovery_code_is_another_way_and_its_replacement_is_shown_once() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    let (_, kept) = bind(&app, &mut nurse, "my phone").await;
    app.advance(seconds(60));
    let mut other = app.browser();
    begin(&app, &mut other, "nurse", "/account").await;
    assert!(other.get(SECOND).await.expect(200).text.contains("?method=recovery_code"));
    let page = format!("{SECOND}?method=recovery_code");

    let wrong = [("method", "recovery_code"), ("code", "0-0000-0000-0000-0000")];
    assert!(send(&mut other, &page, SECOND, &wrong).await.expect(401).text.contains("value=\"recovery_code\""));
    let shown = send(&mut other, &page, SECOND, &[("method", "recovery_code"), ("code", &kept[4])]).await.expect(200);

    let one = codes(&shown);
    app.remember(&one[0]);
    assert_eq!((one.len(), one[0].starts_with("4-"), one[0] != kept[4]), (1, true, true));
    assert!(other.get("/account").await.expect(200).text.contains("Recovery codes"));
}

#[tokio::test]
async fn ones_own_password_is_changed_and_each_refusal_stands_at_its_field() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    let old = app.password("main", "nurse");
    let page = "/account/password";
    for (current, new, field) in [
        ("wrong", "a quiet harbour at dawn", "current_password-error"),
        (old.as_str(), "short", "new_password-error"),
        (old.as_str(), old.as_str(), "new_password-error"),
    ] {
        let fields = [("current_password", current), ("new_password", new)];
        let answer = send(&mut nurse, page, page, &fields).await.expect(422);
        assert!(answer.text.contains(&format!("id=\"{field}\"")), "{field}: {}", answer.text);
        assert!(answer.text.contains("id=\"new_password-hint\""), "PW-18: guidance stays");
    }
    let before = nurse.cookie("session").unwrap();

    let fields = [("current_password", old.as_str()), ("new_password", "a quiet harbour at dawn")];
    let done = send(&mut nurse, page, page, &fields).await.expect(303);

    assert_eq!(done.header("location"), "/account?told=password");
    assert_ne!(nurse.cookie("session").unwrap(), before, "SES-02");
    assert!(nurse.get("/account?told=password").await.expect(200).text.contains("Your password is changed"));
    assert_eq!(app.browser().sign_in_with("nurse", &old).await.status, 401);
}

#[tokio::test]
async fn what_needs_a_fresh_sign_in_asks_for_it_and_comes_back() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    nurse.get("/account/second-factor/new").await.expect(200);
    app.advance(minutes(6));

    let asked = nurse.get("/account/second-factor/new").await.expect(303);

    let confirm = "/account/confirm?return_to=/account/second-factor/new";
    assert_eq!(asked.header("location"), confirm);
    let page = nurse.get(confirm).await.expect(200);
    assert!(page.text.contains("name=\"password\"") && !page.text.contains("name=\"code\""));
    let to = ("return_to", "/account/second-factor/new");
    let wrong = send(&mut nurse, confirm, "/account/confirm", &[("password", "wrong"), to]).await.expect(422);
    assert!(wrong.text.contains("id=\"password-error\"") && wrong.text.contains("/account/second-factor/new"));
    let password = app.password("main", "nurse");
    let done = send(&mut nurse, confirm, "/account/confirm", &[("password", &password), to]).await.expect(303);
    assert_eq!(done.header("location"), "/account/second-factor/new");
    nurse.get("/account/second-factor/new").await.expect(200);
    let evil = [("password", password.as_str()), ("return_to", "//evil.example")];
    let done = send(&mut nurse, confirm, "/account/confirm", &evil).await.expect(303);
    assert_eq!(done.header("location"), "/account", "WEB-18");
}

#[tokio::test]
async fn factors_are_added_renamed_and_removed_on_pages() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    let new = "/account/second-factor/new";
    assert!(send(&mut nurse, new, new, &[("label", " ")]).await.expect(422).text.contains("id=\"label-error\""));
    let before = app.db.dump(RealmKey::MAIN).await["credential"].len();
    nurse.get(new).await.expect(200);
    assert_eq!(app.db.dump(RealmKey::MAIN).await["credential"].len(), before, "WEB-05: looking begins nothing");

    let begun = send(&mut nurse, new, new, &[("label", "My phone")]).await.expect(200);

    let (seed, csrf, id) = (secret(&begun), begun.hidden("csrf"), begun.hidden("id"));
    app.remember(&seed.base32());
    let confirm = "/account/second-factor/confirm";
    let wrong = nurse.form(confirm, &[("id", &id), ("code", "000000"), ("csrf", &csrf)]).await.expect(422);
    assert!(wrong.text.contains("id=\"code-error\"") && !wrong.text.contains(&seed.base32()[..4]));
    let right = code(&app, &seed);
    let done = nurse.form(confirm, &[("id", &id), ("code", &right), ("csrf", &csrf)]).await.expect(200);
    assert_eq!(codes(&done).len(), 10);
    codes(&done).iter().for_each(|code| app.remember(code));
    let one = format!("/account/second-factor/{id}");
    let renamed = send(&mut nurse, &one, &one, &[("label", "Tablet")]).await.expect(303);
    assert_eq!(renamed.header("location"), "/account?told=renamed");
    assert!(nurse.get("/account").await.text.contains("<b>Tablet</b>"));
    let remove = format!("{one}/remove");
    let first = send(&mut nurse, &one, &remove, &[]).await.expect(303);
    assert_eq!(
        first.header("location"),
        format!("/account/confirm?return_to={one}"),
        "one factor does not end another"
    );
    app.advance(seconds(60));
    let proof = [("method", "totp"), ("code", &code(&app, &seed)), ("return_to", &one)];
    send(&mut nurse, &format!("/account/confirm?return_to={one}"), "/account/confirm", &proof).await.expect(303);
    assert_eq!(send(&mut nurse, &one, &remove, &[]).await.expect(303).header("location"), "/account?told=removed");
    assert!(!nurse.get("/account").await.text.contains("<b>Tablet</b>"));
    nurse.get(&one).await.expect(404);
}

#[tokio::test]
async fn mfa_06_the_last_factor_of_a_person_who_needs_it_stays_and_the_page_says_why() {
    let app = TestApp::new().await;
    let link = app.new_link_for("dr.new", store::token::Purpose::Invitation, &["physician"]).await;
    app.browser().choose(&link, "a quiet harbour at dawn").await.expect(204);
    let mut person = app.browser();
    person.sign_in_with("dr.new", "a quiet harbour at dawn").await.expect(200);
    let account = person.get("/account").await.expect(200).text;
    let id =
        account.split("/account/second-factor/").find_map(|rest| rest.split('"').next().filter(|id| id.len() == 36));
    let one = format!("/account/second-factor/{}", id.unwrap());

    let refused = send(&mut person, &one, &format!("{one}/remove"), &[]).await.expect(409);

    assert!(refused.text.contains("This one stays for now"), "{}", refused.text);
}

#[tokio::test]
async fn new_recovery_codes_are_asked_for_made_and_shown_once() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    assert_eq!(nurse.get("/account/recovery-codes").await.expect(303).header("location"), "/account");
    let (seed, old) = bind(&app, &mut nurse, "my phone").await;
    app.advance(seconds(60));
    let confirm = "/account/confirm?return_to=/account/recovery-codes";
    assert_eq!(nurse.get("/account/recovery-codes").await.expect(303).header("location"), confirm);
    let proof = [("method", "totp"), ("code", &code(&app, &seed)), ("return_to", "/account/recovery-codes")];
    send(&mut nurse, confirm, "/account/confirm", &proof).await.expect(303);

    let made = send(&mut nurse, "/account/recovery-codes", "/account/recovery-codes", &[]).await.expect(200);

    assert_eq!(codes(&made).len(), 10);
    assert!(codes(&made).iter().all(|code| !old.contains(code)));
    codes(&made).iter().for_each(|code| app.remember(code));
}

#[tokio::test]
async fn a_client_hands_a_browser_on_and_the_handle_works_once() {
    let app = TestApp::new().await;
    let password = app.password("main", "admin");
    let owed = app.browser().begin_sign_in("admin", &password).await.expect(200).json();
    let url = owed["continue_url"].as_str().unwrap().strip_prefix("https://id.example.org").unwrap().to_owned();
    let mut admin = app.browser();

    let taken = admin.get(&url).await.expect(303);

    assert_eq!((taken.header("location"), taken.header("referrer-policy")), (SECOND, "no-referrer"));
    assert_eq!(app.browser().get(&url).await.expect(303).header("location"), "/sign-in?told=ended");
    let right = app.code("main", "admin");
    let done = send(&mut admin, SECOND, SECOND, &[("method", "totp"), ("code", &right)]).await.expect(303);
    assert_eq!(done.header("location"), "/account");
    let broken = app.browser().get("/sign-in/continue?handle=x").await.expect(303);
    assert_eq!(broken.header("location"), "/sign-in?told=ended");
}

#[tokio::test]
async fn a_password_that_must_be_changed_is_changed_before_anything_else() {
    let app = TestApp::new().await;
    let mut admin = app.signed_in("admin").await;
    let id = app.user_id(RealmKey::MAIN, "nurse").await;
    admin.set(&id, "require-password-change").await.expect(200);
    let mut nurse = app.browser();
    let change = "/sign-in/change-password";

    assert_eq!(begin(&app, &mut nurse, "nurse", "/account").await.header("location"), change);

    let page = nurse.get(change).await.expect(200);
    assert!(!page.text.contains("current_password") && page.text.contains("value=\"nurse\""));
    let old = app.password("main", "nurse");
    for refused in ["short", old.as_str()] {
        let answer = send(&mut nurse, change, change, &[("new_password", refused)]).await.expect(422);
        assert!(answer.text.contains("id=\"new_password-error\""), "{}", answer.text);
    }
    let done = send(&mut nurse, change, change, &[("new_password", "a quiet harbour at dawn")]).await.expect(303);
    assert_eq!(done.header("location"), "/account");
    nurse.get("/account").await.expect(200);
}

#[tokio::test]
async fn pages_speak_the_language_that_is_asked_for_and_say_so() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    nurse.headers.insert("accept".to_owned(), "text/html".to_owned());
    for (sent, tag, sign_in, what) in
        [("de-AT,de;q=0.9,en;q=0.8", "de", "Anmelden", "Was Sie dürfen"), ("fr", "en", "Sign in", "What you may do")]
    {
        nurse.headers.insert("accept-language".to_owned(), sent.to_owned());
        for (path, status, text) in [("/sign-in", 200, sign_in), ("/account", 200, what), ("/nowhere", 404, "404")] {
            let page = nurse.get(path).await.expect(status);
            assert!(page.text.contains(&format!("<html lang=\"{tag}\">")) && page.text.contains(text), "{}", page.text);
            assert_eq!((page.header("content-language"), page.header("vary")), (tag, "accept-language"), "{path}");
        }
        let problems = nurse.get("/problems").await.expect(200);
        assert_eq!((problems.header("content-language"), problems.header("vary")), ("en", ""));
    }
}

#[tokio::test]
async fn web_08_the_one_script_carries_the_nonce_of_its_answer() {
    let app = TestApp::new().await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let page = app.browser().get("/sign-in").await.expect(200);
        let nonce = page.text.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        assert!(page.header("content-security-policy").contains(&format!("'nonce-{nonce}'")));
        assert_eq!(page.text.matches("<script").count(), 1);
        assert!(seen.insert(nonce));
    }
    let script = app.browser().get("/assets/bailiwick.js").await.expect(200);
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
}

/// How many bytes travel.
pub(crate) fn packed(text: &str) -> usize {
    let mut gzip = Command::new("gzip").arg("-9").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    gzip.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    gzip.wait_with_output().unwrap().stdout.len()
}

#[tokio::test]
async fn pages_stay_within_their_weight() {
    let app = TestApp::new().await;
    let mut nurse = app.signed_in("nurse").await;
    let sheet = nurse.get("/assets/bailiwick.css").await.text;
    let script = nurse.get("/assets/bailiwick.js").await.text;
    for (path, most) in [("/sign-in", 8 * 1024), ("/account", 12 * 1024)] {
        let page = nurse.get(path).await.expect(200).text;
        let weight = packed(&page) + packed(&sheet) + packed(&script);
        assert!(weight <= most, "{path}: {weight} bytes");
    }
}
