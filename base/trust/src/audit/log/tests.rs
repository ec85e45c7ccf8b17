use super::*;
use crate::audit::disk::tests::Small;

fn key() -> SecretKey {
    SecretKey::generate_ed25519().unwrap()
}

/// A log of so many entries, each written by itself.
fn log(folder: &Path, key: &SecretKey, many: u64) {
    let mut writer = Writer::open(folder, key).unwrap();
    for at in writer.next()..many {
        let event = Event::new("rules.add", format!("pack {at}")).with("rules", at);
        assert_eq!(writer.append(1_000 + at as i64, &[event]).unwrap(), at);
    }
}

fn lines(folder: &Path) -> Vec<String> {
    fs::read_to_string(folder.join(LOG)).unwrap().lines().map(str::to_owned).collect()
}

fn put(folder: &Path, lines: &[String]) {
    fs::write(folder.join(LOG), lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
}

fn faults(folder: &Path, key: &SecretKey) -> Vec<Fault> {
    verify(folder, &key.public(), None).unwrap().faults
}

/// The whole chain made to fit again from an entry on.
fn refit(lines: &mut [String], from: usize) {
    for at in from..lines.len() {
        let entry = entry::read(lines[at].as_bytes()).unwrap();
        let previous = if at == 0 { no_entry() } else { merkle::leaf(lines[at - 1].as_bytes()) };
        lines[at] = entry::write(at as u64, entry.time_ms, &entry.event, &previous);
    }
}

#[test]
fn every_kind_of_tampering_is_named_with_its_entry() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, key) = (folder.path(), key());
    const MANY: usize = 20;
    log(folder, &key, MANY as u64);
    assert_eq!(faults(folder, &key), []);
    let whole = lines(folder);
    let now = |lines: &[String]| {
        put(folder, lines);
        faults(folder, &key)
    };
    for at in 0..MANY {
        let number = at as u64;
        // Edited, and edited with a sum that fits.
        let mut edited = whole.clone();
        edited[at] = edited[at].replace("pack", "pick");
        assert_eq!(now(&edited), [Fault::Edited(number)], "{at}");
        let mut fitted = whole.clone();
        let mut entry = entry::read(whole[at].as_bytes()).unwrap();
        let previous = if at == 0 { no_entry() } else { merkle::leaf(whole[at - 1].as_bytes()) };
        entry.event.subject = "forged".to_owned();
        fitted[at] = entry::write(number, entry.time_ms, &entry.event, &previous);
        let last = at + 1 == MANY;
        let expected = if last { Fault::Rewritten(number, number + 1) } else { Fault::Edited(number) };
        assert_eq!(now(&fitted), [expected], "{at}");
        // The whole rest made to fit: the signed heads tell where it began.
        refit(&mut fitted, at + 1);
        assert_eq!(now(&fitted), [Fault::Rewritten(number, number + 1)], "{at}");
        // Deleted.
        let mut deleted = whole.clone();
        deleted.remove(at);
        let gone = faults_of(at, MANY);
        assert_eq!(now(&deleted), gone, "{at}");
        refit(&mut deleted, at);
        let truncated = Fault::Truncated(MANY as u64 - 1, MANY as u64);
        assert!(now(&deleted).contains(&truncated), "{at}");
        // Repeated.
        let mut repeated = whole.clone();
        repeated.insert(at + 1, whole[at].clone());
        let said = now(&repeated);
        assert_eq!(said[0], Fault::Repeated(number), "{said:?}");
        // Truncated after this one.
        assert_eq!(now(&whole[..at]), [Fault::Truncated(number, MANY as u64)], "{at}");
        for other in at + 1..MANY {
            let mut swapped = whole.clone();
            swapped.swap(at, other);
            let said = now(&swapped);
            assert!(said.iter().any(|fault| matches!(fault, Fault::Moved(_))), "{at} {other}: {said:?}");
        }
        assert!(Writer::open(folder, &key).is_err());
    }
    put(folder, &whole);
    assert_eq!(faults(folder, &key), []);
    let stranger = SecretKey::generate_ed25519().unwrap();
    assert_eq!(faults(folder, &stranger), [Fault::NoHead]);
}

