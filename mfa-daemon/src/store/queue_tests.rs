//! Tests of who may wait.

use super::*;

fn job(peer: u32) -> (Job, oneshot::Receiver<Result<Committed, StoreError>>) {
    let (answer, answered) = oneshot::channel();
    (Job { work: Work::Panic, context: Context::of_peer(peer), answer }, answered)
}

/// How many jobs of this peer still fit.
fn fit(queue: &Queue, peer: u32) -> usize {
    (0..).take_while(|_| queue.push(job(peer).0).is_ok()).count()
}

#[test]
fn one_user_has_a_share_and_all_plain_users_leave_room_for_root() {
    let queue = Queue::new();
    assert_eq!(fit(&queue, 1000), MOST_OF_ONE);
    let others: usize = (2000..2100).map(|uid| fit(&queue, uid)).sum();
    assert_eq!(others, MOST_PLAIN - MOST_OF_ONE);
    assert_eq!(fit(&queue, 0), MOST - MOST_PLAIN);
}

#[test]
fn roots_jobs_do_not_use_up_what_plain_users_may_have() {
    let queue = Queue::new();
    for _ in 0..MOST - MOST_PLAIN {
        queue.push(job(0).0).unwrap();
    }
    assert_eq!(fit(&queue, 1000), MOST_OF_ONE);
}

#[test]
fn what_does_not_fit_is_refused_at_once() {
    let queue = Queue::new();
    fit(&queue, 0);
    assert_eq!(queue.push(job(0).0), Err(StoreError::Busy));
}

#[test]
fn a_place_is_free_again_once_its_job_was_answered_and_not_when_it_was_taken() {
    let queue = Queue::new();
    fit(&queue, 1000);
    assert_eq!(queue.take().unwrap().len(), MOST_OF_ONE);
    assert_eq!(fit(&queue, 1000), 0);
    queue.answered(1000);
    assert_eq!(fit(&queue, 1000), 1);
}

#[test]
fn jobs_are_taken_in_the_order_in_which_they_came() {
    let queue = Queue::new();
    for peer in [3, 0, 7] {
        queue.push(job(peer).0).unwrap();
    }
    let peers: Vec<_> = queue.take().unwrap().iter().map(|job| job.context.peer_uid).collect();
    assert_eq!(peers, [3, 0, 7]);
}

#[test]
fn a_closed_queue_is_emptied_and_takes_nothing_new() {
    let queue = Queue::new();
    queue.push(job(0).0).unwrap();
    queue.close();
    assert_eq!(queue.push(job(0).0), Err(StoreError::Stopped));
    assert_eq!(queue.take().map(|jobs| jobs.len()), Some(1));
    assert!(queue.take().is_none());
}

#[test]
fn when_the_writer_has_ended_whoever_waits_is_told() {
    let queue = Queue::new();
    let (job, mut answered) = job(0);
    queue.push(job).unwrap();
    queue.die();
    assert_eq!(answered.try_recv().unwrap_err(), oneshot::error::TryRecvError::Closed);
    assert!(queue.is_dead());
}
