//! `http`: sends one request, and succeeds with an expected status.

mod body;
mod exchange;
mod headers;
mod url;

use super::super::io::Io;
use super::super::outcome::Outcome;
use super::super::registry::{Action, Built, Entry, Running};
use super::super::template::{Filled, RenderError};
use super::super::values::Values;
use super::surroundings::KEPT;
use crate::settings::{Need, Part, SettingDoc, SettingError, Settings, Shape};
use body::Body;
use headers::Headers;
use reqwest::Method;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::sync::Arc;
use url::UrlTemplate;

/// The methods that there are; the first is the default.
const METHODS: [&str; 6] = ["POST", "GET", "PUT", "PATCH", "DELETE", "HEAD"];

const METHOD: SettingDoc = SettingDoc {
    name: "method",
    shape: Shape::Word(&METHODS),
    need: Need::Default(METHODS[0]),
    about: "how it is sent; POST where it is not given, for an action changes something",
};

const URL: SettingDoc = SettingDoc {
    name: "url",
    shape: Shape::Text,
    need: Need::Required,
    about: "where to, by http or https. In place of the host, ${…} must be a name, an address, or one of them with a port; behind \
            it, it is percent-encoded and cannot add a segment to the path. No user, password or # in it",
};

const HEADERS: SettingDoc = SettingDoc {
    name: "headers",
    shape: Shape::TextMap,
    need: Need::Optional,
    about: "headers by name; ${…} may stand in the values",
};

const SECRET_HEADERS: SettingDoc = SettingDoc {
    name: "secret_headers",
    shape: Shape::PathMap,
    need: Need::Optional,
    about: "headers by name with the file that has the value, such as {Authorization: token}. The file, whose path begins at the \
            plan's folder, is read for each attempt and must not be open to others (chmod o=)",
};

const BODY: SettingDoc = SettingDoc {
    name: "body",
    shape: Shape::AnyText,
    need: Need::Optional,
    about: "what is sent, as it stands; ${…} is filled in as it is. For JSON use json",
};

const JSON: SettingDoc = SettingDoc {
    name: "json",
    shape: Shape::AnyText,
    need: Need::Optional,
    about: "what is sent as JSON. ${…} may stand within strings, and no value can end one",
};

const EXPECT: SettingDoc = SettingDoc {
    name: "expect",
    shape: Shape::CountList { min: 200, max: 599 },
    need: Need::Optional,
    about: "statuses that are a success; any from 200 to 299 where it is not given. A redirect is never followed",
};

const KEY_HEADER: SettingDoc = SettingDoc {
    name: "idempotency_header",
    shape: Shape::Text,
    need: Need::Default("Idempotency-Key"),
    about: "the header with a key that is the same whenever the same attempt is sent, and another one for any other, so that a \
            server can refuse to do it twice",
};

const CA_FILE: SettingDoc = SettingDoc {
    name: "ca_file",
    shape: Shape::Path,
    need: Need::Optional,
    about: "certificates in PEM that alone are trusted, in place of those of the system; the path begins at the plan's folder",
};

pub(crate) const ENTRY: Entry = Entry {
    kind: "http",
    summary: "sends one request, and succeeds with an expected status",
    about: "Sent once: no redirect, no proxy, no repetition. The answer is read to its end, in bounded memory, for its status \
            alone does not say that the server is done. What was sent and not answered may or may not have been done.",
    settings: &[METHOD, URL, HEADERS, SECRET_HEADERS, BODY, JSON, EXPECT, KEY_HEADER, CA_FILE, KEPT],
    permitted: |_| true,
    build,
};

fn build(settings: &Settings) -> Built {
    let text = |doc: &SettingDoc| settings.text(doc.name).unwrap_or_default();
    let refused = |doc: &SettingDoc, why| vec![SettingError::refused(doc.name, Part::Whole, why)];
    let method: Result<Method, _> = text(&METHOD).parse();
    let method = method.map_err(|why| refused(&METHOD, why.to_string()));
    let url = UrlTemplate::new(text(&URL)).map_err(|why| refused(&URL, why));
    let headers = Headers::new(settings);
    let body = Body::new(settings);
    match (method, url, headers, body) {
        (Ok(method), Ok(url), Ok(headers), Ok(body)) => Ok(Arc::new(Http {
            method,
            url,
            headers,
            body,
            expect: settings.counts(EXPECT.name).to_vec(),
            ca_file: settings.text(CA_FILE.name).map(ToOwned::to_owned),
            output: settings.size(KEPT.name).unwrap_or_default(),
        })),
        (method, url, headers, body) => {
            let errors = [method.err(), url.err(), headers.err(), body.err()];
            Err(errors.into_iter().flatten().flatten().collect())
        }
    }
}

#[derive(Debug)]
struct Http {
    method: Method,
    url: UrlTemplate,
    headers: Headers,
    body: Body,
    /// None: any from 200 to 299.
    expect: Vec<u32>,
    ca_file: Option<String>,
    output: u64,
}

/// All that is sent but the secrets.
struct Request {
    url: reqwest::Url,
    headers: reqwest::header::HeaderMap,
    body: Option<String>,
}

impl Http {
    fn request(&self, values: &Values) -> Result<Request, RenderError> {
        let url = self.url.fill(values)?;
        let body = self.body.fill(values)?;
        let key = self.key(values, &url, body.as_deref());
        let headers = self.headers.fill(values, &self.body, &key)?;
        Ok(Request { url, headers, body })
    }

    /// The same for the same attempt, and for nothing else: an undo on the same target is another request.
    fn key(&self, values: &Values, url: &reqwest::Url, body: Option<&str>) -> String {
        let attempt = values.attempt.to_string();
        let mut hash = Sha256::new();
        let request = [self.method.as_str(), url.as_str(), body.unwrap_or_default()];
        for text in [&values.run, &values.plan, &values.step, &values.target, &attempt]
            .map(String::as_str)
            .iter()
            .chain(&request)
        {
            // with the length before it no text runs into the next
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hash.finalize().iter().take(16).fold("quietgate-".to_owned(), |mut key, byte| {
            let _ = write!(key, "{byte:02x}");
            key
        })
    }

    fn is_expected(&self, status: u16) -> bool {
        if self.expect.is_empty() {
            (200..300).contains(&status)
        } else {
            self.expect.contains(&status.into())
        }
    }
}

impl Action for Http {
    fn filled(&self) -> Vec<Filled<'_>> {
        let url = Filled::new(URL.name, Part::Whole, self.url.template());
        [url].into_iter().chain(self.headers.filled()).chain(self.body.filled()).collect()
    }

    fn rendered(&self, values: &Values) -> Result<String, RenderError> {
        Ok(format!("{} {}", self.method, self.request(values)?.url))
    }

    fn run<'a>(&'a self, values: &'a Values, io: &'a Io<'a>) -> Running<'a> {
        Box::pin(async move {
            match self.request(values) {
                Ok(request) => exchange::run(self, request, values, io).await,
                Err(error) => Outcome::not_started(error),
            }
        })
    }
}
