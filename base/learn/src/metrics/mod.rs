//! Metrics: AUC, AP, recall at a false-alarm rate, Wilson intervals.
