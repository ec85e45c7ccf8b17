//! Sigma, specification 2.1: YAML → [`ir`] → one matcher for all rules.
//!
//! | module | does |
//! |---|---|
//! | [`ir`] | what a rule is once it is understood |

pub mod ir;
