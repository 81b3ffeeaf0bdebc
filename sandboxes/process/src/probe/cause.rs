//! From what failed to why: one cause, the nearest one that explains it.

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::{Diagnosis, Feature};
use crate::error::{Failure, Step};

/// Why there are no sandboxes here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The process is inside another sandbox, an agent's for example.
    OuterSandbox,
    /// A container's system call filter refuses namespaces.
    ContainerFilter,
    /// A system call filter refuses namespaces, and nothing says whose it is.
    Filter,
    /// `kernel.unprivileged_userns_clone` is 0.
    UsernsClone,
    /// `user.max_user_namespaces` is used up or 0.
    MaxUserNamespaces,
    /// AppArmor takes away the rights of user namespaces.
    Apparmor,
    /// Something else does.
    NamespaceWithoutRights,
    /// An outer container covers parts of /proc, and the kernel allows no fresh one.
    ProcCovered,
    /// The kernel was built without user namespaces.
    NoUserNamespaces,
    /// The kernel lacks a system call that sandboxes need.
    OldKernel,
    /// Root has only one user id here, and no second one to give away.
    OneId,
    /// Some other refusal.
    Other,
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(f)
    }
}

/// The features without which there is no sandbox, in the order in which they are needed.
const NEEDED: [Feature; 13] = [
    Feature::PayloadIds,
    Feature::Clone3,
    Feature::UserNamespace,
    Feature::NamespaceRights,
    Feature::PidNamespace,
    Feature::NetworkNamespace,
    Feature::IpcNamespace,
    Feature::UtsNamespace,
    Feature::CgroupNamespace,
    Feature::MountApi,
    Feature::Proc,
    Feature::Loopback,
    Feature::Seccomp,
];

/// The cause behind the first feature that is missing.
pub(super) fn find(diagnosis: &Diagnosis) -> Option<Cause> {
    NEEDED.iter().find_map(|feature| {
        let failure = diagnosis.of(*feature)?.as_ref().err()?;
        Some(behind(*feature, failure, diagnosis))
    })
}

fn behind(feature: Feature, failure: &Failure, diagnosis: &Diagnosis) -> Cause {
    let around = &diagnosis.circumstances;
    let errno = Errno::from_raw(failure.errno);
    let refused = matches!(errno, Errno::EPERM | Errno::EACCES);
    match (feature, errno) {
        (Feature::PayloadIds, _) => Cause::OneId,
        // A limit refuses with its own number; whoever set it, raising it helps.
        (_, Errno::ENOSPC) if !around.in_sandbox() => Cause::MaxUserNamespaces,
        _ if around.in_sandbox() => Cause::OuterSandbox,
        (Feature::Proc, _) if refused && around.proc_covered => Cause::ProcCovered,
        (_, Errno::EINVAL) if feature == Feature::UserNamespace => Cause::NoUserNamespaces,
        (_, Errno::ENOSYS) if !around.filtered => Cause::OldKernel,
        _ if failure.step == Step::Namespaces || errno == Errno::ENOSYS => creation(diagnosis),
        _ if refused && around.apparmor_restricts == Some(true) && !around.root => Cause::Apparmor,
        _ if refused => Cause::NamespaceWithoutRights,
        _ => Cause::Other,
    }
}

/// Why a namespace cannot even be created.
fn creation(diagnosis: &Diagnosis) -> Cause {
    let around = &diagnosis.circumstances;
    match around.unprivileged_userns_clone {
        Some(false) if !around.root => Cause::UsernsClone,
        _ if around.container && around.filtered_from_the_start => Cause::ContainerFilter,
        _ if around.filtered => Cause::Filter,
        _ => Cause::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{Circumstances, Probed};

    fn diagnosis(
        failed: Option<(Feature, Step, Errno)>,
        circumstances: Circumstances,
    ) -> Diagnosis {
        let result = |feature| match failed {
            Some((which, step, errno)) if which == feature => Err(Failure::new(step, errno)),
            _ => Ok(None),
        };
        Diagnosis {
            features: NEEDED
                .map(|feature| Probed {
                    feature,
                    result: result(feature),
                })
                .to_vec(),
            circumstances,
        }
    }

    #[test]
    fn each_refusal_has_the_cause_that_explains_it() {
        use Feature::*;
        let plain = Circumstances::default;
        let cases = [
            (None, plain(), None),
            (
                Some((PayloadIds, Step::Identity, Errno::ERANGE)),
                plain(),
                Some(Cause::OneId),
            ),
            (
                Some((UserNamespace, Step::Namespaces, Errno::EPERM)),
                Circumstances {
                    unprivileged_userns_clone: Some(false),
                    ..plain()
                },
                Some(Cause::UsernsClone),
            ),
            (
                Some((UserNamespace, Step::Namespaces, Errno::EPERM)),
                Circumstances {
                    filtered: true,
                    filtered_from_the_start: true,
                    container: true,
                    ..plain()
                },
                Some(Cause::ContainerFilter),
            ),
            (
                Some((Clone3, Step::Namespaces, Errno::ENOSYS)),
                Circumstances {
                    filtered: true,
                    ..plain()
                },
                Some(Cause::Filter),
            ),
            (
                Some((Clone3, Step::Namespaces, Errno::ENOSYS)),
                plain(),
                Some(Cause::OldKernel),
            ),
            (
                Some((UserNamespace, Step::Namespaces, Errno::ENOSPC)),
                plain(),
                Some(Cause::MaxUserNamespaces),
            ),
            (
                Some((UserNamespace, Step::Namespaces, Errno::EINVAL)),
                plain(),
                Some(Cause::NoUserNamespaces),
            ),
            (
                Some((NamespaceRights, Step::NewRoot, Errno::EPERM)),
                Circumstances {
                    apparmor_restricts: Some(true),
                    ..plain()
                },
                Some(Cause::Apparmor),
            ),
            (
                Some((NamespaceRights, Step::TakeIdentity, Errno::EPERM)),
                plain(),
                Some(Cause::NamespaceWithoutRights),
            ),
            (
                Some((Proc, Step::MountProc, Errno::EPERM)),
                Circumstances {
                    container: true,
                    proc_covered: true,
                    ..plain()
                },
                Some(Cause::ProcCovered),
            ),
            (
                Some((UserNamespace, Step::Namespaces, Errno::EPERM)),
                Circumstances {
                    filtered: true,
                    gave_up_privileges: true,
                    ..plain()
                },
                Some(Cause::OuterSandbox),
            ),
            (
                Some((UserNamespace, Step::Namespaces, Errno::EPERM)),
                Circumstances {
                    own_sandbox: true,
                    ..plain()
                },
                Some(Cause::OuterSandbox),
            ),
        ];
        for (failed, circumstances, expected) in cases {
            let found = find(&diagnosis(failed, circumstances.clone()));
            assert_eq!(found, expected, "{failed:?} {circumstances:?}");
        }
    }
}
