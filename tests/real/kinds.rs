//! What people do to tests, manifests and features, tried on the projects: each kind of change with the
//! verdict that it has to get.

use crate::projects::Change;

/// A kind of change that touches what decides about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A test goes to another file.
    MovedTest,
    /// Product code and the test that says what it does, together.
    ChangedContract,
    /// Product code goes, and its tests with it.
    RemovedFeature,
    /// What steers the test run.
    HarnessEdit,
    /// One more package in a manifest that also steers the tests.
    NewDependency,
    /// One more test.
    AddedTest,
}

impl Kind {
    /// In the order of the table's columns.
    pub(crate) const ALL: [Self; 6] = [
        Self::MovedTest,
        Self::ChangedContract,
        Self::RemovedFeature,
        Self::HarnessEdit,
        Self::NewDependency,
        Self::AddedTest,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::MovedTest => "moved test",
            Self::ChangedContract => "changed contract",
            Self::RemovedFeature => "removed feature",
            Self::HarnessEdit => "harness edit",
            Self::NewDependency => "new dependency",
            Self::AddedTest => "added test",
        }
    }
}

/// One change and what has to be said of it.
#[derive(Debug)]
pub(crate) struct Proposal {
    pub(crate) kind: Kind,
    pub(crate) changes: &'static [Change],
    /// The decision, with its codes in parentheses.
    pub(crate) expected: &'static str,
    /// A class of the verdict's tests, and part of an id that it holds.
    pub(crate) named: Option<(&'static str, &'static str)>,
}

pub(crate) const ITSDANGEROUS: &[Proposal] = &[
    Proposal {
        kind: Kind::MovedTest,
        changes: &[Change::Move {
            from: "tests/test_itsdangerous/test_encoding.py",
            to: "tests/test_itsdangerous/test_text.py",
        }],
        expected: "pass",
        named: None,
    },
    Proposal {
        kind: Kind::ChangedContract,
        changes: &[
            Change::Edit {
                file: "src/itsdangerous/encoding.py",
                old: "        raise BadData(\"Invalid base64-encoded data\") from e\n",
                new: "        raise ValueError(\"Invalid base64-encoded data\") from e\n",
            },
            Change::Edit {
                file: "src/itsdangerous/encoding.py",
                old: "from .exc import BadData\n",
                new: "",
            },
            Change::Edit {
                file: "tests/test_itsdangerous/test_encoding.py",
                old: "    with pytest.raises(BadData):\n",
                new: "    with pytest.raises(ValueError):\n",
            },
            Change::Edit {
                file: "tests/test_itsdangerous/test_encoding.py",
                old: "from itsdangerous.exc import BadData\n",
                new: "",
            },
        ],
        expected: "review (contract-changed)",
        named: Some(("contract", "test_base64_bad")),
    },
    // The tests' module imports what is gone, so that none of the base's tests in it can be asked.
    Proposal {
        kind: Kind::RemovedFeature,
        changes: &[
            Change::Cut {
                file: "src/itsdangerous/signer.py",
                from: "class NoneAlgorithm",
                until: "def _lazy_sha1",
            },
            Change::Edit {
                file: "src/itsdangerous/__init__.py",
                old: "from .signer import NoneAlgorithm as NoneAlgorithm\n",
                new: "",
            },
            Change::Edit {
                file: "tests/test_itsdangerous/test_signer.py",
                old: "from itsdangerous.signer import NoneAlgorithm\n",
                new: "",
            },
            Change::Edit {
                file: "tests/test_itsdangerous/test_signer.py",
                old: "(None, NoneAlgorithm(), HMACAlgorithm(), ",
                new: "(None, HMACAlgorithm(), ",
            },
        ],
        expected: "review (contract-removed, oracle-uncompilable)",
        named: Some(("contract", "test_algorithm")),
    },
    Proposal {
        kind: Kind::HarnessEdit,
        changes: &[Change::Edit {
            file: "pyproject.toml",
            old: "filterwarnings = [\n    \"error\",\n]",
            new: "filterwarnings = [\n    \"error\",\n    \"ignore::ResourceWarning\",\n]",
        }],
        expected: "review (harness-changed)",
        named: None,
    },
    Proposal {
        kind: Kind::NewDependency,
        changes: &[Change::Edit {
            file: "pyproject.toml",
            old: "requires-python = \">=3.8\"\n",
            new: "requires-python = \">=3.8\"\noptional-dependencies = { fast = [\"orjson>=3\"] }\n",
        }],
        expected: "review (new-dependency)",
        named: None,
    },
    Proposal {
        kind: Kind::AddedTest,
        changes: &[Change::Edit {
            file: "tests/test_itsdangerous/test_encoding.py",
            old: "def test_base64_bad():\n",
            new: "def test_base64_has_no_padding():\n    assert base64_encode(\"a\") == b\"YQ\"\n\n\ndef test_base64_bad():\n",
        }],
        expected: "pass",
        named: Some(("added", "test_base64_has_no_padding")),
    },
];

