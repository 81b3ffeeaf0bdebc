//! Runs one command with only the grants it was given.
