//! Files outside of the tree that product code leaves for its next run and asks for.

use super::ProductFile;
use super::lines::{self, Line};

/// Lines within which a file's name, the question for it and its writing have to stand.
const TOGETHER: usize = 14;

/// Where files outlast a run.
const PLACES: &[&str] = &["/tmp/", "/var/tmp", "/dev/shm", "~/."];
const PLACE_WORDS: &[&str] = &[
    "gettempdir",
    "tmpdir",
    "temp_dir",
    "TempDir",
    "expanduser",
    "homedir",
    "home_dir",
    "UserHomeDir",
    "UserCacheDir",
];

const ASKS: &[&str] = &[
    "exists",
    "isfile",
    "is_file",
    "existsSync",
    "accessSync",
    "try_exists",
    "Stat",
    "stat",
    "statSync",
];
const WRITES: &[&str] = &[
    "touch",
    "write_text",
    "write_bytes",
    "write",
    "writeFileSync",
    "writeFile",
    "appendFileSync",
    "File",
    "WriteFile",
    "Create",
    "create",
    "mkdir",
    "makedirs",
    "mkdirSync",
];

/// The line that asks for such a file.
pub(super) fn of(file: &ProductFile<'_>) -> Vec<(u32, String)> {
    let lines = lines::of(file);
    let mut found: Vec<(u32, String)> = Vec::new();
    for (at, line) in lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.is_new && line.has_word(ASKS))
    {
        let window = lines
            .get(at.saturating_sub(TOGETHER)..(at + TOGETHER).min(lines.len()))
            .unwrap_or_default();
        let new = || window.iter().filter(|one| one.is_new);
        let outlasts = new().any(|one| one.has_part(PLACES) || one.has_word(PLACE_WORDS));
        let decides = line.has_word(&["if", "elif", "while", "return", "not"]);
        if outlasts && decides && new().any(writes) && found.is_empty() {
            let message = "asks for a file outside of the repository that it writes itself: a second run may differ from the first";
            found.push((line.number, message.to_owned()));
        }
    }
    found
}

fn writes(line: &Line<'_>) -> bool {
    let opened = line.has_word(&["open"]) && line.has_text(&["w", "a", "x", "wb", "ab"]);
    opened || line.has_word(WRITES)
}
