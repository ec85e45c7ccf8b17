//! At most N a day that a person looks at, without a way to hide behind noise.
//!
//! Ranking a day by p-value alone would let an attacker push a quiet attack out of the day by making N loud ones. So:
//! - what is extreme ([`Budget::extreme`]) is always shown, and takes at most half of the others' places;
//! - several candidates of one detector about one entity are one: the strangest is shown, the others fold into it;
//! - places are given in rounds: first every *group's* strangest, then every group's second, and so on; groups are detectors,
//!   and within a round the order is by p-value. Entities already shown wait for those that were not. A thousand decoys
//!   for one detector take one place a round;
//! - a group's own turns alternate between entities that are long known and others, beginning with its strangest: names are
//!   made up in no time, a history is not, and neither may push the other out;
//! - what does not fit is folded into one visible line with the number, the smallest p-value and the entities most
//!   concerned, never dropped in silence.
//!
//! What this does not stop: stranger things *of the attack's own kind* on many long known entities take its kind's places, as
//! measured in EVALUATION.md. The folded line, with its numbers far from the usual, is then the alarm.
//!
//! A day's cost is O(n log n) in its candidates, and so is its memory.

use std::collections::{BTreeMap, BTreeSet};

/// Entities that a folded line names: what fits a line.
pub const TOP_MAX: usize = 5;

/// One thing that might be shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Its p-value.
    pub p_value: f64,
    /// Orders candidates of one p-value, higher first ([`Conformal::ranking_surprise`](super::Conformal)).
    pub rank: f64,
    /// Whom it concerns: a hash of the entity.
    pub entity: u64,
    /// Which detector found it.
    pub group: u32,
    /// Whether the entity was known long before.
    pub established: bool,
}

/// What is done with a day's candidates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// Indices of what is shown, strangest first.
    pub shown: Vec<usize>,
    /// For each candidate the index of the shown one that stands for it (its own where it is shown itself).
    pub stands: Vec<Option<usize>>,
    /// What was not shown.
    pub folded: Folded,
}

/// What the budget kept back, for one visible line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Folded {
    /// How many candidates, those above [`Budget::alpha`] not counted.
    pub count: u64,
    /// The smallest p-value among them; 1 where there are none.
    pub p_value: f64,
    /// Entities with how many of their candidates were kept back, strangest first, at most [`TOP_MAX`].
    pub top: Vec<(u64, u64)>,
}

/// The budget. Days are the caller's: one call of [`Budget::day`] for each day of event time, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    /// How many a day.
    pub a_day: f64,
    /// Nothing above this p-value is shown, however empty the day.
    pub alpha: f64,
    /// At or below this p-value nothing is kept back.
    pub extreme: f64,
    credit: f64,
}

impl Budget {
    /// A budget of `a_day`, of which unused parts add up to no more than one day's (or one, for budgets below one a day).
    pub fn new(a_day: f64, alpha: f64, extreme: f64) -> Self {
        let a_day = if a_day.is_finite() { a_day.max(0.0) } else { 0.0 };
        Self { a_day, alpha, extreme, credit: 0.0 }
    }

