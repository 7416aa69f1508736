//! What is taken for a file, and what of it is kept.

use super::*;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

fn spot(path: &Path) -> Spot {
    Spot::open(path, Trust::Needed).unwrap().unwrap()
}

#[test]
fn a_file_is_replaced_whole_and_keeps_its_owner_permissions_and_attributes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sshd");
    fs::write(&path, "before\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let file = File::open(&path).unwrap();
    let has_attributes = fsetxattr(&file, "user.label", b"\x00label", XattrFlags::empty()).is_ok();
    let spot = spot(&path);
    let before = spot.read(Trust::Needed).unwrap().unwrap();
    assert_eq!((before.marks.mode, before.marks.attributes.len()), (0o640, usize::from(has_attributes)));
    spot.lay(Beside::New, b"after\n", &before.marks).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"before\n");
    spot.swap(Beside::New).unwrap();
    assert_eq!(spot.read(Trust::Needed).unwrap().unwrap(), Found { bytes: b"after\n".to_vec(), ..before.clone() });
    spot.lay(Beside::New, &before.bytes, &before.marks).unwrap();
    spot.swap(Beside::New).unwrap();
    assert_eq!(spot.read(Trust::Needed).unwrap().unwrap(), before);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_link_is_not_followed_wherever_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join("real");
    fs::create_dir(&real).unwrap();
    fs::write(real.join("sshd"), "text").unwrap();
    symlink(real.join("sshd"), folder.path().join("sshd")).unwrap();
    symlink(&real, folder.path().join("pam.d")).unwrap();
    let read = spot(&folder.path().join("sshd")).read(Trust::Needed);
    assert!(matches!(read, Err(FileError::Link(_))), "{read:?}");
    let within = Spot::open(&folder.path().join("pam.d/sshd"), Trust::Needed);
    assert!(matches!(within, Err(FileError::Link(_))));
    // What is put in a link's place replaces the link, and not what it points to.
    let spot = spot(&folder.path().join("sshd"));
    spot.lay(Beside::New, b"plain", &Marks::new(0o644)).unwrap();
    spot.swap(Beside::New).unwrap();
    assert_eq!(fs::read(real.join("sshd")).unwrap(), b"text");
    assert!(fs::symlink_metadata(folder.path().join("sshd")).unwrap().is_file());
}

#[test]
fn what_others_could_have_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sshd");
    fs::write(&path, "text").unwrap();
    for mode in [0o664, 0o646] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert!(matches!(spot(&path).read(Trust::Needed), Err(FileError::Untrusted(_))), "{mode:o}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o775)).unwrap();
    assert!(matches!(Spot::open(&path, Trust::Needed), Err(FileError::Untrusted(_))));
    assert!(Spot::open(&path, Trust::NotNeeded).unwrap().is_some());
}

#[test]
fn pipes_folders_and_second_names_are_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sshd");
    fs::create_dir(&path).unwrap();
    assert!(matches!(spot(&path).read(Trust::Needed), Err(FileError::NotPlain(_))));
    fs::remove_dir(&path).unwrap();
    fs::write(&path, "text").unwrap();
    fs::hard_link(&path, folder.path().join("second")).unwrap();
    assert!(matches!(spot(&path).read(Trust::Needed), Err(FileError::NotPlain(_))));
    fs::remove_file(&path).unwrap();
    rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    assert!(matches!(spot(&path).read(Trust::Needed), Err(FileError::NotPlain(_))));
}

#[test]
fn a_path_is_from_the_root_on_and_goes_nowhere_else() {
    for path in ["pam.d/sshd", "/", "/etc/../sshd", ""] {
        assert!(matches!(Spot::open(Path::new(path), Trust::Needed), Err(FileError::NoPath(_))), "{path}");
    }
    assert!(Spot::open(Path::new("/nowhere/at/all"), Trust::Needed).unwrap().is_none());
}

#[test]
fn folders_that_are_missing_are_made_and_go_again_when_nothing_is_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/file");
    let missing = missing_folders(&path).unwrap();
    assert_eq!(missing, [folder.path().join("a"), folder.path().join("a/b")]);
    missing.iter().try_for_each(|folder| make_folder(folder, Trust::Needed)).unwrap();
    assert!(missing_folders(&path).unwrap().is_empty());
    fs::write(folder.path().join("a/other"), "").unwrap();
    missing.iter().rev().try_for_each(|folder| remove_folder(folder)).unwrap();
    assert!(folder.path().join("a").exists() && !folder.path().join("a/b").exists());
}

#[test]
fn what_a_disk_does_not_take_is_said_in_words() {
    let told = |errno| FileError::Io("/etc/pam.d/sshd".into(), errno).to_string();
    assert!(told(Errno::ROFS).contains("mounted read-only, see findmnt -T /etc/pam.d/sshd"));
    assert!(told(Errno::NOSPC).contains("the disk is full, see df /etc/pam.d/sshd"));
    assert!(told(Errno::IO).contains("cannot be read or written"));
}
