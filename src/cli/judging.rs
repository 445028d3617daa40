//! The options that say how series are judged, shared by the commands that judge.

use super::backtest::read_file;
use super::exit::Failure;
use crate::backtest::{IntervalFault, NotJudged};
use crate::config::units::Duration;
use crate::config::{self, Config, Signal, detector_from_text, kind_from_text};
use crate::monitor::MonitorSpec;
use crate::sources::recorded::SeriesInfo;
use crate::text;
use clap::Args;
use quietgate_detectors::{Calendar, DAY_MS, Interval, Spec};
use quietgate_rules::{Direction, RuleError, RuleSpec, Sustain, preset, presets};

/// How to judge.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "How to judge")]
pub(crate) struct JudgingArgs {
    /// Signals and their rules, from a config file; then no rule can be given here
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rule", "detectors", "sustain", "direction"])]
    pub(crate) config: Option<String>,
    /// The signal of the config that all series are of; else each is of the one that its label `signal` or its name says
    #[arg(long, value_name = "NAME", requires = "config")]
    pub(crate) signal: Option<String>,
    /// What all series measure, as traffic or latency: the rule of that kind; then no rule can be given
    #[arg(long, value_name = "KIND", conflicts_with_all = ["config", "rule", "detectors", "sustain", "direction"])]
    pub(super) kind: Option<String>,
    /// The rule, with options as in `at_least:count=2`; `quietgate kinds` lists them
    #[arg(long, value_name = "KIND", default_value = "majority")]
    rule: String,
    /// The detectors of the rule, with options as in `ss,threshold:above=50`; by_period and majority have their own
    #[arg(long, value_name = "KIND,...", value_delimiter = ',')]
    detectors: Vec<String>,
    /// How many of the newest samples must fire for a finding
    #[arg(long, value_name = "K of N", default_value = "2 of 3")]
    sustain: String,
    /// Which way is harmful: up, down or either
    #[arg(long, value_name = "WAY", default_value = "either")]
    direction: String,
    /// Spacing of the samples, as 300ms, 10s, 1m; else the most common spacing of each series
    #[arg(long, value_name = "DURATION")]
    interval: Option<String>,
    /// The zone by which a day is counted, as Europe/Berlin; else UTC
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// How long late samples are waited for; else none are
    #[arg(long, value_name = "DURATION")]
    lateness: Option<String>,
}

/// How series are judged, found good.
#[derive(Debug)]
pub(crate) struct Judging {
    /// The interval that is given for all series.
    pub(crate) interval: Option<Interval>,
    timezone: Option<String>,
    lateness_ms: Option<i64>,
    by: By,
}

#[derive(Debug)]
enum By {
    /// One rule for all series, and how it is called: with the options that were given.
    Rule(Box<RuleSpec>, String),
    /// The signals of a config; the one named is that of all series.
    Config(Box<Config>, Option<usize>),
}

impl JudgingArgs {
    /// Reads and checks the options, and the config where one is named.
    pub(crate) fn read(&self) -> Result<Judging, Failure> {
        let duration = |flag: &str, text: &Option<String>| -> Result<Option<i64>, Failure> {
            let read = |text: &String| {
                text.parse().map(Duration::as_millis).map_err(|why| Failure::Input(format!("{flag}: {why}")))
            };
            text.as_ref().map(read).transpose()
        };
        let interval = duration("--interval", &self.interval)?
            .map(|ms| {
                Interval::from_millis(ms).map_err(|error| Failure::Input(format!("--interval: {error}")))
            })
            .transpose()?;
        let lateness_ms = duration("--lateness", &self.lateness)?;
        if let Some(ms) = lateness_ms.filter(|ms| !(0..=DAY_MS).contains(ms)) {
            let message = format!("--lateness: {} is not between 0 s and 1 d", text::duration(ms));
            return Err(Failure::Input(message));
        }
        if let Some(zone) = &self.timezone {
            // the changes of the zone are looked up for each series; here it only has to be one
            config::calendar(zone, 0, 0).map_err(|error| Failure::Input(format!("--timezone: {error}")))?;
        }
        let by = match &self.config {
            None => {
                let rule = self.rule()?;
                let words = self.in_words(&rule);
                By::Rule(Box::new(rule), words)
            }
            Some(file) => self.by_config(file)?,
        };
        Ok(Judging { interval, timezone: self.timezone.clone(), lateness_ms, by })
    }

