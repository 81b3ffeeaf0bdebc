//! What a check cost, in a few words.

use passmuster_policy::run::Usage;

/// Time and the figures that were measured; nothing for a check that did not run.
pub(super) fn words(usage: &Usage) -> Option<String> {
    if usage.wall_ms == 0 {
        return None;
    }
    let mut words = vec![
        seconds(usage.wall_ms),
        format!("processor {}", seconds(usage.cpu_ms)),
    ];
    let sizes = [
        ("memory", usage.memory.or(usage.max_rss)),
        ("disk", usage.disk),
    ];
    words.extend(
        sizes
            .into_iter()
            .filter_map(|(name, bytes)| Some(format!("{name} {}", size(bytes?)))),
    );
    words.extend(
        usage
            .refused_processes
            .filter(|refused| *refused > 0)
            .map(|refused| format!("{refused} processes refused by the limit")),
    );
    Some(words.join(", "))
}

fn seconds(millis: u64) -> String {
    format!("{}.{} s", millis / 1000, millis % 1000 / 100)
}

fn size(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let unit = units.into_iter().find(|(_, shift)| bytes >> shift > 0);
    unit.map_or_else(
        || format!("{bytes} B"),
        |(name, shift)| format!("{} {name}", bytes >> shift),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_measured_is_said() {
        let nothing = Usage::default();
        assert_eq!(words(&nothing), None);
        let some = Usage {
            wall_ms: 12_345,
            cpu_ms: 50,
            max_rss: Some(5 << 20),
            ..nothing
        };
        assert_eq!(
            words(&some).unwrap(),
            "12.3 s, processor 0.0 s, memory 5 MiB"
        );
        let all = Usage {
            memory: Some(3 << 30),
            disk: Some(0),
            refused_processes: Some(7),
            ..some
        };
        assert_eq!(
            words(&all).unwrap(),
            "12.3 s, processor 0.0 s, memory 3 GiB, disk 0 B, 7 processes refused by the limit"
        );
    }
}
