//! The projects, each at one version, so that the edits below fit: what is changed, and which test
//! has to be named.

use std::fs;
use std::path::Path;

use crate::kinds::{self, Proposal};

/// Where a project comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Registry {
    /// Python's package index; these packages are needed beside pytest.
    Python(&'static [&'static str]),
    /// Rust's.
    Crates,
    /// Node's.
    Npm,
}

/// A change to a project.
#[derive(Debug)]
pub(crate) enum Change {
    /// Text that stands once in a file is replaced.
    Edit {
        file: &'static str,
        old: &'static str,
        new: &'static str,
    },
    /// Text goes from where this stands, once, until that next stands, or to the end for the empty text.
    Cut {
        file: &'static str,
        from: &'static str,
        until: &'static str,
    },
    /// A file gets more text at its end.
    Append {
        file: &'static str,
        text: &'static str,
    },
    /// A file comes into being, its directories included.
    Add {
        file: &'static str,
        text: &'static str,
    },
    /// A file goes to another place.
    Move {
        from: &'static str,
        to: &'static str,
    },
    /// A file is removed.
    Remove { file: &'static str },
}

impl Change {
    /// Makes the change in a directory.
    pub(crate) fn apply(&self, root: &Path) {
        match *self {
            Self::Edit { file, old, new } => rewrite(root, file, old, |at, text| {
                format!("{}{new}{}", &text[..at], &text[at + old.len()..])
            }),
            Self::Cut { file, from, until } => rewrite(root, file, from, |at, text| {
                let rest = match until {
                    "" => "",
                    until => &text[at + text[at..].find(until).expect("the end stands there")..],
                };
                format!("{}{rest}", &text[..at])
            }),
            Self::Append { file, text } => rewrite(root, file, "", |_, old| format!("{old}{text}")),
            Self::Add { file, text } => {
                let path = root.join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            Self::Move { from, to } => {
                let to = root.join(to);
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                fs::rename(root.join(from), to).unwrap();
            }
            Self::Remove { file } => fs::remove_file(root.join(file)).unwrap(),
        }
    }
}

/// Writes a file anew, given where the mark stands in it, which has to be one place.
fn rewrite(root: &Path, file: &str, mark: &str, new: impl FnOnce(usize, &str) -> String) {
    let path = root.join(file);
    let text = fs::read_to_string(&path).unwrap();
    let times = if mark.is_empty() {
        1
    } else {
        text.matches(mark).count()
    };
    assert_eq!(times, 1, "{file} holds {mark:?} once");
    let at = text.find(mark).unwrap_or_default();
    fs::write(path, new(at, &text)).unwrap();
}

/// A project and what is tried on it.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) registry: Registry,
    pub(crate) framework: &'static str,
    /// Runs the tests, plainly and in the policy.
    pub(crate) command: &'static [&'static str],
    /// Lines of the policy's table `[sandbox]`.
    pub(crate) sandbox: &'static str,
    /// Made before the base is committed.
    pub(crate) before: &'static [Change],
    pub(crate) honest: Change,
    pub(crate) regression: Change,
    /// Part of the id of a test that the regression breaks.
    pub(crate) regressed: &'static str,
    pub(crate) deletion: Change,
    /// Part of the id of the deleted test.
    pub(crate) vanished: &'static str,
    /// What else is tried, each with its verdict.
    pub(crate) proposals: &'static [Proposal],
}

