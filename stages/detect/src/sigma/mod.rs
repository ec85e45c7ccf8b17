//! Sigma, specification 2.1: YAML → [`ir`] → one matcher for all rules.
//!
//! | module | does |
//! |---|---|
//! | [`ir`] | what a rule is once it is understood |
//! | [`load`] | YAML packs → [`ir`], refusals with file, line and reason; compiled sets |

pub mod ir;
pub mod load;
