//! A chain of certificates from a signer up to a root that the user names: every signature, every time, every right.
//!
//! Keys are the kinds of [`crate::key`]; a chain with another kind (RSA) is refused and says so. There is no revocation here:
//! whoever wants a signer out takes its root away.

use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage};

use crate::key::PublicKey;

/// Certificates of one chain.
const CHAIN_MAX: usize = 10;

/// Extended key usage: code signing (RFC 5280, 4.2.1.12).
const CODE_SIGNING: &str = "1.3.6.1.5.5.7.3.3";

/// The signer of a chain: its name and key. `presented`: as DER, the signer's first; `roots`: as DER; `now_s`: seconds since
/// 1970, when everything must be valid.
///
/// # Errors
/// A sentence on what does not hold.
pub fn leaf(presented: &[Vec<u8>], roots: &[Vec<u8>], now_s: u64) -> Result<(String, PublicKey), String> {
    let parse =
        |der: &Vec<u8>| Certificate::from_der(der).map_err(|error| format!("a certificate is damaged: {error}"));
    if presented.is_empty() {
        return Err("the signature holds no certificate".to_owned());
    }
    if presented.len() > CHAIN_MAX {
        return Err(format!("{} certificates, at most {CHAIN_MAX} are read", presented.len()));
    }
    let chain = presented.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    let roots = roots.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    let Some(signer) = chain.first() else { return Err("the signature holds no certificate".to_owned()) };
    may_sign(signer)?;
    let (mut current, mut steps) = (signer, 0);
    loop {
        is_valid(current, now_s)?;
        let by_root = roots.iter().find(|root| is_issued(current, root) || root == &current);
        if let Some(root) = by_root {
            is_valid(root, now_s)?;
            if root != current {
                may_issue(root)?;
            }
            return Ok((name(signer), key(signer)?));
        }
        steps += 1;
        let issuer = chain.iter().skip(1).find(|one| is_issued(current, one)).filter(|_| steps <= CHAIN_MAX);
        let Some(issuer) = issuer.filter(|issuer| *issuer != current) else {
            return Err(format!("`{}` does not lead to a root that you named", name(current)));
        };
        may_issue(issuer)?;
        current = issuer;
    }
}

fn name(certificate: &Certificate) -> String {
    certificate.tbs_certificate().subject().to_string()
}

fn key(certificate: &Certificate) -> Result<PublicKey, String> {
    let der = certificate.tbs_certificate().subject_public_key_info().to_der().map_err(|error| error.to_string())?;
    PublicKey::from_der(&der).map_err(|error| format!("the key of `{}`: {error}", name(certificate)))
}

/// Whether one certificate was signed by another.
fn is_issued(certificate: &Certificate, issuer: &Certificate) -> bool {
    let own = certificate.tbs_certificate();
    if own.issuer() != issuer.tbs_certificate().subject() {
        return false;
    }
    let (Ok(signed), Some(signature)) = (own.to_der(), certificate.signature().as_bytes()) else { return false };
    let algorithm = certificate.signature_algorithm().oid.to_string();
    key(issuer).is_ok_and(|key| key.verify_issued(&algorithm, &signed, signature).is_ok())
}

fn is_valid(certificate: &Certificate, now_s: u64) -> Result<(), String> {
    let validity = certificate.tbs_certificate().validity();
    if now_s < validity.not_before.to_unix_duration().as_secs() {
        return Err(format!("the certificate of `{}` is not valid yet", name(certificate)));
    }
    if now_s > validity.not_after.to_unix_duration().as_secs() {
        return Err(format!("the certificate of `{}` has expired", name(certificate)));
    }
    Ok(())
}

fn may_issue(certificate: &Certificate) -> Result<(), String> {
    let constraints = certificate.tbs_certificate().get_extension::<BasicConstraints>();
    match constraints {
        Ok(Some((_, BasicConstraints { ca: true, .. }))) => Ok(()),
        _ => Err(format!("`{}` may not issue certificates", name(certificate))),
    }
}

fn may_sign(certificate: &Certificate) -> Result<(), String> {
    let usage = certificate.tbs_certificate().get_extension::<ExtendedKeyUsage>();
    match usage {
        Ok(Some((_, usage))) if usage.0.iter().all(|one| one.to_string() != CODE_SIGNING) => {
            Err(format!("the certificate of `{}` is not for signing code", name(certificate)))
        }
        Ok(_) => Ok(()),
        Err(_) => Err(format!("the certificate of `{}` has a damaged extension", name(certificate))),
    }
}

/// The key of a certificate given as DER.
///
/// # Errors
/// A sentence on what is wrong.
pub fn key_of(der: &[u8]) -> Result<PublicKey, String> {
    key(&Certificate::from_der(der).map_err(|error| format!("a certificate is damaged: {error}"))?)
}

/// The certificates of a PEM text, as DER, in their order.
///
/// # Errors
/// When a block is damaged.
pub fn from_pem(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let der = |block: &str| {
        let (_, der) =
            x509_cert::der::pem::decode_vec(block.as_bytes()).map_err(|error| format!("a damaged block: {error}"))?;
        Ok(der)
    };
    crate::key::pem::blocks(text, "CERTIFICATE").map(der).collect()
}
