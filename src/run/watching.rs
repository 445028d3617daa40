//! What a plan's gates look at: the series of its signals, as the config has them.

use super::Scope;
use crate::config::{Config, Expected, Meaning, Signal, ZoneError, calendar};
use crate::monitor::{MonitorSpec, Watch, Watched};
use crate::plan::Plan;
use quietgate_detectors::{Calendar, DAY_MS, Timestamp};

/// How far ahead the clock changes of a time zone are known: no run is longer.
const AHEAD_MS: i64 = 366 * DAY_MS;

/// The signals of `plan` that `config` has, in the plan's order.
pub fn signals<'a>(config: &'a Config, plan: &'a Plan) -> impl Iterator<Item = &'a Signal> {
    plan.signals.iter().filter_map(|name| config.signal(name))
}

/// A watch over the signals of `plan` that begins at `now`, and what their labels stand for.
///
/// # Errors
/// A time zone that is not known any more.
pub fn watch(config: &Config, plan: &Plan, now: Timestamp) -> Result<(Watch, Vec<Scope>), ZoneError> {
    watch_over(config, plan, now, Timestamp::from_millis(now.as_millis().saturating_add(AHEAD_MS)))
}

/// The same for what happens from `from` to `until`, recorded or to come.
///
/// # Errors
/// As [`watch`].
pub fn watch_over(
    config: &Config,
    plan: &Plan,
    from: Timestamp,
    until: Timestamp,
) -> Result<(Watch, Vec<Scope>), ZoneError> {
    let watched = signals(config, plan).map(|signal| watched(signal, plan, from, until));
    let scope = |signal: &Signal| Scope::new(signal.labels.clone(), &plan.inventory);
    let scopes = signals(config, plan).map(scope).collect();
    Ok((Watch::new(watched.collect::<Result<_, _>>()?), scopes))
}

fn watched(signal: &Signal, plan: &Plan, from: Timestamp, until: Timestamp) -> Result<Watched, ZoneError> {
    let zone = signal.time_zone.as_deref();
    let (from, until) = (from.as_millis(), until.as_millis());
    let calendar = zone.map_or(Ok(Calendar::Utc), |zone| calendar(zone, from, until))?;
    let expect = signal.expect.iter().filter_map(|(label, expected)| {
        let values = match expected {
            Expected::Values(values) => values.clone(),
            // where nothing is worked on there is no inventory, and what is there at the start is required
            Expected::Inventory if plan.steps.is_empty() => return None,
            Expected::Inventory => of_inventory(signal, label, plan),
        };
        Some((label.clone(), values))
    });
    Ok(Watched {
        name: signal.name.clone(),
        spec: MonitorSpec { slow: signal.slow.clone(), ..signal.monitor_spec(calendar) },
        max_age_ms: signal.max_age_ms,
        expect: expect.collect(),
    })
}

/// The values of the plan's inventory that a label of the signal stands for.
pub fn of_inventory(signal: &Signal, label: &str, plan: &Plan) -> Vec<String> {
    let meaning = signal.labels.iter().find(|(known, _)| known == label).map(|(_, meaning)| meaning);
    let of = match meaning {
        Some(Meaning::Label(of)) => of.as_str(),
        // the config was refused where a label has no meaning
        Some(Meaning::Target) | None => crate::plan::NAME,
    };
    plan.inventory.values(of).into_iter().map(str::to_owned).collect()
}
