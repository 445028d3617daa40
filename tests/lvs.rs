//! A plan on a real LVS director: the lab's virtual machine has a kernel with IPVS, a client, two virtual IPs and three real
//! servers, and the program watches them from inside. One real server stops in the middle of a step, then one leaves the
//! table; in another run links lose some of the packets, and then all. Skipped in plain words where the lab or what it needs is not there, and with `QUIETGATE_LAB=required` a failure then.

use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the virtual machine may take at most, in seconds: processors are emulated, and others may use the real ones.
const LIMIT_S: &str = "400";
/// The lab's own exit code for something that is not installed.
const NOT_INSTALLED: i32 = 3;

/// What the scenario left behind.
struct Left(tempfile::TempDir);

impl Left {
    fn text(&self, name: &str) -> String {
        let path = self.0.path().join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}\n{}", self.console()))
    }

    /// Everything that the machine printed, for those who look into a failure.
    fn console(&self) -> String {
        let bytes = fs::read(self.0.path().join("console.txt")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn records(&self) -> Vec<Value> {
        self.text("journal.json").lines().map(|line| serde_json::from_str(line).expect("an object")).collect()
    }
}

/// Says why there is nothing to see.
fn skip(why: &str) -> Option<Left> {
    assert!(std::env::var_os("QUIETGATE_LAB").is_none_or(|word| word != "required"), "{why}");
    eprintln!("skipped: {why}");
    None
}

/// The first test unpacks the lab's kernel while the others wait: two that unpack it at once find half of what the other has written.
/// None where it is there already.
fn unpacking() -> Option<File> {
    let home = || Path::new(&std::env::var_os("HOME")?).join(".cache/lvs-vm").into();
    let cache: PathBuf = std::env::var_os("LVS_VM_CACHE").map(PathBuf::from).or_else(home)?;
    fs::create_dir_all(&cache).expect("the lab's cache");
    let turn = File::create(cache.join("unpacking")).expect("a file to lock");
    turn.lock().expect("a turn");
    (!cache.join("k/lib").exists()).then_some(turn)
}

/// A scenario of this folder, played in the lab with these files.
fn played(scenario: &str, files: &[&str]) -> Option<Left> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lab = root.join("../shared/lab/lvs-vm");
    if !lab.exists() {
        return skip("the LVS lab is not beside the checkout");
    }
    let here = root.join("tests/lvs");
    let out = tempfile::tempdir().expect("a directory");
    let mut command = Command::new(&lab);
    command.args(["--timeout", LIMIT_S, "--with", env!("CARGO_BIN_EXE_quietgate")]);
    for name in files {
        command.arg("--file").arg(format!("{}:/work/{name}", here.join(name).display()));
    }
    let turn = unpacking();
    let done = command.arg(here.join(scenario)).arg(out.path()).output().expect("the lab's program");
    drop(turn);
    let left = Left(out);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    match done.status.code() {
        Some(0) => Some(left),
        Some(NOT_INSTALLED) => skip(said.trim()),
        code => panic!(
            "the lab ended with {code:?}: {said}\n{}\nif nothing booted, take the folder k in the lab's cache away",
            left.console()
        ),
    }
}

/// The numbers of the records that are gates with this decision, and of which one reason has all of `words`.
fn gates(records: &[Value], decision: &str, words: &[&str]) -> Vec<u64> {
    let says =
        |reason: &Value| reason.as_str().is_some_and(|said| words.iter().all(|word| said.contains(word)));
    let fits = |record: &&Value| {
        let because = record["because"].as_array().map(Vec::as_slice).unwrap_or_default();
        record["decision"] == decision && (words.is_empty() || because.iter().any(says))
    };
    records.iter().filter(fits).filter_map(|record| record["seq"].as_u64()).collect()
}

