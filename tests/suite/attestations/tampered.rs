//! Every part of an attestation, changed: each variant is refused, and for its own reason.

use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use ed25519_dalek::SigningKey;
use passmuster_tests::{Finished, Repository, TestEnv, tool};
use serde_json::{Value, json};

use super::support::*;

/// A pass that may be merged, its key, and where a variant of it is put.
struct Scene<'env> {
    env: &'env TestEnv,
    repo: Repository<'env>,
    key: SigningKey,
    parts: Parts,
    public: PathBuf,
    file: PathBuf,
}

impl<'env> Scene<'env> {
    fn new(env: &'env TestEnv) -> Self {
        let (private, _, public) = pem_key(env, "key");
        let repo = proposed(env, "good-fix-lost-cents");
        let (file, finished) = attested(env, &repo, &private);
        finished.assert_code(0);
        let scene = Self {
            env,
            repo,
            key: signing_key(&private),
            parts: Parts::read(&file),
            public,
            file,
        };
        assert_merges(&scene.asked(fs::read(&scene.file).unwrap()));
        scene
    }

    /// What the gate says of this file.
    fn asked(&self, bytes: impl AsRef<[u8]>) -> Finished {
        fs::write(&self.file, bytes).unwrap();
        let args = [
            "--attestation",
            text(&self.file),
            "--key",
            text(&self.public),
        ];
        gate(self.env, &self.repo, "topic", &args)
    }

    #[track_caller]
    fn refuses(&self, bytes: impl AsRef<[u8]>, codes: &[&str]) {
        assert_refused(&self.asked(bytes), codes);
    }

    /// The envelope after an edit.
    fn envelope(&self, edit: impl Fn(&mut Value)) -> String {
        let mut envelope = self.parts.envelope();
        edit(&mut envelope);
        envelope.to_string()
    }
}

#[test]
fn an_envelope_that_was_touched_anywhere_is_refused() {
    let env = TestEnv::new();
    let scene = Scene::new(&env);
    let parts = &scene.parts;
    // The control: our own way of putting it together is right, in either alphabet.
    assert_merges(&scene.asked(parts.envelope().to_string()));
    let url_safe = scene.envelope(|one| {
        one["signatures"][0]["sig"] = BASE64_URL_SAFE.encode(&parts.signature).into()
    });
    assert_merges(&scene.asked(url_safe));
    assert_merges(&scene.asked(parts.edited(&scene.key, |_| {}).envelope().to_string()));

    let malformed: [&dyn Fn(&mut Value); 12] = [
        &|one| one["payloadType"] = json!("application/json"),
        &|one| one["payloadType"] = json!(""),
        &|one| one["payload"] = json!("no base64!"),
        &|one| one["payload"] = json!(7),
        &|one| one["more"] = json!(1),
        &|one| one["signatures"] = json!([]),
        &|one| one["signatures"] = json!({}),
        &|one| {
            let again = one["signatures"][0].clone();
            one["signatures"].as_array_mut().unwrap().push(again);
        },
        &|one| one["signatures"][0]["more"] = json!(1),
        &|one| one["signatures"][0]["sig"] = json!("===="),
        &|one| {
            drop(
                one["signatures"][0]
                    .as_object_mut()
                    .unwrap()
                    .remove("keyid"),
            )
        },
        &|one| drop(one.as_object_mut().unwrap().remove("payloadType")),
    ];
    for edit in malformed {
        scene.refuses(scene.envelope(edit), &["malformed"]);
    }
    let whole = parts.envelope().to_string();
    for cut in [0, 1, whole.len() / 2, whole.len() - 1] {
        scene.refuses(&whole[..cut], &["malformed"]);
    }
    scene.refuses(format!("{whole} x"), &["malformed"]);
    scene.refuses(format!("{whole}\n{whole}"), &["malformed"]);
    scene.refuses(
        whole.replacen("{\"payload\"", "{\"payload\":\"\",\"payload\"", 1),
        &["malformed"],
    );
    scene.refuses(b"\xff\xfe\0\0", &["malformed"]);

    for (sig, why) in [
        (vec![0; 64], "tampered"),
        (parts.signature[..63].to_vec(), "tampered"),
        ([&parts.signature[..], &[0]].concat(), "tampered"),
        (Vec::new(), "tampered"),
        (plus_order(&parts.signature), "tampered"),
    ] {
        scene.refuses(
            scene.envelope(|one| one["signatures"][0]["sig"] = BASE64_STANDARD.encode(&sig).into()),
            &[why],
        );
    }
    let other = pem_key(&env, "other");
    let stranger = parts.signed(parts.payload.clone(), &signing_key(&other.0));
    scene.refuses(stranger.envelope().to_string(), &["tampered"]);
    let fingerprint = tool(env.command("ssh-keygen").args(["-l", "-f"]).arg(&other.2));
    let fingerprint = fingerprint.split(' ').nth(1).unwrap();
    let named = Parts {
        keyid: fingerprint.to_owned(),
        ..stranger
    };
    scene.refuses(named.envelope().to_string(), &["unknown-key"]);
    // The right signature under a wrong or an evil name.
    for keyid in [
        "",
        fingerprint,
        "\u{1b}]0;may be merged\u{7}\nmay be merged",
    ] {
        scene.refuses(
            Parts {
                keyid: keyid.to_owned(),
                ..parts.clone()
            }
            .envelope()
            .to_string(),
            &["unknown-key"],
        );
    }
}

