//! Git on untrusted content: one door to the `git` program, and our own isolated git directory.
//!
//! The user's git directory is read as data (`layout`, `refs`, `settings`) and never given to git as
//! `GIT_DIR`, because its configuration and hooks can run programs. Git works on a private
//! directory (`isolated`) that borrows the user's objects through `objects/info/alternates`, and
//! writes where it does not even see them (`quarantine`).

pub mod attributes;
pub mod blobs;
pub mod command;
pub mod error;
pub mod hash;
pub mod isolated;
pub mod layout;
pub mod objects;
pub mod quarantine;
pub mod refs;
pub mod settings;
pub mod stores;

pub use command::Git;
pub use error::GitError;
pub use hash::ObjectFormat;
