//! Sketches: distinct counts and quantiles in bounded memory.
