//! Layers as hostile code would leave them, and what each walker of layers must make of them, whatever they hold: told by a
//! model that knows no file system, from a description of few bytes that a property test or a fuzzer makes up.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test code, also where a fuzzer runs it"
)]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::sys::stat::{Mode, SFlag, mknod};
use passmuster_policy::change;
use passmuster_policy::path::RepoPath;

use crate::git::objects::TreeEntry;
use crate::layers::drop_tracked;
use crate::merged::{self, make_opaque};
use crate::removal::remove_tree;
use crate::rewritten::rewritten;
use crate::trees::Owner;

/// Names that code which wants to confuse would use.
const NAMES: [&[u8]; 8] = [
    b"a",
    b"b",
    b"...",
    b"new\nline",
    b"\xff\xfe",
    b" ",
    b"moved-1",
    &[b'n'; 255],
];

/// What a path is in one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Directory,
    /// Hides the directory of the same name in the layers below.
    Opaque,
    File,
    /// A link to the directory outside, by its absolute path.
    LinkOut,
    /// A link that climbs to the same directory.
    LinkUp,
    Pipe,
    /// Hides whatever has the same name in the layers below.
    Whiteout,
}

const KINDS: [Kind; 8] = [
    Kind::Directory,
    Kind::Directory,
    Kind::Opaque,
    Kind::File,
    Kind::LinkOut,
    Kind::LinkUp,
    Kind::Pipe,
    Kind::Whiteout,
];

impl Kind {
    fn is_directory(self) -> bool {
        matches!(self, Self::Directory | Self::Opaque)
    }
}

type Layer = BTreeMap<PathBuf, Kind>;

/// Two layers, the upper one first.
#[derive(Debug, Default)]
struct Sketch([Layer; 2]);

impl Sketch {
    /// Three bytes an entry: which layer and kind, below which of the directories so far, under which name.
    fn draw(bytes: &[u8]) -> Self {
        let mut sketch = Self::default();
        let mut directories = [vec![PathBuf::new()], vec![PathBuf::new()]];
        for entry in bytes.as_chunks::<3>().0.iter().take(200) {
            let [what, parent, name] = entry.map(usize::from);
            let side = usize::from(what >= 128);
            let kind = KINDS[what % KINDS.len()];
            let parent = &directories[side][parent % directories[side].len()];
            let path = parent.join(OsStr::from_bytes(NAMES[name % NAMES.len()]));
            if path.components().count() > 12 || sketch.0[side].contains_key(&path) {
                continue;
            }
            if kind.is_directory() {
                directories[side].push(path.clone());
            }
            sketch.0[side].insert(path, kind);
        }
        sketch
    }

    /// Every path of either layer.
    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.0.iter().flat_map(Layer::keys)
    }

    /// What an overlay shows at a path; the layer tells whose it is.
    fn shown(&self, path: &Path) -> Option<(usize, Kind)> {
        let mut visible = vec![0, 1];
        for parent in parents(path) {
            visible = self.descend(&visible, parent);
        }
        let (side, kind) = visible
            .iter()
            .find_map(|side| Some((*side, *self.0[*side].get(path)?)))?;
        let is_there = !matches!(kind, Kind::Pipe | Kind::Whiteout);
        is_there.then_some((side, kind))
    }

    fn descend(&self, visible: &[usize], directory: &Path) -> Vec<usize> {
        let mut below = Vec::new();
        for side in visible {
            match self.0[*side].get(directory) {
                Some(Kind::Directory) => below.push(*side),
                Some(Kind::Opaque) => {
                    below.push(*side);
                    return below;
                }
                Some(_) => return below,
                None => {}
            }
        }
        below
    }

    /// Whether the upper layer holds a path or hides it.
    fn is_rewritten(&self, path: &Path) -> bool {
        let upper = &self.0[0];
        for parent in parents(path) {
            match upper.get(parent) {
                Some(Kind::Directory) => {}
                Some(_) => return true,
                None => return false,
            }
        }
        upper.contains_key(path)
    }
}

/// The directories above a path, outermost first, without the root.
fn parents(path: &Path) -> impl Iterator<Item = &Path> {
    let mut all: Vec<&Path> = path.ancestors().skip(1).collect();
    all.retain(|parent| !parent.as_os_str().is_empty());
    all.into_iter().rev()
}

/// The layers on disk, and a directory beside them that nothing may touch.
struct Scene {
    directory: tempfile::TempDir,
}

impl Scene {
    fn set(sketch: &Sketch) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let scene = Self { directory };
        fs::create_dir(scene.place("outside")).unwrap();
        fs::write(scene.place("outside/kept"), "kept").unwrap();
        for (layer, name) in sketch.0.iter().zip(["upper", "lower"]) {
            let root = scene.place(name);
            fs::create_dir(&root).unwrap();
            for (path, kind) in layer {
                scene.make(&root.join(path), *kind, name);
            }
        }
        fs::create_dir(scene.place("target")).unwrap();
        scene
    }

    fn place(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn make(&self, path: &Path, kind: Kind, layer: &str) {
        let climb = "../".repeat(path.components().count());
        match kind {
            Kind::Directory => fs::create_dir(path).unwrap(),
            Kind::Opaque => {
                fs::create_dir(path).unwrap();
                make_opaque(path).unwrap();
            }
            Kind::File => fs::write(path, layer).unwrap(),
            Kind::LinkOut => symlink(self.place("outside"), path).unwrap(),
            Kind::LinkUp => {
                let outside = self.place("outside");
                let below_root = outside.strip_prefix("/").unwrap();
                symlink(Path::new(&climb).join(below_root), path).unwrap();
            }
            Kind::Pipe => nix::unistd::mkfifo(path, Mode::S_IRWXU).unwrap(),
            Kind::Whiteout => mknod(path, SFlag::S_IFCHR, Mode::empty(), 0).unwrap(),
        }
    }

    fn assert_outside_is_untouched(&self) {
        let names: Vec<_> = fs::read_dir(self.place("outside")).unwrap().collect();
        assert_eq!(names.len(), 1);
        assert_eq!(fs::read(self.place("outside/kept")).unwrap(), b"kept");
        let mode = fs::metadata(self.place("outside")).unwrap().mode();
        assert_ne!(mode & 0o777, 0);
    }
}

