//! Screens: lockers that run as their user, with the one prompt that some of them have, and a login window. Nobody
//! looks at them here but for a picture that is kept; what shows that a screen is open is that its locker has ended.

use std::path::{Path, PathBuf};

use harness::{Failure, Lab, LabBuilder, Outcome, Release, Service, Stack, Terminal, on_each_release};

use crate::steps::{PASSWORD, people};

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
    /// Shell: `type` a line, `enter` it.
    keyboard: &'static str,
    _servers: Vec<Terminal>,
}

/// On X, `xdotool` is the keyboard.
const X_KEYBOARD: &str = "export DISPLAY=:7
    types() { xdotool type --delay 5 -- \"$1\"; }; enter() { xdotool key Return; }";

/// With Wayland, `wtype` is.
const WAYLAND_KEYBOARD: &str = "export XDG_RUNTIME_DIR=$HOME/run WAYLAND_DISPLAY=wayland-1
    types() { wtype -- \"$1\"; }; enter() { wtype -k Return; }";

impl<'a> Screen<'a> {
    /// An X screen. The locker closes descriptor 3, and by that ends `cat`, when it has the screen and the keyboard.
    fn x(lab: &'a Lab, program: &'static str, environment: &str, arguments: &str) -> Outcome<Self> {
        let mut server = lab.pty_as("alice", ["Xvfb", ":7", "-displayfd", "1", "-nolisten", "tcp"])?;
        server.expect("7")?;
        let locker = format!(
            "set -o pipefail
            DISPLAY=:7 XSS_SLEEP_LOCK_FD=3 {environment} {program} {arguments} 3>&1 >/dev/null </dev/null |
            (cat; echo LOCKED)"
        );
        let mut locker = lab.pty_as("alice", ["bash", "-c", &locker])?;
        locker.expect("LOCKED")?;
        Ok(Self { lab, locker, program, keyboard: X_KEYBOARD, _servers: vec![server] })
    }

    /// A Wayland screen without a display or a graphics card. `swaylock -f` goes into the background once it is
    /// locked, and holds descriptor 3 open as long as it runs.
    fn wayland(lab: &'a Lab, program: &'static str) -> Outcome<Self> {
        let sway = "export XDG_RUNTIME_DIR=$HOME/run; mkdir -m 700 $XDG_RUNTIME_DIR; mkfifo up
            echo \"exec sh -c 'echo UP >$HOME/up'\" >config
            WLR_BACKENDS=headless WLR_LIBINPUT_NO_DEVICES=1 WLR_RENDERER=pixman sway -c config >/dev/null 2>&1 &
            cat up; wait";
        let mut server = lab.pty_as("alice", ["bash", "-c", sway])?;
        server.expect("UP")?;
        // A keyboard that stays plugged in, or the locker would see none before the first key is struck.
        let keyboard = format!("{WAYLAND_KEYBOARD}\nwtype -M shift -m shift; echo PLUGGED; exec wtype -");
        let mut keyboard = lab.pty_as("alice", ["bash", "-c", &keyboard])?;
        keyboard.expect("PLUGGED")?;
        let locker = format!(
            "{WAYLAND_KEYBOARD}
            ({program} -e -f 3>&1 >/dev/null </dev/null && echo LOCKED >&2) | cat"
        );
        let mut locker = lab.pty_as("alice", ["bash", "-c", &locker])?;
        locker.expect("LOCKED")?;
        Ok(Self { lab, locker, program, keyboard: WAYLAND_KEYBOARD, _servers: vec![server, keyboard] })
    }

    /// Types the line, and enters it until the journal tells what came of it: while a locker is busy with the line
    /// before, it hears no Enter, and none of them takes an empty line.
    fn gives(&self, line: &str, outcome: &str) -> Outcome {
        let script = format!("{}\ntypes \"$0\"", self.keyboard);
        self.lab.run_as("alice", ["bash", "-euc", &script, line])?.success()?;
        let enter = format!("{}\nenter", self.keyboard);
        for _ in 0..30 {
            self.lab.run_as("alice", ["bash", "-euc", &enter])?.success()?;
            let wait =
                "timeout 1 journalctl --quiet --no-pager --output=cat --lines=all --follow | grep -qm1 -F -- \"$0\"";
            if self.lab.run(["bash", "-c", wait, outcome])?.success().is_ok() {
                return Ok(());
            }
        }
        Err(Failure::new(format!("no {outcome:?}:\n{}", self.lab.journal(None)?)))
    }

    fn is_locked(&self) -> Outcome {
        self.lab.run(["pgrep", "--exact", self.program])?.success()?;
        assert!(!self.lab.journal(Some("mfa-daemon.service"))?.contains("passed user=alice service="));
        Ok(())
    }

    fn is_open(mut self) -> Outcome {
        assert_eq!(self.locker.expect_closed()?, 0);
        self.lab.run(["pgrep", "--exact", self.program])?.refused()?;
        Ok(())
    }
}

fn stop_the_daemon(lab: &Lab) -> Outcome {
    lab.sh("systemctl stop mfa-daemon.socket mfa-daemon-root.socket mfa-daemon.service")?;
    Ok(())
}

fn start_the_daemon(lab: &Lab) -> Outcome {
    lab.sh("systemctl start mfa-daemon.socket mfa-daemon-root.socket")?;
    Ok(())
}

/// A locker that asks once: password and code in one line open it, and nothing less.
fn asks_once(release: Release, service: &'static str, lock: fn(&Lab) -> Outcome<Screen<'_>>) -> Outcome {
    let lab = desk(release, service, Stack::password_and_code_at_once()).boot()?;
    let alice = lab.enroll("alice")?;
    let mut phone = alice.phone;
    let screen = lock(&lab)?;
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
    screen.is_open()?;

    let screen = lock(&lab)?;
    screen.gives(&format!("{PASSWORD} {}", alice.backup_codes[0]), "factor=backup-code")?;
    screen.is_open()?;
    let log = lab.journal(None)?;
    assert!(!log.contains("LET IN WITHOUT") && !log.contains(&alice.backup_codes[0]), "{log}");
    Ok(())
}

fn i3lock(lab: &Lab) -> Outcome<Screen<'_>> {
    Screen::x(lab, "i3lock", "", "--nofork --ignore-empty-password")
}

fn swaylock(lab: &Lab) -> Outcome<Screen<'_>> {
    Screen::wayland(lab, "swaylock")
}