/// A deletion at the end is a truncation.
fn faults_of(at: usize, many: usize) -> Vec<Fault> {
    let truncated = Fault::Truncated(many as u64 - 1, many as u64);
    if at + 1 == many { vec![truncated] } else { vec![Fault::Missing(at as u64, 1), truncated] }
}

#[test]
fn both_files_cut_back_are_seen_by_who_kept_a_head() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, key) = (folder.path(), key());
    log(folder, &key, 9);
    let kept = verify(folder, &key.public(), None).unwrap().head.unwrap();
    log(folder, &key, 12);
    let check = |kept: &Head| verify(folder, &key.public(), Some(kept)).unwrap().faults;
    assert_eq!(check(&kept), []);
    let heads = fs::read_to_string(folder.join(HEADS)).unwrap();
    put(folder, &lines(folder)[..5]);
    fs::write(folder.join(HEADS), heads.lines().take(5).map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    assert_eq!(faults(folder, &key), []);
    assert_eq!(check(&kept), [Fault::Truncated(5, 9)]);
    log(folder, &key, 11);
    fs::remove_file(folder.join(EDGE)).unwrap();
    log(folder, &key, 12);
    let other = Head::sign(4, 0, Hash::of(b"other"), &key);
    assert_eq!(check(&other), [Fault::OtherLog(4)]);
}

#[test]
fn a_torn_line_and_entries_without_a_head_are_told_by_the_next_writer() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, key) = (folder.path(), key());
    log(folder, &key, 3);
    let whole = fs::read(folder.join(LOG)).unwrap();
    let heads = fs::read_to_string(folder.join(HEADS)).unwrap();
    // A writer stopped in the middle of entry 3, at every byte.
    log(folder, &key, 4);
    let longer = fs::read(folder.join(LOG)).unwrap();
    for end in whole.len() + 1..longer.len() {
        fs::write(folder.join(LOG), &longer[..end]).unwrap();
        fs::write(folder.join(HEADS), &heads).unwrap();
        assert_eq!(faults(folder, &key), [Fault::Torn((end - whole.len()) as u64)]);
    }
    let mut writer = Writer::open(folder, &key).unwrap();
    assert_eq!(writer.append(5, &[Event::new("x", "y")]).unwrap(), 4);
    drop(writer);
    let mut told = Vec::new();
    entries(folder, &mut |entry| told.push((entry.number, entry.event.action))).unwrap();
    assert_eq!(told[3..], [(3, "audit.torn".to_owned()), (4, "x".to_owned())]);
    assert_eq!(fs::read(folder.join(TORN)).unwrap(), longer[whole.len()..longer.len()]);
    assert_eq!(faults(folder, &key), []);
    // A writer stopped between the entry and its head.
    let heads = fs::read_to_string(folder.join(HEADS)).unwrap();
    log(folder, &key, 6);
    fs::write(folder.join(HEADS), heads.trim_end()).unwrap();
    assert_eq!(faults(folder, &key), [Fault::Unsigned(5)]);
    let mut writer = Writer::open(folder, &key).unwrap();
    assert_eq!(writer.append(5, &[Event::new("x", "y")]).unwrap(), 7);
    drop(writer);
    assert_eq!(faults(folder, &key), []);
}

#[test]
fn a_full_disk_leaves_the_log_as_it_was_and_room_makes_it_go_on() {
    let key = key();
    let event = [Event::new("rules.add", "pack")];
    let mut small = (Small::default(), Small::default());
    for room in [(0, 1000), (50, 1000), (1000, 0), (1000, 100), (1000, 1000)] {
        (small.0.room, small.1.room) = room;
        let mut writer = Writer {
            folder: PathBuf::from("nowhere"),
            key: &key,
            log: Box::new(std::mem::take(&mut small.0)),
            heads: Box::new(std::mem::take(&mut small.1)),
            edge: Edge::default(),
            last: no_entry(),
            bytes: 0,
            told: Vec::new(),
            _lock: None,
        };
        let done = writer.append(1, &event);
        assert_eq!(done.is_ok(), room == (1000, 1000), "{room:?}");
        assert_eq!(writer.edge.size(), u64::from(done.is_ok()));
        let lens = (writer.log.len().unwrap(), writer.heads.len().unwrap());
        assert_eq!(lens.0 > 0, done.is_ok());
        assert_eq!(lens.1 > 0, done.is_ok());
        if let Err(error) = done {
            assert!(error.to_string().contains("nothing was done"), "{error}");
        }
    }
}

