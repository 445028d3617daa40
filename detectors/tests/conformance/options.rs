//! The tables of options keep what they say: defaults in range, bounds accepted, what lies beyond refused by name.

use crate::story::{bound, default_of};
use quietgate_detectors::{
    Accepts, Default, Entry, OptionDoc, OptionValue, Options, Spec, SpecError, all, find,
};

fn every_option() -> impl Iterator<Item = (&'static Entry, &'static OptionDoc)> {
    all().iter().flat_map(|entry| entry.options.iter().map(move |doc| (entry, doc)))
}

fn check(entry: &'static Entry, name: &str, value: OptionValue) -> Result<Options, String> {
    Options::check(entry.options, &[(name.to_owned(), value)])
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

/// The least number above `bound`, or the greatest below it, that the option could mean.
fn just_beyond(accepts: Accepts, least: bool) -> Option<f64> {
    let bound = bound(accepts, least)?;
    let beyond = match (accepts, least) {
        (Accepts::Count { .. }, true) => bound - 1.0,
        (Accepts::Count { .. }, false) => bound + 1.0,
        (_, true) => bound.next_down(),
        (_, false) => bound.next_up(),
    };
    Some(beyond)
}

#[test]
fn a_default_is_one_of_the_values_taken() {
    for (entry, doc) in every_option() {
        let value = match doc.default {
            Default::Number(n) => OptionValue::Number(n),
            Default::Word(word) => OptionValue::Word(word.to_owned()),
            Default::Off | Default::Required => continue,
        };
        check(entry, doc.name, value).unwrap_or_else(|error| panic!("{}: {error}", entry.kind));
    }
}

#[test]
fn both_ends_of_a_range_are_taken_and_nothing_beyond() {
    let mut tried = 0;
    for (entry, doc) in every_option() {
        for least in [true, false] {
            let (Some(end), Some(beyond)) = (bound(doc.accepts, least), just_beyond(doc.accepts, least))
            else {
                continue;
            };
            let taken = check(entry, doc.name, OptionValue::Number(end)).expect("an end of the range");
            assert_eq!(taken.number(doc.name), Some(end));
            let message = check(entry, doc.name, OptionValue::Number(beyond)).expect_err("beyond the range");
            let expected = format!("{} is {beyond}, allowed is {}", doc.name, doc.accepts);
            assert_eq!(message, expected, "{}", entry.kind);
            tried += 1;
        }
    }
    assert!(tried > 20, "only {tried} ends were tried");
}

#[test]
fn a_range_is_told_with_the_ends_it_has() {
    for (entry, doc) in every_option() {
        let told = doc.accepts.to_string();
        let ends = [true, false].map(|least| bound(doc.accepts, least));
        // an end at the last of all numbers bounds nothing
        let bounds = ends.into_iter().flatten().filter(|end| end.abs() < f64::MAX);
        let named = bounds.map(|end| end.to_string()).all(|end| told.contains(&end));
        assert!(named && !told.is_empty(), "{} of {}: {told}", doc.name, entry.kind);
    }
}

#[test]
fn neither_words_nor_halves_nor_what_is_no_number_are_taken() {
    for (entry, doc) in every_option() {
        let mut wrong = vec![OptionValue::Number(f64::NAN), OptionValue::Number(f64::INFINITY)];
        match doc.accepts {
            Accepts::Count { min, .. } => wrong.push(OptionValue::Number(f64::from(min) + 0.5)),
            Accepts::Number { .. } => wrong.push(OptionValue::Word("much".to_owned())),
            Accepts::Word(_) => wrong.push(OptionValue::Word("much".to_owned())),
        }
        for value in wrong {
            let message = check(entry, doc.name, value.clone()).expect_err("not a value of this option");
            let expected = format!("{} is {value}, allowed is {}", doc.name, doc.accepts);
            assert_eq!(message, expected, "{}", entry.kind);
        }
    }
}

#[test]
fn an_unknown_option_is_refused_with_the_known_ones() {
    for entry in all() {
        let given = [("thershold".to_owned(), OptionValue::Number(1.0))];
        let message = Spec::new(entry.kind, &given).expect_err("a typing error").to_string();
        let known: Vec<_> = entry.options.iter().map(|doc| doc.name).collect();
        assert_eq!(message, format!("unknown option \"thershold\", expected one of: {}", known.join(", ")));
    }
}

#[test]
fn an_unknown_kind_is_refused_with_the_known_ones() {
    let error = Spec::new("ewma3", &[]).expect_err("no kind of ours");
    assert_eq!(error, SpecError::UnknownKind { kind: "ewma3".to_owned() });
    let known: Vec<_> = all().iter().map(|entry| entry.kind).collect();
    assert_eq!(
        error.to_string(),
        format!("unknown detector \"ewma3\", expected one of: {}", known.join(", "))
    );
}

#[test]
fn options_that_do_not_go_together_are_refused_with_both_values() {
    type Case = (&'static str, &'static [(&'static str, f64)], &'static str);
    let cases: [Case; 7] = [
        ("ss", &[("samples", 5.0), ("count", 5.0)], "count is 5, allowed is less than samples, which is 5"),
        ("chain", &[("days", 2.0)], "min_days is 3, allowed is at most days, which is 2"),
        ("ca", &[("days", 7.0), ("min_days", 8.0)], "min_days is 8, allowed is at most days, which is 7"),
        (
            "counts",
            &[("short", 20.0)],
            "short is 20, medium 5 and long 15, allowed is none shorter than the one before",
        ),
        ("slope", &[("short", 121.0)], "short is 121, allowed is at most long, which is 120"),
        ("threshold", &[], "threshold has neither above nor below"),
        ("threshold", &[("above", 1.0), ("below", 2.0)], "below is 2, allowed is at most above, which is 1"),
    ];
    for (kind, options, expected) in cases {
        let given: Vec<_> =
            options.iter().map(|(name, n)| ((*name).to_owned(), OptionValue::Number(*n))).collect();
        let message = Spec::new(kind, &given).expect_err("these do not go together").to_string();
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn every_entry_can_be_read_by_people() {
    for entry in all() {
        let Entry { kind, summary, about, .. } = entry;
        assert_eq!(all().iter().filter(|other| other.kind == *kind).count(), 1, "{kind} is there twice");
        assert!(
            find(kind).is_some_and(|found| std::ptr::eq(found, entry)),
            "{kind} is in one place of memory"
        );
        assert!(!summary.is_empty() && summary.chars().count() <= 80, "{kind}: {summary}");
        assert!(about.len() > summary.len() && !about.contains("  "), "{kind}: {about}");
        assert!(entry.options.iter().all(|doc| !doc.why.is_empty()), "{kind} says why");
        assert_eq!(default_of(entry).entry().kind, *kind);
    }
}