/// The number of the record by which the action on `target` was begun.
fn begun(records: &[Value], target: &str) -> u64 {
    let is = |record: &&Value| record["kind"] == "intent" && record["target"] == target;
    let seqs: Vec<_> = records.iter().filter(is).filter_map(|record| record["seq"].as_u64()).collect();
    assert_eq!(seqs.len(), 1, "{target} is worked on once");
    seqs[0]
}

#[test]
fn a_plan_holds_for_a_real_server_that_stops_and_for_one_that_is_gone_and_goes_on_by_itself() {
    let Some(left) = played("scenario.sh", &["quietgate.yaml", "plan.yaml", "act"]) else { return };
    let said = "quietgate.yaml: signal \"answered\": 4 fresh series\nquietgate.yaml: signal \"weight\": 2 fresh series\n\
        quietgate.yaml: signal \"connections\": 1 fresh series\nquietgate.yaml: ok, 3 signals\n";
    assert_eq!((left.text("check.txt").as_str(), left.text("check-exit").trim()), (said, "0"));

    // without rights the totals are there, and it is said of the others what is missing
    let nobody = left.text("check-nobody.txt");
    assert!(nobody.contains("signal \"connections\": 1 fresh series\n"), "{nobody}");
    assert!(
        nobody.contains("signal \"answered\" has no answer: IPVS: ") && nobody.contains("CAP_NET_ADMIN"),
        "{nobody}"
    );
    assert!(nobody.contains("signal \"connections\": only the totals can be told"), "{nobody}");
    assert_eq!(left.text("check-nobody-exit").trim(), "2");

    let records = left.records();
    let at = |target| begun(&records, target);
    let between =
        |seqs: Vec<u64>, after: u64, before: u64| seqs.into_iter().any(|seq| (after..before).contains(&seq));
    let server = ["vip=\"10.9.100.1\"", "real_server=\"10.9.3.2\""];
    let stopped = gates(&records, "hold", &[&server[..], &["anomalous"]].concat());
    assert!(between(stopped, at("r1"), at("r2")), "{records:#?}");
    let gone = gates(&records, "hold", &[&server[..], &["unknown"]].concat());
    assert!(between(gone, at("r2"), at("r3")), "{records:#?}");
    // the other real servers, and the other virtual IP, are well all the time
    for other in ["10.9.2.2", "10.9.4.2"] {
        assert_eq!(gates(&records, "hold", &[other, "anomalous"]), [0_u64; 0], "{records:#?}");
    }
    assert_eq!(left.text("run-exit").trim(), "0", "{}", left.text("run.txt"));
    assert_eq!(left.text("ledger.txt"), "r1\nr2\nr3\n");
    assert_eq!(gates(&records, "rollback", &[]), [0_u64; 0]);
}

/// Echoes to an address in an interval of the second scenario, at least: the source gives no sample of fewer than eight tenths of 80.
const ECHOES: f64 = 64.0;
/// Milliseconds between two echoes there, and of an interval.
const EVERY_MS: f64 = 50.0;
const INTERVAL_MS: i64 = 4_000;

/// What the source said of one address for a signal: times in milliseconds, and values.
fn said(left: &Left, signal: &str, address: &str) -> Vec<(i64, f64)> {
    let mut samples = Vec::new();
    for line in left.text("said.jsonl").lines() {
        let line: Value = serde_json::from_str(line).expect("an object");
        if line["kind"] != "said" || line["signal"] != signal {
            continue;
        }
        let series = line["series"].as_array().expect("series").iter();
        for series in series.filter(|series| series["labels"]["address"] == address) {
            let sample = |pair: &Value| {
                let value = pair[1].as_str().expect("a text").parse().expect("a number");
                (pair[0].as_i64().expect("a time"), value)
            };
            samples.extend(series["samples"].as_array().expect("samples").iter().map(sample));
        }
    }
    samples
}

/// The numbers that a scenario wrote down, one a line.
fn numbers(left: &Left, name: &str) -> Vec<f64> {
    left.text(name).lines().map(|line| line.trim().parse().expect("a number")).collect()
}

