//! Who controls a feature.
//!
//! An attacker pads, waits and opens further connections at will; making his own traffic smaller costs him what he came for. So
//! a model of flows may call a row *more* hostile as such a feature grows, or not care, but never less: then padding cannot
//! hide an attack. [`raisable`] knows such features by the names that common flow records give them (KDD, NetFlow and IPFIX, Zeek
//! `conn.log`, CICFlowMeter, UNSW-NB15). The list is a default: settings may name others, and the model's card shows what was used.

/// Names as a whole.
const WHOLE: &[&str] = &[
    // KDD: padding, waiting, further connections.
    "duration",
    "src_bytes",
    "dst_bytes",
    "count",
    "srv_count",
    "dst_host_count",
    "dst_host_srv_count",
    // UNSW-NB15 and NetFlow.
    "dur",
    "sbytes",
    "dbytes",
    "spkts",
    "dpkts",
    "flow_duration_milliseconds",
    // Zeek.
    "orig_ip_bytes",
    "resp_ip_bytes",
    "orig_pkts",
    "resp_pkts",
    // Counts of an entity in a window.
    "connections",
    "requests",
    "fan_out",
    "flows",
];

/// Ends of names, after a separator or as the whole.
const ENDS: &[&str] = &["bytes", "octets", "packets", "pkts", "duration", "connections"];

/// Middles that say that a value is no amount: a ratio, a rate, a deviation, a time, an error count of the other side.
const NOT: &[&str] = &["rate", "ratio", "mean", "avg", "std", "var", "min", "entropy", "missed", "diff"];

/// Whether an attacker can raise a feature of this name at will (and lower it only at a cost).
pub fn raisable(name: &str) -> bool {
    let plain: String = name
        .trim()
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' })
        .collect();
    let words: Vec<&str> = plain.split('_').filter(|word| !word.is_empty()).collect();
    if words.iter().any(|word| NOT.contains(word)) {
        return false;
    }
    let joined = words.join("_");
    WHOLE.contains(&joined.as_str()) || words.last().is_some_and(|last| ENDS.contains(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_raisable_and_ratios_are_not() {
        let yes = [
            "duration",
            "src_bytes",
            "dst_host_srv_count",
            "Total Fwd Packets",
            "Flow Duration",
            "orig_bytes",
            "IN_BYTES",
            "sbytes",
            "bytes",
            "network.traffic.out-bytes",
        ];
        let no = [
            "same_srv_rate",
            "Fwd Packet Length Mean",
            "missed_bytes",
            "protocol_type",
            "flag",
            "dst_host_same_srv_rate",
            "accounts",
            "bytes_per_packet_ratio",
            "",
            "killed",
        ];
        for name in yes {
            assert!(raisable(name), "{name}");
        }
        for name in no {
            assert!(!raisable(name), "{name}");
        }
    }
}
