use super::*;
use crate::playbook::facts::Known;
use serde_json::{Value, json};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;
/// Some day, with forty days of history before it.
const NOW: i64 = 1_700_000_000_000;

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../../content/playbooks/{name}.json", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn playbook(name: &str) -> Playbook {
    Playbook::read(&bytes(name)).unwrap()
}

fn net(text: &str) -> Net {
    text.parse().unwrap()
}

fn incident(number: usize, at_ms: i64, address: &str) -> Facts {
    let known = Known {
        uid: format!("f{number}"),
        at_ms: Some(at_ms),
        techniques: vec!["T1110.001".to_owned()],
        ..Known::default()
    };
    Facts {
        incident: format!("i{number:06}"),
        number,
        first_ms: Some(at_ms - MINUTE),
        techniques: vec!["T1110.001".to_owned()],
        findings: vec![known],
        outside: vec![net(address)],
        ..Facts::default()
    }
}

fn used(at_ms: i64, address: &str, user: &str) -> Use {
    Use { at_ms, address: net(address), user: user.to_owned(), host: "web-01".to_owned() }
}

fn history(uses: &[Use]) -> History {
    let mut history = History::default();
    history.reach(NOW - 40 * DAY);
    uses.iter().cloned().for_each(|one| history.add(one));
    history.sort();
    history
}

fn run(playbook: &Playbook, facts: &[Facts], history: &History, protected: &Protected) -> (Vec<Entry>, Totals) {
    let limits = Limits::default();
    let mut entries = Vec::new();
    let settings = Settings { protected, limits: &limits, all: false };
    let totals = rehearse(playbook, facts, history, settings, &mut |entry| {
        entries.push(entry);
        Ok::<_, ()>(())
    });
    (entries, totals.unwrap())
}

fn block(entries: &[Entry]) -> &Entry {
    entries.iter().find(|entry| entry.name == "Block the addresses").expect("a block")
}

#[test]
fn ten_thousand_alerts_in_a_minute_come_to_ten_deeds() {
    let facts: Vec<Facts> = (0..10_000)
        .map(|at| incident(at, NOW + at as i64 * 6, &format!("203.{}.{}.9", 1 + at / 250, at % 250)))
        .collect();
    let (entries, totals) = run(&playbook("ssh-bruteforce"), &facts, &history(&[]), &Protected::default());
    assert_eq!((totals.incidents, totals.done, totals.refused, totals.too_fast), (10_000, 10, 9_990, 9_990));
    let done: Vec<usize> = entries
        .iter()
        .filter(|entry| matches!(entry.verdict, Verdict::Done { .. }))
        .map(|entry| entry.number)
        .collect();
    assert_eq!(done, (0..10).collect::<Vec<_>>());
    // The order in which incidents are given does not matter.
    let mut other = facts.clone();
    other.reverse();
    assert_eq!(run(&playbook("ssh-bruteforce"), &other, &history(&[]), &Protected::default()).0, entries);
}

#[test]
fn the_past_that_is_kept_does_not_grow_with_the_incidents() {
    let mut past = Pasts::default();
    let mut most = 0;
    for at in 0..20_000i64 {
        let now = NOW + at * MINUTE;
        let step = Step::Block { targets: vec![net("203.0.113.9")], ports: Vec::new(), seconds: 3600 };
        let incident = format!("i{at}");
        let open = past.at(&incident, now);
        most = most.max(open.len());
        assert!(open.iter().all(|past| past.holds), "the hour is longer than the window");
        let plan = Plan { incident, host: None, step, findings: Vec::new(), made_ms: now };
        past.add(&plan, now, Some(now + 60 * MINUTE));
    }
    assert_eq!(most, 59);
}

