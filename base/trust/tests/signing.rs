//! Signatures over trees: what holds, and everything that must not. Certificates were made for this test alone.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::fs;
use std::path::Path;

use shieldwall_trust::key::{Algorithm, SecretKey};
use shieldwall_trust::sign::{
    Believed, Credential, Hashing, Manifest, Method, Refusal, Report, bundle, chain, entries, sign, tree, verify,
};

const NOW: u64 = 1_800_000_000;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("a.txt", "a"),
        ("a/z.bin", "zz"),
        ("config.json", "{}"),
        (".github/x.py", "print()"),
        ("weights/empty", ""),
        ("weights/ü.bin", "0123456789"),
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn manifest(root: &Path, method: Method, hashing: Hashing) -> Manifest {
    let files = entries(root).unwrap();
    let resources = tree::hash(&files, method, hashing, 3).unwrap();
    let empty = files.iter().filter(|file| file.len == 0 && method != Method::Files);
    Manifest {
        name: "model".into(),
        method,
        hashing,
        resources,
        empty_files: empty.map(|file| file.name.clone()).collect(),
        ignored: Vec::new(),
        more: Vec::new(),
    }
}

fn check(bundle: &str, root: &Path, key: &SecretKey, allowed: &[&str]) -> Result<Report, Refusal> {
    let allowed: Vec<String> = allowed.iter().map(|path| (*path).to_owned()).collect();
    verify(bundle.as_bytes(), root, None, &Believed::Key(key.public()), &allowed, 2)
}

fn refused(found: Result<Report, Refusal>, words: &str) {
    let error = found.unwrap_err().to_string();
    assert!(error.contains(words), "`{error}` does not say `{words}`");
}

#[test]
fn every_hash_method_and_key_holds_and_one_thread_hashes_like_many() {
    let folder = folder();
    for algorithm in [Algorithm::Ed25519, Algorithm::P256, Algorithm::P384, Algorithm::P521] {
        let key = SecretKey::generate(algorithm).unwrap();
        for hashing in [Hashing::Sha256, Hashing::Blake2b, Hashing::Blake3] {
            for method in [Method::Files, Method::Shards(3)] {
                let manifest = manifest(folder.path(), method, hashing);
                let report = check(&sign(&manifest, &key, &Credential::Key), folder.path(), &key, &[]).unwrap();
                assert_eq!((report.covered, report.signer), (6, key.public().id()));
                let files = entries(folder.path()).unwrap();
                assert_eq!(tree::hash(&files, method, hashing, 1).unwrap(), manifest.resources);
            }
        }
    }
}

#[test]
fn paths_are_ordered_by_components_and_git_is_covered() {
    let folder = folder();
    let names: Vec<String> = entries(folder.path()).unwrap().into_iter().map(|file| file.name).collect();
    assert_eq!(names, [".github/x.py", "a/z.bin", "a.txt", "config.json", "weights/empty", "weights/ü.bin"]);
}

#[test]
fn whatever_changes_in_the_tree_is_named() {
    let key = SecretKey::generate_ed25519().unwrap();
    let original = folder();
    for method in [Method::Files, Method::Shards(4)] {
        let bundle = sign(&manifest(original.path(), method, Hashing::Sha256), &key, &Credential::Key);
        type Change = fn(&Path);
        let changes: [(Change, &str); 7] = [
            (|root| fs::write(root.join("weights/ü.bin"), "0123456_89").unwrap(), "ü.bin"),
            (|root| fs::remove_file(root.join("config.json")).unwrap(), "config.json"),
            (|root| fs::write(root.join(".github/new.py"), "x").unwrap(), "`.github/new.py` is not covered"),
            (|root| fs::write(root.join("weights/__init__.py"), "").unwrap(), "__init__.py` is not covered"),
            (|root| fs::write(root.join("weights/empty"), "x").unwrap(), "weights/empty"),
            (|root| fs::remove_file(root.join("weights/empty")).unwrap(), "`weights/empty` is missing"),
            (
                |root| {
                    fs::rename(root.join("a.txt"), root.join("b")).unwrap();
                    fs::rename(root.join("config.json"), root.join("a.txt")).unwrap();
                    fs::rename(root.join("b"), root.join("config.json")).unwrap();
                },
                "has changed",
            ),
        ];
        for (change, words) in changes {
            let folder = folder();
            check(&bundle, folder.path(), &key, &[]).unwrap();
            change(folder.path());
            let found = check(&bundle, folder.path(), &key, &[]);
            let words = if method == Method::Files { words } else { words.trim_end_matches("has changed") };
            refused(found, words);
        }
    }
}

