//! What every page of the console has: whose it is, where one is, and which of its parts one may see.
//!
//! A part that a person may not see is not among [`Console::sections`], so no page offers it. What a page offers is decided by its handler; the
//! structs here say it.

use super::piece::{Mark, Piece};
use super::trouble::{Notice, Trouble};
use super::{DeviceIcon, DeviceState, FactorKind, Frame, Language, Message, Moment, SAMPLE_NOW, Say, Term};

mod access;
mod apis;
mod doorstep;
mod event;
mod events;
mod graph;
mod invite;
mod members;
mod nothing;
mod once;
mod people;
mod person;
mod question;
pub(super) mod refusal;
mod role_form;
mod roles;
mod search;
mod sentence;
mod sheet;
mod unit_form;
mod units;

pub use access::{By, PermissionRow, PersonAccess, Through, Way};
pub use apis::{ApiRow, Apis, ClientRow, Told};
pub use doorstep::Doorstep;
pub use event::{EventPage, FieldRow};
pub use events::{Day, EventRow, Events, Outcome, Who};
pub use graph::{Tree, TreeRole};
pub use invite::{Invite, InviteProblem};
pub use members::{MemberRow, Members};
pub use nothing::Nothing;
pub use once::{Made, Once};
pub use people::{HeldView, People, PeopleFilter, PersonRow, PersonTag};
pub use person::{GiveForm, GiveProblem, GrantRow, Person, PersonNotice, SessionRow};
pub use question::{Deed, Question, QuestionProblem};
pub use refusal::Refusal;
pub use role_form::{Check, RoleForm, RoleProblem};
pub use roles::{Carries, MatrixRow, OneRole, RoleColumn, Roles, RolesTold};
pub use search::{Found, Search};
pub use sentence::Said;
pub use sheet::{Control, Field, Form, Label, Sheet, SheetProblem};
pub use unit_form::{UnitForm, UnitProblem};
pub use units::{UnitRow, Units};

/// A part of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// People.
    People,
    /// Units.
    Units,
    /// Roles and permissions.
    Roles,
    /// APIs and their permissions.
    Apis,
    /// The audit log.
    Audit,
}

impl Section {
    /// All of them, as they stand in the bar.
    pub const ALL: [Self; 5] = [Self::People, Self::Units, Self::Roles, Self::Apis, Self::Audit];

    /// Where it begins.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::People => "/console/people",
            Self::Units => "/console/units",
            Self::Roles => "/console/roles",
            Self::Apis => "/console/apis",
            Self::Audit => "/console/audit",
        }
    }

    pub(super) const fn icon(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Units => "unit",
            Self::Roles => "role",
            Self::Apis => "app",
            Self::Audit => "audit",
        }
    }

    pub(super) const fn called(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Units => "units",
            Self::Roles => "roles",
            Self::Apis => "apis",
            Self::Audit => "audit",
        }
    }

    const fn group(self) -> &'static str {
        match self {
            Self::People | Self::Units => "group-directory",
            Self::Roles => "group-access",
            Self::Apis => "group-applications",
            Self::Audit => "group-record",
        }
    }
}

/// What every page of the console has.
#[derive(Clone, Debug)]
pub struct Console {
    /// What every page has.
    pub frame: Frame,
    /// Who is signed in.
    pub name: String,
    /// The first of their roles.
    pub standing: Option<HeldView>,
    /// What they may see.
    pub sections: Vec<Section>,
    /// Where they are.
    pub here: Option<Section>,
    /// What the forms are signed with.
    pub csrf: String,
}

impl Console {
    const fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The parts with the headings above them.
    fn groups(&self) -> Vec<(&'static str, Vec<Section>)> {
        let mut groups: Vec<(&'static str, Vec<Section>)> = Vec::new();
        for section in &self.sections {
            match groups.last_mut() {
                Some((name, sections)) if *name == section.group() => sections.push(*section),
                _ => groups.push((section.group(), vec![*section])),
            }
        }
        groups
    }

    fn is_here(&self, section: &Section) -> bool {
        self.here == Some(*section)
    }

    fn sample_of(language: Language, say: Say<'_>, here: Section) -> Self {
        Self {
            frame: Frame::sample_of(language, say),
            name: say("Mirela Ostrowe"),
            standing: Some(HeldView { role: say("Administrator"), unit: None, until: None }),
            sections: Section::ALL.to_vec(),
            here: Some(here),
            csrf: say("csrf"),
        }
    }
}

/// Something to choose from a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What people read.
    pub text: String,
    /// Whether it is chosen.
    pub chosen: bool,
}

impl Choice {
    /// One of a list, of which `chosen` is chosen.
    #[must_use]
    pub fn new(value: impl Into<String>, text: impl Into<String>, chosen: Option<&str>) -> Self {
        let value = value.into();
        Self { chosen: chosen == Some(value.as_str()), text: text.into(), value }
    }
}
