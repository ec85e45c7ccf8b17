//! Which playbooks fit an incident, best first.

use super::deed::Selector;
use super::model::Playbook;

/// A named rule says most, an exact technique more than its parent.
const RULE: u32 = 100;
const TECHNIQUE: u32 = 10;
const PARENT: u32 = 8;
const TACTIC: u32 = 1;

impl Selector {
    /// How well it fits; 0 if neither a rule nor a technique does.
    pub fn score(&self, techniques: &[String], tactics: &[String], rules: &[String]) -> u32 {
        let times = |count: usize, each: u32| u32::try_from(count).unwrap_or(u32::MAX).saturating_mul(each);
        let own_rules = rules.iter().filter(|rule| self.rules.contains(rule)).count();
        let one = |technique: &String| {
            if self.techniques.contains(technique) {
                TECHNIQUE
            } else if technique
                .split_once('.')
                .is_some_and(|(parent, _)| self.techniques.iter().any(|own| own == parent))
            {
                PARENT
            } else {
                0
            }
        };
        let strong = techniques.iter().map(one).fold(times(own_rules, RULE), u32::saturating_add);
        if strong == 0 {
            return 0;
        }
        strong.saturating_add(times(tactics.iter().filter(|tactic| self.tactics.contains(tactic)).count(), TACTIC))
    }
}

/// The playbooks that fit, best first, equals by their names.
pub fn select<'p>(
    playbooks: &'p [Playbook],
    techniques: &[String],
    tactics: &[String],
    rules: &[String],
) -> Vec<&'p Playbook> {
    let score = |playbook: &Playbook| {
        playbook.selector.as_ref().map_or(0, |selector| selector.score(techniques, tactics, rules))
    };
    let mut fitting: Vec<(u32, &Playbook)> =
        playbooks.iter().map(|playbook| (score(playbook), playbook)).filter(|(score, _)| *score > 0).collect();
    fitting.sort_by(|one, two| two.0.cmp(&one.0).then_with(|| one.1.name.cmp(&two.1.name)));
    fitting.into_iter().map(|(_, playbook)| playbook).collect()
}
