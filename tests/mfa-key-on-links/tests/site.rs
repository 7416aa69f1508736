//! A machine with ports for keys, and `mfa-key` started there as the daemon has it started: a process, a call, an
//! answer, an end.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use mfa_proto::key::{Answer, Failure, GRACE};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use virtual_key::{Flash, Model, SocketPort, VirtualKey};

/// A folder whose socket files are the ports. Gone with this value.
pub(crate) struct Site {
    pub(crate) folder: PathBuf,
}

impl Site {
    pub(crate) fn new() -> Self {
        static SITES: AtomicU32 = AtomicU32::new(0);
        let number = SITES.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("mfa-key-on-links-{}-{number}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        Self { folder }
    }

    /// A new key, plugged into the port of that name.
    pub(crate) fn key(&self, port: &str, model: Model) -> VirtualKey {
        let key = VirtualKey::new(model, Flash::in_memory(), SocketPort::new(self.folder.join(port)));
        key.plug().unwrap();
        key
    }

    /// Starts the program and says what is wanted.
    pub(crate) fn call(&self, method: &str, parameters: &impl Serialize) -> Pending {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_mfa-key-on-links"));
        program.arg(&self.folder).stdin(OwnedFd::from(theirs)).stdout(Stdio::null());
        let began = Instant::now();
        let process = program.spawn().unwrap();
        drop(program);
        let call = json!({ "method": method, "parameters": parameters });
        ours.write_all(call.to_string().as_bytes()).unwrap();
        ours.write_all(b"\0").unwrap();
        let seconds = call["parameters"]["seconds"].as_u64().unwrap();
        Pending { process, stream: ours, began, within: Duration::from_secs(seconds + u64::from(GRACE)) }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A call that has no answer yet.
pub(crate) struct Pending {
    process: Child,
    stream: UnixStream,
    began: Instant,
    within: Duration,
}

impl Pending {
    /// Its answer. It panics when none comes within the time and the grace, or the process stays.
    pub(crate) fn end<R: DeserializeOwned>(mut self) -> Result<R, Failure> {
        let frame = self.frame();
        let status = self.process.wait().unwrap();
        let took = self.began.elapsed();
        assert!(took <= self.within, "it took {took:?}");
        assert!(status.success(), "{status}");
        let [answer] = frame.split(|byte| *byte == 0).filter(|one| !one.is_empty()).collect::<Vec<_>>()[..] else {
            panic!("one answer, not {:?}", String::from_utf8_lossy(&frame));
        };
        let mut answer: Value = serde_json::from_slice(answer).unwrap();
        let answer: Answer<R> = serde_json::from_value(answer["parameters"].take()).unwrap();
        answer.into_result()
    }

    /// Hangs up, and returns how long after that the process was gone.
    pub(crate) fn hang_up(mut self) -> Duration {
        drop(self.stream);
        let began = Instant::now();
        self.process.wait().unwrap();
        began.elapsed()
    }

    /// All that it says until it hangs up.
    fn frame(&mut self) -> Vec<u8> {
        let mut frame = Vec::new();
        let mut piece = [0; 4096];
        loop {
            let left = self.within.saturating_sub(self.began.elapsed()).max(Duration::from_millis(1));
            self.stream.set_read_timeout(Some(left)).unwrap();
            match self.stream.read(&mut piece) {
                Ok(0) => return frame,
                Ok(read) => frame.extend(&piece[..read]),
                Err(error) => {
                    let _ = self.process.kill();
                    panic!("no answer within {:?}: {error}", self.within);
                }
            }
        }
    }
}
