//! What is taken for a credential; most rows are honest. The credentials are made up, and put together here
//! so that no tool takes this file for a leak.

use super::super::examples::{change, said};
use super::*;

fn found_in(path: &str, before: &str, after: &str) -> Vec<String> {
    let (change, _) = change(&[(path, Some(before), Some(after))]);
    let is_test = |path: &RepoPath| path.components().any(|part| part == b"tests");
    said(&inspect(&change.files, &is_test, FindingLevel::Deny))
}

const BODY: &str = "q7Zr2KfV9xLw4TnB8cYd1MhJ6pGs3QaE5uRvXtWkNoP0ySgHbDzC";

fn key(prefix: &str, length: usize) -> String {
    format!("{prefix}{}", &BODY[..length])
}

#[test]
fn known_forms_are_found_and_never_shown() {
    let long = format!("{BODY}{}", BODY.chars().rev().collect::<String>());
    let capitals = BODY[..16].to_ascii_uppercase();
    for secret in [
        format!("AKIA{capitals}"),
        key("ghp_", 36),
        format!("github_pat_{}", &long[..82]),
        key("glpat-", 20),
        key("xoxb-", 40),
        format!(
            "https://hooks.slack.com/services/T{}",
            key("0A1B2C3D4/B5E6F7/", 24)
        ),
        key("sk_live_", 24),
        key("AIza", 35),
        key("npm_", 36),
        format!("pypi-AgEI{long}"),
        format!("sk-ant-{long}"),
        format!("eyJhbGciOiJSUzI1NiJ9Xy.eyJ{}.{}", &BODY[..20], &BODY[..43]),
        format!("-----BEGIN RSA PRIVATE KEY-----\\n{BODY}"),
        format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{BODY}"),
        format!("postgres://me:{}@prod.company.org/x", &BODY[..20]),
    ] {
        let found = found_in("src/a.py", "a\n", &format!("a\nx = \"{secret}\"\n"));
        assert_eq!(found.len(), 1, "{secret}: {found:?}");
        assert!(found[0].starts_with("src/a.py:2: looks like "), "{found:?}");
        for piece in [
            &secret[secret.len().saturating_sub(8)..],
            &BODY[..8],
            &BODY[20..28],
        ] {
            assert!(!found[0].contains(piece), "{found:?}");
        }
    }
}

#[test]
fn random_values_of_secret_names_are_found() {
    let value = &BODY[..24];
    for (path, line) in [
        ("a.py", format!("DB_PASSWORD = \"{value}\"")),
        ("a.js", format!("const apiKey = '{value}';")),
        ("a.json", format!("  \"client_secret\": \"{value}\",")),
        (
            "a.rs",
            format!("let token: &str = \"{value}\";").replace(": &str", ""),
        ),
        (".env", format!("API_TOKEN={value}")),
        ("deploy.yaml", format!("  password: {value}")),
        ("a.go", format!("secretKey := \"{value}\"")),
        (
            "a.toml",
            "token = \"3f9a1c7e5b2d8046af13c95e7b20d8f4\"".to_owned(),
        ),
    ] {
        assert_eq!(found_in(path, "", &line).len(), 1, "{path}: {line}");
    }
}

#[test]
fn examples_placeholders_names_and_digests_are_no_secrets() {
    let value = &BODY[..24];
    for (path, line) in [
        ("a.py", "key = 'AKIAIOSFODNN7EXAMPLE'".to_owned()),
        ("a.py", "token = 'ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'".to_owned()),
        ("a.py", "token = 'ghp_abcdefghijklmnopqrstuvwxyz0123456789'".to_owned()),
        ("a.py", "token = 'ghp_ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUV'".to_owned()),
        ("a.py", "password = 'your-password-goes-here-123'".to_owned()),
        ("a.py", "password = os.environ['DATABASE_PASSWORD_2024']".to_owned()),
        ("a.py", "password = get_password(user_id_1234567)".to_owned()),
        ("a.py", "if line.startswith('-----BEGIN RSA PRIVATE KEY-----'):".to_owned()),
        ("a.py", "pad_token = '<pad>'".to_owned()),
        ("a.py", "token = 'correct horse battery staple 42'".to_owned()),
        ("a.py", "secret = \"\"".to_owned()),
        ("a.py", format!("password_hash = '{value}'")),
        ("a.py", format!("commit = '{value}'")),
        ("a.py", "token_url = 'https://login.company.org/oauth2/token/v2'".to_owned()),
        ("a.yaml", "password: ${{ secrets.DB_PASSWORD_V2 }}".to_owned()),
        ("a.yaml", "token: ${API_TOKEN_2024_PROD}".to_owned()),
        ("a.ts", "const secretKey = process.env.SECRET_KEY_2024;".to_owned()),
        ("a.md", "Set `token` to the value from settings.".to_owned()),
        ("a.py", "TOKEN = 'authentication-token-v2-header'".to_owned()),
        ("a.py", "url = 'postgres://user:password@localhost/db'".to_owned()),
        ("a.py", "url = 'https://user:hunter2@example.org'".to_owned()),
        ("Cargo.lock", format!("token = \"{value}\"")),
        ("package-lock.json", format!("\"token\": \"{value}\"")),
        ("a.py", "x = 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4ifQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c'".to_owned()),
        ("tests/keys.py", format!("KEY = '''-----BEGIN PRIVATE KEY-----\n{BODY}")),
        ("tests/test_a.py", format!("password = '{value}'")),
    ] {
        assert_eq!(found_in(path, "", &line), Vec::<String>::new(), "{path}: {line}");
    }
    assert_eq!(
        found_in("tests/a.py", "", &key("ghp_", 36)).len(),
        1,
        "a live form in a test"
    );
}

#[test]
fn what_the_base_has_is_not_new() {
    let line = format!("token = '{}'\n", &BODY[..24]);
    assert!(found_in("a.py", &line, &format!("x\n{line}")).is_empty());
    let (moved, _) = change(&[
        ("a.py", Some(&line), Some("")),
        ("b.py", None, Some(&format!("    {line}"))),
    ]);
    assert!(inspect(&moved.files, &|_| false, FindingLevel::Deny).is_empty());
}

#[test]
fn the_level_decides_the_code() {
    let (change, _) = change(&[("a.py", None, Some(&key("npm_", 36)))]);
    for (level, rule) in [
        (FindingLevel::Deny, "rule-denied"),
        (FindingLevel::Review, "protected-path"),
    ] {
        assert_eq!(inspect(&change.files, &|_| false, level)[0].rule, rule);
    }
}
