//! The plans that can be begun by their names.

use super::super::allowed::{Allowed, Read};
use super::super::app::App;
use super::super::input::{Asked, Paging};
use super::super::problem::Problem;
use super::super::routes::{Doc, Table};
use super::PAGING;
use crate::run::daemon::{Page, PlanNow};
use axum::Json as Told;
use axum::extract::State;
use serde::Deserialize;

pub(super) fn routes(table: Table) -> Table {
    table.route(
        Doc::get("/api/v1/plans", "the plans in the folder of the plans, with what is wrong with them")
            .by(&PAGING),
        plans,
    )
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    limit: Option<String>,
    cursor: Option<String>,
}

async fn plans(
    _: Allowed<Read>,
    State(app): State<App>,
    Asked(part): Asked<Part>,
) -> Result<Told<Page<PlanNow>>, Problem> {
    let (skip, limit) = Paging::read(part.limit, part.cursor)?;
    let plans = app.daemon.plans().await.map_err(Problem::unavailable)?;
    Ok(Told(Page::of(plans.into_iter(), skip, limit, |plan| plan)))
}
