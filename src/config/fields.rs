//! Every key of the config file, described once: the reader and the JSON Schema both go by these tables.

use super::capture::PROGRAMS_MAX;
use super::plan::PlanShape;
use crate::settings::Need;
use quietgate_detectors::Interval;
use quietgate_rules::{Direction, SUSTAIN_MAX};
use std::fmt;

/// A mapping of the config file.
#[derive(Debug)]
pub struct Table {
    /// What it is in a message: `a signal`.
    pub what: &'static str,
    /// What it says, for the schema.
    pub about: &'static str,
    /// Its keys, in the order of the documentation.
    pub fields: &'static [Field],
}

/// A key.
#[derive(Debug)]
pub struct Field {
    /// The key itself.
    pub name: &'static str,
    /// What its value looks like.
    pub shape: Shape,
    /// Whether it must be given.
    pub need: Need,
    /// What it does and why the default is what it is.
    pub about: &'static str,
}

/// What a value looks like. Prints as what is allowed, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Text that is no number and not true or false.
    Text,
    /// A duration, both ends in milliseconds and included.
    Duration {
        /// The shortest.
        min: i64,
        /// The longest.
        max: i64,
    },
    /// Which way is harmful.
    Direction,
    /// `K of N`.
    Sustain,
    /// A time zone's name.
    Zone,
    /// The name of a kind of signal.
    Preset,
    /// The name of a kind of rule.
    RuleKind,
    /// The name of a kind of detector.
    DetectorKind,
    /// The name of a kind of source.
    SourceKind,
    /// True or false.
    Bool,
    /// The name of a kind of sink.
    SinkKind,
    /// A name.
    Name,
    /// Kinds of events.
    Events,
    /// How much an event matters.
    Severity,
    /// Labels of the series, each with what it is in the inventory.
    Labels,
    /// Labels of the series, each with the values that must be there.
    Expect,
    /// A rule.
    Rule,
    /// Detectors of a rule.
    Detectors,
    /// A size, both ends in bytes and included.
    Size {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// Programs with their arguments.
    Programs,
    /// What holds for captures.
    Capture,
    /// Named signals.
    Signals,
    /// Named sources.
    Sources,
    /// What is kept of the samples.
    History,
    /// What plans may have.
    Actions,
    /// A list of sinks.
    Sinks,
    /// How the daemon can be reached.
    Api,
    /// The certificates of the daemon.
    Tls,
    /// An address with a port.
    Address,
    /// Names of hosts.
    Hosts,
    /// What only plans have.
    Plan(PlanShape),
}

/// The longest look at the past that a signal may wait for or rely on.
const WEEK_MS: i64 = 7 * Interval::MAX_MS;

/// The whole file.
pub(super) const CONFIG: Table = Table {
    what: "a config",
    about: "What Quietgate watches, how it judges, and whom it tells.",
    fields: &[
        Field {
            name: "state",
            shape: Shape::Text,
            need: Need::Optional,
            about: "directory for what must survive a restart; backtest and detect need none",
        },
        Field {
            name: "sources",
            shape: Shape::Sources,
            need: Need::Optional,
            about: "where samples come from, by name; left out where the signals are only used on recorded series",
        },
        Field {
            name: "signals",
            shape: Shape::Signals,
            need: Need::Required,
            about: "groups of series that are judged alike, by name",
        },
        Field {
            name: "history",
            shape: Shape::History,
            need: Need::DefaultWords("{days: 14}"),
            about: "how much of the samples is kept in the folder of the state, for the detectors after a restart",
        },
        Field {
            name: "actions",
            shape: Shape::Actions,
            need: Need::Optional,
            about: "what plans may do that they may not by default",
        },
        Field {
            name: "capture",
            shape: Shape::Capture,
            need: Need::Optional,
            about: "how the scene of an anomaly is captured in a run, and by what for signals that do not say so themselves",
        },
        Field { name: "sinks", shape: Shape::Sinks, need: Need::Optional, about: "where events go" },
        Field {
            name: "plans",
            shape: Shape::Text,
            need: Need::Optional,
            about: "directory of the plans that can be started by their names, through the API and the page",
        },
        Field {
            name: "api",
            shape: Shape::Api,
            need: Need::Optional,
            about: "how the daemon can be reached over HTTP; without it by the socket in the folder of the state alone",
        },
    ],
};

