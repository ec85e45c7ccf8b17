//! Per-entity tails: what is normal for one entity, shrunk to its peers, decayed, capped against poisoning.
