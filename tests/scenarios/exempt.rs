//! Who is exempt for real: single sign-on, of which sshd tells, and automation, which can answer nothing and passes by
//! its key through the account phase; and what covers the ways to root that are not `sudo`.

use harness::{Lab, LabBuilder, Outcome, Output, Release, Service, Stack, on_each_release};

use crate::steps::{CODE, PASSWORD, logged, must_hold, people, policy, web};

/// A Kerberos realm in the lab, with alice in it; `mfa-lab` is the host's name in it.
const REALM: &str = r#"
cat >/etc/krb5.conf <<'END'
[libdefaults]
default_realm = LAB.EXAMPLE
dns_lookup_kdc = false
dns_lookup_realm = false
dns_canonicalize_hostname = false
rdns = false
[realms]
LAB.EXAMPLE = {
    kdc = 127.0.0.1
}
END
mkdir -p /etc/krb5kdc /var/lib/krb5kdc
printf '[realms]\nLAB.EXAMPLE = {\n}\n' >/etc/krb5kdc/kdc.conf
echo '127.0.0.1 mfa-lab' >>/etc/hosts
kdb5_util create -s -r LAB.EXAMPLE -P realm >/dev/null
kadmin.local -q 'addprinc -pw ticket alice' >/dev/null
kadmin.local -q 'addprinc -randkey host/mfa-lab' >/dev/null
kadmin.local -q 'ktadd -k /etc/krb5.keytab host/mfa-lab' >/dev/null
systemctl start krb5-kdc
"#;

/// What a client says to nobody's surprise.
const PLAIN: &str = "-F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentityAgent=none \
                     -o ConnectTimeout=20";

/// sshd demands a ticket or a key, and then PAM, in which nothing but the module asks.
fn single_sign_on(release: Release, rules: &str) -> LabBuilder {
    people(release)
        .pam(Service::Sshd, Stack::code_alone())
        .before_boot("sed -i '/pam_mfa/a auth required pam_permit.so' /etc/pam.d/sshd")
        .sshd("GSSAPIAuthentication yes\nGSSAPIStrictAcceptorCheck no")
        .sshd("AuthenticationMethods gssapi-with-mic,keyboard-interactive publickey,keyboard-interactive")
        .policy(&policy("always", rules))
}

/// The network that automation comes from; the rest of 127.0.0.0/8 is elsewhere.
const AUTOMATION: &str =
    "[[rule]]\nname = \"automation\"\nusers = [\"ansible\"]\nfrom = [\"127.10.0.0/16\"]\nrequire = \"never\"\n";

/// A lab with an account for automation, whose key lies in it, too, for the clients that run there.
fn fleet(builder: LabBuilder) -> Outcome<Lab> {
    let lab = builder.user("ansible", PASSWORD).policy(&policy("always", AUTOMATION)).boot()?;
    let key = lab.ssh_key("ansible")?;
    lab.write("/root/key", &std::fs::read_to_string(key)?, 0o600)?;
    lab.write("/root/sent", "as it was\n", 0o644)?;
    lab.enroll("ansible")?;
    Ok(lab)
}

/// A client of ansible's in batch mode, from that address.
fn batch(lab: &Lab, from: &str, options: &str, command: &str) -> Outcome<Output> {
    let options = format!("{PLAIN} -i /root/key -o BatchMode=yes -o BindAddress={from} {options}");
    Ok(lab.run(["sh", "-c", &command.replace("OPTIONS", &options)])?)
}

/// What automation does: a command, and files over all three ways.
const JOBS: [&str; 4] = [
    "ssh OPTIONS ansible@127.0.0.1 cat /etc/hostname",
    "scp OPTIONS /root/sent ansible@127.0.0.1:by-scp",
    "echo put /root/sent by-sftp | sftp -b - OPTIONS ansible@127.0.0.1",
    "rsync -e 'ssh OPTIONS' /root/sent ansible@127.0.0.1:by-rsync",
];

fn all_jobs_pass(lab: &Lab, from: &str) -> Outcome {
    for job in JOBS {
        batch(lab, from, "", job)?.success()?;
    }
    lab.sh("cd /home/ansible && cmp by-scp by-sftp && cmp by-scp by-rsync && rm by-scp by-sftp by-rsync")?;
    Ok(())
}

fn every_job_is_refused(lab: &Lab, from: &str, told: &str) -> Outcome {
    for job in JOBS {
        let refused = batch(lab, from, "-o LogLevel=INFO", job)?.refused()?;
        must_hold(&format!("{}{}", refused.stdout, refused.stderr), &[told])?;
    }
    lab.sh("! ls /home/ansible/by-* 2>/dev/null")?;
    Ok(())
}

