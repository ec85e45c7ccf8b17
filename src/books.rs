//! Where what is done is written down: the local key, the audit log and the registry of models, in the data directory.
//!
//! An action is written down before it is done; where it then fails, that is written down too. What cannot be written down
//! is not done.

use anyhow::{Context, Result};
use shieldwall_trust::audit::{self, Event, Writer};
use shieldwall_trust::key::{PublicKey, SecretKey};
use shieldwall_trust::registry::Registry;

use crate::home::Home;

/// The local key; made when it is first needed.
///
/// # Errors
/// When it cannot be read or made, or others could have read it.
pub fn key(home: &Home) -> Result<SecretKey> {
    SecretKey::load_or_create(&home.key()).context("the local key")
}

/// The public half of the local key; `None` where there is none yet.
///
/// # Errors
/// When it cannot be read.
pub fn public_key(home: &Home) -> Result<Option<PublicKey>> {
    if !home.key().exists() {
        return Ok(None);
    }
    Ok(Some(SecretKey::load(&home.key()).context("the local key")?.public()))
}

/// Milliseconds since 1970 UTC.
pub fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Writes something down that needs nothing else done.
///
/// # Errors
/// When it cannot be written down.
pub fn write_down(home: &Home, events: &[Event]) -> Result<u64> {
    let key = key(home)?;
    Ok(Writer::open(&home.audit(), &key)?.append(now_ms(), events)?)
}

/// Writes an action down, then does it. One that fails is written down as such.
///
/// # Errors
/// When it cannot be written down, or fails.
pub fn do_recorded<T>(home: &Home, event: Event, act: impl FnOnce() -> Result<T>) -> Result<T> {
    write_down(home, std::slice::from_ref(&event))?;
    act().inspect_err(|error| {
        let failed = Event::new(&format!("{}.failed", event.action), event.subject.clone());
        // The disk may be full; the error is told in any case.
        let _ = write_down(home, &[failed.with("why", short(&format!("{error:#}")))]);
    })
}

/// Reads the registry.
///
/// # Errors
/// When it cannot be read or was tampered with.
pub fn registry(home: &Home) -> Result<Registry> {
    Ok(Registry::open(&home.registry(), &home.audit())?)
}

/// Changes the registry, while nobody else does.
///
/// # Errors
/// When it cannot be opened or the change fails.
pub fn change_registry<T>(
    home: &Home,
    change: impl FnOnce(&mut Registry, &mut Writer<'_>, &SecretKey) -> Result<T>,
) -> Result<T> {
    let key = key(home)?;
    let mut writer = Writer::open(&home.audit(), &key)?;
    let mut registry = Registry::open(&home.registry(), &home.audit())?;
    change(&mut registry, &mut writer, &key)
}

/// Words of at most some hundred characters: a reason in an entry.
pub fn short(words: &str) -> String {
    words.chars().take(400).collect()
}

/// The entries that `wanted` picks.
///
/// # Errors
/// When the log cannot be read.
pub fn entries(home: &Home, wanted: impl Fn(&audit::Entry) -> bool) -> Result<Vec<audit::Entry>> {
    let mut found = Vec::new();
    audit::entries(&home.audit(), &mut |entry| {
        if wanted(&entry) {
            found.push(entry);
        }
    })?;
    Ok(found)
}
