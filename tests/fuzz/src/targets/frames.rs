//! A stream of bytes on a socket, in whatever pieces it comes: frames, calls, replies.

use crate::{Target, sentence};
use mfa_proto::frame::{Call, Decoder, FrameError, MAX_FRAME, Reply, encode_call};
use serde_json::Value;

/// Cut into frames, and read as what is expected there.
pub const TARGET: Target = Target { name: "frames", about: "a stream in frames", longest: 3 * MAX_FRAME, try_it };

fn try_it(data: &[u8]) {
    let (sizes, stream) = data.split_at(data.len().min(2));
    let size = sizes.iter().fold(0, |size, byte| size << 8 | usize::from(*byte)).max(1);
    let mut decoder = Decoder::default();
    let (mut waiting, mut frames): (usize, Vec<Vec<u8>>) = (0, Vec::new());
    for piece in stream.chunks(size) {
        let fits = waiting + piece.len() <= MAX_FRAME;
        assert_eq!(decoder.push(piece), if fits { Ok(()) } else { Err(FrameError::TooBig) });
        if !fits {
            break;
        }
        waiting += piece.len();
        while let Some(frame) = decoder.next_frame() {
            waiting -= frame.len() + 1;
            frames.push(frame.to_vec());
        }
        assert_eq!(decoder.has_leftover(), waiting > 0);
    }
    // However it was cut into pieces, the frames are what stands between the NULs.
    let plain: Vec<&[u8]> = stream.split(|byte| *byte == 0).take(frames.len()).collect();
    assert_eq!(frames, plain);
    for frame in &frames {
        read(frame);
    }
}

fn read(frame: &[u8]) {
    match Call::parse(frame) {
        Ok(call) => again(&call),
        Err(error) => places_alone(&error),
    }
    if let Err(error) = Reply::parse(frame).and_then(|reply| reply.parameters::<Value>()) {
        places_alone(&error);
    }
}

/// What is written of what was read is read as the same.
fn again(call: &Call<'_>) {
    match call.parameters::<Value>() {
        Ok(parameters) => {
            // Fractions are read nowhere, and no two readers agree on them.
            if has_fraction(&parameters) {
                return;
            }
            // It may have grown: each character becomes its escape.
            let Ok(frame) = encode_call(&call.method, &parameters) else { return };
            let read = Call::parse(frame.strip_suffix(&[0]).unwrap_or_default()).expect("what we write, we read");
            assert_eq!(read.method, call.method);
            assert_eq!(read.parameters::<Value>().expect("as before"), parameters);
            assert!(!read.oneway && !read.upgrade);
        }
        Err(error) => places_alone(&error),
    }
}

/// Whether there is a number in it that is not whole.
pub(super) fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(values) => values.iter().any(has_fraction),
        Value::Object(members) => members.values().any(has_fraction),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// An error says where, and never what: it may be an answer.
pub(super) fn places_alone(error: &FrameError) {
    let text = error.to_string();
    sentence::is_one(&text);
    if let FrameError::Malformed(place) = error {
        let (kind, column) = place.split_once(" at column ").expect("a place");
        assert!(["unexpected content", "not JSON", "cut short"].contains(&kind), "{place}");
        assert!(column.bytes().all(|byte| byte.is_ascii_digit()), "{place}");
    }
}
