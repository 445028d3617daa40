//! Whether there is anything: the one route that says nothing, to anybody.

use super::routes::{Doc, Table};
use axum::http::StatusCode;

pub(super) fn routes(table: Table) -> Table {
    let doc = Doc {
        status: 204,
        ..Doc::get("/healthz", "204 as long as the daemon answers; needs no token and says nothing")
    };
    table.open(doc, || async { StatusCode::NO_CONTENT })
}
