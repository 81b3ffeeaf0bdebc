//! The network of a prepare step: an allow-list of `host:port`, and nothing else.
//!
//! # Theory of operation
//!
//! A sandbox has no network, this one neither: its namespace holds loopback alone. A step with
//! `network` finds one open port there, and whoever connects to it talks to the runner: the listener
//! was made inside and handed out (`passmuster_process`), so no other run, and nobody on the host, can
//! reach it. What answers is a proxy ([`Proxy`]) for CONNECT and for plain HTTP. Programs inside learn of
//! it by the variables that they read anyway ([`inside`]). UDP, raw connections and DNS do not exist.
//!
//! For each request, in this order:
//!
//! 1. The host and port are read from the request line, and must be in the step's list, exactly
//!    ([`endpoint`]). For plain HTTP the `Host` header is replaced by that host.
//! 2. The proxy resolves the name. Addresses that are not public ([`address`]) are dropped, unless the list
//!    names that very address with that port. What is left is connected to, as it was judged: the
//!    name is not looked up again.
//! 3. Bytes are counted and carried. TLS is the client's own; nothing is decrypted or looked into.
//! 4. When it ends, it is in the [`journal`], as is what was refused and why.
//!
//! Where the operator's environment names a proxy ([`upstream`]), the name goes there unresolved, because
//! only that proxy may be able to resolve it. Rule 2 is then the operator's proxy's to keep; only
//! `localhost` is still refused here, and a literal address still has to be in the list.
//!
//! Sizes of heads, connections at once, waiting and idling are bounded here; bytes and time by the
//! step's own limits, since all ends with its sandbox.
//!
//! # What this does not do
//!
//! - A host on the list can be told everything that the step sees, and can answer anything. That is
//!   why such a step sees only its `inputs`, and lies on no layer that saw more ([`provision`]).
//! - What a step downloads may run there (build scripts, install hooks). It runs in the sandbox, and
//!   what it leaves is trusted as much as the packages are.
//! - A tunnel is named by its CONNECT request. A host that serves many names on one address (a
//!   content network) may serve another one inside TLS.

pub mod address;
pub mod certificates;
pub mod endpoint;
pub mod inside;
pub mod journal;
mod out;
pub mod provision;
mod proxy;
pub mod secrets;
pub mod unavailable;
pub mod upstream;

pub use provision::{Door, Provision};
pub use proxy::Proxy;
pub use unavailable::Unavailable;
