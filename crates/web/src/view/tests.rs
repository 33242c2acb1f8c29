//! Every page in every state is rendered, read as a browser would, and written to `target/view-samples` to be looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::*;

mod console;

const HOSTILE: &str = r#"<script>alert(1)</script>"><img src=x onerror=alert(1)>' `<b>`"#;

/// Each page with its name, in each of its states; `say` has the last word about every string.
fn pages_in(language: Language, say: Say<'_>) -> Vec<(String, String)> {
    let mut pages = Vec::new();
    door(language, say, &mut |name: String, html| pages.push((name, html)));
    passwords(language, say, &mut |name: String, html| pages.push((name, html)));
    account(language, say, &mut |name: String, html| pages.push((name, html)));
    console::pages(language, say, &mut |name: String, html| pages.push((name, html)));
    pages
}

/// In both languages, and those that are in English alone.
fn pages(say: Say<'_>) -> Vec<(String, String)> {
    let german = pages_in(Language::German, say).into_iter().map(|(name, html)| (format!("{name}-de"), html));
    let english = [
        ("demo", Demo::sample_of(say).render()),
        ("mail", Mail::sample_of(say).render()),
        ("mail-empty", Mail { messages: vec![] }.render()),
        ("problem", ProblemPage::sample_of(say).render()),
        ("problem-index", ProblemIndex::sample_of(say).render()),
    ];
    let english = english.into_iter().map(|(name, html)| (name.to_owned(), html));
    pages_in(Language::English, say).into_iter().chain(german).chain(english).collect()
}

fn waiting() -> Wait {
    Wait::until(SAMPLE_NOW, SAMPLE_NOW + 90)
}

/// Before somebody is signed in, and after.
fn door(language: Language, say: Say<'_>, add: &mut dyn FnMut(String, String)) {
    let mut plain = SignIn { identifier: String::new(), problem: None, ..SignIn::sample_of(language, say) };
    (plain.return_to, plain.continue_to, plain.device_label, plain.demo) = (None, None, None, false);
    plain.others.clear();
    add("sign-in".to_owned(), plain.render());
    use SignInProblem::{Busy, Expired, SessionOver, StepEnded, Wrong};
    for problem in [SignInProblem::Wait(waiting()), Wrong, Busy, Expired, StepEnded, SessionOver] {
        let name = named("sign-in", &problem);
        add(name, SignIn { problem: Some(problem), ..SignIn::sample_of(language, say) }.render());
    }
    let locked = || Unlock::sample_of(language, say);
    add("unlock".to_owned(), locked().render());
    add("unlock-alone".to_owned(), Unlock { others: vec![], return_to: None, ..locked() }.render());
    let another = Some(say("0193510e-0000-7000-8000-000000000021"));
    add("unlock-another".to_owned(), Unlock { session: another, ..locked() }.render());
    for problem in [UnlockProblem::Wrong, UnlockProblem::Wait(waiting()), UnlockProblem::Busy, UnlockProblem::Expired] {
        let name = named("unlock", &problem);
        add(name, Unlock { problem: Some(problem), ..locked() }.render());
    }
    for method in [CodeMethod::Totp, CodeMethod::RecoveryCode] {
        let page = || SecondFactor { method, ..SecondFactor::sample_of(language, say) };
        add(format!("second-factor-{}", method.as_str()), page().render());
        add(
            format!("second-factor-{}-alone", method.as_str()),
            SecondFactor { label: None, identifier: None, other: false, ..page() }.render(),
        );
        for problem in code_problems() {
            let name = named(&format!("second-factor-{}", method.as_str()), &problem);
            add(name, SecondFactor { problem: Some(problem), ..page() }.render());
        }
    }
    let enrol = || EnrolTotp::sample_of(language, say);
    add("enrol".to_owned(), enrol().render());
    add(
        "enrol-account".to_owned(),
        EnrolTotp { why: EnrolWhy::Account { id: say("0193510e-0000-7000-8000-00000000000b") }, ..enrol() }.render(),
    );
    let unknown = EnrolWhy::SignIn { role: None, identifier: None };
    add("enrol-unknown".to_owned(), EnrolTotp { why: unknown, qr: None, ..enrol() }.render());
    for problem in code_problems() {
        add(named("enrol", &problem), EnrolTotp { problem: Some(problem), ..enrol() }.render());
    }
    for why in [CodesWhy::First, CodesWhy::Renewed, CodesWhy::Replacement] {
        let page = RecoveryCodes { why, ..RecoveryCodes::sample_of(language, say) };
        let some = if why == CodesWhy::Replacement { 1 } else { 10 };
        let codes = page.codes.iter().take(some).cloned().collect();
        add(named("recovery-codes", &why), RecoveryCodes { codes, ..page }.render());
    }
    add("sign-out".to_owned(), SignOut::sample_of(language, say).render());
    add("signed-out".to_owned(), SignedOut::sample_of(language, say).render());
    add("error-other".to_owned(), ErrorPage::sample_of(language, say).render());
    for kind in ErrorPage::kinds() {
        let name = named("error", &kind);
        add(name, ErrorPage { kind, ..ErrorPage::sample_of(language, say) }.render());
    }
}

