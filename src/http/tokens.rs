//! Tokens: who may ask the daemon, and for what. Random, shown once, kept as hashes, and gone at once when revoked.

use super::kept;
use crate::clock;
use crate::text;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use subtle::ConstantTimeEq;

/// The name of the file in the folder of the state.
const FILE: &str = "tokens.json";
/// The name of the file that who changes tokens has locked.
const LOCK: &str = "tokens.lock";
/// How a token begins, so that it is found where it should not be.
const PREFIX: &str = "qg";
/// So many there may be.
const TOKENS_MAX: usize = 1000;
/// So long may the name of one be, in characters.
const NAME_MAX: usize = 64;

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// To look at everything but secrets.
    Read,
    /// To speak to runs as well: start, approve, pause, abort.
    Operate,
    /// To change tokens and to reload the config as well.
    Admin,
}

impl Level {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Operate, Self::Admin];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }
}

/// A token, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// What it is called by, and begins with.
    pub id: String,
    /// Whose it is, or what for.
    pub name: String,
    /// What it allows.
    pub scope: Level,
    /// When it was made, in UTC milliseconds.
    pub created: i64,
    /// When it ends, in UTC milliseconds.
    pub expires: i64,
    hash: String,
}

impl Token {
    /// As it is listed: without its text, which nobody has.
    pub fn told(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "scope": self.scope,
            "created": text::rfc3339(self.created),
            "expires": text::rfc3339(self.expires),
        })
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The token.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it allows.
    pub scope: Level,
    /// When it ends, in UTC milliseconds.
    pub expires: i64,
}

/// The tokens of a state: read once more whenever the file is another one.
#[derive(Debug)]
pub struct Tokens {
    state: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// What the file was like when it was read.
    seen: Option<(u64, u64, i64, i64)>,
    tokens: Arc<Vec<Token>>,
}

impl Tokens {
    /// Those in the folder `state`.
    pub fn of(state: &Path) -> Self {
        Self { state: state.to_owned(), known: Mutex::default() }
    }

    /// All of them.
    ///
    /// # Errors
    /// The file cannot be read: then nobody is known.
    pub fn all(&self) -> io::Result<Arc<Vec<Token>>> {
        let path = self.state.join(FILE);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Arc::default()),
            file => file?,
        };
        let meta = file.metadata()?;
        let seen = Some((meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec()));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.seen != seen {
            known.tokens = Arc::new(serde_json::from_reader(io::BufReader::new(file))?);
            known.seen = seen;
        }
        Ok(Arc::clone(&known.tokens))
    }

    /// Whose token this is; none where it is nobody's, or not any more.
    pub fn identity(&self, text: &str) -> Option<Identity> {
        let id = text.strip_prefix(PREFIX)?.strip_prefix('_')?.split('_').next()?;
        let tokens = self.all().ok()?;
        let token = tokens.iter().find(|token| token.id == id)?;
        let is_it: bool = hash(text).as_bytes().ct_eq(token.hash.as_bytes()).into();
        let is_good = is_it && clock::now().as_millis() < token.expires;
        is_good.then(|| Identity {
            id: token.id.clone(),
            name: token.name.clone(),
            scope: token.scope,
            expires: token.expires,
        })
    }

    /// Whether a token that was good still is.
    pub fn is_good(&self, identity: &Identity) -> bool {
        let is_it = |token: &Token| token.id == identity.id && token.scope == identity.scope;
        clock::now().as_millis() < identity.expires && self.all().is_ok_and(|tokens| tokens.iter().any(is_it))
    }

    /// Makes a token, and gives its text, which is kept nowhere.
    ///
    /// # Errors
    /// The name is none, there are too many, or the file cannot be written.
    pub fn create(&self, name: &str, scope: Level, lasts_ms: i64) -> io::Result<(Token, String)> {
        if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
            let why = format!(
                "the name of a token is {name:?}, allowed are 1 to {NAME_MAX} characters that can be shown"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let (id, secret) = (hex(&random::<4>()?), URL_SAFE_NO_PAD.encode(random::<32>()?));
        let text = format!("{PREFIX}_{id}_{secret}");
        let created = clock::now().as_millis();
        let expires = created.saturating_add(lasts_ms);
        let token = Token { id, name: name.to_owned(), scope, created, expires, hash: hash(&text) };
        let own = token.clone();
        self.change(move |tokens| {
            tokens.retain(|token| created < token.expires);
            if tokens.len() >= TOKENS_MAX {
                let why = format!("there are {TOKENS_MAX} tokens already: revoke some");
                return Err(io::Error::new(io::ErrorKind::QuotaExceeded, why));
            }
            tokens.push(own);
            Ok(())
        })?;
        Ok((token, text))
    }

    /// Takes the token `id` back, and says whether there was one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn revoke(&self, id: &str) -> io::Result<bool> {
        let mut was_there = false;
        self.change(|tokens| {
            let before = tokens.len();
            tokens.retain(|token| token.id != id);
            was_there = tokens.len() < before;
            Ok(())
        })?;
        Ok(was_there)
    }

    /// Writes what `change` makes of the tokens: all of it, durably, or nothing.
    fn change(&self, change: impl FnOnce(&mut Vec<Token>) -> io::Result<()>) -> io::Result<()> {
        let options = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).clone();
        let lock = options.open(self.state.join(LOCK))?;
        lock.lock()?;
        let mut tokens = Vec::clone(&*self.all()?);
        change(&mut tokens)?;
        kept::replace(&self.state, FILE, &serde_json::to_vec_pretty(&tokens)?)
    }
}

