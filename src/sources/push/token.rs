//! Whether who pushes has the token. It stays in its file, and is read for each request, so that it may be changed.

use super::super::server::secret_now;
use super::super::{SourceError, Trouble};
use super::refusal::Refusal;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use subtle::ConstantTimeEq;

/// The file of the token.
#[derive(Debug, Clone)]
pub(super) struct Token {
    path: PathBuf,
}

/// What others may do with a file by its mode: read and write.
const OTHERS: u32 = 0o006;

impl Token {
    /// The token in the file at `path`, which is read once to see whether it can be.
    ///
    /// # Errors
    /// A file that cannot be read, that others may read or write, or that holds no token.
    pub(super) fn new(path: &Path) -> Result<Self, SourceError> {
        let token = Self { path: path.to_owned() };
        token.read().map(|_| token)
    }

    fn read(&self) -> Result<String, SourceError> {
        let failed = |cause| {
            SourceError::new(self.path.display().to_string(), Trouble::File { what: "the token", cause })
        };
        let mode = std::fs::metadata(&self.path).map_err(failed)?.permissions().mode();
        if mode & OTHERS != 0 {
            let why = "others may read or write it; chmod o= it";
            return Err(failed(io::Error::new(io::ErrorKind::PermissionDenied, why)));
        }
        secret_now(&self.path)
    }

    /// Whether a request with these headers has it.
    ///
    /// # Errors
    /// It has none or another one, or nobody can tell.
    pub(super) async fn check(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (scheme, given) = given.and_then(|value| value.split_once(' ')).ok_or(Refusal::NoToken)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refusal::NoToken);
        }
        let own = self.clone();
        let own = tokio::task::spawn_blocking(move || own.read()).await;
        let Ok(Ok(own)) = own else {
            return Err(Refusal::NotNow("the token cannot be read here"));
        };
        // of one length, so that not even that of the token can be told by the time it takes
        let [own, given] = [own.as_str(), given.trim()].map(|text| Sha256::digest(text.as_bytes()));
        bool::from(own.ct_eq(&given)).then_some(()).ok_or(Refusal::WrongToken)
    }
}
