//! Searches for bytes that break [`sparkconnect_fuzz::credentials`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sparkconnect_fuzz::credentials(data));
