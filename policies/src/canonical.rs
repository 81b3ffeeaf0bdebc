//! Canonical JSON (RFC 8785) and its sha256: one text, and so one digest, for equal data.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::finding::hex;

/// Sha256 of the canonical JSON, in hex.
pub fn sha256(value: &Value) -> String {
    hex(&Sha256::digest(text(value).as_bytes()))
}

/// The canonical JSON.
pub fn text(value: &Value) -> String {
    // Canonicalisation fails only on numbers that are not finite, which a `Value` cannot hold;
    // serde_json's own text, with its sorted keys, is then still one text for equal data.
    serde_json_canonicalizer::to_string(value).unwrap_or_else(|_| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn equal_data_has_one_text_whatever_the_order_of_keys() {
        let value = json!({ "b": 1.0, "a": [true, null, "é\n"], "\u{e000}": 1e21 });
        assert_eq!(
            text(&value),
            "{\"a\":[true,null,\"é\\n\"],\"b\":1,\"\u{e000}\":1e+21}"
        );
    }

    #[test]
    fn the_digest_is_that_of_the_text() {
        let empty_object = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        assert_eq!(sha256(&json!({})), empty_object);
    }
}
