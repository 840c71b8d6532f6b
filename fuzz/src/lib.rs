//! Properties of what reads bytes that others write: one function a target, which panics where its property does not hold. The
//! libFuzzer programs in `fuzz_targets/` search for such bytes; `tests/corpus.rs` replays what they found worth keeping. No I/O.

mod address;
mod credentials;
mod framer;
mod resources;
mod settings;
mod walk;
mod wire;

pub use address::address;
pub use credentials::credentials;
pub use framer::framer;
pub use resources::resources;
pub use settings::settings;
pub use walk::walk;

/// The session of every call and connection here.
const SESSION: &str = "6f1f0d4e-6e0e-4f58-9d6e-2f6a3c1b7a10";
/// The user whom the gateway knows.
const USER: &str = "ada@example.com";
