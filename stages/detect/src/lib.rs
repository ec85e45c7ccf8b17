//! [`Event`](shieldwall_schema::Event) → findings.
