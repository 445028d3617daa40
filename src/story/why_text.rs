//! An explanation as text.

use super::evidence::table;
use super::past::Link;
use super::why::Why;
use super::words::{enumerated, when};
use crate::text;
use std::fmt;

/// Lines to read, without a final line feed. Nothing in them is obeyed by a terminal.
impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = lines(self).iter().map(|line| text::plain(line).into_owned()).collect();
        f.write_str(&lines.join("\n"))
    }
}

fn lines(why: &Why) -> Vec<String> {
    let noted = &why.noted;
    let run = noted.record.run().map(|run| format!(", run {run}")).unwrap_or_default();
    let head = format!("record {} of {}{run}, driver {}", why.seq, when(noted.at), noted.epoch);
    let mut out = vec![head, why.line.clone()];
    if let Some(targets) = &why.targets {
        let more = targets.count - targets.first.len();
        out.push(format!("its targets: {}", enumerated(&targets.first, more)));
    }
    if !why.series.is_empty() {
        out.push(String::new());
        out.extend(table(&why.series, noted.at));
    }
    for wrote in &why.wrote {
        out.push(String::new());
        out.extend(wrote.lines());
    }
    if !why.before.is_empty() {
        out.extend([String::new(), "what led to it".to_owned()]);
        out.extend(why.before.iter().map(linked));
    }
    out.extend([String::new(), "what came of it".to_owned()]);
    if why.after.is_empty() {
        out.push("  nothing that is on record".to_owned());
    }
    out.extend(why.after.iter().map(linked));
    if why.after_more > 0 {
        out.push(format!("  and {} more", text::counted(why.after_more as u64, "record", "records")));
    }
    out
}

fn linked(link: &Link) -> String {
    format!("  {} {} {}", link.seq, link.time, link.line)
}