pub(crate) const PROJECTS: &[Project] = &[
    // src layout: the tests import the package from the tree.
    Project {
        name: "itsdangerous",
        version: "2.2.0",
        registry: Registry::Python(&["freezegun==1.5.5"]),
        framework: "pytest",
        command: &["python", "-m", "pytest", "-q"],
        sandbox: "toolchains = [\"python\"]\nenv = { PYTHONPATH = \"/sandbox/tree/src\" }",
        before: &[],
        honest: Change::Edit {
            file: "src/itsdangerous/encoding.py",
            old: "    string += b\"=\" * (-len(string) % 4)\n",
            new: "    padding = -len(string) % 4\n    string += b\"=\" * padding\n",
        },
        regression: Change::Edit {
            file: "src/itsdangerous/encoding.py",
            old: ".lstrip(b\"\\x00\")",
            new: ".lstrip(b\"\\x00\\xc0\")",
        },
        regressed: "test_int_bytes",
        deletion: Change::Edit {
            file: "tests/test_itsdangerous/test_encoding.py",
            old: "def test_base64_bad():\n    with pytest.raises(BadData):\n        base64_decode(\"12345\")\n\n\n",
            new: "",
        },
        vanished: "test_base64_bad",
        proposals: kinds::ITSDANGEROUS,
    },
    // The tests stand inside the package.
    Project {
        name: "toolz",
        version: "1.2.0",
        registry: Registry::Python(&[]),
        framework: "pytest",
        command: &["python", "-m", "pytest", "-q"],
        sandbox: "toolchains = [\"python\"]",
        before: &[],
        honest: Change::Edit {
            file: "toolz/itertoolz.py",
            old: "itertools.islice(seq, 0, None, n)",
            new: "itertools.islice(seq, None, None, n)",
        },
        regression: Change::Edit {
            file: "toolz/itertoolz.py",
            old: "itertools.islice(seq, 0, None, n)",
            new: "itertools.islice(seq, 1, None, n)",
        },
        regressed: "test_take_nth",
        deletion: Change::Edit {
            file: "toolz/tests/test_itertoolz.py",
            old: "def test_drop():\n    assert list(drop(3, 'ABCDE')) == list('DE')\n    assert list(drop(1, (3, 2, 1))) == list((2, 1))\n\n\n",
            new: "",
        },
        vanished: "test_drop",
        proposals: &[],
    },
    // The tests stand in files of their own. The benchmarks are left out, and what they alone need.
    Project {
        name: "semver",
        version: "1.0.28",
        registry: Registry::Crates,
        framework: "cargo-test",
        command: &["cargo", "test", "--offline"],
        sandbox: "toolchains = [\"rust\", \"cc\"]",
        before: &[
            Change::Edit {
                file: "Cargo.toml",
                old: "[target.\"cfg(not(miri))\".dev-dependencies.criterion]\nversion = \"0.8\"\ndefault-features = false\n",
                new: "",
            },
            Change::Edit {
                file: "Cargo.toml",
                old: "[[bench]]\nname = \"parse\"\npath = \"benches/parse.rs\"\nharness = false\n",
                new: "",
            },
        ],
        honest: Change::Edit {
            file: "src/eval.rs",
            old: "    for cmp in &req.comparators {\n        if !matches_impl(cmp, ver) {\n            return false;\n        }\n    }\n\n    if ver.pre",
            new: "    if !req.comparators.iter().all(|cmp| matches_impl(cmp, ver)) {\n        return false;\n    }\n\n    if ver.pre",
        },
        regression: Change::Edit {
            file: "src/eval.rs",
            old: "Op::LessEq => matches_exact(cmp, ver) || matches_less(cmp, ver)",
            new: "Op::LessEq => matches_less(cmp, ver)",
        },
        regressed: "test_less_than",
        deletion: Change::Edit {
            file: "tests/test_version_req.rs",
            old: "#[test]\npub fn test_any() {\n    let ref r = VersionReq::STAR;\n    assert_match_all(r, &[\"0.0.1\", \"0.1.0\", \"1.0.0\"]);\n}\n\n",
            new: "",
        },
        vanished: "test_any",
        proposals: kinds::SEMVER,
    },
    // The tests stand in the source, most of what is documented is a doctest.
    Project {
        name: "percent-encoding",
        version: "2.3.2",
        registry: Registry::Crates,
        framework: "cargo-test",
        command: &["cargo", "test", "--offline"],
        sandbox: "toolchains = [\"rust\", \"cc\"]",
        before: &[],
        honest: Change::Edit {
            file: "src/lib.rs",
            old: "    Some(h as u8 * 0x10 + l as u8)",
            new: "    let value = h * 0x10 + l;\n    Some(value as u8)",
        },
        regression: Change::Edit {
            file: "src/lib.rs",
            old: "h as u8 * 0x10 + l as u8",
            new: "h as u8 * 0x10 + l as u8 / 2",
        },
        regressed: "percent_decode",
        deletion: Change::Edit {
            file: "src/lib.rs",
            old: "    #[test]\n    fn percent_decode_collect() {\n        let decoded = super::percent_decode(b\"foo%20bar%3f\");\n        assert_eq!(decoded.collect::<Vec<u8>>(), b\"foo bar?\");\n    }\n\n",
            new: "",
        },
        vanished: "percent_decode_collect",
        proposals: kinds::PERCENT_ENCODING,
    },
    // Tests that start processes of their own.
    Project {
        name: "process-warning",
        version: "5.1.1",
        registry: Registry::Npm,
        framework: "node-test",
        command: &["node", "--test"],
        sandbox: "toolchains = [\"node\"]",
        before: &[],
        honest: Change::Edit {
            file: "index.js",
            old: "  code = code.toUpperCase()\n",
            new: "  code = String(code).toUpperCase()\n",
        },
        regression: Change::Edit {
            file: "index.js",
            old: "if (warning.emitted === true && warning.unlimited !== true) {",
            new: "if (warning.emitted === true && warning.unlimited === true) {",
        },
        regressed: "emit should emit a given code only once",
        deletion: Change::Remove {
            file: "test/emit-reset.test.js",
        },
        vanished: "a limited warning can be re-set",
        proposals: kinds::PROCESS_WARNING,
    },
];