#[test]
fn a_link_that_loses_three_in_ten_is_measured_and_holds_until_it_is_well_again() {
    let Some(left) = played("link.sh", &["link.yaml", "link-plan.yaml", "link-act"]) else { return };
    let records = left.records();
    assert_eq!(left.text("run-exit").trim(), "0", "{}", left.text("run.txt"));
    assert_eq!(left.text("ledger.txt"), "r1\nr2\nr3\n");
    assert_eq!(gates(&records, "rollback", &[]), [0_u64; 0]);

    // the whole intervals in which the link lost packets; the times of both ends are of whole seconds
    let ms = |name| (numbers(&left, name)[0] * 1_000.0) as i64;
    let whole = ms("lossy-from") + 1_000 + INTERVAL_MS..ms("lossy-until");
    let lossy = |signal, address| {
        let samples = said(&left, signal, address).into_iter();
        samples.filter(|(at, _)| whole.contains(at)).map(|(_, value)| value).collect::<Vec<_>>()
    };
    let lost = lossy("lost", "10.9.3.2");
    assert!(lost.len() >= 12, "{lost:?}");
    let (echoes, share) = (lost.len() as f64 * ECHOES, lost.iter().sum::<f64>() / lost.len() as f64);
    let noise = 4.0 * (0.3_f64 * 0.7 / echoes).sqrt();
    println!("{share:.4} of the echoes were lost in {} intervals, expected 0.3 +- {noise:.4}", lost.len());
    assert!((share - 0.3).abs() < noise, "{share} of 0.3 +- {noise}: {lost:?}");
    for well in ["10.9.2.2", "10.9.4.2"] {
        let lost = lossy("lost", well);
        assert!(lost.iter().all(|share| *share == 0.0), "{well} lost nothing: {lost:?}");
    }

    // the longest outage: of some 800 echoes and more hardly ever fewer than 3 in a row are lost, and never 25
    let (losses, outages) = (lossy("outage_losses", "10.9.3.2"), lossy("outage_ms", "10.9.3.2"));
    assert_eq!(losses.len(), outages.len());
    let longest = losses.iter().copied().fold(0.0, f64::max);
    println!("the longest outage there: {longest} losses; {losses:?}, {outages:?} ms");
    assert!((3.0..25.0).contains(&longest), "{losses:?}");
    for (losses, ms) in losses.iter().zip(&outages) {
        // an echo may be sent a little late
        assert!((ms - losses * EVERY_MS).abs() <= 2.0 * EVERY_MS, "{losses} losses in {ms} ms");
    }

    // all of it for three seconds: from between the first two times to between the last two
    let [before, down, up, after] = numbers(&left, "down.txt")[..] else { panic!("four times") };
    let most =
        |signal| said(&left, signal, "10.9.4.2").into_iter().map(|(_, value)| value).fold(0.0, f64::max);
    let (losses, ms) = (most("outage_losses"), most("outage_ms"));
    let (fewest, most) = ((up - down) * 1e3 - 2.0 * EVERY_MS, (after - before) * 1e3 + 2.0 * EVERY_MS);
    println!("the outage of {fewest} to {most} ms: {losses} losses, {ms} ms");
    assert!((fewest..=most).contains(&ms), "{ms} of {fewest} to {most} ms");
    assert!((fewest..=most).contains(&(losses * EVERY_MS)), "{losses} losses of {fewest} to {most} ms");

    // each held, by its address, until it was well again
    let at = |target| begun(&records, target);
    let held = |address, from: u64, until: u64| {
        let series = format!("lost{{address=\"{address}\"}}");
        gates(&records, "hold", &[&series, "anomalous"]).into_iter().any(|seq| (from..until).contains(&seq))
    };
    assert!(held("10.9.3.2", at("r1"), at("r2")), "{records:#?}");
    assert!(held("10.9.4.2", at("r2"), at("r3")), "{records:#?}");
    assert_eq!(gates(&records, "hold", &["10.9.2.2", "anomalous"]), [0_u64; 0], "{records:#?}");
}
