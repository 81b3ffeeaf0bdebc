//! The patch as text, looked at before git reads it: is it a patch, how is it split, how are its
//! paths written, and does it name anything that no patch may name.
//!
//! Git's own checks are the boundary; this reading exists so that an unsafe patch is named as such,
//! with its path, and so that modes which git would silently correct are refused.

use passmuster_policy::path::RepoPath;

/// Largest patch that is read, in bytes: far above any change that a person could review, and small
/// enough to be held in memory twice.
pub const PATCH_CAP: u64 = 256 << 20;

/// What a look at the text tells.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Survey {
    /// Every name in a header, as it stands there: with or without a directory in front.
    pub(super) names: Vec<Vec<u8>>,
    /// At least one header of a file was seen.
    pub(super) has_files: bool,
    /// At least one of the files is changed or removed, not added.
    pub(super) changes_files: bool,
    /// Some header line ends with CRLF.
    pub(super) crlf: bool,
    /// No path has a one-letter directory (`a/`, `b/`) in front.
    pub(super) no_prefix: bool,
    /// The first path or mode that is unsafe, and why.
    pub(super) danger: Option<(RepoPath, &'static str)>,
}

/// Modes that a patch may name; 100664 is an old git's 100644.
const MODES: [&[u8]; 5] = [b"100644", b"100755", b"100664", b"120000", b"160000"];

/// Reads all headers of the patch.
pub(super) fn survey(bytes: &[u8]) -> Survey {
    let mut survey = Survey {
        no_prefix: true,
        ..Survey::default()
    };
    let mut hunk = Remaining::default();
    let mut lines = bytes.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        if hunk.takes(line) {
            continue;
        }
        let header = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(ranges) = header.strip_prefix(b"@@ -") {
            hunk = Remaining::parse(ranges);
        } else if let Some(name) = file_name_line(header, lines.peek().copied()) {
            survey.changes_files |= header.starts_with(b"---") && name != b"/dev/null";
            survey.file(name, header.len() < line.len());
        } else {
            survey.git_header(header, header.len() < line.len());
        }
    }
    survey.no_prefix &= survey.has_files;
    survey
}

/// `--- NAME`, only when the next line is `+++`; or `+++ NAME`.
fn file_name_line<'a>(line: &'a [u8], next: Option<&[u8]>) -> Option<&'a [u8]> {
    let followed = next.is_some_and(|next| next.starts_with(b"+++ "));
    match line.strip_prefix(b"--- ") {
        Some(name) => followed.then_some(name),
        None => line.strip_prefix(b"+++ "),
    }
}

impl Survey {
    fn file(&mut self, name: &[u8], crlf: bool) {
        self.has_files = true;
        self.crlf |= crlf;
        let name = unquoted(name);
        if name == b"/dev/null" {
            return;
        }
        self.no_prefix &= !has_prefix(&name);
        self.name(name);
    }

    fn git_header(&mut self, line: &[u8], crlf: bool) {
        if let Some(names) = line.strip_prefix(b"diff --git ") {
            self.has_files = true;
            self.crlf |= crlf;
            self.no_prefix &= !has_prefix(names.strip_prefix(b"\"").unwrap_or(names));
            self.names.extend(common_name(names));
            return self.check_path_of_both(names);
        }
        for key in [
            &b"rename from "[..],
            b"rename to ",
            b"copy from ",
            b"copy to ",
        ] {
            if let Some(name) = line.strip_prefix(key) {
                return self.name(unquoted(name));
            }
        }
        for key in [
            &b"old mode "[..],
            b"new mode ",
            b"new file mode ",
            b"deleted file mode ",
        ] {
            if let Some(mode) = line.strip_prefix(key) {
                return self.check_mode(mode.trim_ascii());
            }
        }
    }

