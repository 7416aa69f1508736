//! A keyboard for a guest: a USB device made of nothing but what is written to the guest's `/dev/uhid`. What is typed
//! on it goes the way of every keyboard's keys, to the console that is in front; and it has a `/dev/hidraw*` node like
//! every keyboard, which nobody but root may read.

use std::io::{self, Write};
use std::process::{Child, Command, Stdio};

use crate::lab::Lab;

/// What it calls itself.
pub(crate) const NAME: &str = "Lab keyboard";

/// A keyboard that is plugged in. Dropping it pulls it out.
#[derive(Debug)]
pub(crate) struct Keyboard {
    /// Copies what it is given, a block an event, into the kernel.
    cable: Child,
}

/// Large enough for the first event, which names the device and describes its reports; the kernel takes shorter events
/// than its largest.
const BLOCK: usize = 512;

const CREATE2: u32 = 11;
const INPUT2: u32 = 12;
const BUS_USB: u16 = 3;

/// The keyboard of the USB specification's boot protocol (HID 1.11, appendix B.1): a byte of modifiers, a byte of
/// nothing, five lights, six keys.
#[rustfmt::skip]
const REPORTS: [u8; 63] = [
    0x05, 0x01, 0x09, 0x06, 0xa1, 0x01,
    0x05, 0x07, 0x19, 0xe0, 0x29, 0xe7, 0x15, 0x00, 0x25, 0x01, 0x75, 0x01, 0x95, 0x08, 0x81, 0x02,
    0x95, 0x01, 0x75, 0x08, 0x81, 0x03,
    0x95, 0x05, 0x75, 0x01, 0x05, 0x08, 0x19, 0x01, 0x29, 0x05, 0x91, 0x02, 0x95, 0x01, 0x75, 0x03, 0x91, 0x03,
    0x95, 0x06, 0x75, 0x08, 0x15, 0x00, 0x25, 0x65, 0x05, 0x07, 0x19, 0x00, 0x29, 0x65, 0x81, 0x00,
    0xc0,
];

const SHIFT: u8 = 0x02;
const CONTROL: u8 = 0x01;

impl Keyboard {
    /// Plugs it in. The kernel takes a moment until it knows it.
    pub(crate) fn plug(lab: &Lab) -> io::Result<Self> {
        let block = format!("bs={BLOCK}");
        let words = ["dd", &block, "iflag=fullblock", "of=/dev/uhid", "conv=nocreat,notrunc", "status=none"];
        let mut cable: Command = lab.command(words);
        let mut keyboard = Self { cable: cable.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()? };
        keyboard.write(&[create()])?;
        Ok(keyboard)
    }

    /// Types characters of the US layout, `\r` or `\n` for Enter, `\x03` for Ctrl-C.
    pub(crate) fn type_keys(&mut self, text: &str) -> io::Result<()> {
        let mut events = Vec::new();
        for character in text.chars() {
            let key = key(character)
                .ok_or_else(|| io::Error::other(format!("{character:?} is not on the keyboard of a guest")))?;
            events.extend([report(key), report((0, 0))]);
        }
        self.write(&events)
    }

    fn write(&mut self, events: &[[u8; BLOCK]]) -> io::Result<()> {
        let cable = self.cable.stdin.as_mut().ok_or_else(|| io::Error::other("its cable is cut"))?;
        cable.write_all(&events.concat())?;
        cable.flush()
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        let _ = self.cable.kill();
        let _ = self.cable.wait();
    }
}

/// `struct uhid_create2_req` of `linux/uhid.h`, after the event's type.
fn create() -> [u8; BLOCK] {
    let mut event = Vec::with_capacity(BLOCK);
    event.extend(CREATE2.to_ne_bytes());
    event.extend(NAME.as_bytes());
    event.resize(4 + 128 + 64 + 64, 0);
    event.extend((REPORTS.len() as u16).to_ne_bytes());
    event.extend(BUS_USB.to_ne_bytes());
    // Vendor and product of pid.codes for tests, version, country.
    event.extend([0x1209_u32, 0x0002, 0, 0].map(u32::to_ne_bytes).concat());
    event.extend(REPORTS);
    block(&event)
}

/// One report with that modifier and that one key down.
fn report((modifier, usage): (u8, u8)) -> [u8; BLOCK] {
    let keys = [modifier, 0, usage, 0, 0, 0, 0, 0];
    block(&[&INPUT2.to_ne_bytes()[..], &(keys.len() as u16).to_ne_bytes(), &keys].concat())
}

fn block(event: &[u8]) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block[..event.len()].copy_from_slice(event);
    block
}

/// Modifier and usage (USB HID usage tables, page 7) of a character.
fn key(character: char) -> Option<(u8, u8)> {
    const SIGNS: [(&str, u8); 3] = [("1!2@3#4$5%6^7&8*9(0)", 0x1e), ("-_=+[{]}\\|", 0x2d), (";:'\"`~,<.>/?", 0x33)];
    match character {
        'a'..='z' => return Some((0, 0x04 + (character as u8 - b'a'))),
        'A'..='Z' => return Some((SHIFT, 0x04 + (character as u8 - b'A'))),
        '\r' | '\n' => return Some((0, 0x28)),
        '\x03' => return Some((CONTROL, 0x06)),
        ' ' => return Some((0, 0x2c)),
        _ => {}
    }
    // Each key's plain sign, then its shifted one.
    SIGNS.iter().find_map(|(row, first)| {
        let at = u8::try_from(row.find(character)?).ok()?;
        Some((if at % 2 == 1 { SHIFT } else { 0 }, first + at / 2))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_where_the_us_layout_has_them() {
        let expected =
            [('a', (0, 0x04)), ('Z', (SHIFT, 0x1d)), ('1', (0, 0x1e)), (')', (SHIFT, 0x27)), ('\r', (0, 0x28))];
        for (character, usage) in expected {
            assert_eq!(key(character), Some(usage), "{character}");
        }
        assert_eq!(key('-'), Some((0, 0x2d)));
        assert_eq!(key('|'), Some((SHIFT, 0x31)));
        assert_eq!(key(';'), Some((0, 0x33)));
        assert_eq!(key('?'), Some((SHIFT, 0x38)));
        assert_eq!(key('ä'), None);
    }

    #[test]
    fn events_are_laid_out_as_the_kernel_reads_them() {
        let event = create();
        assert_eq!(event[4..4 + NAME.len()], *NAME.as_bytes());
        assert_eq!(event[260], 63);
        assert_eq!(event[264..266], [0x09, 0x12]);
        assert_eq!(event[280..282], [0x05, 0x01]);
        assert_eq!(report((SHIFT, 4))[..9], [12, 0, 0, 0, 8, 0, SHIFT, 0, 4]);
    }
}
