//! `shieldwall model scan | sign | verify | bom`, and the way of a model from training to acting.

use serde_json::Value;

use super::run::{Place, Ran};

/// A pickle that would run `echo hi`; made here, never a file of the project.
const HOSTILE: &[u8] = b"\x80\x04cos\nsystem\n\x8c\x07echo hi\x85R.";

fn lines(ran: &Ran) -> Vec<Value> {
    ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn verdicts_and_exit_codes_say_what_was_proven() {
    let place = Place::new();
    place.file("clean/data.pkl", b"\x80\x04}\x94\x8c\x01aK\x01s.");
    place.file("clean/README.md", "# A model\n\nIt adds numbers.\n");
    place.file("hostile/config.json", HOSTILE);
    place.file("unknown/blob.bin", [7u8, 0, 255, 3, 9, 1, 200, 13].repeat(40));
    let scan = |name: &str| {
        place.run([
            "model".as_ref(),
            "scan".as_ref(),
            place.path(name).as_os_str(),
            "--format".as_ref(),
            "jsonl".as_ref(),
        ])
    };
    assert_eq!(scan("clean").code, 0, "{}", scan("clean").out);
    assert_eq!((scan("hostile").code, scan("unknown").code), (1, 2));
    let both = place.run([
        "model".as_ref(),
        "scan".as_ref(),
        place.path("hostile").as_os_str(),
        place.path("unknown").as_os_str(),
    ]);
    assert!(both.code == 3 && both.out.contains("os.system(\"echo hi\")"), "{}", both.out);
    assert!(both.out.contains("pickle-call: CWE-502, CWE-94, AML.T0011.000"), "{}", both.out);
    assert_eq!(scan("no such place").code, 4);
    let found = lines(&scan("hostile"));
    assert_eq!(found[0]["verdict"], "malicious");
    assert!(found[0]["path"].as_str().unwrap().ends_with("config.json"));
    let finding = &found[0]["findings"][0];
    assert!(finding["offset"].is_u64() && finding["call"].as_str().unwrap().contains("os.system"), "{finding}");
    for format in ["sarif", "cyclonedx"] {
        let ran = place.run([
            "model".as_ref(),
            "scan".as_ref(),
            place.path("hostile").as_os_str(),
            "--format".as_ref(),
            format.as_ref(),
        ]);
        let document: Value = serde_json::from_str(&ran.out).unwrap();
        let text = document.to_string();
        assert!(["pickle-call", "AML.T0011.000", "502"].iter().all(|part| text.contains(part)), "{format}: {text}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/etc/hostname", place.path("clean/link")).unwrap();
        assert_eq!(scan("clean").code, 2, "a link is not followed, and so not proven");
    }
}

#[test]
fn what_was_signed_is_verified_and_what_was_not_is_named() {
    let place = Place::new();
    place.file("m/weights.bin", [1u8; 5000]);
    place.file("m/.gitattributes", "*.bin lfs\n");
    let model = place.path("m");
    let signature = place.path("m.sig");
    let run = |parts: &[&std::ffi::OsStr]| place.run(["model".as_ref()].iter().chain(parts));
    let signed = run(&["sign".as_ref(), model.as_os_str(), "-o".as_ref(), signature.as_os_str()]);
    assert_eq!(signed.code, 0, "{}", signed.err);
    let from = signed.out.find("-----BEGIN").unwrap();
    let public = place.file("signer.pub", &signed.out.as_bytes()[from..]);
    let verify = || {
        run(&[
            "verify".as_ref(),
            model.as_os_str(),
            "--signature".as_ref(),
            signature.as_os_str(),
            "--public-key".as_ref(),
            public.as_os_str(),
        ])
    };
    assert!(verify().code == 0 && verify().out.contains("2 files"), "{}", verify().out);
    place.file("m/.github/x.py", "print()");
    let refused = verify();
    assert!(refused.code == 1 && refused.out.contains("`.github/x.py` is not covered"), "{}", refused.out);
    let allowed = run(&[
        "verify".as_ref(),
        model.as_os_str(),
        "--signature".as_ref(),
        signature.as_os_str(),
        "--public-key".as_ref(),
        public.as_os_str(),
        "--allow-unsigned".as_ref(),
        ".github".as_ref(),
    ]);
    assert!(allowed.code == 0 && allowed.out.contains("not signed, as you allowed: .github/x.py"), "{}", allowed.out);
    let wrong = run(&["verify".as_ref(), model.as_os_str(), "--signature".as_ref(), signature.as_os_str()]);
    assert_eq!(wrong.code, 4, "somebody must be believed");
}

#[test]
fn a_bom_says_what_is_verified_and_what_is_claimed() {
    let place = Place::new();
    let ran = place.run(["model", "bom", "content/models/domain", "--spec", "1.7"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let bom: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((bom["bomFormat"].as_str(), bom["specVersion"].as_str()), (Some("CycloneDX"), Some("1.7")));
    let properties = bom["metadata"]["component"]["properties"].to_string();
    assert!(properties.contains("\"verified\"") && properties.contains("\"claimed\""), "{properties}");
    assert_eq!(ran.out, place.run(["model", "bom", "content/models/domain", "--spec", "1.7"]).out);
    assert_eq!(place.run(["model", "bom", "no such place"]).code, 4);
}
