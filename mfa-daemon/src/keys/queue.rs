//! Whose turn it is at the keys: one operation at a time on the whole machine, root's applications before users' own,
//! and each lane in the order of its coming.
//!
//! A user's program never holds root up: as soon as a login of root's wants the keys, it loses its turn. Nor does an
//! account hold others up: one of its operations waits at the most, and behind those of accounts that have waited while
//! it had its turn. A further one is told so at once.

use crate::accounts::Lane;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// Everybody who waits, and the one whose turn it is.
#[derive(Default)]
pub(super) struct Queue {
    now: Cell<Option<Lane>>,
    /// Whose operation was the last that had its turn.
    last: Cell<Option<Uid>>,
    root: RefCell<VecDeque<Waiting>>,
    plain: RefCell<VecDeque<Waiting>>,
    numbers: Cell<u64>,
    /// Somebody came, went, or is done.
    moved: Notify,
}

/// Whose keys.
type Uid = u32;

/// Somebody who waits.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Waiting {
    number: u64,
    whose: Uid,
}

/// A turn; it ends when it is dropped.
pub(crate) struct Turn {
    queue: Rc<Queue>,
    lane: Lane,
}

impl Queue {
    /// Waits until then for a turn at this account's keys, unless another operation of it waits already.
    pub(super) async fn turn(self: &Rc<Self>, (lane, whose): (Lane, Uid), until: Instant) -> Option<Turn> {
        let place = Place::take(self, lane, whose)?;
        loop {
            let moved = self.moved.notified();
            if place.is_next() {
                self.now.set(Some(lane));
                self.last.set(Some(whose));
                return Some(Turn { queue: Rc::clone(self), lane });
            }
            timeout_at(until, moved).await.ok()?;
        }
    }

    fn lane(&self, lane: Lane) -> &RefCell<VecDeque<Waiting>> {
        match lane {
            Lane::Root => &self.root,
            Lane::Plain => &self.plain,
        }
    }

    /// The first who waits there and has not just had a turn; else the first.
    fn next(&self, lane: Lane) -> Option<Waiting> {
        let waiting = self.lane(lane).borrow();
        let another = waiting.iter().find(|one| Some(one.whose) != self.last.get());
        another.or(waiting.front()).copied()
    }
}

impl Turn {
    /// Comes back when this turn must end, since root's application wants the keys; never for root's own turns.
    pub(super) async fn is_wanted_by_root(&self) {
        loop {
            let moved = self.queue.moved.notified();
            if self.lane == Lane::Plain && !self.queue.root.borrow().is_empty() {
                return;
            }
            moved.await;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.queue.now.set(None);
        self.queue.moved.notify_waiters();
    }
}

/// A place in a lane; it is left when it is dropped.
struct Place<'q> {
    queue: &'q Queue,
    lane: Lane,
    waiting: Waiting,
}

impl<'q> Place<'q> {
    fn take(queue: &'q Queue, lane: Lane, whose: Uid) -> Option<Self> {
        if queue.lane(lane).borrow().iter().any(|one| one.whose == whose) {
            return None;
        }
        let waiting = Waiting { number: queue.numbers.get(), whose };
        queue.numbers.set(waiting.number.wrapping_add(1));
        queue.lane(lane).borrow_mut().push_back(waiting);
        queue.moved.notify_waiters();
        Some(Self { queue, lane, waiting })
    }

    fn is_next(&self) -> bool {
        let after_root = self.lane == Lane::Plain && !self.queue.root.borrow().is_empty();
        self.queue.now.get().is_none() && !after_root && self.queue.next(self.lane) == Some(self.waiting)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.queue.lane(self.lane).borrow_mut().retain(|one| *one != self.waiting);
        self.queue.moved.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::task::{LocalSet, spawn_local, yield_now};

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    async fn settle() {
        for _ in 0..20 {
            yield_now().await;
        }
    }

    fn play(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, test);
    }

    /// Takes a turn and notes it.
    fn comes(queue: &Rc<Queue>, who: (Lane, Uid), name: &'static str, order: &Rc<RefCell<Vec<&'static str>>>) {
        let (queue, order) = (Rc::clone(queue), Rc::clone(order));
        spawn_local(async move {
            let turn = queue.turn(who, later()).await.unwrap();
            order.borrow_mut().push(name);
            yield_now().await;
            drop(turn);
        });
    }