    fn rule(&self) -> Result<RuleSpec, Failure> {
        if let Some(kind) = &self.kind {
            let known = || presets().iter().map(|preset| preset.kind).collect::<Vec<_>>().join(", ");
            let unknown =
                || Failure::Input(format!("--kind: unknown kind {kind:?}, expected one of: {}", known()));
            let preset = preset(kind).ok_or_else(unknown)?;
            return preset.rule.spec(preset.direction).map_err(Failure::because);
        }
        let input = |flag: &str| {
            let flag = flag.to_owned();
            move |why: String| Failure::Input(format!("{flag}: {why}"))
        };
        let detector = |text: &String| detector_from_text(text).map_err(input("--detectors"));
        let detectors: Result<Vec<Spec>, Failure> = self.detectors.iter().map(detector).collect();
        let sustain: Sustain = self.sustain.parse().map_err(|e| input("--sustain")(format!("{e}")))?;
        let direction: Direction =
            self.direction.parse().map_err(|e| input("--direction")(format!("{e}")))?;
        let (kind, options) = kind_from_text(&self.rule).map_err(input("--rule"))?;
        RuleSpec::new(kind, &options, detectors?, direction, sustain).map_err(|error| match error {
            RuleError::NoDetectors { kind } => Failure::Input(format!(
                "--detectors is missing: rule {kind} needs its detectors named, as ss,ls"
            )),
            error => input("--rule")(error.to_string()),
        })
    }

    /// The rule as it was given, and what was not given at its default.
    fn in_words(&self, rule: &RuleSpec) -> String {
        let kinds = rule.detectors().iter().map(|detector| detector.entry().kind.to_owned());
        let detectors = if self.detectors.is_empty() { kinds.collect() } else { self.detectors.clone() };
        if let Some(kind) = &self.kind {
            return format!("{kind}: {rule}");
        }
        let (of, detectors) = (&self.rule, detectors.join(", "));
        format!("{of} of {detectors}; sustain {}; direction {}", rule.sustain, rule.direction)
    }

    fn by_config(&self, file: &str) -> Result<By, Failure> {
        let text = read_file("--config", file)?;
        let config = Config::read(file, &text).map_err(Failure::because)?;
        let signal = self.signal.as_ref().map(|name| place_of(name, &config)).transpose();
        Ok(By::Config(Box::new(config), signal.map_err(Failure::Input)?))
    }
}

/// The place of the signal that `--signal` names.
fn place_of(name: &str, config: &Config) -> Result<usize, String> {
    let place = config.signals.iter().position(|signal| signal.name == name);
    place.ok_or_else(|| format!("--signal is {name:?}, allowed is one of {}", names_of(config)))
}

fn names_of(config: &Config) -> String {
    config.signals.iter().map(|signal| signal.name.as_str()).collect::<Vec<_>>().join(", ")
}

impl Judging {
    /// The rule in words, for people.
    pub(crate) fn in_words(&self) -> String {
        match &self.by {
            By::Rule(_, words) => words.clone(),
            By::Config(config, Some(signal)) => rule_of(&config.signals[*signal]),
            By::Config(config, None) => {
                let rules: Vec<_> = config.signals.iter().map(rule_of).collect();
                rules.join(" / ")
            }
        }
    }

    /// Whether every series is judged by the same rule.
    pub(crate) fn one_rule(&self) -> bool {
        match &self.by {
            By::Rule(..) | By::Config(_, Some(_)) => true,
            By::Config(config, None) => config.signals.len() == 1,
        }
    }

    /// Whether nothing was said about the rule: the literal set as it stands.
    pub(crate) fn is_literal(&self) -> bool {
        let By::Rule(rule, _) = &self.by else { return false };
        let defaults: Vec<_> =
            rule.entry().default_detectors.iter().filter_map(|k| Spec::new(k, &[]).ok()).collect();
        rule.entry().kind == "majority" && rule.detectors() == defaults && rule.direction == Direction::Either
    }

    /// The zone in which times are shown to people.
    pub(crate) fn shown_zone(&self) -> &str {
        let of_signal = match &self.by {
            By::Config(config, Some(signal)) => config.signals[*signal].time_zone.as_deref(),
            By::Config(config, None) if config.signals.len() == 1 => config.signals[0].time_zone.as_deref(),
            _ => None,
        };
        self.timezone.as_deref().or(of_signal).unwrap_or("UTC")
    }

