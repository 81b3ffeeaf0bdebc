//! Listings, the programs on PATH, and what must be found.

use super::Tree;

/// Name, listing, programs, summary.
pub(crate) const CASES: &[(&str, Tree, &[&str], &[&str])] = &[
    (
        "a crate",
        &[
            ("Cargo.toml", "[package]\nname = \"a\""),
            ("src/lib.rs", ""),
        ],
        &[],
        &[
            "step cargo-test-build: cargo test --no-run (warm)",
            "cargo-test [cargo-test]: cargo test",
        ],
    ),
    (
        "a workspace with nextest, clippy and rustfmt in CI",
        &[
            ("Cargo.toml", "[workspace]\nmembers = [\"a\"]"),
            ("a/Cargo.toml", "[package]\nname = \"a\""),
            (".config/nextest.toml", ""),
            (
                ".github/workflows/ci.yml",
                "steps:\n- run: cargo clippy -- -D warnings\n- run: cargo fmt --all --check\n- run: cargo test --all-features\n",
            ),
        ],
        &["cargo-nextest", "cargo-clippy"],
        &[
            "step nextest-build: cargo nextest run --workspace --all-features --no-run (warm)",
            "step clippy-build: cargo clippy --workspace --all-features --all-targets (warm)",
            "nextest [nextest]: cargo nextest run --workspace --all-features",
            "doctests [cargo-test]: cargo test --workspace --all-features --doc (off)",
            "clippy [lint]: cargo clippy --workspace --all-features --all-targets --message-format=json",
            "fmt [lint]: cargo fmt --check (off)",
        ],
    ),
    (
        "nextest that is not installed",
        &[("Cargo.toml", ""), (".config/nextest.toml", "")],
        &[],
        &[
            "step cargo-test-build: cargo test --no-run (warm)",
            "cargo-test [cargo-test]: cargo test",
        ],
    ),
    (
        "pytest by configuration",
        &[
            ("pyproject.toml", "[tool.pytest.ini_options]\n[tool.ruff]"),
            ("tests/test_a.py", ""),
        ],
        &["ruff"],
        &[
            "pytest [pytest]: python -m pytest -q",
            "ruff [lint]: ruff check --output-format=sarif",
        ],
    ),
    (
        "pytest by its test functions, ruff not installed",
        &[
            ("setup.py", ""),
            ("ruff.toml", ""),
            ("tests/test_a.py", "def test_a():\n    assert True\n"),
        ],
        &[],
        &[
            "pytest [pytest]: python -m pytest -q",
            "ruff [lint]: ruff check --output-format=sarif (off)",
        ],
    ),
    (
        "unittest in a directory that is no package",
        &[("setup.py", ""), ("tests/test_a.py", "import unittest\n")],
        &[],
        &["unittest [unittest]: python -m unittest discover -s tests"],
    ),
    (
        "unittest in a package",
        &[
            ("setup.py", ""),
            ("tests/__init__.py", ""),
            ("tests/test_a.py", "import unittest\n"),
        ],
        &[],
        &["unittest [unittest]: python -m unittest discover"],
    ),
    (
        "test files and no manifest",
        &[("test_a.py", "import unittest\n")],
        &[],
        &["unittest [unittest]: python -m unittest discover"],
    ),
    (
        "a uv project with a src layout and pytest in a group of its own",
        &[
            (
                "pyproject.toml",
                "[project]\nname = \"a\"\n[build-system]\nrequires = [\"hatchling\"]\n[dependency-groups]\ntests = [\"pytest>=8\"]\n[tool.mypy]\nfiles = [\"src\"]",
            ),
            ("uv.lock", "[[package]]\nname = \"mypy\"\n"),
            ("src/a/__init__.py", ""),
            ("tests/test_a.py", ""),
        ],
        &["uv"],
        &[
            "step packages: uv sync --frozen --offline --no-install-project --compile-bytecode --group tests",
            "step project: uv sync --frozen --offline --compile-bytecode --group tests",
            "pytest [pytest]: python -m pytest -q",
            "mypy [command]: mypy (optional)",
        ],
    ),
    (
        "a uv application that is not built",
        &[
            ("pyproject.toml", "[project]\nname = \"a\""),
            ("uv.lock", ""),
            ("test_a.py", "import pytest"),
        ],
        &["uv"],
        &[
            "step packages: uv sync --frozen --offline --no-install-project --compile-bytecode",
            "pytest [pytest]: python -m pytest -q",
        ],
    ),
    (
        "a native extension without uv",
        &[
            ("setup.py", "setup(ext_modules=[])"),
            ("tests/test_a.py", "import pytest"),
        ],
        &[],
        &[
            concat!(
                "step environment: python -c import importlib.util, pathlib, sysconfig, venv; env = pathlib.Path('/sandbox/env/venv'); ",
                "venv.create(env, system_site_packages=True, symlinks=True, with_pip=not importlib.util.find_spec('pip')); ",
                "[(site / 'over.pth').write_text(f\"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\\n\") ",
                "for site in env.glob('lib/python*/site-packages')]"
            ),
            "step project: /sandbox/env/venv/bin/python -m pip install --no-index --no-build-isolation --no-deps --editable .",
            "pytest [pytest]: python -m pytest -q",
        ],
    ),
    (
        "node:test with a lock file",
        &[
            (
                "package.json",
                r#"{"scripts": {"test": "node --test test/"}, "devDependencies": {"eslint": "9"}}"#,
            ),
            ("package-lock.json", "{}"),
            ("eslint.config.js", ""),
        ],
        &[],
        &[
            "step node-packages: npm ci --offline --ignore-scripts",
            "node-test [node-test]: node --test test/",
            "eslint [lint]: npx --no-install eslint --format json .",
        ],
    ),
    (
        "node:test without a script and without dependencies",
        &[
            ("package.json", "{}"),
            ("a.test.js", "require('node:test')"),
        ],
        &[],
        &["node-test [node-test]: node --test"],
    ),
    (
        "a script that calls scripts",
        &[(
            "package.json",
            r#"{"scripts": {"test": "npm run lint && npm run unit", "lint": "eslint", "unit": "vitest run"}}"#,
        )],
        &[],
        &["vitest [vitest]: npx --no-install vitest run"],
    ),
    (
        "a script that calls itself",
        &[("package.json", r#"{"scripts": {"test": "npm run test"}}"#)],
        &[],
        &["npm-test [command]: npm test"],
    ),
    (
        "a script with shell syntax",
        &[(
            "package.json",
            r#"{"scripts": {"test": "npm run lint && node --test"}}"#,
        )],
        &[],
        &["node-test [node-test]: node --test"],
    ),
    (
        "vitest with its own words",
        &[(
            "package.json",
            r#"{"scripts": {"test": "vitest --project=unit --pool forks"}}"#,
        )],
        &[],
        &["vitest [vitest]: npx --no-install vitest --project=unit --pool forks"],
    ),
    (
        "jest alone and behind other words",
        &[
            ("a/package.json", r#"{"scripts": {"test": "jest"}}"#),
            (
                "b/package.json",
                r#"{"scripts": {"test": "tsc && A=1 jest --ci"}}"#,
            ),
        ],
        &[],
        &[
            "jest [jest]: npx --no-install jest (in a)",
            "jest-b [jest]: npx --no-install jest (in b)",
        ],
    ),
    (
        "go",
        &[("go.mod", "module a")],
        &["go"],
        &[
            "step go-build: go test -exec true ./... (warm)",
            "go-test [go-test]: go test ./...",
        ],
    ),
    (
        "go that is not installed",
        &[("go.mod", "module a")],
        &[],
        &["go-test [go-test]: go test ./... (off)"],
    ),
    (
        "a Makefile alone",
        &[("Makefile", "all:\n\ntest: all\n\t./run\n")],
        &["make"],
        &["make-test [command]: make test"],
    ),
    (
        "a Makefile without the target",
        &[("Makefile", "test := no\ntests:\n")],
        &["make"],
        &[],
    ),
    (
        "a Makefile beside a crate",
        &[("Makefile", "test:\n"), ("Cargo.toml", "")],
        &["make"],
        &[
            "step cargo-test-build: cargo test --no-run (warm)",
            "cargo-test [cargo-test]: cargo test",
        ],
    ),
    (
        "two crates and a Python package",
        &[
            ("one/Cargo.toml", ""),
            ("two/Cargo.toml", ""),
            ("py/setup.py", ""),
            ("py/test_a.py", "import pytest"),
            ("vendor/three/Cargo.toml", ""),
        ],
        &[],
        &[
            "step cargo-test-build: cargo test --no-run (in one) (warm)",
            "step cargo-test-build-two: cargo test --no-run (in two) (warm)",
            "cargo-test [cargo-test]: cargo test (in one)",
            "cargo-test-two [cargo-test]: cargo test (in two)",
            "pytest [pytest]: python -m pytest -q (in py)",
        ],
    ),
    (
        "a pyproject that only configures a tool of another language",
        &[("pyproject.toml", "[tool.ruff]"), ("Cargo.toml", "")],
        &[],
        &[
            "step cargo-test-build: cargo test --no-run (warm)",
            "cargo-test [cargo-test]: cargo test",
        ],
    ),
    ("nothing", &[("README.md", "")], &[], &[]),
    (
        "broken manifests",
        &[
            ("pyproject.toml", "["),
            ("package.json", "{"),
            ("Cargo.toml", "="),
        ],
        &[],
        &[
            "step cargo-test-build: cargo test --no-run (warm)",
            "cargo-test [cargo-test]: cargo test",
        ],
    ),
];
