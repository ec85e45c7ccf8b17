//! Drift: ADWIN and size-aware PSI on inputs and scores.
