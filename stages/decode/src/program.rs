//! What well-known Linux programs say in their messages, as fields: who logged in from where, who ran what as whom.
//!
//! Shared by every format that carries such messages: syslog text, the journal, its export and its JSON. The texts are the
//! programs' own (OpenSSH, sudo, shadow-utils, cron, PAM, systemd-logind); a message in no known form gives nothing.

/// Calls `each` with the fields of a program's message: `event_type`, `user`, `src_ip`, `src_port`, `auth_method`,
/// `target_user`, `command`, `tty`, `pwd`. `program` is lower case without a path.
pub fn program_fields(program: &str, message: &str, each: &mut dyn FnMut(&str, &str)) {
    match program {
        "sshd" => sshd(message, each),
        "sudo" => sudo(message, each),
        "su" => su(message, each),
        "cron" | "crond" | "crontab" => cron(message, each),
        "useradd" | "userdel" | "groupadd" | "usermod" | "passwd" | "chpasswd" => account(program, message, each),
        "systemd-logind" => logind(message, each),
        _ => {}
    }
    pam(message, each);
}

/// A program's name as rules know it: without its path, lower case, OpenSSH's parts under one name.
pub fn normalise(name: &str, out: &mut String) {
    out.clear();
    let name = name.rsplit('/').next().unwrap_or(name);
    out.extend(name.chars().map(|c| c.to_ascii_lowercase()));
    if matches!(out.as_str(), "sshd-session" | "sshd-auth") {
        out.clear();
        out.push_str("sshd");
    }
}

fn sshd(message: &str, each: &mut dyn FnMut(&str, &str)) {
    let (event, rest) = if let Some(rest) = message.strip_prefix("Accepted ") {
        ("ssh_login_ok", rest)
    } else if let Some(rest) = message.strip_prefix("Failed ") {
        ("ssh_login_failed", rest)
    } else if let Some(rest) = message.strip_prefix("Postponed ") {
        ("ssh_login_postponed", rest)
    } else {
        return sshd_other(message, each);
    };
    // METHOD for [invalid user ]USER from ADDRESS port PORT …; the user may hold any character, so the last ` from ` counts.
    let Some((method, rest)) = rest.split_once(" for ") else { return };
    let Some((who, peer)) = rest.rsplit_once(" from ") else { return };
    each("event_type", event);
    each("auth_method", method);
    match who.strip_prefix("invalid user ") {
        Some(user) => {
            each("user", user);
            each("user_exists", "false");
        }
        None => each("user", who),
    }
    address(peer, each);
}

fn sshd_other(message: &str, each: &mut dyn FnMut(&str, &str)) {
    for (start, event) in [
        ("Invalid user ", "ssh_invalid_user"),
        ("Connection closed by invalid user ", "ssh_connection_closed"),
        ("Connection closed by authenticating user ", "ssh_connection_closed"),
        ("Disconnected from invalid user ", "ssh_disconnected"),
        ("Disconnected from user ", "ssh_disconnected"),
    ] {
        let Some(rest) = message.strip_prefix(start) else { continue };
        each("event_type", event);
        if start == "Invalid user " {
            let Some((user, peer)) = rest.rsplit_once(" from ") else { return };
            each("user", user);
            address(peer, each);
        } else if let Some((user, peer)) = rest.split_once(' ') {
            each("user", user);
            address(peer, each);
        }
        return;
    }
    if let Some(rest) = message.strip_prefix("Connection from ") {
        each("event_type", "ssh_connection");
        address(rest, each);
    }
}

/// `ADDRESS port PORT …`
fn address(text: &str, each: &mut dyn FnMut(&str, &str)) {
    let mut words = text.split(' ');
    if let Some(ip) = words.next().filter(|ip| ip.parse::<std::net::IpAddr>().is_ok()) {
        each("src_ip", ip);
    }
    if words.next() == Some("port")
        && let Some(port) = words.next().filter(|port| port.parse::<u16>().is_ok())
    {
        each("src_port", port);
    }
}

/// `USER : [reason ; ]TTY=… ; PWD=… ; USER=… ; COMMAND=…`; the command is the rest of the line, whatever it holds.
fn sudo(message: &str, each: &mut dyn FnMut(&str, &str)) {
    let Some((user, mut rest)) = message.trim_start().split_once(" : ") else { return };
    if user.contains(' ') {
        return;
    }
    each("user", user);
    let mut event = "sudo";
    loop {
        if let Some(command) = rest.strip_prefix("COMMAND=") {
            each("command", command);
            break;
        }
        let (part, next) = rest.split_once(" ; ").unwrap_or((rest, ""));
        match part.split_once('=') {
            Some(("TTY", tty)) => each("tty", tty),
            Some(("PWD", pwd)) => each("pwd", pwd),
            Some(("USER", target)) => each("target_user", target),
            Some(_) => {}
            None => event = "sudo_refused",
        }
        if next.is_empty() {
            break;
        }
        rest = next;
    }
    each("event_type", event);
}

/// `(to root) anna on pts/0`, `FAILED SU (to root) anna on pts/0`
fn su(message: &str, each: &mut dyn FnMut(&str, &str)) {
    let (event, rest) = match message.strip_prefix("FAILED SU ") {
        Some(rest) => ("su_failed", rest),
        None => ("su", message),
    };
    let Some((target, rest)) = rest.strip_prefix("(to ").and_then(|rest| rest.split_once(") ")) else { return };
    each("event_type", event);
    each("target_user", target);
    if let Some((user, tty)) = rest.split_once(" on ") {
        each("user", user);
        each("tty", tty);
    }
}

