//! Which signal of a config a recorded series is of: one way, for every command that reads recordings.

use super::Config;
use crate::monitor::Labels;
use crate::sources::recorded::SeriesInfo;
use crate::text::plain;
use std::error::Error;
use std::fmt;

/// The label by which a series says of which signal it is.
pub const SIGNAL_LABEL: &str = "signal";

impl Config {
    /// The place of the signal that the series `info` is of, and the labels of the series, without the one that names the
    /// signal. It is the first of these that there is:
    ///
    /// - the signal that its label [`SIGNAL_LABEL`] names;
    /// - that of its name, be it from a column or from a file;
    /// - that of what stands in front of labels in braces: `loss{host=h1}`, values with or without quotes;
    /// - `only`, where it has labels and no name: the one signal that is looked at, where it is one alone.
    ///
    /// # Errors
    /// A series of no signal, with the reason.
    pub fn signal_of(&self, info: &SeriesInfo, only: Option<usize>) -> Result<(usize, Labels), Strange> {
        let mut labels: Labels = info.labels.iter().cloned().collect();
        if let Some(signal) = labels.get(SIGNAL_LABEL) {
            return Ok((self.labelled(signal)?, labels.without(SIGNAL_LABEL)));
        }
        if let Some(place) = self.place(&info.name) {
            return Ok((place, labels));
        }
        let named = || self.strange(Why::Name(info.name.clone()));
        let (base, braces) = match info.name.split_once('{') {
            Some((base, rest)) => (base, rest.strip_suffix('}').ok_or_else(named)?),
            None => (info.name.as_str(), ""),
        };
        if labels.is_empty() {
            labels = in_braces(braces).ok_or_else(named)?;
        }
        if !base.is_empty() {
            return Ok((self.place(base).ok_or_else(named)?, labels));
        }
        match (labels.get(SIGNAL_LABEL), only) {
            (Some(signal), _) => Ok((self.labelled(signal)?, labels.without(SIGNAL_LABEL))),
            (None, Some(only)) => Ok((only, labels)),
            (None, None) => Err(self.strange(Why::Nameless)),
        }
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.signals.iter().position(|signal| signal.name == name)
    }

    fn labelled(&self, signal: &str) -> Result<usize, Strange> {
        self.place(signal).ok_or_else(|| self.strange(Why::Label(signal.to_owned())))
    }

    fn strange(&self, why: Why) -> Strange {
        Strange { why, signals: self.signals.iter().map(|signal| signal.name.clone()).collect() }
    }
}

/// The labels in `host="h1",vip=a`: values with or without quotes; none where that is not what it is.
fn in_braces(text: &str) -> Option<Labels> {
    let mut labels = Vec::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (label, value) = pair.split_once('=')?;
        let value = value.trim();
        let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        labels.push((label.trim(), bare));
    }
    Some(labels.into_iter().collect())
}

/// A series is of no signal of a config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strange {
    why: Why,
    /// The signals that there are.
    signals: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    /// Its label names another one.
    Label(String),
    /// Its name is that of another one.
    Name(String),
    /// It has neither.
    Nameless,
}

impl Strange {
    /// Whether it has a name, and that of no signal.
    pub fn is_by_name(&self) -> bool {
        matches!(self.why, Why::Name(_))
    }
}

impl fmt::Display for Strange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signals = self.signals.join(", ");
        match &self.why {
            Why::Label(label) => write!(
                f,
                "no signal of the config ({signals}) has the name \"{}\", which is that of its label \"{SIGNAL_LABEL}\"",
                plain(label)
            ),
            Why::Name(name) => {
                write!(f, "no signal of the config ({signals}) has the name \"{}\"", plain(name))
            }
            Why::Nameless => write!(
                f,
                "no signal of the config ({signals}) is named by it: it has neither a name nor a label \"{SIGNAL_LABEL}\""
            ),
        }
    }
}

impl Error for Strange {}

#[cfg(test)]
mod tests {
    use super::*;
    use quietgate_detectors::Timestamp;

    const SIGNALS: [&str; 3] = ["loss", "load", "cpu"];

    /// The signal of a series and its other labels, where `only` is the one that is looked at; else why there is none.
    fn of(name: &str, labels: &[(&str, &str)], only: Option<&str>) -> Result<(String, Labels), String> {
        let signals = SIGNALS.map(|name| format!("{name}: {{interval: 1m, rule: {{kind: majority}}}}"));
        let config = Config::read("c", &format!("signals: {{{}}}", signals.join(", "))).expect("a config");
        let at = Timestamp::from_millis(0);
        let info = SeriesInfo {
            name: name.to_owned(),
            labels: owned(labels).iter().map(|(label, value)| (label.to_owned(), value.to_owned())).collect(),
            samples: 1,
            file: None,
            first: at,
            last: at,
        };
        let only = only.map(|only| config.place(only).expect("a signal"));
        let (place, labels) = config.signal_of(&info, only).map_err(|strange| strange.to_string())?;
        Ok((config.signals[place].name.clone(), labels))
    }

    fn owned(labels: &[(&str, &str)]) -> Labels {
        labels.iter().copied().collect()
    }

    fn said(signal: &str, labels: &[(&str, &str)]) -> Result<(String, Labels), String> {
        Ok((signal.to_owned(), owned(labels)))
    }

    #[test]
    fn a_series_is_of_the_signal_that_its_label_or_its_name_says() {
        let host = &[("host", "h1")][..];
        assert_eq!(
            of("{signal=\"loss\",host=\"h1\"}", &[("signal", "loss"), ("host", "h1")], None),
            said("loss", host)
        );
        assert_eq!(
            of("cpu{signal=\"loss\",host=\"h1\"}", &[("signal", "loss"), ("host", "h1")], None),
            said("loss", host),
            "the label says it before the name"
        );
        assert_eq!(of("loss", &[], None), said("loss", &[]));
        assert_eq!(of("load{host=h1, vip=\"a\"}", &[], None), said("load", &[("host", "h1"), ("vip", "a")]));
        assert_eq!(of("{signal=load,host=h1}", &[], None), said("load", host));
        assert_eq!(of("loss{host=\"h1\"}", host, None), said("loss", host));
        assert_eq!(of("cpu", &[], Some("loss")), said("cpu", &[]), "a name says more than what is looked at");
    }

    #[test]
    fn what_has_labels_and_no_name_is_of_the_only_signal() {
        let host = &[("host", "h1")][..];
        assert_eq!(of("{host=\"h1\"}", host, Some("loss")), said("loss", host));
        let nameless = "no signal of the config (loss, load, cpu) is named by it: it has neither a name nor a label \"signal\"";
        assert_eq!(of("{host=\"h1\"}", host, None), Err(nameless.to_owned()));
    }

    #[test]
    fn a_slip_is_of_no_signal_and_not_of_the_only_one() {
        let named =
            |name: &str| Err(format!("no signal of the config (loss, load, cpu) has the name \"{name}\""));
        assert_eq!(of("los", &[], Some("loss")), named("los"));
        assert_eq!(of("los{host=h1}", &[], Some("loss")), named("los{host=h1}"));
        assert_eq!(of("loss{host=h1", &[], Some("loss")), named("loss{host=h1"));
        assert_eq!(of("a\u{1b}", &[], None), named("a\\u{1b}"));
        assert_eq!(
            of("{signal=\"los\"}", &[("signal", "los")], Some("loss")),
            named("los").map_err(|why: String| why + ", which is that of its label \"signal\"")
        );
    }
}
