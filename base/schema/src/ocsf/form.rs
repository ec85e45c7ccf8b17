//! The forms of OCSF's text types: the patterns of the dictionary, by hand and in linear time.

use std::net::IpAddr;

use super::types::Type;

/// Whether a text has the form that its type asks for; types without a form take any text.
pub fn has_form(text: &str, kind: Type) -> bool {
    match kind {
        Type::IpT => text.split_once('%').map_or(text, |(address, _)| address).parse::<IpAddr>().is_ok(),
        Type::MacT => is_mac(text),
        Type::EmailT => is_email(text),
        Type::SubnetT => text.split_once('/').is_some_and(|(address, prefix)| {
            let most = address.parse::<IpAddr>().map_or(0, |address| if address.is_ipv4() { 32 } else { 128 });
            most > 0 && prefix.parse::<u8>().is_ok_and(|bits| bits <= most)
        }),
        Type::UuidT => {
            let groups = || text.split('-');
            groups().map(str::len).eq([8, 4, 4, 4, 12]) && groups().all(is_hex)
        }
        Type::DatetimeT => text.parse::<jiff::Timestamp>().is_ok(),
        Type::BytestringT => {
            text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'='))
        }
        _ => true,
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_mac(text: &str) -> bool {
    let parts = || text.split([':', '-']);
    parts().count() == 6 && parts().all(|part| part.len() == 2 && is_hex(part))
}

fn is_email(text: &str) -> bool {
    let Some((name, host)) = text.rsplit_once('@') else { return false };
    let host_ok = host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    let dotted = host.split_once('.').is_some_and(|(first, rest)| !first.is_empty() && !rest.is_empty());
    // The dictionary's class is `!#$%&'*+-/=?^_`{|}~.` with a range from `+` to `/` or, read as a range, to `9`.
    let name_ok = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+,-./=?^_`{|}~".contains(&b));
    !name.is_empty() && name_ok && host_ok && dotted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for (kind, good, bad) in [
            (Type::IpT, vec!["10.0.0.1", "::1", "fe80::1%eth0"], vec!["999.1.1.1", "0x7f.1", "127.1", "", "10.0.0.1 "]),
            (Type::MacT, vec!["18:36:F3:98:4F:9A", "18-36-f3-98-4f-9a"], vec!["18:36:F3:98:4F", "18:36:F3:98:4F:9G"]),
            (
                Type::EmailT,
                vec!["john_doe@example.com"],
                vec!["john", "@example.com", "a@b", "a b@example.com", "a@b@c.d"],
            ),
            (Type::SubnetT, vec!["10.0.0.0/8", "::/0"], vec!["10.0.0.0/33", "10.0.0.0", "x/8"]),
            (Type::UuidT, vec!["c4b1d5a0-0000-4000-8000-0123456789ab"], vec!["c4b1d5a0-0000-4000-8000"]),
            (Type::DatetimeT, vec!["2024-09-10T23:20:50.520Z"], vec!["2024-09-10", "yesterday, noon or so"]),
            (Type::StringT, vec!["", "any \u{1b}"], vec![]),
        ] {
            for text in good {
                assert!(has_form(text, kind), "{kind:?} {text:?}");
            }
            for text in bad {
                assert!(!has_form(text, kind), "{kind:?} {text:?}");
            }
        }
    }
}
