//! What the fuzz targets share. [`drive`] is what they do with an input; the rest is about libFuzzer.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub mod drive;

thread_local! {
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The reader of workbooks catches panics of the libraries below it, which libFuzzer's own hook would take for crashes. A
/// panic of ours is one, caught or not.
pub fn keep_quiet() {
    std::panic::set_hook(Box::new(|panic| {
        let file = panic.location().map(|place| place.file().replace('\\', "/")).unwrap_or_default();
        if file.contains("/form-engine/") {
            eprintln!("{panic}");
            std::process::abort();
        }
        LAST.set(panic.to_string());
    }));
}

/// Runs a target; a panic that nobody caught is told, and ends the process as libFuzzer wants it.
pub fn guard(target: fn(&[u8]), input: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| target(input))).is_err() {
        eprintln!("{}", LAST.take());
        std::process::abort();
    }
}
