//! The kernel of a guest: the release's stock one, taken out of its package into the cache and never installed, with
//! an initial file system of our own that holds the few modules a guest needs.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::base::{Variant, bootstrap};
use crate::guest::initramfs::Archive;
use crate::layer::{Layer, LayerError, LayerName, obtain};
use crate::release::Release;

/// The first process in a guest.
const INIT: &str = include_str!("init.sh");

/// What a guest cannot do without: its devices, its root over two file systems, keys and keyboards on /dev/uhid.
/// What they need in turn is found, except that erofs counts on crc32c.
const MODULES: [&str; 9] =
    ["virtio_pci", "virtio_blk", "virtio_net", "crc32c_generic", "erofs", "overlay", "hid", "uhid", "hid-generic"];

/// Debian's package for this kind of machine.
const PACKAGE: &str = "linux-image-amd64";

/// Kept this long after its last use.
const KEEP: Duration = Duration::from_secs(30 * 24 * 3600);

/// The kernel of `release`: a folder with `vmlinux` and `initramfs`. Gets it from the archive (a quarter of a minute)
/// when it is not in the cache.
pub(crate) fn kernel(release: Release) -> Result<Layer, LayerError> {
    let modules = MODULES.join(",");
    let parts = [PACKAGE, release.suite(), &modules, INIT].map(str::as_bytes);
    obtain(&LayerName::new("kernel", KEEP, &parts), |folder| {
        eprintln!("Getting the kernel of Debian {release} for guests; this happens once.");
        let tree = folder.join("package");
        fs::create_dir(&tree).map_err(|error| LayerError::Cache(tree.clone(), error))?;
        bootstrap(release, Variant::Files, PACKAGE, &tree)?;
        unpack(&tree, folder).map_err(|error| LayerError::Build(format!("the kernel of {release}: {error}")))
    })
}

fn unpack(tree: &Path, folder: &Path) -> io::Result<()> {
    let image = only(&tree.join("boot"), "vmlinuz-")?;
    fs::write(folder.join("vmlinux"), kernel_in(&fs::read(image)?)?)?;
    // Debian 13 keeps modules in /usr/lib, Debian 12 in /lib.
    let places = ["usr/lib/modules", "lib/modules"].map(|place| tree.join(place));
    let modules = places.iter().find(|place| place.is_dir()).ok_or_else(|| io::Error::other("no modules"))?;
    fs::write(folder.join("initramfs"), initramfs(&only(modules, "")?)?)?;
    fs::remove_dir_all(tree)
}

/// The one entry of a folder whose name begins so.
fn only(folder: &Path, beginning: &str) -> io::Result<PathBuf> {
    let mut names = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let found = names.find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(beginning)));
    found.ok_or_else(|| io::Error::other(format!("{} holds no {beginning}*", folder.display())))
}

/// The kernel that a boot image carries compressed (Linux's boot protocol 2.08, `payload_offset`): unpacked here it
/// takes a second, in a guest five.
fn kernel_in(image: &[u8]) -> io::Result<Vec<u8>> {
    let cut = || io::Error::other("the boot image is shorter than it says");
    let number = |at: usize| image.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes).map(|n| n as usize);
    let sectors = usize::from(*image.get(0x1f1).ok_or_else(cut)?).max(1) + 1;
    let offset = sectors * 512 + number(0x248).ok_or_else(cut)?;
    // Its last four bytes are its length unpacked.
    let end = offset + number(0x24c).ok_or_else(cut)?.saturating_sub(4);
    decompressed(image.get(offset..end).ok_or_else(cut)?)
}

/// By the program that its first bytes call for; as it is when they call for none.
fn decompressed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let program = match bytes {
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "xz",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd",
        [0x7f, b'E', b'L', b'F', ..] => return Ok(bytes.to_vec()),
        _ => return Err(io::Error::other("compressed in a way that is not known here")),
    };
    let mut child = Command::new(program).args(["-d", "-c"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut pipe = child.stdin.take();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || pipe.as_mut().map(|pipe| io::Write::write_all(pipe, bytes)));
        child.wait_with_output()
    })?;
    if output.status.success() { Ok(output.stdout) } else { Err(io::Error::other(format!("{program} failed"))) }
}

