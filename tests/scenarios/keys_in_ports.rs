//! Security keys that are plugged into a lab are there for the program that talks to keys, as the shipped unit runs it,
//! and for OpenSSH's own tools of each release.

use harness::virtual_key::{Finger, Model};
use harness::{Lab, Outcome, Release, on_each_release};

use crate::steps::{bring_programs, must_hold, ssh_provider, virtual_keys, web};

const SOCKET: &str = "/run/mfa/key.sock";
const LIST: &str = "{\"method\":\"io.mfa.Key.List\",\"parameters\":{\"models\":true,\"seconds\":5}}\n";

fn listed(lab: &Lab) -> Outcome<String> {
    Ok(lab.run_with_input(["frames", SOCKET], LIST)?.success()?.stdout)
}

on_each_release! {
    fn what_is_plugged_in_is_there_for_the_unit_and_what_is_pulled_out_is_not(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        bring_programs(&lab)?;
        virtual_keys(&lab)?;
        assert!(!listed(&lab)?.contains("product"));
        let blue = lab.security_key("blue", Model::default())?;
        let _red = lab.security_key("red", Model { u2f_only: true, ..Model::default() })?;
        must_hold(&listed(&lab)?, &["\"product\":\"blue\"", "\"product\":\"red\"", "\"u2f_only\":true"])?;
        blue.unplug();
        assert!(!listed(&lab)?.contains("blue"));
        blue.plug()?;
        must_hold(&listed(&lab)?, &["\"product\":\"blue\""])
    }

    fn ssh_keygen_makes_a_key_and_signs_with_it_at_a_touch_each(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let key = lab.security_key("blue", Model::default())?;
        let provider = ssh_provider(&lab)?;
        key.always(Some(Finger::Touch));
        for kind in ["ed25519-sk", "ecdsa-sk"] {
            let make = format!("ssh-keygen -q -t {kind} -w {provider} -N '' -f ~/{kind}");
            lab.run_as("alice", ["sh", "-euc", &make])?.success()?;
            let sign = format!("echo hello | SSH_SK_PROVIDER={provider} ssh-keygen -Y sign -f ~/{kind} -n mfa-enroll");
            let signed = lab.run_as("alice", ["sh", "-euc", &sign])?.success()?.stdout;
            must_hold(&signed, &["BEGIN SSH SIGNATURE"])?;
        }
        assert_eq!(key.seen().touched, 4);
        key.unplug();
        let sign = format!("echo hello | SSH_SK_PROVIDER={provider} ssh-keygen -Y sign -f ~/ecdsa-sk -n mfa-enroll");
        lab.run_as("alice", ["sh", "-euc", &sign])?.refused()?;
        Ok(())
    }
}
