//! Secrets of a step: variables of the operator that the step alone gets.
//!
//! # Theory of operation
//!
//! A secret goes into the step's environment and nowhere else: into no key, no verdict, no other
//! run. It is struck from all that the step printed and asked the network for, in the forms that a
//! program prints by itself (as it is, in lower case, percent-encoded, base64). What the step made is searched
//! before it becomes a layer: checks run the change's code over that layer, and would find it there.
//!
//! Whoever has a secret can hide it from any search, so only trusted code may have it: a step that
//! depends on the change in any way does not get it (see [`super::Unavailable::SecretsWithheld`]). The change
//! could name a package of its own, whose install hook writes the secret backwards.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use memchr::memmem::Finder;
use nix::errno::Errno;
use nix::unistd::{Whence, lseek};
use passmuster_process::Captured;
use rustix::fs::{lgetxattr, llistxattr};

use super::Unavailable;

/// Shorter values would strike ordinary words.
pub const LEAST: usize = 8;
/// What stands in a log where a secret was.
const STRUCK: &[u8] = b"[secret]";
/// Largest list of attributes, and largest value of one: Linux's own limit for both.
const ATTRIBUTES: usize = 1 << 16;
/// How much of a file is searched at a time.
const CHUNK: usize = 1 << 20;

/// Names and values. Values are never shown.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<String, String>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Secrets {
    /// The named variables of the operator.
    pub fn of(names: &[String], env: &BTreeMap<OsString, OsString>) -> Result<Self, Unavailable> {
        let mut secrets = BTreeMap::new();
        for name in names {
            let value = env.get(OsStr::new(name)).filter(|value| !value.is_empty());
            let value = value.ok_or_else(|| Unavailable::SecretMissing(name.clone()))?;
            let fit = value.to_str().filter(|value| value.len() >= LEAST);
            let fit = fit.ok_or_else(|| Unavailable::SecretUnfit(name.clone()))?;
            secrets.insert(name.clone(), fit.to_owned());
        }
        Ok(Self(secrets))
    }

    /// Names and values for the step's environment.
    pub fn variables(&self) -> impl Iterator<Item = (String, OsString)> {
        self.0
            .iter()
            .map(|(name, value)| (name.clone(), value.into()))
    }

    /// Replaces each secret by a mark that is not one.
    pub fn strike(&self, text: &mut Vec<u8>) {
        // The longest first: one secret may begin with another.
        let mut all: Vec<_> = self.0.values().flat_map(|value| forms(value)).collect();
        all.sort_by_key(|form| std::cmp::Reverse(form.len()));
        for form in all {
            let finder = Finder::new(&form);
            if finder.find(text).is_none() {
                continue;
            }
            let mut struck = Vec::with_capacity(text.len());
            let mut rest = text.as_slice();
            while let Some(at) = finder.find(rest) {
                struck.extend_from_slice(rest.get(..at).unwrap_or_default());
                struck.extend_from_slice(STRUCK);
                rest = rest.get(at + form.len()..).unwrap_or_default();
            }
            struck.extend_from_slice(rest);
            *text = struck;
        }
    }

    /// As [`Secrets::strike`], for text.
    pub fn struck(&self, text: String) -> String {
        let mut bytes = text.into_bytes();
        self.strike(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What a program printed, without them. Where a stream was cut, a part of a secret may stand on
    /// each side of the cut, and no search knows it: so much is left out there as it can be.
    pub fn out_of(&self, captured: &Captured) -> Vec<u8> {
        let is_whole = captured.dropped() == 0;
        if is_whole || self.0.is_empty() {
            let mut all = captured.bytes();
            self.strike(&mut all);
            return all;
        }
        let mut kept = captured.clone();
        self.strike(&mut kept.head);
        self.strike(&mut kept.tail);
        let part = self.longest().saturating_sub(1);
        kept.head.truncate(kept.head.len().saturating_sub(part));
        kept.tail.drain(..part.min(kept.tail.len()));
        kept.bytes()
    }

    /// Length of the longest form of any of them.
    fn longest(&self) -> usize {
        let forms = self.0.values().flat_map(|value| forms(value));
        forms.map(|form| form.len()).max().unwrap_or(0)
    }

    /// The first file, link or name below a directory that holds a secret: the variable's name and the
    /// path below `root`. Nothing is followed. `go_on` is asked at every entry and every piece of a
    /// file; its error ends the search.
    pub fn found_below(
        &self,
        root: &Path,
        go_on: &dyn Fn() -> io::Result<()>,
    ) -> io::Result<Option<(String, String)>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let mut pending = vec![root.to_owned()];
        while let Some(directory) = pending.pop() {
            for entry in fs::read_dir(&directory)? {
                go_on()?;
                let entry = entry?;
                let (path, kind) = (entry.path(), entry.file_type()?);
                let mut found = self.in_bytes(entry.file_name().as_bytes());
                if kind.is_dir() {
                    pending.push(path.clone());
                } else if kind.is_symlink() {
                    found = found.or(self.in_bytes(fs::read_link(&path)?.as_os_str().as_bytes()));
                } else if kind.is_file() && found.is_none() {
                    found = self.in_file(&File::open(&path)?, go_on)?;
                }
                if found.is_none() {
                    found = self.in_attributes(&path)?;
                }
                if let Some(name) = found {
                    let below = path.strip_prefix(root).unwrap_or(&path);
                    let shown = self.struck(below.display().to_string());
                    return Ok(Some((name, shown)));
                }
            }
        }
        Ok(None)
    }

    /// Searches what a file holds and passes over its holes: a file of a terabyte costs nothing to make.
    fn in_file(
        &self,
        file: &File,
        go_on: &dyn Fn() -> io::Result<()>,
    ) -> io::Result<Option<String>> {
        let mut at = 0;
        loop {
            let data = match lseek(file, at, Whence::SeekData) {
                Err(Errno::ENXIO) => return Ok(None),
                found => found?,
            };
            let hole = lseek(file, data, Whence::SeekHole)?;
            lseek(file, data, Whence::SeekSet)?;
            let length = u64::try_from(hole - data).unwrap_or(0);
            if let Some(name) = self.in_stream(file.take(length), go_on)? {
                return Ok(Some(name));
            }
            at = hole;
        }
    }

    /// Searches names and values of extended attributes.
    fn in_attributes(&self, path: &Path) -> io::Result<Option<String>> {
        let mut names = vec![0; ATTRIBUTES];
        let length = match llistxattr(path, &mut names) {
            Err(rustix::io::Errno::NOTSUP) => return Ok(None),
            length => length?,
        };
        let names = names.get(..length).unwrap_or_default();
        if let Some(found) = self.in_bytes(names) {
            return Ok(Some(found));
        }
        let mut value = vec![0; ATTRIBUTES];
        for name in names
            .split(|byte| *byte == 0)
            .filter(|name| !name.is_empty())
        {
            let length = lgetxattr(path, OsStr::from_bytes(name), &mut value)?;
            let found = self.in_bytes(value.get(..length).unwrap_or_default());
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn in_bytes(&self, bytes: &[u8]) -> Option<String> {
        let holds = |value: &str| {
            forms(value)
                .iter()
                .any(|form| Finder::new(form).find(bytes).is_some())
        };
        let found = self.0.iter().find(|(_, value)| holds(value));
        found.map(|(name, _)| name.clone())
    }

    /// Searches piece by piece; what may have begun at the end of one is looked at with the next.
    fn in_stream(
        &self,
        mut from: impl Read,
        go_on: &dyn Fn() -> io::Result<()>,
    ) -> io::Result<Option<String>> {
        let overlap = self.longest();
        let mut held = Vec::new();
        loop {
            go_on()?;
            let read = from.by_ref().take(CHUNK as u64).read_to_end(&mut held)?;
            if let Some(name) = self.in_bytes(&held) {
                return Ok(Some(name));
            }
            if read == 0 {
                return Ok(None);
            }
            held.drain(..held.len().saturating_sub(overlap));
        }
    }
}

/// The digits of base64 that a value alone decides when it stands so many bytes into a text, as in
/// `user:password`.
fn aligned(engine: &impl Engine, before: usize, value: &str) -> Vec<u8> {
    let mut text = vec![0; before];
    text.extend_from_slice(value.as_bytes());
    let digits = engine.encode(&text).into_bytes();
    let decided = (before * 8).div_ceil(6)..text.len() * 8 / 6;
    digits.get(decided).unwrap_or_default().to_vec()
}

/// How programs write a value by themselves.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![
        value.as_bytes().to_vec(),
        value.to_ascii_lowercase().into_bytes(),
        percent_encoded(value),
        STANDARD_NO_PAD.encode(value).into_bytes(),
        URL_SAFE_NO_PAD.encode(value).into_bytes(),
    ];
    for before in 0..3 {
        forms.extend([
            aligned(&STANDARD_NO_PAD, before, value),
            aligned(&URL_SAFE_NO_PAD, before, value),
        ]);
    }
    forms.dedup();
    forms
}

