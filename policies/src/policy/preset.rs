//! The presets: defaults for one language or one attitude. None contains a check.

/// A preset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Its name in `extends`.
    pub name: &'static str,
    /// Its text, each key commented.
    pub text: &'static str,
}

/// What lies beneath every policy: the defaults of the format.
pub(super) const DEFAULTS: Preset = Preset {
    name: "default",
    text: include_str!("../../presets/default.toml"),
};

/// The presets by name.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "rust",
        text: include_str!("../../presets/rust.toml"),
    },
    Preset {
        name: "python",
        text: include_str!("../../presets/python.toml"),
    },
    Preset {
        name: "node",
        text: include_str!("../../presets/node.toml"),
    },
    Preset {
        name: "go",
        text: include_str!("../../presets/go.toml"),
    },
    Preset {
        name: "strict",
        text: include_str!("../../presets/strict.toml"),
    },
];
