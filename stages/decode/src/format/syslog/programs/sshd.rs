//! OpenSSH's server. `event_type`: `ssh_login_failed`, `ssh_login_ok`, `ssh_login_postponed`, `ssh_invalid_user`,
//! `ssh_user_refused`, `ssh_auth_attempts_exceeded`, `ssh_connection_opened`, `ssh_connection_closed`,
//! `ssh_connection_reset`, `ssh_disconnected`, `ssh_no_identification`, `ssh_reverse_mapping_failed`,
//! `ssh_session_started`, `ssh_listening`.
//!
//! The user's name is whatever the peer typed, spaces and ` from 10.0.0.1 port 1` included, so the address is always
//! looked for from the end of the line.

use shieldwall_schema::Value;

use super::{number, peer, text};
use crate::text::driver::Out;
use crate::text::find;

pub(super) fn read(message: &str, out: Out<'_>) {
    let message = ["error: ", "fatal: ", "warning: "].iter().find_map(|p| message.strip_prefix(p)).unwrap_or(message);
    let message = message.strip_suffix(" [preauth]").unwrap_or(message);
    let word = find::words(message).next().unwrap_or_default();
    match word {
        "Failed" | "Accepted" | "Postponed" | "Partial" => attempt(word, message, out),
        "Invalid" | "Illegal" => {
            // `Invalid user x from 1.2.3.4 port 5`
            if let Some((user, from)) = after(message, " user ").and_then(|rest| find::rsplit_once(rest, " from ")) {
                event(out, "ssh_invalid_user");
                text(out, "user", user);
                endpoint(from, out);
            }
        }
        "input_userauth_request:" => {
            if let Some(user) = message.strip_prefix("input_userauth_request: invalid user ") {
                event(out, "ssh_invalid_user");
                text(out, "user", user);
            }
        }
        "maximum" => {
            // `maximum authentication attempts exceeded for invalid user x from 1.2.3.4 port 5 ssh2`
            if let Some((user, from)) =
                after(message, " exceeded for ").and_then(|rest| find::rsplit_once(rest, " from "))
            {
                event(out, "ssh_auth_attempts_exceeded");
                account(user, out);
                endpoint(from, out);
            }
        }
        "User" => {
            // `User x from 1.2.3.4 not allowed because not listed in AllowUsers`
            if let Some((front, reason)) = find::rsplit_once(message, " not allowed because ")
                && let Some((user, from)) =
                    front.strip_prefix("User ").and_then(|rest| find::rsplit_once(rest, " from "))
            {
                event(out, "ssh_user_refused");
                text(out, "user", user);
                endpoint(from, out);
                text(out, "reason", reason);
            }
        }
        "Connection" | "Disconnected" | "Disconnecting" | "Received" => connection(message, out),
        "Did" => {
            if let Some(from) = message.strip_prefix("Did not receive identification string from ") {
                event(out, "ssh_no_identification");
                endpoint(from, out);
            }
        }
        "reverse" | "Address" => reverse(message, out),
        "Starting" => {
            // `Starting session: shell on pts/0 for x from 1.2.3.4 port 5 id 0`
            if let Some((front, from)) =
                message.strip_prefix("Starting session: ").and_then(|m| find::rsplit_once(m, " from "))
                && let Some((_, user)) = find::split_once(front, " for ")
            {
                event(out, "ssh_session_started");
                text(out, "user", user);
                endpoint(from, out);
            }
        }
        "Server" => {
            if let Some(rest) = message.strip_prefix("Server listening on ") {
                event(out, "ssh_listening");
                if let Some((address, port)) = rest.trim_end_matches('.').rsplit_once(" port ") {
                    text(out, "listen_ip", address);
                    number(out, "listen_port", port);
                }
            }
        }
        _ => {}
    }
}

fn event(out: Out<'_>, name: &'static str) {
    out("event_type", Value::text(name));
}

fn after<'l>(message: &'l str, marker: &str) -> Option<&'l str> {
    find::split_once(message, marker).map(|(_, rest)| rest)
}

