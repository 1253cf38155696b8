#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rowtide_fuzz::kafka_answers(data));
