//! Forms of plain fields: what they are made of, what was sent, and what a refusal of the use case means for the page.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::Response;
use domain::caller::Forbidden;
use domain::permission::{Audience, Permission};
use domain::user::printable;
use wire::problem::Code;

use super::desk::Desk;
use crate::http::problem::Problem;
use crate::view::console::{Control, Field, Form, Label, Refusal, Sheet, SheetProblem};

/// Every field by its name.
pub(super) type Sent = BTreeMap<String, String>;

/// What was sent in a field; nothing, if it was not.
pub(super) fn text<'s>(sent: &'s Sent, name: &str) -> &'s str {
    sent.get(name).map_or("", String::as_str)
}

/// The version that was looked at. One that cannot be read is none that there is.
pub(super) fn version(sent: &Sent) -> Option<i64> {
    Some(text(sent, "version").parse().unwrap_or(0))
}

/// A field with its words.
pub(super) fn field(name: &str, label: &'static str, control: Control, wrong: &'static str) -> Field {
    Field { name: name.to_owned(), label: Label::Ours(label), hint: None, control, required: false, wrong }
}

/// A field that says what is expected.
pub(super) fn hinted(field: Field, hint: &'static str) -> Field {
    Field { hint: Some(Label::Ours(hint)), ..field }
}

/// A field that may not be empty.
pub(super) fn required(field: Field) -> Field {
    Field { required: true, ..field }
}

/// The name of a unit, an API or a client.
pub(super) fn name(sent: &Sent) -> Result<String, Problem> {
    printable(text(sent, "name"), 1, 100).map_err(|error| Problem::invalid("/name", "length", error.to_string()))
}

/// Its field.
pub(super) fn name_field(value: &str) -> Field {
    required(field("name", "name", Control::Line(value.to_owned(), 100), "unit-name-refused"))
}

/// A name for machines.
pub(super) fn slug(sent: &Sent, field: &str) -> Result<Audience, Problem> {
    let pointer = format!("/{field}");
    Audience::parse(text(sent, field)).map_err(|error| Problem::invalid(&pointer, "name", error.to_string()))
}

/// Its field.
pub(super) fn code(name: &str, label: &'static str, value: &str, wrong: &'static str) -> Field {
    field(name, label, Control::Code(value.to_owned(), 63), wrong)
}

/// A form that is about something new, and that Cancel leaves for its part of the console.
pub(super) async fn blank(
    desk: &Desk,
    of: Form,
    name: &str,
    action: &str,
    fields: Vec<Field>,
) -> Result<Sheet, Problem> {
    Ok(Sheet {
        console: desk.console(Some(of.section())).await?,
        of,
        name: name.to_owned(),
        version: None,
        fields,
        action: format!("{}{action}", desk.base()),
        back: format!("{}{}", desk.base(), of.section().path()),
        deeds: Vec::new(),
        problem: None,
    })
}

/// What a use case refused as a page says it: with its status, and recorded if a permission is missing.
///
/// # Errors
/// What no page of the console has words for.
pub(super) async fn refusal(desk: &Desk, problem: Problem) -> Result<(StatusCode, Refusal), Problem> {
    match problem.code {
        Code::ChangedMeanwhile => Ok((StatusCode::PRECONDITION_FAILED, Refusal::Meanwhile)),
        Code::Conflict => Ok((StatusCode::CONFLICT, Refusal::of(problem.detail.as_deref().unwrap_or_default()))),
        Code::Forbidden => {
            let named = problem.missing.first().and_then(|name| Permission::parse(name));
            let Some(missing) = named else { return Err(problem) };
            let forbidden = Forbidden { missing, detail: None };
            service::caller::refused(&desk.web.app, &desk.caller, &forbidden).await?;
            let lacks = || Refusal::Missing(missing.as_str().to_owned());
            Ok((StatusCode::FORBIDDEN, problem.detail.as_deref().map_or_else(lacks, Refusal::of)))
        }
        _ => Err(problem),
    }
}

/// What the form shows after a refusal: what was sent, or what is stored by now if somebody was faster.
pub(super) fn seen<'s>(problem: &Problem, sent: &'s Sent) -> Option<&'s Sent> {
    (problem.code != Code::ChangedMeanwhile).then_some(sent)
}

/// The form again, with why. `taken` is the field of a name that belongs to something else, and what is said of it.
pub(super) async fn refused(
    desk: &Desk,
    sheet: Sheet,
    (field, taken): (&str, &'static str),
    problem: Problem,
) -> Result<Response, Problem> {
    let pointed = problem.errors.first().map(|error| error.pointer.trim_start_matches('/').to_owned());
    let (status, why) = match (problem.code, pointed) {
        (Code::NameTaken, _) => (StatusCode::CONFLICT, SheetProblem::Field(field.to_owned(), taken)),
        (Code::Validation, Some(pointer)) => {
            // Of a list the field is the list's.
            let fits = |field: &&Field| pointer == field.name || pointer.starts_with(&format!("{}/", field.name));
            let Some(field) = sheet.fields.iter().find(fits) else { return Err(problem) };
            (StatusCode::UNPROCESSABLE_ENTITY, SheetProblem::Field(field.name.clone(), field.wrong))
        }
        _ => {
            let (status, why) = refusal(desk, problem).await?;
            (status, SheetProblem::Above(why))
        }
    };
    Ok(desk.page(status, Sheet { problem: Some(why), ..sheet }.render()))
}
