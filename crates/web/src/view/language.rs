//! The languages that pages speak. Their words stand in `crates/web/locales`, one folder a language, and are compiled in.

use std::fmt;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};

use super::Moment;
use super::piece::{self, Piece};

/// A language that pages speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// What everybody gets who asks for no other.
    #[default]
    English,
    /// With "Sie".
    German,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// What `lang` and `Content-Language` say (BCP 47).
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// A message, still without its values.
    #[must_use]
    pub const fn say(self, key: &'static str) -> Message {
        Message { language: self, key, values: Vec::new(), links: Vec::new() }
    }

    pub(super) const fn sources(self) -> [&'static str; 5] {
        match self {
            Self::English => [
                include_str!("../../locales/en/time.ftl"),
                include_str!("../../locales/en/door.ftl"),
                include_str!("../../locales/en/account.ftl"),
                include_str!("../../locales/en/console.ftl"),
                include_str!("../../locales/en/error.ftl"),
            ],
            Self::German => [
                include_str!("../../locales/de/time.ftl"),
                include_str!("../../locales/de/door.ftl"),
                include_str!("../../locales/de/account.ftl"),
                include_str!("../../locales/de/console.ftl"),
                include_str!("../../locales/de/error.ftl"),
            ],
        }
    }

    fn bundle(self) -> &'static Bundle {
        static ENGLISH: LazyLock<Bundle> = LazyLock::new(|| parsed(Language::English));
        static GERMAN: LazyLock<Bundle> = LazyLock::new(|| parsed(Language::German));
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
        }
    }
}

type Bundle = FluentBundle<FluentResource>;

/// A test reads the same files and fails on what would be left out here.
fn parsed(language: Language) -> Bundle {
    let mut bundle = Bundle::new_concurrent(language.tag().parse().into_iter().collect());
    // Marks of direction round each value would stand in attributes too; both languages run the same way.
    bundle.set_use_isolating(false);
    for source in language.sources() {
        let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(rest, _)| rest);
        bundle.add_resource_overriding(resource);
    }
    bundle
}

/// What a message is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Words of somebody else: never markup.
    Text(String),
    /// Decides between one and many.
    Number(i64),
    /// Said in the message's language; in running text with its exact instant.
    Moment(Moment),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<Moment> for Value {
    fn from(moment: Moment) -> Self {
        Self::Moment(moment)
    }
}

/// Templates hold references.
impl<T: Clone + Into<Self>> From<&T> for Value {
    fn from(value: &T) -> Self {
        value.clone().into()
    }
}

/// A message with its values. Shown as it is, it is plain text; [`Message::pieces`] follows the marks that stand in the locale's file.
#[derive(Clone, Debug)]
pub struct Message {
    language: Language,
    key: &'static str,
    values: Vec<(&'static str, Value)>,
    links: Vec<(&'static str, String)>,
}

impl Message {
    /// Gives the variable `name` its value.
    #[must_use]
    pub fn put(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.values.push((name, value.into()));
        self
    }

    /// Where `<name>…</name>` leads.
    #[must_use]
    pub fn link(mut self, name: &'static str, href: impl Into<String>) -> Self {
        self.links.push((name, href.into()));
        self
    }

    /// With `<b>`, `<code>`, links and times. No value can make a mark.
    #[must_use]
    pub fn pieces(&self) -> Vec<Piece> {
        let marked = self.format(|number, value| match value {
            Value::Text(text) => piece::hidden(text),
            Value::Moment(_) => format!("<{number}>"),
            Value::Number(number) => number.to_string(),
        });
        piece::of_marked(&marked, |name| {
            if let Some((_, href)) = self.links.iter().find(|(known, _)| *known == name) {
                return Some(piece::Mark::Anchor(href.clone()).open());
            }
            match name.parse().ok().and_then(|number: usize| self.values.get(number)) {
                Some((_, Value::Moment(moment))) => {
                    Some(Piece::Time { text: moment.text(self.language), datetime: moment.datetime() })
                }
                _ => None,
            }
        })
    }

    /// Every value but numbers as `written`: numbers go in as they are, so that they can decide.
    fn format(&self, written: impl Fn(usize, &Value) -> String) -> String {
        let bundle = self.language.bundle();
        let Some(pattern) = bundle.get_message(self.key).and_then(|message| message.value()) else {
            return format!("\u{27e6}{}\u{27e7}", self.key);
        };
        let mut arguments = FluentArgs::with_capacity(self.values.len());
        for (number, (name, value)) in self.values.iter().enumerate() {
            match value {
                Value::Number(count) => arguments.set(*name, *count),
                other => arguments.set(*name, written(number, other)),
            }
        }
        bundle.format_pattern(pattern, Some(&arguments), &mut Vec::new()).into_owned()
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format(|_, value| match value {
            Value::Text(text) => text.clone(),
            Value::Moment(moment) => moment.text(self.language),
            Value::Number(number) => number.to_string(),
        }))
    }
}
