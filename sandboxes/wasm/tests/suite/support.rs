//! A host, inputs, and one way to run a guest.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use passmuster_wasm::{
    Answer, Capability, ChangeSet, ChangedFile, Failure, Grants, Host, Info, Inputs, Limits, Mode,
    Node, Plugin, Report, Source, SourceError, Status, Tree,
};

use crate::guest::Guest;

/// Files in memory.
pub(crate) struct Memory(pub(crate) BTreeMap<String, Vec<u8>>);

impl Memory {
    pub(crate) fn of(files: &[(&str, &str)]) -> Arc<Tree> {
        let files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
        Arc::new(Tree::new(Self(files.collect())))
    }
}

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
        let bytes = &self.0[path];
        Ok(bytes[from..(from + length).min(bytes.len())].to_vec())
    }
}

/// A host without a cache.
pub(crate) fn host() -> Host {
    Host::new(None).unwrap()
}

/// Everything there is to grant.
pub(crate) fn all() -> Grants {
    Capability::ALL.into_iter().collect()
}

/// Little memory, and more time than an honest guest needs on a busy machine.
pub(crate) fn limits() -> Limits {
    Limits {
        wall: Duration::from_secs(20),
        memory: 32 << 20,
        ..Limits::default()
    }
}

/// So little time that nobody waits for its end.
pub(crate) fn brief() -> Limits {
    Limits {
        wall: Duration::from_millis(500),
        ..limits()
    }
}

pub(crate) fn changed(path: &str) -> ChangedFile {
    ChangedFile {
        path: path.to_owned(),
        old_path: None,
        status: Status::Modified,
        old_mode: Some(Mode::File),
        new_mode: Some(Mode::File),
        binary: false,
        hunks: Vec::new(),
    }
}

/// One changed file, two small trees.
pub(crate) fn inputs() -> Inputs {
    Inputs {
        change: ChangeSet {
            files: vec![changed("src/lib.rs")],
            unnamed: 0,
        },
        config: "{}".to_owned(),
        base: Memory::of(&[("src/lib.rs", "old")]),
        candidate: Memory::of(&[("src/lib.rs", "new"), ("src/main.rs", "main")]),
        prior: Arc::default(),
    }
}

pub(crate) fn load(guest: &Guest) -> Plugin {
    host()
        .load(&guest.bytes(), None)
        .unwrap_or_else(|failure| panic!("{failure}"))
}

/// What every guest of the tests says it is.
pub(crate) fn info() -> Info {
    load(&Guest::default())
        .describe(&Limits::for_describe())
        .result
        .unwrap()
}

/// Runs `check` with everything granted.
pub(crate) fn answer(guest: &Guest, inputs: &Inputs, limits: &Limits) -> Answer<Report> {
    load(guest).check(&info(), inputs, &all(), limits)
}

pub(crate) fn check(guest: &Guest) -> Result<Report, Failure> {
    answer(guest, &inputs(), &limits()).result
}

/// The failure of `check`, whose sentence has to have these words.
#[track_caller]
pub(crate) fn failing(guest: &Guest, words: &str) -> Failure {
    let failure = check(guest).expect_err("it must not give a report");
    let sentence = failure.to_string();
    assert!(sentence.contains(words), "{sentence}");
    failure
}

/// Bytes of this process that are in memory: now, and at most.
pub(crate) fn resident() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let kib = |key: &str| -> u64 {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(key))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    (kib("VmRSS:") << 10, kib("VmHWM:") << 10)
}

/// Says that this process runs one test, and what it has to know.
const ALONE: &str = "PASSMUSTER_WASM_ALONE";

/// Whether this process was started by [`alone`].
pub(crate) fn is_alone() -> bool {
    std::env::var_os(ALONE).is_some()
}

/// This test in a process of its own, with these variables.
pub(crate) fn alone(test: &str, variables: &[(&str, &Path)]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(ALONE, "1")
        .envs(variables.iter().copied());
    command
}
