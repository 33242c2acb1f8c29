//! Why something was not done, in the page's language. The use cases say it in English; what they say is known here by its words.

use super::{Frame, Message, Notice};

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Somebody changed it; what is shown is what it is now.
    Meanwhile,
    /// The permission that is missing.
    Missing(String),
    /// A rule: key of the words, and what it names.
    Rule(&'static str, Vec<String>),
    /// A rule that has no words here.
    Other,
}

/// What the use cases say, `{}` for what they name, and the key of our words. A test holds it to their sources.
pub(in crate::view) const RULES: [(&str, &str); 33] = [
    ("You may not give the role {} in {}.", "why-role"),
    (
        "You could not give this role yourself. Name a role in assignable_by that you hold everywhere and that holds roles:assign.",
        "why-role-own",
    ),
    ("You neither hold {} everywhere nor may give a role that has it, so you cannot put it into a role.", "why-put"),
    ("You hold {} in {}, and would give yourself the role {} by this. Ask another administrator.", "why-gain-role"),
    ("You hold {} in {}, and would give yourself {} of {} by this. Ask another administrator.", "why-gain"),
    ("No administrator could give this role any more. Name a role that an administrator holds.", "why-nobody-gives"),
    (
        "Nobody would hold roles:assign and users:manage everywhere any more. Give them to another role first.",
        "why-nobody-administers",
    ),
    ("Name at least one role: nobody could give this one, or change it, any more.", "why-name-one"),
    ("At most 64 roles can be named here.", "why-most-named"),
    ("A role carries at most 500 permissions itself; let it inherit from others.", "why-most-own"),
    ("A role carries at most 2000 permissions with all that it inherits.", "why-most-all"),
    ("This changes more than the log can hold in one event. Change it in parts.", "why-too-much"),
    ("A realm has at most 1000 roles.", "why-most-roles"),
    ("People hold this role, or will. End their grants first.", "why-role-held"),
    ("The role {} inherits from it. Change that first.", "why-role-inherited"),
    ("Its holders may give the role {}. Take it out there first.", "why-role-gives"),
    ("The root stays.", "why-root"),
    ("There are units below it. Delete them first.", "why-units-below"),
    ("It is the home of people. Move or delete them first.", "why-people-home"),
    ("Roles are held in it. End those grants first.", "why-grants-in"),
    ("Bailiwick's own API stays.", "why-own-api"),
    (
        "The permissions of Bailiwick's own API are what the program knows; they can be put into roles only.",
        "why-own-permissions",
    ),
    ("An API has at most 1000 permissions.", "why-most-permissions"),
    ("The role {} has permissions of this API. Take them out first.", "why-api-in-role"),
    ("The client {} may ask tokens for this API. Take it out of its list first.", "why-api-in-client"),
    ("The role {} has this permission. Take it out first.", "why-permission-in-role"),
    ("A public client can keep no secret.", "why-no-secret"),
    ("A service acts without people: it has no redirect URIs.", "why-service-uris"),
    ("Name at least one redirect URI.", "why-uri"),
    ("This is the last administrator. Make another one first.", "why-last-administrator"),
    ("The account is disabled. Enable it first.", "why-disabled"),
    ("This person has no e-mail address. Issue an activation code.", "why-no-mail"),
    ("This person has not chosen a password yet.", "why-no-password"),
];

/// What stands where `rule` has `{}`, if `text` says what it says.
fn named(rule: &str, text: &str) -> Option<Vec<String>> {
    let mut parts = rule.split("{}");
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut values = Vec::new();
    for part in parts {
        // What a rule ends with ends the text.
        let at = if part.is_empty() { rest.len() } else { rest.find(part)? };
        let (value, after) = rest.split_at(at);
        values.push(value.to_owned());
        rest = after.strip_prefix(part)?;
    }
    rest.is_empty().then_some(values)
}

impl Refusal {
    /// Reads what a use case says; a text that no rule says is [`Refusal::Other`].
    #[must_use]
    pub fn of(text: &str) -> Self {
        let known = RULES.iter().find_map(|(rule, key)| Some(Self::Rule(key, named(rule, text)?)));
        known.unwrap_or(Self::Other)
    }

    pub(super) fn notice(&self, frame: &Frame) -> Notice {
        match self {
            Self::Meanwhile => Notice::later(frame.say("changed-meanwhile")),
            Self::Missing(permission) => Notice::refused(frame.say("refused-missing").put("permission", permission)),
            Self::Rule(key, values) => {
                Notice::refused(frame.say("refused-because").put("why", words(frame.say(key), values).to_string()))
            }
            Self::Other => Notice::refused(frame.say("refused-other")),
        }
    }
}

fn words(message: Message, values: &[String]) -> Message {
    let names = ["one", "two", "three", "four"];
    names.into_iter().zip(values).fold(message, |message, (name, value)| message.put(name, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Language;

    #[test]
    fn a_refusal_is_said_in_the_language_of_the_page_with_what_it_names() {
        let frame = Frame { language: Language::German, ..Frame::default() };
        let refusal = Refusal::of(
            "You hold nurse in /clinic-a, and would give yourself charts:read of clinic by this. Ask another administrator.",
        );
        assert_eq!(
            refusal,
            Refusal::Rule("why-gain", ["nurse", "/clinic-a", "charts:read", "clinic"].map(str::to_owned).to_vec())
        );
        let said = refusal.notice(&frame).message.to_string();
        assert!(["nurse", "/clinic-a", "charts:read", "clinic"].iter().all(|part| said.contains(part)), "{said}");
        assert!(!said.contains("Ask another"), "{said}");
        assert_eq!(Refusal::of("Something new."), Refusal::Other);
        assert_eq!(Refusal::of("The root stays. Or not."), Refusal::Other);
    }

    /// The sources of the use cases and of the rules.
    fn sources() -> String {
        let home = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut all = String::new();
        let mut folders = vec![home.join("../service/src"), home.join("../domain/src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    all += &std::fs::read_to_string(path).unwrap();
                }
            }
        }
        all
    }

    #[test]
    fn each_rule_is_one_that_the_use_cases_state_and_each_that_they_state_in_one_piece_is_known() {
        let sources = sources();
        for (rule, key) in RULES {
            // What a use case formats may name its values, or put them together from two places.
            for part in rule.split("{}").filter(|part| part.len() > 12) {
                assert!(sources.contains(part) || rule.contains("would give yourself"), "{key}: {part}");
            }
        }
        // These are of pages that say it in words of their own, or of none.
        let elsewhere = [
            "can be disabled",
            "can be enabled",
            "locked down",
            "500 roles",
            "ended already",
            "listed already",
            "addresses are",
            "your address",
            "Five links",
            "Recovery codes",
            "applications are",
            // Roles of services are given by API and command line.
            "which a service cannot prove",
            "Only a service holds roles",
        ];
        let stated = sources.split("Conflict(\"").skip(1).filter_map(|rest| rest.split('"').next());
        for text in stated {
            let known = Refusal::of(text) != Refusal::Other || elsewhere.iter().any(|part| text.contains(part));
            assert!(known, "no page says it in German: {text}");
        }
    }
}
