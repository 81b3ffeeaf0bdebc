//! One thing wrong at a time.
