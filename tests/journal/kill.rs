//! Drivers killed with -9 at random instants, and at each system call of the journal in turn.

use crate::child::{Driver, Said, command, hold};
use crate::dice::Dice;
use crate::place::{Place, now};
use crate::server::Server;
use quietgate::journal::{OpenError, Store};
use std::time::{Duration, Instant};

/// So many drivers are killed, where there is time.
const ROUNDS: usize = 200;
/// So many on a server.
const SERVER_ROUNDS: usize = 30;
/// No more are begun after this.
const TIME: Duration = Duration::from_secs(60);
/// Fewer than this prove nothing.
const LEAST_ROUNDS: usize = 20;

#[test]
fn killed_drivers_lose_nothing_and_leave_no_lock() {
    killed(&Place::files(), ROUNDS);
}

#[test]
fn killed_drivers_of_a_server_lose_nothing() {
    match Server::start() {
        Some(server) => killed(&Place::on(&server), SERVER_ROUNDS),
        None => println!("skipped: PostgreSQL is not installed (Debian: apt-get install postgresql)"),
    }
}

fn killed(place: &Place, rounds: usize) {
    let mut dice = Dice(1);
    let mut said: Vec<Said> = Vec::new();
    let begun = Instant::now();
    let (mut while_opening, mut unheard) = (0, 0);
    while said.len() < rounds && begun.elapsed() < TIME {
        let mut driver = Driver::start(command(&[], place, said.len(), None));
        // every fifth is killed while it opens, the others while they append
        let (entries, longest_us) =
            if said.len().is_multiple_of(5) { (0, 60_000) } else { (1 + dice.below(6), 12_000) };
        driver.wait_for(entries);
        let instant = Instant::now() + Duration::from_micros(dice.below(longest_us) as u64);
        while Instant::now() < instant {
            std::hint::spin_loop();
        }
        let last = driver.kill();
        assert_eq!(last.failed, None);
        while_opening += usize::from(!last.is_open);
        said.push(last);
        unheard = hold(place, &said);
    }
    let entries: usize = said.iter().map(|said| said.acknowledged.len()).sum();
    println!(
        "kill -9: rounds={} while_opening={while_opening} acknowledged={entries} unheard={unheard} lost=0 twice=0",
        said.len()
    );
    assert!(said.len() >= LEAST_ROUNDS.min(rounds), "only {} rounds in {TIME:?}", said.len());
}

#[test]
fn a_living_driver_is_not_disturbed() {
    let place = Place::files();
    let mut driver = Driver::start(command(&[], &place, 0, None));
    for entries in 1..10 {
        driver.wait_for(entries);
        assert!(matches!(now(place.open()), Err(OpenError::Held { .. })));
        let (tip, seen) = now(place.read()).expect("one state of it");
        assert!(seen.len() >= entries && tip.seq == seen.len() as u64);
    }
    let said = driver.kill();
    assert_eq!(said.failed, None);
    now(async {
        let (mut journal, _) = place.open().await.expect("the lock went with the process");
        journal.append(0, "{}").await.expect("an entry");
    });
}
