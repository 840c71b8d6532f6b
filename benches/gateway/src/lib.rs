//! The gateway's benchmark: the same traffic through this project's gateway and through other proxies, one after the other on the
//! same two cores. `main.rs` is the program; the library is there so that a test can send a few calls through all of its parts.

pub mod backend;
pub mod client;
pub mod floor;
pub mod frames;
pub mod gateway;
pub mod load;
pub mod measure;
pub mod peers;
pub mod place;
pub mod proxy;
pub mod run;
pub mod shape;
pub mod table;
pub mod tls;
pub mod usage;
