//! Text armour (RFC 7468): finds blocks by their label. What stands around them (openssl writes parameters and words there)
//! is passed over; what stands in them is decoded by whoever asked.

/// The first block of a label, from its first dash to its last, without what stands around it.
pub fn block<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    blocks(text, label).next()
}

/// All blocks of a label, in order.
pub fn blocks<'a>(text: &'a str, label: &str) -> impl Iterator<Item = &'a str> {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let mut rest = text;
    std::iter::from_fn(move || {
        let from = rest.get(rest.find(&begin)?..)?;
        let many = from.find(&end)? + end.len();
        let (block, after) = from.split_at_checked(many)?;
        rest = after;
        Some(block)
    })
}
