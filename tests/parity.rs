//! The program against the reference in Python, over series made for that: verdict by verdict.
//!
//! The reference lies beside the checkout; where it does not, this says so, and the golden files stand for it.

use std::path::Path;
use std::process::Command;

/// What the reference says when all verdicts agree.
const AGREED: &str = ", 0 disagreements";

/// Why the comparison cannot be made here; nothing where it can.
fn obstacle(parity: &Path) -> Option<String> {
    if !parity.exists() {
        return Some(format!("there is no {}", parity.display()));
    }
    let made = Command::new("python3").args(["-c", "import venv, ensurepip"]).output();
    match made {
        Ok(output) if output.status.success() => None,
        Ok(_) => Some("python3 is here without venv".to_owned()),
        Err(error) => Some(format!("python3 does not run ({error})")),
    }
}

#[test]
fn the_program_states_what_the_reference_states() {
    let parity = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/oracle/parity");
    if let Some(obstacle) = obstacle(&parity) {
        eprintln!("skipped: {obstacle}; datasets/golden stands for the reference");
        return;
    }
    let done = Command::new(&parity).args([env!("CARGO_BIN_EXE_quietgate"), "--small"]).output();
    let output = done.unwrap_or_else(|error| panic!("{}: {error}", parity.display()));
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}\n{complained}", output.status);
    assert!(said.lines().any(|line| line.ends_with(AGREED)), "{said}\n{complained}");
}
