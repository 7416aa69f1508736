//! What is kept is believed only as it was kept.

use super::*;
use crate::setup::moment::Moment;
use crate::setup::session::Instant;
use crate::setup::state::{Image, Kept};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

fn state(number: u32, stage: Stage) -> State {
    let image = Image::of(b"old \xff", Marks::new(0o640));
    State {
        number,
        stage,
        code: "4821".into(),
        session: Some("3".into()),
        services: vec!["sshd".into()],
        files: vec![Kept { path: "/nowhere/pam.d/sshd".into(), before: Some(image), after: None }],
        folders: vec!["/etc/mfa/policy.d".into()],
        reload_policy: true,
        reload_sshd: true,
        stuck: None,
    }
}

#[test]
fn what_is_kept_is_read_as_it_was_and_is_roots_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("state")).unwrap();
    assert_eq!(store.pending().unwrap(), None);
    let until = Moment::now().after(Duration::from_secs(60));
    let kept = state(1, Stage::Waiting { until, until_told: 7, since: Instant::now() });
    store.keep(&kept).unwrap();
    assert_eq!(store.pending().unwrap(), Some(kept.clone()));
    assert_eq!(fs::metadata(store.path(PENDING)).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(kept.files[0].before.as_ref().unwrap().bytes().unwrap(), b"old \xff");
    store.mirror(&kept).unwrap();
    assert_eq!(fs::read(folder.path().join("state/files-1/nowhere/pam.d/sshd")).unwrap(), b"old \xff");
    store.forget(&kept).unwrap();
    assert_eq!((store.pending().unwrap(), folder.path().join("state/files-1").exists()), (None, false));
}

#[test]
fn what_was_confirmed_and_not_put_away_is_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("state")).unwrap();
    for number in 1..=11 {
        assert_eq!(store.next().unwrap(), number);
        store.keep(&state(number, Stage::Confirmed { at: 5 })).unwrap();
        assert_eq!(store.pending().unwrap(), None);
    }
    assert_eq!(store.applied().unwrap().map(|state| state.number), Some(11));
    store.forget(&store.applied().unwrap().unwrap()).unwrap();
    assert_eq!(store.applied().unwrap().map(|state| state.number), Some(10));
}

#[test]
fn a_state_that_others_could_have_touched_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("state")).unwrap();
    store.keep(&state(1, Stage::Applying)).unwrap();
    fs::set_permissions(store.path(PENDING), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(store.pending(), Err(StateError::Untrusted(_))));
    drop(store);
    fs::set_permissions(folder.path().join("state"), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(Store::open(&folder.path().join("state")), Err(StateError::Untrusted(_))));
}

#[test]
fn what_could_not_be_read_again_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("state")).unwrap();
    let mut long = state(1, Stage::Applying);
    long.files[0].before = Some(Image::of(&vec![b'x'; 800 * 1024], Marks::new(0o644)));
    assert!(matches!(store.keep(&long), Err(StateError::TooMuch)));
    assert_eq!(store.pending().unwrap(), None);
    long.files[0].before = Some(Image::of(&vec![b'x'; 700 * 1024], Marks::new(0o644)));
    store.keep(&long).unwrap();
    assert_eq!(store.pending().unwrap(), Some(long));
}
