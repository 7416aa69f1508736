//! Whatever was earned, and whatever is asked: trust never stands for more than the factor that earned it.

use super::*;
use crate::account::Identity;
use crate::factor::Kinds;
use proptest::prelude::*;

fn key(seed: bool) -> Fingerprint {
    let text = if seed {
        "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
    } else {
        "SHA256:AAAAQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
    };
    text.parse().unwrap()
}

fn address(last: bool) -> IpAddr {
    [192, 0, 2, u8::from(last)].into()
}

fn session() -> impl Strategy<Value = Session> {
    (0u32..2, 0u64..2, 10u32..12, 1000u32..1002).prop_map(|(number, began, leader, uid)| Session {
        number,
        began: began * 1_000_000,
        leader,
        uid,
    })
}

fn bond() -> impl Strategy<Value = Bond> {
    prop_oneof![
        any::<bool>().prop_map(|k| Bond::Key(key(k))),
        (any::<bool>(), any::<bool>()).prop_map(|(k, a)| Bond::KeyFrom(key(k), address(a))),
        session().prop_map(Bond::Session),
        (10u32..12, 10u32..12).prop_map(|(a, b)| Bond::OpenedBy([a, b])),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(&Kind::ALL[..])
}

fn kinds() -> impl Strategy<Value = Kinds> {
    prop::collection::vec(kind(), 0..5).prop_map(|kinds| kinds.into_iter().collect())
}

fn digest() -> impl Strategy<Value = PolicyDigest> {
    (0u8..2).prop_map(|n| PolicyDigest([n; 32]))
}

fn trust() -> impl Strategy<Value = Trust> {
    let key = (kind(), proptest::bool::ANY);
    (bond(), key, -5i64..5, 0i64..10, digest(), 0i64..2).prop_map(
        |(bond, (kind, verified), at, lasts, policy, generation)| {
            let (at, until) = (Time(at), Time(at + lasts));
            let earned = Earned { bond, kind, verified, at, until, policy, factor_generation: generation };
            Trust { id: TrustId(1), record: 1, service: "sshd".into(), earned }
        },
    )
}

fn ties() -> impl Strategy<Value = Ties> {
    let option = prop::option::of::<proptest::bool::Any>;
    let any = proptest::bool::ANY;
    (option(any), option(any), prop::option::of(session()), digest(), -10i64..20).prop_map(
        |(k, a, session, policy, latest)| {
            let (key, address) = (k.map(key), a.map(address));
            Ties { key, address, session, opens: None, policy, latest: Time(latest) }
        },
    )
}

fn ask() -> impl Strategy<Value = Ask> {
    (kinds(), proptest::bool::ANY, 0u32..10, 0u32..10).prop_map(|(kinds, verify_user, ask_again, remember)| Ask {
        kinds,
        verify_user,
        ask_again,
        remember,
    })
}

fn account(trust: Vec<Trust>, factor_generation: i64) -> Account {
    let mut account = Account::absent(Identity { uid: 1000, name: "alice".into() });
    (account.trust, account.factor_generation) = (trust, factor_generation);
    account
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn no_trust_makes_a_login_easier_than_the_factor_that_earned_it(
        held in prop::collection::vec(trust(), 0..6), generation in 0i64..2, ask in ask(), ties in ties()
    ) {
        let account = account(held, generation);
        if let Some((trust, until)) = cover(&account, &ask, &ties) {
            let Earned { bond, kind, verified, at, policy, factor_generation, .. } = &trust.earned;
            prop_assert!(*verified || !ask.verify_user || !kind.is_key(), "a touch for a PIN");
            prop_assert!(ask.kinds.contains(*kind), "another kind than is asked for");
            prop_assert_eq!((*policy, *factor_generation), (ties.policy, generation));
            let seconds = if bond.is_chosen() { ask.remember } else { ask.ask_again };
            prop_assert!(seconds > 0 && ties.latest < until && until.since(*at) <= i64::from(seconds));
            prop_assert!(until <= trust.earned.until);
            let tied = match bond {
                Bond::Key(key) => ties.key == Some(*key),
                Bond::KeyFrom(key, from) => ties.key == Some(*key) && ties.address == Some(*from),
                Bond::Session(_) | Bond::OpenedBy(_) => ties.session.as_ref().is_some_and(|own| own.uid == 1000),
            };
            prop_assert!(tied, "{:?} for {:?}", bond, ties);
        }
    }

    #[test]
    fn stale_trust_and_trust_of_other_factors_never_holds(mut trust in trust(), ask in ask(), ties in ties()) {
        let now = trust.earned.factor_generation + 1;
        prop_assert_eq!(trust.covers(&account(Vec::new(), now), &ask, &ties), None);
        trust.earned.until = ties.latest;
        let same = account(Vec::new(), trust.earned.factor_generation);
        prop_assert_eq!(trust.covers(&same, &ask, &ties), None);
        prop_assert_eq!(trust.could_cover(&same, ties.policy, ties.latest), None);
    }

    #[test]
    fn who_is_tied_to_nothing_is_always_asked(held in prop::collection::vec(trust(), 0..6), ask in ask()) {
        let nothing = Ties { latest: Time(-10), ..Ties::default() };
        let account = account(held, 0);
        prop_assert_eq!(cover(&account, &ask, &nothing), None);
    }

    #[test]
    fn a_shorter_setting_shortens_what_was_earned_before(trust in trust(), ask in ask(), ties in ties()) {
        let account = account(Vec::new(), trust.earned.factor_generation);
        let shorter = Ask { ask_again: ask.ask_again / 2, remember: ask.remember / 2, ..ask };
        let (long, short) = (trust.covers(&account, &ask, &ties), trust.covers(&account, &shorter, &ties));
        prop_assert!(short.is_none() || short <= long);
        let none = Ask { ask_again: 0, remember: 0, ..ask };
        prop_assert_eq!(trust.covers(&account, &none, &ties), None);
    }

    #[test]
    fn bonds_are_read_as_they_are_spelled(bond in bond()) {
        prop_assert_eq!(bond.to_string().parse(), Ok(bond));
    }
}

#[test]
fn what_is_no_bond_is_not_read_as_one() {
    for text in
        ["", "key", "from 10.0.0.1", "key x", "session 1", "session 4294967296 1 1 1", "opened-by 1", "key  SHA256:x"]
    {
        assert_eq!(text.parse::<Bond>(), Err(NotABond), "{text:?}");
    }
}

#[test]
fn a_report_ends_what_whoever_it_was_could_get_in_with_again() {
    use crate::account::{FactorId, Pending, Version};
    use crate::factor::totp::Parameters;
    use crate::given::{Given, Purpose};
    use crate::printed::Kept;

    let mut account = Account::absent(Identity { uid: 1000, name: "alice".into() });
    account.version = Some(Version(7));
    let when = (&At { now: Time(5), fresh: crate::Secret::new(Vec::new()) }, Ticket(1));
    assert_eq!(report(&account, when).seen, Seen::Anything);
    let (id, name, secret) = (FactorId(1), "phone".to_owned(), crate::Secret::new(vec![1; 20]));
    account.pending = Some(Pending { id, name, secret, parameters: Parameters::default(), until: Time(600) });
    let kept = Kept { salt: [0; 16], digest: [0; 32] };
    account.temp_code = Some(Given { id: 1, kept, until: Time(600), left: 1, reason: None });
    let commit = report(&account, when);
    assert_eq!(commit.seen, Seen::At(Version(7)));
    assert!(matches!(commit.writes[..], [Write::EndPending, Write::EndGiven(Purpose::TempCode)]));
    account.backup.codes.push(crate::account::BackupCode { id: 1, digest: [0; 32] });
    let commit = report(&account, when);
    assert!(matches!(commit.writes[..], [Write::VoidEarned, ..]), "also the proof on whoever's open connection");
}
