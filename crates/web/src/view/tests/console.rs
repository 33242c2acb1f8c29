//! The pages of the console in each of their states.

use super::super::console::refusal::RULES;
use super::super::console::{
    Apis, Console, Deed, Doorstep, EventPage, Events, Form, GiveForm, GiveProblem, Invite, InviteProblem, Made,
    Members, Nothing, Once, People, PeopleFilter, Person, PersonAccess, PersonNotice, PersonTag, Question,
    QuestionProblem, Refusal, RoleForm, RoleProblem, Roles, RolesTold, Search, Sheet, SheetProblem, Told, Tree,
    UnitForm, UnitProblem, Units, Who,
};
use super::{Language, Say, named};

pub(super) fn pages(language: Language, say: Say<'_>, add: &mut dyn FnMut(String, String)) {
    lists(language, say, add);
    person(language, say, add);
    deeds(language, say, add);
    forms(language, say, add);
    log(language, say, add);
    add("console-nothing".to_owned(), Nothing::sample_of(language, say).render());
    add("console-doorstep".to_owned(), Doorstep::sample_of(language, say).render());
    let search = || Search::sample_of(language, say);
    add("console-search".to_owned(), search().render());
    let empty = Search { q: None, people: vec![], roles: vec![], may_invite: false, may_audit: false, ..search() };
    add("console-search-empty".to_owned(), empty.render());
    add("console-search-nobody".to_owned(), Search { people: vec![], roles: vec![], ..search() }.render());
}

fn lists(language: Language, say: Say<'_>, add: &mut dyn FnMut(String, String)) {
    let people = || People::sample_of(language, say);
    add("console-people".to_owned(), people().render());
    let none = People { people: vec![], first: None, next: None, ..people() };
    add("console-people-none".to_owned(), none.render());
    let few = Console { sections: vec![], standing: None, ..people().console };
    let bare = People { console: few, people: vec![], may_invite: false, filter: PeopleFilter::default(), ..people() };
    add("console-people-bare".to_owned(), bare.render());
    let states = PeopleFilter {
        states: PeopleFilter::states(&people().console.frame, Some("disabled")),
        factors: PeopleFilter::factors(&people().console.frame, None),
        ..people().filter
    };
    add("console-people-filter".to_owned(), People { filter: states, ..people() }.render());
    let units = || Units::sample_of(language, say);
    add("console-units".to_owned(), units().render());
    add("console-units-none".to_owned(), Units { units: vec![], ..units() }.render());
    let roles = || Roles::sample_of(language, say);
    add("console-roles".to_owned(), Roles { one: None, new: None, ..roles() }.render());
    add("console-role".to_owned(), roles().render());
    add(
        "console-roles-done".to_owned(),
        Roles { told: Some(RolesTold::Changed), tree: Tree::default(), ..roles() }.render(),
    );
    add("console-role-ended".to_owned(), Roles { told: Some(RolesTold::Ended), one: None, ..roles() }.render());
    let mut plain = roles();
    if let Some(one) = &mut plain.one {
        (one.sensitive, one.built_in, one.change) = (false, false, None);
        (one.inherits, one.given_by, one.carries) = (vec![], vec![], vec![]);
    }
    add("console-role-plain".to_owned(), plain.render());
    let apis = || Apis::sample_of(language, say);
    add("console-apis".to_owned(), apis().render());
    add("console-apis-no-client".to_owned(), Apis { clients: Some(vec![]), ..apis() }.render());
    add("console-apis-alone".to_owned(), Apis { clients: None, ..apis() }.render());
    let members = || Members::sample_of(language, say);
    add("console-members".to_owned(), members().render());
    add("console-members-none".to_owned(), Members { members: vec![], ..members() }.render());
    for told in [Told::Made, Told::Saved, Told::Done(Deed::EndUnit)] {
        add(named("console-units", &told), Units { told: Some(told), may_make: false, ..units() }.render());
    }
    for told in [
        Told::Made,
        Told::Saved,
        Told::Done(Deed::EndApi),
        Told::Done(Deed::EndClient),
        Told::Done(Deed::EndPermission),
    ] {
        add(named("console-apis", &told), Apis { told: Some(told), may_change: false, ..apis() }.render());
    }
}

