//! What it writes: files of codes that are their owner's alone, and text that fits whatever terminal reads it.

use super::*;

#[test]
fn saved_codes_are_their_owners_alone() {
    let daemon = daemon(json!([]));
    let file = daemon.folder().join("codes.txt");
    let made = run(&daemon, &["codes", "--json", "--save", file.to_str().unwrap()], "");
    assert_eq!(code_of(&made), 0, "{}", stdout(&made));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    let codes: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(codes, ten_codes());
}

#[test]
fn a_name_that_is_taken_or_a_link_stops_everything_before_codes_are_made() {
    let daemon = daemon(json!([]));
    let (taken, link) = (daemon.folder().join("taken"), daemon.folder().join("link"));
    fs::write(&taken, "mine").unwrap();
    symlink(daemon.folder().join("nowhere"), &link).unwrap();
    for file in [&taken, &link] {
        let refused = run(&daemon, &["codes", "--json", "--save", file.to_str().unwrap()], "");
        assert_eq!((code_of(&refused), &json_of(&refused)["error"]["code"]), (1, &json!("file")));
    }
    assert_eq!(fs::read_to_string(&taken).unwrap(), "mine");
    assert!(!daemon.folder().join("nowhere").exists());
    assert_eq!(daemon.methods(), [""; 0]);
}

#[test]
fn a_refused_change_leaves_no_empty_file() {
    let daemon = ScriptedDaemon::start(|method, _| match method.rsplit('.').next().unwrap() {
        "Status" => Answer::Reply(enrolled(&json!([]), false)),
        _ => Answer::Refuse("not_allowed", "Enroll first: mfa-enroll"),
    });
    let file = daemon.folder().join("codes.txt");
    let refused = run(&daemon, &["codes", "--save", file.to_str().unwrap()], "");
    assert_eq!(code_of(&refused), 1);
    assert!(stderr(&refused).ends_with("mfa-enroll: Enroll first: mfa-enroll\n"), "{}", stderr(&refused));
    assert!(!file.exists());
}

#[test]
fn where_the_locale_is_not_utf8_everything_is_ascii() {
    let daemon = daemon(json!([]));
    for locale in ["C", "de_DE.ISO-8859-1"] {
        let output = run_at(&daemon.socket(), &["add", "totp"], "118203\n", locale);
        assert!(output.stdout.is_ascii());
        assert!(stdout(&output).contains("####"));
    }
    let output = run(&daemon, &["add", "totp"], "118203\n");
    assert!(stdout(&output).contains('▀') && !stdout(&output).contains("##"));
    let output = run(&daemon, &["add", "totp", "--ascii"], "118203\n");
    assert!(stdout(&output).contains("##") && !stdout(&output).contains('▀'));
}

#[test]
fn names_from_elsewhere_move_no_cursor() {
    let nasty = "evil\x1b[2J\x07\u{202e}\n\u{9b}31m";
    let factors = json!([{ "id": 3, "kind": nasty, "name": nasty, "created": 1, "last_used": i64::MAX }]);
    let daemon = ScriptedDaemon::start(move |method, _| match method.rsplit('.').next().unwrap() {
        "Status" => {
            let mut enrolled = enrolled(&factors, false);
            for key in ["user", "site", "host", "support"] {
                enrolled[key] = json!(nasty);
            }
            Answer::Reply(enrolled)
        }
        "AddTotp" => {
            let mut pending = pending();
            pending["label"] = json!(nasty);
            pending["issuer"] = json!(nasty);
            pending["secret"] = json!(format!("AB\x1b[2JCD{nasty}"));
            Answer::Reply(pending)
        }
        "Confirm" => Answer::Reply(json!({ "result": "done", "backup_codes": [nasty] })),
        _ => Answer::Refuse("not_allowed", "No\x1b[2J\u{202e}."),
    });
    for arguments in [&["status"][..], &["add", "totp"], &["rename", "3", nasty], &["remove", "3"]] {
        let output = run(&daemon, arguments, "118203\n");
        for text in [stdout(&output), stderr(&output)] {
            fits(&text);
            assert!(!text.contains('\u{202e}'), "{text}");
        }
    }
}

#[test]
fn every_help_has_an_example_and_fits_in_eighty_columns() {
    let commands: [&[&str]; 8] =
        [&[], &["status"], &["add", "totp"], &["confirm"], &["codes"], &["remove"], &["rename"], &["test"]];
    for command in commands {
        let output = Command::new(PROGRAM).args(command).arg("--help").env_clear().output().unwrap();
        let help = stdout(&output);
        fits(&help);
        assert!(help.contains("Example") && help.contains("  mfa-enroll"), "{help}");
        assert!(!help.contains("--socket"), "{help}");
    }
}

#[test]
fn it_is_called_mfa_too() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("mfa");
    symlink(PROGRAM, &link).unwrap();
    let output = Command::new(&link).arg("--help").env_clear().output().unwrap();
    assert!(stdout(&output).contains("Usage: mfa [OPTIONS]"), "{}", stdout(&output));
}
