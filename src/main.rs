//! Shieldwall.

#[allow(dead_code, reason = "the line is not wired to it yet")]
mod output;

fn main() {}
