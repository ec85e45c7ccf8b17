//! Names of files in containers and configurations: which of them leave the folder they are unpacked into.

/// Why a name leaves its folder on some system: Unix, Windows, or both.
pub(crate) fn escapes(name: &str) -> Option<&'static str> {
    let bytes = name.as_bytes();
    if matches!(bytes.first(), Some(b'/' | b'\\')) {
        return Some("it is absolute");
    }
    if matches!(bytes, [letter, b':', ..] if letter.is_ascii_alphabetic()) {
        return Some("it names a drive");
    }
    if name.split(['/', '\\']).any(|part| part.trim_end_matches([' ', '\0']) == "..") {
        return Some("it climbs out with ..");
    }
    if name.starts_with("~/") || name.starts_with("file:") {
        return Some("it names a place of its own");
    }
    None
}

/// Whether a name points to another place altogether: another machine or a device.
pub(crate) fn remote(name: &str) -> bool {
    let lower = name.trim_start().to_ascii_lowercase();
    lower.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme.len() < 12
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    }) || lower.starts_with("\\\\")
}

/// Whether a name, used in a container, is what no ordinary tool writes.
pub(crate) fn odd(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("it is empty");
    }
    if name.contains('\0') {
        return Some("a NUL byte cuts it short for some readers");
    }
    if name.chars().any(char::is_control) {
        return Some("it holds control characters");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_their_folder() {
        for bad in
            ["../x", "a/../../x", "/etc/x", "C:\\x", "..\\x", "a\\..\\..\\b", "\\\\host\\x", ".. /x", "~/x", "file:x"]
        {
            assert!(escapes(bad).is_some(), "{bad}");
        }
        for good in ["a/b.txt", "a..b", "...", "archive/data/0", "a b", "weights..bin"] {
            assert_eq!(escapes(good), None, "{good}");
        }
        assert!(remote("https://x/y") && remote("s3://b") && !remote("a/b:c") && !remote("weights.bin"));
    }
}
