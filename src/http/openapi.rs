//! The description of the API for programs (OpenAPI 3.1), made from the table of its routes.

use super::allowed::{Allowed, Read};
use super::routes::{Doc, Field, Method, Route, Shape, Table};
use super::tokens::Level;
use axum::Json as Told;
use serde_json::{Map, Value, json};

/// Where it is.
const PATH: &str = "/api/v1/openapi.json";

pub(super) fn routes(table: Table) -> Table {
    let about = "this description, in the form of OpenAPI 3.1";
    table.route(Doc::get(PATH, about), async |_: Allowed<Read>| Told(document(&super::routes())))
}

/// The description of `routes`, but for those of the page.
pub fn document(routes: &[Route]) -> Value {
    let mut paths = Map::new();
    for route in routes.iter().filter(|route| is_told(route.doc.path)) {
        let path = paths.entry(route.doc.path).or_insert_with(|| json!({}));
        path[route.doc.method.name().to_ascii_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Quietgate",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Opens the next upgrade step only when your systems are quiet. Times are RFC 3339 in UTC, durations milliseconds; \
                errors are problem details (RFC 9457).",
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "made by `quietgate token create`" },
            },
            "schemas": { "Problem": problem(), "Page": page() },
        },
    })
}

fn is_told(path: &str) -> bool {
    path == "/healthz" || path == "/metrics" || path.starts_with("/api/")
}

fn operation(route: &Route) -> Value {
    let Doc { method, path, about, query, body, status, kind, refusal } = route.doc;
    let mut operation = json!({
        "operationId": name(method, path),
        "summary": about,
        "parameters": places(path).chain(query.iter().map(asked)).collect::<Vec<_>>(),
        "responses": {
            status.to_string(): answer(status, kind, query),
            "default": {
                "description": "why it was not done",
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
            },
        },
    });
    if let Some(fields) = refusal {
        operation["responses"]["default"]["content"]["application/json"] =
            json!({ "schema": object(fields) });
    }
    if let Some(fields) = body {
        let schema = object(fields);
        operation["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    if let Some(level) = route.level {
        operation["security"] = json!([{ "token": [] }]);
        operation["description"] = json!(format!("Needs a token for {}.", level_words(level)));
    }
    operation
}

fn level_words(level: Level) -> &'static str {
    match level {
        Level::Read => "read, operate or admin",
        Level::Operate => "operate or admin",
        Level::Admin => "admin",
    }
}

/// `get_runs_run_batches`.
fn name(method: Method, path: &str) -> String {
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    let parts = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    std::iter::once(method.name().to_ascii_lowercase())
        .chain(parts.map(str::to_owned))
        .collect::<Vec<_>>()
        .join("_")
}

/// The names within a path.
fn places(path: &str) -> impl Iterator<Item = Value> + '_ {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).map(|name| {
        let schema = match name {
            "seq" => json!({ "type": "integer", "minimum": 0 }),
            _ => json!({ "type": "string", "minLength": 1 }),
        };
        json!({ "name": name, "in": "path", "required": true, "schema": schema })
    })
}

fn asked(field: &Field) -> Value {
    json!({
        "name": field.name,
        "in": "query",
        "required": field.required,
        "description": field.about,
        "schema": schema(field.shape),
    })
}

fn schema(shape: Shape) -> Value {
    match shape {
        Shape::Text => json!({ "type": "string" }),
        Shape::Number(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Texts(names) => {
            let text = |name: &&str| ((*name).to_owned(), json!({ "type": "string" }));
            json!({ "type": "object", "properties": names.iter().map(text).collect::<Map<_, _>>(), "required": names })
        }
        Shape::Word(words) => json!({ "type": "string", "enum": words }),
    }
}

fn object(fields: &[Field]) -> Value {
    let own = |field: &Field| {
        let mut schema = schema(field.shape);
        if !field.required {
            // what is left out may be said to be nothing too
            schema = json!({ "oneOf": [schema, { "type": "null" }] });
        }
        schema["description"] = json!(field.about);
        (field.name.to_owned(), schema)
    };
    let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    json!({
        "type": "object",
        "properties": fields.iter().map(own).collect::<Map<_, _>>(),
        "required": required,
    })
}

fn answer(status: u16, kind: &str, query: &[Field]) -> Value {
    if status == 204 {
        return json!({ "description": "done" });
    }
    let schema = match kind {
        "application/json" if query.iter().any(|field| field.name == "cursor") => {
            json!({ "$ref": "#/components/schemas/Page" })
        }
        "application/json" => json!({ "type": "object" }),
        _ => json!({ "type": "string" }),
    };
    json!({ "description": "what was asked for", "content": { kind: { "schema": schema } } })
}

fn problem() -> Value {
    json!({
        "type": "object",
        "properties": {
            "type": { "type": "string" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string", "description": "what was found and what is allowed" },
        },
        "required": ["type", "title", "status", "detail"],
    })
}

fn page() -> Value {
    json!({
        "type": "object",
        "properties": {
            "items": { "type": "array" },
            "next": { "type": ["integer", "null"], "description": "the cursor of the rest; null where there is none" },
        },
        "required": ["items", "next"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_route_of_the_api_is_in_it_once_with_all_that_it_takes() {
        let all = super::super::routes();
        let document = document(&all);
        let mut names = BTreeSet::new();
        for route in all.iter().filter(|route| is_told(route.doc.path)) {
            let own = &document["paths"][route.doc.path][route.doc.method.name().to_ascii_lowercase()];
            assert!(names.insert(own["operationId"].to_string()), "{own}");
            let taken = places(route.doc.path).count() + route.doc.query.len();
            assert_eq!(own["parameters"].as_array().map(Vec::len), Some(taken), "{own}");
            assert_eq!(own["requestBody"].is_object(), route.doc.body.is_some(), "{own}");
            assert_eq!(own["security"].is_array(), route.level.is_some(), "{own}");
        }
        assert!(document["paths"].get("/sign-in").is_none());
        assert!(names.len() > 30);
    }
}
