//! A symbolic pickle machine: what Python's unpickler would import and call, found without importing or calling anything.
//!
//! Every operation of protocols 0 to 5 is followed on symbolic values. A callable is a name, a name is resolved through
//! modules that import others (`torch`, `os.system`), through memo, extension registry and computed operands, and judged.
//! What cannot be resolved and is called is never clean. The machine reads on after STOP, and what it saw before an error
//! counts: a loader has run that by then.
//!
//! | module | holds |
//! |---|---|
//! | `opcode` | operation codes and their arguments |
//! | `value` | symbolic values |
//! | `machine` | state: stack, marks, frames, limits; how one stream is run |
//! | `step` | what each operation does |
//! | `nodes` | containers: what they hold and stand for |
//! | `names` | texts, imports, how values are shown |
//! | `call` | what calling and setting state would do |
//! | `stream` | several streams, what follows them, claims |
//! | `judge` | what a name can do |
//! | `allow`, `danger` | the lists that the judge goes by |
//! | `advisory` | published ids of single callables |
//!
//! Costs: one step an operation, 24 bytes a stack or memo entry; payloads are skipped by their length.

mod advisory;
mod allow;
mod call;
mod danger;
mod judge;
mod machine;
mod names;
mod nodes;
mod opcode;
mod step;
mod stream;
mod value;

pub(crate) use call::element;
pub(crate) use stream::{claims, read};
