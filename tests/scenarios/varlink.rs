//! The daemon's socket, as systemd's own Varlink client sees it.

use harness::{Outcome, Release, on_each_release};

use crate::steps::{must_hold, people};

on_each_release! {
    fn varlinkctl_finds_its_way_around_the_daemon(release: Release) -> Outcome {
        let socket = "unix:/run/mfa/mfa.sock";
        if release.suite() == "bookworm" {
            return Ok(()); // its systemd is 252, and varlinkctl came with 255
        }
        let lab = people(release).boot()?;
        let info = lab.run(["varlinkctl", "info", socket])?.success()?.stdout;
        must_hold(&info, &["mfa-daemon", "io.mfa.Login", "io.mfa.Enrollment", "io.mfa.Admin"])?;
        let described = lab.run(["varlinkctl", "introspect", socket, "io.mfa.Login"])?.success()?.stdout;
        must_hold(&described, &["method Begin", "method Answer"])?;
        let called = lab.run(["varlinkctl", "call", socket, "io.mfa.Enrollment.Status", r#"{"user":"alice"}"#])?;
        must_hold(&called.success()?.stdout, &["\"alice\""])?;
        let other = ["varlinkctl", "call", socket, "io.mfa.Enrollment.Status", r#"{"user":"bob"}"#];
        must_hold(&lab.run_as("alice", other)?.refused()?.stderr, &["PermissionDenied"])
    }
}
