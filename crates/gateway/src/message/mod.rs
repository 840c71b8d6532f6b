//! The messages of requests: found out whom they belong to, and made to belong to nobody else. Nothing of a message is decoded
//! or kept beyond its first few bytes.

mod body;
mod rewrite;
mod suffix;
mod walk;

pub use body::{Begun, Enforced, Piece, begin, whole};
pub use rewrite::{Beginning, Rewriter, Subject, Unfit};
pub use suffix::{suffix, with};
pub use walk::{Malformed, Walk};
