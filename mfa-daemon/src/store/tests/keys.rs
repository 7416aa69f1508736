//! Security keys and SSH keys as factors: kept sealed, counted, copied, and never two ways to read one.

use super::*;
use crate::store::copy::Ticket as Restore;
use data_encoding::HEXLOWER;
use mfa_core::account::Detail;
use mfa_core::factor::security_key::{CoseKey, Credential, CredentialId, RelyingParty};
use mfa_core::factor::ssh_key::SshKey;

/// The public key of RFC 8032, section 7.1, test 1.
const ED25519: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
/// The generator of P-256 (SEC 2, section 2.4.2): the public key of the private key 1.
const X: &str = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
const Y: &str = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

fn bytes(hex: &str) -> [u8; 32] {
    HEXLOWER.decode(hex.as_bytes()).unwrap().try_into().unwrap()
}

fn credential(counter: u32) -> Credential {
    Credential {
        id: CredentialId::new(b"find-this-id-in-the-clear".to_vec()).unwrap(),
        key: CoseKey::es256(&bytes(X), &bytes(Y)).unwrap(),
        relying_party: RelyingParty::of_site("find-me.example").unwrap(),
        counter,
        aaguid: Some([9; 16]),
        u2f: false,
    }
}

fn old_credential() -> Credential {
    let key = CoseKey::eddsa(&bytes(ED25519)).unwrap();
    Credential { key, relying_party: "pam://web1".parse().unwrap(), aaguid: None, u2f: true, ..credential(0) }
}

fn ssh_key() -> SshKey {
    let line = include_str!("../../../../mfa-core/tests/vectors/sk-ed25519.pub");
    SshKey { key: line.parse().unwrap() }
}

fn add(name: &str, detail: Detail) -> Write {
    Write::Add { name: name.to_owned(), detail }
}

fn three() -> Vec<Write> {
    vec![
        add("blue key", Detail::SecurityKey(credential(7))),
        add("old key", Detail::SecurityKey(old_credential())),
        add("laptop", Detail::SshKey(ssh_key())),
    ]
}

fn kept(account: &Account) -> (Vec<Credential>, Vec<SshKey>) {
    let credentials = account.security_keys().map(|(_, credential)| credential.clone()).collect();
    (credentials, account.ssh_keys().map(|(_, key)| key.clone()).collect())
}

#[tokio::test]
async fn keys_are_read_back_as_they_were_added_also_after_a_restart() {
    let (directory, store) = new();
    write(&store, &alice(), three()).await;
    drop(store);
    let account = account(&open(directory.path()), &alice());
    assert_eq!(kept(&account), (vec![credential(7), old_credential()], vec![ssh_key()]));
    let names: Vec<_> = account.factors.iter().map(|factor| (factor.name.as_str(), factor.last_used)).collect();
    assert_eq!(names, [("blue key", None), ("old key", None), ("laptop", None)]);
    assert!(account.ever_enrolled && account.factor_generation == 3);
}

#[tokio::test]
async fn a_key_is_sealed_whole() {
    let (directory, store) = new();
    write(&store, &alice(), three()).await;
    drop(store);
    let point = ssh_key().key.blob().to_vec();
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for clear in [b"find-this-id".as_slice(), b"find-me.example", b"pam://web1", b"sk-ssh", &point[40..60]] {
            assert!(!bytes.windows(clear.len()).any(|window| window == clear));
        }
    }
}

#[tokio::test]
async fn a_counter_moves_on_and_never_back_and_stays_at_zero_only_from_zero() {
    let (_directory, store) = new();
    write(&store, &alice(), three()).await;
    let account_now = || account(&store, &alice());
    let [counts, still, ssh] = account_now().factors[..].iter().map(|one| one.id).collect::<Vec<_>>()[..] else {
        panic!("three factors")
    };
    let uses = |factor, counter| commit_now(&store, &alice(), vec![Write::UseKey { factor, counter }]);
    for counter in [0, 6, 7] {
        assert!(is_stale(&store, uses(counts, counter)).await, "{counter}");
    }
    done(&store, uses(counts, 8)).await;
    done(&store, uses(counts, u32::MAX)).await;
    assert!(is_stale(&store, uses(counts, u32::MAX)).await);
    assert_eq!(account_now().factor(counts).unwrap().last_used, Some(NOW));
    done(&store, uses(still, 0)).await;
    done(&store, uses(still, 0)).await;
    done(&store, uses(still, 3)).await;
    assert!(is_stale(&store, uses(still, 0)).await);
    assert!(is_stale(&store, uses(ssh, 1)).await, "an SSH key has no counter here");
    let generation = account_now().factor_generation;
    write(&store, &alice(), vec![Write::UseSshKey { factor: ssh }]).await;
    assert_eq!(account_now().factor(ssh).unwrap().last_used, Some(NOW));
    assert_eq!(account_now().factor_generation, generation, "a use changes no factors");
    let wrong = commit_now(&store, &alice(), vec![Write::UseSshKey { factor: counts }]);
    assert!(is_stale(&store, wrong).await);
}

