use super::*;

fn manifest() -> Manifest {
    Manifest::read("name = \"acme\"\nversion = \"1.2.0\"\nkind = \"rules\"\nlicence = \"Apache-2.0\"\n").unwrap()
}

fn files() -> Vec<(String, Vec<u8>)> {
    vec![("b/two.yml".to_owned(), vec![b'x'; 700]), ("a.yml".to_owned(), b"one".to_vec())]
}

#[test]
fn a_pack_is_the_same_bytes_and_one_signature_covers_all() {
    let mut turned = files();
    turned.reverse();
    let bytes = build(manifest(), files()).unwrap();
    assert_eq!(bytes, build(manifest(), turned).unwrap());
    let key = SecretKey::generate_ed25519().unwrap();
    let keys = [key.public()];
    assert!(read(&bytes).unwrap().verify(&keys).is_err());
    let signed = sign(&bytes, &key).unwrap();
    let pack = read(&signed).unwrap();
    assert_eq!(pack.verify(&keys).unwrap(), key.public().id());
    assert_eq!((pack.files().len(), pack.manifest().version().unwrap()), (2, Version(1, 2, 0)));
    let other = SecretKey::generate_ed25519().unwrap();
    assert!(pack.verify(&[other.public()]).is_err());
    assert_eq!(read(&sign(&signed, &other).unwrap()).unwrap().verify(&[other.public()]).unwrap(), other.public().id());
    // No changed byte changes what is believed.
    for at in (0..signed.len()).step_by(7) {
        let mut changed = signed.clone();
        changed[at] ^= 1;
        // The key id in the envelope is a hint and not signed; nothing else may change.
        if let Ok(other) = read(&changed)
            && other.verify(&keys).is_ok()
        {
            assert_eq!((other.hash(), other.files()), (pack.hash(), pack.files()), "byte {at}");
        }
    }
    for end in (0..signed.len()).step_by(97) {
        assert!(read(&signed[..end]).is_err(), "{end}");
    }
}

#[test]
fn hostile_archives_are_no_packs() {
    let name = |name: &str| tar::write(&[(name.to_owned(), Vec::new())]);
    for bad in
        ["", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "a\\b", "c:x", "a\u{0}b", "a\n", "x.", &"a".repeat(101)]
    {
        assert!(name(bad).is_err(), "{bad:?}");
    }
    let twice = tar::write(&[("a".to_owned(), Vec::new()), ("A".to_owned(), Vec::new())]).unwrap();
    assert!(tar::read(&twice).is_err());
    let good = build(manifest(), files()).unwrap();
    let mut huge = good.clone();
    huge[124..135].copy_from_slice(b"77777777777");
    let mut link = good.clone();
    link[156] = b'2';
    let more = [good.as_slice(), &[0; 512]].concat();
    let text = tar::write(&[(MANIFEST.to_owned(), b"name = 1".to_vec())]).unwrap();
    let evil = tar::write(&[(MANIFEST.to_owned(), b"name = \"../x\"\nversion = \"1.0.0\"\nkind = \"rules\"".to_vec())])
        .unwrap();
    let mut extra = tar::read(&good).unwrap();
    extra.push(("c.yml".to_owned(), b"not named".to_vec()));
    let extra = tar::write(&extra).unwrap();
    for bytes in [Vec::new(), vec![0; 512], vec![0xff; 2048], huge, link, more, text, evil, extra, vec![0; 1024]] {
        assert!(read(&bytes).is_err());
    }
    for version in ["", "1", "1.2", "1.2.3.4", "a.b.c", "-1.0.0", "99999999999.0.0"] {
        assert!(version.parse::<Version>().is_err(), "{version}");
    }
    assert!(Version(1, 10, 0) > Version(1, 9, 9));
}
