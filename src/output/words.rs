//! A finding in plain words: why, what would have kept it silent, who wrote the rule, which techniques.
//!
//! Everything returned is escaped and fits a terminal or a JSON message alike. The words only say what the reasons say:
//! where the reasons cannot decide (a condition with alternatives), neither do the words.

use shieldwall_schema::finding::{Analytic, Anomaly, AnomalyPart, CORRELATION, Evidence, Finding, Provenance, Reason};
use shieldwall_schema::ocsf::attack::{self, AttackTag};

pub use shieldwall_schema::incident::Severity;

use super::escape::{escape, escape_flagged};

/// Characters of a value that a sentence shows; the rest stands in the evidence.
const VALUE_CHARS_MAX: usize = 96;
/// Characters of a pattern that a sentence shows.
const PATTERN_CHARS_MAX: usize = 64;
/// Reasons told in one line; more are counted.
const LINE_REASONS_MAX: usize = 3;
/// Exceptions whose failing is told; more are counted.
const EXCEPTIONS_MAX: usize = 3;

/// The rule's title, or its id where it has none.
pub fn headline(analytic: &Analytic) -> String {
    escape_flagged(if analytic.name.is_empty() { &analytic.uid } else { &analytic.name })
}

/// Why one record matched: one sentence a reason, those of a selection together, in the order of the reasons; then why no
/// exception applied, shortened.
pub fn why(evidence: &Evidence) -> Vec<String> {
    let (against, mut told): (Vec<&Reason>, Vec<&Reason>) =
        by_selection(&evidence.reasons).partition(|reason| is_negative(reason));
    let more = against.len().saturating_sub(EXCEPTIONS_MAX);
    let positive = told.len();
    told.extend(against.into_iter().take(EXCEPTIONS_MAX));
    let mut lines: Vec<String> = told
        .into_iter()
        .enumerate()
        .map(
            |(at, reason)| if at < positive { sentence(reason) } else { format!("no exception: {}", sentence(reason)) },
        )
        .collect();
    if more > 0 {
        lines.push(format!("no exception: and {more} more"));
    }
    lines
}

/// Whether an attacker may choose what stands in every field that matched; not where there is no such field.
pub fn is_attacker_writable(evidence: &Evidence) -> bool {
    let mut positive = evidence.reasons.iter().filter(|reason| !is_negative(reason)).peekable();
    positive.peek().is_some() && positive.all(|reason| reason.provenance == Provenance::AttackerWritable)
}

/// Why a finding fired, as one line: the first record's reasons, the tellingest first.
pub fn why_line(finding: &Finding) -> String {
    let Some(evidence) = finding.evidences.first() else { return "no evidence was kept".to_owned() };
    if let Some(reason) = evidence.reasons.iter().find(|reason| reason.is_sentence()) {
        return sentence(reason);
    }
    // What somebody wrote says more than what the system named, and both more than a number or an absence.
    let mut reasons: Vec<&Reason> = by_selection(&evidence.reasons).collect();
    if reasons.iter().any(|reason| !is_negative(reason)) {
        reasons.retain(|reason| !is_negative(reason));
    }
    reasons.sort_by_key(|reason| {
        let number = !reason.pattern.is_empty() && reason.pattern.bytes().all(|b| b.is_ascii_digit());
        (is_absence(reason), number, reason.provenance != Provenance::AttackerWritable)
    });
    let mut line = reasons.iter().take(LINE_REASONS_MAX).map(|reason| sentence(reason)).collect::<Vec<_>>().join("; ");
    if reasons.is_empty() {
        line.push_str("every record of this kind matches");
    } else if reasons.len() > LINE_REASONS_MAX {
        line.push_str(&format!("; and {} more", reasons.len() - LINE_REASONS_MAX));
    }
    line
}

