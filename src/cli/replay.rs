//! `quietgate replay`: puts a whole plan through recorded series, or a recorded run through its gates once more.

use super::backtest::{FormatArg, check_labels, processors, read_labels};
use super::exit::{End, Failure};
use super::input::InputArgs;
use super::progress::Progress;
use super::reporting;
use super::state::{Database, folder_of};
use crate::backtest::labels::Labels;
use crate::config::Config;
use crate::config::plan::{Near, PlanFile};
use crate::config::read_text;
use crate::config::units::Duration;
use crate::journal::{self, Entry};
use crate::replay::{self, About, Lasted, Past, Ran, Replay, Said};
use crate::sources::recorded::{self, Recording};
use crate::story::Noted;
use crate::text::{count, counted, plain_json, rfc3339};
use clap::Args;
use quietgate_detectors::Timestamp;
use serde_json::json;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Put a plan through recorded series: how many runs its gates would have held, where and why, and for how long
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, mut_arg("input", |input| input.required(false).required_unless_present("recorded")))]
pub(crate) struct ReplayArgs {
    /// The plan; with --recorded it comes from the journal
    #[arg(value_name = "PLAN", required_unless_present = "recorded")]
    plan: Option<PathBuf>,
    /// The config: the plan's signals, and how they are judged
    #[arg(long, value_name = "FILE", default_value = "quietgate.yaml")]
    config: PathBuf,
    #[command(flatten)]
    input: InputArgs,
    /// Leave out series that are of no signal of the config, else they are a mistake
    #[arg(long, help_heading = "What to read")]
    leave_out: bool,
    /// Start a run so often; else at every interval of the fastest signal
    #[arg(long, value_name = "DURATION", conflicts_with = "at", help_heading = "Which runs")]
    every: Option<Duration>,
    /// Start a run at this time, and at no other; may be given again
    #[arg(long, value_name = "TIME", help_heading = "Which runs")]
    at: Vec<String>,
    /// Start none before this time; else before the detectors are warmed up and the clean window has had its time
    #[arg(long, value_name = "TIME", help_heading = "Which runs")]
    from: Option<String>,
    /// Start none after this time
    #[arg(long, value_name = "TIME", help_heading = "Which runs")]
    until: Option<String>,
    /// How long an action takes, `4m` for all steps, `upgrade=4m` for one; else as in earlier runs, else one minute
    #[arg(long, value_name = "[STEP=]DURATION", help_heading = "Which runs")]
    takes: Vec<String>,
    /// The folder of a state whose journal tells how long actions took in earlier runs, or has the recorded one
    #[arg(long, value_name = "DIR", help_heading = "Which runs")]
    state: Option<PathBuf>,
    #[command(flatten)]
    database: Database,
    /// Drive a run once more that `quietgate run --record` has put down in this file, and hold each decision against its journal
    #[arg(long, value_name = "FILE", conflicts_with_all = ["plan", "input", "every", "at", "takes", "labels", "report"],
        help_heading = "A run that was recorded")]
    recorded: Option<PathBuf>,
    /// The run, where the file has several
    #[arg(long, value_name = "RUN", requires = "recorded", help_heading = "A run that was recorded")]
    run: Option<String>,
    /// How many runs are driven at once [default: as many as there are processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// When series were truly anomalous: JSON `{"series": [["from","to"], ...]}` or CSV `series,from,to`
    #[arg(long, value_name = "FILE", help_heading = "What to write")]
    labels: Option<String>,
    /// The form of the output: text, one JSON object, or CSV with a row for each run
    #[arg(long, value_enum, default_value_t = FormatArg::Text, help_heading = "What to write")]
    format: FormatArg,
    /// Write report.html and replay.json into this directory
    #[arg(long, value_name = "DIR", help_heading = "What to write")]
    report: Option<PathBuf>,
    /// Write every decision of the gates of the runs of --at, one JSON object a line, and nothing else
    #[arg(long, requires = "at", conflicts_with_all = ["moments", "report", "labels"], help_heading = "What to write")]
    decisions: bool,
    /// Let the first batch start at --at whatever its gate says, and write for each interval around it whether the gate would be
    /// shut and why, one JSON object a line, and nothing else
    #[arg(long, requires = "at", conflicts_with_all = ["report", "labels"], help_heading = "What to write")]
    moments: bool,
}

