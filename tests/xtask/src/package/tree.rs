//! A folder that becomes a package: laid out from the table, with what every package of a kind wants done to its
//! files. Nothing in it depends on when or by whom it was made.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::floor;
use super::order::{Order, answer};
use crate::Stop;
use crate::stage::lay_out;
use crate::stage::table::{Package, Source, System, parcels};

/// A folder with one package's files in it.
pub(crate) struct Tree {
    pub(crate) folder: PathBuf,
    moment: String,
}

impl Tree {
    /// The package's files, in an empty folder of that name.
    pub(crate) fn lay(folder: PathBuf, package: Package, system: System, order: &Order) -> Result<Self, Stop> {
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot(&folder, error)),
            _ => {}
        }
        let rows = parcels(system, order.machine.processor());
        let own: Vec<_> = rows.iter().filter(|parcel| parcel.package == package).collect();
        lay_out(&folder, &order.profile, order.machine, own.iter().copied())?;
        let tree = Self { folder, moment: order.moment.clone() };
        for parcel in own.iter().filter(|parcel| matches!(parcel.from, Source::Built(_))) {
            floor::check(&tree.folder.join(&parcel.to), order.machine)?;
        }
        // What is built for labs is built with everything in it.
        if order.profile != "release" {
            for parcel in own.iter().filter(|parcel| matches!(parcel.from, Source::Built(_))) {
                let mut strip = order.machine.tool("strip");
                answer(strip.arg("--strip-unneeded").arg(tree.folder.join(&parcel.to)), "strip")?;
            }
        }
        Ok(tree)
    }

    /// Writes a file into it.
    pub(crate) fn write(&self, path: &str, text: &str, mode: u32) -> Result<PathBuf, Stop> {
        let place = self.folder.join(path);
        let write = || {
            fs::create_dir_all(place.parent().unwrap_or(&self.folder))?;
            fs::write(&place, text)?;
            fs::set_permissions(&place, fs::Permissions::from_mode(mode))
        };
        write().map_err(|error| cannot(&place, error))?;
        Ok(place)
    }

    /// Every file and link, by its path within, in order.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>, Stop> {
        let mut found = Vec::new();
        collect(&self.folder, &mut found).map_err(|error| cannot(&self.folder, error))?;
        found.sort();
        Ok(found.into_iter().filter_map(|path| Some(path.strip_prefix(&self.folder).ok()?.to_owned())).collect())
    }

    /// Compresses what Debian keeps compressed: manual pages, and documents of some length.
    pub(crate) fn compress(&self) -> Result<(), Stop> {
        self.compress_pages()?;
        self.compress_if(|path, place| {
            let is_long = || fs::metadata(place).is_ok_and(|data| data.len() > 4096);
            path.starts_with("usr/share/doc")
                && !path.ends_with("copyright")
                && (path.ends_with("changelog") || is_long())
        })
    }

    /// Compresses manual pages.
    pub(crate) fn compress_pages(&self) -> Result<(), Stop> {
        self.compress_if(|path, _| path.starts_with("usr/share/man"))
    }

    fn compress_if(&self, shall: impl Fn(&Path, &Path) -> bool) -> Result<(), Stop> {
        for path in self.files()? {
            let place = self.folder.join(&path);
            let is_compressed = path.extension().is_some_and(|ending| ending == "gz");
            if !is_compressed && !place.is_symlink() && shall(&path, &place) {
                answer(Command::new("gzip").args(["--best", "--no-name", "--force"]).arg(&place), "gzip")?;
            }
        }
        Ok(())
    }

    /// One moment for everything, and folders as everybody may enter them, whatever the umask is here.
    pub(crate) fn settle(&self) -> Result<(), Stop> {
        let folder = self.folder.display();
        let script = format!(
            "find '{folder}' -type d -exec chmod 0755 {{}} + && \
             find '{folder}' -exec touch --no-dereference --date=@{} {{}} +",
            self.moment
        );
        answer(Command::new("sh").args(["-c", &script]), "setting times").map(|_| ())
    }
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() { collect(&entry.path(), found)? } else { found.push(entry.path()) }
    }
    Ok(())
}

pub(crate) fn cannot(path: &Path, error: io::Error) -> Stop {
    Stop::Failed(format!("{}: {error}", path.display()))
}
