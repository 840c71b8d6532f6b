//! The session controller against a real API server and a real Spark server: every call that it makes is recorded and may be
//! cut off. What the tests play themselves is the rest of the operator: pods, and which of them are watched.

mod certificates;
mod changes;
mod crash;
mod endings;
mod gateway;
mod making;
mod namespaces;
mod operator;
mod program;
mod recorder;
mod removal;
mod taken;
mod traces;
mod wire;
mod world;
