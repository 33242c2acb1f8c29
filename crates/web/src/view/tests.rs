//! Every page in every state is rendered, read as a browser would, and written to `target/view-samples` to be looked at.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

const HOSTILE: &str = r#"<script>alert(1)</script>"><img src=x onerror=alert(1)>' `<b>`"#;

/// Each page with its name, in each of its states; `say` has the last word about every string.
fn pages(say: Say<'_>) -> Vec<(String, String)> {
    let mut pages = vec![
        ("account", Account::sample_of(say).render()),
        ("account-empty", Account { notice: None, grants: vec![], unit: None, ..Account::sample_of(say) }.render()),
        ("demo", Demo::sample_of(say).render()),
        ("mail", Mail::sample_of(say).render()),
        ("mail-empty", Mail { messages: vec![] }.render()),
        ("invitation", Invitation { problem: None, name: None, ..Invitation::sample_of(say) }.render()),
        ("invitation-done", InvitationDone::sample_of(say).render()),
        ("sign-out", SignOut::sample_of(say).render()),
        ("signed-out", SignedOut::sample_of(say).render()),
        ("error-other", ErrorPage::sample_of(say).render()),
        ("problem", ProblemPage::sample_of(say).render()),
        ("problem-index", ProblemIndex::sample_of(say).render()),
    ];
    let mut plain = SignIn { identifier: String::new(), problem: None, ..SignIn::sample_of(say) };
    (plain.return_to, plain.continue_to, plain.device_label, plain.demo) = (None, None, None, false);
    pages.extend([("sign-in", plain.render()), ("sign-in-wait", SignIn::sample_of(say).render())]);
    let mut pages: Vec<(String, String)> = pages.into_iter().map(|(name, html)| (name.to_owned(), html)).collect();
    for problem in [SignInProblem::Wrong, SignInProblem::Busy, SignInProblem::Expired] {
        let name = format!("sign-in-{problem:?}").to_lowercase();
        pages.push((name, SignIn { problem: Some(problem), ..SignIn::sample_of(say) }.render()));
    }
    for problem in [
        InvitationProblem::TooShort(15),
        InvitationProblem::TooLong,
        InvitationProblem::Blocklisted,
        InvitationProblem::ContextWord,
        InvitationProblem::Refused,
        InvitationProblem::Busy,
        InvitationProblem::Expired,
        Invitation::sample().problem.unwrap(),
    ] {
        let name = format!("{problem:?}").to_lowercase();
        let name = format!("invitation-{}", name.split('(').next().unwrap());
        pages.push((name, Invitation { problem: Some(problem), ..Invitation::sample_of(say) }.render()));
    }
    for kind in ErrorPage::kinds() {
        let page = ErrorPage { kind, ..ErrorPage::sample_of(say) };
        pages.push((format!("error-{}-{}", page.status(), pages.len()), page.render()));
    }
    for notice in [AccountNotice::DeviceGone, AccountNotice::Expired] {
        let page = Account { notice: Some(notice), ..Account::sample_of(say) };
        pages.push((format!("account-{notice:?}").to_lowercase(), page.render()));
    }
    pages
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
}

#[test]
fn web_08_no_page_has_inline_script_style_or_handlers() {
    for (name, html) in honest() {
        assert!(html.starts_with("<!doctype html>\n<html lang=\"en\">"), "{name}: {html}");
        assert!(html.contains("<meta name=\"viewport\""), "{name}");
        for tag in tags(&html) {
            let is_handler = |word: &str| word.starts_with("on") && word.contains('=');
            assert!(!tag.starts_with("script") && !tag.starts_with("style"), "{name}: <{tag}>");
            assert!(!tag.contains(" style=") && !tag.split_whitespace().any(is_handler), "{name}: <{tag}>");
        }
    }
}

#[test]
fn web_21_pages_load_only_our_assets_and_link_only_here() {
    for (name, html) in honest() {
        for address in [all(&html, "href"), all(&html, "src"), all(&html, "action")].concat() {
            let here = address.starts_with('/') && !address.starts_with("//") || address.starts_with('#');
            assert!(here || name == "mail" && address.starts_with("http://localhost:8080/"), "{name}: {address}");
            if let Some(path) = address.split('#').next().filter(|path| path.starts_with("/assets/")) {
                assert!(assets::ALL.iter().any(|asset| asset.path == path), "{name}: {address}");
            }
            if let Some(icon) = address.strip_prefix("/assets/icons.svg#") {
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
            assert!(
                form.starts_with(" method=\"post\"") || form.starts_with(" class=\"end\" method=\"post\""),
                "{name}"
            );
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
        for tag in tags(&html).into_iter().filter(|tag| tag.starts_with("input") && !tag.contains("type=\"hidden\"")) {
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
        for tag in tags(&html).into_iter().filter(|tag| tag.contains("password\"") && tag.starts_with("input")) {
            let expected = if name.starts_with("invitation") { "new-password" } else { "current-password" };
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
    for (name, html) in pages(&|_| HOSTILE.to_owned()) {
        let empty = name == "mail-empty";
        assert!(empty || html.contains("&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#62;&#60;img src=x"), "{name}");
        for tag in tags(&html) {
            assert!(
                !tag.starts_with("script") && !tag.starts_with("img") && !tag.contains(" onerror=alert(1)>"),
                "{name}"
            );
        }
        let honest_tags = honest().into_iter().find(|(other, _)| *other == name).map(|(_, html)| tags(&html).len());
        // Nothing hostile makes a tag; where text is read for links and code, it may make fewer or more of those.
        let reads_text = ["mail", "demo", "problem"].contains(&name.as_str());
        assert!(reads_text || honest_tags == Some(tags(&html).len()), "{name}");
    }
}
