#![no_main]
libfuzzer_sys::fuzz_target!(
    // The parser catches what panics in what it is built on; the fuzzer's own hook would end the process before that.
    init: std::panic::set_hook(Box::new(|panic| eprintln!("{panic}"))),
    |bytes: &[u8]| tuffet_fuzz::run("inventory-parquet", bytes)
);
