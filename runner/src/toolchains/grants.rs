//! What may be granted: small directories, never the home directory, never the repository.

use std::path::{Path, PathBuf};

use super::{Operator, real};

/// Directories that every sandbox has anyway.
const SYSTEM: [&str; 7] = [
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
];

/// Whether every sandbox has this path already, wherever its links lead.
pub fn is_system(path: &Path) -> bool {
    let below = |path: &Path| SYSTEM.iter().any(|dir| path.starts_with(dir));
    below(path) && below(&real(path))
}

/// Whether a grant is the repository, inside it or above it: reason `grant-covers-repository`.
/// Both paths are compared as written and with links resolved.
pub fn covers(grant: &Path, repository: &Path) -> bool {
    let overlap = |a: &Path, b: &Path| a.starts_with(b) || b.starts_with(a);
    overlap(grant, repository) || overlap(&real(grant), &real(repository))
}

/// Whether a grant would show the home directory or the whole system.
pub(super) fn too_wide(grant: &Path, operator: &Operator) -> bool {
    [grant, real(grant).as_path()].into_iter().any(|grant| {
        let holds_home = operator
            .home
            .as_ref()
            .is_some_and(|home| home.starts_with(grant) || real(home).starts_with(grant));
        holds_home || grant.components().count() < 3 && Path::new("/home").starts_with(grant)
    })
}

/// The grants that are needed: sorted, there, not of the system, none below another.
pub(super) fn minimal(mut grants: Vec<PathBuf>) -> Vec<PathBuf> {
    grants.retain(|grant| grant.exists() && !is_system(grant));
    grants.sort();
    let mut kept: Vec<PathBuf> = Vec::new();
    for grant in grants {
        // A link below a granted directory leads elsewhere only if its target is not covered too.
        let covered = |path: &Path| kept.iter().any(|dir| path.starts_with(dir));
        if !covered(&grant) {
            kept.push(grant);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_covers_a_repository_when_either_holds_the_other() {
        for (grant, covered) in [
            ("/srv/code", true),
            ("/srv/code/app", true),
            ("/srv/code/app/.venv", true),
            ("/", true),
            ("/srv/code/application", false),
            ("/opt/python", false),
        ] {
            assert_eq!(
                covers(Path::new(grant), Path::new("/srv/code/app")),
                covered,
                "{grant}"
            );
        }
    }

    #[test]
    fn a_link_into_the_repository_covers_it_too() {
        let dir = tempfile::tempdir().unwrap();
        let repository = dir.path().join("repository");
        std::fs::create_dir_all(repository.join("bin")).unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(repository.join("bin"), &link).unwrap();
        assert!(covers(&link, &repository));
    }

    #[test]
    fn the_home_directory_and_everything_above_it_are_too_wide() {
        let operator = Operator {
            home: Some("/home/ann".into()),
            ..Operator::default()
        };
        for (grant, wide) in [
            ("/", true),
            ("/home", true),
            ("/home/ann", true),
            ("/home/ann/.pyenv/versions/3.12.1", false),
            ("/opt/go", false),
        ] {
            assert_eq!(too_wide(Path::new(grant), &operator), wide, "{grant}");
        }
    }
}
