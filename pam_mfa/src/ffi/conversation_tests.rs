//! Conversations as C programs hold them, right and wrong: each reply is a `malloc` of its own.

use super::*;
use std::cell::RefCell;
use std::ffi::{c_char, c_int};

unsafe extern "C" {
    fn calloc(count: usize, size: usize) -> *mut c_void;
    fn strdup(text: *const c_char) -> *mut c_char;
}

/// What the application does, and what it saw.
#[derive(Default)]
struct Application {
    /// What it returns.
    result: c_int,
    /// Its reply to each prompt; none: a null pointer.
    reply: Option<CString>,
    /// Whether it leaves the array of replies null.
    no_array: bool,
    /// Whether it replies to text as well.
    replies_to_all: bool,
    /// It fails this many times first.
    fails_first: usize,
    calls: RefCell<Vec<Vec<(c_int, String)>>>,
}

unsafe extern "C" fn converse(
    count: c_int,
    messages: *mut *const sys::Message,
    replies: *mut *mut sys::Response,
    appdata: *mut c_void,
) -> c_int {
    // SAFETY: the tests pass their application, and `hold` as many messages as it says and a place for the replies.
    unsafe {
        let application = &*appdata.cast::<Application>();
        let count = usize::try_from(count).unwrap();
        let messages: Vec<(c_int, String)> = std::slice::from_raw_parts(messages, count)
            .iter()
            .map(|message| ((**message).style, CStr::from_ptr((**message).text).to_str().unwrap().to_owned()))
            .collect();
        let array = calloc(count, size_of::<sys::Response>()).cast::<sys::Response>();
        for (index, (style, _)) in messages.iter().enumerate() {
            let is_prompt = [sys::PROMPT_ECHO_OFF, sys::PROMPT_ECHO_ON].contains(style);
            if let Some(reply) = application.reply.as_ref().filter(|_| is_prompt || application.replies_to_all) {
                (*array.add(index)).text = strdup(reply.as_ptr());
            }
        }
        application.calls.borrow_mut().push(messages);
        if application.no_array || application.calls.borrow().len() <= application.fails_first {
            free_all(array, count);
        } else {
            *replies = array;
        }
        if application.calls.borrow().len() <= application.fails_first { 19 } else { application.result }
    }
}

/// # Safety
/// `array` has `count` responses.
unsafe fn free_all(array: *mut sys::Response, count: usize) {
    // SAFETY: the caller's promise; every text is null or from `strdup`, the array from `calloc`.
    unsafe {
        for index in 0..count {
            sys::free((*array.add(index)).text.cast());
        }
        sys::free(array.cast());
    }
}

fn held(application: &Application, notes: &[Note], prompt: Option<&Prompt>) -> Result<Option<Secret>, ConverseError> {
    hold(converse, ptr::from_ref(application).cast_mut().cast(), notes, prompt)
}

fn note(text: &str) -> Note {
    Note { style: Style::Info, text: text.into() }
}

fn prompt() -> Prompt {
    Prompt { text: "Verification code: ".into(), echo: false }
}

fn replying(reply: &[u8]) -> Application {
    Application { reply: Some(CString::new(reply).unwrap()), ..Application::default() }
}

fn answer(application: &Application) -> Result<Option<String>, ConverseError> {
    held(application, &[], Some(&prompt())).map(|answer| answer.map(|answer| answer.expose().to_owned()))
}

#[test]
fn a_reply_comes_back_as_it_was_typed() {
    for text in ["492817", "", " x ", "ß", &"x".repeat(LONGEST_REPLY)] {
        assert_eq!(answer(&replying(text.as_bytes())).unwrap().as_deref(), Some(text));
    }
}

#[test]
fn replies_that_are_missing_huge_or_garbled_are_no_answers() {
    assert_eq!(answer(&Application::default()), Ok(None));
    assert_eq!(answer(&Application { no_array: true, ..replying(b"492817") }), Ok(None));
    assert_eq!(answer(&replying(&[b'x'; LONGEST_REPLY + 1])), Err(ConverseError::TooLong));
    assert_eq!(answer(&replying(&[b'x'; 8192])), Err(ConverseError::TooLong));
    assert_eq!(answer(&replying(b"\xff\xfe")), Err(ConverseError::NotText));
}

#[test]
fn a_conversation_that_fails_is_an_error_whatever_it_left_behind() {
    for result in [1, 5, 7, 19, 20, 25, 30, 31, -1, 12_345] {
        let application = Application { result, no_array: true, ..replying(b"492817") };
        assert_eq!(answer(&application), Err(ConverseError::Failed), "{result}");
    }
}

#[test]
fn notes_and_prompt_are_one_call_with_the_prompt_last() {
    let application = Application { replies_to_all: true, ..replying(b"492817") };
    let notes = [note("one"), Note { style: Style::Error, text: "two".into() }];
    let visible = Prompt { text: "Name: ".into(), echo: true };
    assert_eq!(held(&application, &notes, Some(&visible)).unwrap().unwrap().expose(), "492817");
    let expected = [(sys::TEXT_INFO, "one"), (sys::ERROR_MSG, "two"), (sys::PROMPT_ECHO_ON, "Name: ")];
    let calls = application.calls.borrow();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0], expected.map(|(style, text)| (style, text.to_owned())));
}

#[test]
fn a_call_never_holds_more_messages_than_libpam_allows() {
    let application = Application { fails_first: 2, ..replying(b"492817") };
    let notes: Vec<Note> = (0..70).map(|n| note(&n.to_string())).collect();
    assert_eq!(held(&application, &notes, Some(&prompt())).unwrap().unwrap().expose(), "492817");
    let sizes: Vec<usize> = application.calls.borrow().iter().map(Vec::len).collect();
    assert_eq!(sizes, [32, 32, 7], "and what fails with notes alone does not keep from asking");
}

#[test]
fn a_terminal_is_sent_no_control_characters_and_c_no_nul() {
    let application = replying(b"");
    let hostile = Prompt { text: "a\x1b[2J\0b\nc\u{9b}\r\u{7}: ".into(), echo: false };
    held(&application, &[], Some(&hostile)).unwrap();
    assert_eq!(application.calls.borrow()[0][0].1, "a[2Jb\nc: ");
}

#[test]
fn text_alone_is_fine_with_any_replies_or_none() {
    for application in [
        Application { no_array: true, ..Application::default() },
        Application { replies_to_all: true, ..replying(b"why?") },
        Application::default(),
    ] {
        assert!(held(&application, &[note("hello")], None).unwrap().is_none());
    }
    assert!(held(&Application::default(), &[], None).unwrap().is_none());
}
