//! Labels and tables of them, held against plain maps.

use super::{Labels, Table};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

type Map = BTreeMap<String, String>;

/// Few names and values, so that many are the same or begin alike; some with characters that others would take for ends.
fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    let text = || proptest::sample::select(vec!["", "a", "aa", "b", "\0", "a\0", "é", "\u{10ffff}"]);
    let pair = (text(), text()).prop_map(|(name, value)| (name.to_owned(), value.to_owned()));
    proptest::collection::vec(pair, 0..4)
}

fn map(labels: &Labels) -> Map {
    labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

proptest! {
    #[test]
    fn labels_are_what_a_map_is(one in pairs(), other in pairs()) {
        let (labels, second): (Labels, Labels) = (one.iter().cloned().collect(), other.iter().cloned().collect());
        let (plain, plain_second): (Map, Map) = (one.into_iter().collect(), other.into_iter().collect());
        prop_assert_eq!(&map(&labels), &plain);
        prop_assert_eq!(labels.len(), plain.len());
        prop_assert_eq!(labels.is_empty(), plain.is_empty());
        prop_assert_eq!(labels.iter().size_hint(), (plain.len(), Some(plain.len())));
        prop_assert_eq!(labels.cmp(&second), plain.cmp(&plain_second));
        prop_assert_eq!(labels == second, plain == plain_second);
        prop_assert_eq!(format!("{labels:?}"), format!("{plain:?}"));
        prop_assert_eq!(&Labels::from(plain.clone()), &labels);
        let hasher = RandomState::new();
        let same_hash = hasher.hash_one(&labels) == hasher.hash_one(&second);
        prop_assert_eq!(same_hash, plain == plain_second);
        for name in ["", "a", "aa", "b", "\0", "x"] {
            prop_assert_eq!(labels.get(name), plain.get(name).map(String::as_str));
            prop_assert_eq!(labels.contains_key(name), plain.contains_key(name));
            let mut less = plain.clone();
            less.remove(name);
            prop_assert_eq!(map(&labels.without(name)), less);
            let mut more = plain.clone();
            more.insert(name.to_owned(), "new".to_owned());
            prop_assert_eq!(map(&labels.with(name, "new")), more);
        }
        let json = serde_json::to_string(&labels).expect("JSON");
        prop_assert_eq!(&json, &serde_json::to_string(&plain).expect("JSON"));
        prop_assert_eq!(serde_json::from_str::<Labels>(&json).expect("labels"), labels);
    }

    #[test]
    fn a_table_is_what_a_map_is(deeds in proptest::collection::vec((0_u8..4, 0_u8..12), 0..60)) {
        let (mut table, mut plain) = (Table::new(), BTreeMap::new());
        for (turn, (deed, name)) in (0_u32..).zip(deeds) {
            let labels = named(name.into());
            match deed {
                0 => {
                    *table.entry(labels.clone()).1 += turn;
                    *plain.entry(labels).or_default() += turn;
                }
                1 => prop_assert_eq!(table.insert(labels.clone(), turn), plain.insert(labels, turn)),
                2 => prop_assert_eq!(table.remove(&labels), plain.remove(&labels)),
                _ => {
                    table.retain(|_, value| *value % 3 != 0);
                    plain.retain(|_, value| *value % 3 != 0);
                }
            }
            prop_assert_eq!((table.len(), table.is_empty()), (plain.len(), plain.is_empty()));
            prop_assert!(table.in_order().eq(&plain));
            // whatever was asked for before
            for labels in (0..12).rev().chain(0..12).map(named) {
                let found = table.find(&labels).and_then(|number| table.get(number));
                prop_assert_eq!(found, plain.get_key_value(&labels));
            }
            prop_assert!(table.clone().into_order().into_iter().eq(plain.clone()));
            table.values_mut().for_each(|value| *value += 1);
            plain.values_mut().for_each(|value| *value += 1);
        }
    }
}

fn named(name: u32) -> Labels {
    Labels::from([("name", format!("n{name}"))])
}

#[test]
fn a_clone_is_the_same_piece_and_none_are_shared_too() {
    let same = Labels::is_shared_with;
    let labels = named(1);
    assert!(same(&labels, &labels.clone()) && !same(&labels, &named(1)));
    assert!(same(&Labels::new(), &Labels::default()) && same(&Labels::new(), &labels.without("name")));
    assert_eq!(size_of::<Option<Labels>>(), size_of::<usize>());
}

#[test]
#[should_panic(expected = "no label \"b\" in {\"a\": \"1\"}")]
fn a_label_that_is_not_there_has_no_value() {
    let labels = Labels::from([("a", "1")]);
    assert_eq!(&labels["a"], "1");
    assert_eq!(&labels["b"], "");
}

#[test]
fn a_table_numbers_series_as_they_come_and_keeps_their_first_labels() {
    let mut table: Table<u32> = Table::default();
    table.extend((0..100).rev().map(|name| (named(name), name)));
    assert!((0..100).rev().enumerate().all(|(number, name)| table.find(&named(name)) == Some(number)));
    assert!(table.iter().map(|(_, value)| *value).eq((0..100).rev()));
    let first = table.get(7).expect("a series").0.clone();
    assert_eq!(table.insert(named(92), 5), Some(92));
    let (known, value) = table.get_mut(7).expect("a series");
    assert!(known.is_shared_with(&first));
    *value += 1;
    assert!(table.entry(named(92)).0.is_shared_with(&first));
    assert_eq!(table.clone().find(&named(92)).and_then(|number| table.get(number)), Some((&first, &6)));
    assert_eq!(table.find(&named(100)), None);
}

#[test]
fn of_thousands_each_is_found_also_after_others_were_taken_out() {
    let mut table: Table<u32> = Table::new();
    table.extend((0..5_000).map(|name| (named(name), name)));
    let is_kept = |name: &u32| !name.is_multiple_of(3) || *name > 4_000;
    (0..5_000)
        .filter(|name| !is_kept(name))
        .for_each(|name| assert_eq!(table.remove(&named(name)), Some(name)));
    for name in (0..5_000).rev() {
        let found = table.find(&named(name)).and_then(|number| table.get(number));
        assert_eq!(found.map(|(_, value)| *value), Some(name).filter(is_kept), "{name}");
    }
    table.retain(|_, name| *name < 10);
    assert!(table.in_order().map(|(_, name)| *name).eq([1, 2, 4, 5, 7, 8]));
    assert_eq!(table.find(&named(4_999)), None);
}
