//! What there is around this process: settings, limits and other sandboxes. They explain what an
//! attempt found; they never stand in for one.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::identity;
use crate::view::HOSTNAME;

/// Where the process stands. What cannot be read is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circumstances {
    /// The caller is root, at least of its own user namespace.
    pub root: bool,
    /// Only root may create user namespaces (a setting of Debian's kernels).
    pub unprivileged_userns_clone: Option<bool>,
    /// AppArmor takes the rights of user namespaces away from programs without a profile.
    pub apparmor_restricts: Option<bool>,
    /// The AppArmor profile of this process.
    pub apparmor_profile: Option<String>,
    /// How many user namespaces may be created in this one.
    pub max_user_namespaces: Option<u64>,
    /// A system call filter is in force already.
    pub filtered: bool,
    /// It was there from the start: the first process here has no fewer. So it is a container's.
    pub filtered_from_the_start: bool,
    /// This process gave up gaining privileges by exec. Where an engine makes a whole container do
    /// so it does not count: then the first process has done the same, and the user namespace is
    /// not that of a single program, with one id.
    pub gave_up_privileges: bool,
    /// This is a container, by the marks that engines leave.
    pub container: bool,
    /// This is one of our own sandboxes.
    pub own_sandbox: bool,
    /// /proc has parts that an outer container covers.
    pub proc_covered: bool,
}

impl Circumstances {
    /// Looks around.
    #[must_use]
    pub fn read() -> Self {
        let status = |process| fs::read_to_string(format!("/proc/{process}/status"));
        let own = Rights::of(&status("self").unwrap_or_default());
        let first = Rights::of(&status("1").unwrap_or_default());
        let container = ["/.dockerenv", "/run/.containerenv"]
            .iter()
            .any(|mark| Path::new(mark).exists());
        let ids = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        Self {
            root: identity::is_root(),
            unprivileged_userns_clone: number("kernel/unprivileged_userns_clone")
                .map(|value| value != 0),
            apparmor_restricts: number("kernel/apparmor_restrict_unprivileged_userns")
                .map(|value| value != 0),
            apparmor_profile: apparmor_profile(),
            max_user_namespaces: number("user/max_user_namespaces"),
            filtered: own.filters > 0,
            filtered_from_the_start: own.filters > 0 && own.filters <= first.filters,
            gave_up_privileges: own.no_new_privs
                && !(container && first.no_new_privs && !has_one_id(&ids)),
            container,
            own_sandbox: is_own_sandbox(),
            proc_covered: is_covered(&mounts),
        }
    }

    /// Another sandbox is around this process: it has given up rights that an ordinary program has.
    #[must_use]
    pub fn in_sandbox(&self) -> bool {
        self.own_sandbox || self.gave_up_privileges
    }
}

/// What a process has given up.
struct Rights {
    filters: u32,
    no_new_privs: bool,
}

impl Rights {
    /// From the text of /proc/PID/status.
    fn of(status: &str) -> Self {
        let is = |name, value| field(status, name) == Some(value);
        let count = field(status, "Seccomp_filters").and_then(|count| count.parse().ok());
        Self {
            // Kernels before 5.9 do not count.
            filters: count.unwrap_or(u32::from(is("Seccomp", "2"))),
            no_new_privs: is("NoNewPrivs", "1"),
        }
    }
}

/// Whether a uid_map maps a single id.
fn has_one_id(map: &str) -> bool {
    let mut counts = map.lines().map(|line| line.split_whitespace().nth(2));
    counts.next() == Some(Some("1")) && counts.next().is_none()
}

fn number(name: &str) -> Option<u64> {
    let path = Path::new("/proc/sys").join(name);
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found == name).then(|| value.trim())
    })
}

fn apparmor_profile() -> Option<String> {
    let text = fs::read_to_string("/proc/self/attr/apparmor/current").ok()?;
    Some(text.trim().to_owned())
}

fn is_own_sandbox() -> bool {
    let name = nix::unistd::gethostname().unwrap_or_default();
    name == HOSTNAME && Path::new("/sandbox/tree").is_dir()
}

/// Whether something other than /proc itself is mounted below it.
fn is_covered(mounts: &str) -> bool {
    mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .any(|place| place.starts_with("/proc/") && place != "/proc/sys/fs/binfmt_misc")
}

#[cfg(test)]
mod tests {
    use super::{Rights, field, has_one_id, is_covered};

    #[test]
    fn what_covers_proc_is_told_from_what_belongs_there() {
        let line = |place: &str| format!("30 25 0:26 / {place} ro - tmpfs tmpfs ro\n");
        for (place, covered) in [
            ("/proc", false),
            ("/proc/sys/fs/binfmt_misc", false),
            ("/proc/kcore", true),
            ("/processes", false),
        ] {
            assert_eq!(is_covered(&line(place)), covered, "{place}");
        }
    }

    #[test]
    fn a_map_of_one_id_is_told_from_a_container_s() {
        for (map, one) in [
            ("      1000      54321          1\n", true),
            ("         0          0 4294967295\n", false),
            ("0 1000 1\n1 100000 65536\n", false),
            ("", false),
        ] {
            assert_eq!(has_one_id(map), one, "{map}");
        }
    }

    #[test]
    fn a_field_is_the_one_of_that_name() {
        let status = "Seccomp:\t2\nSeccomp_filters:\t1\n";
        assert_eq!(field(status, "Seccomp"), Some("2"));
        assert_eq!(field(status, "NoNewPrivs"), None);
        assert_eq!(Rights::of(status).filters, 1);
        assert_eq!(Rights::of("Seccomp:\t2\nNoNewPrivs:\t1\n").filters, 1);
        assert_eq!(Rights::of("Seccomp:\t0\n").filters, 0);
    }
}