pub(crate) const SEMVER: &[Proposal] = &[
    Proposal {
        kind: Kind::MovedTest,
        changes: &[
            Change::Edit {
                file: "tests/test_identifier.rs",
                old: "\n#[test]\nfn test_prerelease() {\n    let err = prerelease_err(\"1.b\\0\");\n    assert_to_string(err, \"unexpected character in pre-release identifier\");\n}\n",
                new: "",
            },
            Change::Edit {
                file: "tests/test_version.rs",
                old: "#[test]\nfn test_eq() {\n",
                new: "#[test]\nfn test_prerelease() {\n    let err = prerelease_err(\"1.b\\0\");\n    assert_to_string(err, \"unexpected character in pre-release identifier\");\n}\n\n#[test]\nfn test_eq() {\n",
            },
        ],
        expected: "pass",
        named: None,
    },
    Proposal {
        kind: Kind::ChangedContract,
        changes: &[
            Change::Edit {
                file: "src/error.rs",
                old: "empty string, expected a semver version",
                new: "expected a semver version, found nothing",
            },
            Change::Edit {
                file: "tests/test_version.rs",
                old: "empty string, expected a semver version",
                new: "expected a semver version, found nothing",
            },
        ],
        expected: "review (contract-changed)",
        named: Some(("contract", "test_parse")),
    },
    Proposal {
        kind: Kind::RemovedFeature,
        changes: &[
            Change::Cut {
                file: "src/display.rs",
                from: "        let do_len = || -> usize {\n            digits(self.major)",
                until: "        pad(formatter, do_display, do_len)",
            },
            Change::Edit {
                file: "src/display.rs",
                old: "        pad(formatter, do_display, do_len)\n    }\n}\n\nimpl Display for VersionReq {",
                new: "        do_display(formatter)\n    }\n}\n\nimpl Display for VersionReq {",
            },
            Change::Cut {
                file: "tests/test_version.rs",
                from: "#[test]\nfn test_align() {",
                until: "",
            },
        ],
        expected: "review (contract-removed)",
        named: Some(("contract", "test_align")),
    },
    Proposal {
        kind: Kind::HarnessEdit,
        changes: &[Change::Edit {
            file: "Cargo.toml",
            old: "[features]\n",
            new: "[profile.test]\noverflow-checks = false\n\n[features]\n",
        }],
        expected: "review (harness-changed)",
        named: None,
    },
    // The test that comes with it needs it; the base's manifest does not take it away.
    Proposal {
        kind: Kind::NewDependency,
        changes: &[
            Change::Edit {
                file: "Cargo.toml",
                old: "[features]\n",
                new: "[dev-dependencies]\nserde_core = { version = \"1.0.220\", default-features = false }\n\n[features]\n",
            },
            Change::Edit {
                file: "tests/test_autotrait.rs",
                old: "#[test]\nfn test() {\n",
                new: "#[test]\nfn test_owned() {\n    fn assert_owned<T: 'static>() {}\n    assert_owned::<serde_core::de::IgnoredAny>();\n    assert_owned::<semver::Version>();\n}\n\n#[test]\nfn test() {\n",
            },
        ],
        expected: "pass",
        named: Some(("added", "test_owned")),
    },
    Proposal {
        kind: Kind::AddedTest,
        changes: &[Change::Edit {
            file: "tests/test_version.rs",
            old: "#[test]\nfn test_eq() {\n",
            new: "#[test]\nfn test_parse_and_display() {\n    assert_to_string(version(\"1.2.3-rc.1+5\"), \"1.2.3-rc.1+5\");\n}\n\n#[test]\nfn test_eq() {\n",
        }],
        expected: "pass",
        named: Some(("added", "test_parse_and_display")),
    },
];

