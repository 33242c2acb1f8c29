use super::*;
use proptest::prelude::*;
use uuid::Uuid;

fn credential(number: u128) -> CredentialId {
    CredentialId::from_uuid(Uuid::from_u128(number))
}

fn name(steps: &[Step], account: &Account, done: &Established) -> &'static str {
    match next(steps, account, done) {
        Next::Step(step) => step.name,
        Next::Session => "session",
        Next::Dead => "dead",
    }
}

fn nurse() -> Account {
    Account { active: true, password: Some(credential(1)), ..Account::default() }
}

/// The application of everybody here.
const PHONE: u128 = 7;

fn second(factor: SecondFactor) -> Option<Proved> {
    Some(Proved { factor, credential: credential(PHONE) })
}

fn with_phone(account: &Account) -> Account {
    Account { second_factors: [SecondFactor::Totp].into(), in_force: [credential(PHONE)].into(), ..account.clone() }
}

fn proved() -> Established {
    Established { password: Some(credential(1)), ..Established::default() }
}

#[test]
fn the_steps_in_one_look() {
    let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();

    assert_eq!(names, ["password", "second_factor", "enrol_factor", "change_password"]);
}

#[test]
fn mfa_01_a_sensitive_role_without_a_factor_leads_to_enrolment_and_nowhere_else() {
    let physician = Account { demands_second_factor: true, ..nurse() };

    assert_eq!(name(STEPS, &physician, &Established::default()), "password");
    assert_eq!(name(STEPS, &physician, &proved()), "enrol_factor");
    let bound = with_phone(&physician);
    assert_eq!(name(STEPS, &bound, &proved()), "second_factor");
    let both = Established { second: second(SecondFactor::Totp), ..proved() };
    assert_eq!(name(STEPS, &bound, &both), "session");
}

#[test]
fn what_was_proved_dies_with_the_password_and_with_the_account() {
    assert_eq!(name(STEPS, &Account { password: Some(credential(2)), ..nurse() }, &proved()), "dead");
    assert_eq!(name(STEPS, &Account { active: false, ..nurse() }, &proved()), "dead");
    assert_eq!(name(STEPS, &Account { password: None, ..nurse() }, &proved()), "dead");
}

#[test]
fn a_factor_that_was_removed_proves_nothing_any_more() {
    let physician = Account { demands_second_factor: true, ..nurse() };
    let both = Established { second: second(SecondFactor::Totp), ..proved() };

    assert_eq!(name(STEPS, &with_phone(&physician), &both), "session");
    assert_eq!(name(STEPS, &physician, &both), "dead");
}

#[test]
fn mfa_02_acr_and_amr_say_what_happened() {
    let both = Established { second: second(SecondFactor::RecoveryCode), ..proved() };

    assert_eq!((proved().acr(), proved().amr()), (AAL1, "pwd"));
    assert_eq!((both.acr(), both.amr()), (AAL2, "pwd otp mfa"));
}

/// A new step touches the list and nothing else.
#[test]
fn a_step_more_is_asked_of_everybody() {
    let terms = Step {
        name: "accept_terms",
        page: "/sign-in/terms",
        lives_seconds: 900,
        owed: |_, done| !done.passed.contains("accept_terms"),
    };
    let mut steps: Vec<Step> = STEPS.iter().map(|s| Step { ..*s }).collect();
    steps.push(terms);
    let accepted = Established { passed: ["accept_terms".to_owned()].into(), ..proved() };

    assert_eq!(name(&steps, &nurse(), &proved()), "accept_terms");
    assert_eq!(name(&steps, &nurse(), &accepted), "session");
}

fn account() -> impl Strategy<Value = Account> {
    let reason = proptest::option::of(prop_oneof![Just(ChangeReason::Expired), Just(ChangeReason::Compromised)]);
    (any::<bool>(), 0u128..3, any::<bool>(), any::<bool>(), reason).prop_map(
        |(active, password, totp, demands, reason)| Account {
            active,
            password: (password > 0).then(|| credential(password)),
            second_factors: totp.then_some(SecondFactor::Totp).into_iter().collect(),
            in_force: totp.then(|| credential(PHONE)).into_iter().collect(),
            demands_second_factor: demands,
            must_change: reason,
        },
    )
}

/// Something that happens while somebody signs in: a step done, or the world changing under it.
#[derive(Clone, Debug)]
enum Move {
    Password,
    WrongPassword,
    Second(SecondFactor),
    Enrol,
    Change,
    Meanwhile(Account),
}

fn step() -> impl Strategy<Value = Move> {
    prop_oneof![
        Just(Move::Password),
        Just(Move::WrongPassword),
        prop_oneof![Just(SecondFactor::Totp), Just(SecondFactor::RecoveryCode)].prop_map(Move::Second),
        Just(Move::Enrol),
        Just(Move::Change),
        account().prop_map(Move::Meanwhile),
    ]
}

/// Does a move as the service does: only the step that is owed is served.
fn play(account: &mut Account, done: &mut Established, one: Move) {
    let owed = name(STEPS, account, done);
    match (one, owed) {
        (Move::Password, "password") => done.password = account.password,
        (Move::Second(factor), "second_factor") => done.second = second(factor),
        (Move::Enrol, "enrol_factor") => {
            *account = with_phone(account);
            done.second = second(SecondFactor::Totp);
        }
        (Move::Change, "change_password") => {
            account.password = Some(credential(99));
            account.must_change = None;
            done.password = account.password;
        }
        (Move::Meanwhile(other), _) => *account = other,
        _ => {}
    }
}

proptest! {
    #[test]
    fn no_path_reaches_a_session_without_what_the_account_demands(mut account in account(), moves in prop::collection::vec(step(), 0..30)) {
        let mut done = Established::default();
        for one in moves {
            play(&mut account, &mut done, one);
            if let Next::Session = next(STEPS, &account, &done) {
                prop_assert!(account.active);
                prop_assert!(done.password.is_some() && done.password == account.password);
                prop_assert!(account.must_change.is_none());
                let needs_two = account.demands_second_factor || !account.second_factors.is_empty();
                prop_assert!(!needs_two || done.second.is_some_and(|proved| account.in_force.contains(&proved.credential)));
            }
        }
    }

    #[test]
    fn whoever_does_what_is_asked_arrives(mut account in account()) {
        account.active = true;
        account.password = account.password.or(Some(credential(1)));
        let mut done = Established::default();
        for _ in STEPS {
            let one = match name(STEPS, &account, &done) {
                "password" => Move::Password,
                "second_factor" => Move::Second(SecondFactor::Totp),
                "enrol_factor" => Move::Enrol,
                "change_password" => Move::Change,
                _ => break,
            };
            play(&mut account, &mut done, one);
        }
        prop_assert_eq!(name(STEPS, &account, &done), "session");
    }
}
