//! What a license must never do, through the daemon's own decisions: whatever policy, license and history are.

use super::*;
use crate::accounts::Presence;
use crate::audit::Context;
use crate::daemon::Ways;
use crate::scene::{Facts, Purpose, Scene};
use crate::store::{Source, Store};
use mfa_core::Secret;
use mfa_core::account::{Commit, Identity, NewPending, Record, Seen, Ticket, What, Write};
use mfa_core::factor::totp::{Parameters, Step};
use mfa_core::license::{Installed, License as Signed, LicenseError};
use mfa_core::policy::{Address, Deny, Skip, SshAuth};
use mfa_core::seats::{Reason, Suspension};
use mfa_core::sshsig::AllowedSigners;
use proptest::prelude::*;
use std::os::unix::fs::PermissionsExt;

/// What has become of an account before it logs in.
#[derive(Clone, Copy, Debug)]
enum History {
    Enrolled,
    Reset,
    Suspended,
    Newcomer,
}

/// A site with a daemon, and an account in it for each login.
struct Site {
    folder: tempfile::TempDir,
    daemon: Daemon,
    accounts: std::cell::Cell<u32>,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o755)).tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for (name, mode) in [("config", 0o755), ("state", 0o700)] {
            std::fs::create_dir(path(name)).unwrap();
            std::fs::set_permissions(path(name), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        std::fs::write(path("key"), [7; 32]).unwrap();
        std::fs::set_permissions(path("key"), std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(path("config/policy.toml"), "").unwrap();
        let daemon =
            Daemon::new(path("config"), Source::new(path("state"), Some(path("key"))), Ways::below(folder.path()));
        Self { folder, daemon, accounts: std::cell::Cell::new(0) }
    }

    async fn policy(&self, text: &str, on_full: &str) {
        let path = |name: &str| self.folder.path().join("config").join(name);
        std::fs::write(path("policy.toml"), text).unwrap();
        std::fs::write(path("mfa.toml"), format!("[license]\non_full = \"{on_full}\"\n")).unwrap();
        self.daemon.load_anew(Context::of_daemon()).await.unwrap();
    }

    fn store(&self) -> Store {
        self.daemon.store().unwrap()
    }

    async fn commit(&self, whose: &Identity, writes: Vec<Write>, what: What) {
        let account = crate::scene::snapshot(&self.daemon, whose).unwrap();
        let seen = account.version.map_or(Seen::Absent, Seen::At);
        let (identity, record) = (whose.clone(), Record::of(what));
        let commit =
            Commit { ticket: Ticket(1), identity, seen, writes, record, letters: Vec::new(), at: clock::now() };
        self.store().commit(commit, Context::of_daemon()).await.unwrap();
    }

    /// An account of that history, which takes a seat if it ever enrolled.
    async fn account(&self, history: History) -> Entry {
        let number = self.accounts.get() + 1;
        self.accounts.set(number);
        let identity = Identity { uid: 70_000 + number, name: format!("nobody-{number}") };
        if !matches!(history, History::Newcomer) {
            let pending = NewPending {
                name: "phone".to_owned(),
                secret: Secret::new(vec![9; 20]),
                parameters: Parameters::default(),
                until: clock::now().plus(600),
            };
            self.commit(&identity, vec![Write::Begin(pending)], What::Begun).await;
            let factor = crate::scene::snapshot(&self.daemon, &identity).unwrap().pending.unwrap().id;
            let writes = vec![Write::Confirm { factor, step: Step(1) }, Write::TakeSeat { of: None }];
            self.commit(&identity, writes, What::Added).await;
        }
        match history {
            History::Reset => self.commit(&identity, vec![Write::RemoveAll], What::Reset).await,
            History::Suspended => {
                let suspension = Suspension { since: clock::now(), why: Reason::Idle };
                self.commit(&identity, vec![Write::Suspend(suspension)], What::Suspended).await;
            }
            History::Enrolled | History::Newcomer => {}
        }
        Entry { identity, gid: 70_000 }
    }

    /// What the daemon makes of a login with that installed.
    async fn plan(&self, entry: &Entry, installed: Installed) -> (Plan, Claim) {
        self.daemon.license.installed.replace(Rc::new(installed));
        let facts = Facts {
            service: "sshd".to_owned(),
            address: Address::Unknown,
            origin: None,
            presence: Presence::Nowhere,
            ssh: SshAuth::Unknown,
            after_another: true,
            password: true,
            shows_text: true,
            caller: None,
            session: None,
            opens: None,
        };
        let purpose = Purpose::Login(Box::new(facts));
        let name = entry.identity.name.clone();
        let scene = Scene { lane: Lane::Root, target: Some(entry.clone()), name, purpose };
        let weighed = scene.weigh(&self.daemon).await.unwrap();
        (weighed.plan, weighed.seat)
    }
}

fn license(seats: u64, grace_days: u32) -> Installed {
    let issuers = AllowedSigners::parse(include_bytes!("../../../mfa-core/tests/vectors/issuers")).unwrap();
    let file = include_bytes!("../../../mfa-core/tests/vectors/license.toml");
    let signature = include_bytes!("../../../mfa-core/tests/vectors/ed25519.sig");
    let mut license = Signed::read(file, signature, &issuers, Time(1_796_000_000)).unwrap();
    (license.seats, license.grace_days) = (seats, grace_days);
    Installed::License(license)
}

fn installed() -> impl Strategy<Value = Installed> {
    prop_oneof![
        Just(Installed::None),
        Just(Installed::NotValid(LicenseError::Unsigned)),
        (0..4_u64, any::<u32>()).prop_map(|(seats, grace)| license(seats, grace)),
    ]
}

fn history() -> impl Strategy<Value = History> {
    prop_oneof![Just(History::Enrolled), Just(History::Reset), Just(History::Suspended), Just(History::Newcomer)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_license_never_locks_out_or_weakens_whoever_is_or_was_enrolled(
        (require, enroll) in (
            prop_oneof!["always", "if-enrolled", "observe", "never"],
            prop_oneof!["at-login", "grace", "invite", "deny"],
        ),
        (on_full, own, factors) in (
            prop_oneof!["single-factor", "deny"],
            any::<bool>(),
            prop_oneof!["totp", "security-key"],
        ),
        histories in prop::collection::vec((history(), installed()), 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let site = Site::new();
            let text = format!(
                "[defaults]\nrequire = \"{require}\"\nenroll = \"{enroll}\"\nfactors = [\"{factors}\"]\n\
                 own_factors = {own}\n"
            );
            site.policy(&text, &on_full).await;
            let plenty = Installed::License(match license(u64::MAX, u32::MAX) {
                Installed::License(license) => license,
                other => panic!("{other:?}"),
            });
            for (history, installed) in histories {
                let entry = site.account(history).await;
                let (free, _) = site.plan(&entry, plenty.clone()).await;
                let (plan, claim) = site.plan(&entry, installed).await;
                let by_seats = matches!(plan, Plan::Skip(Skip::SeatsFull) | Plan::Deny(Deny::SeatsFull));
                match history {
                    History::Newcomer => {
                        prop_assert!(plan == free || (by_seats && matches!(free, Plan::Enroll(_))), "{plan:?} {free:?}");
                        prop_assert!(!matches!(claim, Claim::OneOf(_) | Claim::Beyond) || matches!(plan, Plan::Enroll(_)));
                    }
                    _ => {
                        prop_assert_eq!(&plan, &free);
                        prop_assert!(claim != Claim::Refused && !matches!(claim, Claim::OneOf(_)));
                    }
                }
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn root_enrolls_beyond_the_seats() {
    let site = Site::new();
    site.policy("[defaults]\nrequire = \"always\"\n", "deny").await;
    for _ in 0..2 {
        site.account(History::Enrolled).await;
    }
    let root = Entry { identity: Identity { uid: 0, name: "root".to_owned() }, gid: 0 };
    let (plan, claim) = site.plan(&root, license(1, u32::MAX)).await;
    assert!(matches!(plan, Plan::Enroll(_)) && claim == Claim::Beyond, "{plan:?}");
    let newcomer = site.account(History::Newcomer).await;
    assert_eq!(site.plan(&newcomer, license(1, u32::MAX)).await.0, Plan::Deny(Deny::SeatsFull));
}
