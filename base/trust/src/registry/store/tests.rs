use super::*;
use crate::audit::disk::tests::Small;
use crate::key::SecretKey;
use crate::registry::{Case, Measured, Policy, evidence, judge};

struct Place {
    folder: tempfile::TempDir,
    key: SecretKey,
    policy: Policy,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            key: SecretKey::generate_ed25519().unwrap(),
            policy: Policy::read("version = 1\napprovers = 0\n[gates.scan]\n").unwrap(),
        }
    }

    fn audit(&self) -> PathBuf {
        self.folder.path().join("audit")
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("registry")
    }

    fn open(&self) -> Result<Registry, RegistryError> {
        Registry::open(&self.root(), &self.audit())
    }

    fn act<T>(
        &self,
        act: impl FnOnce(&mut Registry, &mut Writer<'_>) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let mut writer = Writer::open(&self.audit(), &self.key)?;
        act(&mut self.open()?, &mut writer)
    }

    fn register(&self, name: &str) -> Hash {
        let artifact = Artifact::new(name, name.as_bytes().to_vec());
        self.act(|registry, audit| registry.register(audit, 1, &artifact, "domain", &[])).unwrap();
        artifact.hash()
    }

    fn judged(&self, model: Hash, to: Stage) -> (Judged, Vec<Vec<u8>>) {
        let pass = Measured { pass: true, figures: [].into(), words: Vec::new() };
        let envelopes = [evidence("scan", model, &pass, self.policy.hash, "test", 1, &self.key).into_bytes()];
        let case = Case {
            policy: &self.policy,
            model,
            to,
            envelopes: &envelopes,
            keys: &[self.key.public()],
            approver_keys: &[],
            now_ms: 1,
        };
        (judge(&case).unwrap(), envelopes.to_vec())
    }

    fn promote(&self, model: Hash) -> Result<(), RegistryError> {
        let (judged, envelopes) = self.judged(model, Stage::Active);
        self.act(|registry, audit| registry.promote(audit, 2, &judged, &envelopes))
    }

    fn rollback(&self) -> Result<(Option<Hash>, Hash), RegistryError> {
        self.act(|registry, audit| registry.rollback(audit, 3, "domain", "it was wrong", None))
    }

    fn active(&self) -> Option<Hash> {
        self.open().unwrap().state().active("domain")
    }
}

#[test]
fn a_model_goes_forward_with_evidence_and_back_in_one_step_and_all_of_it_is_audited() {
    let place = Place::new();
    let [a, b] = [place.register("a"), place.register("b")];
    assert_eq!(place.active(), None);
    place.promote(a).unwrap();
    place.promote(b).unwrap();
    assert_eq!(place.active(), Some(b));
    assert_eq!(place.open().unwrap().active("domain").unwrap().unwrap().get().bytes(), b"b");
    assert_eq!(place.rollback().unwrap(), (Some(b), a));
    assert_eq!(place.active(), Some(a));
    assert!(matches!(place.rollback(), Err(RegistryError::Forbidden(Forbidden::NoEarlier(_)))));
    let mut told = Vec::new();
    log::entries(&place.audit(), &mut |entry| told.push(entry.event.action)).unwrap();
    let expected = "model.register model.register model.active model.retire model.active model.demote model.active";
    assert_eq!(told.join(" "), expected);
    assert_eq!(log::verify(&place.audit(), &place.key.public(), None).unwrap().faults, []);
    assert_eq!(place.open().unwrap().evidence(a).unwrap().len(), 1);
}

#[test]
fn nothing_revoked_comes_back_by_rollback_promotion_or_an_older_journal() {
    let place = Place::new();
    let [a, b] = [place.register("a"), place.register("b")];
    place.promote(a).unwrap();
    place.promote(b).unwrap();
    let files = [JOURNAL, COUNTER].map(|name| (place.root().join(name), fs::read(place.root().join(name)).unwrap()));
    place.act(|registry, audit| registry.revoke(audit, 3, a, "it leaks", false)).unwrap();
    assert!(matches!(place.rollback(), Err(RegistryError::Forbidden(_))));
    assert!(matches!(place.promote(a), Err(RegistryError::Forbidden(Forbidden::Revoked(..)))));
    // The journal of before, alone: the counter and the audit log know better.
    let now = fs::read(&files[0].0).unwrap();
    fs::write(&files[0].0, &files[0].1).unwrap();
    assert!(place.open().unwrap().state().models()[&a].revoked.is_some());
    // Both files of before: the audit log knows better.
    fs::write(&files[1].0, &files[1].1).unwrap();
    assert!(matches!(place.rollback(), Err(RegistryError::Forbidden(_))));
    assert!(matches!(place.promote(a), Err(RegistryError::Forbidden(Forbidden::Revoked(..)))));
    // And what is owed is written down with the next step.
    place.register("c");
    assert!(fs::read(&files[0].0).unwrap().starts_with(&now));
    // The audit log put back as well as the journal: the counter knows.
    fs::write(&files[0].0, &files[0].1).unwrap();
    fs::remove_dir_all(place.audit()).unwrap();
    assert!(matches!(place.open(), Err(RegistryError::Replayed { steps: 7, .. })));
}

