//! Changing roles: nobody widens what they hold themselves (RBAC-08).

use crate::access::Held;
use crate::role::{Flat, RoleGraph};
use crate::unit::UnitPath;

/// Most roles that one inherits from directly (RBAC-04).
pub const MOST_INHERITED: usize = 64;

/// Something that somebody would come to hold by their own deed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gain {
    /// The role that they hold.
    pub role: String,
    /// A permission with its API, or another role: also one without permissions is named in tokens, and may give others.
    pub what: String,
    /// Where.
    pub unit: UnitPath,
}

/// The first thing that `standing`, the grants of somebody now or later, would give with the roles of `after` and that they do not hold there with
/// those of `before` through `usable`, the grants that they may use now. What they hold for a shorter time than the grant that would give it is gained too.
#[must_use]
pub fn gains(before: &RoleGraph, after: &RoleGraph, standing: &[Held], usable: &[Held]) -> Option<Gain> {
    standing.iter().find_map(|grant| {
        let flat = after.get(grant.role)?;
        let as_long =
            |held: &&Held| held.valid_until.is_none_or(|end| grant.valid_until.is_some_and(|until| until <= end));
        let here = usable.iter().filter(|held| held.unit.contains(&grant.unit)).filter(as_long);
        // What the grant itself gave before is no gain, also while it is withheld or has not begun.
        let had: Vec<&Flat> = here.chain([grant]).filter_map(|held| before.get(held.role)).collect();
        let all = flat.effective.iter().flat_map(|(api, names)| names.iter().map(move |name| (api, name)));
        let permission = all
            .into_iter()
            .find(|(api, name)| !had.iter().any(|flat| flat.carries(api, name)))
            .map(|(api, name)| format!("{name} of {api}"));
        let role = || {
            let new = flat.closure.iter().find(|id| !had.iter().any(|flat| flat.closure.contains(id)));
            new.map(|id| format!("the role {}", after.name(*id)))
        };
        let what = permission.or_else(role)?;
        Some(Gain { role: flat.role.name.as_str().to_owned(), what, unit: grant.unit.clone() })
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;
    use crate::id::{GrantId, RoleId};
    use crate::role::tests::role;
    use crate::time::Timestamp;

    fn held(role: u128, unit: &str) -> Held {
        Held {
            grant: GrantId::from_uuid(Uuid::from_u128(role)),
            role: RoleId::from_uuid(Uuid::from_u128(role)),
            unit: UnitPath::parse(unit).expect("a path"),
            valid_until: None,
        }
    }

    fn graph(nurse: &[(&str, &str)]) -> Arc<RoleGraph> {
        let staff = role(1, "staff", &[], &[("clinic", "rota:read")]);
        let all = vec![staff, role(2, "nurse", &[1], nurse), role(3, "auditor", &[], &[("clinic", "charts:read")])];
        Arc::new(RoleGraph::new(all, 1).expect("a graph"))
    }

    #[test]
    fn what_one_lacks_is_a_gain_and_what_one_holds_there_is_none() {
        let (before, after) = (graph(&[]), graph(&[("clinic", "charts:read")]));
        let nurse = held(2, "/ward-3");

        let gain = gains(&before, &after, std::slice::from_ref(&nurse), std::slice::from_ref(&nurse)).expect("a gain");

        assert_eq!((gain.what.as_str(), gain.unit.as_str()), ("charts:read of clinic", "/ward-3"));
        let both = [nurse.clone(), held(3, "/")];
        assert_eq!(gains(&before, &after, &both, &both), None, "held above already");
        let elsewhere = [nurse.clone(), held(3, "/ward-4")];
        assert!(gains(&before, &after, &elsewhere, &elsewhere).is_some(), "held elsewhere only");
        assert!(
            gains(&before, &after, &both, std::slice::from_ref(&nurse)).is_some(),
            "what may not be used yet does not count"
        );
        assert_eq!(gains(&after, &before, &both, &both), None, "less is no gain");
        let until_friday = Held { valid_until: Some(Timestamp::from_seconds(5)), ..held(3, "/") };
        let dated = [nurse.clone(), until_friday.clone()];
        assert!(gains(&before, &after, &dated, &dated).is_some(), "what ends on Friday is not made to last");
        let both_dated = [Held { valid_until: Some(Timestamp::from_seconds(5)), ..nurse }, until_friday];
        assert_eq!(gains(&before, &after, &both_dated, &both_dated), None, "both end together");
    }

    #[test]
    fn a_role_without_permissions_is_a_gain_too() {
        let all = |inherits: &[u128]| {
            let graph = RoleGraph::new(vec![role(1, "approver", &[], &[]), role(2, "hr", inherits, &[])], 1);
            graph.expect("a graph")
        };
        let hr = held(2, "/");

        let gain = gains(&all(&[]), &all(&[1]), std::slice::from_ref(&hr), std::slice::from_ref(&hr)).expect("a gain");

        assert_eq!(gain.what, "the role approver");
    }
}
