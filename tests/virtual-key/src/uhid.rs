//! A port of the kernel's own: `/dev/uhid` makes a real `/dev/hidraw` node of what is said here, with udev and all.
//! That kernel may be another machine's. The events are those of `linux/uhid.h`; of them only what a FIDO key needs.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::outside::Outside;
use crate::port::{Packet, Plugged, Port, report};

/// What a FIDO key says of itself (CTAP 2.1, section 11.2.8.1): usage page F1D0, usage 1, a report of 64 bytes in and
/// one out.
#[rustfmt::skip]
const DESCRIPTOR: [u8; 34] = [
    0x06, 0xd0, 0xf1, 0x09, 0x01, 0xa1, 0x01,
    0x09, 0x20, 0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x40, 0x81, 0x02,
    0x09, 0x21, 0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x40, 0x91, 0x02,
    0xc0,
];

const DESTROY: u32 = 1;
const START: u32 = 2;
const OUTPUT: u32 = 6;
const GET_REPORT: u32 = 9;
const GET_REPORT_REPLY: u32 = 10;
const CREATE2: u32 = 11;
const INPUT2: u32 = 12;
const SET_REPORT: u32 = 13;
const SET_REPORT_REPLY: u32 = 14;

/// `sizeof(struct uhid_event)`: the type and its largest member, `struct uhid_create2_req`.
const EVENT: usize = 4 + 128 + 64 + 64 + 2 + 2 + 4 * 4 + 4096;
/// `HID_MAX_DESCRIPTOR_SIZE` and `UHID_DATA_MAX`.
const DATA: usize = 4096;

const BUS_USB: u16 = 3;
/// Of the numbers that pid.codes gives to tests (https://pid.codes/1209/0001).
const VENDOR: u32 = 0x1209;
const PRODUCT: u32 = 0x0001;

/// The kernel starts a device within this time, or not at all.
const START_WITHIN: Duration = Duration::from_secs(5);
/// A machine in software on a busy host takes its time.
const START_WITHIN_ELSEWHERE: Duration = Duration::from_secs(120);

/// See the module.
#[derive(Clone)]
pub struct UhidPort {
    kernel: Kernel,
    name: String,
}

/// How the kernel is reached that gets the key.
#[derive(Clone)]
enum Kernel {
    Here(PathBuf),
    Elsewhere(Arc<dyn Fn() -> Command + Send + Sync>),
}

impl UhidPort {
    /// What a program that stands between reads from its input and writes to the device at once; a shorter event is
    /// filled with zeros, and what the kernel has to know of a key is shorter.
    pub const TO_KERNEL: usize = 512;
    /// What it reads from the device and writes to its output.
    pub const FROM_KERNEL: usize = EVENT;

    /// A port for a key that calls itself `name` (up to 127 bytes) to whoever lists the keys.
    pub fn new(name: &str) -> Self {
        Self { kernel: Kernel::Here("/dev/uhid".into()), name: name.into() }
    }

    /// The same, with the device file elsewhere.
    #[must_use]
    pub fn device(mut self, device: &Path) -> Self {
        self.kernel = Kernel::Here(device.into());
        self
    }

    /// The same, in another machine: a program that opens the device there and carries blocks between it and its own
    /// input and output, [`UhidPort::TO_KERNEL`] and [`UhidPort::FROM_KERNEL`] bytes long.
    #[must_use]
    pub fn elsewhere(mut self, carrier: impl Fn() -> Command + Send + Sync + 'static) -> Self {
        self.kernel = Kernel::Elsewhere(Arc::new(carrier));
        self
    }
}

impl Port for UhidPort {
    fn plug(&self, outside: Arc<Outside>) -> io::Result<Box<dyn Plugged>> {
        let device = Arc::new(Device::open(&self.kernel)?);
        device.write(&create(&self.name))?;
        device.await_start()?;
        let plugged = PluggedUhid { device: Arc::clone(&device), gone: Arc::default() };
        let gone = Arc::clone(&plugged.gone);
        std::thread::Builder::new().name("port".into()).spawn(move || carry(&device, &gone, &outside))?;
        Ok(Box::new(plugged))
    }
}

