//! What a component imports and exports, read from its type: nothing of it runs.

use std::collections::BTreeSet;

use crate::capability::Capability;
use crate::failure::Failure;

/// The version of `passmuster:check` that this host speaks: that of `wit/check.wit`.
pub const INTERFACE: &str = "0.1.0";

const PACKAGE: &str = "passmuster:check/";
/// Interfaces that only hold types: whoever imports them gets nothing.
const TYPES: [&str; 2] = ["types", "change"];

/// An import or export of our package: the interface's name and its version.
struct Own<'a> {
    interface: &'a str,
    version: Option<&'a str>,
}

fn own(name: &str) -> Option<Own<'_>> {
    let rest = name.strip_prefix(PACKAGE)?;
    Some(match rest.split_once('@') {
        Some((interface, version)) => Own {
            interface,
            version: Some(version),
        },
        None => Own {
            interface: rest,
            version: None,
        },
    })
}

/// Whether both mean the same interface by the rules of semantic versions, as the linker takes them: below
/// 1.0 the second number breaks, from 1.0 on the first; a pre-release is only like itself.
fn is_compatible(version: &str) -> bool {
    fn track(version: &str) -> Option<&str> {
        if version.contains(['-', '+']) {
            return Some(version);
        }
        let mut dots = version.match_indices('.').map(|(at, _)| at);
        let (major, minor) = (dots.next()?, dots.next()?);
        version.get(
            ..if version.starts_with("0.") {
                minor
            } else {
                major
            },
        )
    }
    track(version) == track(INTERFACE)
}

/// All names of our package have to be of this version, before anything else is said about them.
fn versions<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), Failure> {
    let foreign = names
        .filter_map(own)
        .find(|own| !own.version.is_some_and(is_compatible));
    match foreign {
        None => Ok(()),
        Some(own) => Err(Failure::WrongVersion {
            built_for: own.version.unwrap_or("without a number").to_owned(),
        }),
    }
}

/// The capabilities that a component with these imports and exports needs.
pub(crate) fn needs<T: AsRef<str>>(
    imports: &[T],
    exports: &[T],
) -> Result<BTreeSet<Capability>, Failure> {
    versions(imports.iter().chain(exports).map(AsRef::as_ref))?;
    let is_checker = |name: &T| own(name.as_ref()).is_some_and(|own| own.interface == "checker");
    if !exports.iter().any(is_checker) {
        return Err(Failure::NoChecker);
    }
    let needed = imports.iter().map(|name| capability(name.as_ref()));
    Ok(needed
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
        .collect())
}

/// The capability behind an import; none for types.
fn capability(import: &str) -> Result<Option<Capability>, Failure> {
    let interface = own(import).map(|own| own.interface);
    if interface.is_some_and(|interface| TYPES.contains(&interface)) {
        return Ok(None);
    }
    match interface.and_then(Capability::of_key) {
        Some(capability) => Ok(Some(capability)),
        None => Err(Failure::UndeclaredImport {
            interface: import.to_owned(),
            hint: hint(import).to_owned(),
        }),
    }
}

fn hint(import: &str) -> &'static str {
    if import.starts_with("wasi:") {
        ". A plugin that is built without WASI has no such import: `wasm32-unknown-unknown` for Rust, \
         `--stub-wasi` for componentize-py, `--disable all` for jco"
    } else if import.starts_with(PACKAGE) {
        ". Build it with the `check.wit` of this runner"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECKER: &[&str] = &["passmuster:check/checker@0.1.0"];

    #[test]
    fn the_version_is_that_of_the_interface_file() {
        let wit = include_str!("../wit/check.wit");
        assert!(wit.contains(&format!("package passmuster:check@{INTERFACE};")));
    }

    #[test]
    fn versions_are_compatible_as_semantic_versions_are() {
        for (version, is) in [
            ("0.1.0", true),
            ("0.1.7", true),
            ("0.2.0", false),
            ("0.0.1", false),
            ("0.10.0", false),
            ("1.1.0", false),
            ("0.1.0-rc", false),
            ("0.1", false),
            ("", false),
        ] {
            assert_eq!(is_compatible(version), is, "{version}");
        }
    }

    #[test]
    fn each_import_is_a_capability_or_refused() {
        let trees = "passmuster:check/trees@0.1.0";
        let types = "passmuster:check/types@0.1.0";
        assert_eq!(needs(&[types], CHECKER), Ok(BTreeSet::new()));
        let both = [Capability::Trees, Capability::Log].into();
        assert_eq!(
            needs(&[types, trees, "passmuster:check/log@0.1.2"], CHECKER),
            Ok(both)
        );
        for undeclared in [
            "wasi:sockets/tcp@0.2.0",
            "wasi:filesystem/types@0.2.3",
            "passmuster:check/http@0.1.0",
            "passmuster:checks/trees@0.1.0",
            "trees",
        ] {
            let refused = needs(&[trees, undeclared], CHECKER);
            let is = matches!(&refused, Err(Failure::UndeclaredImport { interface, .. }) if interface == undeclared);
            assert!(is, "{refused:?}");
        }
    }

    #[test]
    fn another_version_is_told_before_anything_else() {
        for (imports, exports, found) in [
            (&[][..], &["passmuster:check/checker@0.2.0"][..], "0.2.0"),
            (
                &["wasi:io/poll@0.2.0", "passmuster:check/trees@0.0.9"],
                CHECKER,
                "0.0.9",
            ),
            (&["passmuster:check/trees"], CHECKER, "without a number"),
        ] {
            let built_for = found.to_owned();
            assert_eq!(
                needs(imports, exports),
                Err(Failure::WrongVersion { built_for })
            );
        }
        assert_eq!(
            needs::<&str>(&[], &["something:else/checker@0.1.0"]),
            Err(Failure::NoChecker)
        );
    }
}
