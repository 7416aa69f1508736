//! Frames: whole, in pieces, too long, nested, cut short.

use super::*;
use proptest::prelude::*;

#[test]
fn a_frame_of_exactly_the_limit_is_taken_and_one_byte_more_is_not() {
    let mut decoder = Decoder::default();
    decoder.push(&vec![b' '; MAX_FRAME - 1]).unwrap();
    decoder.push(&[0]).unwrap();
    assert_eq!(decoder.next_frame().unwrap().len(), MAX_FRAME - 1);
    assert!(!decoder.has_leftover());
    let mut decoder = Decoder::default();
    decoder.push(&vec![b' '; MAX_FRAME]).unwrap();
    assert_eq!(decoder.push(&[0]), Err(FrameError::TooBig));
}

#[test]
fn a_message_that_does_not_fit_is_an_error_and_not_cut() {
    assert_eq!(encode_reply(&"x".repeat(MAX_FRAME)).unwrap_err(), FrameError::TooBig);
}

#[test]
fn an_error_about_a_message_never_quotes_it() {
    let frame = br#"{"method":"io.mfa.Login.Answer","parameters":{"answer":{"oops":"492817"}}}"#;
    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code)]
    struct Answer {
        answer: String,
    }
    let error = Call::parse(frame).unwrap().parameters::<Answer>().unwrap_err();
    assert!(!error.to_string().contains("492817"), "{error}");
}

#[test]
fn deep_nesting_is_refused_without_exhausting_the_stack() {
    let frame = format!("{{\"method\":\"m\",\"parameters\":{}{}}}", "[".repeat(30_000), "]".repeat(30_000));
    let call = Call::parse(frame.as_bytes()).unwrap();
    assert!(call.parameters::<serde_json::Value>().is_err());
}

#[test]
fn a_method_given_twice_is_refused() {
    assert!(Call::parse(br#"{"method":"a","method":"b"}"#).is_err());
}

proptest! {
    #[test]
    fn frames_come_out_as_they_went_in_however_the_stream_is_cut(
        messages in prop::collection::vec("[ -~]{0,200}", 1..8),
        cut in 1usize..64,
    ) {
        let mut stream = Vec::new();
        for message in &messages {
            stream.extend_from_slice(&encode_reply(message).unwrap());
        }
        let (mut decoder, mut seen) = (Decoder::default(), Vec::new());
        for piece in stream.chunks(cut) {
            decoder.push(piece).unwrap();
            while let Some(frame) = decoder.next_frame() {
                seen.push(Reply::parse(&frame).unwrap().parameters::<String>().unwrap());
            }
        }
        prop_assert_eq!(seen, messages);
        prop_assert!(!decoder.has_leftover());
    }

    #[test]
    fn no_bytes_make_the_decoder_or_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut decoder = Decoder::default();
        decoder.push(&bytes).unwrap();
        while let Some(frame) = decoder.next_frame() {
            let _ = Call::parse(&frame).map(|call| call.parameters::<String>());
            let _ = Reply::parse(&frame).map(|reply| reply.parameters::<String>());
        }
    }
}