    /// Chooses among one day's candidates.
    pub fn day(&mut self, candidates: &[Candidate]) -> Selection {
        self.credit = (self.credit + self.a_day).min(self.a_day.max(1.0));
        let places = self.credit.floor();
        // Strangest first; the last tie goes to who stands first.
        let mut order: Vec<(usize, &Candidate)> =
            candidates.iter().enumerate().filter(|(_, one)| one.p_value <= self.alpha).collect();
        order.sort_by(|a, b| {
            a.1.p_value.total_cmp(&b.1.p_value).then(b.1.rank.total_cmp(&a.1.rank)).then(a.0.cmp(&b.0))
        });
        // One for each detector and entity.
        let mut first: BTreeMap<(u32, u64), usize> = BTreeMap::new();
        let mut leaders: Vec<(usize, &Candidate)> = Vec::new();
        for (at, one) in &order {
            first.entry((one.group, one.entity)).or_insert_with(|| {
                leaders.push((*at, *one));
                *at
            });
        }
        let (extreme, ordinary): (Vec<_>, Vec<_>) =
            leaders.into_iter().partition(|(_, one)| one.p_value <= self.extreme);
        let mut shown: Vec<usize> = extreme.iter().map(|(at, _)| *at).collect();
        let mut known: BTreeSet<u64> = extreme.iter().map(|(_, one)| one.entity).collect();
        let left = (places - extreme.len() as f64).max((places / 2.0).ceil());
        let chosen = rounds(&ordinary, left as usize, &mut known);
        self.credit -= (chosen.len() + extreme.len()) as f64;
        self.credit = self.credit.max(0.0);
        shown.extend(chosen);
        let is_shown: BTreeSet<usize> = shown.iter().copied().collect();
        shown.clear();
        shown.extend(order.iter().map(|(at, _)| *at).filter(|at| is_shown.contains(at)));
        let mut stands = vec![None; candidates.len()];
        let mut folded: Vec<&Candidate> = Vec::new();
        for (at, one) in &order {
            let leader = first.get(&(one.group, one.entity)).copied().filter(|leader| is_shown.contains(leader));
            if leader.is_none() {
                folded.push(one);
            }
            if let Some(slot) = stands.get_mut(*at) {
                *slot = leader;
            }
        }
        Selection { shown, stands, folded: fold(&folded) }
    }
}

/// One of a group's candidates, waiting.
#[derive(Clone, Copy)]
struct Waiting {
    /// Its place by strangeness among all.
    rank: usize,
    at: usize,
    entity: u64,
}

/// The order in which a group's candidates take their turns: entities that are established and others alternate, beginning
/// with the strangest. `queue` is in order of strangeness.
fn turns(queue: Vec<(bool, Waiting)>) -> Vec<Waiting> {
    let Some((first, _)) = queue.first().copied() else { return Vec::new() };
    let (same, others): (Vec<_>, Vec<_>) = queue.into_iter().partition(|(established, _)| *established == first);
    let mut same = same.into_iter();
    let mut others = others.into_iter();
    let mut turns = Vec::with_capacity(same.len() + others.len());
    while same.len() + others.len() > 0 {
        turns.extend(same.next().into_iter().chain(others.next()).map(|(_, waiting)| waiting));
    }
    turns
}

/// Gives places in rounds: each group's next in turn, entities not yet shown before others, by strangeness within a round.
fn rounds(ordinary: &[(usize, &Candidate)], places: usize, known: &mut BTreeSet<u64>) -> Vec<usize> {
    let mut queues: BTreeMap<u32, Vec<(bool, Waiting)>> = BTreeMap::new();
    for (rank, (at, one)) in ordinary.iter().enumerate() {
        let waiting = Waiting { rank, at: *at, entity: one.entity };
        queues.entry(one.group).or_default().push((one.established, waiting));
    }
    let groups: BTreeMap<u32, Vec<Waiting>> = queues.into_iter().map(|(group, queue)| (group, turns(queue))).collect();
    let mut next: BTreeMap<u32, usize> = BTreeMap::new();
    let mut chosen = Vec::new();
    while chosen.len() < places {
        let mut round: Vec<(bool, usize, usize, u64)> = Vec::new();
        for (group, queue) in &groups {
            let from = next.entry(*group).or_default();
            if let Some(Waiting { rank, at, entity }) = queue.get(*from).copied() {
                round.push((known.contains(&entity), rank, at, entity));
                *from += 1;
            }
        }
        if round.is_empty() {
            break;
        }
        round.sort_unstable();
        for (_, _, at, entity) in round.into_iter().take(places - chosen.len()) {
            known.insert(entity);
            chosen.push(at);
        }
    }
    chosen
}

