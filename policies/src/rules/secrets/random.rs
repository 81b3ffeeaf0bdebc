//! Random texts that are given to a name which says that they are secret.

use super::Secret;
use crate::path::RepoPath;

/// What the name of a secret ends with, without separators.
const NAMES: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "secretkey",
    "token",
    "apikey",
    "accesskey",
    "authkey",
    "privatekey",
    "signingkey",
    "encryptionkey",
    "credential",
    "credentials",
    "clientsecret",
];

/// What names hold whose values are random and no secret.
const HARMLESS: &[&str] = &[
    "hash",
    "digest",
    "checksum",
    "integrity",
    "csrf",
    "public",
    "fingerprint",
    "commit",
    "etag",
    "nonce",
];

/// What a value holds that stands in the place of a real one.
const PLACEHOLDERS: &[&str] = &[
    "example",
    "dummy",
    "placeholder",
    "changeme",
    "change_me",
    "change-me",
    "your",
    "fake",
    "sample",
    "test",
    "xxxx",
    "****",
    "....",
    "todo",
    "insert",
    "replace",
    "redacted",
    "insecure",
    "notasecret",
    "not-a-secret",
    "secret",
    "password",
    "deadbeef",
    "foobar",
    "00000",
    "12345",
    "abcdef",
    "lorem",
];

const SHORTEST: usize = 16;
const LONGEST: usize = 512;

/// Files in which values stand without quotes.
pub(super) fn is_settings(path: &RepoPath) -> bool {
    let name = path.file_name();
    let endings: [&[u8]; 6] = [
        b".env",
        b".ini",
        b".properties",
        b".cfg",
        b".conf",
        b".yaml",
    ];
    name.starts_with(b".env")
        || name.ends_with(b".yml")
        || endings.iter().any(|end| name.ends_with(end))
}

/// The secret of a line, where there is one.
pub(super) fn of(line: &str, unquoted: bool) -> Option<Secret<'_>> {
    let lower = line.to_ascii_lowercase();
    let interesting = ["pass", "secret", "token", "key", "credential"]
        .iter()
        .any(|word| lower.contains(word));
    if !interesting {
        return None;
    }
    let at = line.find([':', '='])?;
    let name: String = line
        .get(..at)?
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase();
    let names = NAMES.iter().any(|end| name.ends_with(end))
        && !HARMLESS.iter().any(|word| name.contains(word));
    let value = line
        .get(at + 1..)?
        .trim_start_matches([':', '=', '>', ' ', '\t']);
    let value = quoted(value).or_else(|| unquoted.then(|| value.trim()))?;
    (names && is_random(value)).then_some(Secret {
        kind: "a secret, by its name and its randomness",
        text: value,
        made_for_tests: true,
    })
}

/// The text of a string that begins here, whatever letters stand before its quote.
fn quoted(value: &str) -> Option<&str> {
    let value = value
        .trim_start_matches(|one: char| one.is_ascii_alphabetic() && !matches!(one, 'n' | 's'));
    let quote = value
        .chars()
        .next()
        .filter(|first| matches!(first, '"' | '\'' | '`'))?;
    value.get(1..)?.split(quote).next()
}

/// Whether a text is as random as keys are, and not an example of one.
pub(super) fn is_random(value: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"-_+/=.!@#$%^&*~".contains(&byte);
    let plain = (SHORTEST..=LONGEST).contains(&value.len()) && value.bytes().all(letters);
    let count = |class: fn(&u8) -> bool| value.bytes().filter(class).count();
    let (digits, lower, upper) = (
        count(u8::is_ascii_digit),
        count(u8::is_ascii_lowercase),
        count(u8::is_ascii_uppercase),
    );
    let mixed = digits >= 2 && lower + upper >= 2;
    plain
        && mixed
        && !is_dummy(value)
        && longest_word(value) <= 9
        && entropy(value) >= 3.2
        && !is_reference(value)
}

/// A path, an address, a version, an expression.
fn is_reference(value: &str) -> bool {
    let call = value.contains('$') && value.contains('{');
    let place = value.contains("//")
        || value.starts_with(['/', '.', '$', '%'])
        || value.matches('/').count() > 2 && value.contains('.');
    call || place || value.matches('.').count() > 3
}

/// The longest run of letters of one case: random text has short ones.
fn longest_word(value: &str) -> usize {
    let run = |class: fn(&u8) -> bool| {
        let runs = value.as_bytes().split(move |byte| !class(byte));
        runs.map(<[u8]>::len).max().unwrap_or(0)
    };
    run(u8::is_ascii_lowercase).max(run(u8::is_ascii_uppercase))
}

/// Whether somebody wrote this in the place of a key: it says so, or repeats itself, or counts.
pub(super) fn is_dummy(body: &str) -> bool {
    let lower = body.to_ascii_lowercase();
    let few: std::collections::BTreeSet<u8> = lower.bytes().collect();
    PLACEHOLDERS.iter().any(|word| lower.contains(word))
        || few.len() < 8.min(body.len().div_ceil(2))
        || counts(lower.as_bytes())
}

/// Whether most characters are the successors, or the twins, of those before them.
fn counts(bytes: &[u8]) -> bool {
    let steps = bytes
        .windows(2)
        .filter(|pair| matches!(pair, [a, b] if *b == *a || *b == a.wrapping_add(1)));
    steps.count() * 2 > bytes.len()
}

/// Bits a character.
fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let length = text.len().max(1) as f64;
    let share = |count: u32| f64::from(count) / length;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| -share(*count) * share(*count).log2())
        .sum()
}
