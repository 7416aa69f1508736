//! A key spoken to frame by frame, as no library would let us: what the firmware says, and what each fault makes of it.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketType, connect, recv, send, socket};
use virtual_key::{Fault, Finger, Flash, Model, Moment, Packet, SocketPort, Trouble, VirtualKey};

const INIT: u8 = 0x86;
const MSG: u8 = 0x83;
const CBOR: u8 = 0x90;
const KEEPALIVE: u8 = 0xbb;
const ERROR: u8 = 0xbf;
const BROADCAST: [u8; 4] = [0xff; 4];
const GET_INFO: &[u8] = &[0x04];
const U2F_REGISTER: [u8; 7] = [0, 1, 3, 0, 0, 0, 64];

/// A key in a port, and a program that has it open.
struct Talk {
    key: VirtualKey,
    program: OwnedFd,
    channel: [u8; 4],
}

impl Talk {
    fn begin(name: &str, model: Model) -> Self {
        let port: PathBuf = std::env::temp_dir().join(format!("virtual-key-{name}-{}", std::process::id()));
        let key = VirtualKey::new(model, Flash::in_memory(), SocketPort::new(&port));
        key.plug().unwrap();
        let program = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).unwrap();
        connect(&program, &SocketAddrUnix::new(&port).unwrap()).unwrap();
        Self { key, program, channel: BROADCAST }
    }

    /// With a channel of its own.
    fn opened(name: &str, model: Model) -> Self {
        let mut talk = Self::begin(name, model);
        let answer = talk.ask(INIT, &[7; 8]);
        talk.channel.copy_from_slice(&answer[8..12]);
        talk
    }

    fn say(&self, command: u8, payload: &[u8]) {
        let mut packet = [0; 64];
        packet[..4].copy_from_slice(&self.channel);
        packet[4] = command;
        packet[5..7].copy_from_slice(&u16::try_from(payload.len()).unwrap().to_be_bytes());
        let (start, rest) = payload.split_at(payload.len().min(57));
        packet[7..7 + start.len()].copy_from_slice(start);
        send(&self.program, &packet, SendFlags::empty()).unwrap();
        for (part, number) in rest.chunks(59).zip(0..) {
            let mut packet = [0; 64];
            packet[..4].copy_from_slice(&self.channel);
            packet[4] = number;
            packet[5..5 + part.len()].copy_from_slice(part);
            send(&self.program, &packet, SendFlags::empty()).unwrap();
        }
    }

    fn hear(&self, at_most: Duration) -> Option<Packet> {
        let wait = Timespec::try_from(at_most).unwrap();
        let mut waiting = [PollFd::new(&self.program, PollFlags::IN)];
        if poll(&mut waiting, Some(&wait)).unwrap() == 0 {
            return None;
        }
        let mut packet = [0; 64];
        let (length, _) = recv(&self.program, &mut packet, RecvFlags::empty()).unwrap();
        (length == 64).then_some(packet)
    }

    fn frame(&self) -> Packet {
        self.hear(Duration::from_secs(10)).expect("the key says something")
    }

    /// The payload of the answer, which is to the same command.
    fn ask(&self, command: u8, payload: &[u8]) -> Vec<u8> {
        self.say(command, payload);
        let first = self.frame();
        assert_eq!((&first[..4], first[4]), (&self.channel[..], command));
        let length = usize::from(u16::from_be_bytes([first[5], first[6]]));
        let mut answer = first[7..].to_vec();
        while answer.len() < length {
            answer.extend(&self.frame()[5..]);
        }
        answer.truncate(length);
        answer
    }
}

fn u2f() -> Model {
    Model { u2f_only: true, ..Model::default() }
}

fn register() -> Vec<u8> {
    [&U2F_REGISTER[..], &[1; 64], &[0, 0]].concat()
}

