//! The headers of a request: those of the plan, the idempotency key, and secrets from files.

use super::super::super::settings::{SettingDoc, SettingError, Settings};
use super::super::super::template::{RenderError, Template};
use super::super::super::values::Values;
use super::body::Body;
use super::{HEADERS, KEY_HEADER, SECRET_HEADERS};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Headers that say how a request is sent, which the program does.
const OURS: [&str; 7] =
    ["host", "content-length", "transfer-encoding", "connection", "te", "upgrade", "trailer"];

/// More than this is no secret but a mistaken path.
const LONGEST_SECRET: usize = 64 * 1024;

/// Permission of others to read or write a file.
const OTHERS: u32 = 0o006;

/// The headers of a request.
#[derive(Debug)]
pub(crate) struct Headers {
    key: HeaderName,
    plain: Vec<(HeaderName, Template)>,
    /// With the paths of their values.
    secret: Vec<(HeaderName, String)>,
}

impl Headers {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Vec<SettingError>> {
        let mut errors = Vec::new();
        let mut taken = Vec::new();
        let mut named = |doc: SettingDoc, text: &str| match name(text, &taken) {
            Ok(name) => {
                taken.push(name.clone());
                Some(name)
            }
            Err(why) => {
                errors.push(SettingError::wrong(doc.name, why));
                None
            }
        };
        let key = named(KEY_HEADER, settings.text(KEY_HEADER.name).unwrap_or_default());
        let mut plain = Vec::new();
        let mut wrong = Vec::new();
        for (text, value) in settings.map(HEADERS.name) {
            match (named(HEADERS, text), Template::new(value)) {
                (Some(name), Ok(template)) => plain.push((name, template)),
                (_, Err(why)) => wrong.push(SettingError::wrong(HEADERS.name, format!("{text}: {why}"))),
                (None, Ok(_)) => {}
            }
        }
        let secret = settings.map(SECRET_HEADERS.name);
        let secret =
            secret.filter_map(|(text, path)| Some((named(SECRET_HEADERS, text)?, path.to_owned()))).collect();
        errors.extend(wrong);
        match key {
            Some(key) if errors.is_empty() => Ok(Self { key, plain, secret }),
            _ => Err(errors),
        }
    }

    /// All but the secrets.
    pub(crate) fn fill(&self, values: &Values, body: &Body, key: &str) -> Result<HeaderMap, RenderError> {
        let mut out = HeaderMap::new();
        if let Some(kind) = body.content_type() {
            out.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        let value = |name: &HeaderName, text: &str| {
            let message = || format!("{name}: a value may have visible ASCII and spaces only");
            HeaderValue::from_str(text)
                .map_err(|_| RenderError::Unfit { place: HEADERS.name, message: message() })
        };
        out.insert(&self.key, value(&self.key, key)?);
        for (name, template) in &self.plain {
            out.insert(name, value(name, &template.fill(values)?)?);
        }
        Ok(out)
    }

    /// Reads the secrets, whose paths begin at `base`, and adds them to `headers`.
    ///
    /// # Errors
    /// Why one cannot be used, in words and without it.
    pub(crate) fn add_secrets(&self, base: &Path, headers: &mut HeaderMap) -> Result<(), String> {
        for (name, path) in &self.secret {
            let path = base.join(path);
            let value = secret(&path).map_err(|why| format!("{name} from {}: {why}", path.display()))?;
            headers.insert(name, value);
        }
        Ok(())
    }
}

/// The header called `text`, unless it is not for a plan to set.
fn name(text: &str, taken: &[HeaderName]) -> Result<HeaderName, String> {
    let name: HeaderName = text.parse().map_err(|_| format!("{text:?} is no name of a header"))?;
    if OURS.contains(&name.as_str()) {
        return Err(format!("{text} is not for a plan to set"));
    }
    if taken.contains(&name) {
        return Err(format!("{text} is there already"));
    }
    Ok(name)
}

fn secret(path: &Path) -> Result<HeaderValue, String> {
    let data = fs::metadata(path).map_err(|error| error.to_string())?;
    if !data.is_file() {
        return Err("not a file".to_owned());
    }
    if data.permissions().mode() & OTHERS != 0 {
        return Err("others may read or write it; chmod o= it".to_owned());
    }
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    if bytes.is_empty() || bytes.len() > LONGEST_SECRET {
        return Err(format!("expected one line of 1 to {LONGEST_SECRET} bytes"));
    }
    let mut value = HeaderValue::from_bytes(bytes).map_err(|_| "expected one line of text".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}
