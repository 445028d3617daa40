//! Captures of anomalies in the made world: they begin and end at any instant, and a run does nothing else because of them.

use super::outside::Outside;
use quietgate::run::{Driver, Refused};
use quietgate::steps::{Capture, Captured, End, Record, Run, Scene};

/// So many captures a run has here, so that it comes to its end.
const MOST: usize = 3;

/// A program of a capture ends, or a capture begins or is left out, or nothing of that.
pub(crate) async fn look(driver: &mut Driver, outside: &mut Outside) -> Result<(), Refused> {
    let Some(before) = driver.run().cloned() else { return Ok(()) };
    let record = if outside.dice.one_in(3) { ended(&before, outside) } else { begun(&before, outside) };
    let Some(record) = record else { return Ok(()) };
    driver.write(outside, record).await?;
    let after = driver.run().map(|run| Run { scenes: before.scenes.clone(), ..run.clone() });
    let is_same = after.is_some_and(|after| after == before);
    outside.must(is_same.then_some(()).ok_or_else(|| "a capture changed a run".to_owned()));
    Ok(())
}

fn begun(run: &Run, outside: &mut Outside) -> Option<Record> {
    let number = run.scenes.all.len() + 1;
    if number > MOST || outside.is_calm || !outside.dice.one_in(20) {
        return None;
    }
    let left_out = outside.dice.one_in(4).then(|| "too soon".to_owned());
    let programs = match left_out {
        Some(_) => Vec::new(),
        None => vec![vec!["vmstat".to_owned(), "1".to_owned()], vec!["ps".to_owned()]],
    };
    let scene = Scene {
        run: run.pinned.run.clone(),
        capture: number as u32,
        signal: "loss".to_owned(),
        series: vec!["loss".to_owned()],
        count: 1,
        found: "now".to_owned(),
    };
    Some(Record::Capture(Capture { scene, since: "before".to_owned(), programs, left_out }))
}

fn ended(run: &Run, outside: &mut Outside) -> Option<Record> {
    let open = run.scenes.all.iter().find_map(|seen| Some((&seen.scene, seen.open.iter().next()?)));
    let (scene, (program, argv)) = open?;
    outside.mark("captured");
    Some(Record::Captured(Captured {
        scene: scene.clone(),
        program: *program,
        argv: argv.clone(),
        began: Some("now".to_owned()),
        took_ms: Some(1),
        end: Some(End::Succeeded),
        reason: "succeeded".to_owned(),
        output: "1 0 \u{1b}\n".to_owned(),
        bytes: 6,
        cut: false,
        errors: String::new(),
    }))
}
