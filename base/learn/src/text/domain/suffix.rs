//! Suffixes under which anybody may have a name: they say who sold the name, not what it is, and are left out of what is
//! scored, or a model would learn the sellers of its day.
//!
//! A short list of our own of suffixes of two and three labels; every last label that is not part of one of these is a
//! suffix by itself.

/// Second labels that together with a country's label (two letters) make a suffix: `co.uk`, `com.br`.
const UNDER_COUNTRIES: &[&str] = &[
    "ac", "co", "com", "edu", "gob", "gov", "govt", "go", "gouv", "id", "info", "ltd", "me", "mil", "ne", "net", "nhs",
    "nom", "or", "org", "plc", "sch", "school", "web",
];

/// Hosting and dynamic names: whoever asks gets one below these.
const HOSTED: &[&str] = &[
    "appspot.com",
    "azurewebsites.net",
    "blogspot.com",
    "cloudapp.net",
    "cloudfront.net",
    "ddns.net",
    "duckdns.org",
    "dyndns.org",
    "firebaseapp.com",
    "github.io",
    "gitlab.io",
    "herokuapp.com",
    "hopto.org",
    "netlify.app",
    "no-ip.org",
    "pages.dev",
    "sytes.net",
    "tumblr.com",
    "vercel.app",
    "web.app",
    "windows.net",
    "wordpress.com",
    "workers.dev",
    "zapto.org",
];

/// Bytes of the name that come before its suffix and the dot; the whole name where it is one label (a host without domain).
/// `name` is lower case, without a final dot.
pub fn own_part(name: &[u8]) -> usize {
    let Some(last) = name.iter().rposition(|byte| *byte == b'.') else { return name.len() };
    let (head, tail) = (name.get(..last).unwrap_or(&[]), name.get(last + 1..).unwrap_or(&[]));
    let second = head.iter().rposition(|byte| *byte == b'.').map_or(0, |dot| dot + 1);
    let label = head.get(second..).unwrap_or(&[]);
    let two = name.get(second..).unwrap_or(&[]);
    let country = tail.len() == 2 && UNDER_COUNTRIES.iter().any(|known| known.as_bytes() == label);
    if second > 0 && (country || HOSTED.iter().any(|known| known.as_bytes() == two)) {
        return second - 1;
    }
    last
}

#[cfg(test)]
mod tests {
    use super::own_part;

    #[test]
    fn suffixes_are_left_out() {
        for (name, own) in [
            ("example.com", "example"),
            ("www.example.co.uk", "www.example"),
            ("co.uk", "co"),
            ("localhost", "localhost"),
            ("a.github.io", "a"),
            ("github.io", "github"),
            ("a.b.example.info", "a.b.example"),
            ("x.com.com", "x.com"),
            ("", ""),
            (".", ""),
            ("..", "."),
        ] {
            assert_eq!(name.get(..own_part(name.as_bytes())), Some(own), "{name}");
        }
    }
}