    /// `a/NAME b/NAME` cannot always be split; each word and each component is looked at.
    fn check_path_of_both(&mut self, names: &[u8]) {
        if names.starts_with(b"\"") {
            // Quoted names stand again, alone, in the lines that follow.
            return;
        }
        for word in names.split(|byte| *byte == b' ') {
            if word != b"/dev/null" && word.starts_with(b"/") {
                return self.check_path(word.to_vec());
            }
            let inside = word.split(|byte| *byte == b'/').any(is_forbidden);
            if inside {
                return self.check_path(word.to_vec());
            }
        }
    }

    fn name(&mut self, name: Vec<u8>) {
        self.names.push(name.clone());
        self.check_path(name);
    }

    fn check_path(&mut self, path: Vec<u8>) {
        let reason = if path.contains(&0) {
            "a NUL byte in a path"
        } else if path.starts_with(b"/") {
            "an absolute path"
        } else if path.split(|byte| *byte == b'/').any(|part| part == b"..") {
            "a path that leaves the tree"
        } else if path.split(|byte| *byte == b'/').any(is_forbidden) {
            "a path inside a git directory"
        } else {
            return;
        };
        self.danger.get_or_insert((RepoPath::new(path), reason));
    }

    fn check_mode(&mut self, mode: &[u8]) {
        if !MODES.contains(&mode) {
            let shown = RepoPath::new([b"mode ", mode].concat());
            self.danger
                .get_or_insert((shown, "a mode that git does not have"));
        }
    }
}

/// The one name in `a/NAME b/NAME`; where the two differ they stand again in other headers.
fn common_name(names: &[u8]) -> Option<Vec<u8>> {
    if names.starts_with(b"\"") {
        return Some(unquoted(names));
    }
    names.get(..names.len() / 2).map(<[u8]>::to_vec)
}

fn is_forbidden(part: &[u8]) -> bool {
    part == b".." || part.eq_ignore_ascii_case(b".git")
}

/// `a/…`, `b/…`, or one of git's mnemonic letters.
fn has_prefix(name: &[u8]) -> bool {
    matches!(name, [b'a' | b'b' | b'c' | b'i' | b'o' | b'w', b'/', ..])
}

/// A name as it stands after `---`: C-quoted, or up to a tab (a time may follow).
fn unquoted(name: &[u8]) -> Vec<u8> {
    let Some(quoted) = name.strip_prefix(b"\"") else {
        return name
            .split(|byte| *byte == b'\t')
            .next()
            .unwrap_or_default()
            .to_vec();
    };
    let mut out = Vec::with_capacity(quoted.len());
    let mut rest = quoted;
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'"', _) => break,
            (b'\\', [high @ b'0'..=b'3', middle, low, after @ ..]) => {
                let digit = |byte: &u8| u32::from(byte.wrapping_sub(b'0') & 7);
                out.push((digit(high) * 64 + digit(middle) * 8 + digit(low)) as u8);
                after
            }
            (b'\\', [letter, after @ ..]) => {
                out.push(escape(*letter));
                after
            }
            (plain, after) => {
                out.push(*plain);
                after
            }
        };
    }
    out
}

fn escape(letter: u8) -> u8 {
    match letter {
        b'a' => 7,
        b'b' => 8,
        b't' => b'\t',
        b'n' => b'\n',
        b'v' => 11,
        b'f' => 12,
        b'r' => b'\r',
        other => other,
    }
}

/// Lines of a hunk that are still to come.
#[derive(Debug, Default, PartialEq, Eq)]
struct Remaining {
    before: u64,
    after: u64,
}

impl Remaining {
    /// `A[,B] +C[,D] @@…`
    fn parse(ranges: &[u8]) -> Self {
        let text = String::from_utf8_lossy(ranges.get(..64).unwrap_or(ranges)).into_owned();
        let mut words = text.split_ascii_whitespace();
        let mut count = || {
            let range = words.next()?.trim_start_matches('+');
            range
                .split_once(',')
                .map_or(Some(1), |(_, lines)| lines.parse().ok())
        };
        Self {
            before: count().unwrap_or(0),
            after: count().unwrap_or(0),
        }
    }

