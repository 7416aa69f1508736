//! What a license must never do, whatever it says and whatever the numbers are.

use super::*;
use crate::factor::Kind;
use crate::license::{License, LicenseError};
use crate::policy::{self, Address, Caller, Deny, Groups, Skip, Source, SshAuth, Standing};
use crate::sshsig::{AllowedSigners, SignatureError};
use proptest::prelude::*;

/// Something installed, of every sort.
fn installed() -> impl Strategy<Value = Installed> {
    let issuers = AllowedSigners::parse(include_bytes!("../../../tests/vectors/issuers")).unwrap();
    let file = include_bytes!("../../../tests/vectors/license.toml");
    let signature = include_bytes!("../../../tests/vectors/ed25519.sig");
    let license = License::read(file, signature, &issuers, Time(1_796_000_000)).unwrap();
    let not_valid = Installed::NotValid(LicenseError::Signature(SignatureError::Wrong));
    let some = any::<(u64, u32)>().prop_map(move |(seats, grace_days)| {
        let mut license = license.clone();
        (license.seats, license.grace_days) = (seats, grace_days);
        Installed::License(license)
    });
    prop_oneof![Just(Installed::None), Just(not_valid), some]
}

fn on_full() -> impl Strategy<Value = OnFull> {
    prop_oneof![Just(OnFull::SingleFactor), Just(OnFull::Deny)]
}

fn used() -> impl Strategy<Value = u64> {
    prop_oneof![0..60_u64, any::<u64>()]
}

fn claimant() -> impl Strategy<Value = Claimant> {
    any::<[bool; 3]>().prop_map(|[required, ever_enrolled, privileged]| Claimant {
        required,
        ever_enrolled,
        privileged,
    })
}

fn plan() -> impl Strategy<Value = Plan> {
    let kinds = Kinds::ALL;
    let plain = prop_oneof![
        Just(Plan::Skip(Skip::Exempt)),
        Just(Plan::Skip(Skip::NotEnrolled)),
        Just(Plan::Deny(Deny::NoUsableFactor { needs: kinds })),
        Just(Plan::Deny(Deny::CallerUnknown)),
        Just(Plan::Factors(policy::Ask { kinds, verify_user: false, ask_again: 0, remember: 0 })),
        Just(Plan::Enroll(Enroll::AtLogin { kinds })),
        Just(Plan::Enroll(Enroll::Invite { kinds })),
        Just(Plan::Enroll(Enroll::Deny)),
        (1_i64..1_000_000).prop_map(move |seconds_left| Plan::Enroll(Enroll::Grace { kinds, seconds_left })),
    ];
    (plain, any::<bool>()).prop_map(|(plan, observed)| if observed { Plan::Observe(Box::new(plan)) } else { plan })
}

/// What the policy of this text makes of alice, who has enrolled these.
fn planned(text: &str, enrolled: Kinds) -> Plan {
    let policy = policy::parse(&[Source { name: "policy.toml", text }]).unwrap().policy;
    let request = policy::Request {
        user: "alice",
        service: "sshd",
        address: Address::Unknown,
        origin: None,
        ssh: SshAuth::Unknown,
        caller: Caller::Unknown,
        groups: Some(&Groups::unknown()),
        local_time: None,
        now: Time(1_796_000_000),
        behind: 0,
    };
    policy::evaluate(&policy, &request, &Standing { enrolled, ..Standing::default() }).unwrap().plan
}

proptest! {
    /// From the policy's text on: whatever it says, somebody enrolled gets exactly what they would without seats.
    #[test]
    fn an_enrolled_account_is_asked_and_let_in_as_if_there_were_no_licenses(
        (installed, used, now) in (installed(), used(), any::<i64>()),
        (claimant, on_full) in (claimant(), on_full()),
        require in prop_oneof!["always", "if-enrolled", "observe", "never"],
        enroll in prop_oneof!["at-login", "grace", "invite", "deny"],
        factor in prop_oneof![Just(Kind::Totp), Just(Kind::SecurityKey), Just(Kind::SshKey), Just(Kind::Email)],
        own in any::<bool>(),
    ) {
        let text = format!(
            "[defaults]\nrequire = \"{require}\"\nenroll = \"{enroll}\"\nfactors = [\"totp\"]\nown_factors = {own}\n"
        );
        let plan = planned(&text, Kinds::NONE.with(factor));
        prop_assert!(!matches!(plan, Plan::Enroll(_)));
        let seats = installed.seats(used, Time(now));
        prop_assert_eq!(admit(&plan, seats, claimant, on_full), Admission::AsPlanned);
    }

    /// The same for those who were enrolled once and are not at the moment: they enroll again.
    #[test]
    fn who_was_ever_enrolled_never_wants_for_a_seat(
        (installed, used, now) in (installed(), used(), any::<i64>()),
        (claimant, on_full, plan) in (claimant(), on_full(), plan()),
    ) {
        let seats = installed.seats(used, Time(now));
        let claimant = Claimant { ever_enrolled: true, ..claimant };
        prop_assert!(room(seats, claimant).may_enroll());
        prop_assert_eq!(admit(&plan, seats, claimant, on_full), Admission::AsPlanned);
    }

    #[test]
    fn nobody_who_can_become_root_is_let_in_or_kept_out_for_want_of_a_seat(
        (installed, used, now) in (installed(), used(), any::<i64>()),
        (claimant, on_full, plan) in (claimant(), on_full(), plan()),
    ) {
        let claimant = Claimant { privileged: true, ..claimant };
        let seats = installed.seats(used, Time(now));
        prop_assert_eq!(admit(&plan, seats, claimant, on_full), Admission::AsPlanned);
    }

    #[test]
    fn one_factor_is_enough_only_where_a_password_would_have_been_the_way_to_enroll(
        (installed, used, now) in (installed(), used(), any::<i64>()),
        (claimant, on_full, plan) in (claimant(), on_full(), plan()),
    ) {
        let allowed = match admit(&plan, installed.seats(used, Time(now)), claimant, on_full) {
            Admission::AsPlanned => true,
            Admission::SingleFactor => matches!(plan, Plan::Enroll(Enroll::AtLogin { .. } | Enroll::Grace { .. })),
            Admission::Deny => matches!(plan, Plan::Enroll(Enroll::AtLogin { .. } | Enroll::Invite { .. })),
        };
        prop_assert!(allowed);
    }

    #[test]
    fn no_numbers_make_it_panic_and_more_seats_never_hurt(
        (total, used, more) in (used(), used(), any::<u64>()),
        (claimant, open) in (claimant(), any::<bool>()),
    ) {
        let few = Seats { total, used, open };
        let many = Seats { total: total.saturating_add(more), ..few };
        prop_assert!(few.free() <= many.free() && few.free() <= few.total);
        prop_assert!(!room(few, claimant).may_enroll() || room(many, claimant).may_enroll());
        prop_assert_eq!(crossing(few, many), None);
        prop_assert_eq!(crossing(many, few).is_some(), few.reached() > many.reached());
    }
}
