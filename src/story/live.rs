//! A running plan on a terminal: lines that fit, for any number of targets.

use super::status::{BatchNow, RunStatus, Status, StepStatus};
use super::status_text::going;
use super::words::{columns, cut, enumerated, when};
use crate::text;

/// How far the clean window is that a gate needs, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// For so long every series was clean; 0 where one is not.
    pub clean_ms: i64,
    /// For so long they must be.
    pub wanted_ms: i64,
}

/// The last line.
const KEYS: &str = "Ctrl-C pauses after what is in flight; twice aborts";
/// So many characters the picture of a step's batches has.
const BATCHES: usize = 10;
/// So many characters the picture of a window has.
const WINDOW: usize = 20;
/// So many lines what the run waits for may take.
const WAITING: usize = 5;
/// So many of the things that a person can do are shown, and so many commands of each; `quietgate status` has all.
const TODOS: usize = 2;

/// What a terminal of `width` and `height` characters shows of `status`. `window` is that of the gate the run waits for,
/// where it waits for one. At most `height` lines of at most `width` characters; nothing in them is obeyed by a terminal.
pub fn live(status: &Status, window: Option<Window>, width: usize, height: usize) -> Vec<String> {
    let mut out = head(status);
    let foot = foot(status, window, width);
    if let Some(run) = &status.run {
        out.extend(steps(run, height.saturating_sub(out.len() + foot.len())));
    }
    // where it does not fit after all, what stands at the end is what one acts on
    out.truncate(height.saturating_sub(foot.len()));
    out.extend(foot);
    out.truncate(height);
    out.iter().map(|line| cut(&text::plain(line), width)).collect()
}

fn head(status: &Status) -> Vec<String> {
    let now = when(status.now);
    let mut out = vec![match &status.run {
        Some(run) => format!("run {} of plan {}: {}   {now}", run.run, run.plan, going(run)),
        None => format!("no run   {now}"),
    }];
    let run = status.run.as_ref();
    out.extend(run.and_then(|run| Some(run.turned.as_ref()?.words())));
    let paused = run.and_then(|run| run.paused.as_ref());
    out.extend(paused.map(|word| format!("paused by {}: {}", word.who, word.reason)));
    out.extend(status.frozen.as_ref().map(|word| format!("frozen by {}: {}", word.who, word.reason)));
    out.extend(run.and_then(|run| Some(run.captures.as_ref()?.words().to_owned())));
    out.push(String::new());
    out
}

fn foot(status: &Status, window: Option<Window>, width: usize) -> Vec<String> {
    let mut out = Vec::new();
    for part in [waiting(status, window, width), todo(status)] {
        if !part.is_empty() {
            out.push(String::new());
            out.extend(part);
        }
    }
    if status.run.as_ref().is_some_and(|run| !run.over) {
        out.extend([String::new(), KEYS.to_owned()]);
    }
    out
}

/// The steps in at most `room` lines, in the order of the plan. Where there are too many, those at work stand before those
/// to come, and these before those that are over.
fn steps(run: &RunStatus, room: usize) -> Vec<String> {
    let rows: Vec<_> = run.steps.iter().map(row).collect();
    let lines = columns(&rows).into_iter().zip(&run.steps);
    let blocks: Vec<Vec<String>> = lines
        .map(|(line, step)| std::iter::once(line).chain(step.batch.iter().flat_map(below)).collect())
        .collect();
    let mut shown: Vec<usize> = (0..blocks.len()).collect();
    if blocks.iter().map(Vec::len).sum::<usize>() > room {
        let mut free = room.saturating_sub(1);
        shown.sort_by_key(|&i| weight(&run.steps[i]));
        shown.retain(|&i| {
            let fits = blocks[i].len() <= free;
            free -= if fits { blocks[i].len() } else { 0 };
            fits
        });
        shown.sort_unstable();
    }
    let hidden = blocks.len() - shown.len();
    let mut out: Vec<String> = shown.iter().flat_map(|&i| blocks[i].clone()).collect();
    if hidden > 0 {
        out.push(format!("and {}", text::counted(hidden as u64, "step more", "steps more")));
    }
    out
}

