//! PAM modules (`pam_unix` and its kin), whatever program they speak through. `event_type`: `auth_failed`,
//! `session_opened`, `session_closed`, `password_changed`, `auth_unknown_user`.

use shieldwall_schema::Value;

use super::{number, peer, text, value_of};
use crate::text::driver::Out;
use crate::text::find;

/// `origin` is `sshd:auth` (service and kind) or, in old logs, the service alone.
pub(super) fn read(origin: &str, message: &str, out: Out<'_>) {
    let (service, kind) = origin.split_once(':').unwrap_or((origin, ""));
    text(out, "pam_service", service);
    text(out, "pam_type", kind);
    if let Some(list) = message
        .strip_prefix("authentication failure; ")
        .or_else(|| find::split_once(message, "more authentication failures; ").map(|(_, list)| list))
        .or_else(|| find::split_once(message, "more authentication failure; ").map(|(_, list)| list))
    {
        event(out, "auth_failed");
        text(out, "pam_message", "authentication failure");
        let value = |key| value_of(list, key).unwrap_or_default();
        // The user's name is the last item and, typed by the peer, may hold spaces.
        text(out, "user", find::split_once(list, " user=").map_or("", |(_, user)| user));
        text(out, "ruser", value("ruser"));
        text(out, "rhost", value("rhost"));
        peer(out, value("rhost"));
        text(out, "tty", value("tty"));
        number(out, "uid", value("uid"));
        number(out, "euid", value("euid"));
    } else if let Some(rest) = message.strip_prefix("session opened for user ") {
        event(out, "session_opened");
        let (user, by) = find::rsplit_once(rest, " by ").unwrap_or((rest, ""));
        account(user, "user", out);
        account(by, "actor_user", out);
    } else if let Some(user) = message.strip_prefix("session closed for user ") {
        event(out, "session_closed");
        text(out, "user", user);
    } else if let Some(user) = message.strip_prefix("password changed for ") {
        event(out, "password_changed");
        text(out, "user", user);
    } else if message.starts_with("check pass; user unknown") {
        event(out, "auth_unknown_user");
    } else if let Some(rest) = message.strip_prefix("auth could not identify password for ") {
        event(out, "auth_failed");
        text(out, "user", rest.trim_matches(['[', ']']));
    }
}

fn event(out: Out<'_>, name: &'static str) {
    out("event_type", Value::text(name));
}

/// `root(uid=0)`, `root` or `(uid=0)`.
fn account(written: &str, name: &'static str, out: Out<'_>) {
    match written.split_once("(uid=") {
        Some((user, rest)) => {
            text(out, name, user);
            if name == "user" {
                number(out, "uid", rest.trim_end_matches(')'));
            }
        }
        None => text(out, name, written),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::told;

    #[test]
    fn messages_become_fields() {
        for (message, expected) in [
            (
                "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1  user=root",
                "euid=0 event_type=auth_failed pam_message=authentication failure pam_service=sshd pam_type=auth \
                 rhost=192.0.2.1 src_ip=192.0.2.1 tty=ssh uid=0 user=root",
            ),
            (
                "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=h.example.com ",
                "euid=0 event_type=auth_failed pam_message=authentication failure pam_service=sshd pam_type=auth \
                 rhost=h.example.com src_host=h.example.com tty=ssh uid=0",
            ),
            (
                "pam_unix(sudo:session): session opened for user root(uid=0) by alice(uid=1000)",
                "actor_user=alice event_type=session_opened pam_service=sudo pam_type=session uid=0 user=root",
            ),
            (
                "pam_unix(cron:session): session closed for user root",
                "event_type=session_closed pam_service=cron pam_type=session user=root",
            ),
            (
                "pam_unix(passwd:chauthtok): password changed for bob",
                "event_type=password_changed pam_service=passwd pam_type=chauthtok user=bob",
            ),
            (
                "pam_sss(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1 user=a b",
                "euid=0 event_type=auth_failed pam_message=authentication failure pam_service=sshd pam_type=auth \
                 rhost=192.0.2.1 src_ip=192.0.2.1 tty=ssh uid=0 user=a b",
            ),
        ] {
            assert_eq!(told("sshd", message), expected, "{message}");
        }
    }
}
