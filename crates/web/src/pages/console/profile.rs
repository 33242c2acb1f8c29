//! What is known of a person: seen and changed as far as the API's `PATCH /api/v1/users/{id}` goes.

use axum::http::StatusCode;
use axum::response::Response;
use domain::attribute::{Attribute, AttributeKind, AttributeSchema, Attributes};
use domain::caller::Scope;
use domain::id::UserId;
use domain::permission::Permission;
use domain::unit::UnitPath;
use domain::user::{Change, DisplayName, Status, printable};
use serde_json::{Map, Value};
use service::stored::User;
use service::user::Update;
use uuid::Uuid;
use wire::problem::Code;

use super::desk::Desk;
use super::sheet::{Sent, blank, field, hinted, refused, required, seen, text, version};
use crate::http::form::Form as Posted;
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::view::console::{Choice, Control, Field, Form, Label, Sheet};

/// What is stored of a text.
type Stored = fn(&User) -> Option<&String>;

/// Texts that may be empty: field, words, value.
const TEXTS: [(&str, &str, Stored); 5] = [
    ("given_name", "given-name", |user| user.given_name.as_ref()),
    ("family_name", "family-name", |user| user.family_name.as_ref()),
    ("phone", "phone", |user| user.phone.as_ref()),
    ("locale", "locale", |user| user.locale.as_ref()),
    ("external_id", "external-id", |user| user.external_id.as_ref()),
];

/// The name of an attribute's field: how a refusal points at it.
fn named(attribute: &Attribute) -> String {
    format!("attributes/{}", attribute.name)
}

fn stored(user: &User) -> Attributes {
    serde_json::from_str(&user.attributes).unwrap_or_default()
}

fn attribute_field(attribute: &Attribute, value: String) -> Field {
    let choice = |value_of: &str, text: &str| Choice::new(value_of, text, Some(&value));
    let control = match attribute.kind {
        AttributeKind::Boolean => Control::YesNo(value),
        AttributeKind::Choice => {
            let all = attribute.choices.iter().map(|text| choice(text, text));
            Control::Choice([choice("", "–")].into_iter().chain(all).collect())
        }
        AttributeKind::Text | AttributeKind::Integer | AttributeKind::Date => {
            Control::Line(value, usize::from(attribute.most_characters()))
        }
    };
    let described = (!attribute.description.is_empty()).then(|| Label::Theirs(attribute.description.clone()));
    Field {
        name: named(attribute),
        label: Label::Theirs(attribute.title.clone()),
        hint: described,
        control,
        required: false,
        wrong: "attribute-refused",
    }
}

async fn sheet(desk: &Desk, id: UserId, sent: Option<&Sent>) -> Result<Sheet, Problem> {
    desk.caller.allow(Permission::UsersUpdate, Scope::Anywhere)?;
    let user = service::user::get(&desk.web.app, &desk.caller, id).await?.user;
    if user.status == Status::Deleted {
        return Err(Code::NotFound.into());
    }
    let schema = service::user::attribute_schema(&desk.web.app, &desk.caller).await?;
    let value =
        |name: &str, stored: Option<&str>| sent.map_or(stored.unwrap_or_default(), |sent| text(sent, name)).to_owned();
    let name = Control::Line(value("display_name", user.display_name.as_deref()), 200);
    let mut fields = vec![required(field("display_name", "invite-name", name, "invite-name-refused"))];
    for (name, label, of) in TEXTS {
        let control = Control::Line(value(name, of(&user).map(String::as_str)), 200);
        let plain = field(name, label, control, "short-refused");
        fields.push(if name == "locale" { hinted(plain, "locale-hint") } else { plain });
    }
    fields.push(home(desk, &value("unit", Some(user.unit.as_str()))).await?);
    let (attributes, before) = (&schema.attributes, stored(&user));
    for attribute in attributes {
        let stored = before.get(&attribute.name).map(ToString::to_string);
        fields.push(attribute_field(attribute, value(&named(attribute), stored.as_deref())));
    }
    let blank = blank(desk, Form::Person, user.name(), &format!("/console/people/{id}/change"), fields).await?;
    Ok(Sheet {
        version: Some(sent.and_then(version).unwrap_or(user.version)),
        back: format!("{}/console/people/{id}", desk.base()),
        ..blank
    })
}

