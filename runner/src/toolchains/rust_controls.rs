//! The crate that stands in libtest's place, compiled by the toolchain that compiles the tests.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::ask::{Until, ask};
use super::{Name, Operator, Toolchain, real};

/// The crate.
const SOURCE: &str = include_str!("../adapters/assets/passmuster_controls.rs");
/// What has rustc link it.
const WRAPPER: &str = include_str!("../adapters/assets/passmuster_rustc.sh");
/// The wrapper's file name: by it an adapter knows that it is ours.
pub(crate) const WRAPPER_NAME: &str = "passmuster_rustc.sh";
/// The compiled crate's file name, which the wrapper knows too.
const LIBRARY_NAME: &str = "libpassmuster_controls.rlib";

/// Libtest's interface differs between versions: what the source is told, tried in this order.
const VARIANTS: [&[&str]; 2] = [&[], &["--cfg", "listed"]];

/// All that decides what [`compile`] makes.
pub(crate) fn identity(rust: &Toolchain) -> [&str; 4] {
    ["rust-controls", &rust.sha256, SOURCE, WRAPPER]
}

/// Compiles the crate into a directory and puts the wrapper beside it. A compiler whose libtest it does not fit leaves the
/// wrapper alone.
///
/// It is our own source that the operator's compiler sees here, and nothing of a repository.
pub(crate) fn compile(rust: &Toolchain, operator: &Operator, directory: &Path) -> io::Result<()> {
    let source = directory.join("passmuster_controls.rs");
    let wrapper = directory.join(WRAPPER_NAME);
    fs::write(&source, SOURCE)?;
    fs::write(&wrapper, WRAPPER)?;
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))?;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?;
    let fits = |cfg: &&&[&str]| compiled(rust, operator, directory, cfg).is_some();
    let _ = VARIANTS.iter().find(fits);
    fs::remove_file(source)
}

/// Whether a directory that [`compile`] filled holds the crate.
pub(crate) fn is_whole(directory: &Path) -> bool {
    directory.join(LIBRARY_NAME).is_file()
}

fn compiled(rust: &Toolchain, operator: &Operator, directory: &Path, cfg: &[&str]) -> Option<()> {
    let text = |path: PathBuf| path.to_str().map(str::to_owned);
    let source = text(directory.join("passmuster_controls.rs"))?;
    let library = text(directory.join(LIBRARY_NAME))?;
    let here = format!("--remap-path-prefix={}=", directory.to_str()?);
    let name = "--crate-name=passmuster_controls";
    let fixed = [
        "--edition=2021",
        "--crate-type=rlib",
        name,
        &here,
        "-o",
        &library,
        &source,
    ];
    let arguments: Vec<&str> = fixed.iter().chain(cfg).copied().collect();
    // Libtest is unstable; tests that are compiled with this crate see a stable compiler.
    let env = [("RUSTC_BOOTSTRAP", "1")];
    ask(
        Name::Rust,
        operator,
        &rustc(rust)?,
        &arguments,
        &env,
        Until::Now,
    )
    .ok()?;
    let mode = fs::Permissions::from_mode(0o644);
    fs::set_permissions(&library, mode).ok()
}

/// The compiler that cargo will find: the first one on the toolchain's path, else the one beside cargo.
fn rustc(rust: &Toolchain) -> Option<PathBuf> {
    let beside = rust.program.parent().map(Path::to_path_buf);
    let mut places = rust.path.iter().cloned().chain(beside);
    places
        .find_map(|place| Some(place.join("rustc")).filter(|rustc| rustc.is_file()))
        .map(|rustc| real(&rustc))
}
