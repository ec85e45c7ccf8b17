//! `cron` and `systemd-logind`. `event_type`: `cron_command`, `cron_replace`, `cron_edit`, `cron_list`, `cron_reload`,
//! `cron_error`, `session_opened`, `session_closed`.

use shieldwall_schema::Value;

use super::{number, text};
use crate::text::driver::Out;
use crate::text::find;

/// `(root) CMD (command)`, `(root) REPLACE (root)`, `(root) BEGIN EDIT (root)`.
pub(super) fn cron(message: &str, out: Out<'_>) {
    let Some((user, rest)) = message.strip_prefix('(').and_then(|rest| find::split_once(rest, ") ")) else { return };
    let Some((verb, inside)) = find::split_once(rest, " (") else { return };
    let inside = inside.strip_suffix(')').unwrap_or(inside).trim_matches(' ');
    let (name, field) = match verb {
        "CMD" | "CMDEND" | "CMDOUT" => ("cron_command", "command"),
        "REPLACE" => ("cron_replace", "target_user"),
        "BEGIN EDIT" | "END EDIT" => ("cron_edit", "target_user"),
        "LIST" => ("cron_list", "target_user"),
        "RELOAD" => ("cron_reload", "file"),
        "ERROR" | "AUTH" | "DENY" => ("cron_error", "reason"),
        _ => return,
    };
    out("event_type", Value::text(name));
    text(out, "user", user);
    text(out, field, inside);
}

/// `New session 12 of user alice.`, `Started Session 12 of user alice.`, `Removed session 12.`
pub(super) fn logind(message: &str, out: Out<'_>) {
    let message = message.strip_suffix('.').unwrap_or(message);
    let opened = ["New session ", "Started Session ", "Started session "];
    if let Some((session, user)) = opened
        .iter()
        .find_map(|prefix| message.strip_prefix(prefix))
        .and_then(|rest| find::split_once(rest, " of user ").or_else(|| find::split_once(rest, " of User ")))
    {
        out("event_type", Value::text("session_opened"));
        session_id(find::words(session).next().unwrap_or_default(), out);
        text(out, "user", find::split_once(user, " with ").map_or(user, |(user, _)| user).trim_matches('\''));
    } else if let Some(session) = message.strip_prefix("Removed session ").or_else(|| {
        message.strip_prefix("Session ").and_then(|rest| find::split_once(rest, " logged out").map(|(id, _)| id))
    }) {
        out("event_type", Value::text("session_closed"));
        session_id(session, out);
    } else if let Some(rest) = message.strip_prefix("FAILED LOGIN ") {
        // login(1): `FAILED LOGIN (1) on '/dev/tty1' FOR 'bob', Authentication failure`
        let Some((front, user)) = find::split_once(rest, " FOR ") else { return };
        out("event_type", Value::text("auth_failed"));
        text(out, "user", find::rsplit_once(user, ", ").map_or(user, |(user, _)| user).trim_matches(['\'', '`']));
        text(out, "tty", front.rsplit(' ').next().unwrap_or_default().trim_matches(['\'', '`']));
    } else if let Some(rest) = message.strip_prefix("ROOT LOGIN ") {
        out("event_type", Value::text("session_opened"));
        text(out, "user", "root");
        text(out, "tty", rest.rsplit(' ').next().unwrap_or_default().trim_matches(['\'', '`']));
    }
}

fn session_id(id: &str, out: Out<'_>) {
    if id.bytes().all(|byte| byte.is_ascii_digit()) { number(out, "session", id) } else { text(out, "session", id) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::told;

    #[test]
    fn messages_become_fields() {
        for (service, message, expected) in [
            ("cron", "(root) CMD (touch /tmp/a)", "command=touch /tmp/a event_type=cron_command user=root"),
            (
                "cron",
                "(root) CMD (   cd / && run-parts --report /etc/cron.hourly)",
                "command=cd / && run-parts --report /etc/cron.hourly event_type=cron_command user=root",
            ),
            ("crontab", "(bob) REPLACE (bob)", "event_type=cron_replace target_user=bob user=bob"),
            ("crontab", "(root) BEGIN EDIT (bob)", "event_type=cron_edit target_user=bob user=root"),
            ("cron", "(CRON) INFO (pidfile fd = 3)", ""),
            ("systemd-logind", "New session 12 of user alice.", "event_type=session_opened session=12 user=alice"),
            (
                "systemd-logind",
                "New session '12' of user 'alice' with class 'user' and type 'tty'.",
                "event_type=session_opened session='12' user=alice",
            ),
            ("systemd", "Started Session c1 of user root.", "event_type=session_opened session=c1 user=root"),
            (
                "systemd-logind",
                "Session 12 logged out. Waiting for processes to exit.",
                "event_type=session_closed session=12",
            ),
            ("systemd-logind", "Removed session 12.", "event_type=session_closed session=12"),
            (
                "login",
                "FAILED LOGIN (1) on '/dev/tty1' FOR 'bob', Authentication failure",
                "event_type=auth_failed tty=/dev/tty1 user=bob",
            ),
        ] {
            assert_eq!(told(service, message), expected, "{message}");
        }
    }
}