#[test]
fn a_modern_key_tells_its_versions_and_its_model() {
    let talk = Talk::opened("modern", Model::default());
    let info = talk.ask(CBOR, GET_INFO);
    assert_eq!(info[0], 0);
    let holds = |text: &[u8]| info.windows(text.len()).any(|window| window == text);
    assert!(holds(b"U2F_V2") && holds(b"FIDO_2_1") && holds(&virtual_key::AAGUID));
}

#[test]
fn a_key_of_u2f_says_so_and_has_no_word_for_cbor() {
    let mut talk = Talk::begin("old", u2f());
    let answer = talk.ask(INIT, &[7; 8]);
    assert_eq!(answer[16] & 0x04, 0);
    talk.channel.copy_from_slice(&answer[8..12]);
    talk.say(CBOR, GET_INFO);
    assert_eq!(talk.frame()[4..8], [ERROR, 0, 1, 1]);
}

#[test]
fn a_key_of_u2f_registers_once_it_was_touched_and_not_before() {
    let talk = Talk::opened("register", u2f());
    assert_eq!(talk.ask(MSG, &register()), [0x69, 0x85]);
    talk.key.touch().unwrap();
    let answer = talk.ask(MSG, &register());
    assert_eq!((answer[0], answer[answer.len() - 2..].to_vec()), (5, vec![0x90, 0]));
    assert_eq!((talk.key.seen().made, talk.key.seen().asked, talk.key.seen().touched), (2, 1, 1));
    talk.key.always(Some(Finger::Touch));
    assert_eq!(talk.ask(MSG, &register()), [0x69, 0x85]);
    assert_eq!(talk.ask(MSG, &register())[0], 5);
}

#[test]
fn a_key_that_is_pulled_out_is_gone_for_the_program_and_a_new_one_for_the_next() {
    let talk = Talk::opened("pulled", Model::default());
    talk.key.unplug();
    assert!(talk.hear(Duration::from_secs(10)).is_none());
    talk.key.plug().unwrap();
    assert!(talk.key.is_plugged());
}

#[test]
fn each_trouble_is_what_it_says() {
    // Whether the first frame of the answer, and what follows it, looks like that.
    type Looks = fn(&Talk, Option<Packet>) -> bool;
    let cases: [(Trouble, Looks); 10] = [
        (Trouble::Silent, |_, frame| frame.is_none()),
        (Trouble::OthersFrames, |talk, frame| frame.is_some_and(|one| one[..4] != talk.channel)),
        (Trouble::WrongChannel, |talk, frame| frame.is_some_and(|one| one[..4] != talk.channel)),
        (Trouble::Flood, |talk, frame| {
            frame.is_some_and(|one| one[..4] != talk.channel) && (0..100).all(|_| talk.frame()[..4] != talk.channel)
        }),
        (Trouble::WrongSequence, |talk, _| talk.frame()[4] == 1),
        (Trouble::Truncated, |talk, frame| {
            frame.is_some_and(|one| one[5..7] == [0, 200]) && talk.hear(Duration::from_millis(50)).is_none()
        }),
        (Trouble::HugeLength, |_, frame| frame.is_some_and(|one| one[5..7] == [255, 255])),
        (Trouble::ShortCbor, |_, frame| frame.is_some_and(|one| one[4] == CBOR)),
        (Trouble::KeepaliveForEver, |talk, frame| {
            frame.is_some_and(|one| one[4] == KEEPALIVE) && (0..5).all(|_| talk.frame()[4] == KEEPALIVE)
        }),
        (Trouble::Busy, |_, frame| frame.is_some_and(|one| one[4..8] == [ERROR, 0, 1, 6])),
    ];
    for (trouble, looks) in cases {
        let talk = Talk::opened(&format!("{trouble:?}"), Model::default());
        talk.key.fault(Some(Fault { trouble, from: Moment::ChannelOpen }));
        talk.say(CBOR, GET_INFO);
        let frame = talk.hear(Duration::from_millis(if trouble == Trouble::Silent { 50 } else { 10_000 }));
        assert!(looks(&talk, frame), "{trouble:?}: {frame:02x?}");
    }
}