    #[test]
    fn root_goes_first_and_each_lane_in_the_order_of_its_coming() {
        play(async {
            let (queue, order) = (Rc::new(Queue::default()), Rc::default());
            let first = queue.turn((Lane::Root, 0), later()).await.unwrap();
            for (who, name) in [
                ((Lane::Plain, 1), "plain 1"),
                ((Lane::Plain, 2), "plain 2"),
                ((Lane::Root, 1), "root 1"),
                ((Lane::Root, 2), "root 2"),
            ] {
                comes(&queue, who, name, &order);
                settle().await;
            }
            drop(first);
            settle().await;
            assert_eq!(*order.borrow(), ["root 1", "root 2", "plain 1", "plain 2"]);
        });
    }

    #[test]
    fn a_users_turn_ends_as_soon_as_root_comes_and_roots_own_does_not() {
        play(async {
            let (queue, order) = (Rc::new(Queue::default()), Rc::default());
            let turn = queue.turn((Lane::Plain, 1), later()).await.unwrap();
            let ends = spawn_local(async move { turn.is_wanted_by_root().await });
            settle().await;
            comes(&queue, (Lane::Plain, 2), "plain", &order);
            settle().await;
            assert!(!ends.is_finished(), "another user's is as good");
            comes(&queue, (Lane::Root, 1), "root", &order);
            settle().await;
            assert!(ends.is_finished());
            assert_eq!(*order.borrow(), ["root", "plain"]);
            let turn = queue.turn((Lane::Root, 1), later()).await.unwrap();
            let ends = spawn_local(async move { turn.is_wanted_by_root().await });
            comes(&queue, (Lane::Root, 2), "root", &order);
            settle().await;
            assert!(!ends.is_finished());
            ends.abort();
        });
    }

    #[test]
    fn whoever_stops_waiting_holds_nobody_up() {
        play(async {
            let queue = Rc::new(Queue::default());
            let turn = queue.turn((Lane::Root, 1), later()).await.unwrap();
            assert!(queue.turn((Lane::Root, 2), Instant::now()).await.is_none());
            let waiting = Rc::clone(&queue);
            let waits = spawn_local(async move { waiting.turn((Lane::Root, 2), later()).await.is_some() });
            settle().await;
            waits.abort();
            settle().await;
            drop(turn);
            assert!(queue.turn((Lane::Plain, 2), Instant::now() + Duration::from_secs(5)).await.is_some());
        });
    }

    #[test]
    fn of_one_account_one_operation_waits_and_a_further_one_is_told_at_once() {
        play(async {
            let (queue, order) = (Rc::new(Queue::default()), Rc::default());
            let turn = queue.turn((Lane::Root, 1), later()).await.unwrap();
            comes(&queue, (Lane::Root, 1), "waits", &order);
            settle().await;
            for _ in 0..3 {
                assert!(queue.turn((Lane::Root, 1), later()).await.is_none());
            }
            comes(&queue, (Lane::Root, 2), "another account's", &order);
            comes(&queue, (Lane::Plain, 1), "a program of its own", &order);
            settle().await;
            drop(turn);
            settle().await;
            assert_eq!(*order.borrow(), ["another account's", "waits", "a program of its own"]);
            assert!(queue.turn((Lane::Root, 1), later()).await.is_some(), "and again, once nothing of it waits");
        });
    }

    #[test]
    fn an_account_that_comes_again_and_again_goes_after_those_who_have_waited() {
        play(async {
            let (queue, order) = (Rc::new(Queue::default()), Rc::default());
            let turn = queue.turn((Lane::Root, 1), later()).await.unwrap();
            comes(&queue, (Lane::Root, 1), "one again", &order);
            settle().await;
            comes(&queue, (Lane::Root, 2), "two", &order);
            comes(&queue, (Lane::Root, 3), "three", &order);
            settle().await;
            drop(turn);
            settle().await;
            assert_eq!(*order.borrow(), ["two", "one again", "three"]);
        });
    }
}
