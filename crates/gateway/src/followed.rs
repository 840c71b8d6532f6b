//! Certificates and keys in a mounted Secret: read from its files, and read anew when they change. Does I/O on the file system.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use tokio_rustls::rustls::server::VerifierBuilderError;
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, RootCertStore};

/// Between two looks at the files. A mounted Secret takes about a minute to change anyway.
const LOOK: Duration = Duration::from_secs(5);

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{}: {source}: mount the Secret that the operator makes", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{}: {source}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// Certificate and key cannot be used, or not with each other.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// The authority cannot be used.
    #[error("the authority's certificate cannot be used: {0}")]
    Authority(#[from] VerifierBuilderError),
}

/// A file and what it held.
pub(crate) struct Content {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Content {
    fn read(path: PathBuf) -> Result<Self, CertificateError> {
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Self { path, bytes }),
            Err(source) => Err(CertificateError::Read { path, source }),
        }
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
        CertificateDer::pem_slice_iter(&self.bytes)
            .collect::<Result<_, _>>()
            .map_err(|source| self.no_pem(source))
    }

    /// The authorities in the file.
    pub(crate) fn authorities(&self) -> Result<RootCertStore, CertificateError> {
        let mut store = RootCertStore::empty();
        for certificate in self.certificates()? {
            store.add(certificate)?;
        }
        Ok(store)
    }

    fn no_pem(&self, source: pem::Error) -> CertificateError {
        CertificateError::Pem {
            path: self.path.clone(),
            source,
        }
    }
}

/// A certificate chain and its key, each from its file.
pub(crate) fn certified(chain: &Content, key: &Content) -> Result<CertifiedKey, CertificateError> {
    let private = PrivateKeyDer::from_pem_slice(&key.bytes).map_err(|source| key.no_pem(source))?;
    Ok(CertifiedKey::from_der(
        chain.certificates()?,
        private,
        &provider(),
    )?)
}

/// The cryptography of every TLS here.
pub(crate) fn provider() -> CryptoProvider {
    aws_lc_rs::default_provider()
}

type Parse<T, const N: usize> = fn([Content; N]) -> Result<T, CertificateError>;

/// What `N` files of a folder say at present.
pub(crate) struct Followed<T, const N: usize> {
    files: [PathBuf; N],
    parse: Parse<T, N>,
    present: RwLock<Arc<T>>,
}

impl<T, const N: usize> fmt::Debug for Followed<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Followed").field(&self.files).finish()
    }
}

impl<T, const N: usize> Followed<T, N> {
    /// Reads the files `names` in `folder`.
    pub(crate) fn read(
        folder: &Path,
        names: [&str; N],
        parse: Parse<T, N>,
    ) -> Result<Self, CertificateError> {
        let files = names.map(|name| folder.join(name));
        let present = parse(contents(&files)?)?;
        Ok(Self {
            files,
            parse,
            present: RwLock::new(Arc::new(present)),
        })
    }

    /// What they say at present.
    pub(crate) fn present(&self) -> Arc<T> {
        let present = self.present.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&present)
    }

    /// Looks at the files again and again, and takes what they hold when it can be used. Never returns.
    pub(crate) async fn follow(&self) {
        let mut seen: Option<Vec<Vec<u8>>> = None;
        loop {
            tokio::time::sleep(LOOK).await;
            let read = contents(&self.files);
            let bytes = |contents: &[Content; N]| contents.each_ref().map(|it| it.bytes.clone());
            let now = read.as_ref().ok().map(|read| bytes(read).to_vec());
            if now != seen {
                self.take(read);
                seen = now;
            }
        }
    }

    fn take(&self, read: Result<[Content; N], CertificateError>) {
        match read.and_then(|contents| (self.parse)(contents)) {
            Ok(new) => {
                let mut present = self.present.write().unwrap_or_else(PoisonError::into_inner);
                *present = Arc::new(new);
                tracing::info!(file = %self.files[0].display(), "certificate read");
            }
            Err(error) => {
                tracing::warn!(%error, "new certificate not usable; the old one stays");
            }
        }
    }
}

fn contents<const N: usize>(files: &[PathBuf; N]) -> Result<[Content; N], CertificateError> {
    let read: Result<Vec<_>, _> = files.iter().cloned().map(Content::read).collect();
    let contents: Option<[Content; N]> = read?.try_into().ok();
    Ok(contents.expect("there is one a file"))
}
