//! `alertmanager`: what keeps a run from going on, as alerts of a Prometheus Alertmanager.

use super::super::client::{self, Client};
use super::super::registry::Entry;
use super::super::sink::{Sending, Sink, SinkError};
use super::alerts::{Alert, Alerts};
use crate::clock;
use crate::event::Event;
use crate::settings::{Need, SettingDoc, Settings, Shape};
use crate::text;
use reqwest::Url;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(crate) const ENTRY: Entry = Entry {
    kind: "alertmanager",
    summary: "fires alerts in a Prometheus Alertmanager, and resolves them",
    about: "Posts to /api/v2/alerts of the url. QuietgateHeld fires while a gate holds for something that does not pass by itself, and is resolved when \
            the gate opens; QuietgatePaused while a run waits for a person; QuietgateUnknown and QuietgateFailed for attempts, until their targets are \
            settled; QuietgateTurned while a run is undone or aborted and for an hour after; QuietgateDropped for an hour. What fires is said again \
            every `again`, and ends by itself after four of these where nobody says so any more; where the driver ends with a run \
            that waits for a person, its last word lasts a day. It hears of every event; which alerts reach whom is for its own routes to say",
    settings: &[
        client::URL,
        SettingDoc {
            name: "labels",
            shape: Shape::TextMap,
            need: Need::Optional,
            about: "labels that every alert has beside its own, such as the site",
        },
        SettingDoc {
            name: "again",
            shape: Shape::Duration { min: 1_000, max: 3_600_000 },
            need: Need::Default("1m"),
            about: "how often is said again what fires",
        },
        client::AUTHORITY,
        client::TIMEOUT,
    ],
    filters: false,
    fits,
    build: |settings| Ok(Box::new(Alertmanager::new(settings)?)),
};

/// How long the last word of a driver lasts.
const LAST_MS: i64 = 86_400_000;

/// An alert that nobody says again ends after so many times of saying.
const SAID_FOR: i64 = 4;

#[derive(Debug)]
struct Alertmanager {
    client: Client,
    url: Url,
    labels: Vec<(String, String)>,
    again_ms: i64,
    /// Where the page is.
    page: Option<String>,
    alerts: Alerts,
    /// What is to be told by the event that is under way, by its id: also when it is tried again.
    telling: Option<(String, Vec<Alert>)>,
    /// When what fires was said last.
    said_ms: i64,
}

fn fits(settings: &Settings) -> Result<(), String> {
    client::fits(settings)?;
    let own = ["alertname", "severity", "run", "plan", "step", "batch", "target"];
    for (name, _) in settings.map("labels") {
        let mut chars = name.chars();
        let is_name = chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
            && chars.all(|char| char.is_ascii_alphanumeric() || char == '_');
        if !is_name {
            return Err(format!("labels has {name:?}, allowed are letters, digits and _, a digit not first"));
        }
        if own.contains(&name.as_str()) {
            return Err(format!("labels has {name:?}, which alerts have themselves"));
        }
    }
    Ok(())
}

impl Alertmanager {
    fn new(settings: &Settings) -> Result<Self, SinkError> {
        let mut url = Url::parse(settings.text("url").unwrap_or_default())
            .map_err(|error| SinkError(error.to_string()))?;
        url.set_path(&format!("{}/api/v2/alerts", url.path().trim_end_matches('/')));
        Ok(Self {
            client: Client::new(settings)?,
            url,
            labels: settings.map("labels").to_vec(),
            again_ms: settings.duration_ms("again").unwrap_or_default().max(1),
            page: None,
            alerts: Alerts::default(),
            telling: None,
            said_ms: 0,
        })
    }

    fn post(&self, alerts: Vec<Alert>, until_ms: i64) -> Sending<'_> {
        if alerts.is_empty() {
            return Box::pin(async { Ok(()) });
        }
        let body: Vec<_> = alerts.into_iter().map(|alert| self.body(alert, until_ms)).collect();
        let body = Value::Array(body).to_string().into_bytes();
        Box::pin(self.client.post(self.url.clone(), client::json(), body))
    }

    fn body(&self, alert: Alert, until_ms: i64) -> Value {
        let labels = self.labels.iter().map(|(name, value)| (name.as_str(), value.clone()));
        let labels: BTreeMap<&str, String> = labels.chain(alert.labels).collect();
        let ends = alert.until_ms.unwrap_or(until_ms);
        let mut body = json!({
            "labels": labels,
            "annotations": {"summary": alert.summary, "description": alert.reason},
            "startsAt": text::rfc3339(alert.since_ms),
            "endsAt": text::rfc3339(ends),
        });
        if let Some(page) = &self.page {
            body["generatorURL"] = json!(client::of_run(page, labels.get("run").map(String::as_str)));
        }
        body
    }

    fn ends_ms(&self, now_ms: i64) -> i64 {
        now_ms + SAID_FOR * self.again_ms
    }
}

impl Sink for Alertmanager {
    fn page(&mut self, url: &str) {
        self.page = Some(url.to_owned());
    }

    fn knew(&mut self, event: &Event) {
        drop(self.alerts.take(event, event.at.as_millis()));
    }

    fn send<'a>(&'a mut self, event: &'a Event) -> Sending<'a> {
        let (id, alerts) = self
            .telling
            .take()
            .filter(|(id, _)| *id == event.id)
            .unwrap_or_else(|| (event.id.clone(), self.alerts.take(event, event.at.as_millis())));
        self.telling = Some((id, alerts.clone()));
        let until = self.ends_ms(clock::now().as_millis());
        self.post(alerts, until)
    }

    fn due_ms(&self) -> Option<i64> {
        self.alerts.is_lasting().then(|| self.said_ms + self.again_ms)
    }

    fn remind(&mut self, now_ms: i64) -> Sending<'_> {
        self.said_ms = now_ms;
        let firing = self.alerts.firing(now_ms);
        self.post(firing, self.ends_ms(now_ms))
    }

    fn leave(&mut self, now_ms: i64) -> Sending<'_> {
        let firing = self.alerts.firing(now_ms);
        self.post(firing, now_ms + LAST_MS)
    }
}