/// Reasons with those of a selection together, selections in the order of their first reason.
fn by_selection(reasons: &[Reason]) -> impl Iterator<Item = &Reason> {
    let mut order: Vec<&str> = Vec::new();
    for reason in reasons {
        if !order.contains(&reason.selection.as_str()) {
            order.push(&reason.selection);
        }
    }
    order.into_iter().flat_map(move |selection| reasons.iter().filter(move |reason| reason.selection == selection))
}

/// One reason as a sentence: ``the command line (CommandLine) contains `-enc`: `powershell -enc SQB…` ``.
pub fn sentence(reason: &Reason) -> String {
    if reason.is_sentence() {
        return escape_flagged(&reason.how);
    }
    let mut out = subject(reason);
    out.push(' ');
    out.push_str(&escape(verb(&reason.how)));
    if !is_absence(reason) && !reason.pattern.is_empty() {
        out.push_str(&format!(" `{}`", excerpt(&reason.pattern, None, PATTERN_CHARS_MAX)));
    }
    // A value that says the same as the pattern is not said twice.
    if !reason.value.is_empty() && !reason.value.eq_ignore_ascii_case(&reason.pattern) {
        out.push_str(&format!(": `{}`", excerpt(&reason.value, reason.span, VALUE_CHARS_MAX)));
    }
    out
}

fn is_absence(reason: &Reason) -> bool {
    reason.how.contains("absent") || reason.how.contains("null")
}

/// Whether the reason says what the record is not: mostly why an exception of the rule did not apply.
fn is_negative(reason: &Reason) -> bool {
    let how = reason.how.as_str();
    ["does not ", "is not ", "has no "].iter().any(|start| how.starts_with(start))
        || how == "is absent"
        || how == "is null"
}

/// What the sentence is about: a friendly name with the rule's field behind it, or the field alone.
fn subject(reason: &Reason) -> String {
    if reason.field.is_empty() {
        return "the record".to_owned();
    }
    let field = escape(&reason.field);
    let native = reason.native.as_deref().filter(|native| !native.is_empty()).map(escape);
    match (friendly(&reason.field), native) {
        (Some(name), None) => format!("{name} ({field})"),
        (Some(name), Some(native)) => format!("{name} ({field}, here {native})"),
        (None, None) => field,
        (None, Some(native)) => format!("{field} (here {native})"),
    }
}

/// How a comparison reads; what detect says is kept where it reads well already.
fn verb(how: &str) -> &str {
    match how {
        "equals" => "is",
        "is null" => "holds nothing",
        how => how,
    }
}

/// The same, had it not been so: `contains` → `did not contain`.
fn negated(how: &str) -> Option<String> {
    const STEMS: [(&str, &str); 8] = [
        ("equals field", "did not equal field"),
        ("equals", "were not"),
        ("contains", "did not contain"),
        ("starts", "did not start"),
        ("ends", "did not end"),
        ("matches", "did not match"),
        ("has", "did not have"),
        ("is", "were not"),
    ];
    match how {
        "is absent" | "is null" | "is absent or null" => return Some("held something".to_owned()),
        "exists" | "is present" => return Some("were absent".to_owned()),
        how if how.contains(" not ") || how.contains(" no ") => return None,
        _ => {}
    }
    STEMS.iter().find_map(|(stem, negated)| {
        let rest = how.strip_prefix(stem)?;
        (rest.is_empty() || rest.starts_with(' ')).then(|| format!("{negated}{}", escape(rest)))
    })
}

