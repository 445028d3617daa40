//! A flock says of every cell of its series what a panel says of each alone, to the bit.

use crate::story::{Story, Told, bound, default_of, given, panel, tell};
use crate::streams::{Event, START_MS, dividing, events, interval, samples, unbroken, varied};
use proptest::collection::vec;
use proptest::prelude::*;
use quietgate_detectors::{
    Calendar, Entry, Flock, Interval, Judgement, Look, LookSpec, PanelSpec, Past, Reason, Said, Sample, Spec,
    Timestamp, Verdict, Zone, all, find,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The kinds that keep no past of their own.
const KINDS: [&str; 6] = ["ss", "ls", "ewma3sigma", "chain", "ca", "threshold"];

/// Days as a history keeps them: the cells of all series by their rows.
#[derive(Debug)]
struct Kept {
    spec: LookSpec,
    a_day: i64,
    width: usize,
    rows: RefCell<BTreeMap<i64, Vec<f64>>>,
}

impl Kept {
    fn new(flock: &Flock, interval: Interval, width: usize) -> Self {
        let (spec, a_day) = (flock.look().clone(), interval.cells_a_day() as i64);
        Self { spec, a_day, width, rows: RefCell::default() }
    }

    fn put(&self, row: i64, member: u32, value: f64) {
        let mut rows = self.rows.borrow_mut();
        rows.entry(row).or_insert_with(|| vec![f64::NAN; self.width])[member as usize] = value;
    }

    fn earlier(&self, row: i64) -> Vec<Vec<f64>> {
        let nothing = || vec![f64::NAN; self.width];
        let rows = self.rows.borrow();
        let days = 1..=i64::from(self.spec.days());
        days.map(|day| rows.get(&(row - day * self.a_day)).cloned().unwrap_or_else(nothing)).collect()
    }
}

/// As a source of looks; what is judged meanwhile is put into the same days.
struct Looking<'a>(&'a Kept, Option<Look>);

impl Past for Looking<'_> {
    fn look(&mut self, row: i64, _: u32) -> Option<(u32, &Look)> {
        let Self(kept, look) = self;
        let look = look.get_or_insert_default();
        let (days, before) = (kept.earlier(row), kept.earlier(row - 1));
        let [days, before] = [&days, &before].map(|days| days.iter().map(Vec::as_slice).collect::<Vec<_>>());
        kept.spec.look(kept.width, &days, &before, look);
        Some((0, look))
    }
}

/// What a flock has said of each of its series in the end, where one sample of each is told after the other.
fn told(spec: &PanelSpec, streams: &[Vec<Sample>]) -> Vec<Story> {
    let mut flock = Flock::new(spec).expect("kinds that keep no past");
    flock.grow(streams.len());
    let kept = Kept::new(&flock, spec.interval, streams.len());
    let mut stories = vec![Story::default(); streams.len()];
    for turn in 0..streams.iter().map(Vec::len).max().unwrap_or_default() {
        let next = (0..).zip(streams).filter_map(|(member, stream)| Some((member, *stream.get(turn)?)));
        let mut judged: Vec<(u32, i64, f64, bool, Vec<Verdict>)> = Vec::new();
        flock.observe(next, &mut Looking(&kept, None), |said| match said {
            Said::Judged(row) => {
                assert!(row.is_read && row.members.is_sorted());
                for (i, &member) in row.members.iter().enumerate() {
                    kept.put(row.row, member, row.values[i]);
                    let verdicts = row.verdicts.iter().map(|column| column[i]).collect();
                    judged.push((member, row.row, row.values[i], row.periodic[i], verdicts));
                }
            }
            Said::Unknown { member, row, at, reason } => {
                kept.put(row, member, f64::NAN);
                stories[member as usize].cells.insert(at, Told::Unknown(reason));
            }
        });
        for (member, row, value, periodic, verdicts) in judged {
            let votes = flock.votes(member);
            assert_eq!(votes.iter().map(|(verdict, _)| *verdict).collect::<Vec<_>>(), verdicts);
            assert_eq!(flock.is_periodic(member), periodic);
            let judgements = votes.into_iter().map(|(verdict, evidence)| Judgement { verdict, evidence });
            let told = Told::Judged { value, periodic, judgements: judgements.collect() };
            let at = Timestamp::from_millis(row * spec.interval.as_millis());
            stories[member as usize].cells.insert(at, told);
        }
    }
    stories
}

