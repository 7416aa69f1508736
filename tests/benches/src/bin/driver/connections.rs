//! Many connections to the daemon's socket in one thread, each with one thing to do after the other. It sends what was
//! prepared and looks at the last answer alone, so that hardly any of the time that is taken is its own.

use benches::scale::AT_ONCE;
use harness::{Failure, Outcome};
use mfa_proto::ROOT_SOCKET;
use rustix::event::epoll;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Instant;

/// Messages that are sent on one connection, each after the answer to the one before.
pub(crate) struct Job {
    pub(crate) messages: Vec<Vec<u8>>,
}

/// What came of the jobs.
pub(crate) struct Done {
    pub(crate) seconds: f64,
    pub(crate) failed: usize,
}

/// The whole lot of connections.
pub(crate) struct Connections {
    epoll: std::os::fd::OwnedFd,
    seats: Vec<Seat>,
}

struct Seat {
    stream: UnixStream,
    answer: Vec<u8>,
    at: Option<(usize, usize)>,
}

impl Connections {
    pub(crate) fn open() -> Outcome<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut seats = Vec::new();
        for number in 0..AT_ONCE {
            let stream = UnixStream::connect(ROOT_SOCKET)?;
            epoll::add(&epoll, &stream, epoll::EventData::new_u64(number as u64), epoll::EventFlags::IN)?;
            seats.push(Seat { stream, answer: Vec::new(), at: None });
        }
        Ok(Self { epoll, seats })
    }

    /// Does all jobs; a job is good if the answer to its last message has that word in it.
    pub(crate) fn perform(&mut self, jobs: &[Job], word: &[u8]) -> Outcome<Done> {
        let begun = Instant::now();
        let mut waiting = 0..jobs.len();
        let (mut left, mut failed) = (jobs.len(), 0);
        for seat in &mut self.seats {
            seat.begin(jobs, waiting.next())?;
        }
        let mut events = Vec::with_capacity(AT_ONCE);
        while left > 0 {
            events.clear();
            epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), None)?;
            for event in &events {
                let number = usize::try_from(event.data.u64())?;
                let seat = self.seats.get_mut(number).ok_or_else(|| Failure::new("an event of nobody"))?;
                if seat.step(jobs)? {
                    left -= 1;
                    failed += usize::from(!contains(&seat.answer, word));
                    seat.begin(jobs, waiting.next())?;
                }
            }
        }
        Ok(Done { seconds: begun.elapsed().as_secs_f64(), failed })
    }
}

impl Seat {
    fn begin(&mut self, jobs: &[Job], job: Option<usize>) -> Outcome {
        self.at = job.map(|job| (job, 0));
        match job {
            Some(job) => self.send(jobs, job, 0),
            None => Ok(()),
        }
    }

    fn send(&mut self, jobs: &[Job], job: usize, message: usize) -> Outcome {
        self.answer.clear();
        let message = jobs.get(job).and_then(|job| job.messages.get(message));
        Ok(self.stream.write_all(message.ok_or_else(|| Failure::new("a job without messages"))?)?)
    }

    /// Reads; sends the next message when an answer is whole. Whether the job is over.
    fn step(&mut self, jobs: &[Job]) -> Outcome<bool> {
        let (job, message) = self.at.ok_or_else(|| Failure::new("an answer nobody asked for"))?;
        let mut piece = [0; 2048];
        let read = self.stream.read(&mut piece)?;
        if read == 0 {
            return Err(Failure::new("the daemon hung up"));
        }
        self.answer.extend_from_slice(&piece[..read]);
        if self.answer.last() != Some(&0) {
            return Ok(false);
        }
        if message + 1 == jobs[job].messages.len() {
            return Ok(true);
        }
        self.at = Some((job, message + 1));
        self.send(jobs, job, message + 1)?;
        Ok(false)
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|piece| piece == word)
}
