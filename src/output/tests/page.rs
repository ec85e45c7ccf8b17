//! The page as a reader and a browser find it: below its limit whatever the case holds, every link with a place to go to,
//! headings in their order, what is milder folded.

use std::collections::BTreeSet;

use serde_json::json;
use shieldwall_schema::incident::Severity;
use shieldwall_schema::story::HostCoverage;

use super::writers::incident;
use super::{Report, SourceNote, SourceSummary, poisoned};
use crate::output::dossier::Dossier;
use crate::output::html;
use crate::output::story::Told;

/// A page over so many incidents, every list as long as it may get.
fn page(words: &str, severities: &[Severity], stories: usize, times: usize) -> String {
    let told: Vec<Told> = severities
        .iter()
        .enumerate()
        .map(|(at, severity)| {
            let mut told = incident(words);
            told.incident.severity = *severity;
            if at < stories {
                told.story.timeline = vec![told.story.timeline.remove(0); times.min(60)];
                let pair = told.story.processes;
                told.story.processes = pair.iter().cycle().take(times.min(100)).cloned().collect();
            }
            told
        })
        .collect();
    let incidents: Vec<_> = told.iter().map(|told| told.incident.clone()).collect();
    let mut findings = vec![poisoned(words, &["process.cmd_line"]); times];
    let source = |at: usize| SourceSummary {
        display: format!("{at} {words}"),
        format: "evtx".to_owned(),
        assumptions: vec![format!("{at} {words}")],
        note: SourceNote::NotRead(format!("{at} {words}")),
        ..SourceSummary::default()
    };
    let report = Report {
        finding_count: findings.len() as u64,
        techniques: (0..times).map(|at| ("TA0005".to_owned(), format!("T{at}"), at)).collect(),
        sources: (0..times).map(source).collect(),
        refused_rules: vec![words.to_owned(); times],
        ..Report::default()
    };
    let input = json!({"path": words, "format": "evtx", "bytes": 1, "sha256": words, "status": words});
    let manifest = json!({"inputs": vec![input; times], "asked": words, "options": words});
    let coverage: Vec<HostCoverage> = (0..times)
        .map(|at| HostCoverage {
            host: format!("{at} {words}"),
            kinds: vec![words.to_owned(); 20],
            ..HostCoverage::default()
        })
        .collect();
    let membership: Vec<(u32, u32)> = (0..severities.len() as u32).map(|at| (at, at)).collect();
    let dossier = Dossier {
        report: &report,
        manifest: &manifest,
        incidents: &incidents,
        stories: told.get(..stories).unwrap(),
        membership: &membership,
        coverage: &coverage,
    };
    let mut out = Vec::new();
    html::write(&dossier, &mut findings, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// What stands between `start` and the next quotation mark, wherever `start` stands.
fn values<'a>(page: &'a str, start: &'a str) -> impl Iterator<Item = &'a str> {
    page.split(start).skip(1).map(|rest| rest.split('"').next().unwrap())
}

fn check_frame(page: &str) {
    let ids: Vec<&str> = values(page, " id=\"").collect();
    let distinct: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), distinct.len(), "an id stands twice");
    for link in values(page, "href=\"#") {
        assert!(distinct.contains(link), "#{link} leads nowhere");
    }
    for id in values(page, "aria-labelledby=\"") {
        assert!(distinct.contains(id), "{id} names nothing");
    }
    for name in ["details", "summary", "section", "article", "table", "ul", "ol", "li", "dl", "main", "header"] {
        let opened = page.matches(&format!("<{name}>")).count() + page.matches(&format!("<{name} ")).count();
        assert_eq!(opened, page.matches(&format!("</{name}>")).count(), "{name}");
    }
    let mut level = 0;
    for heading in page.split("<h").skip(1).filter_map(|rest| rest.chars().next()?.to_digit(10)) {
        assert!(heading <= level + 1, "h{heading} after h{level}");
        level = heading;
    }
}

#[test]
fn a_page_stays_below_its_limit_whatever_the_case_holds() {
    for words in ["\"'<&>", "\u{202e}\u{200b}", "\x1b[2J", "ordinary words of a log "] {
        let page = page(&words.repeat(4096 / words.len()), &[Severity::High; 560], 20, 400);
        assert!(page.len() <= html::BYTES_MAX, "{} bytes of {words:?}", page.len());
        assert!(page.contains("How to repeat it") && page.ends_with("</html>\n"));
        for left_out in ["more findings are not in this table", "more inputs are left out", "more incidents: "] {
            assert!(page.contains(left_out), "{left_out} is not said");
        }
        check_frame(&page);
    }
}

#[test]
fn what_is_grave_lies_open_and_the_rest_is_folded() {
    use Severity::{High, Low, Medium};
    for (severities, stories, open, rows) in [
        (vec![], 0, 0, 0),
        (vec![High], 1, 1, 0),
        (vec![High, Low, Low, Low], 4, 1, 0),
        (vec![Low; 5], 5, 3, 0),
        (vec![Medium; 8], 8, 5, 0),
        (vec![High, Low, Low, Low], 2, 1, 2),
    ] {
        let page = page("web-01", &severities, stories, 3);
        check_frame(&page);
        assert_eq!(page.matches("<article").count(), stories, "{severities:?}");
        assert_eq!(page.matches("<details class=\"whole\">").count(), stories - open, "{severities:?}");
        let first = page.split("class=\"first\"").nth(1).map_or("", |rest| rest.split("</ol>").next().unwrap());
        assert_eq!(first.matches("<li").count(), open, "{severities:?}");
        let table = page.split("tells each of them</caption>").nth(1);
        let table = table.map_or("", |rest| rest.split("</table>").next().unwrap());
        assert_eq!(table.matches("<tr><th scope=\"row\">").count(), rows, "{severities:?}");
    }
}

#[test]
fn a_page_of_a_few_incidents_is_laid_out_at_once() {
    assert!(!page("web-01", &[Severity::High; 20], 20, 3).contains(" late\""));
    assert!(page("web-01", &[Severity::High; 21], 21, 3).contains(" late\""));
}
