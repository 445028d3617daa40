//! `quietgate plan`: the order of a plan, as it would be run.

use super::exit::Failure;
use super::format::Format;
use crate::config::plan::{Near, PlanFile};
use crate::config::read_text;
use crate::config::{Config, Mistakes};
use crate::plan::{
    Batch, Expects, HeldBack, Least, LeastBy, OnAnomaly, Plan, Step, StepOrder, Width, forecast,
};
use crate::text::{self, counted};
use clap::Args;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What `quietgate plan` takes.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The plan
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// The config whose signals it uses; else they are not looked up
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Writes the order of the plan of `args` to `out`.
///
/// # Errors
/// A plan or a config that cannot be read, with every mistake in it; an `out` that cannot be written.
pub(crate) fn run(args: &PlanArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let read = |path: &Path| {
        read_text(path).map_err(|message| Failure::Input(format!("{}: {message}", path.display())))
    };
    let file = read_plan(&args.plan, &read(&args.plan)?).map_err(Failure::because)?;
    if let Some(path) = &args.config {
        let config = Config::read(&path.display().to_string(), &read(path)?).map_err(Failure::because)?;
        let unknown = file.against(&config);
        if !unknown.list().is_empty() {
            return Err(Failure::because(unknown));
        }
    }
    match args.format {
        Format::Text => write_text(&file, out)?,
        Format::Json => {
            let json = serde_json::to_string_pretty(&as_json(&file)).map_err(io::Error::from)?;
            writeln!(out, "{}", text::plain_json(json))?;
        }
    }
    Ok(())
}

/// The plan in the file at `path`, whose content is `text`; its inventory is looked for beside it.
pub(super) fn read_plan(path: &Path, text: &str) -> Result<PlanFile, Mistakes> {
    PlanFile::read(&path.display().to_string(), text, &Near::to(path))
}

fn write_text(file: &PlanFile, out: &mut dyn Write) -> io::Result<()> {
    let PlanFile { plan, order, .. } = file;
    let steps = counted(plan.steps.len() as u64, "step", "steps");
    let targets = counted(plan.inventory.targets.len() as u64, "target", "targets");
    writeln!(out, "{}: {steps} on {} of {targets}", plan.name, text::count(plan.in_scope().len() as u64))?;
    for step in &order.steps {
        writeln!(out)?;
        write_step(plan, step, out)?;
    }
    let length = forecast(plan, order);
    let (least, most) = (text::duration(length.least_ms), text::duration(length.most_ms));
    writeln!(
        out,
        "\nA quiet run takes {least} and the time of the actions, at most {most} with their timeouts."
    )?;
    if plan.watch_after_ms > 0 {
        let watch = text::duration(plan.watch_after_ms);
        writeln!(out, "For {watch} of it, after the last batch, the slow layer watches on.")?;
    }
    writeln!(out, "{}", on_top(plan))
}

/// What may make a run longer.
fn on_top(plan: &Plan) -> &'static str {
    let approve = plan.steps.iter().any(|step| step.approve);
    let windows = plan.windows.is_some() || plan.steps.iter().any(|step| step.windows.is_some());
    match (approve, windows) {
        (false, false) => "Holds come on top.",
        (true, false) => "Approvals and holds come on top.",
        (false, true) => "Maintenance windows and holds come on top.",
        (true, true) => "Approvals, maintenance windows and holds come on top.",
    }
}

fn write_step(plan: &Plan, order: &StepOrder, out: &mut dyn Write) -> io::Result<()> {
    let step = &plan.steps[order.step];
    let after =
        if step.after.is_empty() { String::new() } else { format!(", after {}", step.after.join(", ")) };
    let count = order.batches.iter().map(|batch| batch.targets.len()).sum::<usize>();
    let targets = counted(count as u64, "target", "targets");
    let batches = counted(order.batches.len() as u64, "batch", "batches");
    let kind = &step.action.kind;
    writeln!(out, "{} ({kind}{after}): {targets} in {batches}, {}", step.name, distance(order))?;
    writeln!(out, "  {}", around(step))?;
    for (number, batch) in (1..).zip(&order.batches) {
        let width = counted(batch.targets.len() as u64, "target", "targets");
        writeln!(out, "  batch {number}: {width}, {}", why(&batch.why))?;
        write_names(batch.targets.iter().map(|target| plan.inventory.targets[*target].name.as_str()), out)?;
    }
    Ok(())
}

