//! The JSON that a server answers, read strictly: what is not exactly an answer is an error.

use crate::sources::error::one_line;
use crate::sources::limits::Limits;
use crate::sources::source::{Labels, labels_in_words};
use crate::sources::{SourceError, Trouble};
use quietgate_detectors::Sample;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

/// What one answer says.
#[derive(Debug, PartialEq)]
pub(super) struct Said {
    /// Series with their samples in the order of time.
    pub(super) series: Vec<(Labels, Vec<Sample>)>,
    /// `warnings` and `infos` of the server.
    pub(super) warnings: Vec<String>,
}

/// Reads the body of an answer with status 200 that came from `at`.
pub(super) fn read(body: &[u8], at: &str, limits: Limits) -> Result<Said, SourceError> {
    let bad = |what: String| SourceError::new(at, Trouble::BadAnswer { what });
    let body: Body<'_> = serde_json::from_slice(body).map_err(|error| bad(error.to_string()))?;
    if body.status != "success" {
        return Err(bad(format!("its status is {:?}", body.status)));
    }
    let data = body.data.ok_or_else(|| bad("it has no data".to_owned()))?;
    let series = match data.kind.as_ref() {
        "vector" | "matrix" => data.result.series(at, limits)?,
        "scalar" => {
            vec![(Labels::new(), vec![data.result.scalar().ok_or_else(|| bad("an odd scalar".to_owned()))?])]
        }
        other => return Err(bad(format!("its values are a {other:?}, allowed is vector, matrix or scalar"))),
    };
    let warnings = body.warnings.into_iter().chain(body.infos);
    Ok(Said { series, warnings: warnings.map(|text| one_line(&text)).collect() })
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow)]
    data: Option<Data<'a>>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    infos: Vec<String>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow, rename = "resultType")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    result: Elements<'a>,
}

/// The result: series, or the two parts of a scalar.
#[derive(Deserialize)]
#[serde(transparent)]
struct Elements<'a> {
    #[serde(borrow)]
    list: Vec<Element<'a>>,
}

enum Element<'a> {
    Series(Item<'a>),
    Time(f64),
    Text(Cow<'a, str>),
}

#[derive(Deserialize)]
struct Item<'a> {
    metric: Labels,
    #[serde(borrow)]
    value: Option<Pair<'a>>,
    #[serde(borrow)]
    values: Option<Vec<Pair<'a>>>,
    histogram: Option<IgnoredAny>,
    histograms: Option<IgnoredAny>,
}

/// A time in seconds and a value.
#[derive(Deserialize)]
struct Pair<'a>(f64, #[serde(borrow)] Cow<'a, str>);

impl Elements<'_> {
    fn series(self, at: &str, limits: Limits) -> Result<Vec<(Labels, Vec<Sample>)>, SourceError> {
        let found = self.list.len();
        limits.hold_series(found, at)?;
        let mut series = Vec::with_capacity(found);
        for element in self.list {
            let Element::Series(item) = element else {
                let what = "a value where a series should be".to_owned();
                return Err(SourceError::new(at, Trouble::BadAnswer { what }));
            };
            limits.hold_labels(&item.metric, at)?;
            series.push(item.read(at)?);
        }
        let mut known = HashSet::new();
        if let Some((twice, _)) = series.iter().find(|(labels, _)| !known.insert(labels)) {
            let series = labels_in_words(twice);
            return Err(SourceError::new(at, Trouble::Duplicate { series }));
        }
        Ok(series)
    }

    fn scalar(&self) -> Option<Sample> {
        match self.list.as_slice() {
            [Element::Time(time), Element::Text(value)] => sample(*time, value),
            _ => None,
        }
    }
}

impl Item<'_> {
    fn read(self, at: &str) -> Result<(Labels, Vec<Sample>), SourceError> {
        let bad = |what: &str| {
            let what = format!("the series {} has {what}", labels_in_words(&self.metric));
            SourceError::new(at, Trouble::BadAnswer { what })
        };
        if self.histogram.is_some() || self.histograms.is_some() {
            return Err(bad(
                "histograms, which have no single value; use histogram_quantile or histogram_sum",
            ));
        }
        let pairs = match (self.value, self.values) {
            (Some(pair), None) => vec![pair],
            (None, Some(pairs)) => pairs,
            _ => return Err(bad("neither a value nor values")),
        };
        let samples: Option<Vec<_>> = pairs.iter().map(|Pair(time, value)| sample(*time, value)).collect();
        let samples = samples.ok_or_else(|| bad("a sample that is no time and number"))?;
        if !samples.is_sorted_by(|a, b| a.at < b.at) {
            return Err(bad("samples that are not in the order of time"));
        }
        Ok((self.metric, samples))
    }
}

/// Seconds as far as milliseconds fit into them by far.
const TIME_MAX: f64 = 1e12;

/// `NaN` and infinities are values: they say that there was something, and no number.
fn sample(seconds: f64, value: &str) -> Option<Sample> {
    let seconds = Some(seconds).filter(|seconds| seconds.abs() < TIME_MAX)?;
    // exact enough: the server writes milliseconds
    Some(Sample::new((seconds * 1000.0).round() as i64, value.parse().ok()?))
}

