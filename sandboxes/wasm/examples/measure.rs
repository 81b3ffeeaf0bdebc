//! What plugins cost: compiling, loading compiled code, a call that does nothing, and calls over 50 and 5,000
//! files, as times and as ratios of what they are held against.
//!
//! `cargo run --release -p passmuster-wasm --example measure [component.wasm]`; a component that is given is
//! measured as well, with an empty configuration and all that it needs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that fails has none"
)]
#![allow(dead_code, reason = "the tests' guests can do more")]

#[path = "../tests/suite/guest.rs"]
mod guest;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use passmuster_wasm::{
    ChangeSet, ChangedFile, Host, Inputs, Limits, Mode, Node, Origin, Plugin, Source, SourceError,
    Status, Tree,
};

use guest::Guest;

/// Of each measurement the median of this many.
const TIMES: usize = 9;
/// A component of more bytes takes so long to compile that once has to do.
const LARGE: usize = 1 << 20;
/// Bytes of a file, about what sources have.
const FILE: usize = 7_600;

/// Files in memory: what is measured is the plugin, not the disk.
struct Memory(BTreeMap<String, Vec<u8>>);

impl Source for Memory {
    fn list(&self) -> Result<Vec<Node>, SourceError> {
        let node = |path: &String| Node {
            path: path.clone(),
            mode: Mode::File,
        };
        Ok(self.0.keys().map(node).collect())
    }

    fn size(&self, path: &str) -> Result<u64, SourceError> {
        Ok(self.0[path].len() as u64)
    }

