//! The bundle: Sigstore's v0.3 around the [DSSE](crate::dsse) envelope of the statement.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::manifest::Manifest;
use super::strict;
use crate::dsse::{self, Envelope, PAYLOAD_TYPE};
use crate::key::SecretKey;

/// Bytes of a signature file that are read: a million files of 200 bytes each.
pub const BUNDLE_BYTES_MAX: u64 = 512 << 20;

const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// Who signs, as the bundle says it.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A key: a hint of its public half.
    Key,
    /// Certificates as DER, the signer's first.
    Chain(Vec<Vec<u8>>),
}

/// A bundle taken apart; nothing in it is checked yet.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The hint of a public key, if one.
    pub hint: Option<String>,
    /// Certificates as DER, the signer's first.
    pub certificates: Vec<Vec<u8>>,
    /// What was signed.
    pub payload: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

/// Signs a manifest. Gives the bundle's text.
pub fn sign(manifest: &Manifest, key: &SecretKey, credential: &Credential) -> String {
    let payload = manifest.to_statement().to_string();
    let material = match credential {
        Credential::Key => json!({ "publicKey": { "hint": key.public().id() }, "tlogEntries": [] }),
        Credential::Chain(list) => {
            let list: Vec<Value> = list.iter().map(|one| json!({ "rawBytes": STANDARD.encode(one) })).collect();
            json!({ "x509CertificateChain": { "certificates": list }, "tlogEntries": [] })
        }
    };
    let bundle = json!({
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": material,
        "dsseEnvelope": dsse::seal(payload.as_bytes(), key, ""),
    });
    format!("{bundle}\n")
}

/// Takes a bundle apart, strictly.
///
/// # Errors
/// A sentence on what is wrong.
pub fn open(bytes: &[u8]) -> Result<Opened, String> {
    let bundle = strict::read(bytes).map_err(|error| format!("no Sigstore bundle: {error}"))?;
    let members = bundle.as_object().ok_or("no Sigstore bundle: no object")?;
    let known = ["mediaType", "verificationMaterial", "dsseEnvelope"];
    if let Some(name) = members.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("a bundle with an unknown member `{name}`"));
    }
    if bundle.get("mediaType").and_then(Value::as_str) != Some(MEDIA_TYPE) {
        return Err("not a Sigstore bundle of version 0.3".to_owned());
    }
    let decoded = |value: Option<&Value>, what: &str| {
        let text = value.and_then(Value::as_str).ok_or_else(|| format!("no {what}"))?;
        STANDARD.decode(text).map_err(|_| format!("the {what} is no base64"))
    };
    let envelope = bundle.get("dsseEnvelope").ok_or("no DSSE envelope")?;
    let Envelope { payload, signatures } = dsse::open(envelope)?;
    let [signature] = signatures.as_slice() else {
        return Err(format!("{} signatures: exactly one is expected", signatures.len()));
    };
    let material = bundle.get("verificationMaterial").ok_or("no verification material")?;
    let chain = material.pointer("/x509CertificateChain/certificates").and_then(Value::as_array);
    let single = material.get("certificate");
    let certificates = chain.into_iter().flatten().chain(single).map(|one| decoded(one.get("rawBytes"), "certificate"));
    Ok(Opened {
        hint: material.pointer("/publicKey/hint").and_then(Value::as_str).map(str::to_owned),
        certificates: certificates.collect::<Result<_, _>>()?,
        payload,
        signature: signature.clone(),
    })
}

/// What signatures before version 1.0 of the reference were over, by mistake: the payload as Python writes bytes.
pub fn encoding_before_1_0(payload: &[u8]) -> Vec<u8> {
    let quote = if payload.contains(&b'\'') && !payload.contains(&b'"') { '"' } else { '\'' };
    let mut text = format!("b{quote}");
    for byte in payload {
        match *byte {
            b'\\' => text.push_str("\\\\"),
            b'\t' => text.push_str("\\t"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            byte if char::from(byte) == quote => text.extend(['\\', quote]),
            0x20..=0x7e => text.push(char::from(*byte)),
            byte => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text.push(quote);
    format!("DSSEV1 {} {PAYLOAD_TYPE} {} {text}", PAYLOAD_TYPE.len(), payload.len()).into_bytes()
}
