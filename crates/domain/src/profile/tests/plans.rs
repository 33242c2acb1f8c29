use proptest::prelude::*;

use super::*;
use crate::attribute::AttributeSchema;
use crate::profile::plan::{Item, Known, KnownRole, Plan, Standing, Why};

/// A realm to which the profile was applied, and nothing else was done.
fn applied(profile: &Profile) -> Known {
    use Standing::InForce;
    let mut known = Known {
        attributes: AttributeSchema { attributes: profile.attribute.clone() },
        policies: BTreeMap::from([(None, (InForce, profile.policy.clone()))]),
        ..Known::default()
    };
    for api in &profile.api {
        known.apis.insert(api.audience.clone(), (InForce, api.name.clone()));
        for one in &api.permission {
            known.permissions.insert((api.audience.clone(), one.name.clone()), (InForce, one.description.clone()));
        }
    }
    for name in ["roles:assign", "users:manage"] {
        known.permissions.insert(("bailiwick".to_owned(), name.to_owned()), (InForce, String::new()));
    }
    known.apis.insert("bailiwick".to_owned(), (InForce, "Bailiwick".to_owned()));
    for role in &profile.role {
        let name = || role.name.clone();
        let row = KnownRole {
            standing: InForce,
            built_in: true,
            display_name: role.display_name.clone(),
            description: role.description.clone(),
            sensitive: role.sensitive,
        };
        known.roles.insert(name(), row);
        for (api, names) in &role.permissions {
            known.carried.extend(names.iter().map(|one| ((name(), api.clone(), one.clone()), InForce)));
        }
        known.inherits.extend(role.inherits.iter().map(|other| ((name(), other.clone()), InForce)));
        known.assignable_by.extend(role.assignable_by.iter().map(|by| ((name(), by.clone()), InForce)));
        if role.policy != Policy::default() {
            known.policies.insert(Some(name()), (InForce, role.policy.clone()));
        }
    }
    known
}

