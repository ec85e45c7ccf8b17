//! `sudo`, `su`, `doas`, `pkexec`: one user acts as another. `event_type`: `sudo_command`, `sudo_denied`, `su_ok`,
//! `su_failed`, `pkexec_command`, `doas_command`.

use shieldwall_schema::Value;

use super::text;
use crate::text::driver::Out;
use crate::text::find;

pub(super) fn read(service: &str, message: &str, out: Out<'_>) {
    match service {
        "sudo" => sudo(message, out),
        "su" => su(message, out),
        "doas" => doas(message, out),
        _ => pkexec(message, out),
    }
}

/// `alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/bin/ls -l`, with a reason in front where it was refused.
fn sudo(message: &str, out: Out<'_>) {
    let Some((user, mut rest)) = find::split_once(message, " : ") else { return };
    if !rest.contains("COMMAND=") && !rest.contains("USER=") {
        return;
    }
    let user = user.trim_start_matches(' ');
    text(out, "user", user);
    let mut reason = "";
    loop {
        if let Some(command) = rest.strip_prefix("COMMAND=") {
            // The command is the last part and may hold anything, ` ; USER=` included.
            text(out, "command", command);
            break;
        }
        let (part, behind) = find::split_once(rest, " ; ").unwrap_or((rest, ""));
        match part.split_once('=') {
            Some(("TTY", value)) => text(out, "tty", value),
            Some(("PWD", value)) => text(out, "pwd", value),
            Some(("USER", value)) => text(out, "target_user", value),
            Some(("GROUP", value)) => text(out, "target_group", value),
            Some(("ENV", value)) => text(out, "environment", value),
            Some(("TSID", value)) => text(out, "session", value),
            _ if reason.is_empty() => reason = part,
            _ => {}
        }
        if behind.is_empty() {
            break;
        }
        rest = behind;
    }
    text(out, "reason", reason);
    out("event_type", Value::text(if reason.is_empty() { "sudo_command" } else { "sudo_denied" }));
}

/// `Successful su for root by alice`, `FAILED SU (to root) alice on pts/0`, `(to root) alice on pts/0`,
/// `+ /dev/pts/0 alice:root`.
fn su(message: &str, out: Out<'_>) {
    let (name, user, target, tty) = if let Some((target, user)) =
        message.strip_prefix("Successful su for ").and_then(|rest| find::rsplit_once(rest, " by "))
    {
        ("su_ok", user, target, "")
    } else if let Some((target, user)) =
        message.strip_prefix("FAILED su for ").and_then(|rest| find::rsplit_once(rest, " by "))
    {
        ("su_failed", user, target, "")
    } else if let Some((target, rest)) = message
        .strip_prefix("FAILED SU (to ")
        .or_else(|| message.strip_prefix("(to "))
        .and_then(|rest| find::split_once(rest, ") "))
    {
        let (user, tty) = find::rsplit_once(rest, " on ").unwrap_or((rest, ""));
        (if message.starts_with('F') { "su_failed" } else { "su_ok" }, user, target, tty)
    } else if let Some((tty, pair)) =
        message.strip_prefix("+ ").or_else(|| message.strip_prefix("- ")).and_then(|rest| rest.split_once(' '))
        && let Some((user, target)) = pair.split_once(':')
    {
        (if message.starts_with('+') { "su_ok" } else { "su_failed" }, user, target, tty)
    } else {
        return;
    };
    out("event_type", Value::text(name));
    text(out, "user", user);
    text(out, "target_user", target);
    text(out, "tty", tty);
}

/// `alice ran command /bin/sh as root from /home/alice`.
fn doas(message: &str, out: Out<'_>) {
    let Some((user, rest)) = find::split_once(message, " ran command ") else { return };
    let Some((front, pwd)) = find::rsplit_once(rest, " from ") else { return };
    let Some((command, target)) = find::rsplit_once(front, " as ") else { return };
    out("event_type", Value::text("doas_command"));
    text(out, "user", user);
    text(out, "command", command);
    text(out, "target_user", target);
    text(out, "pwd", pwd);
}

/// `alice: Executing command [USER=root] [TTY=unknown] [CWD=/home/alice] [COMMAND=/usr/bin/x]`.
fn pkexec(message: &str, out: Out<'_>) {
    let Some((user, rest)) = find::split_once(message, ": ") else { return };
    let Some((said, mut parts)) = find::split_once(rest, " [") else { return };
    out("event_type", Value::text("pkexec_command"));
    text(out, "user", user);
    if said != "Executing command" {
        text(out, "reason", said);
    }
    loop {
        if let Some(command) = parts.strip_prefix("COMMAND=") {
            text(out, "command", command.strip_suffix(']').unwrap_or(command));
            return;
        }
        let (part, behind) = parts.split_once("] [").unwrap_or((parts.trim_end_matches(']'), ""));
        match part.split_once('=') {
            Some(("USER", value)) => text(out, "target_user", value),
            Some(("TTY", value)) => text(out, "tty", value),
            Some(("CWD", value)) => text(out, "pwd", value),
            _ => {}
        }
        if behind.is_empty() {
            return;
        }
        parts = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::told;

    #[test]
    fn messages_become_fields() {
        for (service, message, expected) in [
            (
                "sudo",
                "   alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/bin/cat /etc/shadow",
                "command=/bin/cat /etc/shadow event_type=sudo_command pwd=/home/alice target_user=root tty=pts/0 user=alice",
            ),
            (
                "sudo",
                "mallory : user NOT in sudoers ; TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/bin/sh -c a ; USER=x",
                "command=/bin/sh -c a ; USER=x event_type=sudo_denied pwd=/ reason=user NOT in sudoers target_user=root \
                 tty=pts/1 user=mallory",
            ),
            (
                "sudo",
                "bob : 3 incorrect password attempts ; TTY=pts/1 ; PWD=/ ; USER=#-1 ; COMMAND=/bin/id",
                "command=/bin/id event_type=sudo_denied pwd=/ reason=3 incorrect password attempts target_user=#-1 \
                 tty=pts/1 user=bob",
            ),
            ("su", "Successful su for root by alice", "event_type=su_ok target_user=root user=alice"),
            ("su", "(to root) alice on pts/0", "event_type=su_ok target_user=root tty=pts/0 user=alice"),
            ("su", "FAILED SU (to root) alice on pts/0", "event_type=su_failed target_user=root tty=pts/0 user=alice"),
            ("su", "- /dev/pts/0 alice:root", "event_type=su_failed target_user=root tty=/dev/pts/0 user=alice"),
            (
                "doas",
                "alice ran command sh as root from /home/alice",
                "command=sh event_type=doas_command pwd=/home/alice target_user=root user=alice",
            ),
            (
                "pkexec",
                "alice: The value for environment variable XAUTHORITY contains suspicious content [USER=root] [TTY=/dev/pts/0] \
                 [CWD=/tmp] [COMMAND=x [a] [b]]",
                "command=x [a] [b] event_type=pkexec_command pwd=/tmp reason=The value for environment variable XAUTHORITY \
                 contains suspicious content target_user=root tty=/dev/pts/0 user=alice",
            ),
        ] {
            assert_eq!(told(service, message), expected, "{message}");
        }
    }
}
