use super::*;

const NOW: i64 = 1_763_880_000_000;
const DAY: i64 = 86_400_000;
const GATES: [&str; 8] = ["scan", "signature", "bom", "data_check", "heldout", "attack", "latency", "size"];

struct Court {
    policy: Policy,
    key: SecretKey,
    stranger: SecretKey,
    approvers: [SecretKey; 2],
    model: Hash,
}

impl Court {
    fn new() -> Self {
        let mut text = "version = 1\napprovers = 2\nevidence_days_max = 30\n".to_owned();
        for gate in GATES {
            text.push_str(&format!("[gates.{gate}]\n"));
            if gate == "heldout" {
                text.push_str("min = { recall = 0.5 }\nmax = { false_alarms = 0.01 }\n");
            }
        }
        let key = || SecretKey::generate_ed25519().unwrap();
        Self {
            policy: Policy::read(&text).unwrap(),
            key: key(),
            stranger: key(),
            approvers: [key(), key()],
            model: Hash::of(b"model"),
        }
    }

    fn one(&self, gate: &str, model: Hash, measured: &Measured, time: i64, key: &SecretKey) -> Vec<u8> {
        evidence(gate, model, measured, self.policy.hash, "test", time, key).into_bytes()
    }

    fn good(&self, gate: &str) -> Vec<u8> {
        self.one(gate, self.model, &pass(), NOW - DAY, &self.key)
    }

    fn approved(&self, key: &SecretKey) -> Vec<u8> {
        approval(self.model, Stage::Active, self.policy.hash, NOW, key).into_bytes()
    }

    /// Everything that is needed.
    fn all(&self) -> Vec<Vec<u8>> {
        let approvals = self.approvers.iter().map(|key| self.approved(key));
        GATES.iter().map(|gate| self.good(gate)).chain(approvals).collect()
    }

    fn judge(&self, envelopes: &[Vec<u8>]) -> Result<Judged, Refused> {
        let approver_keys: Vec<PublicKey> = self.approvers.iter().map(SecretKey::public).collect();
        judge(&Case {
            policy: &self.policy,
            model: self.model,
            to: Stage::Active,
            envelopes,
            keys: &[self.key.public()],
            approver_keys: &approver_keys,
            now_ms: NOW,
        })
    }

    /// Judged with the evidence of a gate replaced.
    fn with(&self, gate: &str, envelope: Option<Vec<u8>>) -> Vec<(String, Reason)> {
        let mut all = self.all();
        all.remove(GATES.iter().position(|known| *known == gate).unwrap());
        all.extend(envelope);
        self.judge(&all).unwrap_err().0
    }
}

fn pass() -> Measured {
    let figures = [("recall".to_owned(), 0.9), ("false_alarms".to_owned(), 0.001)];
    Measured { pass: true, figures: figures.into(), words: Vec::new() }
}

#[test]
fn with_all_evidence_and_two_approvers_a_model_may_act() {
    let court = Court::new();
    let judged = court.judge(&court.all()).unwrap();
    assert_eq!((judged.shown().len(), judged.approvers().len(), judged.to()), (8, 2, Stage::Active));
}

