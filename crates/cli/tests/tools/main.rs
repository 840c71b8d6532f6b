//! `doctor` and `session shell` with the real program, on a real API server: no operator runs there, and tests write what one would.
//! What needs the whole is in tests/e2e.

mod doctor;
mod fixture;
mod shell;
