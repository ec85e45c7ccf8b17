//! Acts on incidents, and only as far as a person approved: plan, check, approve, apply, verify, undo.
//!
//! ```text
//! Incident ─propose→ Plan ─guard→ Checked ─approve→ Approved ─run→ (journal) apply, verify ─ undo
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`net`] | addresses and networks, one spelling each |
//! | [`plan`] | [`Plan`](plan::Plan): what would be done, why, until when; its hash |
//! | [`acquaintance`] | who signs in from where: whom a block must not hit |
//! | [`propose`] | what could be done about an incident |
//! | [`guard`] | the protected set, the blast radius; the one maker of [`Checked`](guard::Checked) |
//! | [`approve`] | signed approvals; the one maker of [`Approved`](approve::Approved) |
//! | [`machine`] | what this machine must not lose, read at the moment of acting |
//! | [`policy`] | what the operator allows, from a file that only the operator can write |
//! | [`claim`] | what speaks for acting without a person |
//! | [`level`] | whether a person must be asked |
//! | [`actuator`] | the small privileged process: what it is asked, what it does |
//! | [`journal`] | what was begun and ended, in a file that shows every change and survives a crash |
//! | [`action`] | the trait, and the runner that keeps to the order |
//! | [`playbook`] | CACAO 2.0 in and out: what is done for which incident |
//! | [`rehearse`] | what a playbook would have done |
//! | [`action::nft`] | blocks addresses and networks in the kernel, each with an end |
//! | [`words`] | a step in plain words |

pub mod acquaintance;
pub mod action;
pub mod actuator;

pub mod approve;
pub mod claim;
pub mod guard;
pub mod journal;
pub mod level;
pub mod machine;
pub mod net;
pub mod plan;
pub mod playbook;
pub mod policy;
pub mod propose;
pub mod rehearse;
pub mod words;
