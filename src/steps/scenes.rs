//! The captures of a run, as its records tell them. They are for who reads: nothing that a run does depends on them.

use super::record::{Capture, Captured, Record, Scene};
use quietgate_detectors::Timestamp;
use std::collections::BTreeMap;

/// All captures of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scenes {
    /// In the order of their numbers.
    pub all: Vec<Seen>,
}

/// A capture.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Of which anomaly.
    pub scene: Scene,
    /// When it was put on record.
    pub at: Timestamp,
    /// How many programs were started for it.
    pub programs: usize,
    /// Those of which it is not known yet how they ended, by their number, each with its arguments.
    pub open: BTreeMap<usize, Vec<String>>,
    /// Why it was left out; none where it was not.
    pub left_out: Option<String>,
}

impl Scenes {
    /// Those that were made, without those that were left out.
    pub fn made(&self) -> impl DoubleEndedIterator<Item = &Seen> {
        self.all.iter().filter(|seen| seen.left_out.is_none())
    }

    /// The newest of `signal`, made or left out.
    pub fn newest(&self, signal: &str) -> Option<&Seen> {
        self.all.iter().rev().find(|seen| seen.scene.signal == signal)
    }

    /// What is put on record of the programs whose driver ended before they did.
    pub fn lost(&self) -> impl Iterator<Item = Record> {
        let lost = |seen: &Seen, (program, argv): (&usize, &Vec<String>)| {
            Record::Captured(Captured {
                scene: seen.scene.clone(),
                program: *program,
                argv: argv.clone(),
                began: None,
                took_ms: None,
                end: None,
                reason: "the driver ended before it was known what it wrote".to_owned(),
                output: String::new(),
                bytes: 0,
                cut: false,
                errors: String::new(),
            })
        };
        self.all.iter().flat_map(move |seen| seen.open.iter().map(move |open| lost(seen, open)))
    }

    /// A capture begins, or is left out.
    pub(super) fn begin(&mut self, at: Timestamp, capture: &Capture) -> Result<(), &'static str> {
        if u32::try_from(self.all.len() + 1) != Ok(capture.scene.capture) {
            return Err("it is not the next capture of the run");
        }
        if capture.programs.is_empty() != capture.left_out.is_some() {
            return Err("a capture has programs, or a reason why it is left out");
        }
        self.all.push(Seen {
            scene: capture.scene.clone(),
            at,
            programs: capture.programs.len(),
            open: capture.programs.iter().cloned().enumerate().collect(),
            left_out: capture.left_out.clone(),
        });
        Ok(())
    }

    /// A program of a capture has ended.
    pub(super) fn end(&mut self, captured: &Captured) -> Result<(), &'static str> {
        let seen = self.all.iter_mut().find(|seen| seen.scene.capture == captured.scene.capture);
        let seen = seen.ok_or("there is no such capture")?;
        let open = seen.open.remove(&captured.program);
        open.map(drop).ok_or("the program of the capture has ended already")
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::steps::{End, Run};

    /// The next capture of `run`, by two programs.
    pub(crate) fn capture(run: &Run) -> Record {
        Record::Capture(next(&run.scenes))
    }

    /// The end of a program of a capture, where one is open.
    pub(crate) fn captured(run: &Run) -> Option<Record> {
        open(&run.scenes).map(Record::Captured)
    }

    fn next(scenes: &Scenes) -> Capture {
        let scene = Scene {
            run: "r1".to_owned(),
            capture: scenes.all.len() as u32 + 1,
            signal: "s".to_owned(),
            series: vec!["s".to_owned()],
            count: 1,
            found: String::new(),
        };
        let programs = vec![vec!["ps".to_owned()], vec!["vmstat".to_owned()]];
        Capture { scene, since: String::new(), programs, left_out: None }
    }

    fn open(scenes: &Scenes) -> Option<Captured> {
        let Record::Captured(captured) = scenes.lost().next()? else { return None };
        Some(Captured { end: Some(End::Succeeded), ..captured })
    }

    #[test]
    fn captures_are_numbered_and_each_program_ends_once() {
        let (mut scenes, at) = (Scenes::default(), Timestamp::from_millis(1));
        let first = next(&scenes);
        scenes.begin(at, &first).expect("the first");
        assert!(scenes.begin(at, &first).is_err(), "its number was given");
        let ended = open(&scenes).expect("two are open");
        scenes.end(&ended).expect("it was open");
        assert!(scenes.end(&ended).is_err(), "it has ended");
        let next = next(&scenes);
        let empty = Capture { programs: Vec::new(), ..next.clone() };
        assert!(scenes.begin(at, &empty).is_err(), "neither programs nor a reason");
        scenes.begin(at, &Capture { left_out: Some("why".to_owned()), ..empty }).expect("left out");
        assert_eq!((scenes.made().count(), scenes.all.len(), scenes.lost().count()), (1, 2, 1));
    }
}