#[test]
fn only_what_the_user_names_may_be_left_out_and_it_is_told() {
    let (folder, key) = (folder(), SecretKey::generate_ed25519().unwrap());
    let mut manifest = manifest(folder.path(), Method::Files, Hashing::Sha256);
    manifest.resources.retain(|one| !one.name.starts_with(".github"));
    manifest.ignored = vec![".github".into()];
    let bundle = sign(&manifest, &key, &Credential::Key);
    refused(check(&bundle, folder.path(), &key, &[]), "the signer left it out");
    let report = check(&bundle, folder.path(), &key, &[".github"]).unwrap();
    assert_eq!(report.exempt, [".github/x.py"]);
    refused(check(&bundle, folder.path(), &key, &[".git", ".githu"]), "not covered");
}

#[test]
fn links_are_refused() {
    let (folder, key) = (folder(), SecretKey::generate_ed25519().unwrap());
    let bundle = sign(&manifest(folder.path(), Method::Files, Hashing::Sha256), &key, &Credential::Key);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join("link")).unwrap();
        refused(check(&bundle, folder.path(), &key, &[]), "is a link");
    }
}

#[test]
fn forged_statements_are_refused() {
    let (folder, key) = (folder(), SecretKey::generate_ed25519().unwrap());
    let good = manifest(folder.path(), Method::Files, Hashing::Sha256);
    let twice =
        Manifest { resources: [good.resources.clone(), vec![good.resources[0].clone()]].concat(), ..good.clone() };
    refused(check(&sign(&twice, &key, &Credential::Key), folder.path(), &key, &[]), "stands twice");
    for name in ["../etc/passwd", "/etc/passwd", "a//b", "a/./b", "a\\b", ""] {
        let mut bad = good.clone();
        bad.resources[0].name = name.into();
        refused(check(&sign(&bad, &key, &Credential::Key), folder.path(), &key, &[]), "no path below the root");
    }
    let other = SecretKey::generate_ed25519().unwrap();
    let bundle = sign(&good, &key, &Credential::Key);
    refused(check(&bundle, folder.path(), &other, &[]), "not by");
    let no_hint = bundle.replace(&key.public().id(), "");
    check(&no_hint, folder.path(), &key, &[]).unwrap();
    refused(check(&no_hint, folder.path(), &other, &[]), "does not hold");
    for (from, to, words) in [
        ("\"keyid\":\"\"", "\"keyid\":\"\",\"keyid\":\"\"", "stands twice"),
        ("v0.3", "v0.2", "version 0.3"),
        ("\"mediaType\"", "\"more\":1,\"mediaType\"", "unknown member"),
        ("\"signatures\":[", "\"signatures\":[{\"sig\":\"AA==\",\"keyid\":\"\"},", "exactly one"),
        ("vnd.in-toto+json", "vnd.other+json", "no in-toto"),
    ] {
        assert!(bundle.contains(from), "{from}");
        refused(check(&bundle.replace(from, to), folder.path(), &key, &[]), words);
    }
}

