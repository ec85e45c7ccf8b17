//! Tail: how far out in its tails each value of a row is; the sum's own terms explain it.
