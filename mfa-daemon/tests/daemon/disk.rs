//! A disk that remembers what was written to it and when it was told to keep it, so that the power can be cut at any
//! moment of its life, afterwards and as often as one likes.
//!
//! QEMU's storage daemon records (in the format of Linux's dm-log-writes) below an ext4 of the kernel's own. A disk that
//! loses power has what was written before the last flush that it answered; of what came later it has anything: all,
//! nothing, some, or some sectors of a write.

use crate::support::Place;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;

const SECTOR: usize = 512;
/// With what a record of dm-log-writes begins.
const MAGIC: u64 = 0x6a_7366_7773_6872;
/// Room for a store, and for the file system's journal.
const SIZE: u64 = 24 << 20;
/// What dm-log-writes calls an entry that asks to keep what was written.
const FLUSH: u64 = 1;
/// What it calls one that gives room back.
const DISCARD: u64 = 4;

/// Runs a program of the system; panics with what it says if it fails.
fn system(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
}

/// Whether this machine can do it, which takes QEMU, FUSE and loop devices.
pub(crate) fn is_possible() -> bool {
    let found = |program: &str| Command::new(program).arg("--version").output().is_ok_and(|out| out.status.success());
    let device = |path: &str| fs::exists(path).unwrap_or(false);
    found("qemu-storage-daemon") && found("losetup") && device("/dev/fuse") && device("/dev/loop-control")
}

/// A file system at the place of the store, gone with the value.
struct Mounted {
    on: PathBuf,
}

impl Mounted {
    fn new(image: &str, place: &Place) -> Self {
        let (image, on) = (place.path(image), place.path("state"));
        system("mount", &["-t", "ext4", "-o", "loop", image.to_str().unwrap(), on.to_str().unwrap()]);
        Self { on }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.on).status();
    }
}

/// A file system of ext4 with nothing in it but a folder that is closed to others.
fn made(place: &Place) -> Vec<u8> {
    let path = place.path("disk");
    File::create(&path).unwrap().set_len(SIZE).unwrap();
    system("mkfs.ext4", &["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", path.to_str().unwrap()]);
    let mounted = Mounted::new("disk", place);
    system("chmod", &["700", place.path("state").to_str().unwrap()]);
    drop(mounted);
    fs::read(path).unwrap()
}

/// The disk while it is written to.
pub(crate) struct Recorder<'a> {
    place: &'a Place,
    log: File,
    before: Vec<u8>,
    mounted: Option<Mounted>,
}

impl<'a> Recorder<'a> {
    /// Puts one in the place of the store.
    pub(crate) fn begin(place: &'a Place) -> Self {
        let before = made(place);
        place.write("log-of-disk", b"", 0o600);
        place.write("recorded", b"", 0o600);
        let of = |name: &str| place.path(name).display().to_string();
        let disk = format!("driver=file,node-name=disk,filename={}", of("disk"));
        let log = format!("driver=file,node-name=log,filename={}", of("log-of-disk"));
        let both = "driver=blklogwrites,node-name=both,file=disk,log=log,log-super-update-interval=1";
        let export =
            format!("type=fuse,id=export,node-name=both,mountpoint={},writable=on,allow-other=off", of("recorded"));
        // It comes back when the disk can be used.
        system(
            "qemu-storage-daemon",
            &[
                "--daemonize",
                "--pidfile",
                &of("pid-of-disk"),
                "--blockdev",
                &disk,
                "--blockdev",
                &log,
                "--blockdev",
                both,
                "--export",
                &export,
            ],
        );
        let log = File::open(place.path("log-of-disk")).unwrap();
        let mounted = Some(Mounted::new("recorded", place));
        Self { place, log, before, mounted }
    }

    /// How many entries the record has.
    pub(crate) fn entries(&self) -> usize {
        let mut count = [0; 8];
        self.log.read_exact_at(&mut count, 16).unwrap();
        usize::try_from(u64::from_le_bytes(count)).unwrap()
    }

    /// The record, when nothing is written any more.
    pub(crate) fn end(mut self) -> Record {
        self.mounted = None;
        let before = std::mem::take(&mut self.before);
        Record::read(before, &fs::read(self.place.path("log-of-disk")).unwrap())
    }
}

impl Drop for Recorder<'_> {
    fn drop(&mut self) {
        self.mounted = None;
        let pid = fs::read_to_string(self.place.path("pid-of-disk")).ok().and_then(|pid| pid.trim().parse().ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

/// What was written, in order.
enum Entry {
    Write { at: usize, bytes: Vec<u8> },
    Flush,
}

/// All that happened to a disk.
pub(crate) struct Record {
    before: Vec<u8>,
    entries: Vec<Entry>,
}

impl Record {
    fn read(before: Vec<u8>, log: &[u8]) -> Self {
        let number = |at: usize| u64::from_le_bytes(log[at..at + 8].try_into().unwrap());
        assert_eq!(number(0), MAGIC, "a record of writes");
        let size = |at: usize| usize::try_from(number(at)).unwrap();
        let (count, mut at) = (size(16), SECTOR);
        let entries = (0..count).map(|_| {
            let (sector, sectors, flags) = (size(at), size(at + 8), number(at + 16));
            at += SECTOR;
            if flags & FLUSH != 0 && sectors == 0 {
                return Entry::Flush;
            }
            assert_eq!(flags & (FLUSH | DISCARD), 0, "an entry that is not understood");
            let bytes = log[at..at + sectors * SECTOR].to_vec();
            at += bytes.len();
            Entry::Write { at: sector * SECTOR, bytes }
        });
        let entries = entries.collect();
        Self { before, entries }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many of the first entries a disk must have that loses power before the entry of this number.
    pub(crate) fn kept_before(&self, end: usize) -> usize {
        self.entries[..end].iter().rposition(|entry| matches!(entry, Entry::Flush)).map_or(0, |flush| flush + 1)
    }

    /// The disk as it may be when it lost power before the entry of this number: `chance` says of each sector that
    /// needed not be kept whether it was.
    pub(crate) fn cut(&self, end: usize, mut chance: impl FnMut() -> Luck) -> Vec<u8> {
        let mut disk = self.before.clone();
        let kept = self.kept_before(end);
        for (number, entry) in self.entries[..end].iter().enumerate() {
            let Entry::Write { at, bytes } = entry else { continue };
            let luck = if number < kept { Luck::Kept } else { chance() };
            for (sector, bytes) in bytes.chunks(SECTOR).enumerate() {
                let there = at + sector * SECTOR;
                let is_kept = match luck {
                    Luck::Kept => true,
                    Luck::Lost => false,
                    Luck::Torn(sectors) => sectors >> (sector % 64) & 1 == 1,
                };
                if is_kept {
                    disk[there..there + bytes.len()].copy_from_slice(bytes);
                }
            }
        }
        disk
    }
}

/// What becomes of a write that need not be kept.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Luck {
    Kept,
    Lost,
    /// A bit for each sector.
    Torn(u64),
}

/// A disk as it was found after the power came back, in the place of the store; gone with the value.
pub(crate) struct Found {
    _mounted: Mounted,
}

impl Found {
    pub(crate) fn at(place: &Place, disk: &[u8]) -> Self {
        fs::write(place.path("found"), disk).unwrap();
        Self { _mounted: Mounted::new("found", place) }
    }
}
