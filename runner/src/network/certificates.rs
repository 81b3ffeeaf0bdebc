//! The operator's certificate authorities, for the clients inside.
//!
//! The machine's own bundle is part of every sandbox's view. Where the operator's environment names
//! another one, for any client, its certificates and the machine's together become one file that all
//! clients are pointed to. Only certificates are taken: a private key in the same file stays out.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Variables by which the operator, and then the sandbox, names a bundle to a client.
pub const VARIABLES: [&str; 10] = [
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "CARGO_HTTP_CAINFO",
    "GIT_SSL_CAINFO",
    "NIX_SSL_CERT_FILE",
    "npm_config_cafile",
    "DENO_CERT",
];
/// A directory of certificates.
const DIRECTORY: &str = "SSL_CERT_DIR";
/// Where distributions keep the machine's bundle.
const OF_THE_MACHINE: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// Most bytes of one file that are read; whole bundles have a quarter of a megabyte.
const LARGEST: u64 = 16 << 20;
/// Most files of a directory.
const FILES: usize = 4096;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The bundle; nothing where the operator names none, or none that can be read.
pub fn bundle(env: &BTreeMap<OsString, OsString>) -> Option<Vec<u8>> {
    let path = |name: &str| env.get(OsStr::new(name)).map(PathBuf::from);
    let named = VARIABLES.iter().filter_map(|name| path(name));
    let mut files: BTreeSet<PathBuf> = named.collect();
    files.extend(
        path(DIRECTORY)
            .iter()
            .flat_map(|directory| listed(directory)),
    );
    let mut certificates = BTreeSet::new();
    for file in &files {
        certificates.extend(certificates_of(file));
    }
    if certificates.is_empty() {
        return None;
    }
    for file in OF_THE_MACHINE {
        certificates.extend(certificates_of(Path::new(file)));
    }
    Some(certificates.into_iter().collect::<String>().into_bytes())
}

/// Files of the directories that such a variable lists.
fn listed(directories: &Path) -> Vec<PathBuf> {
    std::env::split_paths(directories)
        .filter_map(|directory| fs::read_dir(directory).ok())
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .take(FILES)
        .collect()
}

/// The certificates in a file, each as text that ends with a line end. A file that is none has none.
fn certificates_of(file: &Path) -> Vec<String> {
    let regular = fs::metadata(file).is_ok_and(|meta| meta.is_file());
    let mut text = Vec::new();
    let read = File::open(file)
        .ok()
        .filter(|_| regular)
        .and_then(|file| file.take(LARGEST).read_to_end(&mut text).ok());
    if read.is_none() {
        return Vec::new();
    }
    certificates_in(&String::from_utf8_lossy(&text))
}

fn certificates_in(text: &str) -> Vec<String> {
    let mut rest = text;
    let mut found = Vec::new();
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let Some((body, after)) = after.split_once(END) else {
            break;
        };
        found.push(format!("{BEGIN}{body}{END}\n"));
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(body: &str) -> String {
        format!("{BEGIN}\n{body}\n{END}\n")
    }

    fn environment(vars: &[(&str, &Path)]) -> BTreeMap<OsString, OsString> {
        vars.iter()
            .map(|(name, path)| (name.into(), path.into()))
            .collect()
    }

    #[test]
    fn certificates_are_taken_and_keys_are_left() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("corporate.pem");
        let key = "-----BEGIN PRIVATE KEY-----\nhidden\n-----END PRIVATE KEY-----\n";
        let text = format!(
            "# comment\n{key}{}{}",
            certificate("one"),
            certificate("two")
        );
        fs::write(&file, text).unwrap();
        let bundle = bundle(&environment(&[("PIP_CERT", &file)])).unwrap();
        let bundle = String::from_utf8(bundle).unwrap();
        assert!(bundle.contains(&certificate("one")) && bundle.contains(&certificate("two")));
        assert!(!bundle.contains("hidden") && !bundle.contains("comment"));
    }

    #[test]
    fn files_of_several_clients_and_of_a_directory_become_one_bundle() {
        let directory = tempfile::tempdir().unwrap();
        let within = directory.path().join("within");
        fs::create_dir(&within).unwrap();
        let file = directory.path().join("a.pem");
        fs::write(&file, certificate("one")).unwrap();
        fs::write(within.join("b.pem"), certificate("two")).unwrap();
        let vars = [
            ("NODE_EXTRA_CA_CERTS", file.as_path()),
            (DIRECTORY, &within),
        ];
        let bundle = String::from_utf8(bundle(&environment(&vars)).unwrap()).unwrap();
        assert!(bundle.contains(&certificate("one")) && bundle.contains(&certificate("two")));
    }

    #[test]
    fn without_a_readable_certificate_nothing_is_said() {
        assert_eq!(bundle(&BTreeMap::new()), None);
        let missing = environment(&[("SSL_CERT_FILE", Path::new("/nonexistent"))]);
        assert_eq!(bundle(&missing), None);
        let device = environment(&[("SSL_CERT_FILE", Path::new("/dev/zero"))]);
        assert_eq!(bundle(&device), None);
    }
}
