//! The file as it is made, changed and refused, and the page.

use super::*;
use file::CodeFile;
use mfa_proto::break_glass::{Code, FILE, Use};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn fresh(byte: u8) -> Fresh {
    Fresh::new(&[byte; FRESH])
}

fn add(folder: &Path, number: u32) -> Result<(), Failure> {
    CodeFile::of(folder).change(|records| {
        let byte = u8::try_from(number).unwrap();
        records.push(Record::new(number, 5, &["root".into()], &fresh(byte)).unwrap());
        Ok(())
    })
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn the_folder_and_the_file_are_made_for_root_alone_and_nothing_is_left_beside() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("break-glass");
    assert_eq!(CodeFile::of(&folder).read().unwrap(), []);
    add(&folder, 1).unwrap();
    add(&folder, 2).unwrap();
    assert_eq!((mode(&folder), mode(&folder.join(FILE))), (0o700, 0o600));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    let read = CodeFile::of(&folder).read().unwrap();
    assert_eq!(read.iter().map(|record| record.number).collect::<Vec<_>>(), [1, 2]);
    assert!(read[1].is(&Code::read(&fresh(2).code.spell()).unwrap()));
}

#[test]
fn a_change_that_fails_changes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("break-glass");
    add(&folder, 1).unwrap();
    let before = fs::read(folder.join(FILE)).unwrap();
    let failed = CodeFile::of(&folder).change(|records| {
        records.clear();
        Err::<(), _>(too_many())
    });
    assert!(failed.is_err());
    assert_eq!(fs::read(folder.join(FILE)).unwrap(), before);
}

#[test]
fn what_others_could_have_touched_is_refused_and_told() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("break-glass");
    add(&folder, 1).unwrap();
    for (path, spoiled, good) in [(folder.join(FILE), 0o640, 0o600), (folder.clone(), 0o777, 0o700)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(spoiled)).unwrap();
        let refused = CodeFile::of(&folder).read().unwrap_err();
        assert_eq!(refused.code, "untrusted");
        assert_eq!(add(&folder, 2).unwrap_err().code, "untrusted");
        fs::set_permissions(&path, fs::Permissions::from_mode(good)).unwrap();
    }
    fs::rename(folder.join(FILE), place.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(place.path().join("elsewhere"), folder.join(FILE)).unwrap();
    assert!(CodeFile::of(&folder).read().is_err());
}

#[test]
fn the_page_fits_in_eighty_columns_and_every_code_on_it_works() {
    let codes: Vec<_> = (1u8..=5).map(|byte| (u32::from(byte), fresh(byte).code.spell())).collect();
    let page = page::of(&["alice".into(), "root".into()], &codes, (2, 1_790_000_000));
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{}", *page);
    assert!(page.contains("For alice or root, ") && page.contains("2 older ones go on working"), "{}", *page);
    let listed: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("  [ ] ")).collect();
    assert_eq!(listed.len(), 5);
    assert!(listed.iter().all(|line| Code::read(line.rsplit("   ").next().unwrap()).is_some()), "{}", *page);
}

#[test]
fn what_is_left_is_counted_for_each_account() {
    let record = |number, accounts: &[&str], state| {
        let accounts: Vec<String> = accounts.iter().map(|name| (*name).to_owned()).collect();
        let mut record = Record::new(number, 0, &accounts, &fresh(1)).unwrap();
        record.state = state;
        record
    };
    let records = [
        record(1, &["root"], State::Unused),
        record(2, &["alice", "root"], State::Unused),
        record(3, &["bob"], State::Used(Use { user: "bob".into(), ..Use::default() })),
        record(4, &["root"], State::Void(3)),
    ];
    assert_eq!(page::left(&records).into_iter().collect::<Vec<_>>(), [("alice", 1), ("bob", 0), ("root", 2)]);
    assert_eq!(page::data(&records[2])["state"], "used");
    assert_eq!(page::data(&records[3])["at"], 3);
}
