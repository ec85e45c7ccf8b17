//! What single values hold: hex-encoded text, socket addresses.
//!
//! The kernel and libaudit write a string in quotes if it is harmless, and as upper-case hex digits without quotes if it
//! holds a space, a quote, a control byte or a byte beyond ASCII (`audit_log_untrustedstring`). Which fields are such
//! strings is convention; the list here is auparse's.

use std::net::{Ipv4Addr, Ipv6Addr};

/// What an unquoted value of a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// As written.
    Plain,
    /// Text in hex; the kernel always encodes it, so anything else is broken.
    Hex,
    /// Text in hex, or plain where an old program wrote it.
    MaybeHex,
}

/// The encoding of an unquoted value, by record type, field and writer.
pub(super) fn encoding(kind: &str, key: &str, user: bool) -> Encoding {
    let text = match key.as_bytes() {
        b"exe" | b"comm" | b"cwd" | b"name" | b"proctitle" | b"path" | b"dir" | b"watch" | b"file" | b"ocomm"
        | b"invalid_context" => true,
        b"key" | b"data" | b"cmd" | b"acct" | b"grp" | b"new_group" | b"vm" | b"device" | b"cgroup" | b"sw"
        | b"root_dir" => return Encoding::MaybeHex,
        [b'a', digits @ ..] => {
            kind == "EXECVE" && matches!(digits.first(), Some(b'0'..=b'9')) && !key.ends_with("_len")
        }
        _ => false,
    };
    match text {
        false => Encoding::Plain,
        true if user || !matches!(kind, "SYSCALL" | "EXECVE" | "PATH" | "CWD" | "PROCTITLE") => Encoding::MaybeHex,
        true => Encoding::Hex,
    }
}

/// What an unquoted value turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decoded {
    /// As written: nothing was encoded.
    Plain,
    /// As written: it should have been hex and is not.
    Bad,
    /// The text is in the buffer.
    Text,
}

/// Decodes an unquoted value into `out`.
pub(super) fn unhex(value: &str, encoding: Encoding, bytes: &mut Vec<u8>, out: &mut String) -> Decoded {
    out.clear();
    let plain = value.is_empty() || value.starts_with(['(', '?', '/']);
    if encoding == Encoding::Plain || plain {
        return Decoded::Plain;
    }
    let digits = value.as_bytes();
    let all_hex = digits.iter().all(|digit| nibble(*digit).is_some());
    if !all_hex || !digits.len().is_multiple_of(2) {
        // A plain word where an old program wrote one is no fault; half a byte is.
        return if encoding == Encoding::Hex || all_hex { Decoded::Bad } else { Decoded::Plain };
    }
    bytes.clear();
    bytes.extend(digits.chunks_exact(2).map(|pair| match pair {
        [high, low] => nibble(*high).unwrap_or(0) << 4 | nibble(*low).unwrap_or(0),
        _ => 0,
    }));
    match std::str::from_utf8(bytes) {
        Ok(text) => out.push_str(text),
        Err(_) => out.push_str(&String::from_utf8_lossy(bytes)),
    }
    Decoded::Text
}

/// The kernel and libaudit write upper-case digits only: `root` or `dead` are words.
fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// A socket address, from a SOCKADDR record's `saddr` (a `struct sockaddr` of a little-endian host, in hex).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SocketAddress {
    /// Address and port.
    Inet(std::net::IpAddr, u16),
    /// A path; an abstract name begins with `@`.
    Unix(String),
    /// Another family, by name or number.
    Other(&'static str),
}

impl SocketAddress {
    /// auparse's name of the family.
    pub(super) fn family(&self) -> &'static str {
        match self {
            Self::Inet(std::net::IpAddr::V4(_), _) => "inet",
            Self::Inet(std::net::IpAddr::V6(_), _) => "inet6",
            Self::Unix(_) => "local",
            Self::Other(name) => name,
        }
    }
}