fn code_problems() -> [CodeProblem; 6] {
    let wrong = |left| CodeProblem::Wrong { left };
    [wrong(None), wrong(Some(3)), wrong(Some(1)), CodeProblem::Wait(waiting()), CodeProblem::Busy, CodeProblem::Expired]
}

/// "sign-in-wrong".
fn named(page: &str, state: &impl std::fmt::Debug) -> String {
    let state: String =
        format!("{state:?}").to_lowercase().chars().filter(|c| c.is_ascii_alphanumeric()).take(24).collect();
    format!("{page}-{state}")
}

/// Where a password is chosen.
fn passwords(language: Language, say: Say<'_>, add: &mut dyn FnMut(String, String)) {
    add(
        "invitation".to_owned(),
        Invitation { problem: None, name: None, ..Invitation::sample_of(language, say) }.render(),
    );
    let code = Invitation { problem: None, csrf: String::new(), ..Invitation::sample_of(language, say) };
    add("invitation-code".to_owned(), code.render());
    for state in [ConfirmState::Ask, ConfirmState::Done, ConfirmState::Refused] {
        let page = ConfirmEmail { state, ..ConfirmEmail::sample_of(language, say) };
        add(named("confirm-email", &state), page.render());
    }
    add("invitation-done".to_owned(), InvitationDone::sample_of(language, say).render());
    for problem in PasswordRefusal::ALL.map(InvitationProblem::Password).into_iter().chain([
        InvitationProblem::Refused,
        InvitationProblem::Busy,
        InvitationProblem::Expired,
        InvitationProblem::Wait(waiting()),
    ]) {
        let name = named("invitation", &problem);
        add(name, Invitation { problem: Some(problem), ..Invitation::sample_of(language, say) }.render());
    }
    for why in [PasswordWhy::Wanted, PasswordWhy::Expired, PasswordWhy::Compromised] {
        let page = || ChangePassword { why, problem: None, ..ChangePassword::sample_of(language, say) };
        add(named("password", &why), page().render());
        for problem in PasswordRefusal::ALL.map(PasswordProblem::Refused).into_iter().chain([
            PasswordProblem::WrongCurrent,
            PasswordProblem::Busy,
            PasswordProblem::Expired,
            PasswordProblem::Wait(waiting()),
        ]) {
            let name = named(&named("password", &why), &problem);
            add(name, ChangePassword { problem: Some(problem), identifier: None, ..page() }.render());
        }
    }
}

