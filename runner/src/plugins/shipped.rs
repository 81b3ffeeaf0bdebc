//! The plugins that are part of the program; their sources are in `examples/plugins/`.

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Shipped {
    /// What a policy calls it.
    pub name: &'static str,
    /// The component.
    pub bytes: &'static [u8],
}

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        /// All of them, by name.
        pub const ALL: &[Shipped] = &[$(Shipped {
            name: $name,
            bytes: include_bytes!(concat!("../../../examples/plugins/dist/", $name, ".wasm")),
        }),*];
    };
}

shipped!("companions", "duplication", "large-files", "layers");
