//! Every key of a plan, described once: the reader, the JSON Schema and the documentation go by these tables.

use crate::config::fields::{Field, Shape, Table};
use crate::plan::OnAnomaly;
use crate::settings::Need;
use quietgate_detectors::{DAY_MS, Interval};
use std::fmt;

/// What a value of a plan looks like. Prints as what is allowed, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanShape {
    /// The name of a plan, a step or a target.
    Name,
    /// The name of a label.
    Label,
    /// A whole number, both ends included.
    Count {
        /// The least.
        min: u32,
        /// The most.
        max: u32,
    },
    /// A number of targets or a share of them.
    Amount,
    /// One such amount, or a list of them.
    Batch,
    /// A list of texts; the words say of which.
    List(&'static str),
    /// Which targets, by their labels.
    Selector,
    /// One of the words for it.
    OnAnomaly,
    /// One thing that is expected, or a list of such.
    Expects,
    /// One keep-up rule or a list of them.
    KeepUp,
    /// A kind of action.
    ActionKind,
    /// An action, an undo or a probe.
    Call,
    /// Steps.
    Steps,
    /// Targets, or where they are.
    Inventory,
    /// The gate's times.
    Gate,
    /// Limits.
    Limits,
    /// Maintenance windows.
    Windows,
}

/// The longest that a gate, a soak or an action may be waited for.
const WEEK: Shape = Shape::Duration { min: 0, max: 7 * DAY_MS };
/// A time that cannot be none.
const SOME_TIME: Shape = Shape::Duration { min: Interval::MIN_MS, max: 7 * DAY_MS };
/// More targets than any fleet has that a plan would name.
const TARGETS_MAX: u32 = 1_000_000;

/// The whole file.
pub(super) const PLAN: Table = Table {
    what: "a plan",
    about: "What an upgrade does, to which targets, in which order, and what must be quiet meanwhile.",
    fields: &[
        Field { name: "plan", shape: Shape::Plan(PlanShape::Name), need: Need::Required, about: "its name" },
        Field {
            name: "inventory",
            shape: Shape::Plan(PlanShape::Inventory),
            need: Need::Required,
            about: "the targets there are: written here, or where they are found",
        },
        Field {
            name: "signals",
            shape: Shape::Plan(PlanShape::List("names of signals of the config, at least one")),
            need: Need::Required,
            about: "whose series must be clean; a plan without signals would run blind",
        },
        Field {
            name: "gate",
            shape: Shape::Plan(PlanShape::Gate),
            need: Need::DefaultWords("the defaults of its keys"),
            about: "how long series must be clean, for every step that does not say otherwise",
        },
        Field {
            name: "max_failed",
            shape: Shape::Plan(PlanShape::Amount),
            need: Need::Default("0"),
            about: "how many targets may fail over the whole run; a share is one of the targets that the steps act on, \
                rounded down",
        },
        Field {
            name: "limits",
            shape: Shape::Plan(PlanShape::Limits),
            need: Need::Optional,
            about: "how much may happen at once, over all steps",
        },
        Field {
            name: "windows",
            shape: Shape::Plan(PlanShape::Windows),
            need: Need::DefaultWords("at any time"),
            about: "when batches may start",
        },
        Field {
            name: "watch_after",
            shape: WEEK,
            need: Need::Default("0s"),
            about: "how long the run stays open after its last batch, so that the slow layer goes on watching and can still \
                blame a batch; needs a signal with a `slow` rule",
        },
        Field {
            name: "steps",
            shape: Shape::Plan(PlanShape::Steps),
            need: Need::Required,
            about: "what is done; a step waits for those in its `after` alone, not for those above it",
        },
    ],
};

/// The gate's times.
pub(super) const GATE: Table = Table {
    what: "gate",
    about: "How long series must be clean.",
    fields: &[
        Field {
            name: "clean_before",
            shape: SOME_TIME,
            need: Need::Default("10m"),
            about: "length of the clean window before a batch may start",
        },
        Field {
            name: "clean_after",
            shape: WEEK,
            need: Need::Default("15m"),
            about: "length of the clean window after a batch, before the next one; 0s does not wait, and cannot see what \
                the batch has done",
        },
        Field {
            name: "patience",
            shape: SOME_TIME,
            need: Need::Default("2h"),
            about: "how long a gate may hold before the run pauses and alerts",
        },
    ],
};

/// The limits.
pub(super) const LIMITS: Table = Table {
    what: "limits",
    about: "How much may happen at once, over all steps.",
    fields: &[
        Field {
            name: "in_flight",
            shape: Shape::Plan(PlanShape::Count { min: 1, max: TARGETS_MAX }),
            need: Need::DefaultWords("no limit"),
            about: "the most targets at work at once; no batch is wider",
        },
        Field {
            name: "steps",
            shape: Shape::Plan(PlanShape::Count { min: 1, max: TARGETS_MAX }),
            need: Need::DefaultWords("no limit"),
            about: "the most steps at work at once; 1 lets none overlap",
        },
    ],
};

