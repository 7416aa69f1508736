//! An app taken over from another program is kept as any other, and nothing before its floor is good.

use super::*;
use mfa_core::account::{Detail, Totp};

fn imported(secret: &[u8]) -> Write {
    let (secret, parameters) = (Secret::new(secret.to_vec()), Parameters::new(Algorithm::Sha1, 8, 60).unwrap());
    let app = Totp { secret, parameters, used: Step(77), replays: 0 };
    Write::Add { name: "phone (imported)".to_owned(), detail: Detail::Totp(app) }
}

#[tokio::test]
async fn an_imported_app_is_read_back_as_it_was_given_also_after_a_restart() {
    let (directory, store) = new();
    let record = Record::of(What::Imported);
    done(&store, commit_of(&alice(), Seen::Absent, vec![imported(b"ten-bytes!")], record)).await;
    drop(store);
    let account = account(&open(directory.path()), &alice());
    let [factor] = &account.factors[..] else { panic!("{account:?}") };
    assert_eq!((factor.name.as_str(), factor.created, factor.last_used), ("phone (imported)", NOW, None));
    let app = app(factor);
    assert_eq!((app.secret.expose(), app.used, app.replays), (&b"ten-bytes!"[..], Step(77), 0));
    assert_eq!((app.parameters.digits, app.parameters.period), (8, 60));
    assert_eq!(number(&directory, "SELECT count(*) FROM audit WHERE what = 'imported'"), 1);
}

#[tokio::test]
async fn an_imported_app_is_sealed_and_voids_trust_and_proofs_like_any_change_of_factors() {
    let (directory, store) = new();
    enroll(&store, &alice()).await;
    let before = account(&store, &alice());
    write(&store, &alice(), vec![imported(b"find-this-one-in-the-clear")]).await;
    let after = account(&store, &alice());
    assert_eq!(after.factor_generation, before.factor_generation + 1);
    assert_eq!((after.factors.len(), after.backup.codes.len()), (2, 10));
    drop(store);
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(14).any(|window| window == b"find-this-one-"));
    }
}