/// Each kind by default, with its least options and with its greatest.
fn variants() -> Vec<Spec> {
    let entries = || KINDS.iter().filter_map(|kind| find(kind));
    let extreme = |entry: &Entry, least: bool| {
        let bounds = entry.options.iter().filter_map(|doc| Some((doc.name, bound(doc.accepts, least)?)));
        given(entry, &bounds.collect::<Vec<_>>())
    };
    entries().flat_map(|entry| [default_of(entry), extreme(entry, true), extreme(entry, false)]).collect()
}

fn spec(interval: Interval) -> PanelSpec {
    panel(variants(), interval, 0)
}

fn alone(spec: &PanelSpec, stream: &[Sample]) -> Story {
    Story { late: Vec::new(), ..tell(spec, stream, &[1]) }
}

/// A stream without what is late by more than its cell: a panel counts that, a flock leaves it.
fn streams(events: &[Vec<Event>], interval: Interval) -> Vec<Vec<Sample>> {
    events.iter().map(|events| samples(events, interval)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_says_what_a_panel_says(interval in dividing(), events in vec(events(), 1..5)) {
        let (spec, streams) = (spec(interval), streams(&events, interval));
        for (story, stream) in told(&spec, &streams).iter().zip(&streams) {
            prop_assert_eq!(story, &alone(&spec, stream));
        }
    }
}

/// Hours of five weeks with a daily shape, gaps of an hour and of a day, and values taken back.
fn daily(shift: usize) -> Vec<Sample> {
    let values = (0..24 * 35).map(|hour| varied(hour + shift) + 100.0 * ((hour + shift) % 24) as f64);
    let all = unbroken(interval(3_600_000), values).into_iter().enumerate();
    let there = all.filter(|(hour, _)| hour % 83 != 17 && !(430..454).contains(hour));
    let twice = |(hour, sample): (usize, Sample)| {
        let again = Sample::new(sample.at.as_millis(), sample.value + 1.0);
        [Some(sample), (hour % 131 == 7).then_some(again)].into_iter().flatten()
    };
    there.flat_map(twice).collect()
}

#[test]
fn over_weeks_it_says_what_a_panel_says() {
    let (spec, streams) = (spec(interval(3_600_000)), [0, 5, 11].map(daily));
    for (story, stream) in told(&spec, &streams).iter().zip(&streams) {
        let alone = alone(&spec, stream);
        let differs = alone.cells.iter().find(|(at, told)| story.cells.get(at) != Some(told));
        assert_eq!(differs, None);
        assert_eq!(story, &alone);
        let periodic = |told: &&Told| matches!(told, Told::Judged { periodic: true, .. });
        assert!(story.cells.values().filter(periodic).count() > 500, "the period is found");
    }
}

#[test]
fn what_is_learnt_and_then_judged_is_as_if_all_had_been_judged() {
    let spec = spec(interval(3_600_000));
    let streams = [0, 3].map(|shift| daily(shift)[..600].to_vec());
    let whole = told(&spec, &streams);
    // the same once more, of which the first weeks are learnt from what was kept
    let mut flock = Flock::new(&spec).expect("a flock");
    let kept = Kept::new(&flock, spec.interval, 2);
    for (member, story) in (0..).zip(&whole) {
        for (at, told) in &story.cells {
            let value = match told {
                Told::Judged { value, .. } => *value,
                Told::Unknown(_) => f64::NAN,
            };
            kept.put(at.as_millis() / 3_600_000, member, value);
        }
    }
    flock.grow(2);
    let first = START_MS / 3_600_000;
    (0..2).for_each(|member| flock.begin(member, Timestamp::from_millis(START_MS), first));
    let rows = kept.rows.borrow().clone();
    let (learnt, judged) = rows.iter().partition::<Vec<_>, _>(|(row, _)| **row < first + 500);
    for (row, cells) in learnt {
        let nothing = vec![f64::NAN; 2];
        flock.learn(0, *row, cells, rows.get(&(row - 24)).unwrap_or(&nothing));
    }
    let mut heard = 0;
    for (row, cells) in judged {
        let at = Timestamp::from_millis(row * 3_600_000);
        let some = (0..).zip(cells).filter(|(_, value)| !value.is_nan());
        let samples: Vec<_> = some.map(|(member, &value)| (member, Sample { at, value })).collect();
        flock.observe(samples.iter().copied(), &mut Looking(&kept, None), |_| {});
        for (member, _) in samples {
            let said = flock.votes(member).into_iter();
            let said: Vec<_> = said.map(|(verdict, evidence)| Judgement { verdict, evidence }).collect();
            let Some(Told::Judged { judgements, periodic, .. }) = whole[member as usize].cells.get(&at)
            else {
                panic!("a cell with a value")
            };
            assert_eq!((&said, flock.is_periodic(member)), (judgements, *periodic), "{at:?}");
            heard += 1;
        }
    }
    assert!(heard > 100, "{heard}");
}

#[test]
fn what_is_learnt_side_by_side_is_as_if_each_had_been_told_alone() {
    let spec = PanelSpec { period: None, ..panel(variants(), interval(60_000), 0) };
    // one whole, one with a gap, one that begins later, one that ends, and one that is never there
    let is_there = |member: u32, row: i64| match member {
        0 => true,
        1 => row != 700,
        2 => row > 300,
        3 => row < 1990,
        _ => false,
    };
    let first = START_MS / 60_000;
    let value = |member: u32, row: i64| varied((row + i64::from(member) * 7) as usize);
    // before and behind the row at which the weights of averages stand still
    for learnt in [5, 1500, 1849, 1850, 1851, 1900, 2100] {
        let (mut side_by_side, mut told) =
            (Flock::new(&spec).expect("kinds"), Flock::new(&spec).expect("kinds"));
        let kept = Kept::new(&told, spec.interval, 5);
        for flock in [&mut side_by_side, &mut told] {
            flock.grow(5);
            (0..5).for_each(|member| flock.begin(member, Timestamp::from_millis(START_MS), first));
        }
        for row in 0..learnt + 10 {
            let there = (0..5).filter(|member| is_there(*member, row));
            let at = Timestamp::from_millis(START_MS + row * 60_000);
            let samples: Vec<_> =
                there.map(|member| (member, Sample { at, value: value(member, row) })).collect();
            told.observe(samples.iter().copied(), &mut Looking(&kept, None), |_| {});
            if row < learnt {
                let mut cells = [f64::NAN; 5];
                samples.iter().for_each(|(member, sample)| cells[*member as usize] = sample.value);
                side_by_side.learn(0, first + row, &cells, &[]);
                continue;
            }
            side_by_side.observe(samples.iter().copied(), &mut Looking(&kept, None), |_| {});
            for member in 0..5 {
                assert_eq!(
                    side_by_side.votes(member),
                    told.votes(member),
                    "{member} at {row}, {learnt} learnt"
                );
            }
        }
    }
}

#[test]
fn where_the_past_cannot_be_read_a_row_says_so_and_goes_on() {
    struct Broken;
    impl Past for Broken {
        fn look(&mut self, _: i64, _: u32) -> Option<(u32, &Look)> {
            None
        }
    }
    let spec = spec(interval(3_600_000));
    let mut flock = Flock::new(&spec).expect("a flock");
    flock.grow(2);
    let mut read = Vec::new();
    let samples = [0, 1].map(|member| (member, Sample::new(START_MS, 1.0)));
    flock.observe(samples, &mut Broken, |said| match said {
        Said::Judged(row) => read.push((row.members.to_vec(), row.is_read)),
        Said::Unknown { .. } => panic!("it has a value"),
    });
    assert_eq!(read, [(vec![0], false), (vec![1], false)]);
}

#[test]
fn a_first_sample_that_is_no_number_is_told_of_a_series_that_has_begun() {
    let mut flock = Flock::new(&spec(interval(3_600_000))).expect("a flock");
    flock.grow(1);
    flock.begin(0, Timestamp::from_millis(START_MS), START_MS / 3_600_000);
    let kept = Kept::new(&flock, interval(3_600_000), 1);
    let (mut past, mut told) = (Looking(&kept, None), Vec::new());
    for value in [f64::NAN, 1.0] {
        flock.observe([(0, Sample::new(START_MS, value))], &mut past, |said| match said {
            Said::Judged(row) => told.push(Ok(row.values.to_vec())),
            Said::Unknown { reason, .. } => told.push(Err(reason)),
        });
    }
    assert_eq!(told, [Err(Reason::NotANumber), Ok(vec![1.0])]);
}

#[test]
fn there_is_none_of_what_keeps_a_past_of_its_own() {
    let hour = interval(3_600_000);
    for entry in all() {
        let is_one = Flock::new(&panel(vec![default_of(entry)], hour, 0)).is_some();
        assert_eq!(is_one, KINDS.contains(&entry.kind), "{}", entry.kind);
    }
    let ls = || vec![default_of(find("ls").expect("a kind"))];
    assert!(Flock::new(&panel(ls(), hour, 1000)).is_none(), "samples are waited for");
    assert!(Flock::new(&panel(ls(), interval(7 * 3_600_000), 0)).is_none(), "days are not alike");
    let calendar = Calendar::Civil(Arc::new(Zone::new(0, Vec::new())));
    assert!(Flock::new(&PanelSpec { calendar, ..panel(ls(), hour, 0) }).is_none(), "nor with a zone");
}
