//! Screens: lockers that run as their user, with the one prompt that some of them have, and a login window. Nobody
//! looks at them here but for a picture that is kept; what shows that a screen is open is that its locker has ended.

use std::path::{Path, PathBuf};

use harness::{Failure, Lab, LabBuilder, Outcome, Release, Service, Stack, Terminal, on_each_release};

use crate::steps::{CODE, PASSWORD, people};

/// A factor is required wherever there is a window. (`codes` is where enrolling is confirmed.)
const REQUIRED: &str = "[defaults]\nservices = [\"@desktop\", \"@lock\", \"codes\"]\nrequire = \"always\"\n";

/// A lab with windows, in which that service asks so.
fn desk(release: Release, service: &'static str, stack: Stack) -> LabBuilder {
    people(release).desktop().policy(REQUIRED).pam(Service::Named(service), stack)
}

/// A locked screen of alice's, with what types on its keyboard.
struct Screen<'a> {
    lab: &'a Lab,
    /// Ends when the screen is open.
    locker: Terminal,
    /// What locks it, by the name of its process.
    program: &'static str,
    /// Shell: `types` a line, `enter` it.
    keyboard: String,
    _servers: Vec<Terminal>,
}

/// On X, `xdotool` is the keyboard.
fn x_keyboard(number: u8) -> String {
    format!(
        "export DISPLAY=:{number}
        types() {{ xdotool type --delay 5 -- \"$1\"; }}; enter() {{ xdotool key Return; }}"
    )
}

/// With Wayland, `wtype` is: a new one each time it is called, so that all of a line is typed at once, and typed anew.
fn wayland_keyboard(number: u8) -> String {
    format!(
        "export XDG_RUNTIME_DIR=$HOME/run{number} WAYLAND_DISPLAY=wayland-1
        types() {{ :; }}; enter() {{ wtype -k Escape \"$1\" -k Return; }}"
    )
}

impl<'a> Screen<'a> {
    /// An X screen. The locker closes descriptor 3, and by that ends `cat`, when it has the screen and the keyboard.
    fn x(lab: &'a Lab, number: u8, program: &'static str, environment: &str, arguments: &str) -> Outcome<Self> {
        let display = format!(":{number}");
        let mut server = lab.pty_as("alice", ["Xvfb", &display, "-displayfd", "1", "-nolisten", "tcp"])?;
        server.expect(&number.to_string())?;
        let locker = format!(
            "set -o pipefail
            DISPLAY={display} XSS_SLEEP_LOCK_FD=3 {environment} {program} {arguments} 3>&1 >/dev/null </dev/null |
            (cat; echo LOCKED)"
        );
        let mut locker = lab.pty_as("alice", ["bash", "-c", &locker])?;
        locker.expect("LOCKED")?;
        Ok(Self { lab, locker, program, keyboard: x_keyboard(number), _servers: vec![server] })
    }

    /// A Wayland screen without a display or a graphics card. `swaylock -f` goes into the background once it is
    /// locked, and holds descriptor 3 open as long as it runs.
    fn wayland(lab: &'a Lab, number: u8, program: &'static str) -> Outcome<Self> {
        let sway = "export XDG_RUNTIME_DIR=$HOME/run$0; mkdir -m 700 $XDG_RUNTIME_DIR; mkfifo up$0
            echo \"exec sh -c 'echo UP >$HOME/up$0'\" >config$0
            WLR_BACKENDS=headless WLR_LIBINPUT_NO_DEVICES=1 WLR_RENDERER=pixman sway -c config$0 >/dev/null 2>&1 &
            cat up$0; wait";
        let mut server = lab.pty_as("alice", ["bash", "-c", sway, &number.to_string()])?;
        server.expect("UP")?;
        // A keyboard that stays plugged in, or the locker would see none before the first key is struck.
        let with_it = wayland_keyboard(number);
        let plugged = format!("{with_it}\nwtype -M shift -m shift; echo PLUGGED; exec wtype -");
        let mut plugged_in = lab.pty_as("alice", ["bash", "-c", &plugged])?;
        plugged_in.expect("PLUGGED")?;
        let locker = format!(
            "{with_it}
            ({program} -d -e -f 3>&1 >/dev/null </dev/null 2>log{number} && echo LOCKED >&2) | cat"
        );
        let mut locker = lab.pty_as("alice", ["bash", "-c", &locker])?;
        locker.expect("LOCKED")?;
        Ok(Self { lab, locker, program, keyboard: with_it, _servers: vec![server, plugged_in] })
    }

    /// Types the line, and enters it until the journal tells what came of it: while a locker is busy with the line
    /// before, it hears no Enter, and none of them takes an empty line.
    fn gives(&self, line: &str, outcome: &str) -> Outcome {
        let script = format!("{}\ntypes \"$0\"", self.keyboard);
        self.lab.run_as("alice", ["bash", "-euc", &script, line])?.success()?;
        let enter = format!("{}\nenter \"$0\"", self.keyboard);
        for _ in 0..30 {
            self.lab.run_as("alice", ["bash", "-euc", &enter, line])?.success()?;
            let wait =
                "timeout 3 journalctl --quiet --no-pager --output=cat --lines=all --follow | grep -qm1 -F -- \"$0\"";
            if self.lab.run(["bash", "-c", wait, outcome])?.success().is_ok() {
                return Ok(());
            }
        }
        let logs = self.lab.sh("cat /home/alice/log* 2>/dev/null || :")?;
        Err(Failure::new(format!("no {outcome:?}:\n{logs}{}", self.lab.journal(None)?)))
    }

    fn is_locked(&self) -> Outcome {
        self.lab.run(["pgrep", "--exact", self.program])?.success()?;
        assert!(!self.lab.journal(Some("mfa-daemon.service"))?.contains("passed user=alice service="));
        Ok(())
    }

    fn opens(mut self) -> Outcome {
        assert_eq!(self.locker.expect_closed()?, 0);
        self.lab.run(["pgrep", "--exact", self.program])?.refused()?;
        Ok(())
    }
}

/// What DESKTOPS.md says to copy.
const THREE_LINES: &str = "\
auth [success=ok new_authtok_reqd=ok ignore=ignore default=die] pam_mfa.so combined=split
auth requisite pam_unix.so use_first_pass
auth [success=ok new_authtok_reqd=ok ignore=ignore default=die] pam_mfa.so combined=verify
";

fn stop_the_daemon(lab: &Lab) -> Outcome {
    lab.sh("systemctl stop mfa-daemon.socket mfa-daemon-root.socket mfa-daemon.service")?;
    Ok(())
}

fn start_the_daemon(lab: &Lab) -> Outcome {
    lab.sh("systemctl start mfa-daemon.socket mfa-daemon-root.socket")?;
    Ok(())
}

/// A locker that asks once: password and code in one line open it, and nothing less.
fn asks_once(release: Release, service: &'static str, lock: fn(&Lab, u8) -> Outcome<Screen<'_>>) -> Outcome {
    let lab = desk(release, service, Stack::password_and_code_at_once()).boot()?;
    let alice = lab.enroll("alice")?;
    let mut phone = alice.phone;
    let screen = lock(&lab, 7)?;
    let of = |what: &str| format!("{what} user=alice service={service}");
    screen.gives(&format!("{PASSWORD}{}", phone.wrong_code()), &of("wrong"))?;
    screen.gives(PASSWORD, "reason=cannot-ask")?;
    screen.gives(&phone.code_now(), "no password was typed")?;
    screen
        .gives(&format!("wrong{}", phone.code_now()), &format!("pam_unix({service}:auth): authentication failure"))?;
    stop_the_daemon(&lab)?;
    screen.gives(&format!("{PASSWORD}{}", phone.code_now()), "the mfa daemon is not running")?;
    start_the_daemon(&lab)?;
    screen.is_locked()?;
    screen.gives(&format!("{PASSWORD}{}", phone.code()), &of("passed"))?;
    screen.opens()?;

    let screen = lock(&lab, 8)?;
    screen.gives(&format!("{PASSWORD} {}", alice.backup_codes[0]), "factor=backup-code")?;
    screen.opens()?;
    let log = lab.journal(None)?;
    assert!(!log.contains("LET IN WITHOUT") && !log.contains(&alice.backup_codes[0]), "{log}");
    Ok(())
}

fn i3lock(lab: &Lab, number: u8) -> Outcome<Screen<'_>> {
    Screen::x(lab, number, "i3lock", "", "--nofork --ignore-empty-password")
}

fn swaylock(lab: &Lab, number: u8) -> Outcome<Screen<'_>> {
    Screen::wayland(lab, number, "swaylock")
}

/// Where pictures of windows are kept.
fn picture(lab: &Lab, name: &str) -> Outcome<PathBuf> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.png", lab.release()));
    let inside = PathBuf::from(format!("/proc/{}/root/run/window.png", lab.leader()));
    lab.sh(&format!("rm -f /run/window.png; {AT_THE_WINDOW} scrot /run/window.png"))?;
    std::fs::copy(inside, &place)?;
    Ok(place)
}

/// What LightDM says of itself.
const LOG: &str = "/var/log/lightdm/lightdm.log";

/// LightDM's own screen, which is root's.
const AT_THE_WINDOW: &str = "DISPLAY=:0 XAUTHORITY=/run/lightdm/root/:0";

/// LightDM wants an X server with a console of its own; this one needs none.
const SERVER: &str = "#!/bin/bash
words=()
for word; do case $word in vt*|-novtswitch) ;; *) words+=(\"$word\") ;; esac; done
exec Xvfb \"${words[@]}\" -screen 0 800x600x24 -noreset
";

/// A lab whose machine shows LightDM's window.
fn with_login_window(release: Release) -> LabBuilder {
    let seat = "[LightDM]\nlogind-check-graphical=false\n[Seat:*]\nxserver-command=/usr/local/bin/screen\n\
                greeter-session=lightdm-gtk-greeter\ngreeter-hide-users=false\n";
    people(release)
        .desktop()
        .policy(REQUIRED)
        .pam(Service::Named("lightdm"), Stack::password_then_code())
        .file("/etc/lightdm/lightdm.conf", seat, 0o644)
        .file("/usr/local/bin/screen", SERVER, 0o755)
}

on_each_release! {
    fn i3lock_opens_by_password_and_code_in_one_line_and_by_nothing_less(release: Release) -> Outcome {
        asks_once(release, "i3lock", i3lock)
    }

    fn a_locker_that_asks_once_takes_a_password_that_ends_in_digits_of_whoever_needs_no_code(release: Release) -> Outcome {
        let lab = desk(release, "i3lock", Stack::password_and_code_at_once())
            .file("/etc/pam.d/i3lock", THREE_LINES, 0o644)
            .before_boot("echo 'alice:horse492817' | chpasswd")
            .policy("[defaults]\nservices = [\"@lock\"]\nrequire = \"if-enrolled\"\n")
            .boot()?;
        let screen = i3lock(&lab, 7)?;
        screen.gives("horse492817", "skipped user=alice service=i3lock")?;
        screen.opens()
    }

    fn xsecurelock_opens_by_password_and_then_code_and_by_nothing_less(release: Release) -> Outcome {
        let stack = Stack::password_then_code().with("debug");
        let lab = desk(release, "xsecurelock", stack).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let environment = "XSECURELOCK_PAM_SERVICE=xsecurelock XSECURELOCK_SAVER=saver_blank \
                           XSECURELOCK_DISCARD_FIRST_KEYPRESS=0";
        let screen = Screen::x(&lab, 7, "xsecurelock", environment, "")?;
        screen.gives(PASSWORD, "connected to the mfa daemon; user=alice service=xsecurelock")?;
        screen.gives(&phone.wrong_code(), "wrong user=alice service=xsecurelock")?;
        screen.is_locked()?;
        screen.gives(&phone.code(), "passed user=alice service=xsecurelock")?;
        screen.opens()
    }

    fn lightdm_shows_its_window_and_its_stack_takes_password_and_then_code(release: Release) -> Outcome {
        let lab = with_login_window(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        lab.sh("systemctl start --no-block lightdm")?;
        lab.sh(&format!("timeout 60 tail -n +1 -F {LOG} 2>/dev/null | grep -m1 'Prompt greeter with 1 message'"))?;
        lab.sh(&format!("{AT_THE_WINDOW} timeout 60 xdotool search --sync --onlyvisible --class lightdm-gtk-greeter"))?;
        assert!(picture(&lab, "lightdm")?.metadata()?.len() > 1000);
        // The window's own keyboard is not to be relied on without a display, so the same stack is asked by hand.
        let mut login = lab.pty(["pamtester", "lightdm", "alice", "authenticate"])?;
        login.answer("Password: ", PASSWORD)?;
        login.answer(CODE, &phone.wrong_code())?;
        login.answer(CODE, &phone.code())?;
        assert_eq!(login.expect_closed()?, 0);
        lab.await_journal("passed user=alice service=lightdm")?;
        Ok(())
    }
}

/// On Debian 13 its compositor loses the keyboard when `wtype` has typed one line, so that nobody could type a second.
#[test]
fn swaylock_opens_by_password_and_code_in_one_line_and_by_nothing_less_on_debian_12() -> Outcome {
    asks_once(Release::Bookworm, "swaylock", swaylock)
}
