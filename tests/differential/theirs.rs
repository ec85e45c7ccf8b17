//! The other engine: its rules, compiled once, and one engine for each set of rules that some tag admits.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rsigma_eval::{CompiledRule, Engine, JsonEvent, compile_rule};
use rsigma_parser::parse_sigma_yaml;
use serde_json::Value;
use shieldwall_detect::sigma::ir::{Expr, RuleIndex, Test};
use shieldwall_detect::sigma::load::Pack;
use shieldwall_detect::sigma::matcher::{Admission, Matcher};
use shieldwall_schema::event::Tag;

use crate::record::{Renamed, renamed};

/// Their form of every rule, by id.
pub type Compiled = BTreeMap<String, CompiledRule>;

/// Parses and compiles every rule of the packs; also gives what could not be.
pub fn compile(packs: &[Pack]) -> (Compiled, Vec<String>) {
    let (mut compiled, mut refused) = (Compiled::new(), Vec::new());
    for (name, bytes) in packs.iter().flat_map(|pack| &pack.files) {
        let collection = match parse_sigma_yaml(&String::from_utf8_lossy(bytes)) {
            Ok(collection) => collection,
            Err(error) => {
                refused.push(format!("{name}: {error}"));
                continue;
            }
        };
        refused.extend(collection.errors.iter().map(|error| format!("{name}: {error}")));
        for rule in &collection.rules {
            match (compile_rule(rule), rule.id.clone()) {
                (Ok(rule), Some(id)) => assert!(compiled.insert(id, rule).is_none(), "{name}: the id is there twice"),
                (Ok(_), None) => refused.push(format!("{name}: no id")),
                (Err(error), _) => refused.push(format!("{name}: {error}")),
            }
        }
    }
    (compiled, refused)
}

/// The rules that one tag admits through one bucket.
pub struct Group {
    engine: Engine,
    /// What the bucket calls otherwise.
    pub renamed: Renamed,
    /// How many rules.
    pub rules: usize,
}

impl Group {
    /// The rules that match the record, by id.
    pub fn evaluate(&self, record: &Value) -> Vec<String> {
        let results = self.engine.evaluate(&JsonEvent::borrow(record));
        results.into_iter().filter_map(|result| result.header.rule_id).collect()
    }
}

/// Engines by what they hold, made when first needed.
pub struct Groups<'a> {
    matcher: &'a Matcher,
    compiled: &'a Compiled,
    by_tag: HashMap<[String; 4], Arc<[Arc<Group>]>>,
    by_rules: HashMap<(Admission, Vec<RuleIndex>), Arc<Group>>,
}

impl<'a> Groups<'a> {
    /// No engine yet.
    pub fn new(matcher: &'a Matcher, compiled: &'a Compiled) -> Self {
        Self { matcher, compiled, by_tag: HashMap::new(), by_rules: HashMap::new() }
    }

    /// The engines for a tag: one for each bucket through which rules are admitted.
    pub fn of(&mut self, tag: &Tag<'_>) -> Arc<[Arc<Group>]> {
        let key = [tag.product, tag.service, tag.provider, tag.code].map(str::to_owned);
        if let Some(known) = self.by_tag.get(&key) {
            return Arc::clone(known);
        }
        let mut admitted: BTreeMap<Admission, Vec<RuleIndex>> = BTreeMap::new();
        for (rule, admission) in self.matcher.rules_for(tag) {
            admitted.entry(admission).or_default().push(rule);
        }
        let groups: Arc<[_]> = admitted.into_iter().map(|(admission, rules)| self.group(admission, rules)).collect();
        self.by_tag.insert(key, Arc::clone(&groups));
        groups
    }

    fn group(&mut self, admission: Admission, rules: Vec<RuleIndex>) -> Arc<Group> {
        let key = (admission, rules);
        if let Some(known) = self.by_rules.get(&key) {
            return Arc::clone(known);
        }
        let ours: Vec<_> = key.1.iter().filter_map(|rule| self.matcher.rule(*rule)).collect();
        let mut asked = BTreeSet::new();
        ours.iter().for_each(|rule| fields(&rule.expr, &mut asked));
        let mut engine = Engine::new();
        engine.extend_compiled_rules(ours.iter().filter_map(|rule| self.compiled.get(&rule.id).cloned()));
        let group = Arc::new(Group {
            rules: engine.rule_count(),
            engine,
            renamed: renamed(admission.bucket(self.matcher.mappings()), &asked),
        });
        self.by_rules.insert(key, Arc::clone(&group));
        group
    }
}

/// Every field that a condition asks for.
fn fields(expr: &Expr, into: &mut BTreeSet<String>) {
    match expr {
        Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| fields(part, into)),
        Expr::Not(part) | Expr::Selection(_, part) => fields(part, into),
        Expr::Atom(atom) => {
            into.extend(atom.field.as_deref().map(str::to_owned));
            if let Test::FieldRef { field, .. } = &atom.test {
                into.insert(field.to_string());
            }
        }
    }
}
