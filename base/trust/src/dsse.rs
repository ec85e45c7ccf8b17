//! DSSE v1: the envelope around everything that is signed here, statements of the registry and bundles of model-signing.
//!
//! The signature is over the pre-authentication encoding `DSSEv1 LEN(type) type LEN(body) body`, so what was signed can never
//! pass for anything else that the same key signed. This is the one place that makes it. Nothing is believed here: who opens
//! an envelope says whose signatures count.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::key::SecretKey;

/// The type of an in-toto statement, the only one that is signed here.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// Signatures of one envelope that are looked at: each costs a verification.
pub const SIGNATURES_MAX: usize = 16;

/// An envelope taken apart; nothing in it is checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// What was signed.
    pub payload: Vec<u8>,
    /// The signatures, at most [`SIGNATURES_MAX`]. Key ids are hints that say nothing, so they are left out.
    pub signatures: Vec<Vec<u8>>,
}

/// What a signature is over.
pub fn encoding(payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// Signs a payload. Gives the envelope as JSON. `key_id`: a hint for who reads it; may be empty.
pub fn seal(payload: &[u8], key: &SecretKey, key_id: &str) -> Value {
    json!({
        "payload": STANDARD.encode(payload),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{ "sig": STANDARD.encode(key.sign(&encoding(payload))), "keyid": key_id }],
    })
}

/// Takes an envelope apart.
///
/// # Errors
/// What is wrong, in words.
pub fn open(envelope: &Value) -> Result<Envelope, &'static str> {
    if envelope.get("payloadType").and_then(Value::as_str) != Some(PAYLOAD_TYPE) {
        return Err("the payload is no in-toto statement");
    }
    let payload = envelope.get("payload").and_then(Value::as_str).ok_or("no payload")?;
    let payload = STANDARD.decode(payload).map_err(|_| "the payload is no base64")?;
    let list = envelope.get("signatures").and_then(Value::as_array).ok_or("no signatures")?;
    if list.len() > SIGNATURES_MAX {
        return Err("too many signatures");
    }
    let signature = |one: &Value| {
        let text = one.get("sig").and_then(Value::as_str).ok_or("no signature")?;
        STANDARD.decode(text).map_err(|_| "the signature is no base64")
    };
    Ok(Envelope { payload, signatures: list.iter().map(signature).collect::<Result<_, _>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_that_of_the_specification() {
        let wanted = b"DSSEv1 28 application/vnd.in-toto+json 5 hello";
        assert_eq!(encoding(b"hello"), wanted);
        // Lengths stand before what they measure: one payload cannot end where another begins.
        assert_ne!(encoding(b"1 a"), encoding(b"1 a "));
    }

    #[test]
    fn what_is_sealed_opens_and_hostile_envelopes_do_not() {
        let key = SecretKey::generate_ed25519().unwrap();
        let sealed = seal(b"{}", &key, "hint");
        let opened = open(&sealed).unwrap();
        assert_eq!(opened.payload, b"{}");
        assert!(key.public().verify(&encoding(b"{}"), &opened.signatures[0]).is_ok());
        let without = |name: &str, value: Value| {
            let mut changed = sealed.clone();
            changed[name] = value;
            open(&changed).unwrap_err()
        };
        assert_eq!(without("payloadType", json!("text/plain")), "the payload is no in-toto statement");
        assert_eq!(without("payload", json!(1)), "no payload");
        assert_eq!(without("payload", json!("!")), "the payload is no base64");
        assert_eq!(without("signatures", json!({})), "no signatures");
        assert_eq!(without("signatures", json!([{}])), "no signature");
        assert_eq!(without("signatures", json!([{ "sig": "!" }])), "the signature is no base64");
        assert_eq!(without("signatures", json!(vec![1; SIGNATURES_MAX + 1])), "too many signatures");
    }
}
