//! Community ID, version 1: one name for a flow, whichever sensor or host saw it and in whichever direction
//! (github.com/corelight/community-id-spec). It joins a Zeek or Suricata record with an endpoint's.
//!
//! ```text
//! "1:" + base64(SHA-1(seed, address, address, protocol, 0, port, port))
//! ```
//!
//! Seed 0, as sensors use by default; the smaller (address, port) comes first. What is hashed is at most 40 bytes, which is
//! one block of SHA-1 with its padding: the block is computed here, and no dependency is needed. SHA-1 is the
//! specification's choice and guards nothing; two flows of one id are told apart by their times.
//!
//! It lives in the vocabulary because decoders (a field that a record lacks), correlation (a key) and output may all ask for
//! it. It costs about half a microsecond and one text, so it is computed for matched records, never for all.

use std::net::IpAddr;

/// IP protocol numbers (IANA) that have ports, or types that stand for them.
const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP6: u8 = 58;
const SCTP: u8 = 132;

/// The id of the flow between two endpoints.
///
/// `protocol` is IANA's number. Ports are needed for TCP, UDP and SCTP; for ICMP and ICMPv6 they are the message's type
/// (source) and code (destination), as Zeek logs them; for other protocols they are not looked at. IPv4 addresses in IPv6
/// clothing (`::ffff:192.0.2.1`, as Windows logs them) count as IPv4.
///
/// `None` if a needed port is missing or the addresses are of two families.
///
/// ```
/// use shieldwall_schema::community_id;
/// let id = community_id(("128.232.110.120".parse()?, Some(34855)), ("66.35.250.204".parse()?, Some(80)), 6);
/// assert_eq!(id.as_deref(), Some("1:LQU9qZlK+B5F3KDmev6m5PMibrg="));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub fn community_id(source: (IpAddr, Option<u16>), destination: (IpAddr, Option<u16>), protocol: u8) -> Option<String> {
    let (from, to) = (source.0.to_canonical(), destination.0.to_canonical());
    if from.is_ipv4() != to.is_ipv4() {
        return None;
    }
    let both = || Some((source.1?, destination.1?));
    let (ports, one_way) = match protocol {
        TCP | UDP | SCTP => (Some(both()?), false),
        ICMP | ICMP6 => {
            let (kind, code) = both()?;
            let answer = answer(protocol, kind);
            (Some((kind, answer.unwrap_or(code))), answer.is_none())
        }
        _ => (None, false),
    };
    let (from_port, to_port) = ports.unwrap_or_default();
    // A message without an answer has one direction: its endpoints stay where they are.
    let ordered = one_way || (from, from_port) <= (to, to_port);
    let ((first, first_port), (second, second_port)) =
        if ordered { ((from, from_port), (to, to_port)) } else { ((to, to_port), (from, from_port)) };
    let mut block = Block::default();
    // The seed.
    block.push(&[0, 0]);
    for address in [first, second] {
        match address {
            IpAddr::V4(address) => block.push(&address.octets()),
            IpAddr::V6(address) => block.push(&address.octets()),
        }
    }
    block.push(&[protocol, 0]);
    if ports.is_some() {
        block.push(&first_port.to_be_bytes());
        block.push(&second_port.to_be_bytes());
    }
    let mut id = String::with_capacity(30);
    id.push_str("1:");
    base64(&block.sha1(), &mut id);
    Some(id)
}

/// The id from OCSF fields as text, asked for by path: `src_endpoint.ip` and `.port`, `dst_endpoint.ip` and `.port`, and
/// `connection_info.protocol_num` or `.protocol_name`. If the record carries an id (`connection_info.community_uid`), that
/// is given.
///
/// `None` if a part is missing or is none: a guessed id would join strangers.
pub fn community_id_of<'a>(field: impl Fn(&str) -> Option<&'a str>) -> Option<String> {
    if let Some(carried) = field("connection_info.community_uid").filter(|id| id.starts_with("1:")) {
        return Some(carried.to_owned());
    }
    let address = |path: &str| field(path)?.parse::<IpAddr>().ok();
    let port = |path: &str| field(path)?.parse::<u16>().ok();
    let protocol = field("connection_info.protocol_num").and_then(|number| number.parse().ok());
    let protocol = protocol.or_else(|| protocol_number(field("connection_info.protocol_name")?))?;
    community_id(
        (address("src_endpoint.ip")?, port("src_endpoint.port")),
        (address("dst_endpoint.ip")?, port("dst_endpoint.port")),
        protocol,
    )
}

/// The number of a protocol by the name that logs give it (`tcp`, `UDP`, `ipv6-icmp`), or by its number as text.
pub fn protocol_number(name: &str) -> Option<u8> {
    const NAMES: [(&str, u8); 11] = [
        ("tcp", TCP),
        ("udp", UDP),
        ("icmp", ICMP),
        ("icmp6", ICMP6),
        ("icmpv6", ICMP6),
        ("ipv6-icmp", ICMP6),
        ("sctp", SCTP),
        ("igmp", 2),
        ("gre", 47),
        ("esp", 50),
        ("ah", 51),
    ];
    let named = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, number)| *number);
    named.or_else(|| name.parse().ok())
}