/// What somebody signed in sees.
fn account(language: Language, say: Say<'_>, add: &mut dyn FnMut(String, String)) {
    let full = || Account::sample_of(language, say);
    add("account".to_owned(), full().render());
    let mut empty = Account { recommended: None, grants: vec![], unit: None, password: None, recovery: None, ..full() };
    empty.factors.clear();
    add("account-empty".to_owned(), empty.render());
    use AccountNotice::{
        Confirmed, DeviceEnded, DeviceGone, Expired, FactorAdded, FactorRemoved, FactorRenamed, OthersEnded,
        PasswordChanged,
    };
    for notice in [
        DeviceEnded,
        OthersEnded,
        DeviceGone,
        Expired,
        PasswordChanged,
        FactorAdded,
        FactorRenamed,
        FactorRemoved,
        Confirmed,
    ] {
        add(named("account", &notice), Account { notice: Some(notice), ..full() }.render());
    }
    for advice in [Recommended::MakeCodes, Recommended::AddFactor] {
        add(named("account", &advice), Account { recommended: Some(advice), ..full() }.render());
    }
    let factor = || Factor::sample_of(language, say);
    add("factor".to_owned(), factor().render());
    let mut only = factor();
    (only.factor.kind, only.factor.used) = (FactorKind::Passkey, None);
    add("factor-passkey".to_owned(), only.render());
    add("factor-new".to_owned(), NewFactor::sample_of(language, say).render());
    let refused = NewFactor { problem: Some(FactorProblem::Label), ..NewFactor::sample_of(language, say) };
    add("factor-new-label".to_owned(), refused.render());
    let waits = |withheld| {
        let grants = full().grants.into_iter().map(|grant| GrantView { withheld: Some(withheld), unit: None, ..grant });
        Account { grants: grants.collect(), ..full() }
    };
    add("account-withheld".to_owned(), waits(Withheld::AddFactor).render());
    for problem in [FactorProblem::Label, FactorProblem::LastOne, FactorProblem::TooMany, FactorProblem::Expired] {
        add(named("factor", &problem), Factor { problem: Some(problem), ..factor() }.render());
    }
    let renew = || NewRecoveryCodes::sample_of(language, say);
    add("recovery-codes-new".to_owned(), renew().render());
    add("recovery-codes-new-none".to_owned(), NewRecoveryCodes { made: None, expired: true, ..renew() }.render());
    for way in [StepUpWay::Password, StepUpWay::Code(CodeMethod::Totp), StepUpWay::Code(CodeMethod::RecoveryCode)] {
        let others = vec![StepUpWay::Password, StepUpWay::Code(CodeMethod::Totp)];
        let page = || StepUp { way, others: others.clone(), problem: None, ..StepUp::sample_of(language, say) };
        add(named("confirm", &way), page().render());
        for problem in
            [StepUpProblem::Wrong, StepUpProblem::Wait(waiting()), StepUpProblem::Busy, StepUpProblem::Expired]
        {
            let name = named(&named("confirm", &way), &problem);
            add(name, StepUp { problem: Some(problem), ..page() }.render());
        }
    }
}

fn honest() -> Vec<(String, String)> {
    pages(&str::to_owned)
}

/// What stands between `<` and `>`. Values are escaped, so neither sign stands inside of one.
fn tags(html: &str) -> Vec<&str> {
    html.split('<').skip(1).filter_map(|rest| rest.split('>').next()).collect()
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.split_once(&format!(" {name}=\"")).and_then(|(_, rest)| rest.split('"').next())
}

fn all<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    tags(html).into_iter().filter_map(|tag| attribute(tag, name)).collect()
}

#[test]
fn samples_are_written_to_be_looked_at() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/view-samples");
    std::fs::create_dir_all(folder.join("assets")).unwrap();
    for asset in assets::ALL {
        std::fs::write(folder.join(asset.path.trim_start_matches('/')), asset.bytes).unwrap();
    }
    for (name, html) in honest() {
        std::fs::write(folder.join(format!("{name}.html")), html).unwrap();
    }
    // As long as German gets, for whoever looks whether anything stands out at the side.
    for (name, html) in pages(&|_| "Zustellungsbevollmächtigtenadressen".to_owned()) {
        std::fs::write(folder.join(format!("long-{name}.html")), html).unwrap();
    }
}

#[test]
fn web_08_no_page_has_inline_script_style_or_handlers() {
    let ours = [assets::SCRIPT, assets::CONSOLE, assets::IDLE]
        .map(|script| format!("script type=\"module\" src=\"{script}\" nonce=\"0f0f0f0f0f0f0f0f\""));
    for (name, html) in honest() {
        let language = if name.ends_with("-de") { "de" } else { "en" };
        assert!(html.starts_with(&format!("<!doctype html>\n<html lang=\"{language}\">")), "{name}: {html}");
        assert!(html.contains("<meta name=\"viewport\""), "{name}");
        for tag in tags(&html) {
            let is_handler = |word: &str| word.starts_with("on") && word.contains('=');
            assert!(!tag.starts_with("script") || ours.iter().any(|script| tag == script), "{name}: <{tag}>");
            assert!(!tag.starts_with("style"), "{name}: <{tag}>");
            assert!(!tag.contains(" style=") && !tag.split_whitespace().any(is_handler), "{name}: <{tag}>");
        }
    }
}

