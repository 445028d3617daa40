//! A real browser without a window, driven by its own driver through the WebDriver protocol (W3C), as a person would drive it.

use super::fleet::wait;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The key of an element in what the driver answers, by the protocol.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// What in a test ends with it.
pub(crate) struct Browser {
    driver: Child,
    client: Client,
    /// The address of the session.
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// As wide and high as this, in pixels; below 500 it is a phone. Nothing where its driver is not installed.
    pub(crate) async fn new(width: u32, height: u32) -> Option<Self> {
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let profile = tempfile::tempdir().expect("a folder");
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            // what it writes goes away with the test
            .env("HOME", profile.path())
            .env("TMPDIR", profile.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let driver = match driver {
            Ok(driver) => driver,
            Err(error) => {
                eprintln!("skipped: chromium-driver is not installed: {error}");
                return None;
            }
        };
        wait("the driver of the browser", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        let client = Client::builder().no_proxy().build().expect("a client");
        let session = format!("http://127.0.0.1:{port}/session");
        let mut browser = Self { driver, client, session, _profile: profile };
        let made = browser.call(Method::POST, "", Some(wanted(width, height))).await.expect("a browser");
        browser.session += &format!("/{}", made["sessionId"].as_str().expect("a session"));
        Some(browser)
    }

    /// What the driver answers; what is wrong, where something is.
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Value> {
        let request = self.client.request(method, format!("{}{path}", self.session));
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        };
        let response = request.send().await.expect("the driver");
        let is_well = response.status().is_success();
        let body = response.bytes().await.expect("an answer");
        let value = serde_json::from_slice::<Value>(&body).expect("JSON")["value"].take();
        if is_well { Ok(value) } else { Err(value) }
    }

    /// The path of the first element that is found so.
    async fn find(&self, using: &str, value: &str) -> Result<String, Value> {
        let body = json!({ "using": using, "value": value });
        let found = self.call(Method::POST, "/element", Some(body)).await?;
        Ok(format!("/element/{}", found[ELEMENT].as_str().expect("an element")))
    }

    /// Signs in at `base` by `token`.
    pub(crate) async fn sign_in(&self, base: &str, token: &str) {
        self.open(base).await;
        self.type_into("#token", token).await;
        self.click("button").await;
        self.shows("nav", "Overview").await;
    }

    async fn open(&self, url: &str) {
        self.call(Method::POST, "/url", Some(json!({ "url": url }))).await.expect("a page");
    }

    /// Goes to a view.
    pub(crate) async fn go(&self, base: &str, view: &str) {
        self.open(&format!("{base}/#{view}")).await;
    }

    /// Presses what is found so; false where it is not there, cannot be pressed, or is drawn anew just then.
    async fn pressed(&self, using: &str, value: &str) -> bool {
        let Ok(found) = self.find(using, value).await else { return false };
        let is_enabled = self.call(Method::GET, &format!("{found}/enabled"), None).await == Ok(json!(true));
        is_enabled && self.call(Method::POST, &format!("{found}/click"), Some(json!({}))).await.is_ok()
    }

    /// Presses what `css` finds, once it is there and can be pressed.
    pub(crate) async fn click(&self, css: &str) {
        self.until(&format!("{css} can be pressed"), async || self.pressed("css selector", css).await).await;
    }

    /// Presses the button that says `words`, once there is one.
    pub(crate) async fn press(&self, words: &str) {
        let path = format!("//button[normalize-space()={words:?}]");
        self.until(&format!("{words} can be pressed"), async || self.pressed("xpath", &path).await).await;
    }

    pub(crate) async fn type_into(&self, css: &str, text: &str) {
        self.until(&format!("{css} takes keys"), async || {
            let Ok(found) = self.find("css selector", css).await else { return false };
            let keys = json!({ "text": text });
            self.call(Method::POST, &format!("{found}/value"), Some(keys)).await.is_ok()
        })
        .await;
    }

    /// The text that a person sees of what `css` finds; nothing where it is not to be seen.
    pub(crate) async fn text(&self, css: &str) -> String {
        let Ok(found) = self.find("css selector", css).await else { return String::new() };
        let text = self.call(Method::GET, &format!("{found}/text"), None).await.unwrap_or_default();
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until `words` are to be seen in what `css` finds.
    pub(crate) async fn shows(&self, css: &str, words: &str) {
        self.until(&format!("{css} shows {words:?}"), async || self.text(css).await.contains(words)).await;
    }

    /// Waits until nothing is to be seen of what `css` finds.
    pub(crate) async fn shows_no(&self, css: &str) {
        self.until(&format!("{css} goes away"), async || self.text(css).await.is_empty()).await;
    }

    async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        for _ in 0..600 {
            if holds().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let (page, said) = (self.text("body").await, self.said().await);
        panic!("{what} did not come about: {page}\n{said:?}");
    }

    /// What the script gives.
    pub(crate) async fn run(&self, script: &str) -> Value {
        let body = json!({ "script": script, "args": [] });
        self.call(Method::POST, "/execute/sync", Some(body)).await.expect("a script")
    }

    /// What the browser complained of since the last time: scripts that failed, what the policy forbids, what is not there. This is
    /// the driver's own, and no part of the protocol.
    pub(crate) async fn said(&self) -> Vec<String> {
        let log = self.call(Method::POST, "/se/log", Some(json!({ "type": "browser" }))).await;
        let entries = log.expect("the log").as_array().cloned().unwrap_or_default();
        let severe = entries.iter().filter(|entry| entry["level"] == "SEVERE");
        severe.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    pub(crate) async fn end(self) {
        self.call(Method::DELETE, "", None).await.expect("its end");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // asked in a friendly way it ends the browser too; it may have ended by itself
        let own = rustix::process::Pid::from_child(&self.driver);
        rustix::process::kill_process(own, rustix::process::Signal::TERM).unwrap_or_default();
        drop(self.driver.wait());
    }
}

/// What is asked of a browser.
fn wanted(width: u32, height: u32) -> Value {
    let mut options = json!({ "args": [
        "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run",
        format!("--window-size={width},{height}"),
    ] });
    if width < 500 {
        options["mobileEmulation"] = json!({ "deviceMetrics": { "width": width, "height": height, "pixelRatio": 2.0, "touch": true } });
    }
    json!({ "capabilities": { "alwaysMatch": {
        "goog:chromeOptions": options,
        "goog:loggingPrefs": { "browser": "ALL" },
    } } })
}
