//! Plans as a whole: their order, what holds of every order, keep-up at run time, and how long a run takes.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn target(name: &str, labels: &[(&str, &str)]) -> Target {
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Target { name: name.to_owned(), address: name.to_owned(), labels }
}

/// A plan of `targets` without steps.
fn plan(targets: Vec<Target>) -> Plan {
    Plan {
        name: "p".to_owned(),
        inventory: Inventory { targets },
        signals: vec!["loss".to_owned()],
        gate: GateTimes { clean_before_ms: 3_000, clean_after_ms: 1_000, patience_ms: 60_000 },
        max_failed: None,
        limits: Limits::default(),
        windows: None,
        watch_after_ms: 0,
        steps: Vec::new(),
    }
}

fn step(name: &str, after: &[&str], batch: &[&str]) -> Step {
    Step {
        name: name.to_owned(),
        after: after.iter().map(|name| (*name).to_owned()).collect(),
        targets: Selector::default(),
        batch: batch.iter().map(|amount| amount.parse().expect("an amount")).collect(),
        keep_up: Vec::new(),
        action: Call {
            kind: "noop".to_owned(),
            at: (1, 1),
            settings: Vec::new(),
            timeout_ms: 10_000,
            retries: 0,
            repeatable: false,
        },
        undo: None,
        probe: None,
        on_anomaly: OnAnomaly::Pause,
        gate: GateTimes { clean_before_ms: 3_000, clean_after_ms: 1_000, patience_ms: 60_000 },
        soak_ms: 0,
        expects: Vec::new(),
        approve: false,
        windows: None,
    }
}

fn keep(label: &str, min: &str) -> KeepUp {
    KeepUp { label: label.to_owned(), min: min.parse().expect("an amount") }
}

/// Targets with one label, as `v1 v1 v2 -`, where `-` has none.
fn with_vips(vips: &str) -> Vec<Target> {
    let one = |(i, vip): (usize, &str)| {
        let name = format!("h{i}");
        if vip == "-" { target(&name, &[]) } else { target(&name, &[("vip", vip)]) }
    };
    vips.split_whitespace().enumerate().map(one).collect()
}

/// The batches of the only step, by indices, and the least number of them.
fn batches(plan: &Plan) -> (Vec<Vec<usize>>, usize) {
    let order = order(plan).expect("an order");
    let step = &order.steps[0];
    (step.batches.iter().map(|batch| batch.targets.clone()).collect(), step.least.batches)
}

fn edges_of(steps: &[Step]) -> Vec<Edges<'_>> {
    steps.iter().map(|step| (step.name.as_str(), step.after.as_slice())).collect()
}

#[test]
fn sizes_grow_and_the_last_repeats() {
    let mut plan = plan(with_vips("- - - - - - - - - - - -"));
    plan.steps = vec![step("s", &[], &["1", "25%", "5"])];
    let order = order(&plan).expect("an order");
    let widths: Vec<_> =
        order.steps[0].batches.iter().map(|batch| (batch.targets.len(), batch.why.clone())).collect();
    let expected = [(1, Width::Size(1)), (3, Width::Size(3)), (5, Width::Size(5)), (3, Width::Rest)];
    assert_eq!(widths, expected);
    assert_eq!(order.steps[0].least, Least { batches: 4, by: LeastBy::Width });
    plan.limits.in_flight = Some(2);
    let (cut, least) = batches(&plan);
    assert_eq!((cut.len(), least, &cut[1]), (7, 7, &vec![1, 2]));
}