#[test]
fn web_21_pages_load_only_our_assets_and_link_only_here() {
    for (name, html) in honest() {
        // What is saved as a file stands in its link; nothing is loaded from there.
        let file = |address: &&str| name.starts_with("recovery-codes") && address.starts_with("data:text/plain;");
        let addresses = [all(&html, "href"), all(&html, "src"), all(&html, "action")].concat();
        for address in addresses.into_iter().filter(|address| !file(address)) {
            let here = address.starts_with('/') && !address.starts_with("//") || address.starts_with('#');
            assert!(here || name == "mail" && address.starts_with("http://localhost:8080/"), "{name}: {address}");
            if let Some(path) = address.split(['#', '?']).next().filter(|path| path.starts_with("/assets/")) {
                assert!(assets::ALL.iter().any(|asset| asset.path == path), "{name}: {address}");
            }
            if let Some(icon) = address.strip_prefix(assets::ICONS).and_then(|rest| rest.strip_prefix('#')) {
                let icons = include_str!("../../assets/icons.svg");
                assert!(icons.contains(&format!("<symbol id=\"{icon}\"")), "{name}: {icon}");
            }
        }
    }
}

#[test]
fn every_form_that_posts_carries_its_token() {
    for (name, html) in honest() {
        for form in html.split("<form").skip(1).map(|rest| rest.split("</form>").next().unwrap()) {
            let start = form.split('>').next().unwrap();
            // What only asks changes nothing, and stands in addresses: it has no token to give away.
            // A printed code is a link that somebody types.
            if start.contains(" role=\"search\"") || name.starts_with("invitation-code") {
                assert!(!start.contains("method=") && !form.contains("csrf"), "{name}: {form}");
                continue;
            }
            assert!(start.contains(" method=\"post\""), "{name}");
            assert!(form.contains("<input type=\"hidden\" name=\"csrf\" value=\"csrf\">"), "{name}: {form}");
        }
    }
}

#[test]
fn every_field_has_a_label_and_every_reference_a_target() {
    for (name, html) in honest() {
        let ids = all(&html, "id");
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{name}: an id stands twice");
        let labelled = all(&html, "for");
        // For password managers: people cannot reach it.
        let silent = |tag: &&str| tag.contains("type=\"hidden\"") || tag.contains("aria-hidden=\"true\"");
        for tag in tags(&html)
            .into_iter()
            .filter(|tag| (tag.starts_with("input") || tag.starts_with("select")) && !silent(tag))
        {
            let id = attribute(tag, "id").unwrap_or_default();
            assert!(labelled.contains(&id), "{name}: <{tag}>");
        }
        let references = [all(&html, "aria-describedby"), all(&html, "aria-labelledby"), labelled].concat();
        for target in references.iter().flat_map(|list| list.split(' ')) {
            assert!(ids.contains(&target), "{name}: nothing has the id {target}");
        }
    }
}

#[test]
fn pw_10_password_managers_know_the_fields() {
    for (name, html) in honest() {
        let is_password =
            |tag: &&str| tag.starts_with("input") && tag.contains("name=\"") && tag.contains("password\"");
        for tag in tags(&html).into_iter().filter(is_password).filter(|tag| !tag.contains("type=\"hidden\"")) {
            let new = attribute(tag, "id") == Some("new_password");
            let expected = if new { "new-password" } else { "current-password" };
            assert_eq!(attribute(tag, "type"), Some("password"), "{name}: <{tag}>");
            assert_eq!(attribute(tag, "autocomplete"), Some(expected), "{name}: <{tag}>");
            assert!(!tag.contains(" value=") && !tag.contains("maxlength"), "{name}: <{tag}>");
        }
    }
}

#[test]
fn every_class_is_in_the_sheet() {
    let sheet = include_str!("../../assets/bailiwick.css");
    for (name, html) in honest() {
        for class in all(&html, "class").iter().flat_map(|list| list.split(' ')) {
            assert!(sheet.contains(&format!(".{class}")), "{name}: .{class}");
        }
    }
}

#[test]
fn a_hostile_name_stays_text_on_every_page() {
    let expected: BTreeMap<String, usize> =
        honest().into_iter().map(|(name, html)| (name, tags(&html).len())).collect();
    for (name, html) in pages(&|_| HOSTILE.to_owned()) {
        let empty = name == "mail-empty";
        assert!(!html.contains(['\u{f8ff}', '\u{27e6}']) && !html.contains("{$"), "{name}");
        assert!(empty || html.contains("&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#62;&#60;img src=x"), "{name}");
        for tag in tags(&html) {
            assert!(
                (!tag.starts_with("script") || tag.starts_with("script type=\"module\""))
                    && !tag.starts_with("img")
                    && !tag.contains(" onerror=alert(1)>"),
                "{name}"
            );
        }
        // Nothing hostile makes a tag; where text is read for links and code, it may make fewer or more of those.
        let reads_text = ["mail", "demo", "problem"].contains(&name.as_str());
        assert!(reads_text || expected.get(&name) == Some(&tags(&html).len()), "{name}");
    }
}
