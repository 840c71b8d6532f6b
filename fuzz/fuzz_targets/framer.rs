//! Searches for bytes that break [`sparkconnect_fuzz::framer`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sparkconnect_fuzz::framer(data));