on_each_release! {
    fn whoever_comes_with_a_ticket_is_exempt_and_whoever_comes_with_a_key_is_asked(release: Release) -> Outcome {
        let rule = "[[rule]]\nname = \"sso\"\nssh_auth = [\"gssapi-with-mic\"]\nrequire = \"never\"\n";
        let lab = single_sign_on(release, rule).boot()?;
        lab.sh(REALM)?;
        let mut phone = lab.enroll("alice")?.phone;
        let key = lab.ssh_key("alice")?;
        let by_ticket = format!("echo ticket | kinit alice >/dev/null && exec ssh -tt -o GSSAPIAuthentication=yes {PLAIN} alice@mfa-lab");
        let mut login = lab.pty_as("alice", ["sh", "-c", &by_ticket])?;
        let before = login.expect_shell()?;
        assert!(!before.contains(CODE), "{before}");
        let line = logged(&lab, "skipped", "alice")?.join("\n");
        must_hold(&line, &["service=sshd", "sso"])?;

        let mut login = lab.ssh_with("alice").key(key).start()?;
        login.answer(CODE, &phone.code())?;
        login.expect_shell()?;

        // Without its rule a ticket is not enough.
        lab.write("/etc/mfa/policy.toml", &policy("always", ""), 0o644)?;
        lab.sh("mfactl policy reload")?;
        let mut login = lab.pty_as("alice", ["sh", "-c", &format!("exec ssh -tt -o GSSAPIAuthentication=yes {PLAIN} alice@mfa-lab")])?;
        login.answer(CODE, &phone.code())?;
        login.expect_shell()?;
        Ok(())
    }

    fn automation_passes_by_key_alone_from_its_network_and_from_elsewhere_hears_why_not(release: Release) -> Outcome {
        let stack = Stack::password_then_code().with_account();
        let lab = fleet(web(release).pam(Service::Sshd, stack).sshd("AuthenticationMethods publickey"))?;
        all_jobs_pass(&lab, "127.10.0.5")?;
        every_job_is_refused(&lab, "127.0.0.1", "A second factor is required")?;
        // The reason is a banner, which clients told to be quiet leave out.
        let quiet = batch(&lab, "127.0.0.1", "-o LogLevel=ERROR", JOBS[0])?.refused()?;
        assert!(!quiet.stderr.contains("A second factor"), "{quiet}");
        Ok(())
    }

    fn with_the_printed_match_block_automation_passes_where_sshd_demands_a_code(release: Release) -> Outcome {
        let lab = fleet(web(release).pam(Service::Sshd, Stack::key_then_code().with_account()))?;
        every_job_is_refused(&lab, "127.10.0.5", "Permission denied")?;
        let explain = "mfactl policy explain --user ansible --service sshd --from 127.10.0.5 --ssh-auth publickey";
        let told = lab.sh(&format!("{explain} | tee /dev/stderr | sed -n '/Match User/,/AuthenticationMethods/p'"))?;
        must_hold(&told, &["Match User ansible Address 127.10.0.0/16\n    AuthenticationMethods publickey\n"])?;
        // As it was printed, at the end of sshd's own file.
        lab.sh(&format!("cat >>/etc/ssh/sshd_config <<'END'\n{told}END\nsshd -t && systemctl reload ssh"))?;
        all_jobs_pass(&lab, "127.10.0.5")?;
        every_job_is_refused(&lab, "127.0.0.1", "Permission denied")?;
        Ok(())
    }

    fn the_stack_of_pkexec_asks_for_the_code(release: Release) -> Outcome {
        // Its text agent throws away what is typed too early, so the stack is asked as its helper asks it.
        let toml = policy("if-enrolled", "").replace("\"codes\"", "\"codes\", \"@polkit\"");
        let lab = people(release).pam(Service::CommonAuth, Stack::password_then_code()).policy(&toml).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let mut helper = lab.pty(["pamtester", "polkit-1", "alice", "authenticate"])?;
        helper.answer("Password: ", PASSWORD)?;
        helper.answer(CODE, &phone.code())?;
        assert_eq!(helper.expect_closed()?, 0);
        let line = logged(&lab, "passed", "alice")?.join("\n");
        assert!(line.contains("service=polkit-1 "), "{line}");

        let mut helper = lab.pty(["pamtester", "polkit-1", "alice", "authenticate"])?;
        helper.answer("Password: ", PASSWORD)?;
        for code in phone.wrong_codes(3) {
            helper.answer(CODE, &code)?;
        }
        assert_ne!(helper.expect_closed()?, 0);
        Ok(())
    }
}
