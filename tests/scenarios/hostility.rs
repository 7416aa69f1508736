//! A plain user who does all that a plain user can do to the daemon, while others log in. How long those take is printed
//! (`cargo xtask hostility`); that they all get in is what must hold.

use std::path::Path;

use harness::{Failure, Lab, Outcome, Release, Service, Stack, on_each_release};
use serde_json::Value;

use crate::steps::{PASSWORD, bring_programs, log_in, policy};

/// Both are the same for a login of each kind: with nothing asked, and with a code.
const SERVICE: &str = "auth required pam_permit.so\nauth [success=ok ignore=ignore default=die] pam_mfa.so\n";
/// Logins of root's applications for bob and carol, by each of two at once.
const LOGINS: usize = 400;

/// Connections that the daemon says it has.
fn connections(lab: &Lab) -> Outcome<f64> {
    let told = lab.run(["mfactl", "metrics", "--json"])?.json()?;
    let families = told["families"].as_array().into_iter().flatten();
    let of = |family: &Value| (family["name"] == "mfa_connections").then(|| family["samples"][0]["value"].as_f64());
    families.filter_map(of).flatten().next().ok_or_else(|| Failure::new(format!("no connections in {told}")))
}

/// Root's applications let in who is asked nothing: the way is the same, down to the record on disk.
fn logins(lab: &Lab, when: &str) -> Outcome {
    let told = lab.run_with_input(["crowd", "codes", "2", &(LOGINS / 2).to_string()], "bob\ncarol\n")?.json()?;
    println!("{when}: {LOGINS} logins, milliseconds: {}", told["milliseconds"]);
    assert_eq!(told["codes"]["0"], LOGINS, "{told}");
    Ok(())
}

on_each_release! {
    fn whatever_a_plain_user_does_to_the_socket_root_and_the_neighbors_get_in(release: Release) -> Outcome {
        let lab = Lab::builder(release)
            .user("bob", PASSWORD)
            .user("carol", PASSWORD)
            .user("eve", PASSWORD)
            .pam(Service::Sshd, Stack::password_then_code())
            .file("/etc/pam.d/codes", SERVICE, 0o644)
            .policy(&policy("if-enrolled", ""))
            .program(Path::new(env!("CARGO_BIN_EXE_hostile")))
            .boot()?;
        bring_programs(&lab)?;
        logins(&lab, "in peace")?;
        let before = lab.daemon_holds()?;
        let mut eve = lab.pty_as("eve", ["hostile", "/run/mfa/mfa.sock"])?;
        eve.expect("begun")?;
        lab.await_journal("has too many connections")?;
        logins(&lab, "beside a hostile user")?;
        // Sixteen of hers, and whoever asks just now.
        assert!(connections(&lab)? <= 16.0 + 4.0);
        // The neighbor's own programs, and the neighbor over ssh.
        let mut phone = lab.enroll("bob")?.phone;
        log_in(&lab, "bob", &phone.code())?;
        let mut own = lab.run_as("bob", ["mfa-enroll", "status", "--json"])?.json()?;
        assert_eq!(own["user"].take(), "bob");
        let beside = lab.daemon_holds()?;
        assert_eq!(before.map(|held| held.process), beside.map(|held| held.process), "{before:?}, then {beside:?}");
        assert!(beside.is_some_and(|held| held.descriptors < 1000), "{before:?}, then {beside:?}");
        // Of all she has begun there is no more in the record than she may ask.
        let hers = lab.run(["mfactl", "audit", "--user", "eve", "--since", "1h", "--json"])?.success()?.stdout;
        assert!(hers.lines().count() < 1000, "{} records", hers.lines().count());
        Ok(())
    }
}