/// Maintenance windows.
pub(super) const WINDOWS: Table = Table {
    what: "windows",
    about: "When batches may start: within `allow`, and never within `deny`.",
    fields: &[
        Field {
            name: "time_zone",
            shape: Shape::Zone,
            need: Need::Required,
            about: "whose clocks the times are of, changes included",
        },
        Field {
            name: "allow",
            shape: Shape::Plan(PlanShape::List("times of the week such as `mon-fri 22:00-05:00`")),
            need: Need::DefaultWords("at any time"),
            about: "when batches may start; a range that ends earlier than it begins ends on the next day",
        },
        Field {
            name: "deny",
            shape: Shape::Plan(PlanShape::List("times of the week such as `mon-fri 22:00-05:00`")),
            need: Need::DefaultWords("never"),
            about: "when they may not, whatever is allowed",
        },
    ],
};

/// One step.
pub(super) const STEP: Table = Table {
    what: "a step",
    about: "One action on some targets, batch by batch.",
    fields: &[
        Field {
            name: "step",
            shape: Shape::Plan(PlanShape::Name),
            need: Need::Required,
            about: "its name, once in a plan",
        },
        Field {
            name: "after",
            shape: Shape::Plan(PlanShape::List("names of steps")),
            need: Need::DefaultWords("none"),
            about: "the steps that must be done before it begins; steps that do not wait for each other may overlap",
        },
        Field {
            name: "targets",
            shape: Shape::Plan(PlanShape::Selector),
            need: Need::DefaultWords("all of the inventory"),
            about: "which targets it acts on; `name` and `address` are labels too",
        },
        Field {
            name: "batch",
            shape: Shape::Plan(PlanShape::Batch),
            need: Need::Default("1"),
            about: "how many targets are worked on together, batch by batch; the last of a list repeats; a share is one \
                of the step's targets, rounded down, at least 1",
        },
        Field {
            name: "keep_up",
            shape: Shape::Plan(PlanShape::KeepUp),
            need: Need::DefaultWords("none"),
            about: "what must stay untouched while others are worked on; all rules hold",
        },
        Field {
            name: "action",
            shape: Shape::Plan(PlanShape::Call),
            need: Need::Required,
            about: "what is done to a target",
        },
        Field {
            name: "undo",
            shape: Shape::Plan(PlanShape::Call),
            need: Need::DefaultWords("none; required where `on_anomaly` is rollback"),
            about: "the reverse of the action",
        },
        Field {
            name: "probe",
            shape: Shape::Plan(PlanShape::Call),
            need: Need::DefaultWords("none; a person decides"),
            about: "asks whether the action took effect where nobody knows, and changes nothing",
        },
        Field {
            name: "on_anomaly",
            shape: Shape::Plan(PlanShape::OnAnomaly),
            need: Need::Default("pause"),
            about: "what is done when an anomaly is blamed on a batch",
        },
        Field {
            name: "expects",
            shape: Shape::Plan(PlanShape::Expects),
            need: Need::DefaultWords("nothing"),
            about: "which signals move by the action although all is well, and for how long: there its own series are neither \
                clean nor anomalous",
        },
        Field {
            name: "clean_before",
            shape: SOME_TIME,
            need: Need::DefaultWords("as in `gate`"),
            about: "length of the clean window before a batch of it may start",
        },
        Field {
            name: "clean_after",
            shape: WEEK,
            need: Need::DefaultWords("as in `gate`"),
            about: "length of the clean window after a batch of it",
        },
        Field {
            name: "patience",
            shape: SOME_TIME,
            need: Need::DefaultWords("as in `gate`"),
            about: "how long its gates may hold before the run pauses and alerts",
        },
        Field {
            name: "soak",
            shape: WEEK,
            need: Need::Default("0s"),
            about: "how long is waited after its last batch although all is clean",
        },
        Field {
            name: "approve",
            shape: Shape::Bool,
            need: Need::Default("false"),
            about: "whether a person must approve before it begins",
        },
        Field {
            name: "windows",
            shape: Shape::Plan(PlanShape::Windows),
            need: Need::DefaultWords("those of the plan"),
            about: "when its batches may start; those of the plan hold as well",
        },
    ],
};

/// What a step expects to move.
pub(super) const EXPECTS: Table = Table {
    what: "what is expected",
    about: "What moves by the action although all is well.",
    fields: &[
        Field {
            name: "signals",
            shape: Shape::Plan(PlanShape::List("names of signals of the plan, at least one")),
            need: Need::Required,
            about: "whose series move: those of the batch alone are muted, never those of other targets",
        },
        Field {
            name: "for",
            shape: Shape::Duration { min: Interval::MIN_MS, max: DAY_MS },
            need: Need::Required,
            about: "for how long, from the start of the batch; what still moves then is judged from its beginning",
        },
    ],
};

