//! Certificates: read at the beginning, and once more whenever their files are others.

use super::{HttpError, file};
use crate::config::Tls;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use tokio_rustls::TlsAcceptor;
use tracing::{info, warn};

/// The certificates of a server.
#[derive(Debug)]
pub(super) struct Certificates {
    files: Files,
    known: Mutex<(Vec<Option<SystemTime>>, Arc<ServerConfig>)>,
}

#[derive(Debug)]
struct Files {
    cert: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

impl Certificates {
    /// Those of `tls`, whose relative paths begin in `base`.
    ///
    /// # Errors
    /// A file that cannot be used, by its name.
    pub(super) fn open(tls: &Tls, base: &Path) -> Result<Self, HttpError> {
        let files = Files {
            cert: file(base, &tls.cert_file),
            key: file(base, &tls.key_file),
            client_ca: tls.client_ca_file.as_ref().map(|path| file(base, path)),
        };
        let config = files.read()?;
        let known = Mutex::new((files.times(), Arc::new(config)));
        Ok(Self { files, known })
    }

    /// What takes connections, by the certificates as they are now.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let times = self.files.times();
        if times != known.0 {
            match self.files.read() {
                Ok(config) => {
                    info!("the certificate was read once more");
                    known.1 = Arc::new(config);
                }
                Err(error) => {
                    warn!("the certificate stays as it was: {}", crate::text::with_causes(&error));
                }
            }
            known.0 = times;
        }
        TlsAcceptor::from(Arc::clone(&known.1))
    }
}

impl Files {
    fn times(&self) -> Vec<Option<SystemTime>> {
        let all = [Some(&self.cert), Some(&self.key), self.client_ca.as_ref()];
        let time = |path: &PathBuf| std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
        all.into_iter().flatten().map(time).collect()
    }

    fn read(&self) -> Result<ServerConfig, HttpError> {
        let certs = certificates(&self.cert)?;
        let key = key(&self.key)?;
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(&self.cert, error))?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for cert in certificates(path)? {
                    roots.add(cert).map_err(|error| wrong(path, error))?;
                }
                let provider = Arc::new(ring::default_provider());
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(verifier.map_err(|error| wrong(path, error))?)
            }
        };
        let mut config = builder.with_single_cert(certs, key).map_err(|error| wrong(&self.cert, error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn wrong(path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> HttpError {
    HttpError::new(format!("{} cannot be used", path.display()), Some(io::Error::other(error)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, HttpError> {
    let all = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let all = all.map_err(|error| wrong(path, error))?;
    if all.is_empty() {
        return Err(HttpError::new(format!("{} has no certificate", path.display()), None));
    }
    Ok(all)
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, HttpError> {
    let meta = std::fs::metadata(path).map_err(|error| wrong(path, error))?;
    if meta.permissions().mode() & 0o007 != 0 {
        let why =
            format!("{} can be used by anybody, allowed is its owner and group: chmod o= it", path.display());
        return Err(HttpError::new(why, None));
    }
    PrivateKeyDer::from_pem_file(path).map_err(|error| wrong(path, error))
}