fn entry(path: &Path) -> TreeEntry {
    TreeEntry {
        path: RepoPath::new(path.as_os_str().as_bytes()),
        mode: change::Mode::File,
        oid: String::new(),
    }
}

/// Everything below a directory, by its path in it.
fn listing(root: &Path) -> BTreeMap<PathBuf, fs::Metadata> {
    let mut found = BTreeMap::new();
    let mut pending = vec![root.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(directory).unwrap().flatten() {
            let meta = entry.metadata().unwrap();
            if meta.is_dir() {
                pending.push(entry.path());
            }
            found.insert(entry.path().strip_prefix(root).unwrap().to_owned(), meta);
        }
    }
    found
}

/// Draws layers from the bytes, and lets every walker loose on them; panics where one does what it must not.
pub(crate) fn check(bytes: &[u8]) {
    let sketch = Sketch::draw(bytes);
    let scene = Scene::set(&sketch);
    check_rewritten(&sketch, &scene);
    check_copy(&sketch, &scene);
    check_drop(bytes, &sketch, &scene);
    check_removal(&scene);
    scene.assert_outside_is_untouched();
}

fn check_rewritten(sketch: &Sketch, scene: &Scene) {
    let tracked: Vec<TreeEntry> = sketch.paths().map(|path| entry(path)).collect();
    let found = rewritten(&scene.place("upper"), &tracked);
    let expected: Vec<RepoPath> = sketch
        .paths()
        .filter(|path| sketch.is_rewritten(path))
        .map(|path| entry(path).path)
        .collect();
    assert_eq!(found, expected, "rewritten files of {sketch:?}");
}

fn check_copy(sketch: &Sketch, scene: &Scene) {
    let layers = [scene.place("upper"), scene.place("lower")];
    let target = scene.place("target");
    let meta = fs::metadata(&target).unwrap();
    let owner = Owner {
        uid: meta.uid(),
        gid: meta.gid(),
    };
    merged::copy(&layers, Path::new(""), &target, owner).unwrap();
    let copied = listing(&target);
    for path in sketch.paths() {
        let shown = sketch.shown(path);
        let found = copied.get(path);
        assert_eq!(shown.is_some(), found.is_some(), "{path:?} of {sketch:?}");
        let (Some((side, kind)), Some(meta)) = (shown, found) else {
            continue;
        };
        let there = target.join(path);
        match kind {
            Kind::File => assert_eq!(
                fs::read(there).unwrap(),
                ["upper", "lower"][side].as_bytes()
            ),
            Kind::LinkOut | Kind::LinkUp => assert!(meta.is_symlink(), "{path:?}"),
            _ => assert!(meta.is_dir(), "{path:?}"),
        }
    }
    assert!(copied.keys().all(|path| sketch.shown(path).is_some()));
    scene.assert_outside_is_untouched();
}

/// Half of the paths are tracked; the last byte says which half.
fn check_drop(bytes: &[u8], sketch: &Sketch, scene: &Scene) {
    let odd = usize::from(bytes.last().is_some_and(|byte| byte % 2 == 1));
    let tracked: Vec<TreeEntry> = sketch
        .paths()
        .enumerate()
        .filter(|(number, _)| number % 2 == odd)
        .map(|(_, path)| entry(path))
        .collect();
    let upper = scene.place("upper");
    drop_tracked(&upper, &tracked).unwrap();
    let rest = rewritten(&upper, &tracked);
    assert!(rest.is_empty(), "{rest:?} are left of {sketch:?}");
    scene.assert_outside_is_untouched();
}

/// Locked by its owner as far as its owner can.
fn check_removal(scene: &Scene) {
    let root = scene.place("lower");
    let directories = listing(&root).into_iter().filter(|(_, meta)| meta.is_dir());
    let mut directories: Vec<PathBuf> = directories.map(|(path, _)| root.join(path)).collect();
    directories.sort();
    for directory in directories.iter().rev() {
        fs::set_permissions(directory, Permissions::from_mode(0o000)).unwrap();
    }
    remove_tree(&root).unwrap();
    assert!(fs::symlink_metadata(root).is_err());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(192))]
        #[test]
        fn whatever_layers_hold_each_walker_does_as_the_model_says_and_leaves_the_outside_alone(
            bytes in prop::collection::vec(any::<u8>(), 0..150)
        ) {
            check(&bytes);
        }
    }

    #[test]
    fn drawings_reach_every_kind_in_both_layers() {
        let all: Vec<u8> = (0..=255).flat_map(|what: u8| [what, 0, what % 8]).collect();
        let Sketch(layers) = Sketch::draw(&[&all[..], &[0, 0, 0, 3, 1, 1]].concat());
        for layer in &layers {
            assert!(layer.len() > 3, "{layer:?}");
        }
    }
}