#[test]
fn before_the_first_model_of_a_kind_came_the_shipped_one() {
    let place = Place::new();
    let (a, shipped) = (place.register("a"), Hash::of(b"shipped"));
    let back = || place.act(|registry, audit| registry.rollback(audit, 3, "domain", "it was wrong", Some(shipped)));
    // The shipped one acts already.
    assert!(matches!(back(), Err(RegistryError::Forbidden(Forbidden::NoEarlier(_)))));
    place.promote(a).unwrap();
    assert_eq!(back().unwrap(), (Some(a), shipped));
    assert_eq!((place.active(), place.open().unwrap().state().models()[&a].stage), (None, Stage::Shadow));
    assert!(back().is_err());
    place.promote(a).unwrap();
    assert_eq!(place.register("shipped"), shipped);
    place.act(|registry, audit| registry.revoke(audit, 3, shipped, "leak", false)).unwrap();
    assert!(matches!(back(), Err(RegistryError::Forbidden(Forbidden::NoEarlier(_)))));
    assert_eq!(place.active(), Some(a));
}

#[test]
fn the_floor_of_a_kind_only_rises() {
    let place = Place::new();
    let [a, b, c] = [place.register("a"), place.register("b"), place.register("c")];
    place.promote(a).unwrap();
    place.promote(b).unwrap();
    place.act(|registry, audit| registry.revoke(audit, 3, b, "hole", true)).unwrap();
    assert_eq!(place.active(), None);
    assert!(matches!(place.promote(a), Err(RegistryError::Forbidden(Forbidden::Old(..)))));
    place.act(|registry, audit| registry.revoke(audit, 3, a, "older", true)).unwrap();
    assert!(matches!(place.promote(a), Err(RegistryError::Forbidden(_))));
    place.promote(c).unwrap();
    assert_eq!(place.active(), Some(c));
}

#[test]
fn a_full_disk_or_a_kill_leaves_nothing_half_promoted() {
    let place = Place::new();
    let a = place.register("a");
    let (judged, _) = place.judged(a, Stage::Active);
    let before = fs::read(place.root().join(JOURNAL)).unwrap();
    for room in [0, 1, 100] {
        let mut writer = Writer::open(&place.audit(), &place.key).unwrap();
        let mut registry = place.open().unwrap();
        let step = Event::new(judged.to().word(), a.to_string());
        let mut small = Small { bytes: before.clone(), room: before.len() + room };
        assert!(registry.step(&mut writer, 2, vec![step], &mut small).is_err());
        assert_eq!(small.bytes, before);
        assert_eq!(registry.state().active("domain"), None);
    }
    assert_eq!(log::verify(&place.audit(), &place.key.public(), None).unwrap().entries, 1);
    place.promote(a).unwrap();
    let after = fs::read(place.root().join(JOURNAL)).unwrap();
    // Killed between audit log and journal, or in the middle of the journal's line: the audit log has the step whole.
    for end in [before.len(), before.len() + 1, after.len() - 1] {
        fs::write(place.root().join(JOURNAL), &after[..end]).unwrap();
        let _ = fs::remove_file(place.root().join(COUNTER));
        assert_eq!(place.active(), Some(a), "{end}");
    }
    let b = place.register("b");
    place.promote(b).unwrap();
    assert_eq!(place.rollback().unwrap(), (Some(b), a));
}

#[test]
fn damaged_artifacts_and_hostile_journals_are_refused() {
    let place = Place::new();
    let [a, b] = [place.register("a"), place.register("b")];
    place.promote(a).unwrap();
    let object = place.root().join(OBJECTS).join(b.to_string());
    fs::write(&object, "other").unwrap();
    assert!(matches!(place.promote(b), Err(RegistryError::Damaged(_))));
    fs::remove_file(&object).unwrap();
    assert!(matches!(place.promote(b), Err(RegistryError::Damaged(_))));
    assert_eq!(place.active(), Some(a));
    let journal = fs::read_to_string(place.root().join(JOURNAL)).unwrap();
    let edited = journal.replace("\"active\"", "\"canary\"").into_bytes();
    let cut: Vec<u8> = journal.lines().skip(1).map(|line| format!("{line}\n")).collect::<String>().into_bytes();
    for bytes in [edited, cut, b"{}\n".to_vec(), vec![b'\n'; 100], vec![0xff; 5000], b"[\n".repeat(1000)] {
        fs::write(place.root().join(JOURNAL), bytes).unwrap();
        let error = place.open().map(|registry| registry.state().active("domain"));
        assert!(matches!(error, Err(_) | Ok(Some(_))), "{error:?}");
    }
}

#[test]
fn two_writers_do_not_tread_on_each_other() {
    let place = Place::new();
    let mut stale = place.open().unwrap();
    place.register("a");
    let mut writer = Writer::open(&place.audit(), &place.key).unwrap();
    let artifact = Artifact::new("b", b"b".to_vec());
    let done = stale.register(&mut writer, 1, &artifact, "domain", &[]);
    assert!(matches!(done, Err(RegistryError::Changed)));
}
