//! What the program says: to people as text, to programs as JSON Lines.
//!
//! | module | does |
//! |---|---|
//! | [`dossier`] | everything that a report tells, as data |
//! | [`html`] | the report as one HTML file |
//! | [`csv`] | the timeline: one matched record a line |
//! | [`sarif`] | findings as SARIF |
//! | [`stix`] | what may be shared, as STIX, and the preview of it |
//! | [`report`] | what a run has to say, as data; groups and numbers the findings |
//! | [`text`] | the terminal report |
//! | `gaps` | what was not read, odd, assumed |
//! | [`show`] | one finding with everything |
//! | [`story`] | one incident, in brief and whole |
//! | [`incident`] | incidents as OCSF events and back |
//! | [`words`] | a finding in plain words |
//! | [`jsonl`], [`evidence`], [`json`] | findings as OCSF events, one a line |
//! | [`anomaly`] | what a learned detector says, in JSON |
//! | [`remediation`] | what was done, as OCSF events |
//! | [`read`] | those lines back into findings |
//! | [`escape`] | makes outside text safe to show |
//! | [`style`] | colour, width, wrapping |
//!
//! Pure: data in, text out; only [`style::Style::of_stdout`] looks at the terminal. Nothing here prints.

pub mod anomaly;
pub mod csv;
pub mod dossier;
pub mod escape;
pub mod evidence;
mod gaps;
pub mod html;
pub mod incident;
pub mod json;
pub mod jsonl;
pub mod read;
pub mod remediation;
pub mod report;
pub mod sarif;
pub mod show;
pub mod stix;
pub mod story;
pub mod style;
pub mod text;
pub mod words;

#[cfg(test)]
mod tests;
