//! The report as one HTML file: what happened, how bad, what to look at first; then everything that stands behind it.
//!
//! Self-contained and inert: no script, no outside asset, a content security policy that allows our own style and nothing
//! else. Everything that comes from logs goes through [`page::Page::text`], which makes hidden characters visible and escapes markup;
//! no link is ever made of it. Deterministic: no clock.
//!
//! Bounded: every section has its limit and says what it leaves out, so that a large case stays below
//! [`BYTES_MAX`] and opens at once.

mod page;
mod sections;
mod story;
mod tables;

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::dossier::{Dossier, Findings};
use page::Page;
pub use sections::attacks;

/// Bytes that a report stays below; evidence and long tables end earlier where they would break it.
pub const BYTES_MAX: usize = 5_000_000;

/// Incidents told whole.
pub const STORIES_MAX: usize = 50;

const STYLE: &str = include_str!("html/style.css");

/// Writes the report.
///
/// # Errors
/// When a finding cannot be read back or `out` fails.
pub fn write(dossier: &Dossier<'_>, findings: &mut dyn Findings, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::default();
    head(&mut page);
    let first = sections::first(dossier);
    sections::opening(dossier, first, &mut page);
    page.raw("<main id=\"main\">\n");
    sections::matrix(dossier, &mut page);
    let told = story::stories(dossier, findings, first, &mut page)?;
    tables::findings(dossier, findings, told, &mut page)?;
    tables::hosts(dossier, &mut page);
    tables::users(dossier, &mut page);
    tables::inputs(dossier, &mut page);
    tables::repeat(dossier, &mut page);
    page.raw("</main>\n<footer><p>Made by Shieldwall ");
    page.text(env!("CARGO_PKG_VERSION"));
    page.raw(". Times are UTC. This file loads nothing and sends nothing.</p></footer>\n</body>\n</html>\n");
    out.write_all(page.as_bytes())
}

fn head(page: &mut Page) {
    let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    page.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-");
    page.raw(&hash);
    page.raw("'; base-uri 'none'; form-action 'none'\">\n");
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.raw("<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n");
    page.raw("<title>Shieldwall report</title>\n<style>");
    page.raw(STYLE);
    page.raw("</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the findings</a>\n");
}
