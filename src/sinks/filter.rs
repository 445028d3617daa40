//! Which events a sink wants.

use crate::event::{Event, Kind, Severity};

/// Which events a sink wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Names of kinds, or `gate.*` for all that begin so; any where there are none.
    pub kinds: Vec<String>,
    /// The least that an event must matter.
    pub least: Severity,
}

impl Filter {
    /// Whether the sink wants `event`. That it missed events, and that somebody tries it, concerns every sink.
    pub fn wants(&self, event: &Event) -> bool {
        let is_own = matches!(event.kind, Kind::EventsDropped | Kind::SinkTested);
        is_own || (event.severity >= self.least && self.is_named(event.kind))
    }

    fn is_named(&self, kind: Kind) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|pattern| is_of(pattern, kind))
    }
}

/// Whether `text` names a kind of events, or some of them.
pub fn is_pattern(text: &str) -> bool {
    Kind::ALL.iter().any(|kind| is_of(text, *kind))
}

fn is_of(pattern: &str, kind: Kind) -> bool {
    match pattern.strip_suffix('*') {
        Some(begin) => begin.ends_with('.') && kind.name().starts_with(begin),
        None => kind.name() == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Data;
    use quietgate_detectors::Timestamp;

    #[test]
    fn an_event_is_wanted_by_its_kind_and_by_how_much_it_matters() {
        let event = |kind| {
            Event::new(kind, "e".to_owned(), Timestamp::from_millis(0), String::new(), Data::default())
        };
        let wants = |kinds: &[&str], least, kind| {
            let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
            Filter { kinds, least }.wants(&event(kind))
        };
        assert!(wants(&[], Severity::Info, Kind::BatchOpened));
        assert!(!wants(&[], Severity::Warning, Kind::BatchOpened));
        assert!(wants(&["gate.*"], Severity::Info, Kind::GateHeld));
        assert!(wants(&["run.paused", "gate.held"], Severity::Warning, Kind::GateHeld));
        assert!(!wants(&["gate.*"], Severity::Info, Kind::RunPaused));
        assert!(wants(&["gate.*"], Severity::Critical, Kind::EventsDropped), "who missed some is to know");
        let patterns = ["gate.*", "gate.held", "gate", "gate*", "*", "gate.helt", "", "door.*"];
        assert_eq!(patterns.map(is_pattern), [true, true, false, false, false, false, false, false]);
    }
}