/// The tests of `src/ascii_set.rs`, which stand in its last module.
const REMOVED_COMPLEMENT: &[Change] = &[
    Change::Edit {
        file: "src/ascii_set.rs",
        old: "\n    /// Return the negation of the set.\n    pub const fn complement(&self) -> Self {\n        let mask = [!self.mask[0], !self.mask[1], !self.mask[2], !self.mask[3]];\n        Self { mask }\n    }\n",
        new: "",
    },
    Change::Cut {
        file: "src/ascii_set.rs",
        from: "impl ops::Not for AsciiSet {",
        until: "/// The set of 0x00",
    },
    Change::Cut {
        file: "src/ascii_set.rs",
        from: "    #[test]\n    fn not_op() {",
        until: "    /// This test ensures that we can get the union",
    },
    Change::Edit {
        file: "src/ascii_set.rs",
        old: "\n    /// This test ensures that we can get the complement of a set as a constant value, which is\n    /// useful for defining sets in a modular way.\n    #[test]\n    fn complement() {\n        const BOTH: AsciiSet = AsciiSet::EMPTY.add(b'A').add(b'B');\n        const COMPLEMENT: AsciiSet = BOTH.complement();\n        assert!(!COMPLEMENT.contains(b'A'));\n        assert!(!COMPLEMENT.contains(b'B'));\n        assert!(COMPLEMENT.contains(b'C'));\n    }\n",
        new: "",
    },
];

pub(crate) const PERCENT_ENCODING: &[Proposal] = &[
    // A module in braces becomes a file.
    Proposal {
        kind: Kind::MovedTest,
        changes: &[
            Change::Cut {
                file: "src/ascii_set.rs",
                from: "#[cfg(test)]\nmod tests {",
                until: "",
            },
            Change::Append {
                file: "src/ascii_set.rs",
                text: "#[cfg(test)]\nmod tests;\n",
            },
            Change::Add {
                file: "src/ascii_set/tests.rs",
                text: "use super::*;\n\n#[test]\nfn add_op() {\n    let left = AsciiSet::EMPTY.add(b'A');\n    let right = AsciiSet::EMPTY.add(b'B');\n    let expected = AsciiSet::EMPTY.add(b'A').add(b'B');\n    assert_eq!(left + right, expected);\n}\n\n#[test]\nfn not_op() {\n    let set = AsciiSet::EMPTY.add(b'A').add(b'B');\n    let not_set = !set;\n    assert!(!not_set.contains(b'A'));\n    assert!(not_set.contains(b'C'));\n}\n\n#[test]\nfn union() {\n    const A: AsciiSet = AsciiSet::EMPTY.add(b'A');\n    const B: AsciiSet = AsciiSet::EMPTY.add(b'B');\n    const UNION: AsciiSet = A.union(B);\n    const EXPECTED: AsciiSet = AsciiSet::EMPTY.add(b'A').add(b'B');\n    assert_eq!(UNION, EXPECTED);\n}\n\n#[test]\nfn complement() {\n    const BOTH: AsciiSet = AsciiSet::EMPTY.add(b'A').add(b'B');\n    const COMPLEMENT: AsciiSet = BOTH.complement();\n    assert!(!COMPLEMENT.contains(b'A'));\n    assert!(!COMPLEMENT.contains(b'B'));\n    assert!(COMPLEMENT.contains(b'C'));\n}\n",
            },
        ],
        expected: "pass",
        named: None,
    },
    Proposal {
        kind: Kind::ChangedContract,
        changes: &[
            Change::Edit {
                file: "src/ascii_set.rs",
                old: "        !0_u32, // C0: 0x00 to 0x1F (32 bits set)\n",
                new: "        !1_u32, // C0: 0x01 to 0x1F (31 bits set)\n",
            },
            Change::Edit {
                file: "src/ascii_set.rs",
                old: "    CONTROLS.contains(0x00),\n",
                new: "    !CONTROLS.contains(0x00),\n",
            },
            Change::Edit {
                file: "src/lib.rs",
                old: "String::from(\"%00%01%02%03\")",
                new: "String::from(\"\\0%01%02%03\")",
            },
        ],
        expected: "review (contract-changed)",
        named: Some(("contract", "percent_encode_collect")),
    },
    // All tests of the module stand in one item that does not compile without what is gone.
    Proposal {
        kind: Kind::RemovedFeature,
        changes: REMOVED_COMPLEMENT,
        expected: "review (contract-removed, oracle-uncompilable)",
        named: Some(("contract", "complement")),
    },
    Proposal {
        kind: Kind::HarnessEdit,
        changes: &[Change::Edit {
            file: "Cargo.toml",
            old: "[features]\n",
            new: "[lints.rust]\nunused = \"allow\"\n\n[features]\n",
        }],
        expected: "review (harness-changed)",
        named: None,
    },
    // A package of the same repository, so that nothing has to be fetched.
    Proposal {
        kind: Kind::NewDependency,
        changes: &[
            Change::Edit {
                file: "Cargo.toml",
                old: "[features]\n",
                new: "[dependencies.hex-digits]\npath = \"hex-digits\"\n\n[features]\n",
            },
            Change::Edit {
                file: "Cargo.lock",
                old: "[[package]]\nname = \"percent-encoding\"\nversion = \"2.3.2\"\n",
                new: "[[package]]\nname = \"hex-digits\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"percent-encoding\"\nversion = \"2.3.2\"\ndependencies = [\n \"hex-digits\",\n]\n",
            },
            Change::Add {
                file: "hex-digits/Cargo.toml",
                text: "[package]\nname = \"hex-digits\"\nversion = \"0.1.0\"\nedition = \"2018\"\n",
            },
            Change::Add {
                file: "hex-digits/src/lib.rs",
                text: "#![no_std]\n//! What two digits are worth.\n\n/// Of the higher one and the lower one.\npub const fn value(high: u8, low: u8) -> u8 {\n    high * 0x10 + low\n}\n",
            },
            Change::Edit {
                file: "src/lib.rs",
                old: "    Some(h as u8 * 0x10 + l as u8)",
                new: "    Some(hex_digits::value(h as u8, l as u8))",
            },
        ],
        expected: "pass",
        named: None,
    },
    Proposal {
        kind: Kind::AddedTest,
        changes: &[Change::Edit {
            file: "src/lib.rs",
            old: "    #[test]\n    fn percent_decode_str() {\n",
            new: "    #[test]\n    fn percent_decode_leaves_a_lone_sign() {\n        let decoded = super::percent_decode(b\"100%\");\n        assert_eq!(decoded.collect::<Vec<u8>>(), b\"100%\");\n    }\n\n    #[test]\n    fn percent_decode_str() {\n",
        }],
        expected: "pass",
        named: Some(("added", "percent_decode_leaves_a_lone_sign")),
    },
];