/// `Failed password for invalid user x from 1.2.3.4 port 5 ssh2`, `Accepted publickey for x from … ssh2: RSA SHA256:…`.
fn attempt(word: &str, message: &str, out: Out<'_>) {
    let Some(rest) = after(message, " ") else { return };
    let Some((method, rest)) = find::split_once(rest, " for ") else { return };
    let Some((user, from)) = find::rsplit_once(rest, " from ") else { return };
    event(
        out,
        match word {
            "Accepted" => "ssh_login_ok",
            "Failed" => "ssh_login_failed",
            _ => "ssh_login_postponed",
        },
    );
    text(out, "auth_method", method);
    account(user, out);
    endpoint(from, out);
    if let Some((_, key)) = find::split_once(from, "ssh2: ") {
        text(out, "key", key);
    }
}

fn account(user: &str, out: Out<'_>) {
    // The old spelling is `illegal user`.
    match user.strip_prefix("invalid user ").or_else(|| user.strip_prefix("illegal user ")) {
        Some(user) => {
            text(out, "user", user);
            out("invalid_user", Value::bool(true));
        }
        None => text(out, "user", user),
    }
}

/// `1.2.3.4 port 5 ssh2`, `1.2.3.4: 11: Bye Bye`, `1.2.3.4 port 5:11: Bye`, `1.2.3.4`.
fn endpoint(from: &str, out: Out<'_>) {
    let mut words = find::words(from).filter(|word| !word.is_empty());
    let address = words.next().unwrap_or_default();
    let address = address.strip_suffix(':').unwrap_or(address).trim_start_matches("UNKNOWN");
    peer(out, address);
    if words.next() == Some("port") {
        let port = words.next().unwrap_or_default();
        number(out, "src_port", find::split_byte(port, b':').map_or(port, |(port, _)| port));
    }
}

/// `Connection closed by authenticating user x 1.2.3.4 port 5`, `Disconnected from user x 1.2.3.4 port 5`,
/// `Received disconnect from 1.2.3.4 port 5:11: disconnected by user`, `Connection from 1.2.3.4 port 5 on …`.
fn connection(message: &str, out: Out<'_>) {
    let (name, rest) = if let Some(rest) = message.strip_prefix("Connection closed by ") {
        ("ssh_connection_closed", rest)
    } else if let Some(rest) = message.strip_prefix("Connection reset by ") {
        ("ssh_connection_reset", rest)
    } else if let Some(rest) = message.strip_prefix("Connection from ") {
        ("ssh_connection_opened", rest)
    } else if let Some(rest) = message
        .strip_prefix("Disconnected from ")
        .or_else(|| message.strip_prefix("Received disconnect from "))
        .or_else(|| message.strip_prefix("Disconnecting "))
    {
        ("ssh_disconnected", rest)
    } else {
        return;
    };
    event(out, name);
    let named = ["authenticating user ", "invalid user ", "user "];
    let Some((prefix, rest)) = named.iter().find_map(|prefix| Some((*prefix, rest_of(rest, prefix)?))) else {
        return endpoint(rest, out);
    };
    // The name ends where the last ` ADDRESS port N` begins.
    if let Some((front, port)) = find::rsplit_once(rest, " port ")
        && let Some((user, address)) = front.rsplit_once(' ')
    {
        text(out, "user", user);
        if prefix == "invalid user " {
            out("invalid_user", Value::bool(true));
        }
        peer(out, address);
        number(out, "src_port", port.split([':', ' ']).next().unwrap_or_default());
    }
}

fn rest_of<'l>(text: &'l str, prefix: &str) -> Option<&'l str> {
    text.strip_prefix(prefix)
}

