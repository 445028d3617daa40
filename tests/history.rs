//! The history on disk, held against a plain map: through restarts, kills, flipped bits, cuts and full disks.

#[path = "history/again.rs"]
mod again;
#[path = "history/child.rs"]
mod child;
#[path = "history/damage.rs"]
mod damage;
#[path = "common/dice.rs"]
mod dice;
#[path = "history/kill.rs"]
mod kill;
#[path = "history/model.rs"]
mod model;
#[path = "history/together.rs"]
mod together;
#[path = "history/trouble.rs"]
mod trouble;
