//! How many connections each user may have, so that nobody can take them all.

use super::Peer;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Connections of one user who is not root.
const EACH: usize = 16;
/// Connections of all users who are not root, at the most.
const ALL: usize = 4096;
/// Connections of root, at the most: every login that is being answered is one.
const ROOT: usize = 8192;

/// Who holds how many.
pub(super) struct Places {
    taken: Rc<RefCell<Taken>>,
    all: usize,
    root: usize,
}

#[derive(Default)]
struct Taken {
    by_uid: HashMap<u32, usize>,
    plain: usize,
}

/// One connection's place; free again when dropped.
pub(super) struct Place {
    taken: Rc<RefCell<Taken>>,
    peer: Peer,
}

impl Places {
    /// Within this many descriptors: a quarter of them for everybody, half for root, the rest for the daemon's files
    /// and the name service, which would fail without.
    pub(super) fn within(descriptors: u64) -> Self {
        let part = |of: u64| usize::try_from(descriptors / of).unwrap_or(usize::MAX);
        Self { taken: Rc::default(), all: ALL.min(part(4)), root: ROOT.min(part(2)) }
    }

    /// A place, if there is one left for this peer.
    pub(super) fn take(&mut self, peer: Peer) -> Option<Place> {
        let mut taken = self.taken.borrow_mut();
        let of_this = taken.by_uid.get(&peer.uid).copied().unwrap_or(0);
        let free = if peer.is_root() { of_this < self.root } else { of_this < EACH && taken.plain < self.all };
        if !free {
            return None;
        }
        taken.by_uid.insert(peer.uid, of_this + 1);
        taken.plain += usize::from(!peer.is_root());
        Some(Place { taken: Rc::clone(&self.taken), peer })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.borrow_mut();
        taken.plain -= usize::from(!self.peer.is_root());
        match taken.by_uid.get(&self.peer.uid).copied() {
            Some(held) if held > 1 => taken.by_uid.insert(self.peer.uid, held - 1),
            _ => taken.by_uid.remove(&self.peer.uid),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: Peer = Peer { uid: 1000 };
    const BOB: Peer = Peer { uid: 1001 };

    #[test]
    fn one_user_cannot_take_the_places_of_another_or_of_root() {
        let mut places = Places::within(u64::MAX);
        let held: Vec<_> = std::iter::from_fn(|| places.take(ALICE)).collect();
        assert_eq!(held.len(), EACH);
        assert!(places.take(BOB).is_some());
        assert!(places.take(Peer { uid: 0 }).is_some());
        drop(held);
        assert!(places.take(ALICE).is_some());
        assert_eq!(places.taken.borrow().plain, 0);
    }

    #[test]
    fn all_users_together_leave_root_its_places() {
        let mut places = Places::within(u64::MAX);
        let held: Vec<_> = (1000..).map_while(|uid| places.take(Peer { uid })).collect();
        assert_eq!(held.len(), ALL);
        assert!(places.take(Peer { uid: 0 }).is_some());
    }

    #[test]
    fn with_few_descriptors_there_are_few_places_and_the_daemon_keeps_some() {
        let mut places = Places::within(1024);
        let plain: Vec<_> = (1000..).map_while(|uid| places.take(Peer { uid })).collect();
        let root: Vec<_> = std::iter::from_fn(|| places.take(Peer { uid: 0 })).collect();
        assert_eq!((plain.len(), root.len()), (256, 512));
    }
}