#[test]
fn a_batch_leaves_enough_of_every_group_and_says_which_held_it_back() {
    let mut plan = plan(with_vips("v1 v1 v1 v1 v2 v2 v2 -"));
    plan.steps = vec![Step { keep_up: vec![keep("vip", "50%")], ..step("s", &[], &["60"]) }];
    let order = order(&plan).expect("an order");
    let cut = &order.steps[0].batches;
    let targets: Vec<_> = cut.iter().map(|batch| batch.targets.clone()).collect();
    assert_eq!(targets, [vec![0, 1, 4, 7], vec![2, 3, 5], vec![6]]);
    let (label, value) = ("vip".to_owned(), "v1".to_owned());
    let held = HeldBack { label, value, members: 4, min: 2, at_work: 2, waiting: 2 };
    assert_eq!(cut[0].why, Width::KeepUp(held));
    assert_eq!(cut[2].why, Width::Rest);
    let by = LeastBy::Group { label: "vip".to_owned(), value: "v2".to_owned() };
    assert_eq!(order.steps[0].least, Least { batches: 3, by });
}

#[test]
fn the_order_of_the_inventory_is_left_where_that_saves_batches() {
    // in order the rack would be left for the end, one by one; by need its members go first
    let mut plan = plan(with_vips("- - - - v v v v"));
    plan.steps = vec![Step { keep_up: vec![keep("vip", "75%")], ..step("s", &[], &["2"]) }];
    let (cut, least) = batches(&plan);
    assert_eq!((cut.len(), least), (4, 4), "{cut:?}");
    assert_eq!(cut[0], [0, 4]);
}

#[test]
fn steps_come_after_those_they_wait_for() {
    let mut plan = plan(with_vips("-"));
    plan.steps = vec![
        step("d", &["b", "c"], &[]),
        step("c", &["a"], &[]),
        step("b", &["a"], &[]),
        step("a", &[], &[]),
    ];
    let names = |plan: &Plan| {
        let order = order(plan).expect("an order");
        order.steps.iter().map(|order| plan.steps[order.step].name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&plan), ["a", "c", "b", "d"]);
}

#[test]
fn what_has_no_order_is_named() {
    let said = |steps: Vec<Step>| {
        let plan = Plan { steps, ..plan(with_vips("v1 v2 v2")) };
        order(&plan).expect_err("no order").to_string()
    };
    let circle = vec![
        step("x", &["c"], &[]),
        step("c", &["a"], &[]),
        step("a", &["b"], &[]),
        step("b", &["c"], &[]),
        step("self", &["self"], &[]),
    ];
    assert_eq!(cycles(&edges_of(&circle)), [vec![1, 2, 3], vec![4]]);
    assert_eq!(said(circle), "steps wait for each other: c -> a -> b -> c");
    assert_eq!(said(vec![step("a", &["z"], &[])]), "step a waits for \"z\", which is no step");
    let alone = Step { keep_up: vec![keep("vip", "50%")], ..step("a", &[], &[]) };
    assert_eq!(said(vec![alone.clone()]), "no batch of step a can satisfy its keep-up rule");
    let plan = Plan { steps: vec![alone], ..plan(with_vips("v1 v2 v2")) };
    let never: Vec<_> = never_kept_up(&plan, 0).iter().map(ToString::to_string).collect();
    assert_eq!(never, ["vip=v1 has 1 member, of which 1 must stay untouched; 1 would not"]);
}

#[test]
fn keep_up_counts_what_is_at_work_and_down_everywhere() {
    let mut plan = plan(with_vips("v1 v1 v1 v1 v2 v2 -"));
    plan.steps = vec![Step { keep_up: vec![keep("vip", "50%")], ..step("s", &[], &[]) }];
    let asked = |busy: &[usize], more: &[usize]| kept_up(&plan, 0, &busy.iter().copied().collect(), more);
    assert_eq!(asked(&[], &[0, 1, 4, 6]), Ok(()));
    assert_eq!(asked(&[0, 6], &[1]), Ok(()));
    assert_eq!(asked(&[0], &[0, 1]), Ok(()), "a target counts once");
    let shortage = asked(&[0, 3], &[1]).expect_err("two of four are at work");
    assert_eq!(shortage.to_string(), "vip=v1 has 4 members, of which 2 must stay untouched; 3 would not");
    // v1 is short already: a target of v2 or of no group makes that no worse
    assert_eq!(asked(&[0, 1, 2], &[4, 6]), Ok(()));
    assert_eq!(kept_up(&plan, 7, &BTreeSet::new(), &[0, 1, 2, 99]), Ok(()), "no such step has rules");
}