/// Friendly names of fields that rules use most, by Sigma's and OCSF's names.
fn friendly(field: &str) -> Option<&'static str> {
    Some(match field {
        "ScriptBlockText" | "script.script_content.value" => "the script",
        "CommandLine" | "process.cmd_line" => "the command line",
        "ParentCommandLine" | "process.parent_process.cmd_line" => "the parent's command line",
        "Image" | "NewProcessName" | "process.file.path" => "the program",
        "ParentImage" | "ParentProcessName" | "process.parent_process.file.path" => "the parent program",
        "OriginalFileName" | "process.file.internal_name" => "the program's original name",
        "CurrentDirectory" | "process.working_directory" => "the working directory",
        "IntegrityLevel" => "the integrity level",
        "TargetFilename" | "file.path" => "the file",
        "TargetObject" | "reg_key.path" | "reg_value.path" => "the registry key",
        "Details" | "reg_value.data" => "the registry value",
        "ImageLoaded" | "module.file.path" => "the loaded module",
        "PipeName" => "the pipe",
        "QueryName" | "query" | "query.hostname" => "the name asked for",
        "DestinationHostname" | "dst_endpoint.hostname" => "the destination host",
        "DestinationIp" | "dst_endpoint.ip" => "the destination address",
        "DestinationPort" | "dst_endpoint.port" => "the destination port",
        "SourceIp" | "IpAddress" | "src_endpoint.ip" | "c-ip" => "the source address",
        "SourcePort" | "src_endpoint.port" => "the source port",
        "User" | "user.name" | "actor.user.name" => "the user",
        "SubjectUserName" => "the acting user",
        "TargetUserName" => "the target user",
        "LogonType" | "logon_type" => "the logon type",
        "ServiceName" | "win_service.name" => "the service",
        "ServiceFileName" | "ImagePath" | "win_service.cmd_line" => "the service's program",
        "EventID" | "EventCode" | "metadata.event_code" => "the event id",
        "Provider_Name" => "the provider",
        "Hashes" => "the file's hashes",
        "GrantedAccess" => "the access granted",
        "TargetImage" => "the target program",
        "SourceImage" => "the source program",
        "TaskName" => "the task",
        "c-uri" | "cs-uri" | "http_request.url.path" => "the address asked for",
        "cs-uri-query" | "http_request.url.query_string" => "the query string",
        "cs-uri-stem" => "the path asked for",
        "c-useragent" | "cs-user-agent" | "http_request.user_agent" => "the user agent",
        "cs-method" | "http_request.http_method" => "the method",
        "sc-status" | "http_response.code" => "the status code",
        "exe" => "the program",
        "comm" => "the command's name",
        "syscall" | "SYSCALL" => "the system call",
        _ => return None,
    })
}

/// A part of a value around its match, escaped, with `…` where it was cut.
pub fn excerpt(value: &str, span: Option<(u32, u32)>, chars_max: usize) -> String {
    let count = value.chars().count();
    if count <= chars_max {
        return escape_flagged(value);
    }
    // The match stands after a third of the window, so that what leads to it is seen.
    let match_byte = span.map_or(0, |(start, _)| start as usize);
    let match_at = value.char_indices().take_while(|(byte, _)| *byte < match_byte).count();
    let start = match_at.saturating_sub(chars_max / 3).min(count - chars_max);
    let window: String = value.chars().skip(start).take(chars_max).collect();
    let before = if start > 0 { "…" } else { "" };
    let after = if start + chars_max < count { "…" } else { "" };
    let mut shown = String::new();
    let marks = super::escape::escape_into(&window, &mut shown);
    format!("{before}{shown}{after}{}", if marks.confusable { " [confusable]" } else { "" })
}

/// An anomaly's parts, strongest first.
pub fn strongest(anomaly: &Anomaly) -> Vec<&AnomalyPart> {
    let mut parts: Vec<&AnomalyPart> = anomaly.parts.iter().collect();
    parts.sort_by(|a, b| b.value.total_cmp(&a.value));
    parts
}

/// A p-value as people read it: `0.013`, `2e-7`.
pub fn p_value(p: f64) -> String {
    if p >= 0.001 { format!("{p:.3}") } else { format!("{p:.0e}") }
}