/// Reads a socket address; `None` if it is none.
pub(super) fn socket_address(hex: &str) -> Option<SocketAddress> {
    /// `struct sockaddr_storage` has 128 bytes.
    const BYTES_MAX: usize = 128;
    let digits = hex.as_bytes().get(..2 * BYTES_MAX).unwrap_or(hex.as_bytes());
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(nibble(high.to_ascii_uppercase())? << 4 | nibble(low.to_ascii_uppercase())?),
        _ => None,
    };
    let bytes: Vec<u8> = digits.chunks(2).map(byte).collect::<Option<_>>()?;
    let (family, rest) = bytes.split_first_chunk::<2>()?;
    match u16::from_le_bytes(*family) {
        1 => {
            let (sign, path) = match rest.split_first() {
                Some((0, name)) => ("@", name),
                _ => ("", rest),
            };
            let path = path.get(..memchr::memchr(0, path).unwrap_or(path.len())).unwrap_or_default();
            Some(SocketAddress::Unix(format!("{sign}{}", String::from_utf8_lossy(path))))
        }
        2 => {
            let (port, rest) = rest.split_first_chunk::<2>()?;
            let address = Ipv4Addr::from(*rest.first_chunk::<4>()?);
            Some(SocketAddress::Inet(address.into(), u16::from_be_bytes(*port)))
        }
        10 => {
            let (port, rest) = rest.split_first_chunk::<2>()?;
            let address = Ipv6Addr::from(*rest.get(4..)?.first_chunk::<16>()?);
            Some(SocketAddress::Inet(address.to_canonical(), u16::from_be_bytes(*port)))
        }
        0 => Some(SocketAddress::Other("unspec")),
        16 => Some(SocketAddress::Other("netlink")),
        17 => Some(SocketAddress::Other("packet")),
        38 => Some(SocketAddress::Other("alg")),
        40 => Some(SocketAddress::Other("vsock")),
        _ => Some(SocketAddress::Other("other")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_decoded_only_where_it_is_hex() {
        for (kind, key, user, value, expected) in [
            ("EXECVE", "a1", false, "6C73202D6C", (Decoded::Text, "ls -l")),
            ("EXECVE", "a1", false, "ZZZZ", (Decoded::Bad, "")),
            ("EXECVE", "a1", false, "6", (Decoded::Bad, "")),
            ("EXECVE", "a1_len", false, "60", (Decoded::Plain, "")),
            ("EXECVE", "a1[0]", false, "41", (Decoded::Text, "A")),
            ("SYSCALL", "a1", false, "60", (Decoded::Plain, "")),
            ("SYSCALL", "pid", false, "60", (Decoded::Plain, "")),
            ("SYSCALL", "exe", false, "(null)", (Decoded::Plain, "")),
            ("SYSCALL", "comm", false, "C3BC", (Decoded::Text, "ü")),
            ("SYSCALL", "comm", false, "FF41", (Decoded::Text, "\u{FFFD}A")),
            ("SYSCALL", "key", false, "(null)", (Decoded::Plain, "")),
            ("USER_AUTH", "acct", true, "726F6F74", (Decoded::Text, "root")),
            ("USER_AUTH", "acct", true, "root", (Decoded::Plain, "")),
            ("USER_AUTH", "acct", true, "dead", (Decoded::Plain, "")),
            ("USER_AUTH", "acct", true, "726F6", (Decoded::Bad, "")),
            ("USER_AUTH", "exe", true, "/bin/su", (Decoded::Plain, "")),
        ] {
            let (mut bytes, mut out) = (Vec::new(), String::new());
            let decoded = unhex(value, encoding(kind, key, user), &mut bytes, &mut out);
            assert_eq!((decoded, &*out), expected, "{kind} {key}={value}");
        }
    }

    #[test]
    fn socket_addresses_are_read() {
        for (hex, expected) in [
            ("02000016CB00710700000000", Some(SocketAddress::Inet("203.0.113.7".parse().unwrap(), 22))),
            (
                "0A00005000000000200106780000000000000000000000010000",
                Some(SocketAddress::Inet("2001:678::1".parse().unwrap(), 80)),
            ),
            ("01002F72756E2F7800", Some(SocketAddress::Unix("/run/x".to_owned()))),
            ("010000616263", Some(SocketAddress::Unix("@abc".to_owned()))),
            ("100000000000", Some(SocketAddress::Other("netlink"))),
            ("2600616C67", Some(SocketAddress::Other("alg"))),
            ("0200", None),
            ("02", None),
            ("0200001", None),
            ("xyz", None),
            ("", None),
        ] {
            assert_eq!(socket_address(hex), expected, "{hex}");
        }
    }
}
