//! Security keys that are USB devices to a kernel: in a guest, through `/dev/hidraw*`, udev and a seat. One boot is
//! shared by the steps of a session: a guest takes its time.

use harness::virtual_key::Model;
use harness::{Console, Failure, Guest, Lab, Outcome, Release};

use crate::steps::PASSWORD;

/// The node of the only device of that name.
fn node(guest: &Guest, name: &str) -> Outcome<String> {
    let nodes = guest.hidraw(name)?;
    let [node] = &nodes[..] else { return Err(Failure::new(format!("{name} has the nodes {nodes:?}"))) };
    Ok(node.clone())
}

fn sit_down(console: &mut Console<'_>, user: &str) -> Outcome {
    console.answer("desk login: ", user)?;
    console.answer("Password: ", PASSWORD)?;
    console.expect_shell()?;
    Ok(())
}

#[test]
fn a_key_belongs_to_who_sits_at_the_console() -> Outcome {
    let builder = Lab::builder(Release::Bookworm).hostname("desk").user("alice", PASSWORD).user("bob", PASSWORD);
    let guest = builder.without_product().boot_guest()?;
    let mut console = guest.console()?;
    let key = guest.security_key("Blue", Model::default())?;
    let blue = node(&guest, "Blue")?;
    guest.run_as("alice", ["test", "-r", &blue])?.refused()?;

    sit_down(&mut console, "alice")?;
    assert_eq!(console.run("id -un; tty")?, "alice\n/dev/tty1");
    guest.run_as("alice", ["fido2-token", "-I", &blue])?.success()?;
    guest.run_as("bob", ["fido2-token", "-I", &blue])?.refused()?;
    let keyboard = node(&guest, "Lab keyboard")?;
    guest.run_as("alice", ["test", "-r", &keyboard])?.refused()?;

    console.type_line("ssh-keygen -q -t ecdsa-sk -N '' -f made")?;
    key.touch()?;
    let said = console.expect_shell()?;
    guest
        .run_as("alice", ["test", "-s", "made.pub"])?
        .success()
        .map_err(|error| Failure::new(format!("{error}\n{said}")))?;
    key.unplug();
    assert!(guest.hidraw("Blue")?.is_empty());
    Ok(())
}