/// The same signature with its scalar raised by the order of the group: what lax verifiers accept as well.
fn plus_order(signature: &[u8]) -> Vec<u8> {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut raised = signature.to_vec();
    let mut carry = 0;
    for (byte, add) in raised[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = u8::try_from(sum & 0xff).unwrap();
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    raised
}

#[test]
fn a_bit_that_was_flipped_anywhere_is_noticed() {
    let env = TestEnv::new();
    let scene = Scene::new(&env);
    for bit in 0..64 * 8 {
        // Every eighth, and another one in each byte.
        if bit % 8 != bit / 8 % 8 {
            continue;
        }
        let mut parts = scene.parts.clone();
        parts.signature[bit / 8] ^= 1 << (bit % 8);
        scene.refuses(parts.envelope().to_string(), &["tampered"]);
    }
    let length = scene.parts.payload.len();
    for step in 0..64 {
        let mut parts = scene.parts.clone();
        let at = step * length / 64;
        parts.payload[at] ^= 1 << (step % 7);
        scene.refuses(parts.envelope().to_string(), &["tampered"]);
    }
}

#[test]
fn a_payload_of_another_candidate_or_an_edited_one_does_not_fit_its_signature() {
    let env = TestEnv::new();
    let scene = Scene::new(&env);
    let (private, _, _) = pem_key(&env, "second");
    let other = proposed(&env, "good-equality");
    let (file, _) = attested(&env, &other, &private);
    let swapped = Parts {
        payload: Parts::read(&file).payload,
        ..scene.parts.clone()
    };
    scene.refuses(swapped.envelope().to_string(), &["tampered"]);
    // Each leaf of the statement, changed without a new signature.
    let statement = scene.parts.statement();
    let mut leaves = Vec::new();
    leaves_of(&statement, String::new(), &mut leaves);
    assert!(leaves.len() > 100, "{}", leaves.len());
    for pointer in leaves.iter().step_by(4) {
        let mut edited = statement.clone();
        *edited.pointer_mut(pointer).unwrap() = json!("changed");
        let parts = Parts {
            payload: edited.to_string().into_bytes(),
            ..scene.parts.clone()
        };
        scene.refuses(parts.envelope().to_string(), &["tampered"]);
    }
}

/// JSON pointers to whatever is no table and no list.
fn leaves_of(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(table) => table
            .iter()
            .for_each(|(key, inner)| leaves_of(inner, format!("{at}/{key}"), found)),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .for_each(|(key, inner)| leaves_of(inner, format!("{at}/{key}"), found)),
        _ => found.push(at),
    }
}

