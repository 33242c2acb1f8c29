//! A form of plain fields: what is made or changed without more thought than its words need.

use askama::Template;

use super::{Check, Choice, Console, Deed, Language, Message, Refusal, Say, Section, Trouble};

/// `GET` and a refused `POST` of whatever a [`Form`] is for.
#[derive(Clone, Debug, Template)]
#[template(path = "console/sheet.html")]
pub struct Sheet {
    /// What every page of the console has.
    pub console: Console,
    /// What it is for.
    pub of: Form,
    /// What it is about; empty: something new.
    pub name: String,
    /// The version that is looked at.
    pub version: Option<i64>,
    /// What is asked, in order.
    pub fields: Vec<Field>,
    /// Where the form goes.
    pub action: String,
    /// Where Cancel leads.
    pub back: String,
    /// What else may be done about it, and where.
    pub deeds: Vec<(Deed, String)>,
    /// Why nothing was changed.
    pub problem: Option<SheetProblem>,
}

/// What a form is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Another name for a unit.
    Unit,
    /// What is known of a person.
    Person,
    /// A new API.
    NewApi,
    /// What an API is called, and how its tokens are.
    Api,
    /// Something more that an API lets people do.
    NewPermission,
    /// A new client.
    NewClient,
    /// What a client is called and may.
    Client,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Unit, Self::Person, Self::NewApi, Self::Api, Self::NewPermission, Self::NewClient, Self::Client];

    /// Title, lead, button.
    const fn words(self) -> [&'static str; 3] {
        match self {
            Self::Unit => ["unit-change", "unit-change-lead", "save"],
            Self::Person => ["person-change", "person-change-lead", "save"],
            Self::NewApi => ["api-new", "api-new-lead", "api-make"],
            Self::Api => ["api-change", "api-change-lead", "save"],
            Self::NewPermission => ["permission-new", "permission-new-lead", "permission-make"],
            Self::NewClient => ["client-new", "client-new-lead", "client-make"],
            Self::Client => ["client-change", "client-change-lead", "save"],
        }
    }

    /// The part of the console that it belongs to.
    #[must_use]
    pub const fn section(self) -> Section {
        match self {
            Self::Unit => Section::Units,
            Self::Person => Section::People,
            Self::NewApi | Self::Api | Self::NewPermission | Self::NewClient | Self::Client => Section::Apis,
        }
    }
}

/// A field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What it is sent as, and how a refusal points at it.
    pub name: String,
    /// What people read.
    pub label: Label,
    /// What is expected.
    pub hint: Option<Label>,
    /// What it takes.
    pub control: Control,
    /// Whether it may not be empty.
    pub required: bool,
    /// Key of what is said when it is refused.
    pub wrong: &'static str,
}

impl Field {
    fn hint_id(&self) -> String {
        if self.hint.is_some() { format!("{}-hint", self.name) } else { String::new() }
    }
}

/// Words of ours, or the organisation's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Label {
    /// Key of the words.
    Ours(&'static str),
    /// As the organisation writes it.
    Theirs(String),
}

/// What a field takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// A line of at most so many characters.
    Line(String, usize),
    /// The same for names of machines: nothing capitalises or corrects them.
    Code(String, usize),
    /// Several lines.
    Lines(String),
    /// One of these.
    Choice(Vec<Choice>),
    /// Any of these.
    Checks(Vec<Check>),
    /// Yes or no.
    Check(bool),
    /// `true`, `false`, or nothing.
    YesNo(String),
}

/// Why nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SheetProblem {
    /// A field, and the key of what is wrong with it.
    Field(String, &'static str),
    /// Something about all of it.
    Above(Refusal),
}

impl Sheet {
    fn trouble(&self) -> Trouble {
        match &self.problem {
            None => Trouble::None,
            Some(SheetProblem::Field(name, key)) => Trouble::field(name.clone(), self.console.frame.say(key)),
            Some(SheetProblem::Above(refusal)) => Trouble::above(refusal.notice(&self.console.frame)),
        }
    }

    fn title(&self) -> Message {
        self.console.frame.say(self.of.words()[0]).put("name", &self.name)
    }

    fn words(&self, label: &Label) -> String {
        match label {
            Label::Ours(key) => self.console.frame.say(key).to_string(),
            Label::Theirs(text) => text.clone(),
        }
    }

    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(in crate::view) fn sample_of(language: Language, say: Say<'_>) -> Self {
        let field = |name: &str, label, control| Field {
            name: name.to_owned(),
            label: Label::Ours(label),
            hint: None,
            control,
            required: false,
            wrong: "unit-name-refused",
        };
        let choice = |value: &str| Choice::new(say(value), say(value), None);
        let check = Check { field: say("apis clinic"), name: say("Ward Charts"), text: None, on: true };
        let line = Control::Line(say("Rota planner"), 100);
        Self {
            console: Console::sample_of(language, say, Section::Apis),
            of: Form::Client,
            name: say("Rota planner"),
            version: Some(3),
            fields: vec![
                Field { hint: Some(Label::Theirs(say("as on the badge"))), ..field("name", "name", line) },
                field("client_id", "client-id", Control::Code(say("rota-planner"), 63)),
                field("redirect_uris", "client-uris", Control::Lines(say("https://rota.example/back"))),
                field("kind", "client-kind", Control::Choice(vec![choice("public"), choice("service")])),
                field("apis", "apis-of", Control::Checks(vec![check])),
                field("enabled", "client-enabled", Control::Check(true)),
            ],
            action: say("/console/clients/rota-planner/change"),
            back: say("/console/apis"),
            deeds: vec![(Deed::ClientSecret, say("/console/clients/rota-planner/secret"))],
            problem: None,
        }
    }
}
