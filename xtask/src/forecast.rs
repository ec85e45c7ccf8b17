//! How well techniques are forecast: the data, the questions made of them, the measures, and the rankers to compare with.
//!
//! | file | holds |
//! |---|---|
//! | `data` | threat reports as sets of techniques, ATT&CK's entities, the technique table |
//! | `cases` | reports with some techniques hidden: half, all but three, any number |
//! | `measures` | recall, NDCG, reciprocal rank, calibration error; bootstrap intervals |
//! | `others` | popularity, item neighbours, WALS as TIE uses it |

pub mod cases;
pub mod data;
pub mod measures;
pub mod others;
