//! The authority that vouches for the gateway's certificate, as far as it is known. No I/O.

use std::sync::{Arc, PoisonError, RwLock};

/// The authority's certificate, shared between who reads it from its Secret and who hands it to clients.
#[derive(Clone, Debug, Default)]
pub struct Authority(Arc<RwLock<Option<String>>>);

impl Authority {
    /// The certificate, PEM; `None` while none is known.
    pub fn certificate(&self) -> Option<String> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    /// Puts `certificate` in its place; whether that is another one.
    pub fn set(&self, certificate: Option<String>) -> bool {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let changed = *known != certificate;
        *known = certificate;
        changed
    }
}
