//! Compiled code on disk: found again, never trusted when it is damaged, and safe from others.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;

use passmuster_wasm::{CacheError, Host, HostError, Origin, Outcome, Plugin};
use tempfile::TempDir;

use crate::guest::Guest;
use crate::support::{all, alone, info, inputs, is_alone, limits};

fn place() -> TempDir {
    let closed = Permissions::from_mode(0o700);
    tempfile::Builder::new()
        .permissions(closed)
        .tempdir()
        .unwrap()
}

fn at(path: &Path) -> Host {
    Host::new(Some(path)).unwrap()
}

fn load(path: &Path) -> Plugin {
    at(path).load(&Guest::default().bytes(), None).unwrap()
}

#[track_caller]
fn assert_works(plugin: &Plugin) {
    let answer = plugin.check(&info(), &inputs(), &all(), &limits());
    assert_eq!(answer.result.unwrap().outcome, Outcome::Pass);
}

/// Every file below a directory that code or its seal is read from.
fn files(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        if entry.is_dir() {
            found.extend(files(&entry));
        } else if entry.extension().is_none() {
            found.push(entry);
        }
    }
    found
}

#[test]
fn code_is_compiled_once_and_found_again() {
    let cache = place();
    for expected in [Origin::Compiled, Origin::Cached, Origin::Cached] {
        let plugin = load(cache.path());
        assert_eq!(plugin.origin(), expected);
        assert_works(&plugin);
    }
    let with_fuel = at(cache.path())
        .load(&Guest::default().bytes(), Some(1_000_000))
        .unwrap();
    assert_eq!(with_fuel.origin(), Origin::Compiled, "its code is another");
    let another = at(cache.path())
        .load(&Guest::doing("nop").bytes(), None)
        .unwrap();
    assert_eq!(another.origin(), Origin::Compiled);
    assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 3);
}

/// Damages one file after the other, each in its own way, and loads in between.
fn damaged(damage: impl Fn(&[u8]) -> Vec<u8>) {
    let cache = place();
    assert_eq!(load(cache.path()).origin(), Origin::Compiled);
    let all = files(cache.path());
    assert!(all.len() >= 2, "{all:?}");
    for file in all {
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, damage(&bytes)).unwrap();
        let plugin = load(cache.path());
        assert_eq!(plugin.origin(), Origin::Compiled, "{}", file.display());
        assert_works(&plugin);
        let plugin = load(cache.path());
        assert_eq!(plugin.origin(), Origin::Cached, "{}", file.display());
        assert_works(&plugin);
    }
}

#[test]
fn a_file_that_was_cut_off_anywhere_is_compiled_again() {
    for keep in [0, 1, 10, 50, 99] {
        damaged(|bytes| bytes[..bytes.len() * keep / 100].to_vec());
    }
}

#[test]
fn a_file_with_a_flipped_bit_anywhere_is_compiled_again() {
    for place in [0, 13, 37, 61, 83, 100] {
        for bit in [0x01, 0x80] {
            damaged(|bytes| {
                let mut bytes = bytes.to_vec();
                let at = (bytes.len() - 1) * place / 100;
                bytes[at] ^= bit;
                bytes
            });
        }
    }
}

#[test]
fn a_file_that_is_missing_or_replaced_is_compiled_again() {
    let cache = place();
    assert_works(&load(cache.path()));
    for file in files(cache.path()) {
        fs::remove_file(&file).unwrap();
        assert_eq!(load(cache.path()).origin(), Origin::Compiled);
        assert!(file.exists(), "{}", file.display());
        fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &file).unwrap();
        let plugin = load(cache.path());
        assert_eq!(plugin.origin(), Origin::Compiled);
        assert_works(&plugin);
    }
}

#[test]
fn code_of_another_component_under_its_name_does_not_run() {
    let cache = place();
    load(cache.path());
    let own = fs::read_dir(cache.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let other_cache = place();
    at(other_cache.path())
        .load(&Guest::doing("unreachable").bytes(), None)
        .unwrap();
    let other = fs::read_dir(other_cache.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    fs::remove_dir_all(&own).unwrap();
    fs::rename(other, own).unwrap();
    let plugin = load(cache.path());
    assert_eq!(plugin.origin(), Origin::Compiled);
    assert_works(&plugin);
}

#[test]
fn a_directory_that_others_can_write_to_is_refused() {
    let open = place();
    fs::set_permissions(open.path(), Permissions::from_mode(0o755)).unwrap();
    let refused = Host::new(Some(open.path())).err().unwrap();
    assert!(matches!(
        refused,
        HostError::Cache(CacheError::Unsafe { .. })
    ));
    assert!(
        refused.to_string().contains("its mode is 0755"),
        "{refused}"
    );

    let real = place();
    let link = place();
    let link = link.path().join("link");
    std::os::unix::fs::symlink(real.path(), &link).unwrap();
    let refused = Host::new(Some(&link)).err().unwrap();
    assert!(
        refused.to_string().contains("it is no directory"),
        "{refused}"
    );

    let refused = Host::new(Some(Path::new("relative"))).err().unwrap();
    assert!(matches!(refused, HostError::Cache(CacheError::Relative(_))));
}

#[test]
fn a_cache_that_is_made_is_closed_to_others() {
    let place = place();
    let path = place.path().join("a/b");
    load(&path);
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o700
    );
}

#[test]
fn a_cache_that_cannot_be_written_costs_time_and_no_answer() {
    let cache = place();
    let host = at(cache.path());
    fs::remove_dir(cache.path()).unwrap();
    let plugin = host.load(&Guest::default().bytes(), None).unwrap();
    assert_eq!(plugin.origin(), Origin::Compiled);
    assert_works(&plugin);
}

/// Eight threads that load three components from one cache, all at once.
fn crowd(path: &Path) {
    let host = at(path);
    thread::scope(|scope| {
        for number in 0..8 {
            let host = &host;
            scope.spawn(move || {
                let guest = Guest::doing(&"nop ".repeat(number % 3));
                assert_works(&host.load(&guest.bytes(), None).unwrap());
            });
        }
    });
}

#[test]
fn two_processes_of_eight_threads_share_a_cold_cache() {
    const NAME: &str = "cache::two_processes_of_eight_threads_share_a_cold_cache";
    const PLACE: &str = "PASSMUSTER_WASM_CACHE";
    if is_alone() {
        return crowd(Path::new(&std::env::var_os(PLACE).unwrap()));
    }
    for _ in 0..3 {
        let cache = place();
        let start = || {
            let mut child = alone(NAME, &[(PLACE, cache.path())]);
            child
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        };
        for child in [start(), start()] {
            let output = child.wait_with_output().unwrap();
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        assert_eq!(
            fs::read_dir(cache.path()).unwrap().count(),
            3,
            "and nothing besides"
        );
        assert_eq!(load(cache.path()).origin(), Origin::Cached);
    }
}
