//! The part of the view that every sandbox has: the system's programs, a generated /etc, devices,
//! memory directories.

use std::path::{Path, PathBuf};

use crate::identity::{INSIDE, NAME};
use crate::spec::{Limits, Mount};

/// Host device nodes that are shown in /dev. `tty` stands for the terminal of whoever opens it: the command has none, and a
/// program that it starts on a pseudo-terminal of the sandbox has that one.
pub(super) const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Writable directories in memory.
pub(super) const MEMORY: [&str; 2] = ["/tmp", "/dev/shm"];

/// Directories of programs and libraries; on most hosts all but the first are links into it.
const PROGRAMS: [&str; 7] = [
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
];

/// What programs read from the host's /etc and nobody keeps secrets in. Private keys
/// (`ssl/private`) are not among them.
const HOST_ETC: [&str; 12] = [
    "alternatives",
    "ca-certificates",
    "ca-certificates.conf",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "pki/ca-trust",
    "pki/tls/certs",
    "ssl/certs",
    "ssl/openssl.cnf",
];

/// Name of the machine as seen inside.
pub(crate) const HOSTNAME: &str = "sandbox";

/// The mounts of the system view, in order.
pub(crate) fn mounts(limits: &Limits) -> Vec<Mount> {
    let mut mounts: Vec<_> = PROGRAMS
        .iter()
        .filter_map(|path| program_directory(Path::new(path)))
        .collect();
    mounts.extend(
        HOST_ETC
            .iter()
            .filter_map(|name| host_file(&Path::new("/etc").join(name))),
    );
    mounts.extend(generated_etc());
    mounts.extend(device_links());
    for target in MEMORY {
        mounts.push(Mount::Tmpfs {
            target: target.into(),
            size: limits.tmp,
        });
    }
    mounts
}

/// A link stays the link it is on the host, so that real paths come out the same inside.
fn program_directory(path: &Path) -> Option<Mount> {
    match path.read_link() {
        Ok(to) => Some(Mount::Symlink {
            path: path.into(),
            to,
        }),
        Err(_) => host_file(path),
    }
}

fn host_file(path: &Path) -> Option<Mount> {
    path.exists().then(|| Mount::ReadOnly {
        source: path.into(),
        target: path.into(),
    })
}

fn generated_etc() -> impl Iterator<Item = Mount> {
    let id = INSIDE;
    [
        (
            "passwd",
            format!(
                "{NAME}:x:{id}:{id}::/sandbox/home:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
            ),
        ),
        ("group", format!("{NAME}:x:{id}:\nnogroup:x:65534:\n")),
        (
            "hosts",
            format!("127.0.0.1 localhost {HOSTNAME}\n::1 localhost ip6-localhost ip6-loopback\n"),
        ),
        ("hostname", format!("{HOSTNAME}\n")),
        (
            "nsswitch.conf",
            "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n"
                .into(),
        ),
        ("resolv.conf", String::new()),
    ]
    .into_iter()
    .map(|(name, content)| Mount::File {
        target: PathBuf::from("/etc").join(name),
        content: content.into_bytes(),
        executable: false,
    })
}

fn device_links() -> impl Iterator<Item = Mount> {
    [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ]
    .into_iter()
    .map(|(name, to)| Mount::Symlink {
        path: PathBuf::from("/dev").join(name),
        to: to.into(),
    })
}