#[test]
fn writers_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, key) = (folder.path(), key());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let key = &key;
            scope.spawn(move || {
                for at in 0..10 {
                    let mut writer = Writer::open(folder, key).unwrap();
                    writer.append(0, &[Event::new("x", format!("{thread} {at}"))]).unwrap();
                }
            });
        }
    });
    assert_eq!(verify(folder, &key.public(), None).unwrap().entries, 40);
    assert_eq!(faults(folder, &key), []);
}

#[test]
fn an_entry_is_proven_offline_and_only_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, key) = (folder.path(), key());
    log(folder, &key, 7);
    for number in 0..7 {
        let proof = proof(folder, &key.public(), number).unwrap().unwrap();
        assert!(proof.holds(&key.public()));
        assert!(!proof.holds(&SecretKey::generate_ed25519().unwrap().public()));
        let mut other = proof.clone();
        other.line = other.line.replace("pack", "pick");
        assert!(!other.holds(&key.public()));
        assert!(!Proof { number: number + 1, ..proof }.holds(&key.public()));
    }
    assert!(proof(folder, &key.public(), 7).unwrap().is_none());
}

#[test]
fn an_entry_that_is_too_long_is_refused_and_hostile_files_are_faults() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, key) = (folder.path(), key());
    let mut writer = Writer::open(folder, &key).unwrap();
    let long = Event::new("x", "y".repeat(LINE_BYTES_MAX));
    assert!(matches!(writer.append(0, &[long]), Err(AuditError::TooLong(_))));
    drop(writer);
    log(folder, &key, 2);
    let heads = fs::read(folder.join(HEADS)).unwrap();
    for bytes in [b"\n\n\n".to_vec(), vec![0; 4096], vec![b'['; 100_000], b"{}\n".repeat(1000), vec![0xff, b'\n']] {
        fs::write(folder.join(LOG), &bytes).unwrap();
        let checked = verify(folder, &key.public(), None).unwrap();
        assert!(!checked.faults.is_empty() && checked.faults.len() <= check::FAULTS_MAX);
        assert!(Writer::open(folder, &key).is_err());
        fs::write(folder.join(HEADS), &bytes).unwrap();
        assert!(!faults(folder, &key).is_empty());
        fs::write(folder.join(HEADS), &heads).unwrap();
    }
}

/// `SHIELDWALL_AUDIT_ENTRIES=1000000` measures; time itself is measured from outside.
#[test]
fn many_entries_are_written_at_once_and_verified_in_one_pass() {
    let many: u64 = std::env::var("SHIELDWALL_AUDIT_ENTRIES").ok().and_then(|text| text.parse().ok()).unwrap_or(20_000);
    let folder = tempfile::tempdir().unwrap();
    let (folder, key) = (folder.path(), key());
    let events: Vec<Event> =
        (0..many).map(|at| Event::new("rules.add", format!("pack {at}")).with("version", "1.0.0")).collect();
    Writer::open(folder, &key).unwrap().append(1_700_000_000_000, &events).unwrap();
    let checked = verify(folder, &key.public(), None).unwrap();
    assert_eq!((checked.entries, checked.faults), (many, Vec::new()));
    // A long log is added to by its kept edge.
    assert!(checked.bytes > WHOLE_BYTES_MAX);
    assert_eq!(Writer::open(folder, &key).unwrap().append(0, &[Event::new("x", "y")]).unwrap(), many);
    let checked = verify(folder, &key.public(), None).unwrap();
    assert_eq!((checked.entries, checked.faults), (many + 1, Vec::new()));
}