    /// True, and one line less, when the hunk is not over.
    fn takes(&mut self, line: &[u8]) -> bool {
        if self.before == 0 && self.after == 0 {
            return false;
        }
        match line.first() {
            Some(b'-') => self.before = self.before.saturating_sub(1),
            Some(b'+') => self.after = self.after.saturating_sub(1),
            Some(b' ' | b'\r') | None => {
                self.before = self.before.saturating_sub(1);
                self.after = self.after.saturating_sub(1);
            }
            Some(b'\\') => {}
            Some(_) => {
                // Wrong counts: whatever this is, it is no line of a hunk.
                *self = Self::default();
                return false;
            }
        }
        true
    }
}

/// The mails of a mailbox that `git format-patch` wrote, in order; otherwise the whole text.
///
/// They are applied one after another, because a later one may rename what an earlier one changed.
pub(super) fn mails(bytes: &[u8]) -> Vec<&[u8]> {
    let mut starts = Vec::new();
    let mut offset = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if is_mail_start(line) {
            starts.push(offset);
        }
        offset += line.len();
    }
    if starts.len() < 2 {
        return vec![bytes];
    }
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    starts
        .iter()
        .zip(ends)
        .filter_map(|(start, end)| bytes.get(*start..end))
        .collect()
}

/// The date is the same in every mail: it is how `format-patch` marks its mailboxes.
fn is_mail_start(line: &[u8]) -> bool {
    let text = line.trim_ascii_end();
    let Some(rest) = text.strip_prefix(b"From ") else {
        return false;
    };
    let Some(oid) = rest.strip_suffix(b" Mon Sep 17 00:00:00 2001") else {
        return false;
    };
    matches!(oid.len(), 40 | 64) && oid.iter().all(u8::is_ascii_hexdigit)
}

/// The text with each CRLF as LF.
pub(super) fn with_lf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\r\n") {
            Some(text) => out.extend(text.iter().chain(b"\n")),
            None => out.extend(line),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn danger(text: &str) -> Option<(String, &'static str)> {
        survey(text.as_bytes())
            .danger
            .map(|(path, reason)| (path.to_string(), reason))
    }

    #[test]
    fn every_unsafe_name_is_found_with_its_reason() {
        for (text, path) in [
            ("--- a/x\n+++ b/../x\n", "b/../x"),
            ("--- /dev/null\n+++ b/.git/hooks/x\n", "b/.git/hooks/x"),
            ("--- /dev/null\n+++ b/a/.GIT/config\n", "b/a/.GIT/config"),
            ("--- /dev/null\n+++ /etc/passwd\n", "/etc/passwd"),
            ("--- /dev/null\n+++ \"b/.g\\151t/x\"\n", "b/.git/x"),
            ("diff --git a/x b/x\nrename to ../y\n", "../y"),
            ("diff --git a/x b/x\nnew file mode 104755\n", "mode 104755"),
            (
                "diff --git a/x b/x\nold mode 100644\nnew mode 040000\n",
                "mode 040000",
            ),
        ] {
            assert_eq!(
                danger(text).map(|found| found.0).as_deref(),
                Some(path),
                "{text}"
            );
        }
    }

    #[test]
    fn lines_of_a_hunk_are_never_taken_for_headers() {
        let text = "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n--- ../y\n+++ ../y\n new file mode 104755\n";
        assert_eq!(danger(text), None);
    }

    #[test]
    fn a_text_without_any_file_is_no_patch() {
        assert!(!survey(b"hello\nworld\n").has_files);
        assert!(survey(b"diff --git a/x b/x\n").has_files);
    }

    #[test]
    fn mails_are_split_at_the_mark_of_format_patch_only() {
        let mark = format!("From {} Mon Sep 17 00:00:00 2001\n", "a".repeat(40));
        let text = format!("{mark}one\nFrom here on\n{mark}two\n");
        assert_eq!(mails(text.as_bytes()).len(), 2);
        assert_eq!(mails(b"From me\n").len(), 1);
    }
}
