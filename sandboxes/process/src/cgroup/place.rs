//! Where the control groups of this process are, as the kernel tells it.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Controller, Version};

/// Where a controller's hierarchy is mounted, and where in it this process lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) version: Version,
    /// The highest directory that can be seen.
    pub(super) mount: PathBuf,
    /// The directory of this process's group.
    pub(super) own: PathBuf,
}

/// What the kernel says of the groups and the mounts of the calling process, and of what it forks: they
/// live in the same ones.
pub(crate) struct Surroundings {
    groups: String,
    mounts: String,
}

impl Surroundings {
    /// Where nothing can be read, nothing is found.
    pub(crate) fn read() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        Self {
            groups: read("/proc/self/cgroup"),
            mounts: read("/proc/self/mountinfo"),
        }
    }

    /// Looks a controller up.
    pub(super) fn find(&self, controller: Controller) -> Option<Place> {
        locate(controller, &self.groups, &self.mounts)
    }
}

impl Place {
    /// This process's group and those above it, innermost first.
    pub(super) fn upwards(&self) -> impl Iterator<Item = &Path> {
        self.own
            .ancestors()
            .take_while(|directory| directory.starts_with(&self.mount))
    }
}

/// The first version of the interface wins: a controller that it holds is not in the second.
fn locate(controller: Controller, groups: &str, mounts: &str) -> Option<Place> {
    let name = controller.v1_name();
    let first = membership(groups, |controllers| {
        controllers.split(',').any(|one| one == name)
    })
    .and_then(|path| {
        mounted(Version::V1, path, mounts, |options| {
            options.split(',').any(|one| one == name)
        })
    });
    first.or_else(|| {
        let path = membership(groups, str::is_empty)?;
        mounted(Version::V2, path, mounts, |_| true)
    })
}

/// The path in the line `number:controllers:path` whose controllers fit.
fn membership(groups: &str, fits: impl Fn(&str) -> bool) -> Option<&str> {
    groups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        fits(fields.next()?).then_some(fields.next()?)
    })
}

/// Where a group is visible, if its hierarchy is mounted and shows that part of it.
fn mounted(
    version: Version,
    path: &str,
    mounts: &str,
    fits: impl Fn(&str) -> bool,
) -> Option<Place> {
    let kind = match version {
        Version::V1 => "cgroup",
        Version::V2 => "cgroup2",
    };
    mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let mut after = after.split(' ');
        if after.next()? != kind || !fits(after.nth(1)?) {
            return None;
        }
        let mut before = before.split(' ').skip(3);
        let (root, mount) = (before.next()?, PathBuf::from(before.next()?));
        let below = Path::new(path).strip_prefix(root).ok()?;
        // A group outside this process's cgroup namespace shows as `/..`.
        let visible = !below.components().any(|part| part.as_os_str() == "..");
        // Joining nothing would leave a slash at the end, and with it another parent.
        let own = if below.as_os_str().is_empty() {
            mount.clone()
        } else {
            mount.join(below)
        };
        visible.then_some(Place {
            version,
            mount,
            own,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{Place, locate};
    use crate::cgroup::{Controller, Version};

    const HYBRID: &str = "25 1 0:22 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
        26 1 0:23 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n\
        27 1 0:24 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n";
    const UNIFIED: &str = "25 1 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n";
    const CONTAINER: &str =
        "26 1 0:23 /docker/1f /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";

    #[test]
    fn the_group_of_a_controller_is_found_in_either_version() {
        let unified = "0::/user.slice/app.scope\n";
        let hybrid = "3:cpu,cpuacct:/a\n2:memory:/b/c\n1:name=systemd:/d\n0::/e\n";
        let place = |version, mount: &str, own: &str| {
            Some(Place {
                version,
                mount: mount.into(),
                own: own.into(),
            })
        };
        let cases = [
            (
                Controller::Memory,
                hybrid,
                HYBRID,
                place(
                    Version::V1,
                    "/sys/fs/cgroup/memory",
                    "/sys/fs/cgroup/memory/b/c",
                ),
            ),
            (
                Controller::Cpu,
                hybrid,
                HYBRID,
                place(Version::V1, "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu/a"),
            ),
            (
                Controller::Pids,
                hybrid,
                HYBRID,
                place(
                    Version::V2,
                    "/sys/fs/cgroup/unified",
                    "/sys/fs/cgroup/unified/e",
                ),
            ),
            (
                Controller::Memory,
                unified,
                UNIFIED,
                place(
                    Version::V2,
                    "/sys/fs/cgroup",
                    "/sys/fs/cgroup/user.slice/app.scope",
                ),
            ),
            (
                Controller::Memory,
                "0::/\n",
                UNIFIED,
                place(Version::V2, "/sys/fs/cgroup", "/sys/fs/cgroup"),
            ),
            (
                Controller::Memory,
                "2:memory:/docker/1f/x\n",
                CONTAINER,
                place(
                    Version::V1,
                    "/sys/fs/cgroup/memory",
                    "/sys/fs/cgroup/memory/x",
                ),
            ),
            (Controller::Memory, "2:memory:/elsewhere\n", CONTAINER, None),
            (Controller::Memory, "0::/../x\n", UNIFIED, None),
            (Controller::Memory, "", "", None),
            (Controller::Memory, "nonsense", "nonsense - cgroup2", None),
        ];
        for (controller, groups, mounts, expected) in cases {
            assert_eq!(locate(controller, groups, mounts), expected, "{groups}");
        }
    }
}
