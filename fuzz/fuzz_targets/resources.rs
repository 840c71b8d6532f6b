//! Searches for bytes that break [`sparkconnect_fuzz::resources`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sparkconnect_fuzz::resources(data));
