//! What a run must not leave behind: processes, mounts, control groups, temporary files.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::environment::TestEnv;

/// How long the kernel may take to reap what was killed.
const GRACE: Duration = Duration::from_secs(5);

impl TestEnv {
    /// Fails when something of a finished run is still there.
    ///
    /// `marker` is a word that stands on the command line of every process that the verified
    /// repository starts: seen from outside, a sandboxed process has no other sign.
    #[track_caller]
    pub fn assert_nothing_left(&self, marker: &str) {
        let deadline = Instant::now() + GRACE;
        loop {
            let left = self.leftovers(marker);
            if left.is_empty() {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "left behind:\n{}",
                left.join("\n")
            );
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn leftovers(&self, marker: &str) -> Vec<String> {
        let own = self.path("").display().to_string();
        let own = own.trim_end_matches('/');
        let mut left = processes(&[marker, own]);
        left.extend(mounts(own));
        left.extend(control_groups());
        left.extend(entries(&self.path("tmp")));
        left
    }
}

/// Processes with one of the words on their command line, or in the environment they started with.
pub fn processes(words: &[&str]) -> Vec<String> {
    let own = std::process::id().to_string();
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()) && *name != own)
        .filter_map(|pid| {
            let command = read(&format!("/proc/{pid}/cmdline"));
            let environment = read(&format!("/proc/{pid}/environ"));
            let holds = |text: &str| {
                words
                    .iter()
                    .any(|word| !word.is_empty() && text.contains(word))
            };
            (holds(&command) || holds(&environment)).then(|| format!("process {pid}: {command}"))
        })
        .collect()
}

/// A file of /proc as one line; empty when the process is gone or not ours to look at.
fn read(path: &str) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

fn mounts(directory: &str) -> Vec<String> {
    let all = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let ours = all.lines().filter(|line| line.contains(directory));
    ours.map(|line| format!("mount: {line}")).collect()
}

/// Control groups of the program that nobody has locked: runs beside this one hold a lock on theirs.
fn control_groups() -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(&path).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(entry.path());
            }
        }
        let is_ours = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().contains("passmuster"));
        if is_ours && fs::File::open(&path).is_ok_and(|group| group.try_lock().is_ok()) {
            found.push(format!("control group: {}", path.display()));
        }
    }
    found
}

fn entries(directory: &Path) -> Vec<String> {
    let all = fs::read_dir(directory).into_iter().flatten().flatten();
    all.map(|entry| format!("temporary file: {}", entry.path().display()))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_is_found_by_a_word_of_its_command_or_environment() {
        let word = format!("leftover-{}", std::process::id());
        let by_command = Command::new("sh")
            .args(["-c", "sleep 30; true", &word])
            .spawn()
            .unwrap();
        let by_environment = Command::new("sleep")
            .arg("30")
            .env("WORD", &word)
            .spawn()
            .unwrap();
        // A child shows its parent's command line until it has become the new program.
        let deadline = Instant::now() + GRACE;
        while processes(&[&word]).len() < 2 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        let found = processes(&[&word]);
        for mut child in [by_command, by_environment] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert!(found.len() >= 2, "{found:?}");
    }

    #[test]
    fn a_file_is_a_leftover() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("left"), "").unwrap();
        assert_eq!(entries(directory.path()).len(), 1);
    }

    #[test]
    fn no_word_finds_no_process() {
        assert!(processes(&[""]).is_empty());
    }
}
