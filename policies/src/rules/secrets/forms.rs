//! Credentials that show what they are by their form.

use super::Secret;

/// A prefix, which characters follow it, and how many.
struct Form {
    kind: &'static str,
    prefix: &'static str,
    letters: Letters,
    least: usize,
    most: usize,
}

#[derive(Clone, Copy)]
enum Letters {
    /// Capitals and digits.
    Capital,
    /// Letters and digits.
    Plain,
    /// Letters, digits, `-` and `_`.
    Url,
    /// The same with dots.
    Dotted,
    /// The same with slashes.
    Path,
}

const fn form(
    kind: &'static str,
    prefix: &'static str,
    letters: Letters,
    least: usize,
    most: usize,
) -> Form {
    Form {
        kind,
        prefix,
        letters,
        least,
        most,
    }
}

const FORMS: &[Form] = &[
    form("an AWS access key", "AKIA", Letters::Capital, 16, 16),
    form("an AWS access key", "ASIA", Letters::Capital, 16, 16),
    form("a GitHub token", "ghp_", Letters::Plain, 36, 255),
    form("a GitHub token", "gho_", Letters::Plain, 36, 255),
    form("a GitHub token", "ghu_", Letters::Plain, 36, 255),
    form("a GitHub token", "ghs_", Letters::Plain, 36, 255),
    form("a GitHub token", "ghr_", Letters::Plain, 36, 255),
    form("a GitHub token", "github_pat_", Letters::Url, 60, 255),
    form("a GitLab token", "glpat-", Letters::Dotted, 20, 64),
    form("a GitLab token", "gldt-", Letters::Url, 20, 64),
    form("a GitLab token", "glrt-", Letters::Url, 20, 64),
    form("a Slack token", "xoxb-", Letters::Url, 20, 255),
    form("a Slack token", "xoxp-", Letters::Url, 20, 255),
    form("a Slack token", "xoxa-", Letters::Url, 20, 255),
    form("a Slack token", "xoxs-", Letters::Url, 20, 255),
    form("a Slack token", "xapp-", Letters::Url, 20, 255),
    form(
        "a Slack webhook",
        "hooks.slack.com/services/T",
        Letters::Path,
        30,
        255,
    ),
    form("a Stripe key", "sk_live_", Letters::Plain, 20, 255),
    form("a Stripe key", "rk_live_", Letters::Plain, 20, 255),
    form("a Google API key", "AIza", Letters::Url, 35, 35),
    form("a Google OAuth secret", "GOCSPX-", Letters::Url, 28, 28),
    form("a Google OAuth token", "ya29.", Letters::Url, 40, 2048),
    form("an npm token", "npm_", Letters::Plain, 36, 36),
    form("a PyPI token", "pypi-AgEI", Letters::Url, 50, 512),
    form("an Anthropic key", "sk-ant-", Letters::Url, 40, 255),
    form("an OpenAI key", "sk-proj-", Letters::Url, 40, 255),
    form("a Hugging Face token", "hf_", Letters::Plain, 34, 40),
    form("a SendGrid key", "SG.", Letters::Dotted, 60, 80),
    form("a DigitalOcean token", "dop_v1_", Letters::Plain, 64, 64),
    form("a Docker Hub token", "dckr_pat_", Letters::Url, 27, 40),
    form("a Shopify token", "shpat_", Letters::Plain, 32, 32),
    form("a Grafana token", "glsa_", Letters::Url, 32, 64),
    form("a crates.io token", "cio", Letters::Plain, 32, 32),
    form("a Vault token", "hvs.", Letters::Url, 24, 255),
    form("a Terraform Cloud token", "atlasv1.", Letters::Url, 60, 80),
    form("a Telegram token", "bot_token=", Letters::Url, 35, 60),
];

/// All of a line. `next` is the line after it, where a key would go on.
pub(super) fn of<'a>(line: &'a str, next: &str) -> Vec<Secret<'a>> {
    let mut found: Vec<Secret<'a>> = FORMS.iter().filter_map(|form| known(form, line)).collect();
    found.extend(private_key(line, next));
    found.extend(web_token(line));
    found.extend(address(line));
    found
}