fn percent_encoded(value: &str) -> Vec<u8> {
    let mut encoded = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "Tok/en+1234";

    fn secrets() -> Secrets {
        let env = BTreeMap::from([("TOKEN".into(), VALUE.into())]);
        Secrets::of(&["TOKEN".to_owned()], &env).unwrap()
    }

    fn found(root: &Path) -> Option<(String, String)> {
        secrets().found_below(root, &|| Ok(())).unwrap()
    }

    #[test]
    fn no_part_of_a_secret_is_left_where_output_was_cut() {
        let base64 = STANDARD_NO_PAD.encode(VALUE);
        for form in [VALUE, "Tok%2Fen%2B1234", &base64] {
            let all = format!("{}{form} {form}{}", "a".repeat(90), "z".repeat(90));
            for cut in 1..form.len() {
                let captured = Captured {
                    head: all.as_bytes()[..90 + cut].to_vec(),
                    tail: all.as_bytes()[91 + form.len() + cut..].to_vec(),
                    total: all.len() as u64,
                };
                let shown = String::from_utf8(secrets().out_of(&captured)).unwrap();
                let kept: Vec<&str> = shown.split("\n[… ").collect();
                assert!(kept[0].bytes().all(|byte| byte == b'a'), "{cut} {shown}");
                assert!(
                    shown.starts_with("aaaaaaaaaaaaaaaa") && shown.ends_with("zzzzzzzzzzzzzzzz")
                );
                let after = shown.split("…]\n").nth(1).unwrap();
                assert!(after.bytes().all(|byte| byte == b'z'), "{cut} {shown}");
            }
        }
        let whole = Captured {
            head: b"a Tok/".to_vec(),
            tail: b"en+1234 z".to_vec(),
            total: 15,
        };
        assert_eq!(secrets().out_of(&whole), b"a [secret] z");
    }

    #[test]
    fn a_search_ends_when_it_is_told_to_within_one_file_as_well() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a"), vec![b'x'; 8 * CHUNK]).unwrap();
        let asked = std::cell::Cell::new(0);
        let go_on = || {
            asked.set(asked.get() + 1);
            match asked.get() {
                0..4 => Ok(()),
                _ => Err(io::ErrorKind::TimedOut.into()),
            }
        };
        let ended = secrets().found_below(root.path(), &go_on).unwrap_err();
        assert_eq!((ended.kind(), asked.get()), (io::ErrorKind::TimedOut, 4));
    }

    #[test]
    fn a_secret_is_struck_in_each_form_that_programs_print() {
        let base64 = STANDARD_NO_PAD.encode(VALUE);
        let text = format!("a {VALUE} b {VALUE}{VALUE} tok/en+1234 Tok%2Fen%2B1234 {base64}= end");
        let struck = secrets().struck(text);
        assert_eq!(
            struck,
            "a [secret] b [secret][secret] [secret] [secret] [secret]= end"
        );
    }

    #[test]
    fn a_secret_that_is_missing_or_unfit_is_named_and_never_shown() {
        let env = BTreeMap::from([
            ("EMPTY".into(), OsString::new()),
            ("SHORT".into(), "abc".into()),
        ]);
        let of = |name: &str| Secrets::of(&[name.to_owned()], &env).err().unwrap();
        assert_eq!(of("NONE"), Unavailable::SecretMissing("NONE".to_owned()));
        assert_eq!(of("EMPTY"), Unavailable::SecretMissing("EMPTY".to_owned()));
        let short = of("SHORT");
        assert_eq!(short, Unavailable::SecretUnfit("SHORT".to_owned()));
        assert!(!short.to_string().contains("abc"));
    }

    #[test]
    fn a_secret_is_found_in_files_across_pieces_in_links_and_in_names() {
        let check = |make: &dyn Fn(&Path), expected: Option<&str>| {
            let root = tempfile::tempdir().unwrap();
            fs::create_dir(root.path().join("sub")).unwrap();
            make(&root.path().join("sub"));
            let found = secrets().found_below(root.path(), &|| Ok(())).unwrap();
            let found = found.map(|(name, path)| format!("{name} {path}"));
            assert_eq!(found.as_deref(), expected);
        };
        check(&|sub| fs::write(sub.join("a"), "harmless").unwrap(), None);
        let across = [vec![b'x'; CHUNK - 4], VALUE.as_bytes().to_vec()].concat();
        check(
            &|sub| fs::write(sub.join("a"), &across).unwrap(),
            Some("TOKEN sub/a"),
        );
        let to = "https://user:Tok%2Fen%2B1234@host";
        check(
            &|sub| std::os::unix::fs::symlink(to, sub.join("l")).unwrap(),
            Some("TOKEN sub/l"),
        );
        let name = STANDARD_NO_PAD.encode(VALUE);
        check(
            &|sub| fs::write(sub.join(&name), "").unwrap(),
            Some("TOKEN sub/[secret]"),
        );
    }

    #[test]
    fn a_secret_within_a_text_in_base64_is_found() {
        for user in ["b", "bo", "bot", "bots"] {
            let basic = STANDARD_NO_PAD.encode(format!("{user}:{VALUE}:and more"));
            assert!(secrets().in_bytes(basic.as_bytes()).is_some(), "{basic}");
        }
    }

    #[test]
    fn a_secret_that_begins_another_does_not_leave_its_end() {
        let long = format!("{VALUE}-and-more");
        let env = BTreeMap::from([
            ("A".into(), VALUE.into()),
            ("B".into(), long.clone().into()),
        ]);
        let secrets = Secrets::of(&["A".to_owned(), "B".to_owned()], &env).unwrap();
        assert_eq!(secrets.struck(format!("login {long}")), "login [secret]");
    }

    #[test]
    fn holes_are_passed_over_and_attributes_looked_at() {
        let directory = tempfile::tempdir().unwrap();
        let sparse = File::create(directory.path().join("sparse")).unwrap();
        sparse.set_len(1 << 40).unwrap();
        assert!(found(directory.path()).is_none());
        std::os::unix::fs::FileExt::write_at(&sparse, VALUE.as_bytes(), 1 << 39).unwrap();
        assert!(found(directory.path()).is_some());
        fs::remove_file(directory.path().join("sparse")).unwrap();
        let plain = directory.path().join("plain");
        fs::write(&plain, "").unwrap();
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::setxattr(&plain, "user.note", VALUE.as_bytes(), flags).unwrap();
        assert!(found(directory.path()).is_some());
    }
}
