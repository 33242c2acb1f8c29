//! The locale files say the same things in each language, and nothing that no page says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Language;

/// Messages with their text as written; a line that begins with white space, or closes one, goes on.
fn messages(language: Language) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut last = String::new();
    for line in language.sources().iter().flat_map(|source| source.lines()) {
        let first = line.chars().next().unwrap_or('#');
        if let Some((key, text)) = line.split_once(" =").filter(|_| first.is_ascii_alphabetic()) {
            assert!(found.insert(key.to_owned(), text.to_owned()).is_none(), "{language:?}: {key} stands twice");
            key.clone_into(&mut last);
        } else if first.is_whitespace() || first == '}' {
            *found.get_mut(&last).unwrap() += line;
        }
    }
    found
}

/// What stands between `open` and `close`.
fn between<'a>(text: &'a str, open: &str, close: &str) -> BTreeSet<&'a str> {
    text.split(open).skip(1).filter_map(|rest| rest.split(close).next()).map(str::trim).collect()
}

#[test]
fn every_message_is_read_without_a_fault() {
    for language in Language::ALL {
        let mut count = 0;
        for source in language.sources() {
            let resource = fluent_bundle::FluentResource::try_new(source.to_owned());
            let resource = resource.map_err(|(_, errors)| errors).unwrap();
            count += resource.entries().filter(|entry| format!("{entry:?}").starts_with("Message")).count();
        }
        assert_eq!(count, messages(language).len(), "{language:?}");
    }
}

#[test]
fn each_language_has_the_same_messages_with_the_same_variables_and_marks() {
    let (english, german) = (messages(Language::English), messages(Language::German));

    assert_eq!(english.keys().collect::<Vec<_>>(), german.keys().collect::<Vec<_>>());
    for (key, text) in &english {
        let other = &german[key];
        assert_eq!(between(text, "{ $", " "), between(other, "{ $", " "), "{key}");
        assert_eq!(between(text, "<", ">"), between(other, "<", ">"), "{key}");
        for text in [text, other] {
            for name in between(text, "<", ">").into_iter().filter(|name| !name.starts_with('/')) {
                let (open, close) = (format!("<{name}>"), format!("</{name}>"));
                assert_eq!(text.matches(&open).count(), text.matches(&close).count(), "{key}: {open}");
            }
        }
    }
}

#[test]
fn words_are_set_as_each_language_sets_them() {
    for (key, text) in messages(Language::German) {
        let text = text.replace("{\"\\u00AD\"}", "\u{ad}");
        // In a heading on a phone there is room for twenty letters; where a longer word may part, it says so.
        let longest = text.split(|c: char| !c.is_alphabetic()).map(|part| part.chars().count()).max();
        assert!(longest < Some(21) || key == "codes-file", "{key}: {text}");
        assert!(!text.contains(['"', '“', '”', '\'', '*', '!']) || text.contains("*["), "{key}: {text}");
        assert!(!text.to_lowercase().contains("erfolgreich") && !text.contains("Innen"), "{key}: {text}");
    }
    for (key, text) in messages(Language::English) {
        assert!(!text.contains(['"', '\'', '!']), "{key}: {text}");
        assert!(!text.contains("lease ") || text.contains("Please wait"), "{key}: {text}");
        assert!(!text.to_lowercase().contains("successful"), "{key}: {text}");
    }
}

/// The templates, the sources of `view`, and the forms of the console, which name the words of their fields; without tests.
fn written() -> Vec<String> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders = vec![home.join("templates"), home.join("src/view"), home.join("src/pages/console")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("tests.rs") && !path.ends_with("locale_tests.rs") {
                files.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }
    files
}

#[test]
fn every_message_is_said_somewhere_and_no_other() {
    let known = messages(Language::English);
    let files = written();
    for file in &files {
        for key in between(file, ".say(\"", "\"") {
            assert!(known.contains_key(key), "{key} is in no locale");
        }
    }
    for key in known.keys() {
        let quoted = format!("\"{key}\"");
        assert!(files.iter().any(|file| file.contains(&quoted)), "{key} is said nowhere");
    }
}

#[test]
fn a_missing_message_shows_its_name_rather_than_nothing() {
    assert_eq!(Language::German.say("no-such-message").to_string(), "\u{27e6}no-such-message\u{27e7}");
}

#[test]
fn no_value_becomes_a_mark() {
    let message = Language::English.say("signing-in-as").put("name", "<b>x</b></b><0>");

    let text: Vec<_> = message.pieces();
    assert_eq!(text.len(), 4, "{text:?}");
    assert_eq!(text[2], super::Piece::Text("<b>x</b></b><0>".to_owned()));
    assert_eq!(message.to_string(), "Signing in as <b><b>x</b></b><0></b>");
}
