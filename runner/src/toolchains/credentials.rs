//! The operator's tool configuration without what must stay outside: only known harmless keys are kept.

/// Tables of cargo's configuration that name no secret once the keys in [`clean`] are gone.
/// Not kept: `env` and `credential-alias`, and `paths`, which points outside the sandbox.
const CARGO_TABLES: [&str; 12] = [
    "alias",
    "build",
    "future-incompat-report",
    "http",
    "net",
    "patch",
    "profile",
    "registries",
    "registry",
    "resolver",
    "source",
    "target",
];

/// Keys that hold a secret or name a program or file that is not inside.
const CARGO_SECRETS: [&str; 12] = [
    "token",
    "credential-provider",
    "global-credential-providers",
    "proxy",
    "cainfo",
    "proxy-cainfo",
    "rustc-wrapper",
    "rustc-workspace-wrapper",
    "target-dir",
    "build-dir",
    "ssh",
    "user-agent",
];

/// A cargo configuration without credentials; none when nothing is left or it is not TOML.
pub(super) fn cargo_config(text: &str) -> Option<String> {
    let mut table: toml::Table = text.parse().ok()?;
    table.retain(|key, _| CARGO_TABLES.contains(&key));
    clean(&mut table);
    (!table.is_empty()).then(|| table.to_string())
}

fn clean(table: &mut toml::Table) {
    table.retain(|key, _| !CARGO_SECRETS.contains(&key));
    for (_, value) in table.iter_mut() {
        match value {
            toml::Value::Table(inner) => clean(inner),
            toml::Value::String(text) => *text = without_login(text),
            _ => {}
        }
    }
    table.retain(|_, value| !matches!(value, toml::Value::Table(inner) if inner.is_empty()));
}

/// `.npmrc` lines that are worth keeping: which registry serves which scope, and how to install.
pub(super) fn npmrc(text: &str) -> String {
    const KEPT: [&str; 7] = [
        "registry",
        "legacy-peer-deps",
        "install-strategy",
        "strict-ssl",
        "engine-strict",
        "replace-registry-host",
        "install-links",
    ];
    let kept = text.lines().filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        let key = key.trim();
        let scoped = key.starts_with('@') && key.ends_with(":registry");
        (scoped || KEPT.contains(&key)).then(|| format!("{key}={}\n", without_login(value.trim())))
    });
    kept.collect()
}

/// An address without user name and password.
fn without_login(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let host_end = rest.find('/').unwrap_or(rest.len());
    match rest
        .get(..host_end)
        .and_then(|authority| authority.rfind('@'))
    {
        Some(at) => format!("{scheme}://{}", rest.get(at + 1..).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cargo_configuration_keeps_sources_and_loses_secrets() {
        let text = r#"
            paths = ["/home/ann/secret"]
            [source.crates-io]
            replace-with = "mirror"
            [source.mirror]
            registry = "sparse+https://ann:hunter2@mirror.test/index/"
            [registries.ours]
            index = "https://ours.test/index"
            token = "hunter2"
            [registry]
            token = "hunter2"
            global-credential-providers = ["cargo:token-from-stdout hunter2"]
            [http]
            proxy = "http://ann:hunter2@proxy.test"
            [env]
            KEY = "hunter2"
            [build]
            rustc-wrapper = "sccache"
            jobs = 3
        "#;
        let clean: toml::Table = cargo_config(text).unwrap().parse().unwrap();
        let expected: toml::Table = r#"
            [source.crates-io]
            replace-with = "mirror"
            [source.mirror]
            registry = "sparse+https://mirror.test/index/"
            [registries.ours]
            index = "https://ours.test/index"
            [build]
            jobs = 3
        "#
        .parse()
        .unwrap();
        assert_eq!(clean, expected);
    }

    #[test]
    fn an_npmrc_keeps_registries_and_loses_secrets() {
        let text = "registry=https://ann:hunter2@npm.test/\n//npm.test/:_authToken=hunter2\n_auth=hunter2\n\
                    @ours:registry = https://ours.test/\nproxy=http://ann:hunter2@proxy.test\n; note\n";
        assert_eq!(
            npmrc(text),
            "registry=https://npm.test/\n@ours:registry=https://ours.test/\n"
        );
    }
}
