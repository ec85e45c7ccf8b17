//! Sigma, specification 2.1: YAML → [`ir`] → one matcher for all rules.
//!
//! | module | does |
//! |---|---|
//! | [`ir`] | what a rule is once it is understood |
//! | [`matcher`] | all rules compiled together: events → rules that match |
//! | [`explain`] | why a rule matched, why it did not |

pub mod explain;
pub mod ir;
pub mod matcher;
