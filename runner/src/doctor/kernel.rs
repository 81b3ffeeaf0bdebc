//! What the kernel can do, as findings: a feature, and what it means that it is missing.

use passmuster_policy::diagnosis::{Area, Finding, Health};
use passmuster_process::{Diagnosis, Feature, Probed};

/// A finding for each feature.
pub(super) fn findings(diagnosis: &Diagnosis) -> Vec<Finding> {
    diagnosis.features.iter().map(finding).collect()
}

fn finding(probed: &Probed) -> Finding {
    let (state, found, means) = match &probed.result {
        Ok(found) => (Health::Ok, found.clone(), None),
        Err(failure) => {
            let (state, means) = without(probed.feature);
            (state, Some(failure.bare()), Some(means.to_owned()))
        }
    };
    Finding {
        area: Area::Kernel,
        name: probed.feature.to_string(),
        state,
        found,
        means,
    }
}

/// What a sandbox lacks without a feature. Most are its ground; where it is only weaker, the sandbox
/// says so in each verdict.
fn without(feature: Feature) -> (Health, &'static str) {
    let none = "no sandbox of the tier full";
    match feature {
        Feature::LoopbackIpv6 => (
            Health::Degraded,
            "tests that listen on ::1 fail; the verdict lists loopback as degraded",
        ),
        Feature::SeccompNotification => (
            Health::Degraded,
            "refused system calls are refused without being told",
        ),
        Feature::Landlock => (
            Health::Degraded,
            "no second layer behind the mount view; the tier landlock is not to be had",
        ),
        Feature::PayloadIds
        | Feature::Clone3
        | Feature::UserNamespace
        | Feature::NamespaceRights
        | Feature::PidNamespace
        | Feature::NetworkNamespace
        | Feature::IpcNamespace
        | Feature::UtsNamespace
        | Feature::CgroupNamespace
        | Feature::MountApi
        | Feature::Proc
        | Feature::Loopback
        | Feature::Seccomp => (Health::Missing, none),
    }
}
