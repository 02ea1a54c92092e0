#![no_main]

use form_engine_fuzz::{drive, guard, keep_quiet};

libfuzzer_sys::fuzz_target!(init: keep_quiet(), |input: &[u8]| guard(drive::expression, input));