struct PluggedUhid {
    device: Arc<Device>,
    gone: Arc<AtomicBool>,
}

impl Plugged for PluggedUhid {
    fn send(&self, packet: &Packet) {
        // Nobody has it open, or it is gone: nobody misses it.
        let _ = self.device.write(&input(packet));
    }
}

impl Drop for PluggedUhid {
    fn drop(&mut self) {
        // The node disappears with this. The thread closes the file when it has noticed.
        self.gone.store(true, Ordering::Relaxed);
        let _ = self.device.write(&DESTROY.to_ne_bytes());
    }
}

/// The device file, or the pipes that lead to it.
struct Device {
    from: File,
    to: File,
    carrier: Option<Child>,
    start_within: Duration,
}

impl Device {
    fn open(kernel: &Kernel) -> io::Result<Self> {
        let carrier = match kernel {
            Kernel::Here(file) => return Self::here(file),
            Kernel::Elsewhere(carrier) => carrier,
        };
        let mut carrier = carrier().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(to), Some(from)) = (carrier.stdin.take(), carrier.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let (from, to) = (OwnedFd::from(from).into(), OwnedFd::from(to).into());
        Ok(Self { from, to, carrier: Some(carrier), start_within: START_WITHIN_ELSEWHERE })
    }

    fn here(file: &Path) -> io::Result<Self> {
        let opened = OpenOptions::new().read(true).write(true).open(file);
        let from = opened.map_err(|error| {
            let file = file.display();
            io::Error::new(
                error.kind(),
                format!("{file}: {error}. Is the kernel module uhid loaded, and are you root?"),
            )
        })?;
        Ok(Self { to: from.try_clone()?, from, carrier: None, start_within: START_WITHIN })
    }

    /// One event, in one write.
    fn write(&self, event: &[u8]) -> io::Result<()> {
        if self.carrier.is_none() {
            return (&self.to).write_all(event);
        }
        let mut block = event.to_vec();
        block.resize(UhidPort::TO_KERNEL, 0);
        (&self.to).write_all(&block)
    }

    /// So that the node is there when the key is said to be plugged in.
    fn await_start(&self) -> io::Result<()> {
        let end = Instant::now() + self.start_within;
        while Instant::now() < end {
            if let Some(event) = self.next(Duration::from_millis(100))? {
                if kind(&event) == Some(START) {
                    return Ok(());
                }
            }
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, "the kernel did not start the key"))
    }

    fn next(&self, at_most: Duration) -> io::Result<Option<Vec<u8>>> {
        let wait = Timespec { tv_sec: 0, tv_nsec: at_most.subsec_nanos().into() };
        let mut waiting = [PollFd::new(&self.from, PollFlags::IN)];
        if poll(&mut waiting, Some(&wait))? == 0 {
            return Ok(None);
        }
        let mut event = vec![0; EVENT];
        (&self.from).read_exact(&mut event)?;
        Ok(Some(event))
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if let Some(carrier) = &mut self.carrier {
            let _ = carrier.kill();
            let _ = carrier.wait();
        }
    }
}

/// Carries what programs write, until the device is destroyed.
fn carry(device: &Device, gone: &AtomicBool, outside: &Outside) {
    while !gone.load(Ordering::Relaxed) {
        let Ok(event) = device.next(Duration::from_millis(200)) else { return };
        match event.as_deref().map(said) {
            Some(Said::Output(packet)) => outside.packet(packet),
            Some(Said::Asks(reply)) => drop(device.write(&reply)),
            Some(Said::Else) | None => {}
        }
    }
}

/// What the kernel says.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    /// A program wrote a report.
    Output(Packet),
    /// A program asks for, or sets, what a key does not have; the kernel waits for the answer.
    Asks(Vec<u8>),
    /// Nothing that matters here.
    Else,
}

fn kind(event: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(*event.first_chunk()?))
}

fn said(event: &[u8]) -> Said {
    match kind(event) {
        Some(OUTPUT) => output(event).map_or(Said::Else, Said::Output),
        Some(GET_REPORT) => refused(GET_REPORT_REPLY, event, true),
        Some(SET_REPORT) => refused(SET_REPORT_REPLY, event, false),
        _ => Said::Else,
    }
}