/// The type of the ICMP message that answers one of `kind`, or asks for it; `None` for messages without an answer.
fn answer(protocol: u8, kind: u16) -> Option<u16> {
    // Echo, router, timestamp, information, mask (RFC 792, 950, 1256).
    const V4: [(u16, u16); 5] = [(8, 0), (10, 9), (13, 14), (15, 16), (17, 18)];
    // Echo, listener, router, neighbour, node information, home agent (RFC 4443, 2710, 4861, 4620, 6275).
    const V6: [(u16, u16); 6] = [(128, 129), (130, 131), (133, 134), (135, 136), (139, 140), (144, 145)];
    let pairs: &[(u16, u16)] = if protocol == ICMP { &V4 } else { &V6 };
    pairs.iter().find_map(|(ask, answer)| match kind {
        kind if kind == *ask => Some(*answer),
        kind if kind == *answer => Some(*ask),
        _ => None,
    })
}

/// One block of SHA-1 (FIPS 180-4), filled from the left.
#[derive(Default)]
struct Block {
    words: [u32; 16],
    length: usize,
}

impl Block {
    fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if let Some(word) = self.words.get_mut(self.length / 4) {
                *word |= u32::from(*byte) << (24 - 8 * (self.length % 4));
            }
            self.length += 1;
        }
    }

    /// The digest of the at most 55 bytes that were pushed.
    fn sha1(mut self) -> [u8; 20] {
        let bits = self.length as u32 * 8;
        self.push(&[0x80]);
        let [.., last] = &mut self.words;
        *last = bits;
        let mut window = self.words;
        let start: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
        let [mut a, mut b, mut c, mut d, mut e] = start;
        for round in 0..80 {
            let (mixed, constant) = match round {
                0..20 => ((b & c) | (!b & d), 0x5a82_7999),
                20..40 => (b ^ c ^ d, 0x6ed9_eba1),
                40..60 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6_u32),
            };
            // The window always begins with this round's word.
            let [word, _, third, _, _, _, _, _, ninth, _, _, _, _, fourteenth, _, _] = window;
            let sum = a.rotate_left(5).wrapping_add(mixed).wrapping_add(e).wrapping_add(constant).wrapping_add(word);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, sum);
            window.rotate_left(1);
            let [.., newest] = &mut window;
            *newest = (word ^ third ^ ninth ^ fourteenth).rotate_left(1);
        }
        let mut digest = [0; 20];
        let words = start.iter().zip([a, b, c, d, e]).flat_map(|(start, end)| start.wrapping_add(end).to_be_bytes());
        digest.iter_mut().zip(words).for_each(|(to, byte)| *to = byte);
        digest
    }
}

/// Standard base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8], out: &mut String) {
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            out.push(if at > group.len() { '=' } else { letter(bits >> (18 - 6 * at) & 63) });
        }
    }
}

