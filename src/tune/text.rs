//! What was found, in words and as JSON.

use super::budget::{Asked, Budget, Standing, lower};
use super::dials::left;
use super::tally::{Figures, Tally};
use super::{OfSeries, Tuned};
use crate::backtest::output::json_line;
use crate::backtest::{NotJudged, Starts};
use crate::text::{counted, duration, number, plain, share, time};
use jiff::tz::TimeZone;
use serde::Serialize;
use std::io::{self, Write};

/// So many series that cannot meet the budget, or cannot be judged, are named.
const NAMED: usize = 10;
/// So wide is the column of the figures' names.
const BETWEEN: usize = 2;

/// What is told of one signal.
#[derive(Debug)]
pub struct Told<'a> {
    /// Its name.
    pub name: &'a str,
    /// What was found.
    pub tuned: &'a Tuned,
    /// The config with the setting to take.
    pub config: &'a str,
}

/// Writes what was found of a signal for people: the frontier, the parts of the time, the config and the maths behind it.
/// Times are those of `zone`.
///
/// # Errors
/// What writing returns.
pub fn text(told: &Told<'_>, zone: &TimeZone, out: &mut dyn Write) -> io::Result<()> {
    let Told { name, tuned, config } = told;
    let Tuned { settings, whole, budget, starts, .. } = tuned;
    let whole_of_best = &whole[tuned.best];
    writeln!(out, "{name}: {}", settings[0].rule)?;
    writeln!(
        out,
        "{} settings judged on {}; with the one to take {} outside of labels",
        settings.len(),
        counted(tuned.series.len() as u64, "series", "series"),
        curve_days(whole_of_best.days())
    )?;
    if whole_of_best.labels == 0 {
        writeln!(
            out,
            "there is no label in the recording: nothing can be missed, and false episodes alone decide"
        )?;
    }
    writeln!(out, "budget {}: {}", budget.asked, allowed(budget))?;
    if let Some(Starts { every_ms, looked_ms }) = starts {
        let (every, looked) = (duration(*every_ms), duration(*looked_ms));
        writeln!(
            out,
            "a batch is taken to start every {every}: only what begins in the {looked} after a start counts"
        )?;
    }
    for (kind, at_starts) in left(&settings[0].rule, starts.is_some()) {
        let why = if at_starts {
            "it judges the starts of batches, of which a recording has none; it fires nowhere here, unless --every takes some to \
             be there"
        } else {
            "it has no option that says how far a value must go"
        };
        writeln!(out, "{kind} is not tuned: {why}")?;
    }
    writeln!(out, "\nthe frontier: nothing else has as few false episodes and misses as few labels")?;
    let mut rows = vec![row_of_names()];
    for &index in &tuned.frontier {
        rows.push(row(&whole[index], budget, &marked(tuned, index)));
    }
    if !tuned.frontier.contains(&tuned.best) {
        rows.push(row(whole_of_best, budget, &marked(tuned, tuned.best)));
    }
    if tuned.best != 0 && !tuned.frontier.contains(&0) {
        rows.push(row(&whole[0], budget, &marked(tuned, 0)));
    }
    table(&rows, out)?;
    by_parts(tuned, zone, out)?;
    writeln!(out, "\n{}", verdict(tuned))?;
    of_series(tuned, out)?;
    write!(out, "\n{config}")
}

/// The setting with a word on what it is.
fn marked(tuned: &Tuned, index: usize) -> String {
    let setting = &tuned.settings[index];
    let given = if setting.given { "  as given" } else { "" };
    let taken = if index == tuned.best { "  <- take this" } else { "" };
    format!("{}{given}{taken}", setting.words)
}

fn row_of_names() -> Vec<String> {
    ["false", "a day", "at most", "held", "at most", "caught", "late", "median", "90 %", "budget", "setting"]
        .map(str::to_owned)
        .to_vec()
}

fn row(tally: &Tally, budget: &Budget, setting: &str) -> Vec<String> {
    let figures = tally.figures(budget);
    let known = |value: Option<f64>, form: &dyn Fn(f64) -> String| value.map_or("-".to_owned(), form);
    let minutes = |value| {
        known(value, &|minutes: f64| match minutes {
            0.0 => "0".to_owned(),
            _ => duration((minutes * 60_000.0).round() as i64),
        })
    };
    vec![
        figures.false_episodes.to_string(),
        known(figures.false_a_day, &number),
        known(figures.false_a_day_upper, &number),
        known(figures.hold, &share),
        known(figures.hold_upper, &share),
        format!("{}/{}", figures.caught, figures.labels),
        figures.late.to_string(),
        minutes(figures.delay_minutes_median),
        minutes(figures.delay_minutes_p90),
        figures.budget.to_owned(),
        setting.to_owned(),
    ]
}

