//! Wherever applying ends, nothing is changed or there is a way back to every byte.

use super::*;
use crate::setup::back::{back_in, undo_in};
use crate::setup::made_up::{MINUTE, MadeUp, Tree, plan};
use crate::setup::typed::Person;
use std::fs;

/// What sshd is asked of alice.
const OF_ALICE: &str = "sshd of user=alice,host=10.0.0.9,addr=10.0.0.9,laddr=127.0.0.1,lport=22,rdomain=";

#[test]
fn killed_after_any_step_everything_is_taken_back_to_the_last_byte() {
    for within in [Some(MINUTE), Some(Duration::ZERO), None] {
        for steps in 0.. {
            let machine = MadeUp::new();
            let before = machine.tree();
            let ended = machine.killed_after(&plan(&machine), within, steps);
            let may_stay = within != Some(Duration::ZERO);
            match state_of(&machine) {
                Some(Stage::Waiting { .. } | Stage::Confirmed { .. }) if may_stay => assert!(ended || steps > 15),
                _ => goes_back(&machine, &before, steps),
            }
            if ended {
                assert!(steps > 16, "{steps}");
                break;
            }
        }
    }
}

fn goes_back(machine: &MadeUp, before: &Tree, steps: usize) {
    // Before anything is changed a timer runs, and the boot knows.
    let is_untouched = machine.tree() == *before;
    assert!(is_untouched || !machine.armed().is_empty(), "{steps}: no timer");
    assert!(is_untouched || machine.state().join("pending").exists(), "{steps}: not for the boot");
    back_in(machine, &machine.state()).unwrap();
    assert_eq!(machine.tree(), *before, "{steps}");
    assert_eq!(state_of(machine), None, "{steps}");
}

fn state_of(machine: &MadeUp) -> Option<Stage> {
    let store = Store::open(&machine.state()).unwrap();
    store.pending().unwrap().or_else(|| store.applied().unwrap()).map(|state| state.stage)
}

#[test]
fn killed_after_any_step_setup_can_be_run_again_and_undone() {
    for steps in 0.. {
        let machine = MadeUp::new();
        let (before, plan) = (machine.tree(), plan(&machine));
        if machine.killed_after(&plan, None, steps) {
            break;
        }
        // What was interrupted is taken back before the plan is looked at; what was done is not done twice.
        if state_of(&machine).is_none_or(|stage| stage == Stage::Applying) {
            machine.apply(&plan, None).unwrap();
        }
        assert!(fs::read_to_string(machine.path("pam.d/sshd")).unwrap().contains("pam_mfa"));
        undo_in(&machine, &machine.state(), false).unwrap();
        assert_eq!(machine.tree(), before, "{steps}");
    }
}

#[test]
fn killed_on_the_way_back_too_everything_comes_back() {
    let machine = MadeUp::new();
    let before = machine.tree();
    machine.apply(&plan(&machine), Some(Duration::ZERO)).unwrap();
    // Half of the files are back, as if it had been killed between two.
    machine.write("ssh/sshd_config", "UsePAM yes\n");
    fs::remove_file(machine.path("ssh/sshd_config.d/01-mfa.conf")).unwrap();
    back_in(&machine, &machine.state()).unwrap();
    assert_eq!(machine.tree(), before);
}

#[test]
fn however_long_it_may_wait_what_is_interrupted_is_taken_back_in_minutes() {
    let machine = MadeUp::new();
    let day = Duration::from_secs(24 * 60 * 60);
    machine.apply(&plan(&machine), Some(day)).unwrap();
    let times = machine.times();
    assert!(
        matches!(times.as_slice(), [(Timer::Guard, guard), (Timer::Confirm, _)] if *guard < 5 * MINUTE),
        "{times:?}"
    );
    assert_eq!(times.last(), Some(&(Timer::Confirm, day)));
}

#[test]
fn whatever_fails_on_the_way_everything_is_as_it_was() {
    for what in ["arm", "policy", "try", "check sshd", OF_ALICE, "sshd"] {
        let machine = MadeUp::new();
        let before = machine.tree();
        machine.fails.set(Some(what));
        let error = machine.apply(&plan(&machine), Some(MINUTE)).unwrap_err();
        assert_eq!(machine.tree(), before, "{what}");
        // An sshd, or a daemon, that does not take its old configuration either is not forgotten.
        let is_stuck = matches!(error, ApplyError::Stuck { .. });
        assert_eq!(is_stuck, what == "sshd" || what == "policy", "{error}");
        assert!(is_stuck || !machine.state().join("pending").exists(), "{what}");
    }
}

#[test]
fn a_login_is_typed_before_anything_is_live_and_gives_time_for_it() {
    struct Nobody;
    impl Person for Nobody {
        fn say(&mut self, _: &str) {}

        fn ask(&mut self, _: &str, _: bool) -> Option<mfa_proto::Secret> {
            None
        }
    }
    let machine = MadeUp::new();
    let (before, plan) = (machine.tree(), plan(&machine));
    machine.fails.set(Some("typed by alice"));
    let mut person = Nobody;
    let typed = Typed { trial: &plan.trials[0], person: &mut person };
    let mut applying = Applying::begin(&machine, &machine.state(), &plan, Some(MINUTE), Some(typed)).unwrap();
    let error = std::iter::from_fn(|| Some(applying.step())).find_map(Result::err).unwrap();
    assert!(matches!(error, ApplyError::Trial(_)), "{error}");
    assert_eq!(machine.calls(), ["arm", "policy", "try", "typed by alice", "policy", "sshd"]);
    assert_eq!(machine.tree(), before);
    assert!(machine.times()[0].1 > typed::LONGEST + Duration::from_secs(60));
}

