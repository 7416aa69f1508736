//! Root over ssh, who got a factor after sshd was told that a key is enough.

use super::*;
use crate::doctor::ssh_keys::{AtSshd, Demand};

/// What of root's logins is found where sshd does that with root, whom the policy asks so.
fn found_of_root(root: &str, silent: Demand) -> Vec<String> {
    let account = "account [success=ok new_authtok_reqd=ok ignore=ignore default=die] pam_mfa.so\n";
    let config = "UsePAM yes\nMatch User root\n    AuthenticationMethods publickey\n";
    let machine = with_sshd(&format!("{OURS} require_publickey exempt=success\n{account}@include common-account\n"))
        .file("/etc/ssh/sshd_config", config)
        .says("sshd -T -C user=root,host=192.0.2.1,addr=192.0.2.1,laddr=192.0.2.2,lport=22", root);
    let at_sshd = [("root".to_owned(), AtSshd { asked: Demand::Factor, silent })].into();
    let told = found_with(&machine, Site { at_sshd, ..well() });
    told.into_iter().filter(|line| line.contains("sshd-root")).collect()
}

#[test]
fn root_who_is_asked_and_can_answer_nothing_over_ssh_is_told() {
    let of = |permitted: &str, methods: &str| format!("permitrootlogin {permitted}\nauthenticationmethods {methods}\n");
    let both = "publickey,keyboard-interactive";
    let told = ["Fail sshd-root /etc/ssh/sshd_config:2"];
    for root in [of("without-password", "publickey"), of("yes", "publickey"), of("prohibit-password", both)] {
        assert_eq!(found_of_root(&root, Demand::Factor), told, "{root}");
        assert_eq!(found_of_root(&root, Demand::Nothing), [""; 0], "{root}");
    }
    for root in [of("yes", both), of("no", "publickey"), of("yes", "any")] {
        assert_eq!(found_of_root(&root, Demand::Factor), [""; 0], "{root}");
    }
}