#[test]
fn a_block_says_when_it_begins_and_ends_and_may_come_again_afterwards() {
    let again = [
        incident(1, NOW, "203.0.113.9"),
        incident(2, NOW + DAY - 1, "203.0.113.9"),
        incident(3, NOW + DAY, "203.0.113.9"),
    ];
    let (entries, totals) = run(&playbook("ssh-bruteforce"), &again, &history(&[]), &Protected::default());
    assert_eq!(block(&entries).at_ms, Some(NOW));
    assert!(
        matches!(block(&entries).verdict, Verdict::Done { ends_ms: Some(end), asks: None, .. } if end == NOW + DAY)
    );
    let of = |number| entries.iter().find(|entry| entry.number == number && entry.plan.is_some()).unwrap();
    assert!(matches!(&of(2).verdict, Verdict::Refused(why) if matches!(why.as_slice(), [Refusal::Twice(_)])));
    assert!(matches!(of(3).verdict, Verdict::Done { .. }));
    assert_eq!((totals.done, totals.asked, totals.refused), (2, 0, 1));
}

#[test]
fn nothing_is_done_to_what_was_not_seen_yet() {
    let mut facts = incident(1, NOW, "203.0.113.9");
    facts.outside.extend([net("203.0.113.10"), net("203.0.113.11")]);
    let seen = [("203.0.113.9", NOW - MINUTE), ("203.0.113.10", NOW), ("203.0.113.11", NOW + MINUTE), ("alice", NOW)];
    facts.seen_ms = seen.into_iter().map(|(id, at)| (id.to_owned(), at)).collect();
    facts.let_in = vec!["alice".to_owned()];
    facts.let_in_ms = [("alice".to_owned(), NOW + 2 * MINUTE)].into();
    let (entries, _) = run(&playbook("ssh-bruteforce"), &[facts], &history(&[]), &Protected::default());
    let planned = entries.iter().filter_map(|entry| Some((entry.plan.as_ref()?, entry.at_ms)));
    let got: Vec<(usize, Option<i64>)> = planned
        .map(|(plan, at)| (if let Step::Block { targets, .. } = &plan.step { targets.len() } else { 0 }, at))
        .collect();
    let later = Some(NOW + 2 * MINUTE);
    assert_eq!(got, [(2, Some(NOW)), (1, Some(NOW + MINUTE)), (0, later), (0, later)]);
}

#[test]
fn own_people_are_counted_and_make_it_ask() {
    let uses = [
        used(NOW - 31 * DAY, "203.0.113.9", "long-gone"),
        used(NOW - 2 * DAY, "203.0.113.9", "alice"),
        used(NOW - DAY, "203.0.113.9", "alice"),
        used(NOW - DAY, "203.0.113.9", ""),
        used(NOW - DAY, "203.0.113.10", "bob"),
        used(NOW + 1, "203.0.113.9", "alice"),
        used(NOW - 1, "203.0.113.9", "mallory"),
        used(NOW + DAY, "203.0.113.9", "alice"),
    ];
    let facts = [incident(1, NOW, "203.0.113.9")];
    let (entries, totals) = run(&playbook("ssh-bruteforce"), &facts, &history(&uses), &Protected::default());
    let Verdict::Done { asks, hit, .. } = &block(&entries).verdict else { panic!("{entries:?}") };
    assert!(asks.as_ref().is_some_and(|why| why.contains("used rightly")));
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let expected = Hit {
        people: names(&["alice"]),
        uses_before: 2,
        pages_before: 1,
        uses_during: 1,
        new_accounts: names(&["mallory"]),
    };
    assert_eq!(*hit, expected);
    assert_eq!((totals.people, totals.asked), (names(&["alice"]), 1));
    // Too little history asks too, and so does none.
    let mut short = History::default();
    for history in [&History::default(), {
        short.reach(NOW - 29 * DAY);
        &short
    }] {
        let (entries, _) = run(&playbook("ssh-bruteforce"), &facts, history, &Protected::default());
        assert!(
            matches!(&block(&entries).verdict, Verdict::Done { asks: Some(why), .. } if why.contains("less than 30 days"))
        );
    }
}

