//! Timing: regular intervals under jitter, bursts, slow trickles.
