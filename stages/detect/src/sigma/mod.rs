//! Sigma, specification 2.1: YAML → [`ir`] → one matcher for all rules.
//!
//! | module | does |
//! |---|---|
//! | [`ir`] | what a rule is once it is understood |
//! | [`load`] | YAML packs → [`ir`], refusals with file, line and reason; compiled sets |
//! | [`matcher`] | all rules compiled together: events → rules that match |
//! | [`explain`] | why a rule matched, why it did not |
//! | [`correlation`] | matches of rules, in the order of time → correlations that hold |
//! | [`parts`] | a list's parts, worked on side by side |

pub mod correlation;
pub mod explain;
pub mod ir;
pub mod load;
pub mod matcher;
pub mod parts;