    fn read(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, SourceError> {
        let from = usize::try_from(offset).unwrap();
        Ok(self.0[path][from..from + length].to_vec())
    }
}

/// Reads every changed file of the candidate and looks for a word at each of its bytes.
fn searching() -> Guest {
    let guest = Guest::default().with_trees();
    let pass = &guest.check;
    Guest {
        check: format!(
            "(local $tree i32) (local $memory i32) (local $at i32) (local $end i32) (local $found i32)
             (local.set $tree (call $open (i32.const 1)))
             (local.set $memory (global.get $next))
             (block $done (loop $file
               (br_if $done (i32.eqz (local.get $count)))
               (global.set $next (local.get $memory))
               (call $read_text (local.get $tree)
                 (i32.load (local.get $files)) (i32.load offset=4 (local.get $files)) (i32.const 16))
               (local.set $at (i32.load (i32.const 24)))
               (local.set $end (i32.add (local.get $at) (i32.load (i32.const 28))))
               (block $read (loop $byte
                 (br_if $read (i32.ge_u (local.get $at) (local.get $end)))
                 (local.set $found (i32.add (local.get $found)
                   (i32.eq (i32.load (local.get $at)) (i32.const 0x4f444f54))))
                 (local.set $at (i32.add (local.get $at) (i32.const 1)))
                 (br $byte)))
               (local.set $files (i32.add (local.get $files) (i32.const 36)))
               (local.set $count (i32.sub (local.get $count) (i32.const 1)))
               (br $file)))
             (call $drop (local.get $tree))
             {pass}"
        ),
        ..guest
    }
}

fn files(count: usize) -> BTreeMap<String, Vec<u8>> {
    let text = "let value = compute(input); // nothing to do here\n".repeat(FILE / 50);
    (0..count)
        .map(|number| {
            (
                format!("src/part{:02}/file{number:05}.rs", number % 50),
                text.clone().into_bytes(),
            )
        })
        .collect()
}

fn inputs(count: usize) -> Inputs {
    let files = files(count);
    let changed = |path: &String| ChangedFile {
        path: path.clone(),
        old_path: None,
        status: Status::Modified,
        old_mode: Some(Mode::File),
        new_mode: Some(Mode::File),
        binary: false,
        hunks: Vec::new(),
    };
    let change = ChangeSet {
        files: files.keys().map(changed).collect(),
        unnamed: 0,
    };
    let tree = Arc::new(Tree::new(Memory(files)));
    Inputs {
        change,
        config: "{}".to_owned(),
        base: Arc::clone(&tree),
        candidate: tree,
        prior: Arc::default(),
    }
}

/// The same work without a sandbox.
fn natively(count: usize) -> usize {
    let files = Memory(files(count));
    let started = Instant::now();
    let mut found = 0;
    for path in files.0.keys() {
        let bytes = files.read(path, 0, files.0[path].len()).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        found += text
            .as_bytes()
            .windows(4)
            .filter(|word| *word == b"TODO")
            .count();
    }
    std::hint::black_box(found);
    usize::try_from(started.elapsed().as_nanos()).unwrap()
}

fn median(once: impl FnMut() -> Duration) -> Duration {
    median_of(TIMES, once)
}

fn median_of(times: usize, mut once: impl FnMut() -> Duration) -> Duration {
    let mut all: Vec<Duration> = (0..times).map(|_| once()).collect();
    all.sort();
    all[times / 2]
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let started = Instant::now();
    std::hint::black_box(work());
    started.elapsed()
}

fn say(what: &str, time: Duration, ratio: &str) {
    let text = format!(
        "{what:<34}{:>12.3} ms   {ratio}\n",
        time.as_secs_f64() * 1e3
    );
    std::io::stdout().write_all(text.as_bytes()).unwrap();
}

fn over(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

/// Cold, from the cache, and described.
fn loading(name: &str, bytes: &[u8], cache: &Path) -> Plugin {
    let (plain, cached) = (Host::new(None).unwrap(), Host::new(Some(cache)).unwrap());
    let times = if bytes.len() > LARGE { 1 } else { TIMES };
    let cold = median_of(times, || timed(|| plain.load(bytes, None).unwrap()));
    cached.load(bytes, None).unwrap();
    let warm =
        median(|| timed(|| assert_eq!(cached.load(bytes, None).unwrap().origin(), Origin::Cached)));
    let plugin = cached.load(bytes, None).unwrap();
    let limits = Limits::for_describe();
    let described = median(|| timed(|| plugin.describe(&limits).result.unwrap()));
    let size = bytes.len();
    say(&format!("{name} ({size} bytes): compile"), cold, "");
    say(
        "  from the cache",
        warm,
        &format!("1/{:.0} of compiling", over(cold, warm)),
    );
    say(
        "  set up and described",
        described,
        &format!("1/{:.0} of compiling", over(cold, described)),
    );
    plugin
}

fn calling(plugin: &Plugin, count: usize, how: &str) {
    let info = plugin.describe(&Limits::for_describe()).result.unwrap();
    let inputs = inputs(count);
    let check = || plugin.check(&info, &inputs, plugin.needs(), &Limits::default());
    if let Err(failure) = check().result {
        return say(&format!("no call{how}: {failure}"), Duration::ZERO, "");
    }
    let call = median(|| timed(check));
    let native = median(|| Duration::from_nanos(natively(count) as u64));
    say(
        &format!("a call over {count} files{how}"),
        call,
        &format!("{:.2} of native code", over(call, native)),
    );
}

fn main() {
    let place = tempfile::tempdir().unwrap();
    let cache = place.path().join("cache");
    let searching = searching().bytes();
    let host = timed(|| Host::new(Some(&cache)).unwrap());
    say("a host", host, "");
    let plugin = loading("the search", &searching, &cache);
    if let Some(path) = std::env::args_os().nth(1) {
        let given = loading("the component", &std::fs::read(path).unwrap(), &cache);
        calling(&given, 50, ", the component");
    }
    calling(&plugin, 50, "");
    calling(&plugin, 5_000, "");
    let metered = Host::new(None)
        .unwrap()
        .load(&searching, Some(u64::MAX / 2))
        .unwrap();
    calling(&metered, 5_000, ", with fuel");
}
