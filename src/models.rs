//! The models that the program carries: their hashes are compiled in, so a file that bears one is trusted wherever it lies.

/// Kind and SHA-256 of every shipped model, as `content/models` has them.
pub const SHIPPED: &[(&str, &str)] = &[];
