//! An in-toto statement (v1) in a [DSSE](crate::dsse) envelope, as evidence and approvals are written.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::artifact::Hash;
use crate::dsse::{self, Envelope};
use crate::key::{PublicKey, SecretKey};
use crate::sign::strict;

/// Bytes of an envelope that are read: figures of a gate stay far below.
pub const SEALED_BYTES_MAX: usize = 1 << 20;

const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// A statement whose signature was checked. [`open`] alone makes one.
#[derive(Clone, Debug)]
pub struct Statement {
    /// What it is about.
    pub subjects: Vec<Hash>,
    /// What it says.
    pub predicate_type: String,
    /// The words.
    pub predicate: Value,
    /// [`PublicKey::id`] of who signed.
    pub signer: String,
}

/// Why an envelope says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSealed {
    /// It is none.
    #[error("no DSSE envelope of an in-toto statement: {0}")]
    Format(&'static str),
    /// No signature in it is by a key that is believed.
    #[error("not signed by a key that is believed")]
    Signer,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    predicate_type: String,
    #[serde(default)]
    predicate: Value,
}

#[derive(Deserialize)]
struct Subject {
    digest: Digest,
}

#[derive(Deserialize)]
struct Digest {
    sha256: String,
}

/// Signs a statement about an artifact. Gives the envelope as a line of JSON.
pub fn seal(subject: Hash, name: &str, predicate_type: &str, predicate: &Value, key: &SecretKey) -> String {
    let body = json!({
        "_type": STATEMENT_TYPE,
        "subject": [{ "name": name, "digest": { "sha256": subject.to_string() } }],
        "predicateType": predicate_type,
        "predicate": predicate,
    })
    .to_string();
    format!("{}\n", dsse::seal(body.as_bytes(), key, &key.public().id()))
}

/// Checks an envelope's signature and gives its statement. `keys`: who is believed.
///
/// # Errors
/// When it is none, or nobody believed signed it.
pub fn open(bytes: &[u8], keys: &[PublicKey]) -> Result<Statement, NotSealed> {
    let Envelope { payload, signatures } = envelope(bytes)?;
    let signed = dsse::encoding(&payload);
    let signer = signatures
        .iter()
        .find_map(|signature| keys.iter().find(|key| key.verify(&signed, signature).is_ok()).map(PublicKey::id));
    let signer = signer.ok_or(NotSealed::Signer)?;
    let written: Written = serde_json::from_slice(&payload).map_err(|_| NotSealed::Format("no statement"))?;
    if written.kind != STATEMENT_TYPE {
        return Err(NotSealed::Format("another kind of statement"));
    }
    let subjects: Result<Vec<Hash>, _> = written.subject.iter().map(|subject| subject.digest.sha256.parse()).collect();
    let subjects = subjects.map_err(|_| NotSealed::Format("a subject without SHA-256"))?;
    Ok(Statement { subjects, predicate_type: written.predicate_type, predicate: written.predicate, signer })
}

/// The type that a statement claims to be of, whoever signed it: for the words of a refusal alone.
pub fn claimed_type(bytes: &[u8]) -> Option<String> {
    let body: Written = serde_json::from_slice(&envelope(bytes).ok()?.payload).ok()?;
    Some(body.predicate_type)
}

fn envelope(bytes: &[u8]) -> Result<Envelope, NotSealed> {
    if bytes.len() > SEALED_BYTES_MAX {
        return Err(NotSealed::Format("too long"));
    }
    let value = strict::read(bytes).map_err(|_| NotSealed::Format("not that JSON"))?;
    dsse::open(&value).map_err(NotSealed::Format)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::dsse::PAYLOAD_TYPE;

    #[test]
    fn what_is_sealed_opens_for_who_believes_the_key_and_never_after_a_change() {
        let key = SecretKey::generate_ed25519().unwrap();
        let sealed = seal(Hash::of(b"m"), "model", "urn:x:v1", &json!({ "a": 1 }), &key);
        let statement = open(sealed.as_bytes(), &[key.public()]).unwrap();
        assert_eq!((statement.subjects, statement.signer), (vec![Hash::of(b"m")], key.public().id()));
        assert_eq!(statement.predicate, json!({ "a": 1 }));
        assert_eq!(open(sealed.as_bytes(), &[]).unwrap_err(), NotSealed::Signer);
        let other = SecretKey::generate_ed25519().unwrap();
        assert_eq!(open(sealed.as_bytes(), &[other.public()]).unwrap_err(), NotSealed::Signer);
        let mut envelope: Value = serde_json::from_str(&sealed).unwrap();
        let body = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
        let body = String::from_utf8(body).unwrap().replace(":1}", ":2}");
        envelope["payload"] = STANDARD.encode(body).into();
        assert_eq!(open(envelope.to_string().as_bytes(), &[key.public()]).unwrap_err(), NotSealed::Signer);
    }

    /// What the fuzz target `sealed` begins with.
    #[test]
    fn hostile_envelopes_say_nothing() {
        let key = SecretKey::generate_ed25519().unwrap();
        let sign = |body: &str| dsse::seal(body.as_bytes(), &key, "").to_string();
        for text in [
            String::new(),
            "{}".to_owned(),
            "[".repeat(10_000),
            " ".repeat(SEALED_BYTES_MAX + 1),
            "{\"payload\":\"!\",\"payloadType\":\"application/vnd.in-toto+json\",\"signatures\":[]}".to_owned(),
            sign("{}").replace(PAYLOAD_TYPE, "text/plain"),
            sign(""),
            sign("[]"),
            sign(&json!({ "_type": "x", "subject": [], "predicateType": "y" }).to_string()),
            sign(
                &json!({ "_type": STATEMENT_TYPE, "subject": [{ "digest": { "sha256": "q" } }], "predicateType": "y" })
                    .to_string(),
            ),
            sign(&json!({ "_type": STATEMENT_TYPE, "subject": [{ "digest": {} }], "predicateType": "y" }).to_string()),
        ] {
            assert!(open(text.as_bytes(), &[key.public()]).is_err(), "{text:.200}");
        }
    }
}