fn fold(kept_back: &[&Candidate]) -> Folded {
    let mut entities: BTreeMap<u64, (usize, u64)> = BTreeMap::new();
    for (rank, one) in kept_back.iter().enumerate() {
        entities.entry(one.entity).or_insert((rank, 0)).1 += 1;
    }
    let mut top: Vec<(usize, u64, u64)> = entities.into_iter().map(|(id, (rank, count))| (rank, id, count)).collect();
    top.sort_unstable();
    top.truncate(TOP_MAX);
    Folded {
        count: kept_back.len() as u64,
        p_value: kept_back.first().map_or(1.0, |one| one.p_value),
        top: top.into_iter().map(|(_, id, count)| (id, count)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(p_value: f64, group: u32, entity: u64) -> Candidate {
        Candidate { p_value, rank: 0.0, entity, group, established: false }
    }

    #[test]
    fn a_day_shows_no_more_than_asked_and_folds_the_rest_visibly() {
        let mut budget = Budget::new(2.0, 0.01, 1e-6);
        let day: Vec<Candidate> = (0..20).map(|at| one(0.001 * (at + 1) as f64, 0, at)).collect();
        let chosen = budget.day(&day);
        assert_eq!(chosen.shown, [0, 1]);
        assert_eq!((chosen.folded.count, chosen.folded.p_value), (8, 0.003));
        assert_eq!(chosen.folded.top, [(2, 1), (3, 1), (4, 1), (5, 1), (6, 1)]);
        assert!(budget.day(&[]).shown.is_empty());
        assert_eq!(budget.day(&day).shown.len(), 2, "an empty day saves up nothing");
    }

    #[test]
    fn decoys_do_not_push_an_attack_out_of_the_day() {
        let n = 5;
        // 10 N decoys, stranger than the attack: of one detector on as many entities, and all on one entity.
        for decoy in [|at: u64| one(1e-5, 0, 100 + at), |_: u64| one(1e-5, 0, 100)] {
            let mut day: Vec<Candidate> = (0..10 * n).map(decoy).collect();
            day.push(one(0.002, 1, 7));
            let chosen = Budget::new(n as f64, 0.01, 1e-6).day(&day);
            assert!(chosen.shown.contains(&50) && chosen.shown.len() <= 5, "{chosen:?}");
        }
        // Extreme decoys are all shown, and still leave it a place.
        let mut day: Vec<Candidate> = (0..10 * n).map(|at| one(1e-9, 0, 100 + at)).collect();
        day.push(one(0.002, 1, 7));
        let chosen = Budget::new(n as f64, 0.01, 1e-6).day(&day);
        assert!(chosen.shown.contains(&50) && chosen.shown.len() == 51);
    }

    #[test]
    fn names_that_were_made_up_do_not_push_out_who_is_known() {
        // Fifty stranger things of the attack's own detector, on names that nobody knows; and the other way round.
        for established in [true, false] {
            let decoys = (0..50).map(|at| Candidate { established: !established, ..one(1e-5, 0, 100 + at) });
            let mut day: Vec<Candidate> = decoys.collect();
            day.push(Candidate { established, ..one(0.002, 0, 7) });
            let chosen = Budget::new(3.0, 0.01, 1e-6).day(&day);
            assert_eq!(chosen.shown, [0, 1, 50]);
        }
    }

    #[test]
    fn what_is_extreme_is_never_kept_back_and_one_entity_is_one() {
        let day = [one(1e-8, 0, 1), one(1e-7, 0, 1), one(1e-7, 1, 1), one(0.5, 0, 2)];
        let chosen = Budget::new(0.0, 0.01, 1e-6).day(&day);
        assert_eq!(chosen.shown, [0, 2]);
        assert_eq!(chosen.stands, [Some(0), Some(0), Some(2), None]);
        assert_eq!(chosen.folded.count, 0);
    }

    #[test]
    fn half_a_place_a_day_is_one_every_other_day() {
        let mut budget = Budget::new(0.5, 0.01, 1e-6);
        let shown: Vec<usize> = (0..6).map(|_| budget.day(&[one(0.001, 0, 1)]).shown.len()).collect();
        assert_eq!(shown, [0, 1, 0, 1, 0, 1]);
        assert!(Budget::new(f64::NAN, 0.01, 0.0).day(&[one(f64::NAN, 0, 1)]).shown.is_empty());
    }
}