fn initramfs(modules: &Path) -> io::Result<Vec<u8>> {
    let mut archive = Archive::default();
    for folder in ["bin", "dev", "proc", "sys", "modules", "low", "memory", "root"] {
        archive.folder(folder);
    }
    archive.file("bin/busybox", 0o755, &fs::read("/bin/busybox")?);
    archive.file("init", 0o755, INIT.as_bytes());
    let mut order = String::new();
    for (name, module) in Modules::below(modules)?.with_needs(&MODULES)? {
        archive.file(&format!("modules/{name}"), 0o644, &module);
        order += &format!("{name}\n");
    }
    archive.file("modules/order", 0o644, order.as_bytes());
    Ok(archive.finish())
}

/// A kernel's modules: as files, or built into it.
struct Modules {
    files: Vec<PathBuf>,
    built_in: String,
}

impl Modules {
    fn below(folder: &Path) -> io::Result<Self> {
        let built_in = fs::read_to_string(folder.join("modules.builtin"))?;
        let mut files = Vec::new();
        let mut folders = vec![folder.join("kernel")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() { &mut folders } else { &mut files }.push(entry.path());
            }
        }
        Ok(Self { files, built_in })
    }

    /// Those modules and what they need, each after what it needs.
    fn with_needs(&self, wanted: &[&str]) -> io::Result<Vec<(String, Vec<u8>)>> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        for name in wanted {
            self.add(name, &mut seen, &mut found)?;
        }
        Ok(found)
    }

    fn add(&self, name: &str, seen: &mut BTreeSet<String>, found: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
        let name = name.replace('-', "_");
        if !seen.insert(name.clone()) || self.built_in.lines().any(|path| module_name(Path::new(path)) == name) {
            return Ok(());
        }
        let file = self.files.iter().find(|file| module_name(file) == name);
        let file = file.ok_or_else(|| io::Error::other(format!("it has no module {name}")))?;
        let module = match fs::read(file)? {
            plain if plain.starts_with(b"\x7fELF") => plain,
            packed => decompressed(&packed)?,
        };
        for need in needs(&module) {
            self.add(&need, seen, found)?;
        }
        found.push((name, module));
        Ok(())
    }
}

/// `hid_generic` for `…/hid-generic.ko.xz`.
fn module_name(path: &Path) -> String {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    file.split_once(".ko").map_or("", |(name, _)| name).replace('-', "_")
}

/// What the section `.modinfo` names as `depends=a,b`.
fn needs(module: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(at) = module.windows(KEY.len()).position(|window| window == KEY) else { return Vec::new() };
    let list: Vec<u8> = module[at + KEY.len()..].iter().copied().take_while(|byte| *byte != 0).collect();
    String::from_utf8_lossy(&list).split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modules_name_is_its_files_however_it_is_packed() {
        assert_eq!(module_name(Path::new("kernel/drivers/hid/hid-generic.ko.xz")), "hid_generic");
        assert_eq!(module_name(Path::new("9p.ko")), "9p");
        assert_eq!(module_name(Path::new("modules.builtin")), "");
    }

    #[test]
    fn a_module_names_what_it_needs() {
        assert_eq!(needs(b"\x7fELF\0license=GPL\0depends=hid,9pnet\0name=x\0"), ["hid", "9pnet"]);
        assert!(needs(b"\x7fELF\0depends=\0name=x\0").is_empty());
        assert!(needs(b"\x7fELF").is_empty());
    }

    #[test]
    fn an_image_that_is_cut_short_is_an_error() {
        let mut image = vec![0; 0x250];
        assert!(kernel_in(&image).is_err());
        image[0x24c] = 8;
        assert!(kernel_in(&image).is_err());
        assert!(kernel_in(&[]).is_err());
    }
}
