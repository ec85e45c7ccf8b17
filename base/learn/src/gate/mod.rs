//! Gates: what is measured before a table may teach and before a model may decide.
//!
//! | module | finds |
//! |---|---|
//! | [`duplicates`] | rows that stand more than once, with one label or several, in one table or two |
//! | [`leaks`] | columns that give the label away; other units and ranges than a reference's |
//! | [`flips`] | labels flipped at random: confident learning with our own forest |
//! | [`clusters`] | a kind of attack that carries the label *normal*: each cluster judged by models that saw none of it |
//! | [`triggers`] | fixed values stamped on rows of one class: bound within, free without |
//! | [`sources`] | what each source moves, and whether the others contradict it |
//! | [`regions`] | labels that changed since a reference |
//! | [`attack`] | a way past a model, within what a written attacker may do |
//! | [`folds`], [`space`] | models that did not see what they judge; rows as points without labels |
//!
//! Every verdict has an alarm line of its own, set above what clean tables reach (`docs/guides/checking-data.md`); what is below the line
//! is a ranking and no accusation. Deterministic in data and seed.

pub mod attack;
pub mod clusters;
pub mod duplicates;
pub mod flips;
pub mod folds;
pub mod leaks;
pub mod regions;
pub mod sources;
pub mod space;
pub mod triggers;

#[cfg(test)]
mod tests;
