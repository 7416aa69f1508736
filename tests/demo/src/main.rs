//! The demo: boots a Debian in a container, has apt install the packages there, enrolls alice, lets her in with password
//! and code, refuses the used code and a wrong one, and prints what was on the screen. With `--keep` it stays up for
//! your own phone and ssh.

mod screen;

use std::io::{BufRead, stdin};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use harness::{Failure, Lab, Outcome, Phone, Release};
use screen::{Screen, indented, say, title};

const PASSWORD: &str = "correct horse";
const PROMPT: &str = "Verification code: ";

fn main() -> ExitCode {
    let keep = std::env::args().skip(1).any(|word| word == "--keep");
    match demo(keep) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn demo(keep: bool) -> Outcome {
    let begun = Instant::now();
    let lab = Lab::builder(Release::Bookworm)
        .hostname("web1")
        .user("alice", PASSWORD)
        .user("bob", PASSWORD)
        .without_product()
        .boot()?;
    say(&format!("web1, a Debian 12 with sshd, booted in {:.1} s.", begun.elapsed().as_secs_f32()));
    install(&lab)?;
    let mut phone = enroll(&lab)?;
    let code = log_in(&lab, &mut phone)?;
    be_refused(&lab, &phone, &code)?;
    title("What the log says");
    lab.run(["journalctl", "--sync"])?.success()?;
    let log = lab.sh("journalctl --quiet --no-pager --output=short --facility=auth,authpriv | grep -i mfa")?;
    print!("{}", indented(&log));
    if keep { stay(&lab) } else { Ok(()) }
}

/// As README says it; of what apt says, the end.
fn install(lab: &Lab) -> Outcome {
    title("root installs the packages and turns their PAM profile on: everything with a password asks for a code, too");
    let folder = std::env::var_os("MFA_PACKAGES").map(PathBuf::from);
    let folder = folder.ok_or_else(|| Failure::new("There are no packages. Run: cargo xtask demo"))?.join("demo");
    let mut packages: Vec<PathBuf> = std::fs::read_dir(&folder)?.flatten().map(|entry| entry.path()).collect();
    packages.sort_by_key(|path| std::cmp::Reverse(path.file_name().map(ToOwned::to_owned)));
    lab.bring(&packages, "/root")?;
    let names = packages.iter().filter_map(|path| Some(format!("./{}", path.file_name()?.to_string_lossy())));
    let apt = format!("apt install {}", names.collect::<Vec<_>>().join(" "));
    println!("  root@web1:~# {apt}");
    let quiet = apt.replacen("apt install", "apt-get --quiet --quiet --yes install --no-install-recommends", 1);
    let said = lab.sh(&format!("cd /root && DEBIAN_FRONTEND=noninteractive {quiet} </dev/null"))?;
    let end = said.lines().skip_while(|line| !line.starts_with("Setting up")).map(|line| format!("{line}\n"));
    print!("  …\n{}", indented(&end.collect::<String>()));
    println!("  root@web1:~# pam-auth-update --enable mfa");
    lab.sh("DEBIAN_FRONTEND=noninteractive pam-auth-update --enable mfa")?;
    Ok(())
}

/// As an administrator's script does it; the phone scans the address.
fn enroll(lab: &Lab) -> Outcome<Phone> {
    title("root enrolls alice; her phone scans the address and shows a code");
    let added = as_root(lab, &["mfa-enroll", "--user", "alice", "add", "totp", "--json"])?;
    let address = added["uri"].as_str().ok_or_else(|| Failure::new(format!("there is no address in {added}")))?;
    let mut phone = Phone::scan(address)?;
    let id = added["id"].to_string();
    as_root(lab, &["mfa-enroll", "--user", "alice", "confirm", &id, &phone.code(), "--json"])?;
    Ok(phone)
}

/// Runs a command that prints JSON, and shows both.
fn as_root(lab: &Lab, command: &[&str]) -> Outcome<serde_json::Value> {
    println!("  root@web1:~# {}", command.join(" "));
    let output = lab.run(command.iter().copied())?.success()?;
    print!("{}", indented(&output.stdout));
    Ok(output.json()?)
}

/// Password, then the code her phone shows. Returns that code.
fn log_in(lab: &Lab, phone: &mut Phone) -> Outcome<String> {
    title("alice logs in: ssh alice@web1, password and code");
    let mut screen = Screen::new(lab.ssh("alice")?);
    let code = phone.code();
    screen.answer("Password: ", PASSWORD)?;
    screen.answer(PROMPT, &code)?;
    screen.terminal.expect_shell()?;
    screen.terminal.run("id")?;
    screen.terminal.send_line("exit")?;
    screen.terminal.expect_closed()?;
    screen.print();
    Ok(code)
}

/// The same code once more, then guesses, until sshd hangs up.
fn be_refused(lab: &Lab, phone: &Phone, used: &str) -> Outcome {
    title("Somebody saw the code and knows the password: used, then guessed codes are refused");
    let mut screen = Screen::new(lab.ssh("alice")?);
    screen.answer("Password: ", PASSWORD)?;
    screen.answer(PROMPT, used)?;
    for guess in phone.wrong_codes(5) {
        let (which, _) = screen.terminal.expect_any(&[PROMPT, "Permission denied"])?;
        if which == 1 {
            break;
        }
        screen.type_line(&guess)?;
    }
    screen.terminal.expect_denied()?;
    screen.print();
    Ok(())
}

fn stay(lab: &Lab) -> Outcome {
    let address = lab.open_gateway(2222)?;
    let port = address.port();
    title("web1 stays up: try it with your own phone and ssh");
    println!("  bob has no second factor yet, so his password alone lets him in (password: {PASSWORD}):");
    println!("    ssh -p {port} -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no bob@127.0.0.1");
    println!("  There, run mfa-enroll, scan the QR code with your authenticator app, type the code it shows.");
    println!("  Log out, and in again: now the phone is asked for.");
    println!("  A root shell in web1, from another terminal: sudo nsenter --all --target {} -- bash -l", lab.leader());
    println!("\nPress Enter to end web1.");
    stdin().lock().read_line(&mut String::new())?;
    Ok(())
}