/// Where pictures of windows are kept.
fn picture(lab: &Lab, name: &str) -> Outcome<PathBuf> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.png", lab.release()));
    let inside = PathBuf::from(format!("/proc/{}/root/run/window.png", lab.leader()));
    lab.sh(&format!("rm -f /run/window.png; {AT_THE_WINDOW} scrot /run/window.png"))?;
    std::fs::copy(inside, &place)?;
    Ok(place)
}

/// LightDM's own screen, which is root's.
const AT_THE_WINDOW: &str = "DISPLAY=:0 XAUTHORITY=/run/lightdm/root/:0";

/// LightDM wants an X server with a console of its own; this one needs none.
const SERVER: &str = "#!/bin/bash
words=()
for word; do case $word in vt*|-novtswitch) ;; *) words+=(\"$word\") ;; esac; done
exec Xvfb \"${words[@]}\" -screen 0 800x600x24
";

/// What alice logs in to.
const SESSION: &str = "[Desktop Entry]\nName=Session\nType=Application\nExec=/usr/bin/sleep infinity\n";

/// A lab whose machine shows LightDM's window.
fn with_login_window(release: Release) -> LabBuilder {
    let seat = "[LightDM]\nlogind-check-graphical=false\n[Seat:*]\nxserver-command=/usr/local/bin/screen\n\
                greeter-session=lightdm-gtk-greeter\nuser-session=scenario\nautologin-user=\n";
    people(release)
        .desktop()
        .policy(REQUIRED)
        .pam(Service::Named("lightdm"), Stack::password_then_code())
        .file("/etc/lightdm/lightdm.conf", seat, 0o644)
        .file("/usr/local/bin/screen", SERVER, 0o755)
        .file("/usr/share/xsessions/scenario.desktop", SESSION, 0o644)
}

/// Waits until LightDM's own log says so, so many times.
fn lightdm_says(lab: &Lab, text: &str, times: usize) -> Outcome {
    let wait = "timeout 60 tail -n +1 -F /var/log/lightdm/lightdm.log 2>/dev/null | grep -m\"$1\" -F -- \"$0\"";
    lab.run(["sh", "-c", wait, text, &times.to_string()])?.success()?;
    Ok(())
}

fn types_at_the_window(lab: &Lab, line: &str) -> Outcome {
    let script = format!("export {AT_THE_WINDOW}; xdotool type --delay 5 -- \"$0\"; xdotool key Return");
    lab.run(["sh", "-euc", &script, line])?.success()?;
    Ok(())
}

on_each_release! {
    fn i3lock_opens_by_password_and_code_in_one_line_and_by_nothing_less(release: Release) -> Outcome {
        asks_once(release, "i3lock", i3lock)
    }

    fn swaylock_opens_by_password_and_code_in_one_line_and_by_nothing_less(release: Release) -> Outcome {
        asks_once(release, "swaylock", swaylock)
    }

    fn a_locker_that_asks_once_takes_a_password_that_ends_in_digits_of_whoever_needs_no_code(release: Release) -> Outcome {
        let lab = desk(release, "i3lock", Stack::password_and_code_at_once())
            .before_boot("echo 'alice:horse492817' | chpasswd")
            .policy("[defaults]\nservices = [\"@lock\"]\nrequire = \"if-enrolled\"\n")
            .boot()?;
        let screen = i3lock(&lab)?;
        screen.gives("horse492817", "skipped user=alice service=i3lock")?;
        screen.is_open()
    }

    fn xsecurelock_opens_by_password_and_then_code_and_by_nothing_less(release: Release) -> Outcome {
        let stack = Stack::password_then_code().with("debug");
        let lab = desk(release, "xsecurelock", stack).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let environment = "XSECURELOCK_PAM_SERVICE=xsecurelock XSECURELOCK_SAVER=saver_blank \
                           XSECURELOCK_DISCARD_FIRST_KEYPRESS=0";
        let screen = Screen::x(&lab, "xsecurelock", environment, "")?;
        screen.gives(PASSWORD, "connected to the mfa daemon; user=alice service=xsecurelock")?;
        screen.gives(&phone.wrong_code(), "wrong user=alice service=xsecurelock")?;
        screen.is_locked()?;
        screen.gives(&phone.code(), "passed user=alice service=xsecurelock")?;
        screen.is_open()
    }

    fn lightdm_shows_its_window_and_lets_in_by_password_and_code(release: Release) -> Outcome {
        let lab = with_login_window(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        lab.sh("systemctl start --no-block lightdm")?;
        lightdm_says(&lab, "Prompt greeter with 1 message", 1)?;
        lab.sh(&format!("{AT_THE_WINDOW} timeout 60 xdotool search --sync --onlyvisible --class lightdm-gtk-greeter"))?;
        types_at_the_window(&lab, PASSWORD)?;
        lightdm_says(&lab, "Prompt greeter with 1 message", 2)?;
        picture(&lab, "lightdm-code")?;
        types_at_the_window(&lab, &phone.code())?;
        lab.await_journal("passed user=alice service=lightdm")?;
        lab.await_journal("session opened for user alice")?;
        Ok(())
    }
}
