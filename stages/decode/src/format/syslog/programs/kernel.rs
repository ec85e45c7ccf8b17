//! Netfilter's log lines (iptables, nftables, ufw). `event_type`: `firewall_packet`.

use shieldwall_schema::Value;

use super::{number, peer, text, value_of};
use crate::text::driver::Out;

/// `[UFW BLOCK] IN=eth0 OUT= MAC=… SRC=192.0.2.1 DST=… LEN=40 … PROTO=TCP SPT=1 DPT=22 …`.
pub(super) fn read(message: &str, out: Out<'_>) {
    let (Some(source), Some(protocol)) = (value_of(message, "SRC"), value_of(message, "PROTO")) else { return };
    out("event_type", Value::text("firewall_packet"));
    peer(out, source);
    text(out, "dst_ip", value_of(message, "DST").unwrap_or_default());
    text(out, "protocol", protocol);
    number(out, "src_port", value_of(message, "SPT").unwrap_or_default());
    number(out, "dst_port", value_of(message, "DPT").unwrap_or_default());
    text(out, "in_interface", value_of(message, "IN").unwrap_or_default());
    text(out, "out_interface", value_of(message, "OUT").unwrap_or_default());
    // The rule's prefix: what stands in front of `IN=`, behind the kernel's own clock.
    let prefix = message.split_once("IN=").map_or("", |(front, _)| front);
    let prefix = match prefix.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        Some((clock, rest)) if clock.trim_start().bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => rest,
        _ => prefix,
    };
    text(out, "action", prefix.trim().trim_matches(['[', ']']));
}

#[cfg(test)]
mod tests {
    use super::super::tests::told;

    #[test]
    fn packets_become_fields() {
        assert_eq!(
            told(
                "kernel",
                "[  12.345678] [UFW BLOCK] IN=eth0 OUT= MAC=aa SRC=192.0.2.1 DST=198.51.100.2 LEN=40 PROTO=TCP SPT=40000 DPT=22"
            ),
            "action=UFW BLOCK dst_ip=198.51.100.2 dst_port=22 event_type=firewall_packet in_interface=eth0 protocol=TCP \
             src_ip=192.0.2.1 src_port=40000"
        );
    }
}