#[test]
fn without_the_evidence_of_a_gate_it_is_refused_and_the_gate_named() {
    let court = Court::new();
    for gate in GATES {
        let refused = |reason| vec![(gate.to_owned(), reason)];
        assert_eq!(court.with(gate, None), refused(Reason::Missing));
        let other = court.one(gate, Hash::of(b"other"), &pass(), NOW, &court.key);
        assert_eq!(court.with(gate, Some(other)), refused(Reason::WrongSubject));
        let forged = court.one(gate, court.model, &pass(), NOW, &court.stranger);
        assert_eq!(court.with(gate, Some(forged)), refused(Reason::WrongSigner));
        for time in [NOW - 31 * DAY, NOW + DAY, i64::MIN, i64::MAX] {
            let stale = court.one(gate, court.model, &pass(), time, &court.key);
            assert_eq!(court.with(gate, Some(stale)), refused(Reason::Stale));
        }
        let failed = Measured { pass: false, words: vec!["it was bad".to_owned()], ..pass() };
        let failed = court.one(gate, court.model, &failed, NOW, &court.key);
        assert_eq!(court.with(gate, Some(failed)), refused(Reason::Failed("it was bad".to_owned())));
        let policy = evidence(gate, court.model, &pass(), Hash::of(b"x"), "test", NOW, &court.key).into_bytes();
        assert_eq!(court.with(gate, Some(policy)), refused(Reason::OtherPolicy));
        let mut damaged = court.good(gate);
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        assert_eq!(court.with(gate, Some(damaged)).len(), 1);
    }
    let all = court.judge(&[]).unwrap_err();
    assert_eq!(all.0.len(), 9);
    assert!(GATES.iter().all(|gate| all.to_string().contains(&format!("{gate}: no evidence"))), "{all}");
}

#[test]
fn the_newest_measurement_decides_whatever_the_order() {
    let court = Court::new();
    let fail = Measured { pass: false, words: vec!["bad now".to_owned()], ..pass() };
    let at = |measured: &Measured, time| court.one("scan", court.model, measured, time, &court.key);
    let refused = vec![("scan".to_owned(), Reason::Failed("bad now".to_owned()))];
    let judged = |more: [Vec<u8>; 2]| {
        let mut all = court.all();
        all.remove(0);
        all.extend(more);
        court.judge(&all).map(|_| ()).map_err(|refused| refused.0)
    };
    for (passed, failed) in [(NOW - 2, NOW - 1), (NOW - 1, NOW - 1)] {
        assert_eq!(judged([at(&pass(), passed), at(&fail, failed)]), Err(refused.clone()));
        assert_eq!(judged([at(&fail, failed), at(&pass(), passed)]), Err(refused.clone()));
    }
    assert_eq!(judged([at(&fail, NOW - 2), at(&pass(), NOW - 1)]), Ok(()));
}

#[test]
fn figures_are_judged_by_the_policy_whatever_the_verdict() {
    let court = Court::new();
    for (figures, why) in [
        (vec![("recall", 0.4), ("false_alarms", 0.0)], "recall is 0.4"),
        (vec![("recall", 0.9), ("false_alarms", 0.5)], "false_alarms is 0.5"),
        (vec![("recall", 0.9)], "does not tell false_alarms"),
        (vec![("recall", f64::NAN), ("false_alarms", 0.0)], "does not tell recall"),
    ] {
        let figures = figures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let measured = Measured { pass: true, figures, words: Vec::new() };
        let said = court.with("heldout", Some(court.one("heldout", court.model, &measured, NOW, &court.key)));
        assert!(matches!(&said[..], [(_, Reason::Failed(words))] if words.contains(why)), "{said:?}");
    }
}

#[test]
fn the_same_key_twice_or_a_strange_key_is_no_second_approver() {
    let court = Court::new();
    let [one, two] = &court.approvers;
    let gates: Vec<Vec<u8>> = GATES.iter().map(|gate| court.good(gate)).collect();
    let with = |approvals: &[Vec<u8>]| court.judge(&[gates.as_slice(), approvals].concat());
    assert!(with(&[court.approved(one), court.approved(two)]).is_ok());
    let elsewhere = approval(Hash::of(b"other"), Stage::Active, court.policy.hash, NOW, two).into_bytes();
    let less = approval(court.model, Stage::Shadow, court.policy.hash, NOW, two).into_bytes();
    let old = approval(court.model, Stage::Active, court.policy.hash, NOW - 31 * DAY, two).into_bytes();
    for second in [court.approved(one), court.approved(&court.stranger), elsewhere, less, old, Vec::new()] {
        let refused = with(&[court.approved(one), second]).unwrap_err();
        assert!(refused.to_string().contains("approval: failed: 1 of 2"), "{refused}");
    }
    assert!(with(&[]).is_err());
}
