//! What this machine can do, found out by doing it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::lchown;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use tokio::time::timeout;

use crate::enforcement::Enforcement;
use crate::error::{Failure, SandboxError, Step};
use crate::identity;
use crate::launch::{Launcher, run};
use crate::report::Exit;
use crate::spec::{Command, Limits, Lower, Mount, Spec};
use crate::stage;

/// Longer than a sandbox takes that does nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// The abilities that a caller has to plan with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Support {
    /// Which protections a sandbox has here.
    pub enforcement: Vec<Enforcement>,
    /// Why directories beside the probed one must be copied instead of overlaid, if so.
    pub overlay: Result<(), Failure>,
    /// Why files of root there cannot be shown as the payload's, if so.
    pub owner_shift: Result<(), Failure>,
}

/// Builds a sandbox, and overlays below `place`, an existing directory of the file system that
/// layers are to lie on. Leaves nothing there.
///
/// # Errors
/// When this machine cannot build a sandbox at all, or `place` cannot be written.
pub async fn probe(launcher: &Launcher, place: &Path) -> Result<Support, SandboxError> {
    let spec = spec("exit 0", Vec::new());
    let plain = timeout(PATIENCE, run(launcher, &spec, std::future::pending()));
    // Only the stage is waited for, while another run has it.
    let plain = plain.await.unwrap_or_else(|_| {
        let busy = Failure::at(Step::Stage, stage::PLACE, Errno::EBUSY);
        Err(SandboxError::Setup(busy))
    })?;
    Ok(Support {
        enforcement: plain.enforcement,
        overlay: overlay(launcher, place, false).await?,
        owner_shift: overlay(launcher, place, true).await?,
    })
}

/// Tries what real use does to a layer: copy up, replace, delete.
async fn overlay(
    launcher: &Launcher,
    place: &Path,
    owner_shift: bool,
) -> Result<Result<(), Failure>, SandboxError> {
    let place = place.join(format!(".probe-{}-{owner_shift}", std::process::id()));
    let failed =
        |error: io::Error| SandboxError::Setup(Failure::io(Step::PrepareScratch, &place, &error));
    prepare(&place, owner_shift).map_err(failed)?;
    let mount = Mount::Overlay {
        lowers: vec![Lower {
            source: place.join("lower"),
            owner_shift,
        }],
        scratch: place.join("scratch"),
        target: "/probe".into(),
    };
    let script =
        "cd /probe && echo more >> kept && rm -r removed && mkdir removed && [ ! -e removed/file ]";
    let report = run(launcher, &spec(script, vec![mount]), std::future::pending()).await;
    fs::remove_dir_all(&place).map_err(failed)?;
    match report {
        Ok(report) if report.exit == Exit::Exited(0) => Ok(Ok(())),
        // It mounts but does not work, as without the right extended attributes.
        Ok(_) => Ok(Err(Failure::at(Step::MountOverlay, "/probe", Errno::EIO))),
        Err(SandboxError::Setup(failure)) => Ok(Err(failure)),
        Err(error) => Err(error),
    }
}

/// A layer and a scratch directory; the layer is the payload's, or the caller's where a shift is to
/// be tried.
fn prepare(place: &Path, owner_shift: bool) -> io::Result<()> {
    let lower = place.join("lower");
    fs::create_dir_all(lower.join("removed"))?;
    fs::create_dir(place.join("scratch"))?;
    for file in ["kept", "removed/file"] {
        fs::write(lower.join(file), "content")?;
    }
    let payload = identity::host().map_err(io::Error::other)?;
    if !owner_shift {
        for path in ["", "kept", "removed", "removed/file"] {
            lchown(lower.join(path), Some(payload.uid), Some(payload.gid))?;
        }
    }
    lchown(place.join("scratch"), Some(payload.uid), Some(payload.gid))
}

fn spec(script: &str, mounts: Vec<Mount>) -> Spec {
    let command = Command {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), script.into()],
        env: BTreeMap::new(),
        cwd: "/".into(),
    };
    // Limits that are never met, so that the list says by which means each would hold.
    let limits = Limits {
        wall: Duration::from_secs(10),
        cpu: Some(Duration::from_secs(10)),
        idle: Some(Duration::from_secs(10)),
        memory: Some(1 << 40),
        disk: Some(1 << 40),
        ..Limits::default()
    };
    Spec {
        command,
        mounts,
        limits,
        listen: None,
        services: Vec::new(),
    }
}
