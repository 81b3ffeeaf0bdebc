//! `cache`: how much is kept, and less of it.

use super::print;
use crate::cache::Cache;
use crate::cli::CacheCommand;
use crate::error::UserError;
use crate::exit_code::Exit;

pub(super) fn run(cache: &Cache, command: &CacheCommand) -> Result<Exit, UserError> {
    cache.sweep();
    match command {
        CacheCommand::Size => {
            let usage = cache.usage();
            print(
                format!(
                    "{} in {} layers below {}\n",
                    shown(usage.bytes),
                    usage.layers,
                    cache.root().display()
                )
                .as_bytes(),
            )?;
        }
        CacheCommand::Prune { max } => {
            let max = bytes(max).ok_or_else(|| {
                UserError::usage(format!("`{max}` is no size; write bytes, or KiB, MiB, GiB"))
            })?;
            let freed = cache.prune(max);
            print(
                format!(
                    "removed {} in {} layers\n",
                    shown(freed.bytes),
                    freed.layers
                )
                .as_bytes(),
            )?;
        }
    }
    Ok(Exit::Pass)
}

fn bytes(text: &str) -> Option<u64> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let factor: u64 = match unit.trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

fn shown(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    UNITS
        .iter()
        .find(|(shift, _)| bytes >> shift > 0)
        .map_or_else(
            || format!("{bytes} bytes"),
            |(shift, unit)| {
                // Tenths, in whole numbers.
                let tenths = (u128::from(bytes) * 10) >> shift;
                format!("{}.{} {unit}", tenths / 10, tenths % 10)
            },
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_and_show() {
        for (text, expected) in [
            ("0", Some(0)),
            ("12", Some(12)),
            ("2KiB", Some(2048)),
            ("1 GiB", Some(1 << 30)),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
        for text in ["", "x", "1GB", "99999999999GiB", "-1"] {
            assert_eq!(bytes(text), None, "{text}");
        }
        assert_eq!(shown(1536), "1.5 KiB");
        assert_eq!(shown(7), "7 bytes");
    }
}
