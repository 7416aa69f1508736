//! Every fault, from every moment on, in every operation, with a modern key and one of U2F, alone and beside a sound
//! one: never done wrongly, never late, and the sound key works as if there were no other.

use std::thread;
use std::time::Duration;

use mfa_proto::key::{Credential, Failure, Keys, LIST, List, MAKE, Made};
use virtual_key::{Fault, Finger, Moment, Trouble};

use crate::cases::each;
use crate::desk::{Kind, SECONDS, assert, enroll, find, make, sign};
use crate::site::{Reply, Site};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    List,
    Find,
    Make,
    Sign,
}

#[derive(Debug)]
struct Case {
    operation: Operation,
    kind: Kind,
    fault: Fault,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for operation in [Operation::List, Operation::Find, Operation::Make, Operation::Sign] {
        for kind in [Kind::Es256, Kind::U2f] {
            for trouble in Trouble::all() {
                for from in Moment::all() {
                    cases.push(Case { operation, kind, fault: Fault { trouble, from } });
                }
            }
        }
    }
    cases
}

#[test]
fn matrix() {
    each(cases(), |case| {
        let site = Site::new();
        let key = site.key("blue", case.kind.model());
        let credential = enroll(&site, &key, case.kind);
        key.always(Some(Finger::Touch));
        key.fault(Some(case.fault));
        let said = match case.operation {
            Operation::List => {
                let r: Reply<Keys> = site.ask(LIST, &List { models: false, seconds: SECONDS });
                format!("{:?} {:?}", r.result.map(|k| k.keys.len()), r.took)
            }
            Operation::Find => {
                let r = find(&site, &[credential], SECONDS);
                format!("{:?} {:?}", r.result.map(|f| (f.plugged_in, f.matches.len())), r.took)
            }
            Operation::Make => {
                let r: Reply<Made> = site.ask(MAKE, &make(case.kind, SECONDS));
                format!("{:?} {:?}", r.result.map(|_| ()), r.took)
            }
            Operation::Sign => {
                let r = sign(&site, &assert(&[credential], SECONDS));
                format!("{:?} {:?}", r.result.map(|_| ()), r.took)
            }
        };
        println!("MATRIX {:?} {:?} {}: {said}", case.operation, case.kind, case.fault);
    });
}
