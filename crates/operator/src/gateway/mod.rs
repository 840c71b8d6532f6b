//! The gateway as the operator knows it: where clients reach it, and who vouches for its certificate. [`keeper`] does I/O,
//! the rest none.

mod address;
mod authority;
pub mod certificate;
mod control;
pub mod keeper;

pub use address::{Address, AddressError};
pub use authority::Authority;
pub use control::{CredentialError, Credentials};
pub use keeper::{Keeper, KeeperError};

/// The gateway of this installation.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// Where clients reach it.
    pub address: Address,
    /// Who vouches for its certificate.
    pub authority: Authority,
}

impl Gateway {
    /// A gateway whose authority is not known yet.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            authority: Authority::default(),
        }
    }
}