fn letter(value: u32) -> char {
    let value = value as u8;
    char::from(match value {
        0..26 => b'A' + value,
        26..52 => b'a' + (value - 26),
        52..62 => b'0' + (value - 52),
        62 => b'+',
        _ => b'/',
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(protocol: u8, from: &str, to: &str, ports: Option<(u16, u16)>) -> Option<String> {
        let ends = ports.map_or((None, None), |(from, to)| (Some(from), Some(to)));
        community_id((from.parse().unwrap(), ends.0), (to.parse().unwrap(), ends.1), protocol)
    }

    /// The vectors that the specification publishes (its `baseline` folder, seed 0), and its Python package's.
    #[test]
    fn published_vectors() {
        const A: &str = "fe80::200:86ff:fe05:80da";
        const B: &str = "fe80::260:97ff:fe07:69ea";
        const C: &str = "3ffe:507:0:1:200:86ff:fe05:80da";
        const D: &str = "3ffe:507:0:1:260:97ff:fe07:69ea";
        for (protocol, from, to, ports, expected) in [
            (58, A, B, Some((135, 136)), "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="),
            (58, A, B, Some((135, 0)), "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="),
            (58, B, A, Some((136, 135)), "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="),
            (58, B, A, Some((135, 136)), "1:zavyT/cezQr1fmImYCwYnMXbgck="),
            (58, A, B, Some((136, 135)), "1:zavyT/cezQr1fmImYCwYnMXbgck="),
            (58, "3ffe:501:1800:2345::2", C, Some((3, 0)), "1:2ObVBgIn28oZvibYZhZMBgh7WdQ="),
            (58, "3ffe:501:410:0:2c0:dfff:fe47:33e", C, Some((1, 4)), "1:hLZd0XGWojozrvxqE0dWB1iM6R0="),
            (58, C, "3ffe:501:0:1001::2", Some((128, 129)), "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg="),
            (58, "3ffe:501:0:1001::2", C, Some((129, 128)), "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg="),
            (58, A, "ff02::2", Some((133, 134)), "1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0="),
            (58, B, "ff02::1", Some((134, 133)), "1:pkvHqCL88/tg1k4cPigmZXUtL00="),
            (58, D, C, Some((3, 0)), "1:NdobDX8PQNJbAyfkWxhtL2Pqp5w="),
            (58, C, D, Some((3, 0)), "1:/OGBt9BN1ofenrmSPWYicpij2Vc="),
            (1, "192.168.0.89", "192.168.0.1", Some((8, 0)), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
            (1, "192.168.0.1", "192.168.0.89", Some((0, 8)), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
            (1, "192.168.0.1", "192.168.0.89", Some((0, 20)), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
            (1, "192.168.0.89", "192.168.0.1", Some((20, 0)), "1:3o2RFccXzUgjl7zDpqmY7yJi8rI="),
            (1, "192.168.0.89", "192.168.0.1", Some((20, 1)), "1:tz/fHIDUHs19NkixVVoOZywde+I="),
            (1, "10.0.0.1", "10.0.0.2", Some((11, 0)), "1:YHxtAirCG//0OzkcVAukqKQN9xM="),
            (
                6,
                "2001:470:e5bf:dead:4957:2174:e82c:4887",
                "2607:f8b0:400c:c03::1a",
                Some((63943, 25)),
                "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=",
            ),
            (
                6,
                "2607:f8b0:400c:c03::1a",
                "2001:470:e5bf:dead:4957:2174:e82c:4887",
                Some((25, 63943)),
                "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=",
            ),
            (132, "192.168.170.8", "192.168.170.56", Some((7, 7)), "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="),
            (132, "192.168.170.56", "192.168.170.8", Some((80, 7)), "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="),
            (6, "128.232.110.120", "66.35.250.204", Some((34855, 80)), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
            (6, "66.35.250.204", "128.232.110.120", Some((80, 34855)), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
            (6, "::ffff:66.35.250.204", "128.232.110.120", Some((80, 34855)), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
            (6, "10.0.0.1", "10.0.0.2", Some((10, 11569)), "1:SXBGMX1lBOwhhoDrZynfROxnhnM="),
            (17, "192.168.1.52", "8.8.8.8", Some((54585, 53)), "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
            (17, "8.8.8.8", "192.168.1.52", Some((53, 54585)), "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
            (46, "10.1.12.1", "10.1.12.2", None, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="),
            (46, "10.1.12.2", "10.1.12.1", Some((1, 2)), "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="),
            (46, "10.1.24.4", "10.1.12.1", None, "1:/nQI4Rh/TtY3mf0R2gJFBkVlgS4="),
        ] {
            assert_eq!(id(protocol, from, to, ports).as_deref(), Some(expected), "{protocol} {from} {to} {ports:?}");
        }
    }

    #[test]
    fn what_is_incomplete_has_no_id() {
        assert_eq!(id(6, "192.0.2.1", "192.0.2.2", None), None);
        assert_eq!(id(1, "192.0.2.1", "192.0.2.2", None), None);
        assert_eq!(id(6, "192.0.2.1", "2001:db8::1", Some((1, 2))), None);
    }

    #[test]
    fn fields_as_text_give_the_same_id() {
        let record = |path: &str| match path {
            "src_endpoint.ip" => Some("128.232.110.120"),
            "src_endpoint.port" => Some("34855"),
            "dst_endpoint.ip" => Some("66.35.250.204"),
            "dst_endpoint.port" => Some("80"),
            "connection_info.protocol_name" => Some("TCP"),
            _ => None,
        };
        let expected = Some("1:LQU9qZlK+B5F3KDmev6m5PMibrg=".to_owned());
        assert_eq!(community_id_of(record), expected);
        let number = |path: &str| match path {
            "connection_info.protocol_num" => Some("6"),
            "connection_info.protocol_name" => None,
            other => record(other),
        };
        assert_eq!(community_id_of(number), expected);
        for missing in ["src_endpoint.ip", "dst_endpoint.port", "connection_info.protocol_name"] {
            assert_eq!(community_id_of(|path| record(path).filter(|_| path != missing)), None, "{missing}");
        }
        for (path, broken) in
            [("src_endpoint.ip", "host.example.test"), ("dst_endpoint.port", "80/tcp"), ("src_endpoint.port", "70000")]
        {
            assert_eq!(community_id_of(|asked| if asked == path { Some(broken) } else { record(asked) }), None);
        }
        let carried = |path: &str| (path == "connection_info.community_uid").then_some("1:carried");
        assert_eq!(community_id_of(carried).as_deref(), Some("1:carried"));
    }
}
