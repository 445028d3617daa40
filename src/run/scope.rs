//! Which targets a series is about.

use crate::config::Meaning;
use crate::monitor::Labels;
use crate::plan::{Inventory, Target};
use quietgate_rules::gate::Part;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What the labels of a signal's series stand for.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    labels: Vec<Meant>,
}

/// A label with a meaning. Which targets a value means is found once, and not for each series at each look: there may be
/// thousands of the ones and tens of thousands of the others.
#[derive(Debug, Clone)]
struct Meant {
    label: String,
    targets: HashMap<String, Arc<[usize]>>,
}

/// What a series is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum About {
    /// The whole plan, for it has no label that stands for something.
    Plan,
    /// These targets, by their numbers in the inventory, in order; there may be none.
    Targets(Arc<[usize]>),
}

/// Some targets of an inventory.
#[derive(Debug)]
pub(super) struct Marked(Vec<bool>);

impl Scope {
    /// Of a signal whose `labels` have these meanings, beside this inventory; where there are none, it concerns the whole plan.
    pub fn new(labels: Vec<(String, Meaning)>, inventory: &Inventory) -> Self {
        let meant = |(label, meaning)| Meant { label, targets: by_value(&meaning, inventory) };
        Self { labels: labels.into_iter().map(meant).collect() }
    }

    /// The targets that a series is about: those that every one of its labels with a meaning stands for.
    pub(super) fn about(&self, series: &Labels) -> About {
        let mut about = About::Plan;
        for Meant { label, targets } in &self.labels {
            let Some(value) = series.get(label) else { continue };
            let own = targets.get(value);
            about = match about {
                About::Plan => About::Targets(own.cloned().unwrap_or_default()),
                About::Targets(both) => {
                    let is_own = |target: &&usize| own.is_some_and(|own| own.binary_search(target).is_ok());
                    About::Targets(both.iter().filter(is_own).copied().collect())
                }
            };
        }
        about
    }
}

impl About {
    /// What a series has to do with a batch of the targets `own`, where the run has `touched` these. A series that concerns the
    /// whole plan concerns every batch; one that is about none of the inventory is untouched.
    pub(super) fn part(&self, own: &Marked, touched: &Marked) -> Part {
        match self {
            Self::Plan => Part::Own,
            Self::Targets(targets) if own.has_any(targets) => Part::Own,
            Self::Targets(targets) if touched.has_any(targets) => Part::Other,
            Self::Targets(_) => Part::Control,
        }
    }
}

impl Marked {
    /// Those of `inventory` that `names` names.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a str>, inventory: &Inventory) -> Self {
        let names: BTreeSet<&str> = names.collect();
        Self(inventory.targets.iter().map(|target| names.contains(target.name.as_str())).collect())
    }

    fn has_any(&self, targets: &[usize]) -> bool {
        targets.iter().any(|target| self.0.get(*target) == Some(&true))
    }
}

/// Which targets each value means, by their numbers.
fn by_value(meaning: &Meaning, inventory: &Inventory) -> HashMap<String, Arc<[usize]>> {
    let mut targets: HashMap<String, Vec<usize>> = HashMap::new();
    for (number, target) in inventory.targets.iter().enumerate() {
        if let Some(value) = value(target, meaning) {
            targets.entry(value.to_owned()).or_default().push(number);
        }
    }
    targets.into_iter().map(|(value, targets)| (value, targets.into())).collect()
}

fn value<'a>(target: &'a Target, meaning: &Meaning) -> Option<&'a str> {
    match meaning {
        Meaning::Target => Some(&target.name),
        Meaning::Label(label) => target.label(label),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().copied().collect()
    }

    fn inventory() -> Inventory {
        let target = |(name, vip): (&str, &str)| Target {
            name: name.to_owned(),
            address: name.to_owned(),
            labels: [("vip".to_owned(), vip.to_owned())].into(),
        };
        Inventory { targets: [("h1", "v1"), ("h2", "v1"), ("h3", "v2")].map(target).into() }
    }

    fn part(meanings: &[(&str, Meaning)], series: &[(&str, &str)], touched: &[&str]) -> Part {
        let meanings = meanings.iter().map(|(label, meaning)| ((*label).to_owned(), meaning.clone()));
        let scope = Scope::new(meanings.collect(), &inventory());
        let marked = |names: &[&str]| Marked::of(names.iter().copied(), &inventory());
        scope.about(&labels(series)).part(&marked(&["h1"]), &marked(touched))
    }

    #[test]
    fn a_series_is_about_the_targets_its_labels_name() {
        let host = [("host", Meaning::Target)];
        assert_eq!(part(&host, &[("host", "h1")], &[]), Part::Own);
        assert_eq!(part(&host, &[("host", "h2")], &[]), Part::Control);
        assert_eq!(part(&host, &[("host", "h2")], &["h2"]), Part::Other);
        assert_eq!(part(&host, &[("host", "elsewhere")], &["h2"]), Part::Control);
    }

    #[test]
    fn a_group_is_a_batchs_own_where_one_member_is() {
        let vip = [("vip", Meaning::Label("vip".to_owned()))];
        assert_eq!(part(&vip, &[("vip", "v1")], &["h2"]), Part::Own);
        assert_eq!(part(&vip, &[("vip", "v2")], &["h2"]), Part::Control);
        assert_eq!(part(&vip, &[("vip", "v2")], &["h3"]), Part::Other);
    }

    #[test]
    fn what_names_no_target_concerns_every_batch() {
        assert_eq!(part(&[], &[("host", "h3")], &[]), Part::Own);
        assert_eq!(part(&[("host", Meaning::Target)], &[("site", "x")], &[]), Part::Own);
    }

    #[test]
    fn every_label_with_a_meaning_counts() {
        let both = [("host", Meaning::Target), ("vip", Meaning::Label("vip".to_owned()))];
        assert_eq!(part(&both, &[("host", "h1"), ("vip", "v1")], &[]), Part::Own);
        assert_eq!(part(&both, &[("host", "h1"), ("vip", "v2")], &[]), Part::Control);
    }
}