fn words(items: &[Item]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn carried(role: &str, permission: &str) -> (String, String, String) {
    (role.to_owned(), "clinic".to_owned(), permission.to_owned())
}

#[test]
fn applying_again_does_nothing() {
    let clinic = profile(clinic());

    assert_eq!(Plan::new(&clinic, &applied(&clinic)), Plan::default());
}

#[test]
fn an_empty_realm_gets_everything_in_an_order_in_which_it_can_be_made() {
    let clinic = profile(clinic());
    let mut bare = applied(&clinic);
    bare = Known {
        apis: bare.apis.into_iter().filter(|(api, _)| api == "bailiwick").collect(),
        permissions: bare.permissions.into_iter().filter(|((api, _), _)| api == "bailiwick").collect(),
        ..Known::default()
    };

    let plan = Plan::new(&clinic, &bare);

    assert_eq!(
        words(&plan.added),
        [
            "API clinic",
            "permission charts:read of API clinic",
            "permission vitals:record of API clinic",
            "role admin",
            "role staff",
            "role nurse",
            "role admin: permission bailiwick roles:assign",
            "role admin: permission bailiwick users:manage",
            "role admin: may be given by admin",
            "role staff: permission clinic charts:read",
            "role staff: may be given by admin",
            "role nurse: permission clinic vitals:record",
            "role nurse: inherits from staff",
            "role nurse: may be given by admin",
            "role nurse: session times",
            "session times of the realm",
            "attribute npi",
        ]
    );
    assert!(plan.left.is_empty() && plan.only_here.is_empty(), "{plan:?}");
    assert_eq!(plan.added_to_known_roles().count(), 0);
}

#[test]
fn a_new_edition_adds_what_the_realm_never_had() {
    let before = profile(clinic());
    let mut value = clinic();
    value["api"][0]["permission"]
        .as_array_mut()
        .expect("them")
        .push(json!({"name": "beds:assign", "description": "B"}));
    value["role"][2]["permissions"]["clinic"] = json!(["vitals:record", "beds:assign"]);

    let plan = Plan::new(&profile(value), &applied(&before));

    assert_eq!(
        words(&plan.added),
        ["permission beds:assign of API clinic", "role nurse: permission clinic beds:assign"]
    );
    assert_eq!(plan.added_to_known_roles().count(), 1);
}

#[test]
fn what_an_administrator_took_away_stays_away() {
    let clinic = profile(clinic());
    let mut known = applied(&clinic);
    known.carried.insert(carried("staff", "charts:read"), Standing::Ended);
    known.inherits.insert(("nurse".to_owned(), "staff".to_owned()), Standing::Ended);

    let plan = Plan::new(&clinic, &known);

    assert_eq!(plan.added, []);
    let left: Vec<String> = plan.left.iter().map(|left| format!("{} {}", left.item, left.why)).collect();
    assert_eq!(
        left,
        [
            "role staff: permission clinic charts:read was taken away here",
            "role nurse: inherits from staff was taken away here"
        ]
    );
}

#[test]
fn a_deleted_permission_does_not_come_back_by_a_new_role() {
    let before = profile(clinic());
    let mut known = applied(&before);
    known.permissions.insert(("clinic".to_owned(), "charts:read".to_owned()), (Standing::Ended, String::new()));
    known.carried.insert(carried("staff", "charts:read"), Standing::Ended);
    let mut value = clinic();
    value["role"].as_array_mut().expect("roles").push(json!({"name": "clerk", "display_name": "Clerk",
        "assignable_by": ["admin"], "permissions": {"clinic": ["charts:read"]}}));

    let plan = Plan::new(&profile(value), &known);

    assert_eq!(words(&plan.added), ["role clerk", "role clerk: may be given by admin"]);
    assert_eq!(plan.left.len(), 1, "told once, not for each role: {:?}", plan.left);
}

#[test]
fn a_role_that_an_administrator_made_under_the_same_name_is_theirs() {
    let clinic = profile(clinic());
    let mut known = applied(&clinic);
    known.roles.get_mut("nurse").expect("a role").built_in = false;
    known.carried.remove(&carried("nurse", "vitals:record"));

    let plan = Plan::new(&clinic, &known);

    assert_eq!(plan.added, []);
    assert_eq!(plan.left.iter().map(|left| &left.why).collect::<Vec<_>>(), [&Why::MadeHere]);
}

#[test]
fn what_was_changed_is_told_with_both_values_and_left() {
    let clinic = profile(clinic());
    let mut known = applied(&clinic);
    known.roles.get_mut("nurse").expect("a role").display_name = "Registered nurse".to_owned();
    let stricter = Policy { idle_seconds: Some(300), ..Policy::default() };
    known.policies.insert(Some("nurse".to_owned()), (Standing::InForce, stricter));

    let plan = Plan::new(&clinic, &known);

    let left: Vec<String> = plan.left.iter().map(|left| format!("{} {}", left.item, left.why)).collect();
    assert_eq!(
        left,
        [
            "role nurse display_name is \"Registered nurse\" here, \"Nurse\" in the profile",
            "role nurse: session times idle_seconds is 300 here, 900 in the profile"
        ]
    );
    assert_eq!(plan.added, []);
}

#[test]
fn what_is_only_here_is_named_and_kept() {
    let clinic = profile(clinic());
    let mut known = applied(&clinic);
    known.carried.insert(carried("nurse", "charts:read"), Standing::InForce);
    let mut clerk = known.roles["staff"].clone();
    clerk.built_in = false;
    known.roles.insert("clerk".to_owned(), clerk);
    known.carried.insert(carried("clerk", "charts:read"), Standing::InForce);

    let plan = Plan::new(&clinic, &known);

    assert_eq!(words(&plan.only_here), ["role clerk", "role nurse: permission clinic charts:read"]);
    assert_eq!(plan.added, []);
}

proptest! {
    /// Whatever an administrator takes away, changes or deletes, applying the same profile again adds nothing.
    #[test]
    fn the_same_edition_never_undoes_what_an_administrator_did(ended in proptest::collection::vec(any::<bool>(), 64)) {
        let clinic = profile(clinic());
        let mut known = applied(&clinic);
        let mut next = ended.iter().copied();
        let mut end = |standing: &mut Standing| if next.next().unwrap_or(false) { *standing = Standing::Ended };
        known.apis.values_mut().for_each(|(standing, _)| end(standing));
        known.permissions.values_mut().for_each(|(standing, _)| end(standing));
        known.roles.values_mut().for_each(|role| end(&mut role.standing));
        known.carried.values_mut().for_each(&mut end);
        known.inherits.values_mut().for_each(&mut end);
        known.assignable_by.values_mut().for_each(&mut end);
        known.policies.values_mut().for_each(|(standing, _)| end(standing));

        let plan = Plan::new(&clinic, &known);

        prop_assert_eq!(plan.added, vec![]);
        prop_assert_eq!(plan.only_here, vec![]);
    }
}
