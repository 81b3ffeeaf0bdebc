//! What fuzzers drive. Only in builds for them.

use crate::report::{Message, Outcome};
use crate::spec::Spec;
use crate::wire;

/// Every message that caller, keeper and init read. What is read can be sent, and is the same when it arrives.
pub fn wire(bytes: &[u8]) {
    if let Ok(spec) = wire::receive::<Spec>(bytes) {
        let sent = wire::encode(&spec).expect("what was read can be sent");
        assert_eq!(wire::receive::<Spec>(sent.as_slice()).ok(), Some(spec));
    }
    let _either = wire::receive::<Outcome>(bytes);
    let _either = wire::receive::<Message>(bytes);
}