/// What would have kept the rule silent on the first record, as far as the reasons can tell; `None` without reasons.
pub fn silent(finding: &Finding) -> Option<String> {
    if let Some(anomaly) = finding.anomaly.as_ref().filter(|anomaly| !anomaly.normal.is_empty()) {
        return Some(format!("it had been as usual here: {}", escape_flagged(&anomaly.normal)));
    }
    if finding.evidences.first()?.reasons.iter().any(|reason| reason.selection == CORRELATION) {
        return Some("there had been fewer of these records, or they had been further apart".to_owned());
    }
    let all = &finding.evidences.first()?.reasons;
    let positive: Vec<&Reason> = all.iter().filter(|reason| !is_negative(reason)).collect();
    let reasons = if positive.is_empty() { all.iter().collect() } else { positive };
    // The easiest to imagine otherwise: a selection with few reasons, then a short pattern.
    let within = |reason: &Reason| reasons.iter().filter(|other| other.selection == reason.selection).count();
    let easiest = reasons.iter().min_by_key(|reason| (is_absence(reason), within(reason), reason.pattern.len()))?;
    let mut out = match (negated(&easiest.how), is_absence(easiest) || easiest.pattern.is_empty()) {
        (Some(verb), true) => format!("{} {verb}", subject(easiest)),
        (Some(verb), false) => {
            format!("{} {verb} `{}`", subject(easiest), excerpt(&easiest.pattern, None, PATTERN_CHARS_MAX))
        }
        (None, _) => format!("this were not so: {}", sentence(easiest)),
    };
    let (alternatives, exceptions) = parts(&finding.analytic.condition);
    if !is_absence(easiest) {
        // A reason names the first value that matched; whether the rule lists others that match too, it does not say.
        out.push_str(", nor anything else that the rule accepts there");
    }
    if alternatives {
        out.push_str(", and no other part of the condition held");
    } else if reasons.len() > 1 {
        out.push_str(", or any other of the reasons were missing");
    }
    if !exceptions.is_empty() {
        out.push_str(&format!("; or if an exception of the rule had held: {}", exceptions.join(", ")));
    }
    Some(out)
}

/// Whether a condition's plain part has alternatives, and the names that it negates:
/// `selection and not 1 of filter_*` → no, `filter_*`.
fn parts(condition: &str) -> (bool, Vec<String>) {
    let spaced = condition.replace('(', " ( ").replace(')', " ) ");
    let is = |word: &str, one: &[&str]| one.iter().any(|other| word.eq_ignore_ascii_case(other));
    let mut exceptions: Vec<String> = Vec::new();
    let mut alternatives = false;
    // Parentheses that are open below a `not`; a bare `not` reaches to the next name.
    let mut below_not = 0usize;
    let mut after_not = false;
    for word in spaced.split_whitespace() {
        let negated = after_not || below_not > 0;
        match word {
            "(" if negated => (below_not, after_not) = (below_not + 1, false),
            ")" => below_not = below_not.saturating_sub(1),
            "(" => {}
            word if is(word, &["not"]) => after_not = true,
            // `1 of them`, `any of x*`: all of is no alternative.
            word if is(word, &["1", "any", "or"]) => alternatives |= !negated,
            word if is(word, &["and", "of", "all"]) => {}
            name if negated => {
                after_not = false;
                let name = escape(name);
                if !exceptions.contains(&name) {
                    exceptions.push(name);
                }
            }
            _ => {}
        }
    }
    (alternatives, exceptions)
}

/// Known harmless causes, without the words that say nothing (`Unknown`, `None`).
pub fn harmless(analytic: &Analytic) -> Vec<String> {
    let says_nothing = |cause: &str| {
        let cause = cause.trim().trim_end_matches('.').to_ascii_lowercase();
        matches!(cause.as_str(), "" | "unknown" | "none" | "unlikely" | "n/a" | "-")
    };
    analytic
        .false_positives
        .iter()
        .filter(|cause| !says_nothing(cause))
        .map(|cause| escape_flagged(cause.trim()))
        .collect()
}

