//! What a person sees on a terminal while a scan runs: bytes, records, and the first things found. Never on stdout.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// First matches that are shown while the scan runs; the report has them all.
const FIRST_SHOWN_MAX: u64 = 8;

/// Inputs below this are read before anybody could look.
const WORTH_SHOWING_BYTES: u64 = 32 << 20;

/// Bytes between two looks at the counters.
const STEP_BYTES: u64 = 16 << 20;

/// Counters, and a line on stderr that is rewritten.
#[derive(Debug, Default)]
pub struct Progress {
    enabled: bool,
    total: u64,
    bytes: AtomicU64,
    records: AtomicU64,
    shown: AtomicU64,
    line: Mutex<()>,
}

impl Progress {
    /// Progress over inputs of about `total` bytes; silent unless `enabled`.
    pub fn new(enabled: bool, total: u64) -> Self {
        Self { enabled, total, ..Self::default() }
    }

    /// Bytes were read.
    pub fn bytes(&self, count: u64) {
        let before = self.bytes.fetch_add(count, Ordering::Relaxed);
        if self.enabled && before / STEP_BYTES != (before + count) / STEP_BYTES {
            self.draw();
        }
    }

    /// Records were decoded.
    pub fn records(&self, count: u64) {
        self.records.fetch_add(count, Ordering::Relaxed);
    }

    /// Something was found for the first time on a source.
    pub fn found(&self, words: &str) {
        if !self.enabled || self.total < WORTH_SHOWING_BYTES {
            return;
        }
        if self.shown.fetch_add(1, Ordering::Relaxed) < FIRST_SHOWN_MAX {
            let _line = self.line.lock();
            let _ = writeln!(std::io::stderr(), "\r\x1b[K  so far: {words}");
        }
    }

    /// Clears the line.
    pub fn end(&self) {
        if self.enabled {
            let _line = self.line.lock();
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }

    fn draw(&self) {
        let _line = self.line.lock();
        let bytes = self.bytes.load(Ordering::Relaxed);
        let part = (bytes * 20).checked_div(self.total).unwrap_or(20).min(20) as usize;
        let _ = write!(
            std::io::stderr(),
            "\r\x1b[K  {}{}  {} MB · {} records",
            "█".repeat(part),
            "░".repeat(20 - part),
            bytes / 1_000_000,
            self.records.load(Ordering::Relaxed)
        );
        let _ = std::io::stderr().flush();
    }
}
