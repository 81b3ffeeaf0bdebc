//! Runs one command with only the grants it was given (Linux).
//!
//! # Theory of operation
//!
//! Five processes take part; all but the command run the same binary.
//!
//! ```text
//! caller ──requests──▶ fork server
//!                          │ fork
//!                          ▼
//! caller ──socket──▶ keeper ──orders──▶ init ──fork──▶ worker = the command
//!   ▲ ▲               ▲  └─clone3──────▶ │ ▲            │  │
//!   │ └──outcome──────┘ ◀───messages─────┘ └──trouble───┘  │
//!   └──────────────stdout, stderr──────────────────────────┘
//! ```
//!
//! - The **caller** ([`run`]) has many threads, every right of its user, and often much memory: it
//!   never forks.
//! - The **fork server** (`fork_server`) is the caller's own binary, executed once with a private word;
//!   nothing else of the caller survives that: the environment is empty, other descriptors are closed.
//!   It has one thread, and makes a copy of itself for each sandbox, one ahead, so that nobody waits for
//!   a fork: a child of the caller, which stands by until it is asked for and then takes one end
//!   of a socket as descriptor 0 and the command's output as 1 and 2. Both end when the caller does.
//! - The **keeper** (`keeper`) is that copy, still on the host and with the caller's rights. It reads
//!   the [`Spec`] from the socket, and, when it is root, opens every source as a detached mount: they
//!   may lie where only root can look. It creates init in new namespaces and in a control group of its
//!   own (`cgroup`), writes the id maps, keeps the limits that no single process can be held to
//!   (`watch`), and reports once. When the caller's end of the socket closes, because the caller wants
//!   to stop or because it died, it kills everything.
//! - **Init** (`init`) is process 1 of the new pid namespace. It makes the network namespace, which
//!   takes the kernel longest, while the keeper is busy with the rest; builds the view, lets go of the
//!   host's file system, and then gives up everything: capabilities, the way to get new ones,
//!   system calls outside the table. It reads back from the kernel that all of it holds, forks the
//!   worker, reaps, kills what the command leaves, and reports. It cannot be traced or looked into,
//!   and dies with the keeper (`PR_SET_PDEATHSIG`: the keeper has one thread, so its death is
//!   unambiguous).
//! - The **worker** (`worker`) has all that init gave up to begin with. It makes a session without
//!   a terminal, checks that no other descriptor survives exec, and becomes the command.
//!
//! A [`Service`] is one more worker, started before the command and ended after it; the one thing
//! that differs is its output, which goes to init and comes back in the report (`services`).
//!
//! What the channels carry: the *socket* the specification in, and before it the reading end of a
//! pipe, where the command has input, then a byte now and then where printing must be known of; one
//! outcome out, and before it the listener, where the specification asks for one (`bridge`); closing
//! is the order to stop. *Orders*: one byte each: go, terminate, kill. *Messages*: ready with the
//! enforcement list, ended, or failed with the step. *Filter's listener*: once, so that the keeper
//! hears what is refused (`denials`). *Trouble*: why exec did not happen; closed by exec itself. All
//! but the output are closed on exec, so the command holds no channel on which it could pretend:
//! exit, usage, enforcement and denials never pass through its hands.
//!
//! A step that fails before exec is a [`SandboxError`], never the command's failure; a program that
//! cannot be executed is an [`Exit::NotStarted`]. A protection that does not hold is an error.
//!
//! # Without namespaces
//!
//! [`Launcher::on_stage`] needs none, where a machine gives none: `stage` says what stands in their place
//! and what does not.
//!
//! # Order of things
//!
//! [`Spec`] → `launch` → `fork_server` → `keeper` → `view::sources` → `cgroup` → `namespaces` → `init` → `view::root`
//! → `network` → `bridge` → `limits` → `credentials` → `second_layer` → `seccomp` → `denials` →
//! `enforcement` → `services` → `worker` → `watch` → [`Report`].
//!
//! # The system view
//!
//! Every sandbox has: `/usr` and the usual links or directories beside it; from the host's `/etc`
//! the loader's, certificates', alternatives', time zone's and media types' files, never a key; a
//! generated `passwd`, `group`, `hosts`, `hostname`, `nsswitch.conf` and an empty `resolv.conf`, with a
//! resolver on loopback that knows no name; six devices, pseudo-terminals of its own and `/dev/shm`;
//! a fresh `/proc` with the machine's
//! parts read-only or empty; `/tmp`. There is no `/sys`, no home, no terminal. The root is a
//! read-only tmpfs. The command sees itself as user and group 1000.
//!
//! # What is not protected
//!
//! - The kernel itself: whoever breaks it from inside is outside.
//! - The machine between two looks: disk space always, and memory where the caller may make no
//!   control group, is measured while the command runs, and a burst is noticed late. The enforcement
//!   list says by which means each limit holds.
//! - What is granted: a file in it can be replaced by a link, a
//!   pipe or a program. Whoever reads it afterwards must not follow or run what it finds.
//! - A socket or pipe in a granted directory can be connected to, also where the grant is
//!   read-only.
//! - Facts about the machine: processors, memory, kernel version, clock and the host paths of
//!   grants (in `/proc/self/mountinfo`).
//! - Keepers and inits of one caller are copies of one process and have one layout of memory. The
//!   command has its own: it is executed.
//! - Two sandboxes of one root caller run as the same host id. They are apart by their namespaces,
//!   not by their ids.
//! - An unprivileged caller's supplementary groups stay with the payload (they cannot be dropped
//!   without privilege); they reach only what is granted.

mod bridge;
mod bubblewrap;
mod cgroup;
mod credentials;
mod denials;
mod disk;
mod enforcement;
mod error;
mod fork_server;
#[cfg(fuzzing)]
pub mod fuzzing;
mod helper;
pub mod identity;
pub mod init;
mod keeper;
mod launch;
mod limits;
mod namespaces;
mod network;
mod output;
mod probe;
mod quiet;
mod ready;
mod report;
mod seccomp;
mod second_layer;
mod service;
mod services;
mod spec;
mod stage;
mod streams;
mod support;
mod sys;
mod tree;
mod view;
mod watch;
mod wire;
mod worker;

pub use bubblewrap::PROGRAM as BUBBLEWRAP;
pub use cgroup::available_memory;
pub use denials::{Denial, DenialKind, Denials};
pub use disk::size_of_disk;
pub use enforcement::{Enforcement, Protection, State};
pub use error::{Failure, SandboxError, Step};
pub use launch::{Launcher, run, run_with};
pub use output::Captured;
pub use probe::{Cause, Circumstances, Diagnosis, Feature, Probed, diagnose};
pub use report::{Exit, Limit, Report, Start, Usage};
pub use service::{Ended, NotReady, Ready, Service, ServiceReport};
pub use spec::{Command, Limits, Lower, Mount, Spec};
pub use stage::PLACE as STAGE;
pub use streams::{Sink, Streams};
pub use support::{Support, probe};
