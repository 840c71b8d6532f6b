//! The service account of driver pods. No I/O.

use k8s_openapi::api::core::v1::ServiceAccount;

use super::metadata;
use crate::server::validate::{Account, ValidatedServer};

/// The account made for the server; `None` where the spec names one.
///
/// Its token is mounted only where a pod asks for it: driver pods do, executors do not.
pub(super) fn service_account(server: &ValidatedServer) -> Option<ServiceAccount> {
    (server.account == Account::Made).then(|| ServiceAccount {
        metadata: metadata::same_name(server),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    })
}