    /// By the signals of `config`: by the one named, or each series by its own.
    ///
    /// # Errors
    /// A name that is of no signal, in words.
    pub(crate) fn by_signals(config: Config, signal: Option<&str>) -> Result<Self, String> {
        let signal = signal.map(|name| place_of(name, &config)).transpose()?;
        let by = By::Config(Box::new(config), signal);
        Ok(Self { interval: None, timezone: None, lateness_ms: None, by })
    }

    /// How the series `info` is judged. Where a config has one signal alone, that of every series that does not say by a label
    /// that it is of another.
    ///
    /// # Errors
    /// A series of no signal of the config, in words.
    pub(crate) fn of(&self, info: &SeriesInfo) -> Result<How<'_>, String> {
        let By::Config(config, None) = &self.by else { return self.of_stream() };
        let only = (config.signals.len() == 1).then_some(0);
        let place = match (config.signal_of(info, only), only) {
            (Ok((place, _)), _) => place,
            (Err(why), Some(only)) if why.is_by_name() => only,
            (Err(why), _) => return Err(format!("{why}; --signal names one for all series")),
        };
        Ok(self.by_signal(&config.signals[place]))
    }

    /// How a series is judged of which nothing is known.
    ///
    /// # Errors
    /// Several signals of which none is named, in words.
    pub(crate) fn of_stream(&self) -> Result<How<'_>, String> {
        match &self.by {
            By::Rule(rule, _) => Ok(How { judging: self, rule, signal: None }),
            By::Config(config, Some(signal)) => Ok(self.by_signal(&config.signals[*signal])),
            By::Config(config, None) => match config.signals.as_slice() {
                [only] => Ok(self.by_signal(only)),
                _ => Err(format!(
                    "the config has several signals ({}); name one with --signal",
                    names_of(config)
                )),
            },
        }
    }

    fn by_signal<'a>(&'a self, signal: &'a Signal) -> How<'a> {
        How { judging: self, rule: &signal.rule, signal: Some(signal) }
    }

    /// How the recorded series `info` is judged, with the interval `found` where neither flags nor config have one.
    pub(crate) fn recorded(
        &self,
        info: &SeriesInfo,
        found: Option<Interval>,
    ) -> Result<MonitorSpec, NotJudged> {
        let how = self.of(info).map_err(NotJudged::Signal)?;
        let interval = how.interval().or(found).ok_or(NotJudged::Interval(IntervalFault::NoSpacing))?;
        let calendar = config::calendar(how.time_zone(), info.first.as_millis(), info.last.as_millis())
            .map_err(|error| NotJudged::Signal(error.to_string()))?;
        Ok(how.spec(interval, calendar))
    }
}

/// How one series is judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How<'a> {
    judging: &'a Judging,
    /// By which rule.
    pub(crate) rule: &'a RuleSpec,
    /// The signal that it is of, where a config says so.
    pub(crate) signal: Option<&'a Signal>,
}

impl<'a> How<'a> {
    /// What is known of the interval: given by a flag, or by its signal.
    pub(crate) fn interval(&self) -> Option<Interval> {
        self.judging.interval.or(self.signal.map(|signal| signal.interval))
    }

    /// The time zone of its days.
    pub(crate) fn time_zone(&self) -> &'a str {
        let of_signal = self.signal.and_then(|signal| signal.time_zone.as_deref());
        self.judging.timezone.as_deref().or(of_signal).unwrap_or("UTC")
    }

    /// All of it, for a monitor.
    pub(crate) fn spec(&self, interval: Interval, calendar: Calendar) -> MonitorSpec {
        let mut spec = match self.signal {
            Some(signal) => signal.monitor_spec(calendar),
            None => {
                let rules = vec![self.rule.clone()];
                MonitorSpec { rules, slow: None, interval, calendar, lateness_ms: 0 }
            }
        };
        spec.interval = interval;
        spec.lateness_ms = self.judging.lateness_ms.unwrap_or(spec.lateness_ms);
        spec
    }
}

fn rule_of(signal: &Signal) -> String {
    format!("{}: {}", signal.name, signal.rule)
}