fn person(language: Language, say: Say<'_>, add: &mut dyn FnMut(String, String)) {
    let full = || Person::sample_of(language, say);
    add("console-person".to_owned(), full().render());
    use PersonNotice::{Given, Invited, OthersEnded, Saved, SessionEnded, SessionGone, SessionsEnded};
    for notice in [Invited, Given, Saved, SessionEnded, SessionsEnded, OthersEnded, SessionGone] {
        add(named("console-person", &notice), Person { notice: Some(notice), ..full() }.render());
    }
    for deed in Deed::ACCOUNT.into_iter().chain([Deed::EndGrant]) {
        let notice = Some(PersonNotice::Done(deed));
        add(named("console-person", &deed), Person { notice, tag: Some(PersonTag::Disabled), ..full() }.render());
    }
    let empty = Person {
        username: None,
        unit: None,
        give: None,
        may_change: false,
        deeds: vec![],
        grants: vec![],
        access: vec![],
        sessions: Some(vec![]),
        history: Some(vec![]),
        ..full()
    };
    add("console-person-empty".to_owned(), empty.render());
    add("console-person-bare".to_owned(), Person { sessions: None, history: None, ..full() }.render());
    let dates = ["last-sign-in", "password-changed-on"].map(|key| (key, full().dates[0].1.clone())).to_vec();
    let about = ["phone", "external-id", "second-factor"].map(|key| (key, say("x"))).to_vec();
    add("console-person-about".to_owned(), Person { dates, about, ..full() }.render());
    let unit = Some(say("Ward 3"));
    for (name, problem) in [
        ("forbidden", GiveProblem::Forbidden { role: say("Physician"), unit }),
        ("everywhere", GiveProblem::Forbidden { role: say("Physician"), unit: None }),
        ("role", GiveProblem::Role),
        ("unit", GiveProblem::Unit),
        ("dates", GiveProblem::Dates),
        ("reason", GiveProblem::Reason),
        ("held", GiveProblem::Held),
    ] {
        let mut page = full();
        page.give = page.give.map(|give| GiveForm { open: true, units: vec![], problem: Some(problem), ..give });
        add(format!("console-give-{name}"), page.render());
    }
    let access = || PersonAccess::sample_of(language, say);
    add("console-access".to_owned(), access().render());
    add(
        "console-access-none".to_owned(),
        PersonAccess { apis: vec![], past: None, reads_history: false, ..access() }.render(),
    );
}

fn deeds(language: Language, say: Say<'_>, add: &mut dyn FnMut(String, String)) {
    let ask = || Question::sample_of(language, say);
    for deed in Deed::ALL {
        let version = ask().version.filter(|_| deed != Deed::EndPermission);
        add(named("console-ask", &deed), Question { deed, held: None, version, ..ask() }.render());
        add(
            named("console-done", &deed),
            Apis { told: Some(Told::Done(deed)), ..Apis::sample_of(language, say) }.render(),
        );
    }
    let everywhere = ask().held.map(|(role, _)| (role, None));
    add("console-ask-everywhere".to_owned(), Question { held: everywhere, ..ask() }.render());
    for problem in [
        QuestionProblem::Reason,
        QuestionProblem::Already,
        QuestionProblem::Climbing,
        QuestionProblem::Refused(Refusal::Meanwhile),
        QuestionProblem::Refused(Refusal::Other),
    ] {
        add(named("console-ask", &problem), Question { problem: Some(problem), ..ask() }.render());
    }
    let missing = Some(QuestionProblem::Refused(Refusal::Missing(say("roles:manage"))));
    add("console-ask-missing".to_owned(), Question { problem: missing, ..ask() }.render());
    for (rule, key) in RULES {
        let values = rule.split("{}").skip(1).map(|_| say("nurse")).collect();
        let problem = Some(QuestionProblem::Refused(Refusal::Rule(key, values)));
        add(format!("console-ask-{key}"), Question { problem, ..ask() }.render());
    }
    let invite = || Invite::sample_of(language, say);
    add("console-invite".to_owned(), invite().render());
    add("console-invite-typed".to_owned(), Invite { units: vec![], roles: vec![], ..invite() }.render());
    use InviteProblem::{DisplayName, Email, Reason, Role, RoleForbidden, Taken, Unit, UnitForbidden, Username};
    for problem in [DisplayName, Username, Taken, Email, Unit, UnitForbidden, Role, RoleForbidden, Reason] {
        add(named("console-invite", &problem), Invite { problem: Some(problem), ..invite() }.render());
    }
}