fn hash(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Random bytes, by the system.
fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    const DAY_MS: i64 = 86_400_000;

    fn tokens() -> (tempfile::TempDir, Tokens) {
        let dir = tempfile::tempdir().expect("a folder");
        let tokens = Tokens::of(dir.path());
        (dir, tokens)
    }

    #[test]
    fn a_token_is_good_until_it_is_revoked_or_ends_and_is_kept_as_a_hash_alone() {
        let (dir, tokens) = tokens();
        assert_eq!(tokens.identity("qg_00000000_x"), None, "there is none yet");
        let (token, text) = tokens.create("night shift", Level::Operate, DAY_MS).expect("a token");
        let identity = tokens.identity(&text).expect("it is good");
        assert_eq!((identity.name.as_str(), identity.scope), ("night shift", Level::Operate));
        let kept = fs::read_to_string(dir.path().join(FILE)).expect("the file");
        assert!(!kept.contains(&text[12..]), "{kept}");
        let mode = fs::metadata(dir.path().join(FILE)).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let (_, gone) = tokens.create("gone", Level::Admin, 0).expect("a token");
        assert_eq!(tokens.identity(&gone), None);
        let other = Tokens::of(dir.path());
        assert!(other.revoke(&token.id).expect("a change") && !other.revoke(&token.id).expect("a change"));
        assert_eq!(tokens.identity(&text), None, "also where another process revoked it");
        assert!(!tokens.is_good(&identity), "and what is open");
    }

    #[test]
    fn a_token_that_differs_in_anything_is_nobodys() {
        let (_dir, tokens) = tokens();
        let (_, text) = tokens.create("a", Level::Read, DAY_MS).expect("a token");
        for place in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[place] = if other[place] == b'0' { b'1' } else { b'0' };
            let other = String::from_utf8(other).expect("text");
            assert_eq!(tokens.identity(&other), None, "{other}");
        }
        assert_eq!(tokens.identity(&text[..text.len() - 1]), None);
        assert_eq!(tokens.identity(&format!("{text}0")), None);
    }

    #[test]
    fn names_can_be_shown_and_there_are_not_too_many() {
        let (_dir, tokens) = tokens();
        for name in ["", "a\nb", &"x".repeat(65)] {
            assert!(tokens.create(name, Level::Read, DAY_MS).is_err(), "{name:?}");
        }
        assert!(tokens.create(&"\u{e4}".repeat(64), Level::Read, DAY_MS).is_ok());
    }
}
