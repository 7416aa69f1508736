//! Every fault, from every moment on, in every operation, with a modern key and one of U2F: what comes of it is right
//! and in time, and nothing is taken for done that is not; and a sound key beside it works as if there were no other.

use mfa_proto::key::{Failure, Keys, LIST, List};
use virtual_key::{Fault, Finger, Moment, Trouble};

use crate::cases::each;
use crate::desk::{AMPLE, How, Kind, SHORT, enroll, find, make, sign};
use crate::site::Site;

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

fn cases(operations: &[Operation]) -> Vec<Case> {
    let mut cases = Vec::new();
    for &operation in operations {
        for kind in [Kind::Es256, Kind::U2f] {
            // A lie about a signature is no fault of the line: what comes of it is told with the PINs.
            for trouble in Trouble::all().filter(|trouble| *trouble != Trouble::RubbishSignature) {
                for from in Moment::all() {
                    cases.push(Case { operation, kind, fault: Fault { trouble, from } });
                }
            }
        }
    }
    cases
}

impl Case {
    /// How far the conversation goes.
    fn reaches(&self) -> Moment {
        match (self.operation, self.kind) {
            // All that a key of U2F says of itself is in its first frame.
            (Operation::List, Kind::U2f) => Moment::FirstFrame,
            (Operation::List, _) => Moment::ChannelOpen,
            (Operation::Find, _) => Moment::Command,
            (Operation::Make | Operation::Sign, _) => Moment::Blinking,
        }
    }

    /// Why it is not done, where it is not.
    fn why(&self) -> Option<Why> {
        let (reaches, is_modern) = (self.reaches(), self.kind != Kind::U2f);
        let asks = reaches >= Moment::ChannelOpen;
        let begins = self.fault.from == Moment::FirstFrame;
        let why = match self.fault.trouble {
            Trouble::OthersFrames | Trouble::RubbishSignature => None,
            // What is short is an answer to a command; what U2F answers has no such data.
            Trouble::ShortCbor => asks.then_some(Why::Nonsense),
            Trouble::ShortAuthenticatorData => (reaches >= Moment::Command && is_modern).then_some(Why::Nonsense),
            Trouble::WrongSequence | Trouble::HugeLength => Some(Why::Nonsense),
            // The length of the first answer of all is known.
            Trouble::Truncated if begins => Some(Why::Nonsense),
            Trouble::Silent | Trouble::WrongChannel | Trouble::Flood | Trouble::Truncated => Some(Why::NoAnswer),
            Trouble::KeepaliveForEver | Trouble::Noise => Some(Why::NoAnswer),
            Trouble::Busy => Some(Why::Busy),
            Trouble::Unplugged => Some(Why::Unplugged),
        };
        why.filter(|_| self.fault.from <= reaches)
    }
}

/// Why something is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    NoAnswer,
    Nonsense,
    Busy,
    Unplugged,
}

impl Why {
    fn of(failure: &Failure) -> Option<Self> {
        match failure {
            Failure::TimedOut => Some(Self::NoAnswer),
            Failure::Failed { .. } => Some(Self::Nonsense),
            Failure::Busy => Some(Self::Busy),
            Failure::Unplugged => Some(Self::Unplugged),
            _ => None,
        }
    }
}

#[test]
fn a_faulty_key_is_answered_for_rightly_and_in_time() {
    each(cases(&[Operation::List, Operation::Find, Operation::Make, Operation::Sign]), alone);
}

fn alone(case: &Case) {
    let site = Site::new();
    let key = site.key("blue", case.kind.model());
    let credential = enroll(&site, &key, case.kind);
    key.always(Some(Finger::Touch));
    key.fault(Some(case.fault));
    let why = case.why();
    // What may still come is waited for; a key that blinks and is busy then is not asked again.
    let waits = why == Some(Why::NoAnswer) || why == Some(Why::Busy) && case.fault.from < Moment::Blinking;
    let how = How::within(if waits { SHORT } else { AMPLE });
    let outcome = match case.operation {
        Operation::List => list(&site, how.seconds),
        Operation::Make => make(&site, case.kind, &how, &[]).map(drop),
        Operation::Sign => sign(&site, &[&credential], &how),
        // A key that cannot be asked is a key that is plugged in and on which nothing was found.
        Operation::Find => {
            let found = find(&site, &[&credential], how.seconds);
            match why {
                Some(Why::Busy) => assert_eq!(found.unwrap_err(), Failure::Busy),
                _ => assert_eq!(found.unwrap().matches.len(), usize::from(why.is_none())),
            }
            return;
        }
    };
    match outcome {
        Ok(()) => assert_eq!(why, None),
        Err(failure) => assert_eq!(Why::of(&failure), why, "{failure:?}"),
    }
}

fn list(site: &Site, seconds: u32) -> Result<(), Failure> {
    let keys = site.call(LIST, &List { models: true, seconds }).end::<Keys>()?.keys;
    let [key] = &keys[..] else { panic!("{keys:?}") };
    assert_eq!(key.product.as_deref(), Some("blue"));
    Ok(())
}

#[test]
fn a_sound_key_beside_a_faulty_one_signs_as_if_it_were_alone() {
    each(cases(&[Operation::Find, Operation::Sign]), beside);
}

fn beside(case: &Case) {
    let site = Site::new();
    let sound = site.key("red", case.kind.model());
    let credential = enroll(&site, &sound, case.kind);
    let faulty = site.key("blue", case.kind.model());
    faulty.always(Some(Finger::Touch));
    faulty.fault(Some(case.fault));
    sound.always(Some(Finger::Touch));
    if case.operation == Operation::Find {
        assert_eq!(find(&site, &[&credential], AMPLE).unwrap().matches.len(), 1);
    } else {
        assert_eq!(sign(&site, &[&credential], &How::within(AMPLE)), Ok(()));
    }
    assert_eq!(faulty.seen().asked, 0, "the faulty key blinked");
}
