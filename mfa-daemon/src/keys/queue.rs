//! Whose turn it is at the keys: one operation at a time on the whole machine, root's applications before users' own,
//! and each lane in the order of its coming.
//!
//! A user's program never holds root up: as soon as a login of root's wants the keys, it loses its turn.

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
    root: RefCell<VecDeque<u64>>,
    plain: RefCell<VecDeque<u64>>,
    numbers: Cell<u64>,
    /// Somebody came, went, or is done.
    moved: Notify,
}

/// A turn; it ends when it is dropped.
pub(super) struct Turn {
    queue: Rc<Queue>,
    lane: Lane,
}

impl Queue {
    /// Waits for a turn until then.
    pub(super) async fn turn(self: &Rc<Self>, lane: Lane, until: Instant) -> Option<Turn> {
        let place = Place::take(self, lane);
        loop {
            let moved = self.moved.notified();
            if place.is_next() {
                self.now.set(Some(lane));
                return Some(Turn { queue: Rc::clone(self), lane });
            }
            timeout_at(until, moved).await.ok()?;
        }
    }

    fn lane(&self, lane: Lane) -> &RefCell<VecDeque<u64>> {
        match lane {
            Lane::Root => &self.root,
            Lane::Plain => &self.plain,
        }
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
    number: u64,
}

impl<'q> Place<'q> {
    fn take(queue: &'q Queue, lane: Lane) -> Self {
        let number = queue.numbers.get();
        queue.numbers.set(number.wrapping_add(1));
        queue.lane(lane).borrow_mut().push_back(number);
        queue.moved.notify_waiters();
        Self { queue, lane, number }
    }

    fn is_next(&self) -> bool {
        let first = self.queue.lane(self.lane).borrow().front() == Some(&self.number);
        let after_root = self.lane == Lane::Plain && !self.queue.root.borrow().is_empty();
        self.queue.now.get().is_none() && first && !after_root
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.queue.lane(self.lane).borrow_mut().retain(|number| *number != self.number);
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
    fn comes(queue: &Rc<Queue>, lane: Lane, name: &'static str, order: &Rc<RefCell<Vec<&'static str>>>) {
        let (queue, order) = (Rc::clone(queue), Rc::clone(order));
        spawn_local(async move {
            let turn = queue.turn(lane, later()).await.unwrap();
            order.borrow_mut().push(name);
            yield_now().await;
            drop(turn);
        });
    }

    #[test]
    fn root_goes_first_and_each_lane_in_the_order_of_its_coming() {
        play(async {
            let (queue, order) = (Rc::new(Queue::default()), Rc::default());
            let first = queue.turn(Lane::Root, later()).await.unwrap();
            for (lane, name) in
                [(Lane::Plain, "plain 1"), (Lane::Plain, "plain 2"), (Lane::Root, "root 1"), (Lane::Root, "root 2")]
            {
                comes(&queue, lane, name, &order);
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
            let turn = queue.turn(Lane::Plain, later()).await.unwrap();
            let ends = spawn_local(async move { turn.is_wanted_by_root().await });
            settle().await;
            comes(&queue, Lane::Plain, "plain", &order);
            settle().await;
            assert!(!ends.is_finished(), "another user's is as good");
            comes(&queue, Lane::Root, "root", &order);
            settle().await;
            assert!(ends.is_finished());
            assert_eq!(*order.borrow(), ["root", "plain"]);
            let turn = queue.turn(Lane::Root, later()).await.unwrap();
            let ends = spawn_local(async move { turn.is_wanted_by_root().await });
            comes(&queue, Lane::Root, "root", &order);
            settle().await;
            assert!(!ends.is_finished());
            ends.abort();
        });
    }

    #[test]
    fn whoever_stops_waiting_holds_nobody_up() {
        play(async {
            let queue = Rc::new(Queue::default());
            let turn = queue.turn(Lane::Root, later()).await.unwrap();
            assert!(queue.turn(Lane::Root, Instant::now()).await.is_none());
            let waiting = Rc::clone(&queue);
            let waits = spawn_local(async move { waiting.turn(Lane::Root, later()).await.is_some() });
            settle().await;
            waits.abort();
            settle().await;
            drop(turn);
            assert!(queue.turn(Lane::Plain, Instant::now() + Duration::from_secs(5)).await.is_some());
        });
    }
}
