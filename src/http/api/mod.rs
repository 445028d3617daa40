//! The handlers of `/api/v1`.

mod decisions;
mod events;
mod gates;
mod here;
mod plans;
mod runs;
mod signals;
mod tokens;
mod verbs;

use super::routes::{Field, Shape, Table};
pub(super) use gates::look;
pub(super) use verbs::who;

/// What every list takes.
const PAGING: [Field; 2] = [
    Field {
        name: "limit",
        shape: Shape::Number(1, super::input::LIMIT_MAX as i64),
        required: false,
        about: "so many at most; 100 where none is given",
    },
    Field {
        name: "cursor",
        shape: Shape::Number(0, i64::MAX),
        required: false,
        about: "`next` of the answer before",
    },
];

/// Why something is done.
const REASON: Field = Field {
    name: "reason",
    shape: Shape::Text,
    required: true,
    about: "why; it goes on record with who asked",
};

/// All of them.
pub(super) fn routes(table: Table) -> Table {
    let families = [
        here::routes,
        runs::routes,
        verbs::routes,
        decisions::routes,
        events::routes,
        gates::routes,
        signals::routes,
        plans::routes,
        tokens::routes,
    ];
    families.into_iter().fold(table, |table, family| family(table))
}