/// How the daemon can be reached.
pub(super) const API: Table = Table {
    what: "an api",
    about: "Where the daemon listens for HTTP, and to whom it answers.",
    fields: &[
        Field {
            name: "listen",
            shape: Shape::Address,
            need: Need::Default("127.0.0.1:7460"),
            about: "address and port; other addresses than those of this host alone need `tls`",
        },
        Field {
            name: "hosts",
            shape: Shape::Hosts,
            need: Need::DefaultWords("the address, and of this host alone localhost too"),
            about: "names under which it is asked; a request for another one is refused, so that no web page reaches it by a name of \
                its own",
        },
        Field {
            name: "url",
            shape: Shape::Text,
            need: Need::Optional,
            about: "where persons open the page, for links in alerts",
        },
        Field {
            name: "tls",
            shape: Shape::Tls,
            need: Need::Optional,
            about: "certificate and key; read once more when they change",
        },
    ],
};

/// The certificates of the daemon.
pub(super) const TLS: Table = Table {
    what: "tls",
    about: "By which the daemon shows who it is, and those who ask it.",
    fields: &[
        Field {
            name: "cert_file",
            shape: Shape::Text,
            need: Need::Required,
            about: "file of the certificate with those that vouch for it, PEM",
        },
        Field {
            name: "key_file",
            shape: Shape::Text,
            need: Need::Required,
            about: "file of its private key, PEM; nobody but its owner and group may read it",
        },
        Field {
            name: "client_ca_file",
            shape: Shape::Text,
            need: Need::Optional,
            about: "file of certificates, PEM: who asks must have one that these vouch for, and a token besides",
        },
    ],
};

/// One signal.
pub(super) const SIGNAL: Table = Table {
    what: "a signal",
    about: "A group of series: where they come from and how they are judged.",
    fields: &[
        Field {
            name: "source",
            shape: Shape::Text,
            need: Need::DefaultWords("none, where the file has no sources"),
            about: "name of the source; required where the file has sources, not allowed where it has none",
        },
        Field {
            name: "query",
            shape: Shape::Text,
            need: Need::Optional,
            about: "what the source is asked for, in its own language",
        },
        Field {
            name: "interval",
            shape: Shape::Duration { min: Interval::MIN_MS, max: Interval::MAX_MS },
            need: Need::Required,
            about: "nominal spacing of the samples",
        },
        Field {
            name: "max_age",
            shape: Shape::Duration { min: Interval::MIN_MS, max: WEEK_MS },
            need: Need::DefaultWords("two intervals, and the lag of the source"),
            about: "age of the newest sample beyond which the series is unknown(stale); at least the interval, where the \
                source has a lag 1.5 intervals and the lag",
        },
        Field {
            name: "lateness",
            shape: Shape::Duration { min: 0, max: Interval::MAX_MS },
            need: Need::Default("0s"),
            about: "how long late samples are waited for; each sample is judged that much later",
        },
        Field {
            name: "kind",
            shape: Shape::Preset,
            need: Need::DefaultWords("none"),
            about: "what it measures, from which direction, rule and slow layer follow where they are not given; \
                `quietgate kinds` shows what each stands for",
        },
        Field {
            name: "direction",
            shape: Shape::Direction,
            need: Need::DefaultWords("that of the kind, else either"),
            about: "which way is harmful; a move the other way counts as normal",
        },
        Field {
            name: "time_zone",
            shape: Shape::Zone,
            need: Need::DefaultWords("UTC"),
            about: "zone whose civil days the seasonal detectors compare; UTC has no clock changes",
        },
        Field {
            name: "unit",
            shape: Shape::Text,
            need: Need::Optional,
            about: "unit of the values, shown beside them",
        },
        Field {
            name: "labels",
            shape: Shape::Labels,
            need: Need::Optional,
            about: "for labels of the series: `target`, where the label's value is a target's name, or the label of \
                the inventory it stands for; without it an anomaly concerns the whole plan",
        },
        Field {
            name: "expect",
            shape: Shape::Expect,
            need: Need::Optional,
            about: "for labels of the series: the values that must be there, as a list, or `inventory` for all that the \
                inventory has; what is absent is unknown(no_data)",
        },
        Field {
            name: "rule",
            shape: Shape::Rule,
            need: Need::DefaultWords("that of the kind; required without one"),
            about: "how the verdicts of the detectors become findings",
        },
        Field {
            name: "slow",
            shape: Shape::Rule,
            need: Need::DefaultWords("that of the kind where the rule is, else none"),
            about: "a second rule for what shows late: in a run it goes on judging what was upgraded, to the end of the run",
        },
        Field {
            name: "capture",
            shape: Shape::Programs,
            need: Need::DefaultWords("those of the file's capture"),
            about: "programs that only look, each with its arguments: when a series becomes anomalous in a run all are started at \
                once, and what they write goes into the journal; [] for none",
        },
    ],
};