/// Where one may move somebody, and where they are.
async fn home(desk: &Desk, unit: &str) -> Result<Field, Problem> {
    let may = |path: &UnitPath| path.as_str() == unit || desk.covers(Permission::UsersUpdate, path);
    let choices = desk.places().await?.choices(Some(unit), may);
    let known = choices.iter().any(|choice| choice.chosen);
    let control = if known { Control::Choice(choices) } else { Control::Code(unit.to_owned(), 400) };
    Ok(field("unit", "home-unit", control, "no-such-unit"))
}

pub(super) async fn ask(desk: Desk, id: Path<Uuid>) -> Result<Response, Problem> {
    let sheet = sheet(&desk, UserId::from_uuid(id.0), None).await?;
    Ok(desk.page(StatusCode::OK, sheet.render()))
}

pub(super) async fn change(desk: Desk, id: Path<Uuid>, form: Posted<Sent>) -> Result<Response, Problem> {
    let (sent, user) = (desk.proved(form).await?, UserId::from_uuid(id.0));
    desk.caller.allow(Permission::UsersUpdate, Scope::Anywhere)?;
    let changed = async {
        let before = service::user::get(&desk.web.app, &desk.caller, user).await?.user;
        let schema = service::user::attribute_schema(&desk.web.app, &desk.caller).await?;
        let command = parse(&sent, &before, &schema)?;
        Ok::<_, Problem>(service::user::update(&desk.web.app, &desk.caller, command).await?)
    };
    match changed.await {
        // Whoever moved somebody out of their own reach does not see them any more.
        Ok(person) if !desk.covers(Permission::UsersRead, &person.user.unit) => Ok(desk.see("/console/people")),
        Ok(_) => Ok(desk.see(&format!("/console/people/{user}?told=saved"))),
        Err(problem) => {
            let sheet = sheet(&desk, user, seen(&problem, &sent)).await?;
            refused(&desk, sheet, ("display_name", "invite-name-refused"), problem).await
        }
    }
}

/// What is left as it was is not named: the use case looks at what changes alone.
fn parse(sent: &Sent, before: &User, schema: &AttributeSchema) -> Result<Update, Problem> {
    let name = DisplayName::parse(text(sent, "display_name"));
    let change = |name: &str, stored: Option<&String>| match text(sent, name).trim() {
        same if same == stored.map_or("", String::as_str) => Ok(Change::Keep),
        "" => Ok(Change::Clear),
        other => {
            let invalid =
                |error: domain::user::NameError| Problem::invalid(&format!("/{name}"), "length", error.to_string());
            printable(other, 1, 200).map(Change::To).map_err(invalid)
        }
    };
    let [given_name, family_name, phone, locale, external_id] = TEXTS.map(|(name, _, of)| change(name, of(before)));
    let unit = match text(sent, "unit") {
        same if same == before.unit.as_str() => None,
        other => Some(UnitPath::parse(other).map_err(|_| Problem::invalid("/unit", "path", "A path like /clinic-a."))?),
    };
    Ok(Update {
        user: before.id,
        version: version(sent),
        display_name: Some(name.map_err(|error| Problem::invalid("/display_name", "length", error.to_string()))?),
        given_name: given_name?,
        family_name: family_name?,
        phone: phone?,
        locale: locale?,
        external_id: external_id?,
        attributes: attributes(sent, &stored(before), schema),
        unit,
    })
}

/// As the schema's kinds want them; what does not fit stays a text, and is refused.
fn attributes(sent: &Sent, before: &Attributes, schema: &AttributeSchema) -> Map<String, Value> {
    let mut changes = Map::new();
    for attribute in &schema.attributes {
        let Some(entered) = sent.get(&named(attribute)).map(|text| text.trim()) else { continue };
        if entered == before.get(&attribute.name).map(ToString::to_string).unwrap_or_default() {
            continue;
        }
        let plain = || Value::String(entered.to_owned());
        let value = match attribute.kind {
            _ if entered.is_empty() => Value::Null,
            AttributeKind::Integer => entered.parse::<i64>().map_or_else(|_| plain(), Value::from),
            AttributeKind::Boolean => entered.parse::<bool>().map_or_else(|_| plain(), Value::from),
            _ => plain(),
        };
        changes.insert(attribute.name.clone(), value);
    }
    changes
}
