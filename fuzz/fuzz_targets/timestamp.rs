#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tuffet_fuzz::run("timestamp", bytes));
