//! Security keys that are USB devices to a kernel: in a guest, through `/dev/hidraw*`, udev and a seat. One boot is
//! shared by the steps of one long day at a desk: a guest takes its time.

use std::thread::scope;

use harness::virtual_key::Model;
use harness::{Console, Failure, Guest, Outcome, Release, SecurityKey, Service, Stack, on_each_release};

use crate::steps::{CODE, PASSWORD, logged, must_hold, people};

const SUDO: &str = "[sudo] password for alice: ";

/// What is asked of whoever sits there, and has a key and backup codes.
const TOUCH_FOR_SUDO: &str = "Touch your security key: sudo on desk as alice (15 s, then a code)";

/// A program of alice's own, and what is asked then.
const OWN: &str = "pamtester codes alice authenticate";
const TOUCH_FOR_OWN: &str = "Touch your security key: codes on desk as alice (15 s, then a code)";

/// What is asked where a backup code is all that would do beside the key.
const PLUG: &str = "Press Enter with your security key plugged in, or type a backup code: ";

/// What pamu2fcfg does, with libfido2's own tools: a credential for pam_u2f, made by the key of that node.
const REGISTER_U2F: &str = "#!/bin/sh -eu
mkdir -p ~/.config/Yubico
ask=$(head -c 32 /dev/urandom | base64; echo pam://desk; echo alice; echo YWxpY2U=)
made=$(echo \"$ask\" | fido2-cred -M \"$1\" es256 | fido2-cred -V)
id=$(echo \"$made\" | head -1)
key=$(echo \"$made\" | sed -e 1d -e /-----/d | base64 -d | tail -c 64 | base64 -w 0)
echo \"alice:$id,$key,es256,+presence\" >~/.config/Yubico/u2f_keys
";

/// A desk at which alice sits, with a key that is plugged in, and a keyboard.
struct Desk<'guest> {
    guest: &'guest Guest,
    console: Console<'guest>,
    key: SecurityKey,
}

fn boot(release: Release) -> Outcome<Guest> {
    let stack = Stack::password_then_code;
    let builder = people(release)
        .hostname("desk")
        .group("sudo", &["alice"])
        .pam(Service::Login, stack())
        .pam(Service::Sudo, stack())
        .pam(Service::Su, stack())
        .file("/etc/sudoers.d/scenario", "Defaults timestamp_timeout=0\n", 0o440)
        .file("/usr/local/bin/register-u2f", REGISTER_U2F, 0o755)
        .file("/etc/pam.d/u2f", "auth required pam_u2f.so cue\naccount required pam_permit.so\n", 0o644);
    Ok(builder.boot_guest()?)
}

impl Desk<'_> {
    /// The node of the only device of that name.
    fn node(&self, name: &str) -> Outcome<String> {
        let nodes = self.guest.hidraw(name)?;
        let [node] = &nodes[..] else { return Err(Failure::new(format!("{name} has the nodes {nodes:?}"))) };
        Ok(node.clone())
    }

    /// Types a line for sudo, and the password.
    fn sudo(&mut self) -> Outcome {
        self.console.type_line("sudo id -un")?;
        self.console.answer(SUDO, PASSWORD)?;
        Ok(())
    }

    fn sudo_with_a_touch(&mut self) -> Outcome {
        self.sudo()?;
        must_hold(&self.touch_for(TOUCH_FOR_SUDO)?, &["\nroot"])
    }

    /// Types a line that blinks the key, touches it; what the line printed.
    fn touched(&mut self, line: &str, asked: &str) -> Outcome<String> {
        self.console.type_line(line)?;
        self.touch_for(asked)
    }

    /// Waits for that text, touches the key; what was printed until the shell came back.
    fn touch_for(&mut self, asked: &str) -> Outcome<String> {
        self.console.await_text(asked)?;
        self.key.touch()?;
        Ok(self.console.expect_shell()?)
    }
}

on_each_release! {
    fn a_day_at_a_desk_with_a_security_key(release: Release) -> Outcome {
        let guest = boot(release)?;
        // ssh-keygen of Debian 12 takes no Ed25519 key that a batch's certificate vouches for.
        let blue = guest.security_key("Blue", Model { batch_attestation: false, ..Model::default() })?;
        let mut desk = Desk { guest: &guest, console: guest.console()?, key: blue };
        desk.console.answer("desk login: ", "alice")?;
        desk.console.answer("Password: ", PASSWORD)?;
        desk.console.expect_shell()?;

        a_day(&mut desk).or_else(|why| {
            let (seen, screen) = (desk.console.transcript().to_owned(), desk.console.screen()?);
            let journal = guest.sh("journalctl --quiet --no-pager --lines=80")?;
            Err(Failure::new(format!(
                "{why}\n--- seen at the console\n{seen}\n--- on its screen\n{screen}\n--- journal\n{journal}"
            )))
        })
    }
}

fn a_day(desk: &mut Desk<'_>) -> Outcome {
    nodes_belong_to_who_sits_there(desk)?;
    other_programs_use_the_key(desk)?;
    a_key_is_enrolled_at_the_console(desk)?;
    the_console_asks_for_a_touch(desk)?;
    sudo_su_and_own_programs_ask_for_a_touch(desk)?;
    what_is_not_touched_can_be_tried_again(desk)?;
    of_two_keys_the_right_one_blinks(desk)?;
    the_unit_can_open_keys_and_nothing_else(desk)?;
    another_program_has_its_turn_first(desk)?;
    who_does_not_sit_there_neither_uses_nor_blocks_the_key(desk)?;
    other_programs_use_the_key_still(desk)?;
    assert!(logged(desk.guest, "passed", "alice")?.iter().any(|line| line.contains("security-key")));
    Ok(())
}

/// Nobody but alice, who sits there, and the program that talks to keys may open hers; and nobody the keyboard.
fn nodes_belong_to_who_sits_there(desk: &Desk<'_>) -> Outcome {
    let (blue, keyboard) = (desk.node("Blue")?, desk.node("Lab keyboard")?);
    let guest = desk.guest;
    assert_eq!(guest.sh(&format!("stat -c %U:%G:%a {blue} {keyboard}"))?, "root:_mfa-key:660\nroot:root:600\n");
    for (user, key) in [("alice", true), ("_mfa-key", true), ("bob", false), ("_mfa", false)] {
        let script = "test -r \"$0\" && echo key; test -r \"$1\" && echo keyboard; true";
        let become_user = ["setpriv", &format!("--reuid={user}"), &format!("--regid={user}"), "--init-groups"];
        let may = guest.run([&become_user[..], &["sh", "-c", script, &blue, &keyboard]].concat())?.success()?.stdout;
        assert_eq!(may, if key { "key\n" } else { "" }, "{user}");
    }
    Ok(())
}

fn other_programs_use_the_key(desk: &mut Desk<'_>) -> Outcome {
    desk.touched("ssh-keygen -t ed25519-sk -N '' -f sk", "You may need to touch")?;
    desk.console.type_line(&format!("register-u2f {}", desk.node("Blue")?))?;
    desk.key.touch()?;
    desk.console.expect_shell()?;
    other_programs_use_the_key_still(desk)
}

fn other_programs_use_the_key_still(desk: &mut Desk<'_>) -> Outcome {
    let said = desk.touched("pamtester u2f alice authenticate", "Please touch the ")?;
    must_hold(&said, &["successfully authenticated"])?;
    desk.touched("rm -f f.sig; date >f; ssh-keygen -Y sign -n file -f sk f", "Confirm user presence")?;
    desk.guest.run_as("alice", ["sh", "-c", "ssh-keygen -Y check-novalidate -n file -s f.sig <f"])?.success()?;
    Ok(())
}

fn a_key_is_enrolled_at_the_console(desk: &mut Desk<'_>) -> Outcome {
    let console = &mut desk.console;
    console.type_line("mfa-enroll add security-key --name blue")?;
    console.await_text("Touch your security key (1 of 2).")?;
    desk.key.touch()?;
    console.await_text("Touch it again to confirm (2 of 2).")?;
    desk.key.touch()?;
    console.await_text("Type the last group of code ")?;
    let said = console.expect(": ")?;
    must_hold(&said, &["Right: \"blue\" counts from now on.", "Backup codes, each works once."])?;
    let codes = harness::codes_on(&said);
    let number: usize = said.rsplit(' ').next().and_then(|word| word.parse().ok()).unwrap_or_default();
    let code = number.checked_sub(1).and_then(|at| codes.get(at)).ok_or_else(|| Failure::new(said.clone()))?;
    console.type_line(code.rsplit('-').next().unwrap_or_default())?;
    console.answer("Enter = done: ", "")?;
    must_hold(&console.expect_shell()?, &["Keys get lost"])
}

fn the_console_asks_for_a_touch(desk: &mut Desk<'_>) -> Outcome {
    desk.console.type_line("exit")?;
    desk.console.answer("desk login: ", "alice")?;
    desk.console.answer("Password: ", PASSWORD)?;
    desk.touch_for("Touch your security key: login on desk as alice (15 s, then a code)")?;
    assert_eq!(desk.console.run("id -un")?, "alice");
    Ok(())
}

fn sudo_su_and_own_programs_ask_for_a_touch(desk: &mut Desk<'_>) -> Outcome {
    desk.sudo_with_a_touch()?;
    desk.console.type_line("su alice -c 'echo as $(id -un)'")?;
    desk.console.answer("Password: ", PASSWORD)?;
    must_hold(&desk.touch_for("Touch your security key: su on desk as alice (15 s, then a code)")?, &["as alice"])?;
    must_hold(&desk.touched(OWN, TOUCH_FOR_OWN)?, &["successfully authenticated"])
}

/// Denied, or pulled out: the next way is asked for, and Enter goes on with the key.
fn what_is_not_touched_can_be_tried_again(desk: &mut Desk<'_>) -> Outcome {
    desk.console.type_line(OWN)?;
    desk.console.await_text(TOUCH_FOR_OWN)?;
    desk.key.deny()?;
    must_hold(&desk.console.answer(PLUG, "")?, &["The key said no."])?;
    must_hold(&desk.touch_for(TOUCH_FOR_OWN)?, &["successfully authenticated"])?;

    desk.console.type_line(OWN)?;
    desk.key.await_blink()?;
    desk.key.unplug();
    must_hold(&desk.console.answer(PLUG, "")?, &["The key was unplugged."])?;
    must_hold(&desk.console.expect(PLUG)?, &["None of your security keys is plugged in here."])?;
    assert!(desk.guest.hidraw("Blue")?.is_empty());
    desk.key.plug()?;
    desk.node("Blue")?;
    desk.console.type_line("")?;
    must_hold(&desk.touch_for(TOUCH_FOR_OWN)?, &["successfully authenticated"])
}

fn of_two_keys_the_right_one_blinks(desk: &mut Desk<'_>) -> Outcome {
    let green = desk.guest.security_key("Green", Model::default())?;
    desk.node("Green")?;
    desk.sudo_with_a_touch()?;
    assert_eq!(green.seen().asked, 0, "it blinked");
    Ok(())
}

/// Looked at from inside while it waits for the touch.
fn the_unit_can_open_keys_and_nothing_else(desk: &mut Desk<'_>) -> Outcome {
    let (blue, keyboard) = (desk.node("Blue")?, desk.node("Lab keyboard")?);
    desk.console.type_line(OWN)?;
    desk.key.await_blink()?;
    let seen = desk.guest.run(["sh", "-c", LOOK_INSIDE, &keyboard])?.success()?.stdout;
    let has_open = format!("has open {blue}\n");
    let of_its_own = ["user _mfa-key\n", "CapBnd: 0000000000000000\n", "CapEff: 0000000000000000\n", &has_open];
    must_hold(&seen, &of_its_own)?;
    must_hold(&seen, &["NoNewPrivs: 1\n", "Seccomp: 2\n", "a network of its own\n", "no store\n"])?;
    // The keyboard's node is kept from it by its owner, as was seen; all others by the unit.
    assert!(seen.ends_with(&format!("may open {keyboard}\n")) && seen.matches("may open").count() == 1, "{seen}");
    must_hold(&desk.touch_for(TOUCH_FOR_OWN)?, &["successfully authenticated"])
}

/// Says what a running mfa-key is and has; and what root itself could open in its cgroup.
const LOOK_INSIDE: &str = "
pid=$(pgrep -x mfa-key)
stat -c 'user %U' /proc/$pid
grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/$pid/status | tr '\\t' ' '
[ \"$(readlink /proc/$pid/ns/net)\" = \"$(readlink /proc/self/ns/net)\" ] || echo a network of its own
echo has open $(ls -l /proc/$pid/fd | grep -o '/dev/hidraw.*')
test -e /var/lib/mfa/mfa.db && ! nsenter --mount --target $pid test -e /var/lib/mfa/mfa.db && echo no store
echo $$ >/sys/fs/cgroup$(cut -d: -f3 /proc/$pid/cgroup)/cgroup.procs
for node in $0 /dev/uhid /dev/tty1 /dev/kmsg; do
    (exec 3<$node) 2>/dev/null && echo may open $node
done
true";

/// ssh-keygen holds the key and waits for a touch: sudo asks for another way, and takes the key once it is free.
fn another_program_has_its_turn_first(desk: &mut Desk<'_>) -> Outcome {
    let guest = desk.guest;
    scope(|threads| -> Outcome {
        let sign = ["sh", "-c", "rm -f f.sig; ssh-keygen -Y sign -n file -f sk f"];
        let signing = threads.spawn(move || guest.run_as("alice", sign));
        desk.key.await_blink()?;
        desk.sudo()?;
        desk.console.expect(PLUG)?;
        desk.key.touch()?;
        signing.join().map_err(|_| Failure::new("it panicked"))??.success()?;
        Ok(())
    })?;
    desk.console.type_line("")?;
    must_hold(&desk.touch_for(TOUCH_FOR_SUDO)?, &["\nroot"])
}

/// bob has a credential on the same key, but no seat; alice has, and is here over ssh as well.
fn who_does_not_sit_there_neither_uses_nor_blocks_the_key(desk: &mut Desk<'_>) -> Outcome {
    let guest = desk.guest;
    let blue = desk.node("Blue")?;
    desk.key.always(Some(harness::virtual_key::Finger::Touch));
    guest.run_with_input(["mfa-enroll", "--user", "bob", "add", "security-key", "--json"], "")?.success()?;
    desk.key.always(None);
    // With an app, too, both are asked for a code.
    guest.enroll_all(&["alice", "bob"])?;
    let asked = desk.key.seen().asked;
    guest.run_as("bob", ["flock", "--nonblock", &blue, "true"])?.refused()?;
    guest.run_as("bob", ["fido2-token", "-I", &blue])?.refused()?;
    let mut many = Vec::new();
    for _ in 0..8 {
        let mut bob = guest.pty_as("bob", ["pamtester", "codes", "bob", "authenticate"])?;
        bob.answer(CODE, "k")?;
        bob.expect("A security key works only for somebody who sits at this machine.")?;
        many.push(bob);
    }
    guest.sh("systemctl start ssh")?;
    let mut elsewhere = guest.ssh("alice")?;
    elsewhere.answer("Password: ", PASSWORD)?;
    elsewhere.expect_shell()?;
    elsewhere.send_line("sudo id -un")?;
    elsewhere.answer(SUDO, PASSWORD)?;
    elsewhere.answer(CODE, "k")?;
    elsewhere.expect("A security key works only for somebody who sits at this machine.")?;
    assert_eq!(desk.key.seen().asked, asked, "it blinked for somebody who is not there");
    desk.sudo_with_a_touch()
}