#[test]
fn a_locked_account_hits_whoever_uses_it_from_elsewhere() {
    let mut facts = incident(1, NOW, "203.0.113.9");
    facts.users = vec!["alice".to_owned(), "tried".to_owned(), "root".to_owned()];
    facts.let_in = vec!["alice".to_owned(), "root".to_owned()];
    let uses = [
        used(NOW - DAY, "192.0.2.7", "alice"),
        used(NOW - DAY, "203.0.113.9", "alice"),
        used(NOW + DAY, "192.0.2.7", "alice"),
    ];
    let (entries, _) = run(&playbook("ssh-bruteforce"), &[facts], &history(&uses), &Protected::default());
    let locks: Vec<_> = entries.iter().filter(|entry| entry.name == "Lock the accounts that were let in").collect();
    assert_eq!(locks.len(), 2, "a name that was only tried is left alone");
    let Verdict::Done { hit, ends_ms: None, asks: Some(_) } = &locks[0].verdict else { panic!("{locks:?}") };
    assert_eq!((hit.uses_before, hit.uses_during, hit.people.len()), (1, 1, 1));
    assert!(matches!(&locks[1].verdict, Verdict::Refused(why) if matches!(why.as_slice(), [Refusal::Reserved(..)])));
}

#[test]
fn the_protected_are_left_out_and_too_many_are_cut() {
    let mut facts = incident(1, NOW, "203.0.113.9");
    facts.outside.extend((0..40).map(|at| net(&format!("198.51.100.{at}"))));
    let mut protected = Protected::default();
    protected.add(net("203.0.113.0/24"), "your list");
    let (entries, _) = run(&playbook("ssh-bruteforce"), &[facts.clone()], &history(&[]), &protected);
    let entry = block(&entries);
    assert_eq!(entry.left_out.len(), 1 + 8);
    assert!(entry.left_out[0].contains("your list"));
    assert!(matches!(&entry.plan.as_ref().unwrap().step, Step::Block { targets, .. } if targets.len() == 32));
    facts.outside.truncate(1);
    let (entries, totals) = run(&playbook("ssh-bruteforce"), &[facts], &history(&[]), &protected);
    assert_eq!(block(&entries).verdict, Verdict::Unbound);
    assert_eq!(totals.done, 0);
}

#[test]
fn command_steps_are_off_and_what_is_not_understood_is_left_to_a_person() {
    let mut document: Value = serde_json::from_slice(&bytes("ssh-bruteforce")).unwrap();
    let mut kinds = ["bash", "ssh", "powershell", "http-api"].into_iter().cycle();
    for (_, step) in document["workflow"].as_object_mut().unwrap() {
        if step["type"] == "if-condition" {
            step["condition"] = json!("[ipv4-addr:value ISSUBSET '10.0.0.0/8']");
        } else if step["type"] == "action" && step.get("step_extensions").is_none() {
            step["commands"] = json!([{"type": kinds.next(), "command": "rm -rf /"}]);
        }
    }
    let playbook = Playbook::read(document.to_string().as_bytes()).unwrap();
    let (entries, totals) = run(&playbook, &[incident(1, NOW, "203.0.113.9")], &history(&[]), &Protected::default());
    assert!(totals.off == 4 && totals.decide == 2 && totals.manual == 0 && totals.done == 0, "{totals:?}");
    assert!(
        entries.iter().any(|entry| matches!(&entry.verdict, Verdict::Decide(why) if why.contains("not understood")))
    );
}

#[test]
fn incidents_that_do_not_fit_are_passed_over_and_delays_count() {
    let mut other = incident(1, NOW, "203.0.113.9");
    other.techniques = vec!["T1486".to_owned()];
    other.findings[0].techniques = other.techniques.clone();
    let (entries, totals) = run(&playbook("ssh-bruteforce"), &[other], &history(&[]), &Protected::default());
    assert!(entries.is_empty());
    assert_eq!((totals.incidents, totals.others), (0, 1));
    let mut document: Value = serde_json::from_slice(&bytes("ssh-bruteforce")).unwrap();
    let start = document["workflow_start"].as_str().unwrap().to_owned();
    document["workflow"][start]["delay"] = json!(5000);
    let delayed = Playbook::read(document.to_string().as_bytes()).unwrap();
    let (entries, _) = run(&delayed, &[incident(1, NOW, "203.0.113.9")], &history(&[]), &Protected::default());
    assert_eq!(block(&entries).at_ms, Some(NOW + 5000));
}
