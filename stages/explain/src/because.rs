//! Why a rule matched one record, and what would have kept it silent.

use shieldwall_schema::finding::{CORRELATION, Evidence, Finding, Provenance, Reason, STEPS};

use crate::sentence::{From, Words};

/// Reasons told in one sentence; more are counted.
const REASONS_MAX: usize = 2;

/// Whether the reason says what the record is not: mostly why an exception of the rule did not apply.
fn is_negative(reason: &Reason) -> bool {
    let how = reason.how.as_str();
    ["does not ", "is not ", "has no "].iter().any(|start| how.starts_with(start))
        || matches!(how, "is absent" | "is null" | "is absent or null")
}

/// Appends why the record matched, the tellingest reasons first; `false` if there are none.
pub fn because(words: &mut Words, from: From, evidence: &Evidence) -> bool {
    if let Some(reason) = evidence.reasons.iter().find(|reason| reason.is_sentence()) {
        words.whole(from, "reason.how", &reason.how);
        return true;
    }
    let mut reasons: Vec<&Reason> = evidence.reasons.iter().filter(|reason| !is_negative(reason)).collect();
    if reasons.is_empty() {
        reasons = evidence.reasons.iter().collect();
    }
    // What somebody wrote says more than what the system named, and both more than a number.
    reasons.sort_by_key(|reason| {
        let number = !reason.pattern.is_empty() && reason.pattern.bytes().all(|byte| byte.is_ascii_digit());
        (number, reason.provenance != Provenance::AttackerWritable)
    });
    reasons.dedup_by(|a, b| a.field == b.field);
    for (at, reason) in reasons.iter().take(REASONS_MAX).enumerate() {
        words.say(if at == 0 { "" } else { "; " });
        one(words, from, reason);
    }
    if reasons.len() > REASONS_MAX {
        words.say(&format!("; and {} more", reasons.len() - REASONS_MAX));
    }
    !reasons.is_empty()
}

/// `CommandLine contains “-enc”: …`
fn one(words: &mut Words, from: From, reason: &Reason) {
    words.say(if reason.field.is_empty() { "the record" } else { &reason.field }).say(" ");
    words.say(if reason.how == "equals" { "is" } else { &reason.how });
    if !reason.pattern.is_empty() {
        words.say(" ").quoted(from, "reason.pattern", &reason.pattern);
    }
    if !reason.value.is_empty() && !reason.value.eq_ignore_ascii_case(&reason.pattern) {
        words.say(": `").fact_around(from, "reason.value", &reason.value, reason.span).say("`");
    }
}

/// Appends what would have kept the rule silent: the condition that is easiest to imagine otherwise, and the rule's own
/// exceptions and known harmless causes; `false` if nothing can be said.
pub fn silent(words: &mut Words, from: From, finding: &Finding) -> bool {
    let causes: Vec<&str> = finding
        .analytic
        .false_positives
        .iter()
        .map(|cause| cause.trim())
        .filter(|cause| says_something(cause))
        .collect();
    let reasons = finding.evidences.first().map(|evidence| evidence.reasons.as_slice()).unwrap_or_default();
    let easiest = reasons.iter().filter(|reason| !is_negative(reason)).min_by_key(|reason| {
        let alone = reasons.iter().filter(|other| other.selection == reason.selection).count();
        (alone, reason.pattern.len())
    });
    let correlation = reasons.iter().any(|reason| reason.selection == CORRELATION);
    let easiest = easiest.filter(|easiest| !easiest.is_sentence());
    let normal = finding.anomaly.as_ref().map(|anomaly| anomaly.normal.as_str()).filter(|normal| !normal.is_empty());
    let exceptions = reasons.iter().any(is_negative);
    if easiest.is_none() && causes.is_empty() && !correlation && normal.is_none() {
        return false;
    }
    words.fact(From { evidence: None, ..from }, "analytic.name", title(finding)).say(" would have stayed silent ");
    if let Some(reason) = easiest {
        words.say("had ").say(if reason.field.is_empty() { "the record" } else { &reason.field });
        words.say(match reason.how.as_str() {
            "contains" => " not contained",
            "equals" => " not been",
            "starts with" => " not started with",
            "ends with" => " not ended with",
            how if how.starts_with("matches") => " not matched",
            _ => " not held what the rule asks for",
        });
        if !reason.pattern.is_empty() {
            words.say(" ").quoted(from, "reason.pattern", &reason.pattern);
        }
        if exceptions {
            words.say(", or had one of the rule's exceptions held");
        }
    }
    if correlation {
        words.say("had there been fewer of these records, or had they been further apart");
    }
    if let Some(normal) = normal {
        words.say("had it been as usual here: ").fact(From { evidence: None, ..from }, "anomaly.normal", normal);
    }
    let told = correlation || normal.is_some();
    for (at, cause) in causes.iter().take(2).enumerate() {
        words.say(match (at, easiest) {
            (0, Some(_)) => "; known harmless cause: ",
            (0, None) if told => "; known harmless cause: ",
            (0, None) => "if this is the known harmless cause: ",
            _ => "; or: ",
        });
        words.fact(From { evidence: None, ..from }, "analytic.false_positives", cause);
    }
    true
}

/// Whether a finding is a correlation's: its records stand together, and their count and times are the finding's own.
pub fn is_correlation(finding: &Finding) -> bool {
    let first = finding.evidences.first().and_then(|evidence| evidence.reasons.first());
    first.is_some_and(|reason| reason.selection == CORRELATION)
}

/// Whether a finding is of several rules' matches, one after the other or side by side.
pub fn is_steps(finding: &Finding) -> bool {
    let first = finding.evidences.first().and_then(|evidence| evidence.reasons.first());
    first.is_some_and(|reason| reason.selection == CORRELATION && reason.field == STEPS)
}

/// The rule's title, or its id where it has none.
pub fn title(finding: &Finding) -> &str {
    if finding.analytic.name.is_empty() { &finding.analytic.uid } else { &finding.analytic.name }
}

fn says_something(cause: &str) -> bool {
    let plain = cause.trim_end_matches('.').to_ascii_lowercase();
    !matches!(plain.as_str(), "" | "unknown" | "none" | "none known" | "unlikely" | "n/a" | "-")
}
