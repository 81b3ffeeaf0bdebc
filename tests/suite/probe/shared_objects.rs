//! System V objects, a POSIX message queue and POSIX shared memory of the caller on the host.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::errno::Errno;
use nix::libc;
use passmuster_tests::{TestEnv, tool};

/// Create it, readable and writable by the owner alone.
const CREATE: &str = "0x380";

pub(super) struct SharedObjects<'env> {
    env: &'env TestEnv,
    call: PathBuf,
    key: u32,
    name: String,
    /// The calls that remove them, with what identifies each.
    removals: Vec<String>,
}

impl<'env> SharedObjects<'env> {
    pub(super) fn make(env: &'env TestEnv, call: &Path) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let (pid, number) = (std::process::id(), u32::try_from(number).unwrap());
        let mut objects = Self {
            env,
            call: call.to_owned(),
            key: 0x5000_0000 | (pid & 0xf_ffff) << 8 | number << 1,
            name: format!("passmuster-probe-{pid}-{number}"),
            removals: Vec::new(),
        };
        let key = objects.key;
        let made = [
            (
                format!("{} {key} 4096 {CREATE}", libc::SYS_shmget),
                libc::SYS_shmctl,
                "0 0",
            ),
            (
                format!("{} {key} 1 {CREATE}", libc::SYS_semget),
                libc::SYS_semctl,
                "0 0 0",
            ),
            (
                format!("{} {key} {CREATE}", libc::SYS_msgget),
                libc::SYS_msgctl,
                "0 0",
            ),
        ];
        for (making, removing, arguments) in made {
            let id = tool(objects.caller().args(making.split(' ')));
            objects
                .removals
                .push(format!("{removing} {} {arguments}", id.trim()));
        }
        let making = format!("{} {} 0102 0600 0", libc::SYS_mq_open, objects.name);
        tool(objects.caller().args(making.split(' ')));
        objects
            .removals
            .push(format!("{} {}", libc::SYS_mq_unlink, objects.name));
        fs::write(objects.memory(), "memory").unwrap();
        env.give(&objects.memory());
        objects
    }

    /// The program for bare system calls, run by the caller.
    fn caller(&self) -> std::process::Command {
        self.env.command(&self.call)
    }

    fn memory(&self) -> PathBuf {
        Path::new("/dev/shm").join(&self.name)
    }

    /// What the probe itself would make and leave has the next key and another name.
    fn probes_own(&self) -> (u32, String) {
        (self.key + 1, format!("{}-own", self.name))
    }

    pub(super) fn scene(&self) -> Vec<(&'static str, String)> {
        let (own_key, own_queue) = self.probes_own();
        vec![
            ("key", self.key.to_string()),
            ("queue", self.name.clone()),
            ("shm", self.memory().display().to_string()),
            ("own-key", own_key.to_string()),
            ("own-queue", own_queue),
        ]
    }

    /// Something that the probe made is on the host, or what was there is another.
    pub(super) fn are_not_alone(&self) -> bool {
        let (key, queue) = self.probes_own();
        let mut looks = [
            format!("{} {key} 0 0", libc::SYS_shmget),
            format!("{} {queue} 0 0 0", libc::SYS_mq_open),
        ]
        .into_iter()
        .map(|look| {
            self.caller()
                .args(look.split(' '))
                .output()
                .unwrap()
                .status
                .code()
        });
        let none_made = looks.all(|code| code == Some(Errno::ENOENT as i32));
        let mut shared = fs::read_dir("/dev/shm").unwrap().flatten();
        let left = shared.any(|entry| entry.file_name().to_string_lossy().starts_with("probe-use"));
        !none_made || left || fs::read(self.memory()).unwrap() != b"memory"
    }
}

impl Drop for SharedObjects<'_> {
    fn drop(&mut self) {
        let (key, queue) = self.probes_own();
        let own = self
            .caller()
            .args(format!("{} {key} 0 0", libc::SYS_shmget).split(' '))
            .output();
        if let Some(output) = own.ok().filter(|output| output.status.success()) {
            let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            self.removals.push(format!("{} {id} 0 0", libc::SYS_shmctl));
        }
        self.removals
            .push(format!("{} {queue}", libc::SYS_mq_unlink));
        for removal in &self.removals {
            let _gone_already = self.caller().args(removal.split(' ')).output();
        }
        let _gone_already = fs::remove_file(self.memory());
    }
}
