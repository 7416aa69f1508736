//! The labs themselves: what every other scenario stands on.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::scope;
use std::time::{Duration, Instant};

use harness::{Failure, Lab, Outcome, Phone, Release, on_each_release};

on_each_release! {
    fn a_password_opens_a_shell_over_ssh(release: Release) -> Outcome {
        let lab = Lab::builder(release).without_product().user("alice", "correct horse").boot()?;
        let mut login = lab.ssh("alice")?;
        login.expect("Password: ")?;
        login.send_line("correct horse")?;
        login.expect_shell()?;
        assert_eq!(login.run("id -un")?, "alice");
        login.send_line("exit 3")?;
        assert_eq!(login.expect_closed()?, 3);
        Ok(())
    }

    fn a_wrong_password_does_not(release: Release) -> Outcome {
        let lab = Lab::builder(release).without_product().user("alice", "correct horse").boot()?;
        let mut login = lab.ssh("alice")?;
        login.expect("Password: ")?;
        login.send_line("battery staple")?;
        let last = login.expect_denied()?;
        assert!(last.contains("Permission denied"), "{last}");
        lab.await_journal("authentication failure")?;
        Ok(())
    }

    fn a_key_opens_a_shell_where_sshd_takes_keys(release: Release) -> Outcome {
        let lab = Lab::builder(release).without_product().user("alice", "correct horse").boot()?;
        let key = lab.ssh_key("alice")?;
        let mut login = lab.ssh_with("alice").key(key).start()?;
        login.expect_shell()?;
        Ok(())
    }

    fn su_sudo_and_login_ask_on_the_labs_own_terminals(release: Release) -> Outcome {
        let lab = Lab::builder(release)
            .without_product()
            .user("alice", "correct horse")
            .root_password("hunter2")
            .group("sudo", &["alice"])
            .boot()?;

        let mut su = lab.pty_as("alice", ["su", "-"])?;
        su.expect("Password: ")?;
        su.send_line("hunter2")?;
        su.expect_shell()?;
        assert_eq!(su.run("id -u")?, "0");

        let mut sudo = lab.pty_as("alice", ["sudo", "id", "-un"])?;
        sudo.expect("[sudo] password for alice: ")?;
        sudo.send_line("correct horse")?;
        sudo.expect("root")?;
        assert_eq!(sudo.expect_closed()?, 0);

        let mut login = lab.pty(["login"])?;
        login.expect("login: ")?;
        login.send_line("alice")?;
        login.expect("Password: ")?;
        login.send_line("correct horse")?;
        login.expect_shell()?;
        assert_eq!(login.run("id -un")?, "alice");
        Ok(())
    }

    fn ctrl_c_ends_what_runs_on_a_terminal(release: Release) -> Outcome {
        let lab = Lab::builder(release).without_product().boot()?;
        let mut terminal = lab.pty(["sh", "-c", "echo ready; read line"])?;
        terminal.expect("ready")?;
        terminal.send("\x03")?;
        assert_eq!(terminal.expect_closed()?, 128 + 2);
        Ok(())
    }

    fn every_service_runs_and_logins_are_sessions(release: Release) -> Outcome {
        let lab = Lab::builder(release).without_product().user("alice", "correct horse").boot()?;
        assert_eq!(lab.run(["systemctl", "is-system-running"])?.stdout.trim(), "running");
        let mut login = lab.ssh("alice")?;
        login.expect("Password: ")?;
        login.send_line("correct horse")?;
        login.expect_shell()?;
        let sessions = lab.sh("loginctl --no-legend list-sessions")?;
        assert!(sessions.contains("alice"), "{sessions}");
        Ok(())
    }

    fn labs_side_by_side_do_not_see_each_other(release: Release) -> Outcome {
        let boot = |name: &str| Lab::builder(release).without_product().hostname(name).user("alice", name).boot();
        let (first, second) = scope(|threads| {
            let first = threads.spawn(|| boot("first"));
            (boot("second"), first.join().expect("the thread ends"))
        });
        let (second, first) = (first?, second?);
        first.write("/etc/only-here", "first", 0o644)?;
        second.run(["test", "-e", "/etc/only-here"])?.refused()?;
        // Both have a port 22 of their own, and a password of their own behind it.
        for lab in [&first, &second] {
            let mut login = lab.ssh("alice")?;
            login.expect("Password: ")?;
            login.send_line(lab.hostname())?;
            login.expect_shell()?;
            assert_eq!(login.run("hostname")?, lab.hostname());
        }
        Ok(())
    }

    fn nothing_remains_of_a_lab_that_ends_by_itself(release: Release) -> Outcome {
        let lab = Lab::builder(release).without_product().boot()?;
        assert_eq!(remains_of(&lab.name()), ["processes", "cgroup", "folder"]);
        lab.run(["systemctl", "poweroff", "--force", "--force"])?;
        await_no_remains(&lab.name());
        Ok(())
    }

    fn nothing_remains_of_a_lab_whose_keeper_is_killed(release: Release) -> Outcome {
        let lab = Lab::builder(release).without_product().boot()?;
        // The first process, systemd-nspawn, the shell that boots it, unshare, the keeper.
        let keeper = (0..4).try_fold(lab.leader(), |pid, _| parent_of(pid))?;
        assert!(fs::read_to_string(format!("/proc/{keeper}/cmdline"))?.contains("keeper.sh"));
        assert!(Command::new("sh").args(["-c", &format!("kill -KILL {keeper}")]).status()?.success());
        let name = lab.name();
        drop(lab);
        await_no_remains(&name);
        Ok(())
    }

    fn nothing_remains_of_a_lab_whose_program_is_killed(release: Release) -> Outcome {
        let mut program = Command::new(env!("CARGO_BIN_EXE_lab"))
            .args([release.suite(), "--plain"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut up = String::new();
        BufReader::new(program.stdout.take().ok_or_else(|| Failure::new("no output"))?).read_line(&mut up)?;
        let name = format!("{}-0", program.id());
        assert!(up.starts_with("up "), "{up}");
        assert_eq!(remains_of(&name), ["processes", "cgroup", "folder"]);

        program.kill()?;
        program.wait()?;
        await_no_remains(&name);
        Ok(())
    }

    fn a_folder_on_disk_outlives_no_lab_whatever_ends_it(release: Release) -> Outcome {
        for killed in [false, true] {
            let lab = Lab::builder(release).without_product().on_disk("/var/lib/kept").boot()?;
            let disk = fs::read_link(Path::new("/run/mfa-labs").join(lab.name()).join("disk"))?;
            lab.write("/var/lib/kept/file", "kept", 0o644)?;
            assert_eq!(fs::read_to_string(disk.join("var/lib/kept/file"))?, "kept");
            let systems = lab.sh("stat --file-system --format=%T / /var/lib/kept")?;
            assert_eq!(systems.lines().next(), Some("overlayfs"), "{systems}");
            assert_ne!(systems.lines().nth(1), Some("overlayfs"), "{systems}");
            if killed {
                lab.run(["systemctl", "poweroff", "--force", "--force"])?;
                await_no_remains(&lab.name());
            }
            drop(lab);
            assert!(!disk.exists());
        }
        Ok(())
    }

    fn a_gateway_leads_from_this_machine_to_the_labs_sshd(release: Release) -> Outcome {
        let lab = Lab::builder(release).without_product().boot()?;
        let gate = TcpStream::connect(lab.open_gateway(0)?)?;
        let mut greeting = String::new();
        BufReader::new(&gate).read_line(&mut greeting)?;
        let expected = lab.run(["ssh", "-V"])?.stderr;
        let version = expected.split(',').next().unwrap_or_default();
        assert!(greeting.starts_with(&format!("SSH-2.0-{version}")), "{greeting} {expected}");
        Ok(())
    }

    fn a_phone_shows_the_codes_that_oathtool_computes(release: Release) -> Outcome {
        let lab = Lab::builder(release).without_product().boot()?;
        for (algorithm, digits) in [("SHA1", "6"), ("SHA256", "8"), ("SHA512", "7")] {
            let uri = format!("otpauth://totp/a?secret=GEZDGNBVGY3TQOJQMFRGGZDFMZTWQ2LK&algorithm={algorithm}&digits={digits}");
            let code = lab.run([
                "oathtool",
                &format!("--totp={algorithm}"),
                &format!("--digits={digits}"),
                "--now=2033-05-18 03:33:20 UTC",
                "--base32",
                "GEZDGNBVGY3TQOJQMFRGGZDFMZTWQ2LK",
            ])?;
            assert_eq!(code.success()?.stdout.trim(), Phone::scan(&uri)?.code_of_step(2_000_000_000 / 30));
        }
        Ok(())
    }
}

fn parent_of(pid: u32) -> Outcome<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    Ok(parent.ok_or_else(|| Failure::new(status.clone()))?.trim().parse()?)
}

fn await_no_remains(name: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !remains_of(name).is_empty() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(remains_of(name), [""; 0]);
}

/// What is left of a lab on this machine, by the name of its folder.
fn remains_of(name: &str) -> Vec<&'static str> {
    let mut remains = Vec::new();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut groups = processes.filter_map(|process| fs::read_to_string(process.path().join("cgroup")).ok());
    if groups.any(|group| group.contains(&format!("mfa-lab-{name}"))) {
        remains.push("processes");
    }
    if ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]
        .iter()
        .any(|tree| Path::new(tree).join(format!("mfa-lab-{name}")).exists())
    {
        remains.push("cgroup");
    }
    if Path::new("/run/mfa-labs").join(name).exists() {
        remains.push("folder");
    }
    if fs::read_to_string("/proc/mounts").is_ok_and(|mounts| mounts.contains(&format!("mfa-labs/{name}"))) {
        remains.push("mounts");
    }
    remains
}