/// Columns as wide as what stands in them; the last ones are words, and begin at the left.
fn table(rows: &[Vec<String>], out: &mut dyn Write) -> io::Result<()> {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..columns).map(width).collect();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let blanks = " ".repeat(widths[column] - cell.chars().count());
            let gap = " ".repeat(BETWEEN);
            let is_words = column + BETWEEN >= columns;
            line += &if is_words { format!("{gap}{cell}{blanks}") } else { format!("{gap}{blanks}{cell}") };
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn by_parts(tuned: &Tuned, zone: &TimeZone, out: &mut dyn Write) -> io::Result<()> {
    let parts = tuned.folds.len();
    writeln!(
        out,
        "\n{parts} parts of the time: chosen on the other {}, counted in the one left out",
        parts.saturating_sub(1)
    )?;
    let mut names = row_of_names();
    names.insert(0, "from".to_owned());
    let mut rows = vec![names];
    for fold in &tuned.folds {
        let mut cells = row(&fold.outside, &tuned.budget, &tuned.settings[fold.chosen].words);
        cells.insert(0, time(fold.from_ms, zone));
        rows.push(cells);
    }
    let chosen = &tuned.whole[tuned.best];
    let together = Tally::sum(tuned.folds.iter().map(|fold| &fold.outside));
    for (tally, words) in [(&together, "left out, together"), (chosen, "chosen and counted on all of it")] {
        let mut cells = row(tally, &tuned.budget, words);
        cells.insert(0, String::new());
        rows.push(cells);
    }
    table(&rows, out)
}

fn curve_days(days: f64) -> String {
    format!("{} curve-days", number(days))
}

/// What the budget allows, and why.
fn allowed(budget: &Budget) -> String {
    let rate = number(budget.rate());
    let step =
        format!("{} x {} of soak", counted(budget.series, "series", "series"), duration(budget.soak_ms));
    match budget.asked {
        Asked::Targets { holds, targets } => format!(
            "{rate} false episodes a curve-day = {} / ({} steps x {step}), so that {} false {} expected in all of them; \
             a clean step is held with {}",
            number(holds),
            number(targets),
            number(holds),
            if holds == 1.0 { "hold is" } else { "holds are" },
            probability(budget.hold(budget.rate()))
        ),
        Asked::Daily(_) => format!(
            "{rate} false episodes a curve-day; a clean step ({step}) is then held with {}",
            probability(budget.hold(budget.rate()))
        ),
        Asked::Share(_) => {
            format!("{rate} false episodes a curve-day = -ln(1 - {}) / ({step})", budget.asked)
        }
    }
}

/// A small probability with its digits.
fn probability(value: f64) -> String {
    format!("{}%", number(value * 100.0))
}

/// What is to be taken, how it stands to the budget, and why.
pub fn verdict(tuned: &Tuned) -> String {
    let budget = &tuned.budget;
    let tally = &tuned.whole[tuned.best];
    let Figures { false_episodes, false_a_day, false_a_day_upper, hold_upper, .. } = tally.figures(budget);
    let rate = |value: Option<f64>| value.map_or("-".to_owned(), number);
    let seen = format!(
        "{} in {} are {} a curve-day, and at most {} with 95 % confidence ({})",
        counted(false_episodes, "false episode", "false episodes"),
        curve_days(tally.days()),
        rate(false_a_day),
        rate(false_a_day_upper),
        if false_episodes == 0 { "none seen: 3 / T" } else { "Poisson" },
    );
    let hold = hold_upper.map_or("-".to_owned(), probability);
    let end = match tally.standing(budget) {
        Standing::Within => format!(
            "within the budget of {}: a clean step is held with at most {hold} = 1 - exp(-{} x {} x {})",
            number(budget.rate()),
            rate(false_a_day_upper),
            counted(budget.series, "series", "series"),
            duration(budget.soak_ms)
        ),
        Standing::Unshown => format!(
            "this recording cannot show that it is within the budget of {}: {} {} are needed",
            number(budget.rate()),
            curve_days(budget.days_needed(false_episodes)),
            match false_episodes {
                0 => "without a false episode".to_owned(),
                seen => format!("with no more than {}", counted(seen, "false episode", "false episodes")),
            }
        ),
        Standing::Over => format!(
            "over the budget of {}: no setting that was tried is within it; this has the fewest false episodes",
            number(budget.rate())
        ),
    };
    format!("take {}: {seen}; {end}", tuned.settings[tuned.best].words)
}

/// The series on which more was seen than the budget allows.
fn over(tuned: &Tuned) -> Vec<&OfSeries> {
    let is_over = |of: &&OfSeries| of.best.standing(&tuned.budget) == Standing::Over;
    let mut over: Vec<_> = tuned.series.iter().filter(is_over).collect();
    over.sort_by(|a, b| b.best.false_episodes.cmp(&a.best.false_episodes).then(a.name.cmp(&b.name)));
    over
}

