//! The values of a matched record that correlations ask for.

use shieldwall_schema::event::Event;
use shieldwall_schema::value::Kind;

use super::limits::VALUES_PER_MATCH_MAX;
use crate::sigma::ir::RuleIndex;
use crate::sigma::matcher::{Matcher, code_of, native};

impl Matcher {
    /// Appends the values that a rule's field (or OCSF path) has in an event that the rule matched, as the mappings name
    /// it there: as in the log, without empty ones and nulls, at most [`VALUES_PER_MATCH_MAX`].
    ///
    /// Costs a pass over the record; [`Self::values_of`] finds several fields in one.
    pub fn values(&self, rule: RuleIndex, event: &Event<'_>, field: &str, out: &mut Vec<String>) {
        let mut found = [std::mem::take(out)];
        self.values_of(rule, event, &[field.into()], &mut found);
        let [values] = found;
        *out = values;
    }

    /// Appends the values of several fields, each to the list at its place, in one pass over the record.
    pub fn values_of(&self, rule: RuleIndex, event: &Event<'_>, fields: &[Box<str>], out: &mut [Vec<String>]) {
        if fields.is_empty() {
            return;
        }
        let bucket = self.bucket_of(rule, event);
        let mut open: Vec<(Vec<&str>, &mut Vec<String>)> = Vec::with_capacity(fields.len());
        for (field, values) in fields.iter().zip(out) {
            match code_of(bucket, field, &event.tag) {
                // The tag's code counts, whatever form the record gives it.
                Some(code) => values.push(code.to_owned()),
                None => open.push((native(bucket, field), values)),
            }
        }
        event.fields.each(&mut |name, value| {
            if value.kind == Kind::Null || value.text.is_empty() {
                return;
            }
            for (names, values) in &mut open {
                if values.len() < VALUES_PER_MATCH_MAX
                    && names.contains(&name)
                    && !values.iter().any(|have| have == value.text)
                {
                    values.push(value.text.to_owned());
                }
            }
        });
    }
}
