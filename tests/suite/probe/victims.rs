//! Processes of the caller on the host, one for each thing that can be done to a process.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Child;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use passmuster_tests::TestEnv;

use super::stage::Side;

/// Those that the probe is after on either side, and those that play init outside.
const VICTIMS: [&str; 4] = [
    "victim-pid",
    "victim-stopped",
    "victim-killed",
    "victim-group",
];
const INITS: [&str; 4] = ["init", "init-stopped", "init-killed", "init-terminated"];

pub(super) struct Victims {
    /// A number of seconds to sleep that nobody else sleeps: it marks their command lines.
    word: String,
    all: Vec<(&'static str, Child)>,
    before: Vec<String>,
}

impl Victims {
    pub(super) fn start(env: &TestEnv) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let word = format!("900.{}{number:03}", std::process::id());
        let names = VICTIMS.into_iter().chain(INITS);
        let all: Vec<_> = names
            .map(|name| {
                let mut sleep = env.command("sleep");
                (name, sleep.arg(&word).process_group(0).spawn().unwrap())
            })
            .collect();
        let mut victims = Self {
            word,
            all,
            before: Vec::new(),
        };
        victims.wait_until_asleep();
        victims.before = victims.states();
        victims
    }

    /// A change of user comes before the program, which is the victim.
    fn wait_until_asleep(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        let sleeps = |child: &Child| {
            let line = fs::read(format!("/proc/{}/cmdline", child.id())).unwrap();
            let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
            line.starts_with(b"sleep") && stat.contains(") S ")
        };
        while !self.all.iter().all(|(_, child)| sleeps(child)) {
            assert!(Instant::now() < deadline, "the victims sleep");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(super) fn scene(&self, side: Side) -> Vec<(&'static str, String)> {
        let id = |(name, child): &(&'static str, Child)| match side {
            Side::Inside if INITS.contains(name) => (*name, "1".to_owned()),
            _ => (*name, child.id().to_string()),
        };
        let word = ("victim-word", self.word.clone());
        self.all.iter().map(id).chain([word]).collect()
    }

    /// What can be done to a process without ending it shows here.
    fn states(&self) -> Vec<String> {
        let of = |child: &Child| {
            let read = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", child.id()));
            let status = read("status").unwrap_or_else(|error| error.to_string());
            let told = ["State", "TracerPid", "Cpus_allowed", "SigPnd", "ShdPnd"];
            let lines = status
                .lines()
                .filter(|line| told.iter().any(|word| line.starts_with(word)));
            let stat = read("stat").unwrap_or_default();
            // Priority and niceness are the 18th and 19th word.
            let priority: Vec<&str> = stat.split(' ').skip(17).take(2).collect();
            let limits = read("limits").unwrap_or_default();
            format!(
                "{}\n{priority:?}\n{limits}",
                lines.collect::<Vec<_>>().join("\n")
            )
        };
        self.all.iter().map(|(_, child)| of(child)).collect()
    }

    pub(super) fn are_touched(&self) -> bool {
        self.states() != self.before
    }
}

impl Drop for Victims {
    fn drop(&mut self) {
        for (_, child) in &mut self.all {
            let _dead_already = child.kill();
            let _reaped = child.wait();
        }
    }
}