/// `struct uhid_output_req`: data, its length, its kind.
fn output(event: &[u8]) -> Option<Packet> {
    let (data, rest) = event.get(4..)?.split_at_checked(DATA)?;
    report(data.get(..usize::from(u16::from_ne_bytes(*rest.first_chunk()?)))?)
}

/// The reply to a request, by its number: an input/output error; a length of data, zero, follows where reports are read.
fn refused(reply: u32, event: &[u8], has_length: bool) -> Said {
    const EIO: u16 = 5;
    let Some(number) = event.get(4..8) else { return Said::Else };
    let mut bytes = reply.to_ne_bytes().to_vec();
    bytes.extend(number);
    bytes.extend(EIO.to_ne_bytes());
    bytes.extend(has_length.then_some([0, 0]).into_iter().flatten());
    Said::Asks(bytes)
}

/// `UHID_CREATE2`.
fn create(name: &str) -> Vec<u8> {
    let mut event = CREATE2.to_ne_bytes().to_vec();
    let mut text = |text: &str, size: usize| {
        let bytes = text.as_bytes();
        let length = bytes.len().min(size - 1);
        event.extend(&bytes[..length]);
        event.resize(event.len() + size - length, 0);
    };
    text(name, 128);
    text("virtual-key/input0", 64);
    text("", 64);
    event.extend(u16::try_from(DESCRIPTOR.len()).unwrap_or_default().to_ne_bytes());
    event.extend(BUS_USB.to_ne_bytes());
    for number in [VENDOR, PRODUCT, 0x0100, 0] {
        event.extend(number.to_ne_bytes());
    }
    event.extend(DESCRIPTOR);
    event.resize(EVENT, 0);
    event
}

/// `UHID_INPUT2`: the kernel takes an event that is shorter than its largest.
fn input(packet: &Packet) -> Vec<u8> {
    let mut event = INPUT2.to_ne_bytes().to_vec();
    event.extend(64_u16.to_ne_bytes());
    event.extend(packet);
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_the_layout_of_the_kernels_header() {
        let event = create("Blue");
        assert_eq!(event.len(), 4376);
        assert_eq!(event[..9], [11, 0, 0, 0, b'B', b'l', b'u', b'e', 0]);
        // After the three texts: length of the descriptor, bus, vendor, product, version, country, descriptor.
        let numbers = &event[4 + 256..];
        assert_eq!(numbers[..12], [34, 0, 3, 0, 0x09, 0x12, 0, 0, 1, 0, 0, 0]);
        assert_eq!(numbers[20..23], [0x06, 0xd0, 0xf1]);
        assert_eq!(create(&"x".repeat(500))[4..][..128], [&[b'x'; 127][..], &[0]].concat());
        assert_eq!(input(&[7; 64])[..7], [12, 0, 0, 0, 64, 0, 7]);
    }

    #[test]
    fn what_a_program_writes_is_taken_out_of_its_event_and_half_an_event_is_nothing() {
        let mut event = OUTPUT.to_ne_bytes().to_vec();
        event.push(0);
        event.extend([9; 64]);
        event.resize(4 + DATA, 0);
        event.extend([65, 0, 1]);
        assert_eq!(said(&event), Said::Output([9; 64]));
        assert_eq!(said(&event[..DATA]), Said::Else);
        assert_eq!(said(&[]), Said::Else);
    }

    #[test]
    fn a_question_that_the_kernel_waits_with_is_answered_with_an_error() {
        let event = [GET_REPORT.to_ne_bytes(), [1, 2, 3, 4]].concat();
        assert_eq!(said(&event), Said::Asks(vec![10, 0, 0, 0, 1, 2, 3, 4, 5, 0, 0, 0]));
        let event = [SET_REPORT.to_ne_bytes(), [1, 2, 3, 4]].concat();
        assert_eq!(said(&event), Said::Asks(vec![14, 0, 0, 0, 1, 2, 3, 4, 5, 0]));
    }
}