#[test]
fn a_quiet_run_takes_its_clean_windows_and_no_more() {
    let mut plan = plan(with_vips("- - -"));
    plan.steps = vec![step("s1", &[], &["3"]), step("s2", &["s1"], &["1"])];
    let of = |plan: &Plan| {
        let Forecast { least_ms, most_ms } = forecast(plan, &order(plan).expect("an order"));
        (least_ms, most_ms)
    };
    // 3 s before the first batch, 1 s behind each of four, and 10 s for each at most
    assert_eq!(of(&plan), (7_000, 47_000));
    plan.steps[1].after.clear();
    assert_eq!(of(&plan), (6_000, 36_000), "both at once");
    plan.limits.steps = Some(1);
    assert_eq!(of(&plan), (7_000, 47_000), "one after the other");
    plan.limits = Limits { in_flight: Some(3), steps: None };
    assert_eq!(of(&plan), (7_000, 47_000), "the batch of three leaves no room");
    plan.steps[1].soak_ms = 60_000;
    plan.steps[1].action.retries = 1;
    assert_eq!(of(&plan), (67_000, 137_000));
    plan.steps[0].gate.clean_before_ms = 600_000;
    plan.limits = Limits::default();
    assert_eq!(of(&plan).0, 601_000, "a longer window is waited for while others go on");
    plan.steps[0].targets = "name=nobody".parse().expect("a selector");
    plan.steps[0].gate.clean_before_ms = 3_000;
    assert_eq!(of(&plan).0, 66_000, "a step without targets is done at once");
}

#[test]
fn a_quiet_run_waits_for_what_it_expects_and_for_the_slow_layer() {
    let mut plan = plan(with_vips("- -"));
    plan.steps = vec![step("s", &[], &["1"])];
    plan.steps[0].expects = vec![Expects { signals: vec!["loss".to_owned()], for_ms: 4_000 }];
    let of = |plan: &Plan| {
        let Forecast { least_ms, most_ms } = forecast(plan, &order(plan).expect("an order"));
        (least_ms, most_ms)
    };
    // starts at 3 s and moves until 7 s, which is clean for 1 s at 8 s and for 3 s at 10 s; then the same once more.
    // An action of 10 s ends after all that
    assert_eq!(of(&plan), (15_000, 25_000));
    plan.watch_after_ms = 60_000;
    assert_eq!(of(&plan), (75_000, 85_000));
}

#[test]
fn windows_of_plan_and_step_must_both_be_open() {
    let windows = |allow: &str| {
        let allow = vec![allow.parse().expect("a range")];
        Some(Windows { zone: jiff::tz::TimeZone::UTC, allow, deny: Vec::new() })
    };
    let mut plan = plan(with_vips("-"));
    plan.steps = vec![step("s", &[], &[])];
    let hour = |hours: i64| hours * 3_600_000;
    assert_eq!(plan.open(0, 0), Opening::Open { until_ms: None });
    plan.windows = windows("01:00-04:00");
    plan.steps[0].windows = windows("03:00-06:00");
    let closed = |until: i64| Opening::Closed { until_ms: Some(hour(until)), reason: Reason::NotAllowed };
    assert_eq!(plan.open(0, 0), closed(3));
    assert_eq!(plan.open(0, hour(2)), closed(3));
    assert_eq!(plan.open(0, hour(3)), Opening::Open { until_ms: Some(hour(4)) });
    assert_eq!(plan.open(0, hour(5)), closed(25));
    assert_eq!(plan.open(1, hour(2)), Opening::Open { until_ms: Some(hour(4)) }, "no such step has windows");
}