impl<'de: 'a, 'a> Deserialize<'de> for Element<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ElementVisitor)
    }
}

struct ElementVisitor;

impl<'de> Visitor<'de> for ElementVisitor {
    type Value = Element<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a series, a time or a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Element<'de>, A::Error> {
        Item::deserialize(MapAccessDeserializer::new(map)).map(Element::Series)
    }

    fn visit_f64<E: Error>(self, time: f64) -> Result<Element<'de>, E> {
        Ok(Element::Time(time))
    }

    fn visit_u64<E: Error>(self, time: u64) -> Result<Element<'de>, E> {
        Ok(Element::Time(time as f64))
    }

    fn visit_i64<E: Error>(self, time: i64) -> Result<Element<'de>, E> {
        Ok(Element::Time(time as f64))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Element<'de>, E> {
        Ok(Element::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Element<'de>, E> {
        Ok(Element::Text(Cow::Owned(text.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits { series: 2, labels: 2, label_bytes: 8 };

    fn said(result_type: &str, result: &str) -> Result<Said, String> {
        let body =
            format!(r#"{{"status":"success","data":{{"resultType":"{result_type}","result":{result}}}}}"#);
        read(body.as_bytes(), "s", LIMITS).map_err(|error| error.to_string())
    }

    #[test]
    fn samples_keep_their_own_times_and_what_is_no_number() {
        let matrix = r#"[{"metric":{"a":"1"},"values":[[1.5,"2"],[2,"NaN"],[2.001,"-Inf"]]},{"metric":{},"values":[]}]"#;
        let said = said("matrix", matrix).expect("good");
        let values: Vec<_> = said.series[0].1.iter().map(|s| (s.at.as_millis(), s.value)).collect();
        assert_eq!(values[0], (1500, 2.0));
        assert!(values[1].1.is_nan() && values[2] == (2001, f64::NEG_INFINITY));
        assert_eq!(said.series[1], (Labels::new(), Vec::new()));
    }

    #[test]
    fn a_vector_and_a_scalar_have_one_sample() {
        let vector = said("vector", r#"[{"metric":{},"value":[1,"2"]}]"#).expect("good");
        let scalar = said("scalar", r#"[1,"2"]"#).expect("good");
        assert_eq!(vector, scalar);
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        let cases = [
            ("matrix", r#"[{"metric":{},"values":[[2,"1"],[1,"1"]]}]"#, "not in the order of time"),
            ("matrix", r#"[{"metric":{},"values":[[1,"1"],[1,"2"]]}]"#, "not in the order of time"),
            ("matrix", r#"[{"metric":{},"values":[[1,"x"]]}]"#, "no time and number"),
            ("matrix", r#"[{"metric":{},"values":[[1e300,"1"]]}]"#, "no time and number"),
            ("vector", r#"[{"metric":{}}]"#, "neither a value nor values"),
            ("vector", r#"[{"metric":{},"histogram":[1,{}]}]"#, "histograms"),
            ("vector", r#"[1,"2"]"#, "a value where a series should be"),
            ("scalar", r#"[]"#, "an odd scalar"),
            ("string", r#"[1,"2"]"#, "its values are a \"string\""),
            (
                "vector",
                r#"[{"metric":{"a":"1"},"value":[1,"1"]},{"metric":{"a":"1"},"value":[1,"2"]}]"#,
                "{a=\"1\"} is in the answer twice",
            ),
            (
                "vector",
                r#"[{"metric":{"a":"","b":"","c":""},"value":[1,"1"]}]"#,
                "3 labels, allowed is at most 2 (max_labels)",
            ),
            (
                "vector",
                r#"[{"metric":{"a":"123456789"},"value":[1,"1"]}]"#,
                "9 bytes, allowed is at most 8 bytes (max_label_length)",
            ),
            (
                "vector",
                r#"[{"metric":{"a":"1"},"value":[1,"1"]},{"metric":{"a":"2"},"value":[1,"2"]},{"metric":{"a":"3"},"value":[1,"2"]}]"#,
                "3 series, allowed is at most 2 (max_series)",
            ),
        ];
        for (kind, result, expected) in cases {
            let error = said(kind, result).expect_err(result);
            assert!(error.contains(expected), "{error}");
        }
        for body in [
            "",
            "{",
            "[]",
            "{\"status\":\"success\"}",
            "{\"status\":\"error\"}",
            "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]}}x",
        ] {
            assert!(read(body.as_bytes(), "s", LIMITS).is_err(), "{body}");
        }
    }

    #[test]
    fn words_of_a_server_are_kept_on_one_line() {
        let body = br#"{"status":"success","warnings":["a\nb"],"infos":["c"],"data":{"resultType":"vector","result":[]}}"#;
        assert_eq!(read(body, "s", LIMITS).expect("good").warnings, ["a\\nb", "c"]);
    }

    proptest! {
        #[test]
        fn no_body_stops_it(body in proptest::collection::vec(any::<u8>(), 0..200), cut in 0_usize..120) {
            drop(read(&body, "s", LIMITS));
            let good = br#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"1"},"values":[[1.5,"2"]]}]}}"#;
            prop_assert!(read(&good[..cut.min(good.len() - 1)], "s", LIMITS).is_err());
        }
    }
}