/// `reverse mapping checking getaddrinfo for h [1.2.3.4] failed - POSSIBLE BREAK-IN ATTEMPT!`,
/// `Address 1.2.3.4 maps to h, but this does not map back to the address …`.
fn reverse(message: &str, out: Out<'_>) {
    if let Some((front, rest)) = after(message, " for ").and_then(|rest| find::rsplit_once(rest, " [")) {
        event(out, "ssh_reverse_mapping_failed");
        peer(out, rest.split(']').next().unwrap_or_default());
        text(out, "src_host", front);
    } else if let Some((address, rest)) =
        message.strip_prefix("Address ").and_then(|rest| find::split_once(rest, " maps to "))
    {
        event(out, "ssh_reverse_mapping_failed");
        peer(out, address);
        text(out, "src_host", rest.split(',').next().unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::told;

    #[test]
    fn messages_become_fields() {
        for (message, expected) in [
            (
                "Failed password for root from 198.51.100.7 port 22 ssh2",
                "auth_method=password event_type=ssh_login_failed src_ip=198.51.100.7 src_port=22 user=root",
            ),
            (
                "Failed password for invalid user admin from 2001:db8::1 port 22 ssh2",
                "auth_method=password event_type=ssh_login_failed invalid_user=true src_ip=2001:db8::1 src_port=22 \
                 user=admin",
            ),
            (
                "Accepted publickey for fred from 192.0.2.60 port 59915 ssh2: RSA SHA256:5xyQ+PG1",
                "auth_method=publickey event_type=ssh_login_ok key=RSA SHA256:5xyQ+PG1 src_ip=192.0.2.60 \
                 src_port=59915 user=fred",
            ),
            (
                "Accepted password for plaso from 2001:0db8:0a0b:12f0:0000:0000:0000:0001 port 42532  ssh2",
                "auth_method=password event_type=ssh_login_ok src_ip=2001:0db8:0a0b:12f0:0000:0000:0000:0001 \
                 src_port=42532 user=plaso",
            ),
            (
                "Invalid user webmaster from 173.234.31.186",
                "event_type=ssh_invalid_user src_ip=173.234.31.186 user=webmaster",
            ),
            ("Invalid user  from 192.0.2.9 port 7", "event_type=ssh_invalid_user src_ip=192.0.2.9 src_port=7"),
            (
                "Connection closed by authenticating user root 192.0.2.1 port 40000 [preauth]",
                "event_type=ssh_connection_closed src_ip=192.0.2.1 src_port=40000 user=root",
            ),
            (
                "Disconnected from invalid user a b 192.0.2.1 port 40000 [preauth]",
                "event_type=ssh_disconnected invalid_user=true src_ip=192.0.2.1 src_port=40000 user=a b",
            ),
            (
                "Received disconnect from 192.0.2.1: 11: Bye Bye [preauth]",
                "event_type=ssh_disconnected src_ip=192.0.2.1",
            ),
            (
                "error: Received disconnect from 192.0.2.1 port 5:14: No more user authentication methods available. [preauth]",
                "event_type=ssh_disconnected src_ip=192.0.2.1 src_port=5",
            ),
            (
                "Connection from 188.124.3.41 port 32889",
                "event_type=ssh_connection_opened src_ip=188.124.3.41 src_port=32889",
            ),
            (
                "error: maximum authentication attempts exceeded for root from 192.0.2.1 port 3 ssh2 [preauth]",
                "event_type=ssh_auth_attempts_exceeded src_ip=192.0.2.1 src_port=3 user=root",
            ),
            (
                "User bob from 192.0.2.1 not allowed because not listed in AllowUsers",
                "event_type=ssh_user_refused reason=not listed in AllowUsers src_ip=192.0.2.1 user=bob",
            ),
            (
                "reverse mapping checking getaddrinfo for ns.example.com [173.234.31.186] failed - POSSIBLE BREAK-IN ATTEMPT!",
                "event_type=ssh_reverse_mapping_failed src_host=ns.example.com src_ip=173.234.31.186",
            ),
            ("Server listening on 0.0.0.0 port 22.", "event_type=ssh_listening listen_ip=0.0.0.0 listen_port=22"),
            (
                "pam_unix(sshd:session): session opened for user root by (uid=0)",
                "event_type=session_opened pam_service=sshd pam_type=session user=root",
            ),
        ] {
            assert_eq!(told("sshd", message), expected, "{message}");
        }
    }

    #[test]
    fn a_name_that_looks_like_an_address_does_not_become_one() {
        assert_eq!(
            told("sshd", "Failed password for invalid user x from 9.9.9.9 port 1 ssh2 from 192.0.2.1 port 22 ssh2"),
            "auth_method=password event_type=ssh_login_failed invalid_user=true src_ip=192.0.2.1 src_port=22 \
             user=x from 9.9.9.9 port 1 ssh2"
        );
        assert_eq!(
            told("sshd", "Failed publickey for plaso from 001:db8:a0b:12f0::1 port 8759"),
            "auth_method=publickey event_type=ssh_login_failed src_ip=001:db8:a0b:12f0::1 src_port=8759 user=plaso"
        );
        for odd in ["999.1.1.1", "0x7f.1", "fe80::1%eth0"] {
            let message = format!("Failed password for root from {odd} port 1 ssh2");
            assert!(told("sshd", &message).contains(&format!("src_host={odd}")), "{odd}");
        }
    }
}
