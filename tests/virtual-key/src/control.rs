//! A key that is in another program or another machine is told what to do over a socket: a line of words each way.
//! `ok` or `ok: …` when it is done, `no: …` with the reason when it is not.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;

use crate::fault::Fault;
use crate::key::VirtualKey;
use crate::outside::{Finger, NotAsked};

/// The words that a key understands, for `--help`.
pub const WORDS: &str = "\
  touch                 wait until it blinks (20 seconds at most), then touch it
  deny                  the same, and say no
  wait                  wait until it blinks, and leave it alone
  always touch|deny|nothing
                        what a finger does from now on as soon as it blinks
  unplug, plug          pull it out, put it in again
  pin 1234, no-pin      set a PIN with all its tries, take it away
  pin-tries N           leave that many tries of eight
  counter N             set its counter of signatures, back, too
  fault TROUBLE [from MOMENT], no-fault
                        what goes wrong from now on; an unknown word lists them
  save FILE             write a clone of its memory
  seen                  what has happened to it
  end                   pull it out and end";

/// A socket that gives a key's control to whoever can open it.
#[derive(Debug)]
pub struct Control(UnixListener);

impl Control {
    /// Makes the socket file, in place of one that is left there.
    pub fn listen(file: &Path) -> io::Result<Self> {
        match std::fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        UnixListener::bind(file).map(Self)
    }

    /// Serves everybody, several at once, until somebody says `end`.
    pub fn serve(&self, key: &Arc<VirtualKey>) -> io::Result<()> {
        let (ended, end) = std::sync::mpsc::channel();
        let listener = self.0.try_clone()?;
        let key = Arc::clone(key);
        std::thread::spawn(move || {
            for talk in listener.incoming().flatten() {
                let (key, ended) = (Arc::clone(&key), ended.clone());
                std::thread::spawn(move || {
                    if converse(&key, talk).unwrap_or(false) {
                        let _ = ended.send(());
                    }
                });
            }
        });
        // When nobody can come any more there is nobody who could end it either.
        let _ = end.recv();
        Ok(())
    }
}

/// True when it was told to end.
fn converse(key: &VirtualKey, talk: UnixStream) -> io::Result<bool> {
    let mut answers = talk.try_clone()?;
    for line in BufReader::new(talk).lines() {
        let line = line?;
        if line.trim() == "end" {
            key.unplug();
            answers.write_all(b"ok\n")?;
            return Ok(true);
        }
        let answer = match obey(key, &line) {
            Ok(said) if said.is_empty() => "ok\n".to_owned(),
            Ok(said) => format!("ok: {said}\n"),
            Err(why) => format!("no: {why}\n"),
        };
        answers.write_all(answer.as_bytes())?;
    }
    Ok(false)
}

/// Tells the key behind that socket one line; its answer without `ok`, or why it could not.
pub fn tell(control: &Path, line: &str) -> io::Result<String> {
    let mut talk = UnixStream::connect(control)?;
    talk.write_all(format!("{}\n", line.replace('\n', " ")).as_bytes())?;
    let mut answer = String::new();
    BufReader::new(talk).read_line(&mut answer)?;
    match answer.trim_end() {
        "ok" => Ok(String::new()),
        answer => match answer.split_once(": ") {
            Some(("ok", said)) => Ok(said.to_owned()),
            Some(("no", why)) => Err(io::Error::other(why.to_owned())),
            _ => Err(io::Error::other("the key has ended")),
        },
    }
}

fn obey(key: &VirtualKey, line: &str) -> Result<String, String> {
    let (word, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
    let touched = |done: Result<(), NotAsked>| done.map_err(|error| error.to_string());
    let written = |done: io::Result<()>| done.map_err(|error| error.to_string());
    let number = || rest.parse::<u32>().map_err(|_| format!("{word} needs a number"));
    match (word, rest) {
        ("touch", "") => touched(key.touch()),
        ("deny", "") => touched(key.deny()),
        ("wait", "") => touched(key.await_blink()),
        ("always", _) => habit(rest).map(|habit| key.always(habit)),
        ("unplug", "") => {
            key.unplug();
            Ok(())
        }
        ("plug", "") => written(key.plug()),
        ("pin", pin) if (4..=63).contains(&pin.len()) => written(key.set_pin(Some(pin))),
        ("no-pin", "") => written(key.set_pin(None)),
        ("pin-tries", _) => written(key.set_pin_tries_left(number()?.try_into().unwrap_or(8))),
        ("counter", _) => written(key.set_counter(number()?)),
        ("fault", _) => rest.parse::<Fault>().map(|fault| key.fault(Some(fault))),
        ("no-fault", "") => {
            key.fault(None);
            Ok(())
        }
        ("save", file) if !file.is_empty() => written(key.save(Path::new(file))),
        ("seen", "") => return Ok(seen(key)),
        _ => Err("unknown words; see virtual-key --help".into()),
    }
    .map(|()| String::new())
}

fn habit(word: &str) -> Result<Option<Finger>, String> {
    match word {
        "touch" => Ok(Some(Finger::Touch)),
        "deny" => Ok(Some(Finger::Deny)),
        "nothing" => Ok(None),
        _ => Err("always touch, deny or nothing".into()),
    }
}

fn seen(key: &VirtualKey) -> String {
    let seen = key.seen();
    format!(
        "made={} asserted={} pins={} asked={} touched={} pin-tries={} counter={} plugged={}",
        seen.made,
        seen.asserted,
        seen.pins,
        seen.asked,
        seen.touched,
        key.pin_tries_left(),
        key.counter(),
        key.is_plugged()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Flash, Model, SocketPort};

    #[test]
    fn a_key_obeys_over_its_socket_and_says_why_it_does_not() {
        let place = |name: &str| std::env::temp_dir().join(format!("virtual-key-{name}-{}", std::process::id()));
        let (port, file, clone) = (place("port"), place("control"), place("clone"));
        let key = Arc::new(VirtualKey::new(Model::default(), Flash::in_memory(), SocketPort::new(&port)));
        let control = Control::listen(&file).unwrap();
        let say = |line: &str| tell(&file, line).map_err(|error| error.to_string());
        std::thread::scope(|scope| {
            let served = scope.spawn(|| control.serve(&key));
            assert_eq!(say("plug"), Ok(String::new()));
            assert!(port.exists());
            assert_eq!(say("pin 123456"), Ok(String::new()));
            assert_eq!(say("pin-tries 3"), Ok(String::new()));
            assert_eq!(say("counter 41"), Ok(String::new()));
            assert_eq!(say("fault silent from blinking"), Ok(String::new()));
            let told = "made=0 asserted=0 pins=0 asked=0 touched=0 pin-tries=3 counter=41 plugged=true";
            assert_eq!(say("seen"), Ok(told.into()));
            assert_eq!(say(&format!("save {}", clone.display())), Ok(String::new()));
            assert_eq!(Flash::in_file(&clone).unwrap().counter(), 41);
            assert!(say("pin 1").unwrap_err().contains("unknown words"));
            assert!(say("fault loud").unwrap_err().contains("keepalive-for-ever"));
            assert_eq!(say("unplug"), Ok(String::new()));
            assert!(!port.exists());
            assert_eq!(say("end"), Ok(String::new()));
            served.join().unwrap().unwrap();
        });
        std::fs::remove_file(file).unwrap();
        std::fs::remove_file(clone).unwrap();
    }
}
