//! What counts as a new dependency, file by file; most rows are honest.

use super::super::examples::{change, said};
use super::super::texts::changed;
use super::*;

type Files<'a> = &'a [(&'a str, Option<&'a str>, Option<&'a str>)];

/// The one door: a change, and what else the base has; gives `path:line: message`.
fn found(files: Files<'_>, base: &[(&str, &str)]) -> Vec<String> {
    let (change, sides) = change(files);
    let base: Vec<(RepoPath, &str)> = base
        .iter()
        .map(|(path, text)| ((*path).into(), *text))
        .collect();
    let known: Vec<Known<'_>> = base.iter().map(|(path, text)| (path, *text)).collect();
    said(&inspect(
        &changed(&change, &sides),
        &known,
        FindingLevel::Review,
    ))
}

fn edit(path: &str, before: &str, after: &str) -> Vec<String> {
    found(&[(path, Some(before), Some(after))], &[])
}

#[test]
fn manifests_bring_dependencies_by_name_and_by_place() {
    for (path, before, after, expected) in [
        // Cargo
        (
            "Cargo.toml",
            "[dependencies]\na = \"1\"\n",
            "[dependencies]\na = \"2\"\n",
            "",
        ),
        (
            "Cargo.toml",
            "[dependencies]\na = \"1\"\n",
            "[dependencies]\na = \"1\"\nb = \"1\"\n",
            "Cargo.toml:3: `b` is a new dependency",
        ),
        (
            "Cargo.toml",
            "[dependencies]\na = \"1\"\n",
            "[dev-dependencies]\na = { version = \"1\", features = [\"x\"] }\n",
            "",
        ),
        (
            "Cargo.toml",
            "[dependencies]\na = \"1\"\n",
            "[dependencies]\na = { git = \"https://x/a\", rev = \"1\" }\n",
            "Cargo.toml:2: `a` comes from git https://x/a now",
        ),
        (
            "Cargo.toml",
            "[dependencies]\na = { git = \"https://x/a\", rev = \"1\" }\n",
            "[dependencies]\na = { git = \"https://x/a\", rev = \"2\" }\n",
            "",
        ),
        (
            "Cargo.toml",
            "[dependencies]\na = \"1\"\n",
            "[dependencies]\na = { path = \"vendored/a\" }\n",
            "Cargo.toml:2: `a` comes from this repository now",
        ),
        (
            "p/Cargo.toml",
            "",
            "[dependencies]\nb = { path = \"../b\" }\n",
            "",
        ),
        (
            "p/Cargo.toml",
            "",
            "[dependencies]\nb = { path = \"../../b\" }\n",
            "p/Cargo.toml:2: `b` is a new dependency, from the path ../../b, outside of the repository",
        ),
        (
            "Cargo.toml",
            "",
            "[workspace.dependencies]\nserde_jsom = \"1\"\n",
            "Cargo.toml:2: `serde_jsom` is a new dependency; its name looks like `serde_json`",
        ),
        (
            "Cargo.toml",
            "",
            "[target.'cfg(unix)'.build-dependencies]\nc = { package = \"cc\", version = \"1\" }\n",
            "Cargo.toml:2: `cc` is a new dependency",
        ),
        (
            "Cargo.toml",
            "[workspace.dependencies]\na = \"1\"\n",
            "[workspace.dependencies]\na = \"1\"\n[dependencies]\na.workspace = true\n",
            "",
        ),
        (
            "Cargo.toml",
            "[dependencies]\na = \"1\"\n",
            "[dependencies]\na = \"1\"\n[patch.crates-io]\na = { path = \"x\" }\n",
            "Cargo.toml:4: a is replaced by the path x",
        ),
        (
            "Cargo.toml",
            "[dependencies]\na = \"1\"\n",
            "[dependencies]\na = { version = \"1\", registry = \"mine\" }\n",
            "Cargo.toml:2: `a` comes from the registry mine now",
        ),
        (
            "Cargo.toml",
            "[package]\nname = \"a\"\n",
            "[package]\nname = \"b\"\ndescription = \"c = 1\"\n",
            "",
        ),
        (
            "Cargo.toml",
            "[dependencies]\n",
            "[dependencies\n",
            "Cargo.toml: cannot be read, so nobody knows which dependencies it brings",
        ),
        // Python
        (
            "pyproject.toml",
            "[project]\ndependencies = [\"a>=1\"]\n",
            "[project]\ndependencies = [\"A[x]>=2; python_version > '3'\"]\n",
            "",
        ),
        (
            "pyproject.toml",
            "[project]\ndependencies = [\"a\"]\n",
            "[project]\ndependencies = [\"a\", \"reqeusts\"]\n",
            "pyproject.toml:2: `reqeusts` is a new dependency; its name looks like `requests`",
        ),
        (
            "pyproject.toml",
            "[project]\nname = \"me\"\n",
            "[project]\nname = \"me\"\n[project.optional-dependencies]\nall = [\"me[x]\"]\n",
            "",
        ),
        (
            "pyproject.toml",
            "",
            "[dependency-groups]\ndev = [\"ruff\"]\n",
            "pyproject.toml:2: `ruff` is a new dependency",
        ),
        (
            "pyproject.toml",
            "",
            "[build-system]\nrequires = [\"hatchling\"]\n",
            "pyproject.toml:2: `hatchling` is a new dependency",
        ),
        (
            "pyproject.toml",
            "[project]\ndependencies = [\"a\"]\n",
            "[project]\ndependencies = [\"a @ git+https://x/a@main\"]\n",
            "pyproject.toml:2: `a` comes from git https://x/a@main now",
        ),
        (
            "pyproject.toml",
            "[project]\ndependencies = [\"a\"]\n",
            "[project]\ndependencies = [\"a\"]\n[tool.uv.sources]\na = { url = \"https://x/a.whl\" }\n",
            "pyproject.toml:4: `a` comes from https://x/a.whl now",
        ),
        (
            "pyproject.toml",
            "[project]\ndependencies = [\"a\"]\n",
            "[project]\ndependencies = [\"a\"]\n[[tool.uv.index]]\nurl = \"https://x/simple\"\n",
            "pyproject.toml:4: packages can come from https://x/simple",
        ),
        (
            "pyproject.toml",
            "[tool.poetry.dependencies]\npython = \"3\"\na = \"1\"\n",
            "[tool.poetry.dependencies]\npython = \"4\"\na = \"2\"\n",
            "",
        ),
        (
            "pyproject.toml",
            "",
            "[tool.poetry.group.dev.dependencies]\nblack = \"1\"\n",
            "pyproject.toml:2: `black` is a new dependency",
        ),
        (
            "pyproject.toml",
            "[tool.ruff]\nx = 1\n",
            "[tool.ruff]\nx = [\"flask\"]\n",
            "",
        ),
        (
            "requirements-dev.txt",
            "a==1\n",
            "# why\na==2 --hash=sha256:x\n-r other.txt\n",
            "",
        ),
        (
            "requirements/base.txt",
            "a\n",
            "a\n\nb_c>=1 # x\n",
            "requirements/base.txt:3: `b-c` is a new dependency",
        ),
        (
            "requirements.txt",
            "a\n",
            "--extra-index-url https://x\na\n",
            "requirements.txt:1: packages can come from elsewhere: --extra-index-url https://x",
        ),
        (
            "requirements.txt",
            "a\n",
            "-e git+https://x/b#egg=b\na\n",
            "requirements.txt:1: `b` is a new dependency, from git https://x/b",
        ),
        ("requirements.txt", "a\n", "-e .\na\n", ""),
        (
            "setup.cfg",
            "[options]\ninstall_requires =\n  a\n",
            "[options]\npython_requires = >=3\ninstall_requires =\n  a>=2\n  b\n",
            "setup.cfg:5: `b` is a new dependency",
        ),
        (
            "setup.py",
            "setup(install_requires=['a>=1'])\n",
            "setup(\n    install_requires=['a>=2', 'b'],\n    name='c',\n    extras_require={'d': [\"e\"]})\n",
            "setup.py:2: `b` is a new dependency|setup.py:4: `e` is a new dependency",
        ),
        (
            "setup.py",
            "requires = ['a']\n",
            "requires = ['a']\nsetup(python_requires='>=3', install_requires=requires)\n",
            "",
        ),
        ("docs/notes.txt", "", "flask\n", ""),
        // npm
        (
            "package.json",
            r#"{"dependencies":{"a":"^1"}}"#,
            r#"{"devDependencies":{"a":"^2"}}"#,
            "",
        ),
        (
            "package.json",
            "{}",
            r#"{"peerDependencies":{"expres":"^1"}}"#,
            "package.json:1: `expres` is a new dependency; its name looks like `express`",
        ),
        (
            "package.json",
            r#"{"dependencies":{"a":"^1"}}"#,
            r#"{"dependencies":{"a":"me/a#1"}}"#,
            "package.json:1: `a` comes from git github:me/a now",
        ),
        (
            "package.json",
            r#"{"dependencies":{"a":"^1"}}"#,
            r#"{"dependencies":{"a":"https://x/a.tgz"}}"#,
            "package.json:1: `a` comes from https://x/a.tgz now",
        ),
        (
            "package.json",
            "{}",
            r#"{"dependencies":{"b":"workspace:*","c":"file:../../c"}}"#,
            "package.json:1: `c` is a new dependency, from the path ../../c, outside of the repository",
        ),
        (
            "package.json",
            r#"{"dependencies":{"a":"^1"}}"#,
            r#"{"dependencies":{"a":"^1"},"overrides":{"a":{".":"2","a@1":"3"}}}"#,
            "",
        ),
        (
            "package.json",
            r#"{"dependencies":{"a":"^1"}}"#,
            r#"{"dependencies":{"a":"npm:@evil/a@1"}}"#,
            "package.json:1: `@evil/a` is a new dependency",
        ),
        (
            "package.json",
            "{}",
            r#"{"resolutions":{"x/**/y":"1"}}"#,
            "package.json:1: `y` is a new dependency",
        ),
        (
            "package.json",
            r#"{"scripts":{}}"#,
            r#"{"scripts":{"a":"b"},"engines":{"node":"20"}}"#,
            "",
        ),
        // Go
        (
            "go.mod",
            "require a.org/b v1.0.0\n",
            "require a.org/b v1.1.0\n",
            "",
        ),
        (
            "go.mod",
            "require a.org/b v1.0.0\n",
            "require (\n\ta.org/b v1.0.0\n\ta.org/other v1.0.0\n)\n",
            "go.mod:3: `a.org/other` is a new dependency",
        ),
        (
            "go.mod",
            "require a.org/b v1.0.0\n",
            "require a.org/b v1.1.0\nrequire a.org/third v1.0.0 // indirect\n",
            "",
        ),
        (
            "go.mod",
            "require a.org/b v1.0.0\n",
            "require a.org/b v1.0.0\nrequire a.org/third v1.0.0 // indirect\n",
            "go.mod:2: `a.org/third` is a new dependency",
        ),
        (
            "go.mod",
            "require a.org/b v1.0.0\n",
            "require a.org/b v1.0.0\nreplace a.org/b => ./b\n",
            "go.mod:2: a.org/b => ./b",
        ),
    ] {
        let found = edit(path, before, after);
        let expected: Vec<&str> = expected.split('|').filter(|one| !one.is_empty()).collect();
        assert_eq!(found, expected, "{path}: {after}");
    }
}

fn message(said: &str) -> &str {
    said.split_once(": ").map_or(said, |(_, message)| message)
}

const CARGO: &str = "[[package]]\nname = \"me\"\nversion = \"0.1.0\"\ndependencies = [\"a\"]\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\
    source = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"aa\"\n";
const UV: &str = "[[package]]\nname = \"me\"\nversion = \"1\"\nsource = { editable = \".\" }\n\n[[package]]\nname = \"a\"\nversion = \"1.0\"\n\
    source = { registry = \"https://pypi.org/simple\" }\nwheels = [{ url = \"https://x/a-1.whl\", hash = \"sha256:aa\" }]\n";
const NPM: &str = r#"{"packages":{"":{"dependencies":{"a":"1"}},"node_modules/a":{"version":"1.0.0","resolved":"https://registry.npmjs.org/a/-/a-1.0.0.tgz","integrity":"sha512-aa"}}}"#;
const PNPM: &str = "lockfileVersion: '9.0'\n\npackages:\n\n  a@1.0.0:\n    resolution: {integrity: sha512-aa}\n\nsnapshots:\n\n  a@1.0.0: {}\n";
const YARN: &str = "a@^1.0.0:\n  version \"1.0.0\"\n  resolved \"https://registry.yarnpkg.com/a/-/a-1.0.0.tgz#x\"\n  integrity sha512-aa\n";

#[test]
fn lock_files_say_what_no_manifest_explains() {
    let added = |lock: &str, more: &str| format!("{lock}{more}");
    let cargo_b = "\n[[package]]\nname = \"b\"\nversion = \"1.0.0\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"bb\"\n";
    let uv_b = "\n[[package]]\nname = \"b\"\nversion = \"1.0\"\nsource = { registry = \"https://pypi.org/simple\" }\n";
    let rows = [
        (
            "Cargo.lock",
            CARGO,
            added(CARGO, cargo_b),
            "nothing that changed asks for `b`, which is new in the lock",
        ),
        (
            "Cargo.lock",
            CARGO,
            CARGO.replace("1.0.0\"\nsource", "1.0.1\"\ndependencies = [\"b\"]\nsource") + cargo_b,
            "",
        ),
        (
            "Cargo.lock",
            CARGO,
            CARGO.replace("\"aa\"", "\"cc\""),
            "`a 1.0.0` has another checksum than before",
        ),
        (
            "Cargo.lock",
            CARGO,
            CARGO.replace("1.0.0", "1.0.1").replace("\"aa\"", "\"cc\""),
            "",
        ),
        (
            "Cargo.lock",
            CARGO,
            CARGO.replace(
                "registry+https://github.com/rust-lang/crates.io-index",
                "git+https://x/a?rev=1#1",
            ),
            "`a 1.0.0` comes from git https://x/a now, and no manifest says so",
        ),
        (
            "Cargo.lock",
            CARGO,
            CARGO.replace("1.0.0", "1.0.1").replace(
                "registry+https://github.com/rust-lang/crates.io-index",
                "registry+https://x",
            ),
            "`a` comes from the registry https://x, and no manifest says so",
        ),
        (
            "uv.lock",
            UV,
            added(UV, uv_b),
            "nothing that changed asks for `b`, which is new in the lock",
        ),
        (
            "uv.lock",
            UV,
            UV.replace("1.0", "1.1").replace("sha256:aa", "sha256:cc"),
            "",
        ),
        (
            "uv.lock",
            UV,
            UV.replace("sha256:aa", "sha256:cc"),
            "`a 1.0` has another checksum than before",
        ),
        (
            "uv.lock",
            UV,
            UV.replace(
                "}]",
                "}, { url = \"https://x/a-2.whl\", hash = \"sha256:dd\" }]",
            ),
            "",
        ),
        (
            "uv.lock",
            UV,
            UV.replace("https://pypi.org/simple", "https://x/simple"),
            "`a 1.0` comes from the index https://x/simple now, and no manifest says so",
        ),
        (
            "package-lock.json",
            NPM,
            NPM.replace("registry.npmjs.org", "evil.org"),
            "`a 1.0.0` comes from the host evil.org now, and no manifest says so",
        ),
        (
            "package-lock.json",
            NPM,
            NPM.replace("registry.npmjs.org", "registry.yarnpkg.com"),
            "",
        ),
        (
            "package-lock.json",
            NPM,
            NPM.replace("sha512-aa", "sha512-bb"),
            "`a 1.0.0` has another checksum than before",
        ),
        (
            "package-lock.json",
            NPM,
            NPM.replace("sha512-aa", "sha1-bb"),
            "",
        ),
        (
            "package-lock.json",
            NPM,
            NPM.replace(
                "}}}",
                r#"},"node_modules/a/node_modules/b":{"version":"1"}}}"#,
            ),
            "nothing that changed asks for `b`, which is new in the lock",
        ),
        (
            "pnpm-lock.yaml",
            PNPM,
            PNPM.replace("sha512-aa", "sha512-bb"),
            "`a 1.0.0` has another checksum than before",
        ),
        (
            "pnpm-lock.yaml",
            PNPM,
            PNPM.replace(
                "{integrity: sha512-aa}",
                "{integrity: sha512-aa, tarball: https://evil.org/a.tgz}",
            ),
            "`a 1.0.0` comes from the host evil.org now, and no manifest says so",
        ),
        (
            "pnpm-lock.yaml",
            PNPM,
            PNPM.replace(
                "packages:\n",
                "packages:\n\n  '@s/b@1.0.0(a@1.0.0)':\n    resolution: {integrity: sha512-bb}\n",
            ),
            "nothing that changed asks for `@s/b`, which is new in the lock",
        ),
        (
            "yarn.lock",
            YARN,
            YARN.replace("https://registry.yarnpkg.com", "https://evil.org"),
            "`a 1.0.0` comes from the host evil.org now, and no manifest says so",
        ),
        (
            "yarn.lock",
            YARN,
            YARN.replace("1.0.0", "1.0.1")
                .replace("sha512-aa", "sha512-bb")
                + "  dependencies:\n    b \"^1\"\n\nb@^1:\n  version \"1\"\n",
            "",
        ),
        (
            "yarn.lock",
            YARN,
            added(YARN, "\n\"@s/b@^1\", \"@s/b@^2\":\n  version \"1\"\n"),
            "nothing that changed asks for `@s/b`, which is new in the lock",
        ),
        (
            "go.sum",
            "a.org/b v1.0.0 h1:aa=\n",
            "a.org/b v1.0.0 h1:bb=\n".to_owned(),
            "`a.org/b v1.0.0` has another checksum than before",
        ),
        (
            "go.sum",
            "a.org/b v1.0.0 h1:aa=\n",
            "a.org/b v1.0.0 h1:aa=\na.org/c v1.0.0 h1:cc=\n".to_owned(),
            "",
        ),
    ];
    for (path, before, after, expected) in rows {
        assert_ne!(before, after, "{path}: {expected}");
        let found = edit(path, before, &after);
        let found: Vec<&str> = found.iter().map(|one| message(one)).collect();
        let expected: Vec<&str> = Some(expected)
            .filter(|one| !one.is_empty())
            .into_iter()
            .collect();
        assert_eq!(found, expected, "{path}: {after}");
    }
}

#[test]
fn what_a_manifest_asks_for_is_told_once_and_its_lock_follows() {
    let lock = CARGO.replace("[\"a\"]", "[\"a\", \"b\"]")
        + "\n[[package]]\nname = \"b\"\nversion = \"1.0.0\"\ndependencies = [\"c\"]\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n\
           \n[[package]]\nname = \"c\"\nversion = \"1.0.0\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
    let files: Files<'_> = &[
        ("Cargo.lock", Some(CARGO), Some(&lock)),
        (
            "Cargo.toml",
            Some("[dependencies]\na = \"1\"\n"),
            Some("[dependencies]\na = \"1\"\nb = \"1\"\n"),
        ),
    ];
    assert_eq!(found(files, &[]), ["Cargo.toml:3: `b` is a new dependency"]);
}

#[test]
fn what_the_base_knows_elsewhere_is_not_new() {
    let files: Files<'_> = &[("p/Cargo.toml", None, Some("[dependencies]\na = \"1\"\n"))];
    assert_eq!(found(files, &[("Cargo.lock", CARGO)]), Vec::<String>::new());
    assert_eq!(
        found(files, &[("q/Cargo.toml", "[dependencies]\na = \"2\"\n")]),
        Vec::<String>::new()
    );
    assert_eq!(
        found(files, &[("package.json", r#"{"dependencies":{"a":"1"}}"#)]).len(),
        1
    );
}

#[test]
fn what_is_installed_in_the_tree_speaks_for_itself() {
    assert!(
        found(
            &[(
                "node_modules/a/package.json",
                None,
                Some(r#"{"dependencies":{"b":"1"}}"#)
            )],
            &[]
        )
        .is_empty()
    );
}

mod hostile;