/// What a signer could say who has the key and no verdict for it, or a verdict of another time and place.
#[test]
fn a_signed_statement_that_does_not_fit_or_contradicts_itself_is_refused() {
    let env = TestEnv::new();
    let scene = Scene::new(&env);
    let tree = "0123456789012345678901234567890123456789";
    type Edit<'a> = &'a dyn Fn(&mut Value);
    let rows: [(&[&str], Edit<'_>); 27] = [
        (&["contradictory", "wrong-tree"], &|one| {
            one["subject"][0]["digest"]["gitTree"] = json!(tree)
        }),
        (&["contradictory", "wrong-tree"], &|one| {
            one["subject"][0]["digest"]["gitTree"] = json!("\u{1b}[2J")
        }),
        (&["contradictory"], &|one| {
            one["predicate"]["record"]["subject"]["candidate_tree"] = json!(tree)
        }),
        (&["contradictory", "other-base"], &|one| {
            one["predicate"]["base"]["tree"] = json!(tree)
        }),
        (&["contradictory"], &|one| {
            one["predicate"]["record"]["subject"]["base_tree"] = json!(tree)
        }),
        (&["contradictory", "other-policy"], &|one| {
            one["predicate"]["policy"]["sha256"] = json!("0")
        }),
        (&["contradictory"], &|one| {
            one["predicate"]["record"]["policy"]["sha256"] = json!("0")
        }),
        (&["contradictory"], &|one| {
            one["predicate"]["digest"] = json!("0")
        }),
        (&["contradictory", "weaker-isolation"], &|one| {
            one["predicate"]["isolation"] = json!("landlock")
        }),
        (&["contradictory"], &|one| {
            one["predicate"]["record"]["isolation"] = json!("landlock")
        }),
        (&["contradictory"], &|one| {
            one["predicate"]["toolchains"] = json!([])
        }),
        (&["contradictory", "not-a-pass"], &|one| {
            one["predicate"]["verdict"] = json!("fail")
        }),
        (&["contradictory", "unapproved-review"], &|one| {
            one["predicate"]["record"]["verdict"] = json!("review")
        }),
        (&["contradictory", "not-a-pass"], &|one| {
            one["predicate"]["record"]["reasons"] =
                json!([{ "check": null, "code": "partial-run", "ids": [] }]);
        }),
        (&["contradictory", "unapproved-review"], &|one| {
            one["predicate"]["record"]["review"] =
                json!([{ "code": "flaky", "files": [], "ids": [] }]);
        }),
        (&["contradictory", "check-missing"], &|one| {
            one["predicate"]["record"]["checks"][0]["status"] = json!("not-run")
        }),
        (
            &["contradictory", "check-missing", "check-missing"],
            &|one| one["predicate"]["record"]["checks"] = json!([]),
        ),
        (&["detected-policy"], &|one| {
            one["predicate"]["policy"]["source"] = json!("detected")
        }),
        (&["expired"], &|one| {
            one["predicate"]["issued_at"] = json!("2026-01-01T00:00:00Z")
        }),
        (&["future-dated"], &|one| {
            one["predicate"]["issued_at"] = json!("2999-01-01T00:00:00Z")
        }),
        (&["future-dated"], &|one| {
            one["predicate"]["issued_at"] = json!("today")
        }),
        (&["malformed"], &|one| {
            one["_type"] = json!("https://in-toto.io/Statement/v0.1")
        }),
        (&["malformed"], &|one| {
            one["predicateType"] = json!("urn:passmuster:verdict:2")
        }),
        (&["malformed"], &|one| {
            one["predicateType"] = json!("urn:passmuster:approval:1")
        }),
        (&["malformed"], &|one| {
            one["predicate"]["verdict"] = json!("passed")
        }),
        (&["malformed"], &|one| {
            one["predicate"]["record"]["more"] = json!(1)
        }),
        (&["malformed"], &|one| {
            drop(
                one["predicate"]
                    .as_object_mut()
                    .unwrap()
                    .remove("isolation"),
            )
        }),
    ];
    for (codes, edit) in rows {
        scene.refuses(
            scene.parts.edited(&scene.key, edit).envelope().to_string(),
            codes,
        );
    }
    let payload = String::from_utf8(scene.parts.payload.clone()).unwrap();
    for other in [
        format!("{payload}\n"),
        payload.replacen(':', ": ", 1),
        payload.replacen(
            "\"verdict\":\"pass\"",
            "\"verdict\":\"fail\",\"verdict\":\"pass\"",
            1,
        ),
        "{}".to_owned(),
        String::new(),
        "[".repeat(100_000),
    ] {
        scene.refuses(
            scene
                .parts
                .signed(other.into_bytes(), &scene.key)
                .envelope()
                .to_string(),
            &["malformed"],
        );
    }
    // An approval alone is no verdict.
    let approval = json!({
        "_type": "https://in-toto.io/Statement/v1", "predicateType": "urn:passmuster:approval:1",
        "subject": [{ "digest": { "gitTree": tree }, "name": "candidate" }],
        "predicate": { "base_tree": tree, "issued_at": "2026-11-29T08:00:00Z", "policy": { "sha256": "0" }, "reason": "x",
            "runner": "0.1.0", "verdict_digest": "0" },
    });
    let alone = scene
        .parts
        .signed(approval.to_string().into_bytes(), &scene.key)
        .envelope()
        .to_string();
    scene.refuses(&alone, &["malformed"]);
    // And beside one it changes nothing.
    assert_merges(&scene.asked(format!("{}\n{alone}", scene.parts.envelope())));
}

#[test]
fn files_that_are_no_attestations_are_told_quickly_and_in_words() {
    let env = TestEnv::new();
    let scene = Scene::new(&env);
    scene.refuses("[".repeat(1 << 20), &["malformed"]);
    scene.refuses(
        format!("{}\n", scene.parts.envelope()).repeat(65),
        &["malformed"],
    );
    let huge = fs::File::create(&scene.file).unwrap();
    huge.set_len(33 << 20).unwrap();
    let pipe = env.work().join("pipe");
    tool(env.command("mkfifo").arg(&pipe));
    let missing = env.work().join("missing");
    for (file, said) in [
        (&scene.file, "larger than"),
        (&pipe, "not an ordinary file"),
        (&env.work(), "not an ordinary file"),
        (&missing, "cannot read"),
    ] {
        let asked = gate(
            &env,
            &scene.repo,
            "topic",
            &["--attestation", text(file), "--key", text(&scene.public)],
        );
        asked.assert_code(2).assert_clear_message(&[said]);
        let replayed = env.verify(&scene.repo, ["--replay", text(file)]).run();
        replayed.assert_code(2).assert_clear_message(&[said]);
    }
}

#[test]
fn an_attestation_grows_old() {
    let env = TestEnv::new();
    let scene = Scene::new(&env);
    let ago = |seconds: i64| {
        let script = "import sys, time; print(time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() - int(sys.argv[1]))), end='')";
        let time = tool(
            env.command("python")
                .args(["-c", script, &seconds.to_string()]),
        );
        scene
            .parts
            .edited(&scene.key, |one| {
                one["predicate"]["issued_at"] = json!(time)
            })
            .envelope()
            .to_string()
    };
    let day = 86_400;
    for (seconds, max_age, codes) in [
        (7 * day - 60, None, None),
        (7 * day + 60, None, Some("expired")),
        (7 * day + 60, Some("8d"), None),
        (400 * day, Some("none"), None),
        (120, Some("1m"), Some("expired")),
        (-240, None, None),
        (-420, Some("none"), Some("future-dated")),
    ] {
        fs::write(&scene.file, ago(seconds)).unwrap();
        let mut args = vec![
            "--attestation",
            text(&scene.file),
            "--key",
            text(&scene.public),
        ];
        args.extend(max_age.iter().flat_map(|age| ["--max-age", age]));
        let asked = gate(&env, &scene.repo, "topic", &args);
        match codes {
            None => assert_merges(&asked),
            Some(code) => assert_refused(&asked, &[code]),
        }
    }
}
