//! What well-known programs say in their messages, as fields: users, addresses, commands.
//!
//! Called only when somebody wants such a field. Each file reads one family of programs; adding one is a file and a line
//! in [`read`]. A message that fits nothing gives no fields.
//!
//! | field | meaning |
//! |---|---|
//! | `event_type` | what happened, one word of the list in each file |
//! | `user` | the account that it happened to or that acted |
//! | `target_user` | the account that was acted as or upon, where it is another |
//! | `src_ip`, `src_host`, `src_port` | the peer; `src_ip` only if it is a literal IP address |
//! | `command`, `pwd`, `tty` | what was run, and where |
//!
//! Names that an attacker types (users at a login, commands) may hold any text, also text that looks like the rest of
//! the message; patterns are therefore anchored at the end that the program itself writes.

mod accounts;
mod elevation;
mod kernel;
mod pam;
mod sessions;
mod sshd;
mod sysmon;

use std::net::IpAddr;

use shieldwall_schema::Value;

use crate::text::driver::Out;
use crate::text::find;

/// Most `message repeated` wrappers that are taken off: rsyslog writes one.
const REPEAT_DEPTH_MAX: usize = 2;

/// Gives the fields of a message whose program is known by the name that it logs under (`CRON`, `/usr/sbin/cron`,
/// `sshd-session`): what the journal's forms carry.
pub(crate) fn read_named(program: &str, message: &str, out: Out<'_>) {
    let name = program.rsplit('/').next().unwrap_or(program).to_ascii_lowercase();
    let service = if is_part_of_sshd(&name) { "sshd" } else { name.as_str() };
    read(service, "", message, out);
}

/// Whether a program is one of those into which OpenSSH 9.8 split its server; they speak for the service `sshd`.
pub(crate) fn is_part_of_sshd(name: &str) -> bool {
    matches!(name, "sshd-session" | "sshd-auth")
}

/// The tag's code for a program's message: the event id of Sysmon for Linux, nothing for others.
pub(crate) fn code_of<'m>(service: &str, message: &'m str) -> &'m str {
    if service == "sysmon" { sysmon::event_id(message) } else { "" }
}

/// Gives the fields of `message`. `service` is the program in lower case, `module` what stood behind it in parentheses.
pub(crate) fn read(service: &str, module: &str, message: &str, out: Out<'_>) {
    let mut message = message;
    for _ in 0..REPEAT_DEPTH_MAX {
        // rsyslog: `message repeated 5 times: [ Failed password …]`.
        let Some((count, rest)) =
            message.strip_prefix("message repeated ").and_then(|rest| find::split_once(rest, " times: ["))
        else {
            break;
        };
        number(out, "repeated", count);
        message = rest.strip_suffix(']').unwrap_or(rest).trim_start_matches(' ');
    }
    if let Some(rest) = message.strip_prefix("pam_")
        && let Some((_, rest)) = rest.split_once('(')
        && let Some((origin, said)) = find::split_once(rest, "): ")
    {
        return pam::read(origin, said, out);
    }
    if module.starts_with("pam_") {
        return pam::read(service, message, out);
    }
    match service {
        "sshd" => sshd::read(message, out),
        "sudo" | "su" | "doas" | "pkexec" | "polkitd" => elevation::read(service, message, out),
        "cron" | "crond" | "anacron" | "crontab" | "/usr/sbin/cron" | "atd" => sessions::cron(message, out),
        "useradd" | "usermod" | "userdel" | "adduser" | "groupadd" | "groupmod" | "groupdel" | "gpasswd" | "passwd"
        | "chpasswd" | "chage" | "chfn" | "chsh" => accounts::read(message, out),
        "systemd-logind" | "systemd" | "login" => sessions::logind(message, out),
        "kernel" | "ulogd" => kernel::read(message, out),
        "sysmon" => sysmon::read(message, out),
        _ => {}
    }
}

/// Gives a text field, unless it is empty.
fn text(out: Out<'_>, name: &str, value: &str) {
    if !value.is_empty() {
        out(name, Value::text(value));
    }
}

/// Gives a field that is a number if it is all digits, else nothing.
fn number(out: Out<'_>, name: &str, value: &str) {
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        out(name, Value::number(value));
    }
}

/// Gives a peer: as an address if it is one, as a host's name if not.
fn peer(out: Out<'_>, value: &str) {
    let name = if value.parse::<IpAddr>().is_ok() { "src_ip" } else { "src_host" };
    text(out, name, value);
}

/// The value of `key` in a list such as `uid=0 tty=ssh rhost=1.2.3.4 `; ends at a space.
fn value_of<'l>(list: &'l str, key: &str) -> Option<&'l str> {
    find::words(list).find_map(|part| part.strip_prefix(key)?.strip_prefix('='))
}

/// `'name'` or `name` → `name`.
fn unquoted(text: &str) -> &str {
    text.trim_matches(|c| matches!(c, '\'' | '`' | '"'))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The fields as `name=value` in a row, sorted.
    pub(crate) fn told(service: &str, message: &str) -> String {
        let mut all = Vec::new();
        read(service, "", message, &mut |name, value| all.push(format!("{name}={}", value.text)));
        all.sort();
        all.join(" ")
    }

    #[test]
    fn a_repeated_message_is_read_as_what_was_repeated() {
        assert_eq!(
            told("sshd", "message repeated 5 times: [ Failed password for root from 192.0.2.1 port 5 ssh2]"),
            "auth_method=password event_type=ssh_login_failed repeated=5 src_ip=192.0.2.1 src_port=5 user=root"
        );
        let deep = "message repeated 1 times: [".repeat(1000);
        assert_eq!(told("sshd", &deep), "repeated=1 repeated=1");
    }

    #[test]
    fn unknown_programs_and_messages_give_nothing() {
        assert_eq!(told("nginx", "Failed password for root from 192.0.2.1 port 5 ssh2"), "");
        for service in ["sshd", "sudo", "su", "cron", "useradd", "systemd-logind", "kernel"] {
            assert_eq!(told(service, ""), "");
            assert_eq!(told(service, "something else"), "");
        }
    }
}