#[test]
fn failures_are_counted_over_the_targets_in_scope() {
    let mut plan = plan(with_vips("a a a a a a a b b b b"));
    plan.steps = vec![Step { targets: "vip=a".parse().expect("a selector"), ..step("s", &[], &[]) }];
    assert_eq!((plan.most_failed(), plan.in_scope().len()), (0, 7));
    plan.max_failed = Some("30%".parse().expect("an amount"));
    assert_eq!(plan.most_failed(), 2);
    plan.max_failed = Some(Amount::Count(5));
    assert_eq!(plan.most_failed(), 5);
}

/// 3,000 targets behind 500 VIPs in 60 racks: the fleet that the planner must be quick for.
#[test]
fn a_large_fleet_has_nearly_as_few_batches_as_can_be() {
    let targets = (0..3_000).map(|i| {
        let (vip, rack) = (format!("v{}", (i * 7) % 500), format!("r{}", i / 50));
        target(&format!("h{i}"), &[("vip", &vip), ("rack", &rack)])
    });
    let mut plan = plan(targets.collect());
    let rules = vec![keep("vip", "50%"), keep("rack", "80%")];
    plan.steps = vec![
        Step { keep_up: rules.clone(), ..step("one", &[], &["1"]) },
        Step { keep_up: rules.clone(), ..step("ten", &[], &["10"]) },
        Step { keep_up: rules, ..step("wide", &[], &["100%"]) },
    ];
    let order = order(&plan).expect("an order");
    let found: Vec<_> = order.steps.iter().map(|step| (step.batches.len(), step.least.batches)).collect();
    // colouring greedily it misses the bound by one where two rules cross
    assert_eq!(found, [(3_000, 3_000), (300, 300), (6, 5)]);
}

/// A step on targets with up to two shared fates, with any sizes and rules that can be kept.
fn any_plan() -> impl Strategy<Value = Plan> {
    let target =
        (proptest::option::weighted(0.9, 0..6_u8), proptest::option::weighted(0.7, 0..4_u8), any::<bool>());
    let amount = prop_oneof![(1..9_u32).prop_map(Amount::Count), (0.0..1.0_f64).prop_map(Amount::Share)];
    let rule = prop_oneof![(0..3_u32).prop_map(Amount::Count), (0.0..0.9_f64).prop_map(Amount::Share)];
    let sizes = proptest::collection::vec(amount, 0..4);
    let rules = (proptest::option::of(rule.clone()), proptest::option::of(rule));
    let limit = proptest::option::of(1..6_u32);
    (proptest::collection::vec(target, 0..60), sizes, rules, limit).prop_map(
        |(targets, batch, rules, in_flight)| {
            let named = targets.into_iter().enumerate().map(|(i, (vip, rack, chosen))| {
                let mut labels = BTreeMap::new();
                labels.extend(vip.map(|vip| ("vip".to_owned(), format!("v{vip}"))));
                labels.extend(rack.map(|rack| ("rack".to_owned(), format!("r{rack}"))));
                labels.extend(chosen.then(|| ("chosen".to_owned(), String::new())));
                Target { name: format!("h{i}"), address: String::new(), labels }
            });
            let keep =
                |label: &str, min: Option<Amount>| min.map(|min| KeepUp { label: label.to_owned(), min });
            let keep_up = keep("vip", rules.0).into_iter().chain(keep("rack", rules.1)).collect();
            let mut plan = plan(named.collect());
            plan.limits.in_flight = in_flight;
            plan.steps = vec![Step {
                targets: "chosen".parse().expect("a selector"),
                batch,
                keep_up,
                ..step("s", &[], &[])
            }];
            plan
        },
    )
}

/// The fewest batches there can be, by trying; only for few targets.
fn fewest(plan: &Plan, left: &[usize], width: usize) -> usize {
    let Some((first, rest)) = left.split_first() else { return 0 };
    // some batch has the first of them: try all others beside it
    let subsets = 0..1_usize << rest.len();
    let tried = subsets.filter_map(|bits| {
        let (inside, outside): (Vec<_>, Vec<_>) =
            rest.iter().enumerate().partition(|(i, _)| bits & (1 << i) != 0);
        let batch: Vec<usize> = std::iter::once(*first).chain(inside.into_iter().map(|(_, t)| *t)).collect();
        let fits = batch.len() <= width && kept_up(plan, 0, &BTreeSet::new(), &batch).is_ok();
        let outside: Vec<usize> = outside.into_iter().map(|(_, t)| *t).collect();
        fits.then(|| 1 + fewest(plan, &outside, width))
    });
    tried.min().unwrap_or(usize::MAX)
}

