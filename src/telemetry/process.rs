//! What the process takes, as the kernel tells it.

use super::Gauges;
use rustix::time::{ClockId, clock_gettime};
use std::fs;

/// Puts down what this process takes; what the kernel does not tell is left out. Reads files of `/proc`, which hold nobody up.
pub fn process(now: &mut Gauges) {
    let mut set = |name, value: Option<f64>| {
        if let Some(value) = value {
            now.set(name, Vec::new(), value);
        }
    };
    let time = clock_gettime(ClockId::ProcessCPUTime);
    set("process_cpu_seconds", Some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9));
    set("process_resident_memory_bytes", resident());
    set("process_open_fds", fs::read_dir("/proc/self/fd").ok().map(|all| all.count() as f64));
}

fn resident() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some((kib * 1024) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_what_it_takes() {
        let mut now = Gauges::default();
        process(&mut now);
        assert_eq!(now.0.len(), 3);
        assert!(now.0.iter().all(|(_, _, value)| *value > 0.0), "{now:?}");
    }
}