#[test]
fn a_byte_changed_anywhere_in_a_signature_is_refused_or_says_the_same() {
    let (folder, key) = (folder(), SecretKey::generate(Algorithm::P256).unwrap());
    let bundle = sign(&manifest(folder.path(), Method::Files, Hashing::Sha256), &key, &Credential::Key).into_bytes();
    for at in (0..bundle.len()).step_by(7) {
        for byte in [b'A', b'0', b'"', 0, 0xff] {
            let mut damaged = bundle.clone();
            if damaged[at] == byte {
                continue;
            }
            damaged[at] = byte;
            let found = verify(&damaged, folder.path(), None, &Believed::Key(key.public()), &[], 1);
            if let Ok(report) = found {
                // Only where nothing is signed and nothing is said: white space, a key id.
                assert_eq!(report.manifest, bundle_manifest(&bundle), "byte {at} → {byte}");
            }
        }
    }
    for cut in [0, 1, 50, bundle.len() / 2, bundle.len() - 3] {
        assert!(bundle::open(&bundle[..cut]).is_err());
    }
}

fn bundle_manifest(bytes: &[u8]) -> Manifest {
    let payload = bundle::open(bytes).unwrap().payload;
    Manifest::of(&serde_json::from_slice(&payload).unwrap()).unwrap()
}

fn read(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates").join(name);
    chain::from_pem(&fs::read_to_string(path).unwrap()).unwrap().remove(0)
}

#[test]
fn a_chain_holds_while_it_is_valid_for_code_and_under_a_root_of_ours() {
    let folder = folder();
    let secret = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates/signer.key");
    let key = SecretKey::from_pem(&fs::read_to_string(secret).unwrap()).unwrap();
    let manifest = manifest(folder.path(), Method::Files, Hashing::Blake3);
    let at = |certificates: Vec<Vec<u8>>, roots: Vec<Vec<u8>>, now_s: u64| {
        let bundle = sign(&manifest, &key, &Credential::Chain(certificates));
        let believed = Believed::Roots { certificates: roots, now_s };
        verify(bundle.as_bytes(), folder.path(), None, &believed, &[], 2)
    };
    let (signer, root) = (read("signer.pem"), read("root.pem"));
    let report = at(vec![signer.clone(), root.clone()], vec![root.clone()], NOW).unwrap();
    assert!(report.signer.contains("Anna signer"), "{}", report.signer);
    at(vec![signer.clone()], vec![root.clone()], NOW).unwrap();
    refused(at(vec![signer.clone()], vec![root.clone()], 7_000_000_000), "has expired");
    refused(at(vec![signer.clone()], vec![root.clone()], 1_000_000_000), "not valid yet");
    refused(at(vec![signer.clone(), root.clone()], vec![read("not-for-code.pem")], NOW), "does not lead to a root");
    refused(at(vec![read("not-for-code.pem")], vec![root.clone()], NOW), "not for signing code");
    refused(at(Vec::new(), vec![root.clone()], NOW), "no certificate");
    refused(at(vec![b"junk".to_vec()], vec![root], NOW), "damaged");
}

#[test]
fn old_statements_are_read_with_the_mistake_of_their_time() {
    let (folder, key) = (folder(), SecretKey::generate(Algorithm::P256).unwrap());
    let good = manifest(folder.path(), Method::Files, Hashing::Sha256);
    let subjects: Vec<serde_json::Value> = good
        .resources
        .iter()
        .map(|one| {
            let digest: String = one.digest.iter().map(|byte| format!("{byte:02x}")).collect();
            serde_json::json!({ "name": one.name, "digest": { "sha256": digest } })
        })
        .collect();
    let payload = serde_json::json!({
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "https://model_signing/Digests/v0.1",
        "subject": subjects,
        "predicate": { "unused": "it's \"Unused\"\n" },
    })
    .to_string();
    use base64::Engine;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let bundle = |signed: Vec<u8>| {
        serde_json::json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": { "publicKey": {} },
            "dsseEnvelope": {
                "payload": encode(payload.as_bytes()), "payloadType": "application/vnd.in-toto+json",
                "signatures": [{ "sig": encode(&key.sign(&signed)) }],
            },
        })
        .to_string()
    };
    check(&bundle(shieldwall_trust::dsse::encoding(payload.as_bytes())), folder.path(), &key, &[]).unwrap();
    check(&bundle(bundle::encoding_before_1_0(payload.as_bytes())), folder.path(), &key, &[]).unwrap();
    refused(check(&bundle(payload.clone().into_bytes()), folder.path(), &key, &[]), "does not hold");
}