/// Whether the series has more false episodes than the budget allows with every setting, with 95 % confidence.
fn never_meets(of: &OfSeries, budget: &Budget) -> bool {
    let (seen, clean_ms) = of.least;
    lower(seen) > budget.rate() * days(clean_ms)
}

/// Curve-days of as many milliseconds.
fn days(ms: i64) -> f64 {
    ms as f64 / 86_400_000.0
}

/// What could be done about a series that is over the budget.
fn prospect(of: &OfSeries, budget: &Budget) -> String {
    let (seen, clean_ms) = of.least;
    if never_meets(of, budget) {
        format!("it cannot meet the budget: no setting has fewer than {seen}")
    } else if budget.standing(seen, days(clean_ms)) == Standing::Over {
        format!("no setting has fewer than {seen}, which is too few to say that it cannot meet the budget")
    } else {
        format!("another setting has {seen}")
    }
}

fn of_series(tuned: &Tuned, out: &mut dyn Write) -> io::Result<()> {
    let over = over(tuned);
    for of in over.iter().take(NAMED) {
        writeln!(
            out,
            "over the budget: {}: {} in {}; {}",
            plain(&of.name),
            counted(of.best.false_episodes, "false episode", "false episodes"),
            curve_days(of.best.days()),
            prospect(of, &tuned.budget),
        )?;
    }
    if over.len() > NAMED {
        writeln!(out, "over the budget: {} series more", over.len() - NAMED)?;
    }
    for (name, why) in tuned.not_judged.iter().take(NAMED) {
        writeln!(out, "not judged: {}: {why}", plain(name))?;
    }
    if tuned.not_judged.len() > NAMED {
        writeln!(out, "not judged: {} series more", tuned.not_judged.len() - NAMED)?;
    }
    Ok(())
}

/// The series that cannot be judged, each with the reason.
fn not_judged(tuned: &Tuned) -> serde_json::Value {
    let one =
        |(name, why): &(String, _)| serde_json::json!({"series": name, "reason": NotJudged::to_string(why)});
    tuned.not_judged.iter().map(one).collect()
}

/// Writes what was found of a signal as lines of JSON: `point` for each point of the frontier, `fold` for each part of
/// the time, `series` for each series, and a `summary` with the config at the end.
///
/// # Errors
/// What writing returns.
pub fn json(told: &Told<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Told { name, tuned, config } = *told;
    #[derive(Serialize)]
    struct Point<'a> {
        signal: &'a str,
        setting: &'a str,
        turn: f64,
        given: bool,
        #[serde(flatten)]
        figures: Figures,
    }
    let budget = &tuned.budget;
    let point = |index: usize| {
        let setting = &tuned.settings[index];
        let figures = tuned.whole[index].figures(budget);
        Point { signal: name, setting: &setting.words, turn: setting.turn, given: setting.given, figures }
    };
    tuned.frontier.iter().try_for_each(|&index| json_line(out, "point", &point(index)))?;
    for fold in &tuned.folds {
        let value = serde_json::json!({
            "signal": name,
            "from": crate::text::rfc3339(fold.from_ms),
            "until": crate::text::rfc3339(fold.until_ms),
            "setting": tuned.settings[fold.chosen].words,
            "inside": fold.inside.figures(budget),
            "outside": fold.outside.figures(budget),
        });
        json_line(out, "fold", &value)?;
    }
    for of in &tuned.series {
        let value = serde_json::json!({
            "signal": name,
            "series": of.name,
            "false_episodes": of.best.false_episodes,
            "clean_days": of.best.days(),
            "labels": of.best.labels,
            "caught": of.best.caught,
            "budget": of.best.standing(budget).word(),
            "fewest_false_episodes": of.least.0,
            "cannot_meet_the_budget": never_meets(of, budget),
        });
        json_line(out, "series", &value)?;
    }
    let together = Tally::sum(tuned.folds.iter().map(|fold| &fold.outside));
    let not_tuned: Vec<_> =
        left(&tuned.settings[0].rule, tuned.starts.is_some()).into_iter().map(|(kind, _)| kind).collect();
    let value = serde_json::json!({
        "signal": name,
        "rule": tuned.settings[0].rule.to_string(),
        "settings": tuned.settings.len(),
        "not_tuned": not_tuned,
        "budget": budget.asked.to_string(),
        "soak_ms": budget.soak_ms,
        "series_per_step": budget.series,
        "starts_every_ms": tuned.starts.map(|starts| starts.every_ms),
        "starts_looked_at_ms": tuned.starts.map(|starts| starts.looked_ms),
        "allowed_a_day": budget.rate(),
        "days_needed": budget.days_needed(tuned.whole[tuned.best].false_episodes),
        "given": tuned.whole[0].figures(budget),
        "take": point(tuned.best),
        "left_out": together.figures(budget),
        "not_judged": not_judged(tuned),
        "why": verdict(tuned),
        "config": config,
    });
    json_line(out, "summary", &value)
}