const EXAMPLES: &str = "\
Examples:
  quietgate replay plan.yaml --input load.csv
      a run from every interval of the recording
  quietgate replay plan.yaml --input 'day-*.csv' --every 1h --takes upgrade=4m --report out
      a run from every hour, with pictures of what held them in out/report.html
  quietgate replay plan.yaml --input load.csv --at 2026-03-09T08:00:00Z --decisions
      one run, with everything that its gates decide

A series of the input is of the signal that its label `signal` names, or that has its name; labels may follow in
braces: loss{host=h1}. Every sample arrives at its own time. Every approval is given at once, no action fails.
Exit codes: 0 done; 1 failed or stopped before the end; 2 bad usage or input.";

/// Puts the plan of `args` through its recording.
///
/// # Errors
/// A plan, config, recording or state that cannot be used; an output that cannot be written.
pub(crate) fn run(args: &ReplayArgs) -> Result<End, Failure> {
    let plan = match (&args.recorded, &args.plan) {
        (Some(recorded), _) => return again(args, recorded),
        (None, Some(plan)) => plan,
        (None, None) => return Err(Failure::Input("a plan is needed, or --recorded with a file".to_owned())),
    };
    let (config, file) = read(&args.config, plan)?;
    let labels = args.labels.as_deref().map(read_labels).transpose()?;
    let takes = takes(args, &config, &file)?;
    if let Some(directory) = &args.report {
        reporting::prepare(directory)?;
    }
    let progress = Progress::begin()?;
    let threads = args.threads.map_or_else(processors, usize::from);
    progress.reading(recorded::total_bytes(&args.input.input).map_err(Failure::because)?);
    let options = args.input.options(threads)?;
    let recording = recorded::load(&args.input.input, &options, &progress).map_err(Failure::because)?;
    progress.end();
    check_labels(labels.as_ref(), &recording)?;
    let streams =
        replay::streams(&recording, &config, &file.plan, args.leave_out).map_err(Failure::because)?;
    let replay = Replay::new(&file, &config, streams, takes).map_err(Failure::because)?;
    let starts = starts(args, &replay)?;
    if args.decisions {
        return decisions(&replay, &starts);
    }
    if args.moments {
        return moments(&replay, &starts);
    }
    let runs = replay.runs(&starts, threads, &|| progress.stopped()).map_err(wrong)?;
    let about = About {
        inputs: args.input.input.clone(),
        starts: starts.len() as u64,
        every_ms: args.at.is_empty().then(|| every_ms(args, &replay)),
        interrupted: progress.stopped() || recording.interrupted(),
    };
    tell(args, &replay, &recording, about, &runs, labels.as_ref())
}