/// Those at work first, then those to come, then those that are over.
fn weight(step: &StepStatus) -> u8 {
    match (step.at_work, step.waiting) {
        (1.., _) => 0,
        (0, 1..) => 1,
        (0, 0) => 2,
    }
}

fn row(step: &StepStatus) -> Vec<String> {
    let batches = format!("{} of {}", text::count(step.passed as u64), text::count(step.batches as u64));
    let cells = step.batches.min(BATCHES);
    let picture = format!("[{}]", picture(step.passed, step.at_work, step.batches, cells));
    vec![step.step.clone(), picture, batches, step.targets.words()]
}

/// `##>...`: what has passed, what is at work, what is to come, of `all` in so many cells.
fn picture(passed: usize, at_work: usize, all: usize, cells: usize) -> String {
    let share = |count: usize| (count * cells).checked_div(all).unwrap_or(0);
    let to_come = all.saturating_sub(passed + at_work);
    // a cell that is full says that all of it has passed; what is at work is never too little to see
    let done = share(passed);
    let working = (share(passed + at_work) - done).max(usize::from(at_work > 0)).min(cells - done);
    let rest = if to_come == 0 && at_work == 0 { 0 } else { cells - done - working };
    format!("{}{}{}", "#".repeat(done), ">".repeat(working), ".".repeat(rest))
}

/// What is told of a batch that is at work: its targets, and what is expected of it.
fn below(batch: &BatchNow) -> Vec<String> {
    let expected = batch.expected_words().map(|words| format!("    {words}"));
    targets(batch).into_iter().chain(expected).collect()
}

/// The targets of a batch that is at work.
fn targets(batch: &BatchNow) -> Option<String> {
    let first: Vec<_> = batch
        .targets
        .first
        .iter()
        .map(|target| format!("{} {}", target.target, target.state.word()))
        .collect();
    let more = batch.targets.count - first.len();
    batch.started.then(|| format!("    batch {}: {}", batch.batch + 1, enumerated(&first, more)))
}

/// What the run waits for. A pause and a freeze stand in the head.
fn waiting(status: &Status, window: Option<Window>, width: usize) -> Vec<String> {
    let waits: Vec<_> = status.waiting.iter().filter(|wait| !wait.is_in_head()).collect();
    let mut out: Vec<String> = waits.iter().flat_map(|wait| wrapped(&wait.reason, width)).collect();
    if out.len() > WAITING {
        out.truncate(WAITING - 1);
        out.push("  …".to_owned());
    }
    let patience = waits.iter().find_map(|wait| wait.patience.as_ref());
    out.extend(patience.iter().flat_map(|patience| wrapped(&patience.words, width)));
    let gate = waits.iter().any(|wait| wait.what == "gate");
    out.extend(window.filter(|_| gate).map(window_words));
    out
}

/// `clean for 4 min of 10 min, 6 min to go [########............]`.
fn window_words(Window { clean_ms, wanted_ms }: Window) -> String {
    let (clean, wanted) = (clean_ms.clamp(0, wanted_ms.max(0)), wanted_ms.max(0));
    let done = if wanted == 0 { WINDOW } else { (clean as f64 / wanted as f64 * WINDOW as f64) as usize };
    let bar = format!("[{}{}]", "#".repeat(done), ".".repeat(WINDOW - done));
    let (of, left) = (text::duration(wanted), text::duration(wanted - clean));
    if clean == 0 {
        format!("the clean window of {of} has not begun {bar}")
    } else {
        format!("clean for {} of {of}, {left} to go {bar}", text::duration(clean))
    }
}

/// `text` in lines of `width` characters, broken between words; those after the first are indented.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut out = vec![String::new()];
    for word in text.split(' ') {
        let line = out.last_mut().expect("it has the first line");
        if !line.trim().is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            out.push(format!("  {word}"));
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    out
}

fn todo(status: &Status) -> Vec<String> {
    let mut out = Vec::new();
    for todo in status.todo.iter().take(TODOS) {
        out.push(format!("{}:", todo.why));
        out.extend(todo.commands.iter().take(TODOS).map(|command| format!("  {command}")));
    }
    out
}
