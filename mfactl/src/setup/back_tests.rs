//! What is put back, and what of other people's work is kept.

use super::*;
use crate::setup::made_up::{MINUTE, MadeUp, plan};
use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

const ZERO: Option<Duration> = Some(Duration::ZERO);

#[test]
fn as_long_as_there_is_time_it_waits_and_a_timer_runs() {
    let machine = MadeUp::new();
    machine.apply(&plan(&machine), Some(MINUTE)).unwrap();
    let done = machine.tree();
    machine.disarm(Timer::Confirm);
    assert!(back_in(&machine, &machine.state()).unwrap().is_empty());
    assert_eq!((machine.tree(), machine.armed()), (done, vec![Timer::Confirm]));
    // Without a timer it would wait for ever.
    machine.fails.set(Some("arm"));
    assert_eq!(back_in(&machine, &machine.state()).unwrap().len(), 5);
}

#[test]
fn what_is_not_confirmed_goes_back_whatever_somebody_made_of_it_and_their_text_is_kept() {
    let machine = MadeUp::new();
    let before = machine.tree();
    machine.apply(&plan(&machine), ZERO).unwrap();
    machine.write("pam.d/sshd", "my own\n");
    fs::remove_file(machine.path("ssh/sshd_config")).unwrap();
    symlink("/nowhere", machine.path("ssh/sshd_config")).unwrap();
    fs::remove_dir_all(machine.path("mfa/policy.d")).unwrap();
    assert_eq!(back_in(&machine, &machine.state()).unwrap().len(), 5);
    assert_eq!(machine.tree(), before);
    let mut kept = crate::setup::apply::tests::kept(&machine);
    kept.sort();
    assert_eq!(kept, ["a symbolic link to /nowhere\n", "my own\n"]);
}

#[test]
fn a_folder_that_somebody_uses_stays_with_what_is_in_it() {
    let machine = MadeUp::new();
    machine.apply(&plan(&machine), ZERO).unwrap();
    machine.write("ssh/sshd_config.d/50-own.conf", "UseDNS no\n");
    back_in(&machine, &machine.state()).unwrap();
    assert!(machine.path("ssh/sshd_config.d/50-own.conf").exists());
    assert!(!machine.path("ssh/sshd_config.d/01-mfa.conf").exists());
}

#[test]
fn undo_shows_what_was_edited_since_and_does_nothing_unless_it_is_forced() {
    let machine = MadeUp::new();
    let before = machine.tree();
    machine.apply(&plan(&machine), None).unwrap();
    machine.write("pam.d/sshd", "edited\n");
    let edited = machine.tree();
    let Err(BackError::Edited(files)) = undo_in(&machine, &machine.state(), false) else { panic!("undone") };
    let wrote = Some(b"@include common-auth\nauth required pam_mfa.so\n".to_vec());
    let edit = Edited { path: machine.path("pam.d/sshd"), wrote, now: Some(b"edited\n".to_vec()) };
    assert_eq!((files, machine.tree()), (vec![edit], edited));
    undo_in(&machine, &machine.state(), true).unwrap();
    assert_eq!(machine.tree(), before);
    assert_eq!(crate::setup::apply::tests::kept(&machine), ["edited\n"]);
}

#[test]
fn undo_of_what_waits_is_at_once_and_whole() {
    let machine = MadeUp::new();
    let before = machine.tree();
    machine.apply(&plan(&machine), Some(MINUTE)).unwrap();
    machine.write("pam.d/sshd", "edited\n");
    undo_in(&machine, &machine.state(), false).unwrap();
    assert_eq!((machine.tree(), machine.armed()), (before, Vec::new()));
    assert!(machine.calls().ends_with(&["policy".into(), "sshd".into()]));
}

#[test]
fn with_nothing_to_take_back_nothing_is_done() {
    let machine = MadeUp::new();
    assert!(back_in(&machine, &machine.state()).unwrap().is_empty());
    assert!(matches!(undo_in(&machine, &machine.state(), true), Err(BackError::Nothing)));
    assert!(machine.calls().is_empty());
}

#[test]
fn one_file_that_cannot_be_put_back_does_not_keep_the_others_from_it() {
    let machine = MadeUp::new();
    machine.apply(&plan(&machine), ZERO).unwrap();
    fs::remove_file(machine.path("ssh/sshd_config")).unwrap();
    fs::create_dir_all(machine.path("ssh/sshd_config/in the way")).unwrap();
    let Err(BackError::Files(errors)) = back_in(&machine, &machine.state()) else { panic!("put back") };
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(fs::read_to_string(machine.path("pam.d/sshd")).unwrap(), "@include common-auth\n");
    // It is tried again once it can be.
    fs::remove_dir_all(machine.path("ssh/sshd_config")).unwrap();
    back_in(&machine, &machine.state()).unwrap();
    assert_eq!(fs::read_to_string(machine.path("ssh/sshd_config")).unwrap(), "UsePAM yes\n");
}
