//! Letters: with a real mail server of Debian's, and with one that does what it is told.

use harness::{Failure, Lab, LabBuilder, Outcome, Release, on_each_release};

use crate::steps::{must_hold, web};

/// A certification authority of the site's own, which the machine trusts, a server with a certificate of it and another
/// with one of nobody's; the password that both want.
const AUTHORITY: &str = r#"
mkdir -p /etc/tls /etc/credstore && cd /etc/tls
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj '/CN=Lab CA' \
    -keyout ca.key -out ca.crt 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=lab -keyout server.key -out server.csr 2>/dev/null
printf 'subjectAltName=DNS:lab\nbasicConstraints=CA:FALSE\n' > ext
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile ext -out server.crt 2>/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=lab -addext subjectAltName=DNS:lab \
    -keyout stranger.key -out stranger.crt 2>/dev/null
chmod 600 *.key
cp ca.crt /usr/local/share/ca-certificates/lab.crt
update-ca-certificates >/dev/null 2>&1
printf 'mfa %s\n' "$(openssl passwd -6 'open sesame')" > secrets
chown root:opensmtpd secrets && chmod 640 secrets
umask 077 && mkdir -p /etc/credstore
systemctl --quiet enable opensmtpd.service
"#;

const SMTPD: &str = "\
pki lab cert \"/etc/tls/server.crt\"
pki lab key \"/etc/tls/server.key\"
pki stranger cert \"/etc/tls/stranger.crt\"
pki stranger key \"/etc/tls/stranger.key\"
table secrets file:/etc/tls/secrets
listen on lo port 465 smtps pki lab auth <secrets> hostname lab
listen on lo port 587 tls-require pki lab auth <secrets> hostname lab
listen on lo port 4650 smtps pki stranger auth <secrets> hostname lab
action \"keep\" maildir
match from any for domain \"acme.example\" action \"keep\"
";

fn settings(tls: &str, more: &str) -> String {
    format!(
        "[mail]\nserver = \"lab\"\ntls = \"{tls}\"\nuser = \"mfa\"\nfrom = \"mfa@acme.example\"\n\
         address = \"{{user}}@acme.example\"\n{more}\n"
    )
}

/// A lab with OpenSMTPD, which delivers to the homes of alice and bob.
fn with_server(release: Release, settings: &str) -> LabBuilder {
    web(release).file("/etc/smtpd.conf", SMTPD, 0o644).before_boot(AUTHORITY).settings(settings)
}

/// The password as systemd hands it over.
const CREDENTIAL: &str = "printf 'open sesame\\n' > /etc/credstore/mfa-smtp-password";

/// Waits until so many letters lie in a user's mailbox; all of them, in the order of their delivery.
fn letters(lab: &Lab, user: &str, number: usize) -> Outcome<Vec<String>> {
    let wait = "cd \"/home/$0\" && timeout 20 sh -c 'until [ \"$(ls Maildir/new 2>/dev/null | wc -l)\" -ge \"$0\" ]; \
                do :; done' \"$1\" && ls -tr Maildir/new";
    let listed = lab.run(["sh", "-c", wait, user, &number.to_string()])?;
    if listed.code != 0 {
        return Err(Failure::new(format!("no letter came to {user}:\n{}", lab.journal(None)?)));
    }
    listed.stdout.lines().map(|name| Ok(lab.read(&format!("/home/{user}/Maildir/new/{name}"))?)).collect()
}

on_each_release! {
    fn a_real_server_takes_a_test_and_the_letter_about_a_reset(release: Release) -> Outcome {
        let lab = with_server(release, &settings("implicit", "")).before_boot(CREDENTIAL).boot()?;
        let test = lab.run(["mfactl", "mail", "test", "alice@acme.example"])?;
        println!("{test}");
        println!("{}", lab.journal(None)?);
        must_hold(&test.success()?.stdout, &["The server has taken it: 250 "])?;
        println!("{}", letters(&lab, "alice", 1)?.concat());
        Ok(())
    }
}
