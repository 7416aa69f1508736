//! Adding an SSH key on a security key: signed here, by an agent, or at another computer.

use super::*;

#[test]
fn an_ssh_key_in_the_users_folder_is_found_and_signs_here() {
    let (daemon, programs) = (daemon(&json!({})), Programs::answering(&[]));
    fs::create_dir(daemon.folder().join(".ssh")).unwrap();
    fs::write(daemon.folder().join(".ssh/id_sk"), "private").unwrap();
    fs::write(daemon.folder().join(".ssh/id_sk.pub"), KEY).unwrap();
    let mut person = person(&daemon, &programs, &["add", "ssh-key"]);
    person.sees("\"laptop\" SHA256:Pn7w");
    person.sees("Touch your security key.");
    keeps_the_codes(person);
    let file = daemon.folder().join(".ssh/id_sk");
    assert_eq!(programs.read("arguments").trim(), format!("-q -Y sign -n mfa-enroll -f {}", file.display()));
    assert_eq!(programs.read("text"), "ACME: alice on web1 adds this key, 6tZq");
    assert_eq!(daemon.parameters_of("AddSshKey")[0]["public_key"], KEY.trim());
}

#[test]
fn an_agent_signs_for_a_key_that_it_has_and_no_file_stays() {
    let (daemon, programs) = (daemon(&json!({})), Programs::answering(&[]));
    programs.write("agent", KEY);
    let temporary = daemon.folder().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let mut adding = command(&daemon, &programs, &["add", "ssh-key", "--json"]);
    adding.env("SSH_AUTH_SOCK", "/nowhere").env("TMPDIR", &temporary).env("LD_DEBUG_OUTPUT", "x").stdin(Stdio::null());
    let output = adding.output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    assert!(programs.read("arguments").contains(&format!("-f {}/mfa-enroll-", temporary.display())));
    assert!(programs.read("environment").contains("SSH_AUTH_SOCK=/nowhere"));
    assert!(!programs.read("environment").contains("LD_DEBUG_OUTPUT"));
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
}

#[test]
fn a_key_at_another_computer_signs_there_and_a_wrong_paste_may_be_done_again() {
    let (daemon, programs) = (daemon(&json!({})), Programs::answering(&[]));
    fs::create_dir(daemon.folder().join(".ssh")).unwrap();
    fs::write(daemon.folder().join(".ssh/authorized_keys"), format!("no-pty {KEY}")).unwrap();
    let mut person = person(&daemon, &programs, &["add", "ssh-key"]);
    person.sees("printf %s 'ACME: alice on web1 adds this key, 6tZq' | ssh-keygen -Y sign -n 'mfa-enroll'");
    person.sees("Paste what it prints, from BEGIN to END:");
    person.types("-----END SSH SIGNATURE-----");
    person.sees("That is not a signature of this key.");
    person.sees("Paste what it prints, from BEGIN to END:");
    SIGNATURE.iter().for_each(|line| person.types(line));
    keeps_the_codes(person);
    let pasted = daemon.parameters_of("ConfirmSshKey")[1]["signature"].clone();
    assert_eq!(pasted, format!("{}\n", SIGNATURE.join("\n")));
}

#[test]
fn of_several_the_person_says_which_and_a_script_names_one() {
    let (daemon, programs) = (daemon(&json!({})), Programs::answering(&[]));
    fs::create_dir(daemon.folder().join(".ssh")).unwrap();
    for (name, key) in [("a", KEY), ("b", OTHER_KEY)] {
        fs::write(daemon.folder().join(format!(".ssh/{name}")), "private").unwrap();
        fs::write(daemon.folder().join(format!(".ssh/{name}.pub")), key).unwrap();
    }
    let refused = script(&daemon, &programs, &["add", "ssh-key"]);
    assert_eq!(refused.status.code(), Some(1));
    let text = told(&refused);
    let fingerprint = text.split_whitespace().filter(|word| word.starts_with("SHA256:")).nth(1).unwrap();
    let named = script(&daemon, &programs, &["add", "ssh-key", fingerprint, "--json"]);
    assert!(named.status.success(), "{}", told(&named));
    let mut person = person(&daemon, &programs, &["add", "ssh-key"]);
    person.sees("Number of the key: ");
    person.types("2");
    person.sees("Right: ");
    assert!(person.leaves().0.success());
    for said in daemon.parameters_of("AddSshKey") {
        assert_eq!(said["public_key"], OTHER_KEY.trim());
    }
}

#[test]
fn a_signature_may_come_from_a_file_or_from_standard_input() {
    let (daemon, programs) = (daemon(&json!({})), Programs::answering(&[]));
    let signature = programs.write("signature", &SIGNATURE.join("\n"));
    let from_file = script(
        &daemon,
        &programs,
        &["add", "ssh-key", KEY.trim(), "--signature", signature.to_str().unwrap(), "--json"],
    );
    assert!(!from_file.status.success(), "nobody has said that it is written");
    let mut adding = command(&daemon, &programs, &["add", "ssh-key", KEY.trim(), "--signature", "-", "--json"]);
    let output = adding.stdin(fs::File::open(&signature).unwrap()).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    let lines: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0], json!({ "namespace": "mfa-enroll", "text": "ACME: alice on web1 adds this key, 6tZq" }));
    assert_eq!(lines[1]["backup_codes"].as_array().unwrap().len(), 10);
}

#[test]
fn without_an_ssh_key_it_is_told_how_one_is_made() {
    let (daemon, programs) = (daemon(&json!({})), Programs::answering(&[]));
    let output = script(&daemon, &programs, &["add", "ssh-key"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).ends_with("ssh-keygen -t ed25519-sk"), "{}", told(&output));
}