/// What its gates wait for, and what follows an anomaly.
fn around(step: &Step) -> String {
    let (before, after) =
        (text::duration(step.gate.clean_before_ms), text::duration(step.gate.clean_after_ms));
    let mut words = format!("clean for {before} before and {after} after each batch");
    if step.soak_ms > 0 {
        words += &format!(", soaks {} at its end", text::duration(step.soak_ms));
    }
    words += match step.on_anomaly {
        OnAnomaly::Pause => "; an anomaly pauses",
        OnAnomaly::Rollback => "; an anomaly rolls back",
        OnAnomaly::Abort => "; an anomaly aborts",
    };
    for expects in &step.expects {
        let (signals, time) = (expects.signals.join(", "), text::duration(expects.for_ms));
        words += &format!(
            "\n  expects {signals} of its own targets to move for {time} from the start of each batch"
        );
    }
    if step.approve {
        words += "\n  a person must approve before it begins";
    }
    words
}

/// How far the number of batches is from the bound.
fn distance(order: &StepOrder) -> String {
    let Least { batches, by } = &order.least;
    let by = match by {
        LeastBy::Width => "the width of the batches".to_owned(),
        LeastBy::Group { label, value } => format!("{label}={}", text::plain(value)),
        LeastBy::Rule { label } => format!("all values of {label}"),
    };
    match order.batches.len().saturating_sub(*batches) {
        0 if order.batches.is_empty() => "nothing to do".to_owned(),
        0 => "the fewest that are possible".to_owned(),
        more => format!("{more} more than the fewest that may be possible ({batches}, by {by})"),
    }
}

/// Why a batch is as wide as it is.
fn why(width: &Width) -> String {
    match width {
        Width::Size(size) => format!("the batch size ({size}) is reached"),
        Width::InFlight(limit) => format!("the limit of targets in flight ({limit}) is reached"),
        Width::KeepUp(HeldBack { label, value, members, min, at_work, waiting }) => {
            let waits = counted(*waiting as u64, "target waits", "targets wait");
            let value = text::plain(value);
            format!("{label}={value} must keep {min} of {members} up and has {at_work} here: {waits}")
        }
        Width::Rest => "all that was left".to_owned(),
    }
}

/// The width of the text.
const COLUMNS: usize = 100;
const INDENT: &str = "    ";

fn write_names<'a>(names: impl Iterator<Item = &'a str>, out: &mut dyn Write) -> io::Result<()> {
    let mut line = String::new();
    for name in names {
        if !line.is_empty() && INDENT.len() + line.len() + 1 + name.len() > COLUMNS {
            writeln!(out, "{INDENT}{line}")?;
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(name);
    }
    writeln!(out, "{INDENT}{line}")
}

fn as_json(file: &PlanFile) -> Value {
    let PlanFile { plan, order, .. } = file;
    let length = forecast(plan, order);
    json!({
        "plan": plan.name,
        "targets": plan.inventory.targets.len(),
        "least_ms": length.least_ms,
        "most_ms": length.most_ms,
        "watch_after_ms": plan.watch_after_ms,
        "steps": order.steps.iter().map(|step| step_json(plan, step)).collect::<Vec<_>>(),
    })
}

fn step_json(plan: &Plan, order: &StepOrder) -> Value {
    let step = &plan.steps[order.step];
    json!({
        "step": step.name,
        "after": step.after,
        "action": step.action.kind,
        "on_anomaly": step.on_anomaly.word(),
        "clean_before_ms": step.gate.clean_before_ms,
        "clean_after_ms": step.gate.clean_after_ms,
        "soak_ms": step.soak_ms,
        "expects": step.expects.iter().map(expects_json).collect::<Vec<_>>(),
        "approve": step.approve,
        "least_batches": order.least.batches,
        "batches": order.batches.iter().map(|batch| batch_json(plan, batch)).collect::<Vec<_>>(),
    })
}

fn expects_json(expects: &Expects) -> Value {
    json!({"signals": expects.signals, "for_ms": expects.for_ms})
}

fn batch_json(plan: &Plan, batch: &Batch) -> Value {
    let names = batch.targets.iter().map(|target| plan.inventory.targets[*target].name.as_str());
    let mut value = json!({"targets": names.collect::<Vec<_>>(), "why": why(&batch.why)});
    value["limited_by"] = json!(match &batch.why {
        Width::Size(_) => "batch",
        Width::InFlight(_) => "in_flight",
        Width::KeepUp(_) => "keep_up",
        Width::Rest => "rest",
    });
    if let Width::KeepUp(HeldBack { label, value: of, members, min, at_work, waiting }) = &batch.why {
        value["group"] = json!({
            "label": label, "value": of, "members": members, "min": min, "at_work": at_work, "waiting": waiting,
        });
    }
    value
}