/// Who wrote the rule, under which licence, which version, and whether anybody signed it.
pub fn by(analytic: &Analytic) -> String {
    let mut parts = Vec::new();
    if !analytic.author.is_empty() {
        parts.push(format!("by {}", escape_flagged(&analytic.author)));
    }
    if !analytic.license.is_empty() {
        parts.push(format!("licence {}", escape_flagged(&analytic.license)));
    }
    if !analytic.version.is_empty() {
        parts.push(format!("version {}", escape_flagged(&analytic.version)));
    }
    parts.push(match (analytic.pack.is_empty(), analytic.unsigned) {
        (true, false) => "built in".to_owned(),
        (true, true) => "unsigned".to_owned(),
        (false, unsigned) => {
            format!("from `{}`, {}", escape_flagged(&analytic.pack), if unsigned { "unsigned" } else { "signed" })
        }
    });
    parts.join(", ")
}

/// Tactics and techniques with their names: `T1059.001 PowerShell`, `Execution`.
pub fn techniques(analytic: &Analytic) -> Vec<String> {
    let mut techniques = Vec::new();
    let mut tactics = Vec::new();
    for tag in analytic.tags.iter().filter_map(|tag| attack::tag(tag)) {
        let (list, words) = match tag {
            AttackTag::Tactic { name, .. } => (&mut tactics, name.to_owned()),
            AttackTag::Technique(id) => {
                let uid = id.sub_technique().unwrap_or_else(|| id.technique());
                let name = attack::technique_name(&uid).or_else(|| attack::technique_name(&id.technique()));
                (&mut techniques, name.map_or_else(|| uid.clone(), |name| format!("{uid} {name}")))
            }
        };
        if !list.contains(&words) {
            list.push(words);
        }
    }
    techniques.append(&mut tactics);
    techniques
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(field: &str, how: &str, pattern: &str, value: &str) -> Reason {
        Reason {
            selection: "selection".to_owned(),
            field: field.to_owned(),
            native: None,
            how: how.to_owned(),
            pattern: pattern.to_owned(),
            value: value.to_owned(),
            span: None,
            provenance: Provenance::AttackerWritable,
        }
    }

    #[test]
    fn reasons_read_as_sentences() {
        for (reason, wanted) in [
            (
                reason("CommandLine", "contains", "-enc", "powershell -enc SQB"),
                "the command line (CommandLine) contains `-enc`: `powershell -enc SQB`",
            ),
            (
                reason("ScriptBlockText", "contains", "iex", "iex x"),
                "the script (ScriptBlockText) contains `iex`: `iex x`",
            ),
            (reason("EventID", "equals", "4688", "4688"), "the event id (EventID) is `4688`"),
            (reason("Whatever", "ends with", "\\x", "c:\\x"), "Whatever ends with `\\x`: `c:\\x`"),
            (reason("", "contains", "root", "su root"), "the record contains `root`: `su root`"),
            (reason("User", "is absent", "", ""), "the user (User) is absent"),
            (
                reason("A\x1b[2J", "contains", "b\x07", "\u{202e}b"),
                "A\\x1b[2J contains `b\\x07`: `\\u{202e}b [confusable]`",
            ),
            (
                Reason { native: Some("NewProcessName".to_owned()), ..reason("Image", "equals", "a", "A") },
                "the program (Image, here NewProcessName) is `a`",
            ),
        ] {
            assert_eq!(sentence(&reason), wanted);
        }
    }

    #[test]
    fn excerpts_show_the_match() {
        let long = format!("{}NEEDLE{}", "é".repeat(500), "z".repeat(500));
        let shown = excerpt(&long, Some((1000, 1006)), 30);
        assert_eq!(shown, format!("…{}NEEDLE{}…", "é".repeat(10), "z".repeat(14)));
        // A span that lies is no harm.
        assert!(excerpt(&long, Some((u32::MAX, 0)), 30).starts_with('…'));
        assert!(excerpt(&long, Some((1001, 3)), 30).contains("NEEDLE"));
    }

    #[test]
    fn what_would_have_kept_it_silent() {
        let finding = |condition: &str, reasons: Vec<Reason>| Finding {
            uid: String::new(),
            analytic: Analytic { condition: condition.to_owned(), ..Analytic::default() },
            event_class: 0,
            source: String::new(),
            sha256: None,
            format: String::new(),
            count: 1,
            first: None,
            last: None,
            year_unknown: false,
            hosts: Vec::new(),
            evidences: vec![Evidence {
                time: None,
                time_text: None,
                place: shieldwall_schema::Place::offset(0),
                host: None,
                fields: Vec::new(),
                reasons,
            }],
            anomaly: None,
        };
        let enc = || reason("CommandLine", "contains", "-enc", "x -enc");
        let image = || Reason { selection: "img".to_owned(), ..reason("Image", "ends with", "\\powershell.exe", "p") };
        for (condition, reasons, wanted) in [
            (
                "selection",
                vec![enc()],
                Some(
                    "the command line (CommandLine) did not contain `-enc`, nor anything else that the rule accepts there",
                ),
            ),
            (
                "selection and img",
                vec![image(), enc()],
                Some(
                    "the command line (CommandLine) did not contain `-enc`, nor anything else that the rule accepts there, \
                     or any other of the reasons were missing",
                ),
            ),
            (
                "1 of sel* and not (1 of filter_main_* or filter_x)",
                vec![enc()],
                Some(
                    "the command line (CommandLine) did not contain `-enc`, nor anything else that the rule accepts there, \
                     and no other part of the condition held; \
                     or if an exception of the rule had held: filter_main_*, filter_x",
                ),
            ),
            (
                "selection and not 1 of filter_main_* and not filter_x and all of img*",
                vec![enc()],
                Some(
                    "the command line (CommandLine) did not contain `-enc`, nor anything else that the rule accepts there; \
                     or if an exception of the rule had held: filter_main_*, filter_x",
                ),
            ),
            ("selection", vec![reason("User", "is absent", "", "")], Some("the user (User) held something")),
            (
                "selection and not filter",
                vec![
                    Reason { selection: "filter".to_owned(), ..reason("User", "does not contain", "SYSTEM", "eve") },
                    reason("n", "is greater than", "5", "7"),
                ],
                Some(
                    "n were not greater than `5`, nor anything else that the rule accepts there; \
                     or if an exception of the rule had held: filter",
                ),
            ),
            (
                "not selection",
                vec![reason("n", "does not equal", "5", "7")],
                Some(
                    "this were not so: n does not equal `5`: `7`, nor anything else that the rule accepts there; \
                     or if an exception of the rule had held: selection",
                ),
            ),
            ("selection", vec![], None),
        ] {
            assert_eq!(silent(&finding(condition, reasons)).as_deref(), wanted, "{condition}");
        }
    }

    #[test]
    fn rules_are_credited_and_techniques_named() {
        let analytic = Analytic {
            author: "A. Author\n".to_owned(),
            license: "DRL-1.1".to_owned(),
            version: "2024-01-02".to_owned(),
            pack: "sigmahq".to_owned(),
            unsigned: true,
            tags: ["attack.execution", "attack.t1059.001", "attack.t1059.001", "cve.2021-44228", "attack.t1685.009"]
                .map(str::to_owned)
                .to_vec(),
            false_positives: ["Unknown", "Administrators", " none."].map(str::to_owned).to_vec(),
            ..Analytic::default()
        };
        assert_eq!(by(&analytic), "by A. Author\\n, licence DRL-1.1, version 2024-01-02, from `sigmahq`, unsigned");
        assert_eq!(by(&Analytic::default()), "built in");
        assert_eq!(techniques(&analytic), ["T1059.001 PowerShell", "T1685.009 Disable or Modify Tools", "Execution"]);
        assert_eq!(harmless(&analytic), ["Administrators"]);
    }

    #[test]
    fn levels_are_read() {
        for severity in Severity::ALL {
            assert_eq!(Severity::of_level(severity.level()), severity);
        }
        assert_eq!(Severity::of_level("HIGH"), Severity::High);
        assert_eq!(Severity::of_level("apocalyptic"), Severity::Informational);
    }
}
