//! Searches for bytes that break [`sparkconnect_fuzz::walk`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sparkconnect_fuzz::walk(data));
