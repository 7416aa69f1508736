//! Security keys that are USB devices to a kernel: in a guest, through `/dev/hidraw*`, udev and a seat. One boot is
//! shared by the steps of a session: a guest takes its time.

use harness::{Guest, Lab, Outcome, Release};

use crate::steps::PASSWORD;

/// A desk with a console, at which alice and bob may sit.
fn desk(release: Release) -> Outcome<Guest> {
    let lab = Lab::builder(release).hostname("desk").user("alice", PASSWORD).user("bob", PASSWORD);
    Ok(lab.without_product().boot_guest()?)
}

#[test]
fn who_sits_at_the_console_owns_the_keyboard_and_the_seat() -> Outcome {
    let guest = desk(Release::Bookworm)?;
    let mut console = guest.console()?;
    console.answer("desk login: ", "alice")?;
    console.answer("Password: ", PASSWORD)?;
    console.expect_shell()?;
    assert_eq!(console.run("id -un; tty")?, "alice\n/dev/tty1\n");
    Ok(())
}
