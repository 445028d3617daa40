//! The headers of a request: those of the plan, the idempotency key, and secrets from files.

use super::super::super::template::{Filled, RenderError, Template};
use super::super::super::values::Values;
use super::body::Body;
use super::{HEADERS, KEY_HEADER, SECRET_HEADERS};
use crate::settings::{Part, SettingError, Settings};
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
        let (mut errors, mut taken) = (Vec::new(), Vec::new());
        let mut named = |setting: &'static str, part, text: &str| match name(text, &taken) {
            Ok(name) => {
                taken.push(name.clone());
                Some(name)
            }
            Err(why) => {
                errors.push(SettingError::refused(setting, part, why));
                None
            }
        };
        let key = settings.text(KEY_HEADER.name).unwrap_or_default();
        let key = named(KEY_HEADER.name, Part::Whole, key);
        let (mut plain, mut secret, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
        for (place, (text, value)) in settings.map(HEADERS.name).iter().enumerate() {
            match (named(HEADERS.name, Part::Key(place), text), Template::new(value)) {
                (Some(name), Ok(template)) => plain.push((name, template)),
                (_, Err(why)) => {
                    let message = format!("{text}: {why}");
                    wrong.push(SettingError::refused(HEADERS.name, Part::Item(place), message));
                }
                (None, Ok(_)) => {}
            }
        }
        for (place, (text, path)) in settings.map(SECRET_HEADERS.name).iter().enumerate() {
            let name = named(SECRET_HEADERS.name, Part::Key(place), text);
            secret.extend(name.map(|name| (name, path.clone())));
        }
        errors.extend(wrong);
        match key {
            Some(key) if errors.is_empty() => Ok(Self { key, plain, secret }),
            _ => Err(errors),
        }
    }

    /// The texts in which values are filled in.
    pub(crate) fn filled(&self) -> impl Iterator<Item = Filled<'_>> {
        let headers = self.plain.iter().enumerate();
        headers.map(|(place, (_, template))| Filled::new(HEADERS.name, Part::Item(place), template))
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
