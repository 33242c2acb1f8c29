//! What the roles of our profiles cannot do, as sentences. Each line is a test: the permission exists, another role of the profile gives it, and this
//! one does not, inheritance followed.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use domain::permission::OWN_API;
use domain::profile::Profile;

static HEALTHCARE: LazyLock<Profile> =
    LazyLock::new(|| super::parse(include_str!("../../../../profiles/healthcare.toml")).expect("healthcare"));
static AGENCY: LazyLock<Profile> =
    LazyLock::new(|| super::parse(include_str!("../../../../profiles/agency.toml")).expect("agency"));

fn denied(profile: &Profile, role: &str, api: &str, permission: &str) {
    assert!(profile.role(role).is_some(), "there is no role {role}");
    let others = profile.role.iter().filter(|other| profile.gives(&other.name, api, permission)).count();
    assert!(others > 0, "nobody has {api} {permission}: the sentence says nothing");
    assert!(!profile.gives(role, api, permission), "{role} has {api} {permission}");
}

macro_rules! denials {
    ($profile:ident; $($name:ident: $role:literal, $api:literal, [$($permission:literal),+];)+) => {
        $(#[test]
        fn $name() {
            $(denied(&$profile, $role, $api, $permission);)+
        })+
    };
}

denials! {
    HEALTHCARE;
    a_receptionist_cannot_read_charts: "receptionist", "clinic", ["charts:read", "notes:read"];
    a_receptionist_cannot_see_why_somebody_comes: "receptionist", "clinic", ["diagnoses:read", "results:read", "prescriptions:read"];
    a_receptionist_cannot_make_accounts: "receptionist", "bailiwick", ["users:create", "roles:assign"];
    billing_cannot_read_charts: "billing", "clinic", ["charts:read", "notes:read", "results:read"];
    billing_cannot_open_a_chart_in_an_emergency: "billing", "clinic", ["charts:break-glass"];
    a_nurse_cannot_prescribe: "nurse", "clinic", ["prescriptions:create", "prescriptions:cancel", "refills:approve"];
    a_nurse_cannot_diagnose: "nurse", "clinic", ["diagnoses:record"];
    a_nurse_cannot_release_results: "nurse", "clinic", ["results:release"];
    a_nurse_cannot_dispense: "nurse", "clinic", ["prescriptions:dispense", "controlled-drugs:count"];
    a_charge_nurse_cannot_prescribe: "charge-nurse", "clinic", ["prescriptions:create"];
    a_charge_nurse_cannot_give_roles: "charge-nurse", "bailiwick", ["roles:assign", "users:manage", "users:create"];
    a_physician_cannot_dispense_what_they_prescribe: "physician", "clinic", ["prescriptions:verify", "prescriptions:dispense"];
    a_physician_cannot_enter_the_results_they_release: "physician", "clinic", ["results:enter", "results:verify"];
    a_physician_cannot_review_emergency_access: "physician", "clinic", ["break-glass:review", "chart-accesses:read"];
    a_physician_cannot_read_the_audit_log: "physician", "bailiwick", ["audit:read"];
    a_physician_cannot_manage_accounts: "physician", "bailiwick", ["users:read", "users:manage", "roles:assign"];
    a_pharmacist_cannot_prescribe: "pharmacist", "clinic", ["prescriptions:create", "refills:approve"];
    a_pharmacist_cannot_read_whole_charts: "pharmacist", "clinic", ["charts:read", "notes:read"];
    a_lab_technician_cannot_release_results: "lab-technician", "clinic", ["results:release"];
    a_lab_technician_cannot_order_tests: "lab-technician", "clinic", ["orders:create"];
    a_lab_technician_cannot_read_charts: "lab-technician", "clinic", ["charts:read"];
    a_patient_cannot_read_anybody_elses_chart: "patient", "clinic", ["charts:read", "results:read", "prescriptions:read"];
    a_patient_cannot_see_other_patients: "patient", "clinic", ["patients:read", "appointments:read"];
    a_patient_cannot_release_their_own_results: "patient", "clinic", ["results:release"];
    a_clinical_assistant_cannot_give_medicines: "clinical-staff", "clinic", ["medications:administer", "prescriptions:create"];
    a_records_clerk_cannot_read_the_chart_on_the_screen: "records-clerk", "clinic", ["charts:read", "notes:read"];
    a_records_clerk_cannot_disable_accounts: "records-clerk", "bailiwick", ["users:manage", "users:delete"];
    a_privacy_officer_cannot_read_the_charts_whose_readers_they_watch: "privacy-officer", "clinic", ["charts:read", "notes:read"];
    a_privacy_officer_cannot_use_the_emergency_access_they_review: "privacy-officer", "clinic", ["charts:break-glass"];
    a_privacy_officer_cannot_change_accounts_or_roles: "privacy-officer", "bailiwick", ["users:update", "users:manage", "roles:manage", "roles:assign"];
    an_auditor_cannot_end_sessions: "auditor", "bailiwick", ["sessions:end"];
    an_auditor_cannot_read_charts: "auditor", "clinic", ["charts:read"];
    an_administrator_cannot_read_charts: "admin", "clinic", ["charts:read", "charts:break-glass"];
    an_administrator_cannot_prescribe: "admin", "clinic", ["prescriptions:create"];
}

