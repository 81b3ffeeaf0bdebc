//! The seal of a cached component: which files its directory has, and the sha256 of each.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

/// The seal's file.
pub(crate) const NAME: &str = "seal";
/// Beside it, the directory that it seals.
pub(crate) const CODE: &str = "code";
/// Bytes of a seal that are read: it has one line for each of a handful of files.
const LONGEST: u64 = 64 << 10;

/// Path below the sealed directory → sha256, hex.
type Files = BTreeMap<String, String>;

/// Whether the directory holds exactly what its seal says.
pub(crate) fn holds(directory: &Path) -> bool {
    let sealed = read(directory);
    let found = files(directory);
    matches!((sealed, found), (Ok(sealed), Ok(found)) if !found.is_empty() && sealed == text(&found))
}

/// Seals the directory as it is.
pub(crate) fn write(directory: &Path) -> io::Result<()> {
    fs::write(directory.join(NAME), text(&files(directory)?))
}

/// Bytes of all files of the directory that are sealed.
pub(crate) fn size(directory: &Path) -> u64 {
    let mut sum = 0;
    let _ = walk(&directory.join(CODE), "", &mut |path, _| {
        sum += fs::symlink_metadata(path)?.len();
        Ok(())
    });
    sum
}

fn read(directory: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(directory.join(NAME))?
        .take(LONGEST)
        .read_to_string(&mut text)?;
    Ok(text)
}

fn text(files: &Files) -> String {
    files
        .iter()
        .fold(String::new(), |mut text, (path, sha256)| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{sha256} {path}");
            text
        })
}

fn files(directory: &Path) -> io::Result<Files> {
    let mut files = Files::new();
    walk(&directory.join(CODE), "", &mut |path, name| {
        files.insert(name.to_owned(), sha256(path)?);
        Ok(())
    })?;
    Ok(files)
}

/// Calls for each file that code is loaded from. Usage counts and abandoned writes of wasmtime are not.
fn walk(
    directory: &Path,
    name: &str,
    each: &mut impl FnMut(&Path, &str) -> io::Result<()>,
) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let own = entry.file_name().into_string();
        let own = own.map_err(|_| io::Error::other("a name that is no text"))?;
        if is_bookkeeping(&own) {
            continue;
        }
        let inner = format!("{name}/{own}");
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(&entry.path(), &inner, each)?;
        } else if !kind.is_file() {
            return Err(io::Error::other("neither file nor directory"));
        } else {
            each(&entry.path(), &inner)?;
        }
    }
    Ok(())
}

fn is_bookkeeping(name: &str) -> bool {
    name.ends_with(".stats") || name.contains(".wip-")
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut reader = BufReader::with_capacity(1 << 16, File::open(path)?);
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(hex(&hasher.finalize())),
            read => hasher.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seals a directory with one file, does something to it, and says whether the seal holds.
    fn after(change: impl FnOnce(&Path)) -> bool {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir_all(place.path().join("code/modules")).unwrap();
        fs::write(place.path().join("code/modules/file"), "native code").unwrap();
        write(place.path()).unwrap();
        change(place.path());
        holds(place.path())
    }

    #[test]
    fn any_difference_breaks_a_seal() {
        assert!(after(|_| {}));
        assert!(after(|path| fs::write(
            path.join("code/modules/file.stats"),
            "usages"
        )
        .unwrap()));
        assert!(!after(|path| fs::write(
            path.join("code/modules/file"),
            "native c0de"
        )
        .unwrap()));
        assert!(!after(|path| fs::write(
            path.join("code/modules/file"),
            "native"
        )
        .unwrap()));
        assert!(!after(
            |path| fs::write(path.join("code/modules/more"), "").unwrap()
        ));
        assert!(!after(|path| fs::remove_file(
            path.join("code/modules/file")
        )
        .unwrap()));
        assert!(!after(|path| fs::write(path.join("seal"), "").unwrap()));
        assert!(!after(|path| fs::remove_file(path.join("seal")).unwrap()));
        let link = |path: &Path| std::os::unix::fs::symlink("file", path.join("code/modules/link"));
        assert!(!after(|path| link(path).unwrap()));
        let emptied = |path: &Path| {
            fs::remove_file(path.join("code/modules/file")).unwrap();
            fs::write(path.join("seal"), "").unwrap();
        };
        assert!(!after(emptied));
    }
}
