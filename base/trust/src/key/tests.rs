use super::*;

const ALL: [Algorithm; 4] = [Algorithm::Ed25519, Algorithm::P256, Algorithm::P384, Algorithm::P521];

#[test]
fn keys_sign_verify_and_survive_their_files() {
    for algorithm in ALL {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/key.pem");
        let key = SecretKey::create(&path, algorithm).unwrap();
        assert_eq!((key.algorithm(), key.public().algorithm()), (algorithm, algorithm));
        let again = SecretKey::load(&path).unwrap();
        assert_eq!(again.public(), key.public(), "{algorithm}");
        let signature = key.sign(b"bytes");
        assert_eq!(signature, again.sign(b"bytes"), "the same bytes give the same signature");
        let public = PublicKey::from_pem(&key.public().to_pem()).unwrap();
        assert_eq!(public.id(), key.public().id());
        assert_eq!(public.verify(b"bytes", &signature), Ok(()));
        assert_eq!(public.verify(b"bytez", &signature), Err(BadSignature));
        assert_eq!(public.verify(b"bytes", &[]), Err(BadSignature));
        for at in 0..signature.len() {
            let mut other = signature.clone();
            other[at] ^= 1;
            assert_eq!(public.verify(b"bytes", &other), Err(BadSignature), "{algorithm} byte {at}");
        }
        for other in ALL {
            assert!(SecretKey::generate(other).unwrap().public().verify(b"bytes", &signature).is_err());
        }
        assert!(SecretKey::create(&path, algorithm).is_err(), "a key is never written over");
    }
}

#[test]
fn keys_made_by_openssl_are_read_and_named_as_model_signing_names_them() {
    // Made for this test with `openssl ecparam -genkey`, and worth nothing.
    for (text, algorithm) in [
        (include_str!("testdata/p256-sec1.pem"), Algorithm::P256),
        (include_str!("testdata/p384-pkcs8.pem"), Algorithm::P384),
        (include_str!("testdata/p521-sec1.pem"), Algorithm::P521),
        (include_str!("testdata/ed25519-pkcs8.pem"), Algorithm::Ed25519),
    ] {
        let key = SecretKey::from_pem(text).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        let signed = key.sign(b"x");
        assert_eq!(key.public().verify(b"x", &signed), Ok(()));
    }
    let public = include_str!("testdata/p256-public.pem");
    let key = SecretKey::from_pem(include_str!("testdata/p256-sec1.pem")).unwrap();
    assert_eq!(key.public().to_pem(), public);
    assert_eq!(PublicKey::from_pem(public).unwrap().id(), include_str!("testdata/p256-public.sha256").trim());
}

#[test]
fn a_key_is_made_once_and_only_its_owner_may_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys/local.pem");
    let first = SecretKey::load_or_create(&path).unwrap();
    assert_eq!(SecretKey::load_or_create(&path).unwrap().public(), first.public());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for mode in [0o640, 0o604, 0o620] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let error = SecretKey::load_or_create(&path).unwrap_err().to_string();
            assert!(error.contains(&format!("{mode:o}")) && error.contains("local.pem"), "{error}");
        }
    }
    assert!(SecretKey::load(folder.path()).is_err());
}

#[test]
fn what_is_no_key_is_refused_with_its_place_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("k.pem");
    let pem = |label: &str, body: &str| format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
    for text in [
        String::new(),
        "-----BEGIN PRIVATE KEY-----".to_owned(),
        pem("PRIVATE KEY", ""),
        pem("PRIVATE KEY", "AAAA"),
        pem("PRIVATE KEY", "%%%%"),
        pem("EC PRIVATE KEY", "AAAA"),
        pem("RSA PRIVATE KEY", "AAAA"),
        pem("PUBLIC KEY", "MCowBQYDK2VwAyEAAAAA"),
        "\u{feff}é-----END PRIVATE KEY----------BEGIN PRIVATE KEY-----".to_owned(),
    ] {
        assert!(SecretKey::from_pem(&text).is_err(), "{text}");
        assert!(PublicKey::from_pem(&text).is_err(), "{text}");
        std::fs::write(&path, &text).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        assert!(SecretKey::load(&path).unwrap_err().to_string().contains("k.pem"), "{text}");
    }
    assert!(matches!(SecretKey::from_pem(&pem("ENCRYPTED PRIVATE KEY", "AAAA")), Err(KeyError::Encrypted)));
    let key = SecretKey::generate_ed25519().unwrap();
    let (shown, pem) = (format!("{key:?} {key:#?}"), key.to_pem().unwrap());
    let secret = pem.lines().nth(1).unwrap();
    assert!(!shown.contains(secret.get(secret.len() - 8..).unwrap_or("?")), "{shown}");
}

#[test]
fn keys_of_small_order_are_refused() {
    // The neutral element: a signature of zeros would fit any message.
    let mut der = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    der.push(1);
    der.extend([0; 31]);
    assert!(matches!(PublicKey::from_der(&der), Err(KeyError::Unsupported)));
}

#[test]
fn damaged_der_never_panics() {
    let der = {
        use base64::Engine;
        let pem = SecretKey::generate(Algorithm::P256).unwrap().public().to_pem();
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        base64::engine::general_purpose::STANDARD.decode(body).unwrap()
    };
    assert!(PublicKey::from_der(&der).is_ok());
    for cut in 0..der.len() {
        assert!(PublicKey::from_der(&der[..cut]).is_err());
    }
    for at in 0..der.len() {
        for value in [0x00, 0x7f, 0x80, 0x84, 0xff] {
            let mut other = der.clone();
            other[at] = value;
            let _ = PublicKey::from_der(&other);
        }
    }
}