pub(crate) const PROCESS_WARNING: &[Proposal] = &[
    Proposal {
        kind: Kind::MovedTest,
        changes: &[
            Change::Edit {
                file: "test/emit-once-only.test.js",
                old: "require('..')",
                new: "require('../..')",
            },
            Change::Edit {
                file: "test/emit-once-only.test.js",
                old: "require('./promise')",
                new: "require('../promise')",
            },
            Change::Move {
                from: "test/emit-once-only.test.js",
                to: "test/emit/once-only.test.js",
            },
        ],
        expected: "pass",
        named: None,
    },
    Proposal {
        kind: Kind::ChangedContract,
        changes: &[
            Change::Edit {
                file: "index.js",
                old: "Warning name must not be empty",
                new: "Warning has no name",
            },
            Change::Edit {
                file: "test/index.test.js",
                old: "Warning name must not be empty",
                new: "Warning has no name",
            },
        ],
        expected: "review (contract-changed)",
        named: Some(("contract", "Should throw when error code has no name")),
    },
    Proposal {
        kind: Kind::RemovedFeature,
        changes: &[
            Change::Cut {
                file: "index.js",
                from: "/**\n * Spy a warning item.",
                until: "/**\n * Creates a deprecation warning item.",
            },
            Change::Edit {
                file: "index.js",
                old: "const out = { createWarning, createDeprecation, spyWarning }",
                new: "const out = { createWarning, createDeprecation }",
            },
            Change::Remove {
                file: "test/spy-warning.test.js",
            },
        ],
        expected: "review (contract-removed)",
        named: Some(("contract", "spy")),
    },
    Proposal {
        kind: Kind::HarnessEdit,
        changes: &[Change::Edit {
            file: "package.json",
            old: "\"test:unit\": \"c8 --100 node --test\"",
            new: "\"test:unit\": \"node --test\"",
        }],
        expected: "review (harness-changed)",
        named: None,
    },
    Proposal {
        kind: Kind::NewDependency,
        changes: &[Change::Edit {
            file: "package.json",
            old: "    \"benchmark\": \"^2.1.4\",\n",
            new: "    \"autocannon\": \"^8.0.0\",\n    \"benchmark\": \"^2.1.4\",\n",
        }],
        expected: "review (new-dependency)",
        named: None,
    },
    Proposal {
        kind: Kind::AddedTest,
        changes: &[Change::Add {
            file: "test/emit-upper-case.test.js",
            text: "'use strict'\n\nconst { test } = require('node:test')\nconst { createWarning } = require('..')\n\ntest('a code is in upper case', t => {\n  const warn = createWarning({ name: 'TestWarning', code: 'code', message: 'hi' })\n  t.assert.strictEqual(warn.code, 'CODE')\n})\n",
        }],
        expected: "pass",
        named: Some(("added", "a code is in upper case")),
    },
];
