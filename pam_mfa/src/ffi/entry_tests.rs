//! What libpam hands to the entries, and that a panic behind them stays there.

use super::*;
use std::ptr;

const SYSTEM_ERR: c_int = 4;

fn panics(_: &mut dyn Host, _: &Call) -> Code {
    panic!("with a secret: 492817")
}

fn must_not_run(_: &mut dyn Host, _: &Call) -> Code {
    panic!()
}

#[test]
fn a_call_without_a_handle_or_with_a_broken_list_is_a_fault() {
    let one = [ptr::null::<c_char>()];
    let mut place = 0_usize;
    let some_handle = (&raw mut place).cast::<sys::Handle>();
    for (handle, argc, argv) in [
        (ptr::null_mut(), 0, ptr::null()),
        (some_handle, -1, ptr::null()),
        (some_handle, 1, ptr::null()),
        (some_handle, 1, one.as_ptr()),
    ] {
        // SAFETY: the list is null or as long as said; the handle is never used, for the hook is not reached.
        assert_eq!(unsafe { enter(handle, 0, argc, argv, must_not_run) }, SYSTEM_ERR);
    }
}

#[test]
fn arguments_are_read_in_order_and_garbage_is_no_option() {
    let list = [c"debug".as_ptr(), c"\xff=\xfe".as_ptr(), c"".as_ptr()];
    // SAFETY: three live strings.
    let arguments = unsafe { arguments(3, list.as_ptr()) }.unwrap();
    assert_eq!(arguments, ["debug", "\u{fffd}=\u{fffd}", ""]);
    // SAFETY: nothing is read from an empty list.
    assert_eq!(unsafe { super::arguments(0, ptr::null()) }, Some(vec![]));
}

#[test]
fn a_hook_that_panics_is_caught_and_one_that_does_not_is_left_alone() {
    let mut host = crate::stand_in::Application::sshd();
    assert!(guard::catch(|| panics(&mut host, &Call { arguments: vec![], silent: true })).is_err());
    assert_eq!(guard::catch(|| 7), Ok(7));
}
