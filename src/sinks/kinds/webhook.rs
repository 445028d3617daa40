//! `webhook`: posts each event as JSON, signed as [Standard Webhooks](https://www.standardwebhooks.com) says.

use super::super::client::{self, Client};
use super::super::registry::Entry;
use super::super::sink::{Failed, Sending, Sink};
use crate::clock;
use crate::event::Event;
use crate::secret;
use crate::settings::{Need, SettingDoc, Shape};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use sha2::Sha256;
use std::path::{Path, PathBuf};

pub(crate) const ENTRY: Entry = Entry {
    kind: "webhook",
    summary: "posts each event as JSON, signed, to whoever listens at a URL",
    about: "The body is one event (`quietgate schema event`). The headers are those of Standard Webhooks: webhook-id is the event's id, the \
            same at each try; webhook-timestamp the time of the try in seconds; webhook-signature has HMAC-SHA256 over \
            `id.timestamp.body` by each key. An answer of 2xx takes the event; 400, 413 and 422 refuse it for good, which is counted and \
            told of next; after anything else it is tried again, after 1 s at first and 5 min at last, and whatever comes later waits behind \
            it. Redirects are not followed, no proxy is used, and nothing is sent to a link-local address",
    settings: &[
        client::URL,
        SettingDoc {
            name: "secret_file",
            shape: Shape::SecretFile,
            need: Need::Required,
            about: "the key that signs: whsec_ and 24 to 64 random bytes in base64; read for each event, so that it may be changed",
        },
        SettingDoc {
            name: "old_secret_file",
            shape: Shape::SecretFile,
            need: Need::Optional,
            about: "a second key that signs too, while receivers are brought from one to the other",
        },
        client::AUTHORITY,
        client::TIMEOUT,
    ],
    filters: true,
    fits: client::fits,
    build: |settings| {
        let url = Url::parse(settings.text("url").unwrap_or_default());
        let keys = ["secret_file", "old_secret_file"].into_iter().filter_map(|name| settings.path(name));
        let keys = keys.map(Path::to_path_buf).collect();
        let url = url.map_err(|error| super::super::SinkError(error.to_string()))?;
        Ok(Box::new(Webhook { client: Client::new(settings)?, url, keys }))
    },
};

/// How a key begins in its file.
const PREFIX: &str = "whsec_";

#[derive(Debug)]
struct Webhook {
    client: Client,
    url: Url,
    keys: Vec<PathBuf>,
}

impl Sink for Webhook {
    fn send<'a>(&'a mut self, event: &'a Event) -> Sending<'a> {
        Box::pin(async move {
            let body = serde_json::to_vec(event).map_err(|error| Failed::ForGood(error.to_string()))?;
            let seconds = clock::now().as_millis().div_euclid(1_000);
            let paths = self.keys.clone();
            // a disk may hold it up
            let keys = tokio::task::spawn_blocking(move || paths.iter().map(|path| key(path)).collect());
            let keys: Result<Vec<_>, Failed> =
                keys.await.map_err(|error| Failed::later(error.to_string()))?;
            let signatures: Vec<_> =
                keys?.iter().map(|key| signature(key, &event.id, seconds, &body)).collect();
            let headers = headers(&event.id, seconds, &signatures.join(" "))?;
            self.client.post(self.url.clone(), headers, body).await
        })
    }
}

/// The key in the file at `path`.
fn key(path: &Path) -> Result<Vec<u8>, Failed> {
    let odd = |why: &str| Failed::later(format!("{}: {why}", path.display()));
    let text = secret::read(path).map_err(|error| odd(&format!("the secret cannot be read: {error}")))?;
    let key = text.strip_prefix(PREFIX).and_then(|key| BASE64_STANDARD.decode(key).ok());
    let allowed = format!("the secret is none, allowed is {PREFIX} and 24 to 64 bytes in base64");
    key.filter(|key| (24..=64).contains(&key.len())).ok_or_else(|| odd(&allowed))
}

/// How `key` signs that.
fn signature(key: &[u8], id: &str, seconds: i64, body: &[u8]) -> String {
    // HMAC takes keys of any length
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

fn headers(id: &str, seconds: i64, signatures: &str) -> Result<HeaderMap, Failed> {
    let mut headers = client::json();
    let own =
        [("webhook-id", id), ("webhook-timestamp", &seconds.to_string()), ("webhook-signature", signatures)];
    for (name, value) in own {
        let value =
            HeaderValue::from_str(value).map_err(|error| Failed::ForGood(format!("{name}: {error}")))?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        file
    }

    /// The example of the specification.
    #[test]
    fn it_signs_as_the_standard_says() {
        let secret = file("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
        let key = key(secret.path()).expect("a key");
        let signed =
            signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_is_no_key_is_named_by_its_file_and_not_shown() {
        for odd in ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_short", "whsec_c2hvcnQ=", "whsec_"] {
            let secret = file(odd);
            let why = key(secret.path()).expect_err("no key").to_string();
            let key = odd.trim_start_matches(PREFIX);
            assert!(why.contains("allowed is whsec_ and 24 to 64 bytes"), "{why}");
            assert!(key.is_empty() || !why.contains(key), "{why}");
        }
        let why = key(Path::new("nowhere/hook.secret")).expect_err("no file").to_string();
        assert!(why.starts_with("nowhere/hook.secret: the secret cannot be read: "), "{why}");
    }
}