fn tell(
    args: &ReplayArgs,
    replay: &Replay,
    recording: &Recording,
    about: About,
    runs: &[Ran],
    labels: Option<&Labels>,
) -> Result<End, Failure> {
    let end = if about.interrupted { End::Aborted } else { End::Done };
    let met =
        labels.map(|labels| replay::incidents(labels, &replay.tape().streams, recording.series(), runs));
    let summary = replay::summary(replay, about, runs, met);
    if let Some(directory) = &args.report {
        let put = |name: &str, text: String| {
            let path = directory.join(name);
            std::fs::write(&path, text).map_err(|error| Failure::File(path.display().to_string(), error))
        };
        put("replay.json", pretty(&summary)? + "\n")?;
        put(
            "report.html",
            replay::html(replay, &summary, labels.map(|labels| (labels, recording.series()))),
        )?;
        eprintln!("report: {}", directory.join("report.html").display());
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    match args.format {
        FormatArg::Text => replay::text(&summary, &mut out)?,
        FormatArg::Json => {
            writeln!(out, "{}", pretty(&summary)?)?;
        }
        FormatArg::Csv => replay::csv(replay, runs, &mut out)?,
    }
    out.flush()?;
    Ok(end)
}

/// As JSON of several lines.
fn pretty(summary: &replay::Summary) -> std::io::Result<String> {
    Ok(plain_json(serde_json::to_string_pretty(summary)?))
}

/// A record that cannot be is a mistake of the program.
fn wrong(error: crate::run::Refused) -> Failure {
    let why = match error {
        crate::run::Refused::Illegal(illegal) => illegal.to_string(),
        crate::run::Refused::Stopped(stopped) => stopped.to_string(),
    };
    Failure::Input(format!("a mistake in this program: {why}"))
}

fn read(config: &Path, plan: &Path) -> Result<(Config, PlanFile), Failure> {
    let text = |path: &Path| {
        read_text(path).map_err(|message| Failure::Input(format!("{}: {message}", path.display())))
    };
    let config_text = text(config)?;
    let config = Config::read(&config.display().to_string(), &config_text).map_err(Failure::because)?;
    let name = plan.display().to_string();
    let file = PlanFile::read(&name, &text(plan)?, &Near::to(plan)).map_err(Failure::because)?;
    let against = file.against(&config);
    if against.list().is_empty() { Ok((config, file)) } else { Err(Failure::because(against)) }
}

/// Drives a run once more that was recorded.
fn again(args: &ReplayArgs, recorded: &Path) -> Result<End, Failure> {
    let text = read_text(recorded)
        .map_err(|message| Failure::Input(format!("{}: {message}", recorded.display())))?;
    let state = match &args.state {
        Some(state) => state.clone(),
        None => {
            let name = args.config.display().to_string();
            let text =
                read_text(&args.config).map_err(|message| Failure::Input(format!("{name}: {message}")))?;
            folder_of(&args.config, &Config::read(&name, &text).map_err(Failure::because)?)?
        }
    };
    let mut entries = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(journal::read(&state, args.database.url(), |entry| entries.push(entry)))?;
    let again = replay::again(&text, &entries, args.run.as_deref()).map_err(Failure::because)?;
    let same = counted(again.same, "decision", "decisions");
    match (&again.difference, args.format) {
        (None, FormatArg::Json) => {
            println!("{}", json!({"same": again.same, "unseen": again.unseen, "difference": null}))
        }
        (None, _) => {
            println!("{same}, all identical");
            if again.unseen > 0 {
                println!("{} more by drivers that did not record", count(again.unseen));
            }
        }
        (Some(difference), FormatArg::Json) => {
            let (at, journal) = (rfc3339(difference.at.as_millis()), difference.journal.as_ref());
            let json = json!({"same": again.same, "unseen": again.unseen, "difference": {"at": at,
                "seq": journal.map(|(seq, _)| seq), "was": journal.map(|(_, was)| was), "now": difference.now}});
            println!("{}", plain_json(json.to_string()));
        }
        (Some(difference), _) => {
            let words = difference.to_string();
            let lines: Vec<_> = words.lines().map(crate::text::plain).collect();
            println!("{same} identical, then {}", lines.join("\n"));
        }
    }
    Ok(if again.difference.is_none() { End::Done } else { End::Aborted })
}

fn takes(args: &ReplayArgs, config: &Config, file: &PlanFile) -> Result<Vec<replay::Takes>, Failure> {
    let said = Said::read(&args.takes, &file.plan)
        .map_err(|message| Failure::Input(format!("--takes: {message}")))?;
    let state = match &args.state {
        Some(state) => state.clone(),
        // a journal that is elsewhere is asked for by its folder too
        None if args.database.url().is_some() => folder_of(&args.config, config)?,
        None => return Ok(said.of(&file.plan, &Lasted::new())),
    };
    let (mut past, mut odd) = (Past::default(), None);
    let take = |entry: Entry| {
        let at = Timestamp::from_millis(entry.at);
        match Noted::read(entry.seq, at, entry.epoch, &entry.record) {
            Ok(noted) => past.hear(&file.plan.name, &noted),
            Err(unreadable) => drop(odd.get_or_insert(unreadable)),
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(journal::read(&state, args.database.url(), take))?;
    match odd {
        None => Ok(said.of(&file.plan, &past.lasted())),
        Some(unreadable) => Err(Failure::Record(Box::new(unreadable))),
    }
}

fn every_ms(args: &ReplayArgs, replay: &Replay) -> i64 {
    args.every.map_or(replay.tape().step_ms(), Duration::as_millis)
}

fn starts(args: &ReplayArgs, replay: &Replay) -> Result<Vec<Timestamp>, Failure> {
    let time = |flag: &str, text: &str| {
        let allowed = "allowed is epoch s, ms, us or ns, RFC 3339, or YYYY-MM-DD HH:MM[:SS] in UTC";
        recorded::time(text).ok_or_else(|| Failure::Input(format!("{flag}: time {text:?}, {allowed}")))
    };
    let (first, last) = (replay.tape().first(), replay.tape().last());
    if args.at.is_empty() {
        let from = args.from.as_deref().map_or(Ok(replay.first_start()), |text| time("--from", text))?;
        let until = args.until.as_deref().map_or(Ok(last), |text| time("--until", text))?;
        let starts = replay.starts(from, until, every_ms(args, replay));
        if starts.is_empty() {
            let [from, until] = [from, until].map(|at| rfc3339(at.as_millis()));
            return Err(Failure::Input(format!(
                "no run can be started from {from} until {until}: the recording is too short for the warm-up of its \
                 detectors and the clean window, or --from and --until leave nothing of it"
            )));
        }
        return Ok(starts);
    }
    let mut starts = Vec::new();
    for text in &args.at {
        let at = time("--at", text)?;
        if at < first || at > last {
            let [first, last] = [first, last].map(|at| rfc3339(at.as_millis()));
            return Err(Failure::Input(format!("--at {text}: the recording is from {first} until {last}")));
        }
        starts.push(replay.tape().look_from(at));
    }
    starts.sort_unstable();
    starts.dedup();
    Ok(starts.into_iter().filter(|start| *start <= last).collect())
}

fn decisions(replay: &Replay, starts: &[Timestamp]) -> Result<End, Failure> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    for start in starts {
        let (mut written, begun) = (Ok(()), rfc3339(start.as_millis()));
        let mut hear = |at: Timestamp, gate: &crate::steps::Gate| {
            let at = rfc3339(at.as_millis());
            let line = json!({"start": begun, "at": at, "step": gate.step, "batch": gate.batch, "side": gate.side,
                "decision": gate.decision, "reason": gate.reason, "because": gate.because, "evidence": gate.evidence});
            if written.is_ok() {
                written = writeln!(out, "{}", plain_json(line.to_string()));
            }
        };
        let (ending, end) = replay.decisions(*start, &mut hear).map_err(wrong)?;
        written?;
        let end = rfc3339(end.as_millis());
        writeln!(out, "{}", json!({"start": begun, "at": end, "ending": ending.word()}))?;
    }
    out.flush()?;
    Ok(End::Done)
}

fn moments(replay: &Replay, starts: &[Timestamp]) -> Result<End, Failure> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    for start in starts {
        let mut written = Ok(());
        let mut hear = |moment: replay::Moment| {
            if written.is_ok() {
                let line = serde_json::to_string(&moment).map_err(std::io::Error::from);
                written = line.and_then(|line| writeln!(out, "{}", plain_json(line)));
            }
        };
        replay.moments(*start, &mut hear).map_err(wrong)?;
        written?;
    }
    out.flush()?;
    Ok(End::Done)
}
