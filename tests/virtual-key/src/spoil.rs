//! Frames of CTAPHID taken apart and put together wrongly (CTAP 2.1, section 11.2.4): a first frame is the channel,
//! the command with its highest bit set, the length, 57 bytes; those that follow are the channel, a number, 59 bytes.

use sk_cbor::{Value, reader, writer};

use crate::fault::Moment;
use crate::outside::Seen;
use crate::port::Packet;

const MSG: u8 = 0x83;
const INIT: u8 = 0x86;
const CBOR: u8 = 0x90;
const CANCEL: u8 = 0x91;
const KEEPALIVE: u8 = 0xbb;
const ERROR: u8 = 0xbf;

/// Error codes of CTAPHID.
pub(crate) const INVALID_COMMAND: u8 = 0x01;
pub(crate) const CHANNEL_BUSY: u8 = 0x06;

/// The only kind of frame that says what it is.
fn is_first(packet: &Packet) -> bool {
    packet[4] & 0x80 != 0
}

pub(crate) fn is_init(packet: &Packet) -> bool {
    packet[4] == INIT
}

pub(crate) fn is_cbor(packet: &Packet) -> bool {
    packet[4] == CBOR
}

/// What a program is about that sends this frame; nothing new when it only goes on.
pub(crate) fn moment(packet: &Packet) -> Option<Moment> {
    match packet[4] {
        INIT => Some(Moment::FirstFrame),
        CANCEL => None,
        CBOR if matches!(packet[7], 0x01 | 0x02) => Some(Moment::Command),
        MSG if matches!(packet[8], 0x01 | 0x02) => Some(Moment::Command),
        _ => is_first(packet).then_some(Moment::ChannelOpen),
    }
}

/// Commands of U2F: the firmware tells nobody of them.
pub(crate) fn count_u2f(seen: &mut Seen, packet: &Packet) {
    match (packet[4], packet[8]) {
        (MSG, 0x01) => seen.made += 1,
        (MSG, 0x02) => seen.asserted += 1,
        _ => {}
    }
}

/// An error in place of an answer.
pub(crate) fn error(like: &Packet, code: u8) -> Packet {
    short_answer(like, ERROR, code)
}

/// "Still working on it", in place of an answer.
pub(crate) fn keepalive(like: &Packet) -> Packet {
    const PROCESSING: u8 = 0x01;
    short_answer(like, KEEPALIVE, PROCESSING)
}

fn short_answer(like: &Packet, command: u8, byte: u8) -> Packet {
    let mut packet = [0; 64];
    packet[..4].copy_from_slice(&like[..4]);
    packet[4..8].copy_from_slice(&[command, 0, 1, byte]);
    packet
}

/// The same frame on a channel of somebody else's.
pub(crate) fn others(packet: &Packet) -> Packet {
    let mut others = *packet;
    others[..4].iter_mut().for_each(|byte| *byte ^= 0x5a);
    others
}

/// The same first frame, which now says that more is to come.
pub(crate) fn longer(mut first: Packet, length: u16) -> Packet {
    first[5..7].copy_from_slice(&length.to_be_bytes());
    first
}

/// The numbers of the frames that follow are off by one. An answer of one frame gets one that nobody expects.
pub(crate) fn wrong_sequence(mut packets: Vec<Packet>) -> Vec<Packet> {
    if let [only] = packets[..] {
        packets = vec![longer(only, 100), others_number(only)];
    }
    packets.iter_mut().skip(1).for_each(|packet| packet[4] = packet[4].wrapping_add(1) & 0x7f);
    packets
}

fn others_number(mut packet: Packet) -> Packet {
    packet[4] = 0;
    packet
}

/// Bytes that mean nothing, other ones for other packets.
pub(crate) fn noise(packet: &Packet) -> Packet {
    let mut state = packet.iter().fold(0x9e37_79b9_u32, |state, byte| state.rotate_left(5) ^ u32::from(*byte));
    std::array::from_fn(|_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    })
}

/// An answer of which the second half is missing, in frames that are right.
pub(crate) fn short_cbor(packets: Vec<Packet>) -> Vec<Packet> {
    rewrite(packets, |answer| answer.truncate(answer.len().div_ceil(2)))
}

/// An answer with 20 bytes of authenticator data (37 are the least); one without any stays as it is.
pub(crate) fn short_authenticator_data(packets: Vec<Packet>) -> Vec<Packet> {
    rewrite(packets, |answer| {
        if let Some(shorter) = cut(answer) {
            *answer = shorter;
        }
    })
}

