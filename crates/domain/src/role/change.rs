//! Changing roles: nobody widens what they hold themselves (RBAC-08).

use crate::access::Held;
use crate::role::RoleGraph;
use crate::unit::UnitPath;

/// Most roles that one inherits from directly (RBAC-04).
pub const MOST_INHERITED: usize = 64;

/// A permission that somebody would come to hold by their own deed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gain {
    /// The role that they hold.
    pub role: String,
    /// Audience of the API.
    pub api: String,
    /// The permission.
    pub permission: String,
    /// Where.
    pub unit: UnitPath,
}

/// The first permission that `standing`, the grants of somebody now or later, would give with the roles of `after` and that they do not hold
/// there with those of `before` through `usable`, the grants that they may use now.
#[must_use]
pub fn gains(before: &RoleGraph, after: &RoleGraph, standing: &[Held], usable: &[Held]) -> Option<Gain> {
    standing.iter().find_map(|grant| {
        let flat = after.get(grant.role)?;
        let had = |api: &str, name: &str| {
            let here = usable.iter().filter(|held| held.unit.contains(&grant.unit));
            // What the grant itself gave before is no gain, also while it is withheld or has not begun.
            let same = std::iter::once(grant);
            here.chain(same).any(|held| before.get(held.role).is_some_and(|flat| flat.carries(api, name)))
        };
        let all = flat.effective.iter().flat_map(|(api, names)| names.iter().map(move |name| (api, name)));
        all.into_iter().find(|(api, name)| !had(api, name)).map(|(api, name)| Gain {
            role: flat.role.name.as_str().to_owned(),
            api: api.clone(),
            permission: name.clone(),
            unit: grant.unit.clone(),
        })
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;
    use crate::id::{GrantId, RoleId};
    use crate::role::tests::role;

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

        assert_eq!((gain.permission.as_str(), gain.unit.as_str()), ("charts:read", "/ward-3"));
        let both = [nurse.clone(), held(3, "/")];
        assert_eq!(gains(&before, &after, &both, &both), None, "held above already");
        let elsewhere = [nurse.clone(), held(3, "/ward-4")];
        assert!(gains(&before, &after, &elsewhere, &elsewhere).is_some(), "held elsewhere only");
        assert!(gains(&before, &after, &both, &[nurse]).is_some(), "what may not be used yet does not count");
        assert_eq!(gains(&after, &before, &both, &both), None, "less is no gain");
    }
}
