//! A plain scalar's type, by the core schema of YAML 1.2.2 (section 10.3.2), which the Sigma specification names.
//!
//! So `yes`, `on` and `2024-01-01` are text, and `0x10` is the number 16. A decimal number keeps the digits that its
//! author wrote (`007`), since Sigma compares text.

use std::borrow::Cow;

use super::yaml::Scalar;

/// A scalar with its type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Typed<'t> {
    Null,
    Bool(bool),
    /// An integer or a float, as text in decimal.
    Number(Cow<'t, str>),
    Text(&'t str),
}

/// Gives a scalar its type.
pub(crate) fn resolve<'t>(scalar: &'t Scalar<'_>) -> Typed<'t> {
    let text = scalar.text.as_ref();
    if !scalar.plain {
        return Typed::Text(text);
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Typed::Null,
        "true" | "True" | "TRUE" => Typed::Bool(true),
        "false" | "False" | "FALSE" => Typed::Bool(false),
        _ => number(text).map_or(Typed::Text(text), Typed::Number),
    }
}

fn number(text: &str) -> Option<Cow<'_, str>> {
    let first = text.bytes().next()?;
    if !(first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.')) {
        return None;
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = unsigned.bytes().all(|byte| byte.is_ascii_digit()) && !unsigned.is_empty() || is_float(unsigned);
    is_number.then(|| Cow::Borrowed(text.strip_prefix('+').unwrap_or(text)))
}

fn radix(digits: &str, radix: u32) -> Option<Cow<'static, str>> {
    // `from_str_radix` takes a sign, YAML does not.
    digits.bytes().next().filter(u8::is_ascii_alphanumeric)?;
    u128::from_str_radix(digits, radix).ok().map(|value| Cow::Owned(value.to_string()))
}

/// `\. [0-9]+ | [0-9]+ ( \. [0-9]* )?` and an exponent; not `.inf` and `.nan`, which compare with nothing.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (text, None),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let some = !whole.is_empty() || !fraction.is_empty();
    some && digits(whole) && digits(fraction) && exponent.is_none_or(|part| !part.is_empty() && digits(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_schema() {
        let cases = [
            ("", Typed::Null),
            ("~", Typed::Null),
            ("NULL", Typed::Null),
            ("nULL", Typed::Text("nULL")),
            ("true", Typed::Bool(true)),
            ("False", Typed::Bool(false)),
            ("yes", Typed::Text("yes")),
            ("on", Typed::Text("on")),
            ("4688", Typed::Number("4688".into())),
            ("-1", Typed::Number("-1".into())),
            ("+5", Typed::Number("5".into())),
            ("007", Typed::Number("007".into())),
            ("0x10", Typed::Number("16".into())),
            ("0xFFFFFFFFFFFFFFFF", Typed::Number("18446744073709551615".into())),
            ("0x", Typed::Text("0x")),
            ("0x-1", Typed::Text("0x-1")),
            ("0x+1", Typed::Text("0x+1")),
            ("0o17", Typed::Number("15".into())),
            ("0o9", Typed::Text("0o9")),
            ("1.5", Typed::Number("1.5".into())),
            (".5", Typed::Number(".5".into())),
            ("5.", Typed::Number("5.".into())),
            ("1e3", Typed::Number("1e3".into())),
            ("1e", Typed::Text("1e")),
            ("-", Typed::Text("-")),
            (".", Typed::Text(".")),
            ("-.e1", Typed::Text("-.e1")),
            ("1.2.3", Typed::Text("1.2.3")),
            ("10.0.0.0/8", Typed::Text("10.0.0.0/8")),
            ("1_000", Typed::Text("1_000")),
            ("2024-01-01", Typed::Text("2024-01-01")),
            ("12:30", Typed::Text("12:30")),
            (".inf", Typed::Text(".inf")),
        ];
        for (text, want) in cases {
            let scalar = Scalar { text: text.into(), plain: true };
            assert_eq!(resolve(&scalar), want, "{text}");
            let quoted = Scalar { text: text.into(), plain: false };
            assert_eq!(resolve(&quoted), Typed::Text(text), "quoted {text}");
        }
    }
}
