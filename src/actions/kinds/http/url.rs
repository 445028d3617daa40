//! The URL of a request: what is filled in changes one name or one value of it, and never its shape.

use super::super::super::template::{Piece, RenderError, Template};
use super::super::super::values::Values;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;
use std::borrow::Cow;
use std::net::Ipv6Addr;

/// All but what RFC 3986 calls unreserved.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Stands for any value where only the shape counts: good as a host, a port, and everywhere else.
const ANY: &str = "1";

/// A URL with places for values.
#[derive(Debug)]
pub(crate) struct UrlTemplate {
    template: Template,
    /// How many segments its path has.
    segments: usize,
}

impl UrlTemplate {
    /// Takes `text` apart.
    ///
    /// # Errors
    /// Why it is no URL that a request could go to, in words.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let template = Template::new(text).map_err(|error| error.to_string())?;
        let url = fill(&template, |_, _| Ok(ANY.into())).map_err(|error: RenderError| error.to_string())?;
        let url = Url::parse(&url).map_err(|error| format!("{error}, expected such as https://host/path"))?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err(format!("by {}, expected http or https", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "has a user or password; put them into a file and name it in secret_headers".to_owned()
            );
        }
        if text.contains(['#', '\\']) || text.contains(char::is_whitespace) {
            return Err("has a #, a \\ or a space in it".to_owned());
        }
        Ok(Self { template, segments: segments(&url) })
    }

    /// The text as the plan has it.
    pub(crate) fn template(&self) -> &Template {
        &self.template
    }

    /// The URL for an attempt.
    pub(crate) fn fill(&self, values: &Values) -> Result<Url, RenderError> {
        let text = fill(&self.template, |value, is_host| {
            let value = value.value(values)?;
            if is_host {
                host(&value).map(Cow::into_owned)
            } else {
                Ok(utf8_percent_encode(&value, ENCODED).to_string())
            }
        })?;
        let url = Url::parse(&text).map_err(|error| unfit(format!("{text:?}: {error}")))?;
        // `.` and `..` mean something in a path, however they are written
        if segments(&url) != self.segments {
            return Err(unfit(format!("{text:?} does not have the {} segments of the plan", self.segments)));
        }
        Ok(url)
    }
}

/// The text with each place as `value` says, which is told whether it is a part of the host.
fn fill(
    template: &Template,
    value: impl Fn(&super::super::super::template::Place, bool) -> Result<String, RenderError>,
) -> Result<String, RenderError> {
    let mut out = String::new();
    for part in template.parts() {
        match part {
            Piece::Literal(text) => out.push_str(text),
            Piece::Place(place) => {
                let behind = out.split_once("://").map(|(_, behind)| behind);
                let is_host = behind.is_some_and(|behind| !behind.contains(['/', '?']));
                out.push_str(&value(place, is_host)?);
            }
        }
    }
    Ok(out)
}

fn segments(url: &Url) -> usize {
    url.path_segments().map_or(0, Iterator::count)
}

/// A name or an address, with or without a port.
fn host(value: &str) -> Result<Cow<'_, str>, RenderError> {
    if value.parse::<Ipv6Addr>().is_ok() {
        return Ok(format!("[{value}]").into());
    }
    let (host, port) = match value.rsplit_once(':') {
        Some((host, port)) => (host, port),
        None => (value, ANY),
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_good = match bare {
        Some(bare) => bare.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)),
    };
    if is_good && port.parse::<u16>().is_ok() {
        return Ok(value.into());
    }
    // an address in brackets has colons of its own
    if value.starts_with('[') && value.ends_with(']') && value[1..value.len() - 1].parse::<Ipv6Addr>().is_ok()
    {
        return Ok(value.into());
    }
    Err(unfit(format!("{value:?} is no host, expected a name or an address, with or without a port")))
}

fn unfit(message: String) -> RenderError {
    RenderError::Unfit { place: super::URL.name, message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(address: &str, label: &str) -> Values {
        Values {
            run: "r".into(),
            plan: "p".into(),
            step: "s".into(),
            target: "h1".into(),
            address: address.into(),
            attempt: 1,
            labels: [("x".to_owned(), label.to_owned())].into(),
        }
    }

    fn filled(url: &str, address: &str, label: &str) -> Result<String, String> {
        let url = UrlTemplate::new(url).expect("a URL").fill(&values(address, label));
        url.map(String::from).map_err(|error| error.to_string())
    }

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for (address, url) in [
            ("192.0.2.1", "http://192.0.2.1:80/h1"),
            ("host-1.example", "http://host-1.example/h1"),
            ("2001:db8::1", "http://[2001:db8::1]/h1"),
            ("[2001:db8::1]", "http://[2001:db8::1]/h1"),
            ("[2001:db8::1]:81", "http://[2001:db8::1]:81/h1"),
            ("host:81", "http://host:81/h1"),
        ] {
            assert_eq!(
                filled("http://${address}/${target}", address, ""),
                Ok(url.replace(":80/", "/")),
                "{address}"
            );
        }
        for address in [
            "",
            "a/b",
            "a?b",
            "a#b",
            "user@host",
            "a b",
            "host:",
            "host:x",
            "a:1:2",
            "h\u{e4}",
            "%61",
            "[::1",
        ] {
            assert!(filled("http://${address}/", address, "").is_err(), "{address}");
        }
    }

    #[test]
    fn what_is_behind_the_host_is_encoded() {
        assert_eq!(
            filled("http://h/a/${label.x}?b=${label.x}", "", "a b/../&=?#%\u{e9}").as_deref(),
            Ok("http://h/a/a%20b%2F..%2F%26%3D%3F%23%25%C3%A9?b=a%20b%2F..%2F%26%3D%3F%23%25%C3%A9")
        );
        for dots in [".", ".."] {
            assert!(filled("http://h/a/${label.x}/b", "", dots).is_err(), "{dots}");
        }
        assert_eq!(filled("http://h/a/${label.x}/b", "", "...").as_deref(), Ok("http://h/a/.../b"));
    }

    #[test]
    fn what_no_request_can_go_to_is_refused_when_the_plan_is_read() {
        for url in [
            "",
            "h/x",
            "ftp://h/",
            "http://",
            "http://u:p@h/",
            "${address}",
            "http${target}://h",
            "http://h/#a",
            "http://h/a b",
            "http://h\\a",
            "http://h/${host}",
            "file:///etc/passwd",
            "http://h:99999/",
        ] {
            assert!(UrlTemplate::new(url).is_err(), "{url}");
        }
        assert!(UrlTemplate::new("https://${address}:${label.port}/a?b=${run}").is_ok());
    }

    proptest! {
        /// No value changes where a request goes, how many segments its path has, or how many values its query.
        #[test]
        fn no_value_changes_the_shape(value in "\\PC{0,12}|[./\\\\?#%&=:@]{0,6}") {
            let url = UrlTemplate::new("https://h:8443/a/${label.x}/b?c=${label.x}&d=1").expect("a URL");
            if let Ok(url) = url.fill(&values("", &value)) {
                prop_assert_eq!((url.host_str(), url.port()), (Some("h"), Some(8443)));
                let pairs: Vec<_> = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
                prop_assert_eq!(pairs, [("c".to_owned(), value), ("d".to_owned(), "1".to_owned())]);
                prop_assert_eq!(url.path_segments().expect("a path").count(), 3);
                prop_assert_eq!(url.fragment(), None);
            } else {
                let dots = value.replace("%2e", ".");
                prop_assert!(dots == "." || dots == "..");
            }
        }
    }
}
