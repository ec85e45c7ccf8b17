//! The section on speed: what `cargo xtask bench` measured last, taken over as it is.

use crate::built::target;

/// The section's text.
pub fn section() -> String {
    let measured = std::fs::read_to_string(target().join("bench/last.md"));
    let text = measured.unwrap_or_else(|_| {
        "Not measured yet: run `cargo xtask bench --evtx DIR --evtx-dump PROGRAM --rules DIR…`, then `cargo xtask evaluate`.\n"
            .to_owned()
    });
    format!(
        "\n## 5. Speed\n\nWhat a scan costs, beside trivial programs on the same bytes in the same run (`wc -l`, `sha256sum`, \
         parsing alone with `evtx_dump`). Data: generated text, and EVTX as named; no split, no seed (generated lines are \
         the same every time). These figures differ from run to run and machine to machine.\n\n{text}"
    )
}
