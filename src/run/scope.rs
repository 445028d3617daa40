//! Which targets a series is about.

use crate::config::Meaning;
use crate::monitor::Labels;
use crate::plan::{Inventory, Target};
use quietgate_rules::gate::Part;
use std::collections::BTreeSet;

/// What the labels of a signal's series stand for.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    labels: Vec<(String, Meaning)>,
}

impl Scope {
    /// Of a signal whose `labels` have these meanings; where there are none, it concerns the whole plan.
    pub fn new(labels: Vec<(String, Meaning)>) -> Self {
        Self { labels }
    }

    /// The names of the targets that a series is about, which may be none; nothing where it concerns the whole plan.
    pub(super) fn about<'a>(&self, series: &Labels, inventory: &'a Inventory) -> Option<BTreeSet<&'a str>> {
        let meant = self.meant(series);
        if meant.is_empty() {
            return None;
        }
        let about = |target: &&Target| meant.iter().all(|(value, meaning)| is_meant(target, value, meaning));
        Some(inventory.targets.iter().filter(about).map(|target| target.name.as_str()).collect())
    }

    /// Whether a series has no label that stands for something, and so concerns the whole plan.
    pub(super) fn is_whole(&self, series: &Labels) -> bool {
        self.meant(series).is_empty()
    }

    fn meant<'a>(&'a self, series: &'a Labels) -> Vec<(&'a str, &'a Meaning)> {
        self.labels.iter().filter_map(|(label, meaning)| Some((series.get(label)?, meaning))).collect()
    }

    /// What a series has to do with a batch of the targets `own`, where the run has `touched` these. A series without
    /// a label that has a meaning concerns every batch; one that is about none of the inventory is untouched.
    pub fn part(
        &self,
        series: &Labels,
        inventory: &Inventory,
        own: &[&str],
        touched: &BTreeSet<&str>,
    ) -> Part {
        let meant = self.meant(series);
        if meant.is_empty() {
            return Part::Own;
        }
        let about = |target: &&Target| meant.iter().all(|(value, meaning)| is_meant(target, value, meaning));
        let mut part = Part::Control;
        for target in inventory.targets.iter().filter(about) {
            if own.contains(&target.name.as_str()) {
                return Part::Own;
            }
            if touched.contains(target.name.as_str()) {
                part = Part::Other;
            }
        }
        part
    }
}

fn is_meant(target: &Target, value: &str, meaning: &Meaning) -> bool {
    match meaning {
        Meaning::Target => target.name == value,
        Meaning::Label(label) => target.label(label) == Some(value),
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
        let scope = Scope::new(meanings.collect());
        scope.part(&labels(series), &inventory(), &["h1"], &touched.iter().copied().collect())
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
