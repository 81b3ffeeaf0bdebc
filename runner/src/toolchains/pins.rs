//! Pin files: the versions that a tree asks for, as text.

use std::collections::BTreeMap;

/// The pin files of one tree. A pin can only select among installed versions, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pins {
    files: BTreeMap<&'static str, String>,
}

impl Pins {
    /// Files at the root of a tree that pin a version; the rest of the tree is never read.
    pub const FILES: [&'static str; 6] = [
        ".python-version",
        "rust-toolchain.toml",
        "rust-toolchain",
        ".nvmrc",
        ".node-version",
        "go.mod",
    ];

    /// Reads the pin files of a tree through `read`, which gives a file's text or none.
    pub fn read(mut read: impl FnMut(&str) -> Option<String>) -> Self {
        let files = Self::FILES
            .into_iter()
            .filter_map(|file| read(file).map(|text| (file, text)))
            .collect();
        Self { files }
    }

    /// The Python version wanted: the first line of `.python-version` that is not a comment.
    pub(super) fn python(&self) -> Option<Pin> {
        self.line(".python-version", |line| Some(line.to_owned()))
    }

    /// The Node version wanted, without a leading `v`.
    pub(super) fn node(&self) -> Option<Pin> {
        [".nvmrc", ".node-version"]
            .into_iter()
            .find_map(|file| self.line(file, |line| Some(line.trim_start_matches('v').to_owned())))
    }

    /// The channel of `rust-toolchain.toml`, or of `rust-toolchain` in either of its two forms.
    pub(super) fn rust(&self) -> Option<Pin> {
        ["rust-toolchain", "rust-toolchain.toml"]
            .into_iter()
            .find_map(|file| {
                let text = self.files.get(file)?;
                let wanted = channel(text).or_else(|| {
                    (file == "rust-toolchain" && text.trim().lines().count() == 1)
                        .then(|| text.trim().to_owned())
                })?;
                Some(Pin { file, wanted })
            })
    }

    /// The least Go version wanted: the `toolchain` line's, else the `go` line's.
    pub(super) fn go(&self) -> Option<Pin> {
        let least = |key: &'static str| {
            self.line("go.mod", move |line| {
                let (word, version) = line.split_once(char::is_whitespace)?;
                (word == key).then(|| version.trim().trim_start_matches("go").to_owned())
            })
        };
        least("toolchain").or_else(|| least("go"))
    }

    fn line(&self, file: &'static str, read: impl Fn(&str) -> Option<String>) -> Option<Pin> {
        let wanted = self
            .files
            .get(file)?
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .find_map(read)?;
        Some(Pin { file, wanted })
    }
}

fn channel(text: &str) -> Option<String> {
    let table: toml::Table = text.parse().ok()?;
    let toolchain = table.get("toolchain")?;
    // A path toolchain names files, not an installed version: it can never match.
    let wanted = toolchain.get("channel").or_else(|| toolchain.get("path"))?;
    wanted.as_str().map(str::to_owned)
}

/// What one pin file asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pin {
    /// The file.
    pub(super) file: &'static str,
    /// The version, as written.
    pub(super) wanted: String,
}

impl Pin {
    /// The installed version that fits best: the same text, else the newest that starts with it.
    pub(super) fn choose<'a>(&self, installed: &'a [String]) -> Option<&'a String> {
        let exact = installed.iter().find(|version| **version == self.wanted);
        exact.or_else(|| {
            installed
                .iter()
                .filter(|version| self.accepts(version))
                .max_by_key(|version| numbers(version))
        })
    }

    /// Whether a version is the wanted one or a refinement of it (`3.12` accepts `3.12.1`).
    pub(super) fn accepts(&self, version: &str) -> bool {
        version
            .strip_prefix(self.wanted.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
    }
}

/// The leading numbers of a version, for ordering.
pub(super) fn numbers(version: &str) -> Vec<u64> {
    version
        .split(['.', '-', '+'])
        .map_while(|part| part.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pins(file: &str, text: &str) -> Pins {
        Pins::read(|name| (name == file).then(|| text.to_owned()))
    }

    #[test]
    fn each_pin_file_is_read_in_its_own_form() {
        type Read = fn(&Pins) -> Option<Pin>;
        let cases: [(&str, &str, Read, Option<&str>); 10] = [
            (
                ".python-version",
                "# ours\n3.12\n3.11\n",
                Pins::python,
                Some("3.12"),
            ),
            (".python-version", "\n", Pins::python, None),
            (".nvmrc", "v20.1.0\n", Pins::node, Some("20.1.0")),
            (".node-version", "20", Pins::node, Some("20")),
            (
                "rust-toolchain",
                "nightly-2025-01-01\n",
                Pins::rust,
                Some("nightly-2025-01-01"),
            ),
            (
                "rust-toolchain",
                "[toolchain]\nchannel = \"1.95\"\n",
                Pins::rust,
                Some("1.95"),
            ),
            (
                "rust-toolchain.toml",
                "[toolchain]\npath = \"./evil\"\n",
                Pins::rust,
                Some("./evil"),
            ),
            (
                "rust-toolchain.toml",
                "[toolchain]\ncomponents = []\n",
                Pins::rust,
                None,
            ),
            ("go.mod", "module m\n\ngo 1.22\n", Pins::go, Some("1.22")),
            (
                "go.mod",
                "go 1.22\ntoolchain go1.23.4\n",
                Pins::go,
                Some("1.23.4"),
            ),
        ];
        for (file, text, read, wanted) in cases {
            let got = read(&pins(file, text)).map(|pin| pin.wanted);
            assert_eq!(got.as_deref(), wanted, "{file}: {text:?}");
        }
    }

    #[test]
    fn a_pin_takes_the_same_version_else_the_newest_refinement() {
        let installed: Vec<String> = ["3.1.9", "3.12.1", "3.12.10", "3.12.9"]
            .map(String::from)
            .into();
        for (wanted, got) in [
            ("3.12", Some("3.12.10")),
            ("3.12.9", Some("3.12.9")),
            ("3.1", Some("3.1.9")),
            ("3.13", None),
        ] {
            let pin = Pin {
                file: ".python-version",
                wanted: wanted.to_owned(),
            };
            assert_eq!(pin.choose(&installed).map(String::as_str), got, "{wanted}");
        }
    }
}
