//! The archive that a kernel unpacks as its first file system: cpio in its form `newc`
//! (https://docs.kernel.org/driver-api/early-userspace/buffer-format.html). Folders and files, all root's.

/// An archive that is being made.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

const FOLDER: u32 = 0o040_000;
const FILE: u32 = 0o100_000;

impl Archive {
    /// An empty folder.
    pub(crate) fn folder(&mut self, path: &str) {
        self.entry(path, FOLDER | 0o755, &[]);
    }

    /// A file; its folder comes first.
    pub(crate) fn file(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.entry(path, FILE | mode, content);
    }

    /// The archive, closed.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }

    fn entry(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.entries += 1;
        let (size, name) = (content.len(), path.len() + 1);
        // Inode, mode, uid, gid, links, time, size, four device numbers, the name's length, no checksum.
        let header = format!(
            "070701{:08x}{mode:08x}{:08x}{:08x}{:08x}{:08x}{size:08x}{:08x}{:08x}{:08x}{:08x}{name:08x}{:08x}",
            self.entries, 0, 0, 1, 0, 0, 0, 0, 0, 0
        );
        self.bytes.extend_from_slice(header.as_bytes());
        self.bytes.extend_from_slice(path.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_contents_begin_at_multiples_of_four() {
        let mut archive = Archive::default();
        archive.folder("bin");
        archive.file("bin/x", 0o755, b"abcde");
        let bytes = archive.finish();
        let at = |text: &[u8]| bytes.windows(text.len()).position(|window| window == text).expect("it is there");
        assert_eq!(at(b"070701"), 0);
        assert_eq!(at(b"bin\0"), 110);
        assert_eq!(at(b"abcde") % 4, 0);
        assert!(at(b"TRAILER!!!\0") > at(b"abcde"));
        assert_eq!(bytes.len() % 4, 0);
        assert_eq!(&bytes[14..22], b"000041ed");
    }
}
