//! What the module is to the program that loads it: what it needs, what it shows, and what is left when it is gone.

use crate::daemon::{asks, ends, play};
use crate::stage::{RECOMMENDED, Stage, built};
use mfa_proto::login::Outcome;
use std::collections::BTreeSet;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::thread;

fn output(program: &str, arguments: &[&str], file: &Path) -> String {
    let output = Command::new(program).args(arguments).arg(file).output().unwrap();
    assert!(output.status.success(), "{program}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_panic_is_caught_without_a_word_and_without_libgcc_s() {
    let stage = Stage::new();
    stage.replace_module("libpanicking.so");
    stage.stack("sshd", RECOMMENDED);
    let played = stage.play("sshd", "alice", &["auth", "auth", "state"]);
    assert_eq!(played.lines[..2], ["auth 4", "auth 4"]);
    assert_eq!((played.figures("libgcc_s"), played.figures("module")), (vec![0], vec![1]));
}

#[test]
fn the_module_needs_libpam_and_libc_alone_and_binds_at_once() {
    let dynamic = output("readelf", &["-d", "-W"], &built("libpam_mfa.so"));
    let needed: BTreeSet<&str> = dynamic
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .filter_map(|line| line.split(['[', ']']).nth(1))
        .filter(|library| !library.starts_with("ld-linux"))
        .collect();
    assert_eq!(needed, BTreeSet::from(["libc.so.6", "libpam.so.0"]));
    assert!(dynamic.contains("BIND_NOW") && !dynamic.contains("SONAME"), "{dynamic}");
    assert!(!dynamic.contains("RPATH") && !dynamic.contains("RUNPATH") && !dynamic.contains("TEXTREL"), "{dynamic}");
    assert!(output("readelf", &["-l", "-W"], &built("libpam_mfa.so")).contains("GNU_RELRO"));
}

#[test]
fn the_hooks_are_the_only_symbols() {
    let symbols = output("nm", &["-D", "--defined-only"], &built("libpam_mfa.so"));
    let symbols: BTreeSet<&str> = symbols.lines().filter_map(|line| line.split(' ').next_back()).collect();
    assert_eq!(symbols, BTreeSet::from(["pam_sm_acct_mgmt", "pam_sm_authenticate", "pam_sm_setcred"]));
}

#[test]
fn at_most_twelve_crates_that_are_not_ours_are_linked() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--package", "pam_mfa", "--edges", "normal,no-proc-macro", "--prefix", "none"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{tree:?}");
    let tree = String::from_utf8(tree.stdout).unwrap();
    let foreign: BTreeSet<&str> =
        tree.lines().filter(|line| !line.contains('/')).filter_map(|line| line.split(' ').next()).collect();
    assert!(foreign.contains("serde_json") && foreign.len() <= 12, "{foreign:?}");
}

#[test]
fn ten_thousand_logins_leave_no_thread_no_descriptor_and_no_byte() {
    let stage = Stage::new();
    stage.stack("sshd", "auth required MODULE\naccount required MODULE");
    let listener = UnixListener::bind(stage.root_socket()).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            play(stream.unwrap(), vec![asks(), ends(Outcome::Pass)]);
        }
    });
    // The first thousand are for malloc, whose caches fill up.
    let steps = ["reply=492817", "repeat=1000", "state", "repeat=10000", "state"];
    let played = stage.play("sshd", "alice", &steps);
    let figures = |name| <[i64; 2]>::try_from(played.figures(name)).unwrap();
    assert_eq!((figures("threads"), figures("libgcc_s")), ([1, 1], [0, 0]));
    assert_eq!(figures("module"), [0, 0], "it is unloaded: an upgrade is in force at the next login");
    let descriptors = figures("descriptors");
    assert_eq!(descriptors[0], descriptors[1]);
    // malloc's own caches move by some hundred bytes; the smallest leak a login would come to 320,000.
    let heap = figures("heap");
    assert!(heap[1] - heap[0] < 4096, "{heap:?}");
}
