//! The inventory: the targets that a plan may act on, with their labels.

use std::collections::{BTreeMap, BTreeSet};

/// A host, or anything else with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name, as [`is_target_name`] has it; no two targets of an inventory have the same.
    pub name: String,
    /// Where it is reached.
    pub address: String,
    /// What it belongs to: its rack, its VIP, its site.
    pub labels: BTreeMap<String, String>,
}

impl Target {
    /// The value of `label`. The name and the address are labels too, by these words.
    pub fn label(&self, label: &str) -> Option<&str> {
        match label {
            NAME => Some(&self.name),
            ADDRESS => Some(&self.address),
            label => self.labels.get(label).map(String::as_str),
        }
    }
}

/// The label that every target has: its name.
pub const NAME: &str = "name";
/// The label that every target has: its address.
pub const ADDRESS: &str = "address";

/// [`is_target_name`] as a regular expression.
pub const TARGET_NAME_PATTERN: &str = "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$";

/// Whether `name` may name a target, a step or a plan: letters, digits, `.`, `_` and `-`, with a letter or digit at
/// both ends. So no name is an option, a path upwards, or something that a shell looks into.
pub fn is_target_name(name: &str) -> bool {
    let end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    end(name.chars().next()) && end(name.chars().next_back()) && name.chars().all(inside)
}

/// Targets in their order; steps name them by their index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inventory {
    /// All of them.
    pub targets: Vec<Target>,
}

impl Inventory {
    /// The index of the target `name`.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.targets.iter().position(|target| target.name == name)
    }

    /// Every label that at least one target has, with the name and the address.
    pub fn labels(&self) -> BTreeSet<&str> {
        let own = self.targets.iter().flat_map(|target| target.labels.keys().map(String::as_str));
        own.chain([NAME, ADDRESS]).collect()
    }

    /// Every value that `label` has, in order, each once.
    pub fn values(&self, label: &str) -> BTreeSet<&str> {
        self.targets.iter().filter_map(|target| target.label(label)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_letters_or_digits_at_their_ends() {
        for name in ["a", "7", "h1", "node-01.site_a", "A.b", "a--b", "10.0.0.1"] {
            assert!(is_target_name(name), "{name}");
        }
        for name in ["", "-a", "a-", ".", "..", "_a", "a/b", "a b", "a\n", "ä", "a;b", "$a", "a:1"] {
            assert!(!is_target_name(name), "{name}");
        }
    }

    #[test]
    fn name_and_address_are_labels() {
        let labels = BTreeMap::from([("rack".to_owned(), "r1".to_owned())]);
        let target = Target { name: "h1".into(), address: "10.0.0.1".into(), labels };
        let of = |label| target.label(label);
        assert_eq!(
            [of("name"), of("address"), of("rack"), of("site")],
            [Some("h1"), Some("10.0.0.1"), Some("r1"), None]
        );
        let inventory = Inventory { targets: vec![target] };
        assert_eq!(inventory.labels().into_iter().collect::<Vec<_>>(), ["address", "name", "rack"]);
        assert_eq!((inventory.find("h1"), inventory.find("h2")), (Some(0), None));
    }
}
