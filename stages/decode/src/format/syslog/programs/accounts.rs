//! Tools that change accounts (shadow-utils). `event_type`: `user_created`, `user_deleted`, `user_changed`,
//! `group_created`, `group_deleted`, `group_member_added`, `group_member_removed`, `password_changed`.

use shieldwall_schema::Value;

use super::{number, text, unquoted};
use crate::text::driver::Out;

pub(super) fn read(message: &str, out: Out<'_>) {
    if let Some(list) = message.strip_prefix("new user: ") {
        // `name=evil, UID=0, GID=0, home=/root, shell=/bin/bash, from=/dev/pts/0`
        event(out, "user_created");
        attributes(list, "user", out);
    } else if let Some(list) =
        message.strip_prefix("new group: ").or_else(|| message.strip_prefix("group added to /etc/group: "))
    {
        event(out, "group_created");
        attributes(list, "group", out);
    } else if let Some(user) = message.strip_prefix("delete user ") {
        event(out, "user_deleted");
        text(out, "user", unquoted(user));
    } else if let Some(group) =
        message.strip_prefix("removed group ").or_else(|| message.strip_prefix("group removed from /etc/group: name="))
    {
        event(out, "group_deleted");
        text(out, "group", unquoted(group.split(' ').next().unwrap_or_default()));
    } else if let Some((user, group)) = message
        .strip_prefix("add ")
        .and_then(|rest| rest.split_once(" to group ").or_else(|| rest.split_once(" to shadow group ")))
    {
        event(out, "group_member_added");
        text(out, "user", unquoted(user));
        text(out, "group", unquoted(group));
    } else if let Some((user, group)) = message
        .strip_prefix("delete ")
        .and_then(|rest| rest.split_once(" from group ").or_else(|| rest.split_once(" from shadow group ")))
    {
        event(out, "group_member_removed");
        text(out, "user", unquoted(user));
        text(out, "group", unquoted(group));
    } else if let Some((user, rest)) = message.strip_prefix("user ").and_then(|rest| rest.split_once(" added by "))
        && let Some((actor, group)) = rest.split_once(" to group ")
    {
        event(out, "group_member_added");
        text(out, "user", unquoted(user));
        text(out, "actor_user", actor);
        text(out, "group", unquoted(group));
    } else if let Some(rest) = message.strip_prefix("change user ") {
        // `'bob' password`, `'bob' shell from '/bin/sh' to '/bin/bash'`
        let (user, what) = rest.split_once(' ').unwrap_or((rest, ""));
        event(out, if what == "password" { "password_changed" } else { "user_changed" });
        text(out, "user", unquoted(user));
        text(out, "change", what);
    } else if let Some((user, actor)) =
        message.strip_prefix("password for ").and_then(|rest| rest.split_once(" changed by "))
    {
        event(out, "password_changed");
        text(out, "user", unquoted(user));
        text(out, "actor_user", unquoted(actor));
    }
}

fn event(out: Out<'_>, name: &'static str) {
    out("event_type", Value::text(name));
}

fn attributes(list: &str, name: &'static str, out: Out<'_>) {
    for part in list.split(", ") {
        match part.split_once('=') {
            Some(("name", value)) => text(out, name, value),
            Some(("UID", value)) => number(out, "uid", value),
            Some(("GID", value)) => number(out, "gid", value),
            Some(("home", value)) => text(out, "home", value),
            Some(("shell", value)) => text(out, "shell", value),
            Some(("from", value)) => text(out, "tty", value),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::told;

    #[test]
    fn messages_become_fields() {
        for (message, expected) in [
            (
                "new user: name=evil, UID=0, GID=0, home=/root, shell=/bin/bash, from=/dev/pts/0",
                "event_type=user_created gid=0 home=/root shell=/bin/bash tty=/dev/pts/0 uid=0 user=evil",
            ),
            ("new group: name=evil, GID=1001", "event_type=group_created gid=1001 group=evil"),
            ("group added to /etc/group: name=evil, GID=1001", "event_type=group_created gid=1001 group=evil"),
            ("delete user 'bob'", "event_type=user_deleted user=bob"),
            ("add 'bob' to group 'sudo'", "event_type=group_member_added group=sudo user=bob"),
            ("add 'bob' to shadow group 'sudo'", "event_type=group_member_added group=sudo user=bob"),
            (
                "user bob added by root to group sudo",
                "actor_user=root event_type=group_member_added group=sudo user=bob",
            ),
            ("change user 'bob' password", "change=password event_type=password_changed user=bob"),
            (
                "change user 'bob' shell from '/bin/sh' to '/bin/bash'",
                "change=shell from '/bin/sh' to '/bin/bash' event_type=user_changed user=bob",
            ),
            ("password for 'bob' changed by 'root'", "actor_user=root event_type=password_changed user=bob"),
        ] {
            assert_eq!(told("usermod", message), expected, "{message}");
        }
    }
}
