//! What a cause means and the ways out of it. Changes nothing: it is all text for a person.

use passmuster_policy::diagnosis::Remedy;
use passmuster_process::{Cause, Circumstances};

/// A cause for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What is the matter, as a clause.
    pub what: &'static str,
    /// Ways out, the one that fits this machine first.
    pub remedies: Vec<Remedy>,
}

/// Options of a container engine that let sandboxes work inside with the least given away.
const CONTAINER: &str = "docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined \
     --security-opt apparmor=unconfined --user 1000 …";

/// For engines and schedulers that only know capabilities.
const PRIVILEGES: &str = "docker run --cap-add SYS_ADMIN --security-opt systempaths=unconfined --security-opt apparmor=unconfined …";

/// Ubuntu's own pattern: nothing is confined, user namespaces are allowed.
const PROFILE: &str = "cat > /etc/apparmor.d/passmuster <<'END'
abi <abi/4.0>,
include <tunables/global>
profile passmuster @PROGRAM@ flags=(unconfined) {
  userns,
  include if exists <local/passmuster>
}
END
apparmor_parser --replace /etc/apparmor.d/passmuster";

/// Where the caller stands decides which remedy fits; `program` is this program's own path.
pub fn about(cause: Cause, around: &Circumstances) -> Advice {
    let (what, remedies) = match cause {
        Cause::OuterSandbox => (
            "this is running inside another sandbox, such as a coding agent's, and that one allows no sandbox of ours within it",
            vec![outside(true)],
        ),
        Cause::ContainerFilter => (
            "the container's system call filter refuses namespaces",
            container(around),
        ),
        Cause::Filter => (
            "a system call filter around this process refuses namespaces",
            [container(around), vec![outside(false)]].concat(),
        ),
        Cause::UsernsClone => (
            "this kernel lets only root create user namespaces (kernel.unprivileged_userns_clone is 0)",
            vec![
                sysctl(true, "kernel.unprivileged_userns_clone=1"),
                as_root(),
            ],
        ),
        Cause::MaxUserNamespaces => (
            "no more user namespaces may be created here (user.max_user_namespaces)",
            vec![
                sysctl(true, "user.max_user_namespaces=15000"),
                outside(false),
            ],
        ),
        Cause::Apparmor => (
            "AppArmor takes the rights of user namespaces away from programs without a profile that grants them",
            vec![
                profile(),
                sysctl(false, "kernel.apparmor_restrict_unprivileged_userns=0"),
                as_root(),
            ],
        ),
        Cause::NamespaceWithoutRights => (
            "user namespaces come without rights: a security module or a container engine takes them away",
            [container(around), vec![as_root()]].concat(),
        ),
        Cause::ProcCovered => (
            "parts of /proc are covered by a container engine, and then the kernel allows no fresh /proc",
            container(around),
        ),
        Cause::NoUserNamespaces => (
            "this kernel has no user namespaces",
            vec![remedy(
                true,
                "use a kernel that was built with CONFIG_USER_NS",
                "",
            )],
        ),
        Cause::OldKernel => (
            "this kernel lacks a system call that the sandbox needs",
            vec![remedy(true, "use Linux 5.12 or later", "")],
        ),
        Cause::OneId => (
            "root has no second user id here to run commands as",
            vec![remedy(
                true,
                "map more ids into the container, or call as an ordinary user",
                "docker run --user 1000 …\npodman run --userns=auto:size=65536 …",
            )],
        ),
        Cause::Other => (
            "something refuses what the sandbox needs; the findings of `passmuster doctor` say what",
            vec![outside(true)],
        ),
    };
    Advice { what, remedies }
}

/// What works already, for less.
pub fn through_bubblewrap() -> Remedy {
    remedy(
        false,
        "or accept the tier full-bwrap, which works here: bubblewrap creates the namespaces, trees are copies, and limits on \
         memory and processes hold by looking",
        "passmuster verify --isolation full-bwrap …\n# or in the policy: [sandbox] isolation = \"full-bwrap\"",
    )
}

/// What works already, for the least.
pub fn without_namespaces() -> Remedy {
    remedy(
        false,
        "or accept the tier landlock, which works here: no namespaces, so no loopback, no services, no network for prepare steps, \
         one run at a time in /sandbox, and every verdict lists what is missing",
        ACCEPT_LANDLOCK,
    )
}

/// What the tier without namespaces lacks.
pub fn stage() -> Remedy {
    remedy(
        false,
        "or give the tier landlock, which needs no namespaces, its directory, as root, and accept it",
        &format!("sudo install -d -m 0700 -o $USER /sandbox\n{ACCEPT_LANDLOCK}"),
    )
}

const ACCEPT_LANDLOCK: &str = "passmuster verify --isolation landlock …\n# or in the policy: [sandbox] isolation = \"landlock\"";

fn remedy(fits: bool, what: &str, text: &str) -> Remedy {
    Remedy {
        fits,
        what: what.to_owned(),
        text: text.to_owned(),
    }
}

/// Inside a sandbox that somebody else built, only they can help.
fn outside(fits: bool) -> Remedy {
    remedy(
        fits,
        "start passmuster outside of that sandbox: as a hook or an MCP server, which the agent's program starts itself; in a \
         CI job; or in a terminal",
        "",
    )
}

fn container(around: &Circumstances) -> Vec<Remedy> {
    let root_has_rights = around.root;
    let mut ways = vec![
        remedy(
            !root_has_rights,
            "start the container without the engine's filter and covers, as an ordinary user: the sandbox brings its own",
            CONTAINER,
        ),
        remedy(
            root_has_rights,
            "give the container's root the right to mount",
            PRIVILEGES,
        ),
    ];
    ways.sort_by_key(|way| !way.fits);
    ways
}

fn sysctl(fits: bool, setting: &str) -> Remedy {
    let what = if fits {
        "change the setting"
    } else {
        "or allow it to every program"
    };
    let name = setting.split('=').next().unwrap_or_default();
    remedy(
        fits,
        &format!("{what} {name}, as root"),
        &format!("sysctl -w {setting}\necho '{setting}' > /etc/sysctl.d/60-passmuster.conf"),
    )
}

fn profile() -> Remedy {
    let program = std::env::current_exe().map_or_else(
        |_| "/usr/local/bin/passmuster".to_owned(),
        |path| path.display().to_string(),
    );
    remedy(
        true,
        "install an AppArmor profile that allows user namespaces to this program alone, as root",
        &PROFILE.replace("@PROGRAM@", &program),
    )
}

fn as_root() -> Remedy {
    remedy(
        false,
        "or call as root: commands then run under an unprivileged id all the same",
        "sudo passmuster …",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_a_way_out_and_the_fitting_one_comes_first() {
        let causes = [
            Cause::OuterSandbox,
            Cause::ContainerFilter,
            Cause::Filter,
            Cause::UsernsClone,
            Cause::MaxUserNamespaces,
            Cause::Apparmor,
            Cause::NamespaceWithoutRights,
            Cause::ProcCovered,
            Cause::NoUserNamespaces,
            Cause::OldKernel,
            Cause::OneId,
            Cause::Other,
        ];
        for cause in causes {
            for root in [false, true] {
                let around = Circumstances {
                    root,
                    ..Circumstances::default()
                };
                let remedies = about(cause, &around).remedies;
                let fitting = remedies.iter().filter(|remedy| remedy.fits).count();
                assert_eq!(fitting, 1, "{cause}");
                assert!(remedies[0].fits, "{cause}");
            }
        }
    }
}
