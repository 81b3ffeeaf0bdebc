//! The interface of custom checks as Rust, made from `sandboxes/wasm/wit` by a macro.
#![allow(missing_docs, unreachable_pub, unsafe_code, clippy::all)]

wit_bindgen::generate!({
    path: "../../../sandboxes/wasm/wit",
    inline: "
        package passmuster:guest;

        world guest {
            import passmuster:check/trees@0.1.0;
            export passmuster:check/checker@0.1.0;
        }
    ",
    world: "passmuster:guest/guest",
    generate_all,
    pub_export_macro: true,
    default_bindings_module: "guest::bindings",
});