#[test]
fn what_sshd_would_do_otherwise_with_somebody_takes_everything_back_before_it_is_told() {
    let machine = MadeUp::new();
    let before = machine.tree();
    machine.says.replace("usepam no".into());
    let error = machine.apply(&plan(&machine), Some(MINUTE)).unwrap_err();
    assert!(matches!(&error, ApplyError::Differs(_)), "{error}");
    let told = "A login over ssh of alice (in the group) would not be as meant: for them sshd has usepam no, where yes";
    assert!(error.to_string().starts_with(told), "{error}");
    assert_eq!(machine.tree(), before);
    // It is told once: on the way back.
    assert_eq!(machine.calls().iter().filter(|call| *call == "sshd").count(), 1);
}

#[test]
fn the_way_back_comes_first_then_the_policy_then_the_stacks_and_sshd_last() {
    let machine = MadeUp::new();
    let pending = machine.apply(&plan(&machine), Some(MINUTE)).unwrap();
    assert_eq!(machine.calls(), ["arm", "policy", "try", "check sshd", OF_ALICE, "sshd", "arm"]);
    assert_eq!(machine.armed(), [Timer::Confirm]);
    assert!(pending.code.len() == 4 && pending.code.bytes().all(|byte| byte.is_ascii_digit()), "{pending:?}");
    assert!(pending.until > SystemTime::now());
    let plan = plan(&machine);
    assert!(matches!(machine.apply(&plan, None), Err(ApplyError::Pending)));
}

#[test]
fn where_not_all_can_be_written_nothing_is_live() {
    let machine = MadeUp::new();
    let plan = plan(&machine);
    let before = machine.tree();
    let mut applying = Applying::begin(&machine, &machine.state(), &plan, Some(MINUTE), None).unwrap();
    while applying.steps.as_slice().iter().any(|step| matches!(step, Step::Lay(_))) {
        assert!(applying.step().unwrap());
    }
    let is_same = |(path, old): (&PathBuf, _)| path.is_dir() || machine.tree().get(path) == Some(old);
    assert!(before.iter().all(is_same));
    assert_eq!(machine.calls(), ["arm"]);
    drop(applying);
    back_in(&machine, &machine.state()).unwrap();
    assert_eq!(machine.tree(), before);
}

#[test]
fn a_file_that_is_not_as_it_was_read_is_left_alone_and_so_are_all_others() {
    let machine = MadeUp::new();
    let plan = plan(&machine);
    machine.write("ssh/sshd_config", "UsePAM no\n");
    let before = machine.tree();
    assert!(matches!(machine.apply(&plan, Some(MINUTE)), Err(ApplyError::Changed(_))));
    assert_eq!(machine.tree(), before);
    // Nor is one that is changed in the middle.
    let machine = MadeUp::new();
    let plan = self::plan(&machine);
    let mut applying = Applying::begin(&machine, &machine.state(), &plan, Some(MINUTE), None).unwrap();
    while !machine.calls().contains(&"try".to_owned()) {
        assert!(applying.step().unwrap());
    }
    machine.write("pam.d/sshd", "somebody's own\n");
    let error = std::iter::from_fn(|| Some(applying.step())).find_map(Result::err).unwrap();
    assert!(matches!(error, ApplyError::Changed(_)), "{error}");
    drop(applying);
    // It was not ours to put back: what stood there before setup is there again, and the edit is kept.
    assert_eq!(fs::read_to_string(machine.path("pam.d/sshd")).unwrap(), "@include common-auth\n");
    assert_eq!(kept(&machine), ["somebody's own\n"]);
}

/// What was kept of other people's edits.
pub(crate) fn kept(machine: &MadeUp) -> Vec<String> {
    let entries = fs::read_dir(machine.state()).unwrap().map(|entry| entry.unwrap());
    let folders = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("kept-"));
    let mut texts = Vec::new();
    for folder in folders {
        let mut within = vec![folder.path()];
        while let Some(path) = within.pop() {
            if path.is_dir() {
                within.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            } else {
                texts.push(fs::read_to_string(path).unwrap());
            }
        }
    }
    texts
}

#[test]
fn a_link_in_place_of_a_stack_is_refused_before_anything_is_written() {
    let machine = MadeUp::new();
    let plan = plan(&machine);
    fs::rename(machine.path("pam.d/sshd"), machine.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(machine.path("elsewhere"), machine.path("pam.d/sshd")).unwrap();
    let before = machine.tree();
    assert!(matches!(machine.apply(&plan, Some(MINUTE)), Err(ApplyError::File(FileError::Link(_)))));
    assert_eq!(machine.tree(), before);
    assert!(machine.calls().is_empty());
}

#[test]
fn the_next_setup_is_undone_before_the_one_before_it() {
    let machine = MadeUp::new();
    let first = machine.tree();
    machine.apply(&plan(&machine), None).unwrap();
    let second = machine.tree();
    let change = FileChange {
        path: machine.path("pam.d/login"),
        before: None,
        after: Some(b"auth required pam_mfa.so\n".to_vec()),
        mode: 0o644,
    };
    machine.apply(&Plan { files: vec![change], ..Plan::default() }, None).unwrap();
    assert_ne!(machine.tree(), second);
    undo_in(&machine, &machine.state(), false).unwrap();
    assert_eq!(machine.tree(), second);
    undo_in(&machine, &machine.state(), false).unwrap();
    assert_eq!(machine.tree(), first);
    assert!(matches!(undo_in(&machine, &machine.state(), false), Err(BackError::Nothing)));
}
