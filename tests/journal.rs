//! The journal from outside: both stores keep the same promises, and no damage, no `kill -9` and no full disk makes one
//! forget in silence.

#[path = "journal/cases.rs"]
mod cases;
#[path = "journal/child.rs"]
mod child;
#[path = "journal/damage.rs"]
mod damage;
#[path = "common/dice.rs"]
mod dice;
#[path = "journal/kill.rs"]
mod kill;
#[path = "journal/place.rs"]
mod place;
#[path = "journal/server.rs"]
mod server;
#[path = "journal/shown.rs"]
mod shown;
#[path = "common/strace.rs"]
mod strace;
#[path = "journal/takeover.rs"]
mod takeover;
#[path = "journal/trouble.rs"]
mod trouble;

use place::Place;
use server::Server;

#[test]
fn a_file_keeps_every_promise_of_a_store() {
    for (name, case) in cases::ALL {
        let begun = std::time::Instant::now();
        case(&Place::files());
        println!("{name}: {:?}", begun.elapsed());
    }
}

#[test]
fn a_server_keeps_every_promise_of_a_store() {
    let Some(server) = Server::start() else {
        println!("skipped: PostgreSQL is not installed (Debian: apt-get install postgresql)");
        return;
    };
    for (name, case) in cases::ALL {
        let begun = std::time::Instant::now();
        case(&Place::on(&server));
        println!("{name}: {:?}", begun.elapsed());
    }
}
