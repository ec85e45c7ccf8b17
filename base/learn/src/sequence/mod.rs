//! Sequence: count vectors and backed-off n-grams over ids; a template miner that makes ids of log lines.
