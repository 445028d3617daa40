//! A daemon that answers over HTTP, and those who ask it.

use super::fleet::{Fleet, Run, plan, step, wait};
use quietgate::http::{Level, Tokens};
use reqwest::{Certificate, Client, Method, RequestBuilder, Response};
use serde_json::Value;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use tokio::runtime::Runtime;

const DAY_MS: i64 = 86_400_000;

/// A fleet whose config has an address, and the daemon that answers there.
pub(crate) struct Site {
    pub(crate) fleet: Fleet,
    daemon: Option<Run>,
    pub(crate) base: String,
    client: Client,
    runtime: Runtime,
}

impl Site {
    /// With two plans that share no target, `a` on h1 and h2, `b` on h3, whose only step begins when somebody lets it.
    pub(crate) fn new() -> Self {
        Self::of("http", "", |builder| builder)
    }

    /// With `more` in the config beside the address.
    pub(crate) fn of(
        scheme: &str,
        more: &str,
        client: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
    ) -> Self {
        Self::on(Fleet::new(&step("one", "  batch: 1\n")), scheme, more, client)
    }

    /// With what a fleet has already.
    pub(crate) fn on(
        fleet: Fleet,
        scheme: &str,
        more: &str,
        client: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
    ) -> Self {
        // the second of two tests in one process finds it there
        drop(rustls::crypto::ring::default_provider().install_default());
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let api = format!("plans: plans\napi: {{listen: \"127.0.0.1:{port}\"{more}}}\n");
        fleet.append("quietgate.yaml", &api);
        std::fs::create_dir(fleet.path("plans")).expect("a folder");
        // an action begins in the folder of its plan
        fleet.write("plans/act", "#!/bin/sh\ncd .. && exec ./act \"$@\"\n");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(fleet.path("plans/act"), mode).expect("a mode");
        fleet.write("plans/a.yaml", &plan("a", &["h1", "h2"], "  batch: 1\n"));
        fleet.write("plans/b.yaml", &plan("b", &["h3"], "  batch: 1\n  approve: true\n"));
        // a daemon that was killed has left connections behind
        let builder = Client::builder().no_proxy().pool_max_idle_per_host(0);
        let client = client(builder).build().expect("a client");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut site =
            Self { fleet, daemon: None, base: format!("{scheme}://127.0.0.1:{port}"), client, runtime };
        site.begin();
        site
    }

    /// Starts the daemon.
    pub(crate) fn begin(&mut self) {
        let daemon = self.fleet.start(&["serve", "--stop-within", "5s"]);
        wait("the daemon", || self.fleet.said("serve.err").contains("serves").then_some(()));
        wait("its state", || (self.fleet.say(&["status"]).0 == Some(0)).then_some(()));
        self.daemon = Some(daemon);
    }

    /// The daemon is killed.
    pub(crate) fn kill(&mut self) {
        self.daemon.take().expect("a daemon").kill();
    }

    /// The text of a token that is good for a day.
    pub(crate) fn token(&self, name: &str, scope: Level) -> String {
        self.tokens().create(name, scope, DAY_MS).expect("a token").1
    }

    pub(crate) fn tokens(&self) -> Tokens {
        Tokens::of(&self.fleet.path("state"))
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.client.request(method.parse::<Method>().expect("a method"), format!("{}{path}", self.base))
    }

    pub(crate) fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(what)
    }

    /// Sends it, and gives what was answered and its body.
    pub(crate) fn send(&self, request: RequestBuilder) -> (Response, String) {
        self.wait(async {
            let mut response = request.send().await.expect("an answer");
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.expect("a body") {
                body.extend_from_slice(&chunk);
            }
            (response, String::from_utf8(body).expect("text"))
        })
    }

    /// What is answered to who shows `token`; all must be well.
    pub(crate) fn get(&self, token: &str, path: &str) -> Value {
        let (response, body) = self.send(self.request("GET", path).bearer_auth(token));
        assert!(response.status().is_success(), "{path}: {body}");
        serde_json::from_str(&body).expect("JSON")
    }

    /// The status and the body of the answer to `body`.
    pub(crate) fn post(&self, token: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = self.request("POST", path).bearer_auth(token);
        let request = request.header("content-type", "application/json").body(body.to_string());
        let (response, body) = self.send(request);
        (response.status().as_u16(), serde_json::from_str(&body).unwrap_or_default())
    }

    /// Begins a run of the plan `name`.
    pub(crate) fn submit(&self, token: &str, name: &str) -> String {
        let (status, body) =
            self.post(token, "/api/v1/runs", &serde_json::json!({"plan": name, "reason": "change 7"}));
        assert_eq!(status, 201, "{body}");
        body["run"].as_str().expect("a name").to_owned()
    }

    /// Who trusts this certificate.
    pub(crate) fn trusting(pem: &str) -> impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder {
        let certificate = Certificate::from_pem(pem.as_bytes()).expect("a certificate");
        move |builder| builder.tls_certs_only([certificate])
    }
}
