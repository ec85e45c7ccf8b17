//! Names of archive members: shown, never used as paths. Even so a name that would leave its folder is refused, because
//! it was made to deceive, and because whoever unpacks the same archive by other means should know.

use shieldwall_schema::Reject;

use crate::limits::Limits;
use crate::trouble::Fault;

/// The name as text, or why it is refused.
pub(crate) fn member_name(name: &[u8], limits: &Limits) -> Result<String, Fault> {
    if name.len() > limits.name_bytes_max {
        return Err(Fault::limit("name_bytes_max", format_args!("a member name of {} bytes", name.len())));
    }
    match unsafe_part(name) {
        Some(part) => Err(Fault::new(Reject::UnsafeName, format!("member name {part}"))),
        None => Ok(String::from_utf8_lossy(name).into_owned()),
    }
}

/// The start of a refused name, for the list of what was not read.
pub(crate) fn shown(name: &[u8]) -> String {
    const SHOWN_BYTES_MAX: usize = 256;
    String::from_utf8_lossy(name.get(..SHOWN_BYTES_MAX).unwrap_or(name)).into_owned()
}

/// What is wrong with a name. Backslashes separate folders too, as Windows reads them.
fn unsafe_part(name: &[u8]) -> Option<&'static str> {
    if name.is_empty() {
        return Some("is empty");
    }
    if name.contains(&0) {
        return Some("contains NUL");
    }
    if matches!(name, [b'/' | b'\\', ..]) {
        return Some("is absolute");
    }
    if matches!(name, [b'a'..=b'z' | b'A'..=b'Z', b':', ..]) {
        return Some("begins with a drive");
    }
    name.split(|byte| matches!(byte, b'/' | b'\\')).any(|part| part == b"..").then_some("climbs with `..`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_their_folder_are_refused() {
        let cases: &[(&[u8], bool)] = &[
            (b"auth.log", true),
            (b"var/log/auth.log", true),
            (b"var\\log\\auth.log", true),
            (b"./a", true),
            (b"..a/b..", true),
            (b"", false),
            (b"..", false),
            (b"../a", false),
            (b"a/../b", false),
            (b"a\\..\\b", false),
            (b"a/..", false),
            (b"/etc/passwd", false),
            (b"\\\\server\\share", false),
            (b"C:\\x", false),
            (b"c:x", false),
            (b"a\0.log", false),
        ];
        for (name, safe) in cases {
            let result = member_name(name, &Limits::default());
            assert_eq!(result.is_ok(), *safe, "{}", name.escape_ascii());
            assert!(result.is_ok() || result.unwrap_err().reason == Reject::UnsafeName);
        }
        let long = member_name(&[b'a'; 4097], &Limits::default()).unwrap_err();
        assert_eq!(long.reason, Reject::Limit);
        assert!(long.detail.contains("name_bytes_max"));
    }
}