/// `(root) CMD (command)`, `(anna) REPLACE (anna)`
fn cron(message: &str, each: &mut dyn FnMut(&str, &str)) {
    let Some((user, rest)) = message.strip_prefix('(').and_then(|rest| rest.split_once(") ")) else { return };
    let Some((verb, what)) = rest.split_once(" (") else { return };
    let what = what.strip_suffix(')').unwrap_or(what).trim();
    each("user", user);
    match verb {
        "CMD" => {
            each("event_type", "cron_command");
            each("command", what);
        }
        "REPLACE" => {
            each("event_type", "crontab_replaced");
            each("target_user", what);
        }
        "BEGIN EDIT" | "END EDIT" | "LIST" | "DELETE" => each("event_type", "crontab_used"),
        _ => {}
    }
}

/// `new user: name=support, UID=1005, …`, `delete user 'support'`, `password changed for root`
fn account(program: &str, message: &str, each: &mut dyn FnMut(&str, &str)) {
    if let Some(rest) = message.strip_prefix("new user: ").or_else(|| message.strip_prefix("new group: ")) {
        each("event_type", if message.starts_with("new user") { "user_created" } else { "group_created" });
        for (key, value) in rest.split(", ").filter_map(|part| part.split_once('=')) {
            match key {
                "name" => each("target_user", value),
                "UID" => each("target_uid", value),
                "home" => each("home", value),
                "shell" => each("shell", value),
                _ => {}
            }
        }
    } else if let Some(user) = message.strip_prefix("delete user '").and_then(|rest| rest.split('\'').next()) {
        each("event_type", "user_deleted");
        each("target_user", user);
    } else if let Some((_, user)) = message.split_once("password changed for ") {
        each("event_type", "password_changed");
        each("target_user", user);
    } else if program == "usermod"
        && let Some(rest) = message.strip_prefix("add '")
        && let Some((user, group)) = rest.split_once("' to group '")
    {
        each("event_type", "user_added_to_group");
        each("target_user", user);
        each("group", group.trim_end_matches('\''));
    }
}

/// `New session 12 of user anna.`
fn logind(message: &str, each: &mut dyn FnMut(&str, &str)) {
    if let Some((_, user)) = message.strip_prefix("New session ").and_then(|rest| rest.split_once(" of user ")) {
        each("event_type", "session_opened");
        each("user", user.trim_end_matches('.'));
    }
}

/// `pam_unix(sshd:auth): authentication failure; … rhost=… user=…`, `…: session opened for user anna(uid=1000) by …`
fn pam(message: &str, each: &mut dyn FnMut(&str, &str)) {
    if !message.starts_with("pam_") {
        return;
    }
    let Some((_, rest)) = message.split_once("): ") else { return };
    if let Some(pairs) = rest.strip_prefix("authentication failure; ") {
        each("event_type", "authentication_failed");
        for (key, value) in pairs.split(' ').filter_map(|pair| pair.split_once('=')) {
            match key {
                "user" if !value.is_empty() => each("user", value),
                "rhost" if !value.is_empty() => each("src_ip", value),
                "tty" if !value.is_empty() => each("tty", value),
                _ => {}
            }
        }
    } else if let Some(rest) = rest.strip_prefix("session ") {
        let Some((verb, who)) = rest.split_once(" for user ") else { return };
        each("event_type", if verb == "opened" { "session_opened" } else { "session_closed" });
        let user = who.split(['(', ' ']).next().unwrap_or(who);
        each("user", user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(program: &str, message: &str) -> String {
        let mut out = Vec::new();
        program_fields(program, message, &mut |name, value| out.push(format!("{name}={value}")));
        out.join(" ")
    }

    #[test]
    fn messages_become_fields() {
        for (program, message, expected) in [
            (
                "sshd",
                "Failed password for invalid user oracle from 203.0.113.50 port 51000 ssh2",
                "event_type=ssh_login_failed auth_method=password user=oracle user_exists=false src_ip=203.0.113.50 src_port=51000",
            ),
            (
                "sshd",
                "Accepted publickey for a from b from 2001:db8::1 port 22 ssh2: ED25519 SHA256:x",
                "event_type=ssh_login_ok auth_method=publickey user=a from b src_ip=2001:db8::1 src_port=22",
            ),
            ("sshd", "Invalid user x from 192.0.2.1", "event_type=ssh_invalid_user user=x src_ip=192.0.2.1"),
            (
                "sudo",
                "    anna : TTY=pts/0 ; PWD=/home/anna ; USER=root ; COMMAND=/bin/sh -c a ; b=1",
                "user=anna tty=pts/0 pwd=/home/anna target_user=root command=/bin/sh -c a ; b=1 event_type=sudo",
            ),
            (
                "sudo",
                "eve : user NOT in sudoers ; TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/bin/id",
                "user=eve tty=pts/1 pwd=/ target_user=root command=/bin/id event_type=sudo_refused",
            ),
            ("cron", "(root) CMD (  run-parts x)", "user=root event_type=cron_command command=run-parts x"),
            ("crontab", "(www) REPLACE (www)", "user=www event_type=crontab_replaced target_user=www"),
            (
                "useradd",
                "new user: name=s, UID=0, GID=0, home=/h, shell=/bin/sh",
                "event_type=user_created target_user=s target_uid=0 home=/h shell=/bin/sh",
            ),
            (
                "sshd",
                "pam_unix(sshd:session): session opened for user root(uid=0) by (uid=0)",
                "event_type=session_opened user=root",
            ),
            ("su", "FAILED SU (to root) anna on pts/0", "event_type=su_failed target_user=root user=anna tty=pts/0"),
            ("sshd", "Accepted nothing", ""),
            ("unknown", "anything", ""),
        ] {
            assert_eq!(fields(program, message), expected, "{message}");
        }
    }
}