/// One keep-up rule.
pub(super) const KEEP_UP: Table = Table {
    what: "a keep-up rule",
    about: "How many members of each group must stay untouched.",
    fields: &[
        Field {
            name: "label",
            shape: Shape::Plan(PlanShape::Label),
            need: Need::Required,
            about: "the label whose values make the groups; targets without it are free",
        },
        Field {
            name: "min",
            shape: Shape::Plan(PlanShape::Amount),
            need: Need::Required,
            about: "how many members of a group must stay; a share is one of those that the inventory has, rounded up",
        },
    ],
};

/// The keys that every action, undo and probe has; those of its kind stand beside them.
pub(super) const CALL: Table = Table {
    what: "a call",
    about: "An action, an undo or a probe.",
    fields: &[
        Field {
            name: "kind",
            shape: Shape::Plan(PlanShape::ActionKind),
            need: Need::Required,
            about: "what it does; `quietgate kinds` says what each kind does; the keys of the kind stand beside",
        },
        Field {
            name: "timeout",
            shape: SOME_TIME,
            need: Need::Default("10m"),
            about: "how long one attempt may take",
        },
        Field {
            name: "retries",
            shape: Shape::Plan(PlanShape::Count { min: 0, max: 100 }),
            need: Need::Default("0"),
            about: "how often it is tried again after it failed; only where it is `repeatable`",
        },
        Field {
            name: "repeatable",
            shape: Shape::Bool,
            need: Need::Default("false"),
            about: "whether doing it twice does no more than doing it once",
        },
    ],
};

/// An inventory that is elsewhere.
pub(super) const INVENTORY: Table = Table {
    what: "inventory",
    about: "Where the targets are found: `file` or `command`, one of them.",
    fields: &[
        Field {
            name: "file",
            shape: Shape::Text,
            need: Need::Optional,
            about: "a CSV file whose first line is name,address and the labels; beside the plan, where the path is relative",
        },
        Field {
            name: "command",
            shape: Shape::Plan(PlanShape::List("a program and its arguments")),
            need: Need::Optional,
            about: "prints a JSON list of targets as they are written in a plan; runs in the folder of the plan, without a \
                shell",
        },
        Field {
            name: "timeout",
            shape: Shape::Duration { min: 1_000, max: 600_000 },
            need: Need::Default("30s"),
            about: "how long the command may take",
        },
    ],
};

/// One target; its labels stand beside these keys.
pub(super) const TARGET: Table = Table {
    what: "a target",
    about: "A host, or anything else with a name; every other key is a label of it.",
    fields: &[
        Field {
            name: "name",
            shape: Shape::Plan(PlanShape::Name),
            need: Need::Required,
            about: "its name, once in an inventory",
        },
        Field {
            name: "address",
            shape: Shape::Text,
            need: Need::DefaultWords("its name"),
            about: "where it is reached; no blanks, and no `-` at its head, for it is handed to programs",
        },
    ],
};

/// Every mapping of a plan, from the outside in; what has keys of a kind, or labels, has them beside these.
pub fn tables() -> [&'static Table; 10] {
    [&PLAN, &INVENTORY, &TARGET, &GATE, &LIMITS, &WINDOWS, &STEP, &EXPECTS, &KEEP_UP, &CALL]
}

/// What is allowed, in words.
impl fmt::Display for PlanShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => {
                f.write_str("letters, digits, `.`, `_` and `-`, with a letter or digit at both ends")
            }
            Self::Label => f.write_str("the name of a label of the inventory"),
            Self::Count { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Amount => f.write_str("a number of targets or a share such as 10%"),
            Self::Batch => {
                f.write_str("a number of targets, a share such as 10%, or a list of them, all above 0")
            }
            Self::List(what) => write!(f, "a list of {what}"),
            Self::Selector => {
                f.write_str("text such as \"rack=r1, site in (a, b), vip!=x, canary, !legacy\"")
            }
            Self::OnAnomaly => {
                let words = OnAnomaly::ALL.map(|(_, word)| word);
                write!(f, "one of {}", words.join(", "))
            }
            Self::Expects => {
                f.write_str("a mapping such as {signals: [cpu, net], for: 4m}, or a list of them")
            }
            Self::KeepUp => f.write_str("a rule such as {label: vip, min: 50%}, or a list of them"),
            Self::ActionKind => {
                let kinds: Vec<_> = crate::actions::all().iter().map(|entry| entry.kind).collect();
                write!(f, "one of {}", kinds.join(", "))
            }
            Self::Call => {
                f.write_str("a mapping such as {kind: exec, argv: [./upgrade, \"${target}\"], timeout: 5m}")
            }
            Self::Steps => f.write_str("a list of steps, at least one"),
            Self::Inventory => f.write_str("a list of targets, {file: hosts.csv}, or {command: [./hosts]}"),
            Self::Gate => {
                f.write_str("a mapping such as {clean_before: 10m, clean_after: 15m, patience: 2h}")
            }
            Self::Limits => f.write_str("a mapping such as {in_flight: 60, steps: 2}"),
            Self::Windows => {
                f.write_str("a mapping such as {time_zone: Europe/Berlin, allow: [\"mon-fri 22:00-05:00\"]}")
            }
        }
    }
}