fn known<'a>(form: &Form, line: &'a str) -> Option<Secret<'a>> {
    let mut from = 0;
    while let Some(at) = line.get(from..)?.find(form.prefix).map(|at| from + at) {
        let before = line.get(..at)?.chars().next_back();
        let start = at + form.prefix.len();
        let body = line.get(start..)?;
        let length = body
            .bytes()
            .take_while(|byte| belongs(form.letters, *byte))
            .count();
        let (end, body) = (start + length, body.get(..length)?);
        let apart = before.is_none_or(|one| !one.is_ascii_alphanumeric() && one != '_');
        if apart && (form.least..=form.most).contains(&length) && !super::random::is_dummy(body) {
            return Some(Secret {
                kind: form.kind,
                text: line.get(at..end)?,
                made_for_tests: false,
            });
        }
        from = end;
    }
    None
}

fn belongs(letters: Letters, byte: u8) -> bool {
    let digit = byte.is_ascii_digit();
    match letters {
        Letters::Capital => digit || byte.is_ascii_uppercase(),
        Letters::Plain => byte.is_ascii_alphanumeric(),
        Letters::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
        Letters::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'),
        Letters::Path => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/'),
    }
}

/// The head of a private key with the key behind it: a program that reads keys has the head alone.
fn private_key<'a>(line: &'a str, next: &str) -> Option<Secret<'a>> {
    let at = line.find("-----BEGIN ")?;
    let rest = line.get(at..)?;
    let (head, behind) = rest.get(11..)?.split_once("-----")?;
    if !head.ends_with("PRIVATE KEY") && head != "PGP PRIVATE KEY BLOCK" {
        return None;
    }
    let is_key = |text: &str| {
        let text = text.trim_start_matches(['\\', 'n', 'r', '"', '\'', ' ', '+', ',']);
        let letters = text
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
        let key = text.get(..letters.count()).unwrap_or_default();
        key.len() >= 40 && !super::random::is_dummy(key)
    };
    let text = rest.get(..11 + head.len() + 5)?;
    (is_key(behind) || is_key(next.trim())).then_some(Secret {
        kind: "a private key",
        text,
        made_for_tests: true,
    })
}

/// Three parts of base64 with dots between them, the first of which begins an object.
fn web_token(line: &str) -> Option<Secret<'_>> {
    let at = line.find("eyJ")?;
    let rest = line.get(at..)?;
    let length = rest
        .bytes()
        .take_while(|byte| belongs(Letters::Dotted, *byte))
        .count();
    let text = rest.get(..length)?;
    let parts: Vec<&str> = text.split('.').collect();
    let [head, claims, signature] = parts.as_slice() else {
        return None;
    };
    let whole = head.len() >= 16
        && claims.starts_with("eyJ")
        && claims.len() >= 16
        && signature.len() >= 20;
    // The one that every page about them shows.
    let example = claims.starts_with("eyJzdWIiOiIxMjM0NTY3ODkw");
    (whole && !example).then_some(Secret {
        kind: "a signed token (JWT)",
        text,
        made_for_tests: true,
    })
}

/// `scheme://user:password@host`
fn address(line: &str) -> Option<Secret<'_>> {
    let (_, rest) = line.split_once("://")?;
    let end = rest.find(|one: char| one.is_whitespace() || "/\"'`<>()".contains(one));
    let (user, host) = rest.get(..end.unwrap_or(rest.len()))?.rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    let local = [
        "localhost",
        "127.",
        "0.0.0.0",
        "[::1]",
        "example",
        "db",
        "host",
        "postgres",
        "redis",
        "mysql",
        "mongo",
        "rabbit",
    ];
    let is_local = local.iter().any(|start| host.starts_with(start)) || host.contains("example.");
    let hidden = super::random::is_random(password);
    (hidden && !is_local && host.contains('.')).then_some(Secret {
        kind: "a password in an address",
        text: password,
        made_for_tests: true,
    })
}