/// What holds for captures.
pub(super) const CAPTURE: Table = Table {
    what: "capture",
    about: "How the scene of an anomaly is captured in a run.",
    fields: &[
        Field {
            name: "programs",
            shape: Shape::Programs,
            need: Need::DefaultWords("none"),
            about: "the programs for signals without a capture of their own. A name with a / lies relative to the folder of the \
                config, any other in a fixed PATH; there is no shell",
        },
        Field {
            name: "timeout",
            shape: Shape::Duration { min: 100, max: 60_000 },
            need: Need::Default("10s"),
            about: "the longest that each may run; then it is ended with all that it started, and what it wrote until then is kept. \
                A scene is soon over, and the end of a run waits for it",
        },
        Field {
            name: "max_output",
            shape: Shape::Size { min: 1 << 10, max: 1 << 20 },
            need: Need::Default("64KiB"),
            about: "the most that is kept of what each writes; it stays in the journal for good",
        },
        Field {
            name: "at_most",
            shape: Shape::Plan(PlanShape::Count { min: 1, max: 1000 }),
            need: Need::Default("20"),
            about: "the most captures that a run has: what comes again and again looks much the same",
        },
        Field {
            name: "spacing",
            shape: Shape::Duration { min: 1000, max: Interval::MAX_MS },
            need: Need::Default("1m"),
            about: "the least time between two captures of a signal; what becomes anomalous before is left out",
        },
    ],
};

/// The keys that every rule has; its options stand beside them.
pub(super) const RULE: Table = Table {
    what: "rule",
    about: "How the verdicts of the detectors become findings.",
    fields: &[
        Field {
            name: "kind",
            shape: Shape::RuleKind,
            need: Need::Required,
            about: "how it combines; `quietgate kinds` says what each kind does",
        },
        Field {
            name: "detectors",
            shape: Shape::Detectors,
            need: Need::DefaultWords("those of the kind, where it has any"),
            about: "the detectors by name, or with options: `[ss, {kind: threshold, above: 50}]`",
        },
        Field {
            name: "sustain",
            shape: Shape::Sustain,
            need: Need::Default("2 of 3"),
            about: "how many of the newest samples must have fired; one alone may be a slip of the measurement",
        },
    ],
};

/// The key that every detector has; its options stand beside it.
pub(super) const DETECTOR: Table = Table {
    what: "detector",
    about: "A detector with options.",
    fields: &[Field {
        name: "kind",
        shape: Shape::DetectorKind,
        need: Need::Required,
        about: "how it judges; `quietgate kinds` says what each kind does",
    }],
};

/// The key that every source has; the settings of its kind stand beside it.
pub(super) const SOURCE: Table = Table {
    what: "a source",
    about: "Where samples come from.",
    fields: &[Field {
        name: "kind",
        shape: Shape::SourceKind,
        need: Need::Required,
        about: "where they come from; `quietgate kinds` says what each kind reads",
    }],
};

/// What plans may do.
pub(super) const ACTIONS: Table = Table {
    what: "actions",
    about: "What plans may do that they may not by default.",
    fields: &[Field {
        name: "shell",
        shape: Shape::Bool,
        need: Need::Default("false"),
        about: "whether actions, undos and probes may be of the kind shell, whose scripts run whatever stands in them",
    }],
};

/// What is kept of the samples.
pub(super) const HISTORY: Table = Table {
    what: "a history",
    about: "How much of the samples is kept in the folder of the state.",
    fields: &[Field {
        name: "days",
        shape: Shape::Plan(PlanShape::Count { min: 0, max: crate::history::DAYS_MAX }),
        need: Need::Default("14"),
        about: "whole days beside today, 0 for none; 14 is what the seasonal detectors look at",
    }],
};

/// A sink; the keys beside these are for its kind to know.
pub(super) const SINK: Table = Table {
    what: "a sink",
    about: "Where events go.",
    fields: &[
        Field {
            name: "kind",
            shape: Shape::SinkKind,
            need: Need::Required,
            about: "how events are brought there",
        },
        Field {
            name: "name",
            shape: Shape::Name,
            need: Need::DefaultWords("its kind"),
            about: "what it is called in messages and by `quietgate sinks test`; how far it came is kept under it",
        },
        Field {
            name: "events",
            shape: Shape::Events,
            need: Need::DefaultWords("all"),
            about: "which events it is told of",
        },
        Field {
            name: "severity",
            shape: Shape::Severity,
            need: Need::Default("info"),
            about: "the least that an event must matter",
        },
        Field {
            name: "queue",
            shape: Shape::Plan(PlanShape::Count { min: 1, max: 1_000_000 }),
            need: Need::Default("10000"),
            about: "so many events may wait for it, in about 1 KiB each; of more the oldest are dropped, counted, and told of as events.dropped",
        },
    ],
};

