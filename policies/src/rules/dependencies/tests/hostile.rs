//! Manifests that nobody's tool wrote.

use proptest::prelude::*;

use super::*;

const PATHS: [&str; 12] = [
    "Cargo.toml",
    "Cargo.lock",
    "pyproject.toml",
    "uv.lock",
    "setup.cfg",
    "requirements.txt",
    "Pipfile",
    "package.json",
    "package-lock.json",
    "pnpm-lock.yaml",
    "yarn.lock",
    "go.mod",
];

proptest! {
    #[test]
    fn no_text_takes_a_reader_apart(
        lines in proptest::collection::vec("[a-z\\[\\]{}\"'=:@/., \\\\#+-]{0,24}|(  ){0,4}[a-z]+: ?|\\[\\[package\\]\\]|a = \"1\"", 0..12)
    ) {
        let text = lines.join("\n");
        for path in PATHS {
            edit(path, "", &text);
            edit(path, &text, "");
        }
    }
}
