//! The site: a Debian in which apt has installed the packages, real sshd, sudo and login, and the people on it.

use harness::{Failure, Lab, Outcome};

use crate::options::Options;
use crate::people::{PASSWORD, Person};

/// How many there are: as many as there are seats without a license, but one.
const PEOPLE: usize = 24;

/// What an administrator writes into a stack.
const LINE: &str = "auth [success=ok new_authtok_reqd=ok ignore=ignore default=die] pam_mfa.so";

/// sshd's stack and those of sudo and login: the module behind the password. Of whoever has shown a key (sshd demands
/// it of the group) the password is not asked: the lines of `common-auth` are jumped over.
const STACKS: &str = "cd /etc/pam.d
for stack in sshd sudo login; do sed -i '/^@include common-auth/r /root/line' $stack; done
lines=$(grep -c '^auth' common-auth)
sed -i \"/^@include common-auth/i auth [success=$lines default=ignore] pam_succeed_if.so quiet user ingroup keyed\" sshd
grep -q pam_mfa sshd && grep -q pam_mfa sudo && grep -q pam_mfa login";

/// Both require a factor of everybody; what was begun under one is weighed again under the other.
pub(crate) const POLICIES: [&str; 2] = [
    "[defaults]\nservices = [\"@ssh\", \"@login\", \"@sudo\", \"@su\", \"codes\"]\nrequire = \"always\"\n",
    "[defaults]\nservices = [\"@ssh\", \"@login\", \"@sudo\", \"@su\", \"codes\"]\nrequire = \"always\"\n\
     [[rule]]\nname = \"those with a key\"\ngroups = [\"keyed\"]\nfactors = [\"totp\", \"backup-code\"]\nrequire = \"always\"\n",
];

/// Boots it, installs, enrolls everybody.
pub(crate) fn boot(options: &Options) -> Outcome<(Lab, Vec<Person>)> {
    let names: Vec<String> = (1..=PEOPLE).map(|number| format!("user{number}")).collect();
    let words: Vec<&str> = names.iter().map(String::as_str).collect();
    let keyed: Vec<&str> = words.iter().copied().step_by(4).collect();
    let builder = Lab::builder(options.release).without_product();
    let builder = words.iter().fold(builder, |builder, name| builder.user(name, PASSWORD));
    let lab = builder
        .group("sudo", &words)
        .group("keyed", &keyed)
        .sshd("Match Group keyed\n    AuthenticationMethods publickey,keyboard-interactive\n")
        .program(&beside("crowd")?)
        .boot()?;
    lab.install_packages("demo")?;
    stacks(&lab)?;
    lab.write("/etc/mfa/policy.toml", POLICIES[0], 0o644)?;
    lab.run(["mfactl", "policy", "reload"])?.success()?;
    lab.sh("ssh-keygen -q -t ed25519 -N '' -f /root/key")?;
    let enrolled = lab.enroll_all(&names)?;
    let person = |(name, enrolled): (&String, _)| {
        let key = keyed.contains(&name.as_str()).then(|| lab.ssh_key(name)).transpose()?;
        Ok(Person::new(name, enrolled, key))
    };
    let people = names.iter().zip(enrolled).map(person).collect::<Outcome<Vec<_>>>()?;
    println!("{PEOPLE} people are enrolled, {} of them with a key before the code.", keyed.len());
    Ok((lab, people))
}

fn stacks(lab: &Lab) -> Outcome {
    lab.write("/root/line", &format!("{LINE}\n"), 0o644)?;
    lab.write("/etc/pam.d/codes", &format!("{LINE}\naccount required pam_permit.so\n"), 0o644)?;
    lab.sh(STACKS)?;
    Ok(())
}

/// A program that was built beside this one.
fn beside(name: &str) -> Outcome<std::path::PathBuf> {
    let program = std::env::current_exe()?.with_file_name(name);
    if program.is_file() { Ok(program) } else { Err(Failure::new("There is no crowd. Run: cargo xtask soak")) }
}
