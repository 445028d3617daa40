//! The body of a request: text as it stands, or JSON of which only the strings are filled in.

use super::super::super::template::{Filled, RenderError, Template};
use super::super::super::values::Values;
use super::{BODY, JSON};
use crate::settings::{Part, SettingError, Settings};
use serde_json::{Map, Value};

/// What is sent.
#[derive(Debug)]
pub(crate) enum Body {
    None,
    Text(Template),
    Json(Json),
}

/// JSON whose strings have places for values.
#[derive(Debug)]
pub(crate) enum Json {
    Fixed(Value),
    Text(Template),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Body {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Vec<SettingError>> {
        let wrong = |name, why: String| vec![SettingError::refused(name, Part::Whole, why)];
        match (settings.text(BODY.name), settings.text(JSON.name)) {
            (None, None) => Ok(Self::None),
            (Some(text), None) => {
                Template::new(text).map(Self::Text).map_err(|why| wrong(BODY.name, why.to_string()))
            }
            (None, Some(text)) => {
                let json = serde_json::from_str(text).map_err(|error| wrong(JSON.name, error.to_string()))?;
                Json::new(json).map(Self::Json).map_err(|why| wrong(JSON.name, why))
            }
            (Some(_), Some(_)) => Err(wrong(JSON.name, "there is a body already".to_owned())),
        }
    }

    /// What is sent in an attempt.
    pub(crate) fn fill(&self, values: &Values) -> Result<Option<String>, RenderError> {
        match self {
            Self::None => Ok(None),
            Self::Text(template) => template.fill(values).map(Some),
            Self::Json(json) => Ok(Some(json.fill(values)?.to_string())),
        }
    }

    /// The texts in which values are filled in.
    pub(crate) fn filled(&self) -> Vec<Filled<'_>> {
        let mut all = Vec::new();
        match self {
            Self::None => {}
            Self::Text(template) => all.push(Filled::new(BODY.name, Part::Whole, template)),
            Self::Json(json) => json.filled(&mut all),
        }
        all
    }

    /// What it is, unless the plan says so itself.
    pub(crate) fn content_type(&self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Text(_) => Some("text/plain; charset=utf-8"),
            Self::Json(_) => Some("application/json"),
        }
    }
}

impl Json {
    // the parser allows no more than 128 levels
    fn new(value: Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Template::new(&text).map(Self::Text).map_err(|error| error.to_string()),
            Value::Array(list) => list.into_iter().map(Self::new).collect::<Result<_, _>>().map(Self::List),
            Value::Object(object) => {
                let pair = |(name, value): (String, Value)| {
                    if name.contains("${") {
                        return Err(format!("nothing is filled in into a key: {name:?}"));
                    }
                    Ok((name, Self::new(value)?))
                };
                object.into_iter().map(pair).collect::<Result<_, _>>().map(Self::Object)
            }
            fixed => Ok(Self::Fixed(fixed)),
        }
    }

    fn filled<'a>(&'a self, all: &mut Vec<Filled<'a>>) {
        match self {
            Self::Fixed(_) => {}
            Self::Text(template) => all.push(Filled::new(JSON.name, Part::Whole, template)),
            Self::List(list) => list.iter().for_each(|json| json.filled(all)),
            Self::Object(pairs) => pairs.iter().for_each(|(_, json)| json.filled(all)),
        }
    }

    fn fill(&self, values: &Values) -> Result<Value, RenderError> {
        Ok(match self {
            Self::Fixed(value) => value.clone(),
            Self::Text(template) => Value::String(template.fill(values)?),
            Self::List(list) => {
                Value::Array(list.iter().map(|json| json.fill(values)).collect::<Result<_, _>>()?)
            }
            Self::Object(pairs) => {
                let pair = |(name, json): &(String, Self)| Ok((name.clone(), json.fill(values)?));
                Value::Object(pairs.iter().map(pair).collect::<Result<Map<_, _>, _>>()?)
            }
        })
    }
}
