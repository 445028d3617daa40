//! `slack`: says each event in a chat, by an incoming webhook of Slack or of what takes the same form.

use super::super::client::{self, Client};
use super::super::registry::Entry;
use super::super::sink::{Failed, Sending, Sink};
use crate::event::{Event, Severity};
use crate::secret;
use crate::settings::{Need, SettingDoc, Shape};
use reqwest::Url;
use serde_json::json;
use std::path::{Path, PathBuf};

pub(crate) const ENTRY: Entry = Entry {
    kind: "slack",
    summary: "says each event in a chat, by an incoming webhook of Slack or a like one",
    about: "Posts `{\"text\": …}`: how much the event matters, the run, and its sentence, in which nothing is a link or a mention. Mattermost, \
            Rocket.Chat and Discord (with /slack behind the address) take the same. The address is a secret, for who knows it may write: \
            it stands in a file, must begin with https:// where it is not this machine's own, and no message shows it. What is not taken is tried again as for webhook",
    settings: &[
        SettingDoc {
            name: "url_file",
            shape: Shape::SecretFile,
            need: Need::Required,
            about: "the address of the incoming webhook; read for each event, so that it may be changed",
        },
        client::AUTHORITY,
        client::TIMEOUT,
    ],
    filters: true,
    fits: |_| Ok(()),
    build: |settings| {
        let file = settings.path("url_file").map(Path::to_path_buf).unwrap_or_default();
        Ok(Box::new(Slack { client: Client::new(settings)?, file, page: None }))
    },
};

/// So many characters of a sentence are said.
const SAID_MAX: usize = 2_000;

#[derive(Debug)]
struct Slack {
    client: Client,
    file: PathBuf,
    /// Where the page is.
    page: Option<String>,
}

impl Sink for Slack {
    fn page(&mut self, url: &str) {
        self.page = Some(url.to_owned());
    }

    fn send<'a>(&'a mut self, event: &'a Event) -> Sending<'a> {
        Box::pin(async move {
            let file = self.file.clone();
            let url = tokio::task::spawn_blocking(move || address(&file)).await;
            let url = url.map_err(|error| Failed::later(error.to_string()))??;
            self.client
                .post(url, client::json(), json!({"text": self.said(event)}).to_string().into_bytes())
                .await
        })
    }
}

impl Slack {
    /// The event as a line of chat, with a link to the page where there is one.
    fn said(&self, event: &Event) -> String {
        let link = |page: &String| format!(" <{}|page>", client::of_run(page, event.data.run.as_deref()));
        said(event) + &self.page.as_ref().map(link).unwrap_or_default()
    }
}

/// The address in the file at `path`.
fn address(path: &Path) -> Result<Url, Failed> {
    let odd = |why: &str| Failed::later(format!("{}: {why}", path.display()));
    let text = secret::read(path).map_err(|error| odd(&format!("the address cannot be read: {error}")))?;
    let url = Url::parse(&text).map_err(|_| odd("there is no address in it"))?;
    let is_here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_here => Ok(url),
        _ => Err(odd("the address does not begin with https://")),
    }
}

/// The event as a line of chat.
fn said(event: &Event) -> String {
    let mark = match event.severity {
        Severity::Info => "",
        Severity::Warning => "*warning* ",
        Severity::Critical => "*critical* ",
    };
    let summary: String = event.summary.chars().take(SAID_MAX).collect();
    let run = event.data.run.as_ref().filter(|run| !summary.contains(run.as_str()));
    let run = run.map(|run| format!("{run}: ")).unwrap_or_default();
    format!("{mark}{}", escaped(&format!("{run}{summary}")))
}

/// Text in which the three characters that Slack gives a meaning have none.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Data, Kind};
    use quietgate_detectors::Timestamp;

    #[test]
    fn what_is_said_is_text_with_its_run() {
        let data = Data { run: Some("ovs-1".to_owned()), ..Data::default() };
        let of = |kind, summary: &str| {
            said(&Event::new(
                kind,
                "e".to_owned(),
                Timestamp::from_millis(0),
                summary.to_owned(),
                data.clone(),
            ))
        };
        assert_eq!(of(Kind::BatchOpened, "agent batch 1 may start"), "ovs-1: agent batch 1 may start");
        assert_eq!(of(Kind::RunPaused, "run ovs-1 paused"), "*critical* run ovs-1 paused");
        let hostile = of(Kind::GateHeld, "loss{host=\"<!channel> & <http://a|b>\"}");
        assert_eq!(hostile, "*warning* ovs-1: loss{host=\"&lt;!channel&gt; &amp; &lt;http://a|b&gt;\"}");
        assert!(of(Kind::GateHeld, &"x".repeat(10_000)).chars().count() < 2_100);
    }

    #[test]
    fn an_address_is_one_that_nobody_can_listen_to() {
        let of = |text: &str| {
            let file = tempfile::NamedTempFile::new().expect("a file");
            std::fs::write(file.path(), text).expect("written");
            address(file.path()).map(|url| url.to_string()).map_err(|failed| failed.to_string())
        };
        assert!(of("https://hooks.example.com/services/T/B/x\n").is_ok());
        assert!(of("http://127.0.0.1:8065/hooks/x").is_ok());
        for odd in [
            "http://hooks.example.com/x",
            "ftp://h/x",
            "hooks.example.com/x",
            "http://localhost.example.com/x",
        ] {
            let why = of(odd).expect_err("no address");
            assert!(!why.contains("example"), "{why}");
        }
    }
}
