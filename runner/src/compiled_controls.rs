//! What is planted into the tests of a verification before anything is built: Rust's controls are compiled with the tests.
//!
//! They are made once for a toolchain, outside of every tree, and shown read-only where no prepare step writes. Cargo starts
//! our wrapper in place of rustc for packages of the workspace; prepare steps and checks do so alike, for cargo builds
//! anew what another compiler built. A project that has such a wrapper of its own keeps it, and is not planted into.

use std::path::{Path, PathBuf};

use passmuster_policy::policy::Policy;

use crate::cache::{Cache, CacheError, LayerGuard};
use crate::digest::digest;
use crate::places;
use crate::toolchains::{Name, Operator, Toolchain, rust_controls};

/// Cargo reads the program that it starts in place of rustc from the first; both win over its configuration.
const WRAPPERS: [&str; 2] = [
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
];

/// The key of cargo's configuration that does the same.
const CONFIGURED: &str = "rustc-workspace-wrapper";

/// A directory of the host that runs see read-only.
#[derive(Clone, Debug)]
pub struct CompiledControls {
    layer: LayerGuard,
    /// Where it appears.
    pub(crate) target: PathBuf,
}

impl CompiledControls {
    /// The directory on the host, with the program that has cargo use it.
    pub fn source(&self) -> &Path {
        self.layer.path()
    }

    /// The variable that has cargo use it.
    pub(crate) fn variable(&self) -> (String, String) {
        let wrapper = self.target.join(rust_controls::WRAPPER_NAME);
        (WRAPPERS[0].to_owned(), wrapper.display().to_string())
    }
}

/// What is planted for a policy; nothing where it runs no Rust tests, names a wrapper itself, or the compiler's libtest
/// is not one that we know. `configurations` are the texts of all that cargo may read as its configuration.
pub fn find(
    policy: &Policy,
    toolchains: &[Toolchain],
    operator: &Operator,
    cache: &Cache,
    configurations: &[String],
) -> Result<Option<CompiledControls>, CacheError> {
    let rust = toolchains
        .iter()
        .find(|toolchain| toolchain.name == Name::Rust);
    let wanted = policy.runs_rust_tests() && !has_wrapper(policy, configurations);
    let Some(rust) = rust.filter(|_| wanted) else {
        return Ok(None);
    };
    let key = digest(&rust_controls::identity(rust));
    let layer = match cache.find(&key) {
        Some(layer) => layer,
        None => make(rust, operator, cache, &key)?,
    };
    let name = format!("controls-{}", key.get(..16).unwrap_or_default());
    let target = Path::new(places::ROOT).join(name);
    Ok(rust_controls::is_whole(layer.path()).then_some(CompiledControls { layer, target }))
}

fn make(
    rust: &Toolchain,
    operator: &Operator,
    cache: &Cache,
    key: &str,
) -> Result<LayerGuard, CacheError> {
    let scratch = cache.scratch()?;
    let made = scratch.path().join("made");
    let compiled =
        std::fs::create_dir(&made).and_then(|()| rust_controls::compile(rust, operator, &made));
    compiled.map_err(CacheError::at("compile controls in", &made))?;
    cache.publish(&made, key)
}

fn has_wrapper(policy: &Policy, configurations: &[String]) -> bool {
    let checks = policy.check.iter().map(|check| &check.env);
    let steps = policy.prepare.iter().map(|step| &step.env);
    let mut environments = checks.chain(steps).chain([&policy.sandbox.env]);
    environments.any(|env| WRAPPERS.iter().any(|name| env.contains_key(*name)))
        || configurations.iter().any(|text| text.contains(CONFIGURED))
}

#[cfg(test)]
mod tests {
    use passmuster_policy::policy::parse;

    use super::*;

    const CHECK: &str = "[[check]]\nname = \"t\"\nkind = \"test\"\nframework = \"nextest\"\nrun = [\"cargo\", \"nextest\", \"run\"]\n";

    #[test]
    fn a_project_with_a_wrapper_of_its_own_keeps_it() {
        let own = "RUSTC_WORKSPACE_WRAPPER = \"w\"";
        for (what, policy, configuration, expected) in [
            (
                "none",
                CHECK.to_owned(),
                "[build]\nrustc-wrapper = \"sccache\"\n",
                false,
            ),
            (
                "cargo's configuration",
                CHECK.to_owned(),
                "[build]\nrustc-workspace-wrapper = \"w\"\n",
                true,
            ),
            (
                "all runs",
                format!("[sandbox.env]\n{own}\n{CHECK}"),
                "",
                true,
            ),
            ("one check", format!("{CHECK}env = {{ {own} }}\n"), "", true),
            (
                "a step",
                format!(
                    "{CHECK}[[prepare]]\nname = \"p\"\nrun = [\"cargo\"]\nenv = {{ CARGO_BUILD_{own} }}\n"
                ),
                "",
                true,
            ),
        ] {
            let policy = parse(&format!("version = 1\n{policy}"), "test").unwrap();
            assert_eq!(
                has_wrapper(&policy, &[configuration.to_owned()]),
                expected,
                "{what}"
            );
            assert!(policy.runs_rust_tests(), "{what}");
        }
    }
}