/// Every mapping of the file, from the outside in; what holds options of a kind has its keys beside them.
pub fn tables() -> [&'static Table; 11] {
    [&CONFIG, &SIGNAL, &RULE, &DETECTOR, &SOURCE, &HISTORY, &ACTIONS, &CAPTURE, &SINK, &API, &TLS]
}

impl Table {
    /// The field `name`.
    pub(super) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// All keys, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.fields.iter().map(|field| field.name)
    }
}

/// What is allowed, in words.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use super::units::{Duration, Size};
        match self {
            Self::Text => f.write_str("text (quote what looks like a number)"),
            Self::Duration { min, max } => {
                let (min, max) = (Duration::from_millis(*min), Duration::from_millis(*max));
                write!(f, "a duration from {min} to {max}, such as 300ms, 10m, 2h30m")
            }
            Self::Direction => {
                let words = Direction::ALL.map(|(_, word)| word);
                write!(f, "one of {}", words.join(", "))
            }
            Self::Sustain => write!(f, "`K of N` with 1 <= K <= N <= {SUSTAIN_MAX}"),
            Self::Zone => f.write_str("the name of a time zone such as Europe/Berlin, or UTC"),
            Self::RuleKind => {
                let kinds: Vec<_> = quietgate_rules::all().iter().map(|entry| entry.kind).collect();
                write!(f, "one of {}", kinds.join(", "))
            }
            Self::Preset => {
                let kinds: Vec<_> = quietgate_rules::presets().iter().map(|preset| preset.kind).collect();
                write!(f, "one of {}", kinds.join(", "))
            }
            Self::DetectorKind => {
                let kinds: Vec<_> = quietgate_detectors::all().iter().map(|entry| entry.kind).collect();
                write!(f, "one of {}", kinds.join(", "))
            }
            Self::SourceKind => {
                let kinds: Vec<_> = crate::sources::all().iter().map(|entry| entry.kind).collect();
                write!(f, "one of {}", kinds.join(", "))
            }
            Self::SinkKind => {
                let kinds: Vec<_> = crate::sinks::all().iter().map(|entry| entry.kind).collect();
                write!(f, "one of {}", kinds.join(", "))
            }
            Self::Name => f.write_str("a letter or _, then letters, digits, _ and -"),
            Self::Events => f.write_str("a list of kinds of events such as [gate.held, run.*]"),
            Self::Severity => {
                let words = crate::event::Severity::ALL.map(crate::event::Severity::name);
                write!(f, "one of {}", words.join(", "))
            }
            Self::Labels => f.write_str("a mapping of labels to `target` or a label of the inventory"),
            Self::Expect => f.write_str("a mapping of labels to `inventory` or a list of values"),
            Self::Rule => f.write_str("a mapping such as {kind: majority, sustain: 2 of 3}"),
            Self::Detectors => f.write_str("a list such as [ss, {kind: threshold, above: 50}]"),
            Self::Signals => f.write_str("a mapping of names to signals, at least one"),
            Self::Sources => f.write_str("a mapping of names to sources, at least one"),
            Self::Size { min, max } => {
                write!(f, "a size from {} to {}, such as 64KiB", Size(*min), Size(*max))
            }
            Self::Programs => {
                write!(
                    f,
                    "a list of at most {PROGRAMS_MAX} programs such as [[vmstat, \"1\", \"5\"], [ps, aux]]"
                )
            }
            Self::Capture => {
                f.write_str("a mapping such as {programs: [[vmstat, \"1\", \"5\"]], timeout: 10s}")
            }
            Self::Bool => f.write_str("true or false"),
            Self::History => f.write_str("a mapping such as {days: 14}"),
            Self::Actions => f.write_str("a mapping such as {shell: true}"),
            Self::Sinks => f.write_str("a list of sinks"),
            Self::Api => f.write_str("a mapping such as {listen: \"127.0.0.1:7460\"}"),
            Self::Tls => f.write_str("a mapping such as {cert_file: cert.pem, key_file: key.pem}"),
            Self::Address => f.write_str("an address with a port, such as 127.0.0.1:7460 or \"[::1]:7460\""),
            Self::Hosts => f.write_str("a list of names of hosts, such as [quietgate.example.org]"),
            Self::Plan(shape) => shape.fmt(f),
        }
    }
}