proptest! {
    #[test]
    fn every_order_keeps_its_promises(plan in any_plan()) {
        let chosen = plan.chosen(0);
        let Ok(order) = order(&plan) else {
            prop_assert!(!never_kept_up(&plan, 0).is_empty());
            return Ok(());
        };
        let StepOrder { batches, least, .. } = &order.steps[0];
        let sizes = &plan.steps[0].batch;
        let nobody = BTreeSet::new();
        for (i, batch) in batches.iter().enumerate() {
            let size = sizes.get(i).or(sizes.last()).map_or(1, |amount| amount.at_most_of(chosen.len()));
            let width = plan.limits.in_flight.map_or(size, |limit| size.min(limit as usize));
            prop_assert!((1..=width).contains(&batch.targets.len()), "batch {} of {:?}", i, batches);
            prop_assert_eq!(kept_up(&plan, 0, &nobody, &batch.targets), Ok(()));
            // as wide as can be: what comes later does not fit beside it
            let held_back = matches!(batch.why, Width::KeepUp(_));
            prop_assert_eq!(held_back, batch.targets.len() < width && i + 1 < batches.len());
            for later in batches[i + 1..].iter().flat_map(|batch| &batch.targets).filter(|_| held_back) {
                let wider: Vec<usize> = batch.targets.iter().chain([later]).copied().collect();
                prop_assert!(kept_up(&plan, 0, &nobody, &wider).is_err(), "{} would fit", later);
            }
        }
        let mut all: Vec<usize> = batches.iter().flat_map(|batch| batch.targets.clone()).collect();
        all.sort_unstable();
        prop_assert_eq!(all, chosen, "every target once");
        prop_assert!(batches.len() >= least.batches);
        prop_assert_eq!(super::order(&plan), Ok(order), "the same again");
    }

    #[test]
    fn the_bound_is_proved_and_hardly_ever_missed(mut plan in any_plan(), width in 1..5_u32) {
        plan.inventory.targets.truncate(7);
        plan.steps[0].targets = Selector::default();
        plan.steps[0].batch = vec![Amount::Count(width)];
        plan.limits.in_flight = None;
        if let Ok(order) = order(&plan) {
            let best = fewest(&plan, &plan.chosen(0), width as usize);
            let StepOrder { batches, least, .. } = &order.steps[0];
            prop_assert!(least.batches <= best, "{} is no bound: {} will do", least.batches, best);
            prop_assert!(best <= batches.len() && batches.len() <= best + 1, "{} for {}", batches.len(), best);
        }
    }

    #[test]
    fn the_order_of_steps_respects_every_edge(edges in proptest::collection::vec((0..9_usize, 0..9_usize), 0..20)) {
        let mut plan = plan(with_vips("-"));
        let name = |i: usize| format!("s{i}");
        plan.steps = (0..9).map(|i| step(&name(i), &[], &[])).collect();
        for (from, to) in &edges {
            plan.steps[*to].after.push(name(*from));
        }
        match order(&plan) {
            Ok(order) => {
                let place = |i: usize| order.steps.iter().position(|order| order.step == i).expect("each step");
                prop_assert!(edges.iter().all(|(from, to)| place(*from) < place(*to)));
                prop_assert_eq!(order.steps.len(), 9);
            }
            Err(error) => {
                prop_assert!(matches!(error, OrderError::Cycle(_)));
                for cycle in cycles(&edges_of(&plan.steps)) {
                    let next = cycle.iter().cycle().skip(1);
                    prop_assert!(cycle.iter().zip(next).all(|(step, next)| edges.contains(&(*next, *step))));
                }
            }
        }
    }
}
