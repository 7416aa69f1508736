//! What is put back, and what of other people's work is kept.

use super::*;
use crate::setup::made_up::{MINUTE, MadeUp, plan};
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::time::Duration;

const ZERO: Option<Duration> = Some(Duration::ZERO);

#[test]
fn as_long_as_there_is_time_it_waits_and_a_timer_runs() {
    let machine = MadeUp::new();
    machine.apply(&plan(&machine), Some(MINUTE)).unwrap();
    let done = machine.tree();
    machine.disarm(Timer::Confirm);
    assert!(back_in(&machine, &machine.state()).unwrap().files.is_empty());
    assert_eq!((machine.tree(), machine.armed()), (done, vec![Timer::Confirm]));
    // Without a timer it would wait for ever.
    machine.fails.set(Some("arm"));
    assert_eq!(back_in(&machine, &machine.state()).unwrap().files.len(), 5);
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
    let back = back_in(&machine, &machine.state()).unwrap();
    assert_eq!((back.files.len(), machine.tree()), (5, before));
    // And it is told where.
    let told: Vec<String> = back.kept.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    assert_eq!(told, ["a symbolic link to /nowhere\n", "my own\n"]);
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
    assert!(back_in(&machine, &machine.state()).unwrap().files.is_empty());
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
    // It is tried again once it can be, and what somebody does to the others meanwhile is theirs.
    machine.write("pam.d/sshd", "repaired\n");
    fs::remove_dir_all(machine.path("ssh/sshd_config")).unwrap();
    back_in(&machine, &machine.state()).unwrap();
    assert_eq!(fs::read_to_string(machine.path("ssh/sshd_config")).unwrap(), "UsePAM yes\n");
    assert_eq!(fs::read_to_string(machine.path("pam.d/sshd")).unwrap(), "repaired\n");
    assert!(machine.armed().is_empty() && !machine.state().join("pending").exists());
}

#[test]
fn while_the_daemon_or_sshd_does_not_take_it_they_are_told_again_and_no_repair_is_undone() {
    for what in ["policy", "sshd"] {
        let machine = MadeUp::new();
        let before = machine.tree();
        machine.apply(&plan(&machine), ZERO).unwrap();
        machine.fails.set(Some(what));
        assert!(back_in(&machine, &machine.state()).is_err(), "{what}");
        assert_eq!(machine.tree(), before, "{what}");
        machine.write("ssh/sshd_config", "repaired\n");
        assert!(back_in(&machine, &machine.state()).is_err(), "{what}");
        machine.fails.set(None);
        assert_eq!(back_in(&machine, &machine.state()).unwrap().files.len(), 5, "{what}");
        assert_eq!(fs::read_to_string(machine.path("ssh/sshd_config")).unwrap(), "repaired\n", "{what}");
        assert!(machine.armed().is_empty() && !machine.state().join("pending").exists(), "{what}");
    }
}

#[test]
fn what_cannot_be_taken_back_is_tried_again_less_and_less_often_and_told_once() {
    let machine = MadeUp::new();
    machine.apply(&plan(&machine), ZERO).unwrap();
    let run = || run_in(&machine, &machine.state()).unwrap();
    let told = || match run() {
        Run::Later(told) => told,
        Run::Done(done) => panic!("{done:?}"),
    };
    machine.fails.set(Some("sshd"));
    let first = told().unwrap();
    assert!(first.starts_with("The files are as they were, but sshd does not take them: sshd fails."), "{first}");
    assert!((0..8).all(|_| told().is_none()));
    let pauses: Vec<u64> =
        machine.times().iter().filter(|(timer, _)| *timer == Timer::Again).map(|(_, pause)| pause.as_secs()).collect();
    assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
    // Something else that keeps it from that is told, too.
    machine.fails.set(Some("policy"));
    assert!(told().unwrap().contains("the daemon does not take the policy"));
    assert_eq!(told(), None);
    // Once they take it, it is over, whether there could be a timer or not.
    machine.fails.set(Some("arm"));
    assert!(matches!(run(), Run::Done(_)));
    assert!(machine.armed().is_empty() && !machine.state().join("pending").exists());
}

#[test]
fn what_is_as_it_was_is_not_written_again() {
    let machine = MadeUp::new();
    // It ends after it has written down the way back, and before it changes anything.
    assert!(!machine.killed_after(&plan(&machine), None, 2));
    let (etc, sshd) = (machine.path("pam.d"), machine.path("pam.d/sshd"));
    let look = || [&etc, &sshd].map(|path| fs::metadata(path).unwrap()).map(|data| (data.ino(), data.ctime_nsec()));
    let before = look();
    assert_eq!(back_in(&machine, &machine.state()).unwrap().files.len(), 5);
    assert_eq!(look(), before);
}

#[test]
fn what_lay_beside_since_before_the_change_takes_its_place_again_and_nothing_is_written() {
    let machine = MadeUp::new();
    let before = machine.tree();
    machine.apply(&plan(&machine), ZERO).unwrap();
    let old = |name: &str| fs::metadata(machine.path(&format!("pam.d/.{name}.mfa-setup-old"))).unwrap().ino();
    let laid = ["sshd", "sudo"].map(old);
    back_in(&machine, &machine.state()).unwrap();
    let there = |name: &str| fs::metadata(machine.path(&format!("pam.d/{name}"))).unwrap().ino();
    assert_eq!((["sshd", "sudo"].map(there), machine.tree()), (laid, before));
}

#[test]
fn what_somebody_has_made_of_the_text_beside_is_not_put_back() {
    let machine = MadeUp::new();
    let before = machine.tree();
    machine.apply(&plan(&machine), ZERO).unwrap();
    machine.write("pam.d/.sshd.mfa-setup-old", "auth sufficient pam_permit.so\n");
    fs::remove_file(machine.path("pam.d/.sudo.mfa-setup-old")).unwrap();
    back_in(&machine, &machine.state()).unwrap();
    assert_eq!(machine.tree(), before);
}