denials! {
    AGENCY;
    an_agent_cannot_issue_policies: "agent", "agency", ["policies:create", "policies:endorse", "policies:renew"];
    an_agent_cannot_bind_coverage: "agent", "agency", ["policies:bind"];
    an_agent_cannot_cancel_policies: "agent", "agency", ["policies:cancel", "policies:reinstate"];
    an_agent_cannot_approve_refunds: "agent", "agency", ["refunds:approve", "refunds:pay"];
    an_agent_cannot_see_the_commission_of_others: "agent", "agency", ["commissions:read", "commissions:adjust"];
    an_agent_cannot_change_the_quotes_of_others: "agent", "agency", ["quotes:update", "quotes:approve"];
    an_agent_cannot_see_the_leads_of_others: "agent", "agency", ["leads:read", "leads:assign"];
    an_agent_cannot_delete_documents: "agent", "agency", ["documents:delete"];
    an_agent_cannot_read_the_audit_log: "agent", "bailiwick", ["audit:read", "users:read"];
    a_senior_agent_cannot_approve_exceptions: "senior-agent", "agency", ["quotes:approve", "refunds:approve"];
    a_senior_agent_cannot_move_customers_between_agents: "senior-agent", "agency", ["books:transfer"];
    a_manager_cannot_pay_out_what_they_approve: "manager", "agency", ["refunds:pay"];
    a_manager_cannot_reconcile_the_trust_account: "manager", "agency", ["trust-account:reconcile", "payments:record"];
    a_manager_cannot_give_roles: "manager", "bailiwick", ["roles:assign", "users:create", "users:manage"];
    a_manager_cannot_read_the_audit_log: "manager", "bailiwick", ["audit:read"];
    a_bookkeeper_cannot_approve_the_refunds_they_pay: "bookkeeper", "agency", ["refunds:approve", "refunds:request"];
    a_bookkeeper_cannot_adjust_commission: "bookkeeper", "agency", ["commissions:adjust"];
    a_claims_clerk_cannot_reopen_claims: "claims-clerk", "agency", ["claims:reopen"];
    a_claims_clerk_cannot_pay: "claims-clerk", "agency", ["refunds:pay", "payments:record"];
    an_underwriting_assistant_cannot_sell_or_bind: "underwriting-assistant", "agency", ["policies:bind", "policies:create", "quotes:create"];
    an_office_administrator_cannot_see_customers: "office-administrator", "agency", ["customers:read", "policies:read", "claims:read"];
    an_office_administrator_cannot_disable_or_delete_accounts: "office-administrator", "bailiwick", ["users:manage", "users:delete"];
    an_office_administrator_cannot_change_roles: "office-administrator", "bailiwick", ["roles:manage", "policies:manage"];
    an_administrator_cannot_see_customers: "admin", "agency", ["customers:read", "policies:read"];
    an_administrator_cannot_pay_refunds: "admin", "agency", ["refunds:pay", "refunds:approve"];
    a_compliance_officer_cannot_end_sessions: "compliance-officer", "bailiwick", ["sessions:end"];
    a_compliance_officer_cannot_give_roles: "compliance-officer", "bailiwick", ["roles:assign", "roles:manage", "users:manage"];
    a_compliance_officer_cannot_resolve_complaints: "compliance-officer", "agency", ["complaints:resolve", "complaints:record"];
}

/// What a role gives, as `api permission`, without what only reads.
fn changes(profile: &Profile, role: &str, reads: &[&str]) -> Vec<String> {
    let effective = profile.effective(role);
    let all = effective.iter().flat_map(|(api, names)| names.iter().map(move |name| (*api, *name)));
    let action = |name: &str| name.split(':').nth(1).unwrap_or_default().to_owned();
    all.filter(|(_, name)| !reads.contains(&action(name).as_str())).map(|(api, name)| format!("{api} {name}")).collect()
}

#[test]
fn a_compliance_officer_reads_every_kind_of_record_and_changes_nothing() {
    // Exporting takes a copy out for the regulator, and changes no record.
    assert_eq!(changes(&AGENCY, "compliance-officer", &["read", "export"]), Vec::<String>::new());
    let officer = AGENCY.effective("compliance-officer");
    let kinds = AGENCY.api[0].permission.iter().filter(|one| one.name.ends_with(":read"));
    for read in kinds.map(|one| one.name.as_str()) {
        assert!(officer["agency"].contains(read), "{read}");
    }
}