#[tokio::test]
async fn a_copy_carries_keys_with_their_counters_and_refuses_what_is_none() {
    let (_directory, store) = new();
    write(&store, &alice(), three()).await;
    let copied = store.export(None, 100_000).await.unwrap().accounts;
    let put_back = async |accounts: Vec<_>| {
        let (directory, store) = new();
        let ticket = Restore::fresh(false).unwrap();
        store.begin_restore(&ticket, NOW).await.unwrap();
        store.stage(&ticket, accounts, NOW).await?;
        store.finish_restore(ticket, (1, NOW.0), NOW, root()).await?;
        Ok::<_, StoreError>((directory, store))
    };
    let (_elsewhere, restored) = put_back(copied.clone()).await.unwrap();
    assert_eq!(kept(&account(&restored, &alice())), (vec![credential(7), old_credential()], vec![ssh_key()]));
    let spoil: [fn(&mut mfa_proto::keep::KeptFactor); 5] = [
        |factor| factor.last_step = -1,
        |factor| factor.last_step = i64::from(u32::MAX) + 1,
        |factor| factor.params = "SHA1 6 30".into(),
        |factor| factor.kind = "ssh-key".into(),
        |factor| factor.secret = "MFRGG".into(),
    ];
    for (place, spoil) in spoil.iter().enumerate() {
        let mut bad = copied.clone();
        spoil(&mut bad[0].factors[0]);
        assert!(matches!(put_back(bad).await.map(drop), Err(StoreError::BadCopy(_))), "{place}");
    }
}

#[tokio::test]
async fn a_counter_set_back_to_less_than_any_is_an_error() {
    let (directory, store) = new();
    write(&store, &alice(), three()).await;
    drop(store);
    for change in ["last_step = -1 WHERE kind = 'security-key'", "kind = 'security-key' WHERE kind = 'ssh-key'"] {
        sql(&directory).execute(&format!("UPDATE factor SET {change}"), ()).unwrap();
        assert!(open(directory.path()).snapshot(&alice()).is_err(), "{change}");
    }
}

#[tokio::test]
async fn keys_are_sealed_anew_with_another_master_key() {
    let (directory, store) = new();
    write(&store, &alice(), three()).await;
    drop(store);
    let both = MasterKey::new(2, [8; 32]).with_older(1, [7; 32]);
    let store = Store::open(directory.path(), both).unwrap();
    let course = std::sync::Arc::default();
    while store.reseal(&course).await.unwrap() > 0 {}
    store.retire(NOW).await.unwrap();
    drop(store);
    let store = Store::open(directory.path(), MasterKey::new(2, [8; 32])).unwrap();
    assert_eq!(kept(&account(&store, &alice())), (vec![credential(7), old_credential()], vec![ssh_key()]));
}

#[tokio::test]
async fn the_name_that_keys_are_made_for_is_the_hosts_at_the_first_need_and_stays() {
    let (directory, store) = new();
    let named = async |store: &Store, host: &str| store.fix_relying_party(host, NOW).await.unwrap().as_str().to_owned();
    let (first, second) = tokio::join!(named(&store, "Web1.acme.example"), named(&store, "web1.acme.example"));
    assert_eq!((first.as_str(), second.as_str()), ("web1.acme.example", "web1.acme.example"));
    assert_eq!(named(&store, "renamed").await, "web1.acme.example");
    drop(store);
    assert_eq!(named(&open(directory.path()), "renamed").await, "web1.acme.example");
    let (_nameless, store) = new();
    assert_eq!(named(&store, "not a name").await, "localhost");
    let (_asked, store) = new();
    assert_eq!(store.relying_party("a.example").unwrap().as_str(), "a.example");
    assert_eq!(store.relying_party("b.example").unwrap().as_str(), "b.example", "to ask fixes nothing");
}