/// An assertion with one bit of its signature turned, in the last byte of it; an answer without one stays as it is.
pub(crate) fn rubbish_signature(packets: Vec<Packet>) -> Vec<Packet> {
    rewrite(packets, |answer| {
        let turned = changed(answer, 3, |mut signature| {
            signature.iter_mut().next_back().into_iter().for_each(|byte| *byte ^= 1);
            signature
        });
        if let Some(turned) = turned {
            *answer = turned;
        }
    })
}

/// The answer's status and map again, with the member that both commands call 2 cut.
fn cut(answer: &[u8]) -> Option<Vec<u8>> {
    changed(answer, 2, |data| data.into_iter().take(20).collect())
}

/// The answer's status and map again, with that member changed, where it is a byte string.
fn changed(answer: &[u8], member: u64, how: impl Fn(Vec<u8>) -> Vec<u8>) -> Option<Vec<u8>> {
    let (status, map) = answer.split_first()?;
    let members = reader::read(map).ok()?.extract_map()?.into_iter().map(|(key, value)| {
        let is_data = key == Value::unsigned(member);
        let data = is_data.then(|| value.clone().extract_byte_string()).flatten();
        (key, data.map_or(value, |data| Value::byte_string(how(data))))
    });
    let mut shorter = vec![*status];
    writer::write(Value::map(members.collect()), &mut shorter).ok()?;
    Some(shorter)
}

/// Takes an answer out of its frames, changes it and puts it back; what is not an answer of a command stays as it is.
fn rewrite(packets: Vec<Packet>, how: impl FnOnce(&mut Vec<u8>)) -> Vec<Packet> {
    let Some((first, rest)) = packets.split_first() else { return packets };
    if !matches!(first[4], CBOR | MSG) {
        return packets;
    }
    let length = usize::from(u16::from_be_bytes([first[5], first[6]]));
    let mut answer: Vec<u8> = first[7..].iter().chain(rest.iter().flat_map(|packet| &packet[5..])).copied().collect();
    answer.truncate(length);
    how(&mut answer);
    frames(first, &answer)
}

/// The frames of an answer, on the channel and with the command of that first frame.
fn frames(like: &Packet, answer: &[u8]) -> Vec<Packet> {
    let (start, rest) = answer.split_at(answer.len().min(57));
    let mut first = [0; 64];
    first[..5].copy_from_slice(&like[..5]);
    first[5..7].copy_from_slice(&u16::try_from(answer.len()).unwrap_or(u16::MAX).to_be_bytes());
    first[7..7 + start.len()].copy_from_slice(start);
    let following = rest.chunks(59).zip(0_u8..).map(|(part, number)| {
        let mut packet = [0; 64];
        packet[..4].copy_from_slice(&like[..4]);
        packet[4] = number;
        packet[5..5 + part.len()].copy_from_slice(part);
        packet
    });
    std::iter::once(first).chain(following).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(payload: &[u8]) -> Vec<Packet> {
        frames(&short_answer(&[9; 64], CBOR, 0), payload)
    }

    fn payload(packets: Vec<Packet>) -> Vec<u8> {
        let mut taken = Vec::new();
        rewrite(packets, |answer| taken.clone_from(answer));
        taken
    }

    #[test]
    fn an_answer_put_back_unchanged_has_the_same_frames() {
        let long: Vec<u8> = (0..=255).cycle().take(700).collect();
        for length in [0, 1, 57, 58, 116, 117, 700] {
            let packets = answer(&long[..length]);
            assert_eq!(payload(packets.clone()), long[..length], "{length}");
            assert_eq!(rewrite(packets.clone(), |_| {}), packets, "{length}");
        }
    }

    #[test]
    fn only_the_authenticator_data_is_cut_short() {
        let value = |length| {
            let data = Value::byte_string(vec![7; length]);
            let format = Value::text_string("packed".into());
            Value::map(vec![(Value::unsigned(1), format), (Value::unsigned(2), data)])
        };
        let encoded = |value| {
            let mut bytes = vec![0];
            writer::write(value, &mut bytes).unwrap();
            bytes
        };
        let cut = payload(short_authenticator_data(answer(&encoded(value(180)))));
        assert_eq!(cut, encoded(value(20)));
        let refusal = answer(&[0x27]);
        assert_eq!(short_authenticator_data(refusal.clone()), refusal);
    }

    #[test]
    fn frames_are_numbered_wrongly_even_when_there_is_only_one() {
        let numbers = |packets: Vec<Packet>| packets.iter().skip(1).map(|packet| packet[4]).collect::<Vec<_>>();
        assert_eq!(numbers(wrong_sequence(answer(&[1; 150]))), [1, 2]);
        assert_eq!(numbers(wrong_sequence(answer(&[1; 10]))), [1]);
    }
}