#[test]
fn an_auditor_changes_nothing() {
    assert_eq!(changes(&HEALTHCARE, "auditor", &["read"]), Vec::<String>::new());
}

#[test]
fn a_patient_has_what_is_their_own_and_nothing_else() {
    let patient = HEALTHCARE.effective("patient");

    assert_eq!(patient.keys().copied().collect::<Vec<_>>(), ["clinic"]);
    assert!(patient["clinic"].iter().all(|name| name.ends_with(":own")), "{patient:?}");
}

#[test]
fn who_runs_the_system_has_all_of_it_and_nothing_of_the_application() {
    for profile in [&HEALTHCARE, &AGENCY] {
        let admin = profile.effective("admin");
        assert_eq!(admin.keys().copied().collect::<Vec<_>>(), [OWN_API]);
        assert_eq!(admin[OWN_API].len(), domain::permission::Permission::ALL.len());
    }
}

#[test]
fn only_administrators_are_both_who_gives_roles_and_who_manages_accounts() {
    for profile in [&HEALTHCARE, &AGENCY] {
        let both = |role: &str| ["roles:assign", "users:manage"].iter().all(|one| profile.gives(role, OWN_API, one));
        let found: Vec<&str> = profile.role.iter().map(|role| role.name.as_str()).filter(|role| both(role)).collect();
        assert_eq!(found, ["admin"]);
    }
}

#[test]
fn whoever_gives_roles_gives_none_with_more_power_over_accounts_than_reading() {
    for profile in [&HEALTHCARE, &AGENCY] {
        for role in &profile.role {
            let others = role.assignable_by.iter().filter(|by| *by != "admin").count();
            let own = profile.effective(&role.name).remove(OWN_API).unwrap_or_default();
            assert!(others == 0 || own.is_empty(), "{} gives {own:?} and is given by others", role.name);
        }
    }
}

#[test]
fn every_role_that_reads_the_log_or_gives_roles_or_dispenses_is_sensitive() {
    let power = [
        (OWN_API, "audit:read"),
        (OWN_API, "roles:assign"),
        (OWN_API, "users:manage"),
        ("clinic", "prescriptions:create"),
        ("clinic", "prescriptions:dispense"),
        ("clinic", "charts:export"),
        ("agency", "refunds:pay"),
        ("agency", "records:export"),
    ];
    for profile in [&HEALTHCARE, &AGENCY] {
        for role in &profile.role {
            let has = power.iter().any(|(api, permission)| profile.gives(&role.name, api, permission));
            assert!(!has || role.sensitive, "{}", role.name);
        }
    }
}

#[test]
fn sessions_are_short_where_health_or_power_is() {
    for profile in [&HEALTHCARE, &AGENCY] {
        for role in profile.role.iter().filter(|role| role.sensitive) {
            assert_eq!(role.policy.idle_seconds, Some(900), "{}", role.name);
            assert!(role.policy.access_token_seconds <= Some(300), "{}", role.name);
        }
    }
    for role in HEALTHCARE.role.iter().filter(|role| HEALTHCARE.gives(&role.name, "clinic", "diagnoses:read")) {
        assert_eq!(role.policy.idle_seconds, Some(900), "{} sees health information (2.2)", role.name);
    }
}

#[test]
fn both_profiles_are_as_rich_as_they_say() {
    let names = |profile: &'static Profile| profile.role.iter().map(|role| role.name.as_str()).collect::<BTreeSet<_>>();
    for role in [
        "admin",
        "physician",
        "nurse",
        "charge-nurse",
        "patient",
        "receptionist",
        "pharmacist",
        "lab-technician",
        "billing",
        "privacy-officer",
        "auditor",
    ] {
        assert!(names(&HEALTHCARE).contains(role), "{role}");
    }
    for role in ["agent", "manager", "admin", "compliance-officer"] {
        assert!(names(&AGENCY).contains(role), "{role}");
    }
    assert!(names(&AGENCY).len() >= 6);
    for profile in [&HEALTHCARE, &AGENCY] {
        assert!(profile.api[0].permission.len() >= 40);
        let used: BTreeSet<&str> =
            profile.role.iter().flat_map(|role| role.permissions.values().flatten()).map(String::as_str).collect();
        let unused: Vec<&str> =
            profile.api[0].permission.iter().map(|one| one.name.as_str()).filter(|name| !used.contains(name)).collect();
        assert_eq!(unused, Vec::<&str>::new(), "nobody has these");
    }
    let attributes =
        |profile: &'static Profile| profile.attribute.iter().map(|one| one.name.as_str()).collect::<Vec<_>>();
    for name in ["npi", "licence_number", "medical_record_number"] {
        assert!(attributes(&HEALTHCARE).contains(&name), "{name}");
    }
    assert!(attributes(&AGENCY).contains(&"npn"));
}