fn forms(language: Language, say: Say<'_>, add: &mut dyn FnMut(String, String)) {
    let role = || RoleForm::sample_of(language, say);
    add("console-role-change".to_owned(), role().render());
    let new = RoleForm { of: None, inherits: vec![], sensitive: false, ..role() };
    add("console-role-new".to_owned(), new.render());
    for (name, problem) in [
        ("slug", RoleProblem::Slug),
        ("taken", RoleProblem::Taken),
        ("display", RoleProblem::DisplayName),
        ("description", RoleProblem::Description),
        ("cycle", RoleProblem::Cycle(say("nurse → staff → nurse"))),
        ("deep", RoleProblem::TooDeep(say("nurse → staff → person"))),
        ("refused", RoleProblem::Refused(Refusal::Rule("why-role", vec![say("physician"), say("/")]))),
        ("meanwhile", RoleProblem::Refused(Refusal::Meanwhile)),
    ] {
        let of = role().of.filter(|_| !["slug", "taken"].contains(&name));
        add(format!("console-role-{name}"), RoleForm { of, problem: Some(problem), ..role() }.render());
    }
    let sheet = || Sheet::sample_of(language, say);
    for of in Form::ALL {
        add(named("console-sheet", &of), Sheet { of, deeds: vec![], ..sheet() }.render());
    }
    add("console-sheet-new".to_owned(), Sheet { name: String::new(), version: None, ..sheet() }.render());
    for (name, key) in [("name", "unit-name-refused"), ("apis", "api-gone"), ("redirect_uris", "client-uris-refused")] {
        let problem = Some(SheetProblem::Field(name.to_owned(), key));
        add(format!("console-sheet-{name}"), Sheet { problem, ..sheet() }.render());
    }
    let problem = Some(SheetProblem::Above(Refusal::Rule("why-uri", vec![])));
    add("console-sheet-above".to_owned(), Sheet { problem, ..sheet() }.render());
    let once = || Once::sample_of(language, say);
    add("console-once-code".to_owned(), once().render());
    let secret = || Once { what: Made::Secret, client_id: Some(say("rota-planner")), address: None, ..once() };
    add("console-once-secret".to_owned(), secret().render());
    add("console-once-client".to_owned(), Once { what: Made::Client, until: None, ..secret() }.render());
    let unit = || UnitForm::sample_of(language, say);
    add("console-unit-new".to_owned(), unit().render());
    use UnitProblem::{Forbidden, Name, Parent, Slug, Taken};
    for problem in [Parent, Forbidden, Slug, Taken, Name] {
        let page = UnitForm { units: vec![], problem: Some(problem), ..unit() };
        add(named("console-unit", &problem), page.render());
    }
}

fn log(language: Language, say: Say<'_>, add: &mut dyn FnMut(String, String)) {
    let events = || Events::sample_of(language, say);
    add("console-audit".to_owned(), events().render());
    let none = Events { days: vec![], subject: None, from: None, first: None, next: None, ..events() };
    add("console-audit-none".to_owned(), none.render());
    let unknown = Some(say("tallmrk"));
    let nobody = Events { days: vec![], actor: unknown.clone(), to: Some(say("2026-11-22")), unknown, ..events() };
    add("console-audit-nobody".to_owned(), nobody.render());
    let event = || EventPage::sample_of(language, say);
    add("console-event".to_owned(), event().render());
    for (name, who) in [
        ("erased", Who::Person(None)),
        ("operator", Who::Operator(Some(say("root")))),
        ("client", Who::Client),
        ("server", Who::Server),
        ("visitor", Who::Visitor),
    ] {
        let mut page = EventPage { index: None, two_factors: Some(false), fields: vec![], person: None, ..event() };
        (page.event.said.actor, page.event.said.unit) = (who, None);
        add(format!("console-event-{name}"), page.render());
    }
    let bare = EventPage { two_factors: None, reason: None, device: None, ..event() };
    add("console-event-bare".to_owned(), bare.render());
}
