//! CPU time and memory as the kernel counts them: of the server by its process id, and of ourselves
//! by thread.

use std::time::{Duration, Instant};

use procfs::process::{Process, Task};
use rustix::time::{ClockId, clock_gettime};

use super::Scrape;

/// Puts CPU time, memory and, where its threads are named like shards, their CPU time into `scrape`.
///
/// # Errors
/// There is no such process.
pub fn read_server(pid: i32, scrape: &mut Scrape) -> procfs::ProcResult<()> {
    let process = Process::new(pid)?;
    let stat = process.stat()?;
    let ticks = stat.utime + stat.stime;
    scrape.at = Instant::now();
    scrape.cpu_seconds = Some(ticks as f64 / procfs::ticks_per_second() as f64);
    scrape.resident_bytes = Some(stat.rss * procfs::page_size());
    if scrape.shard_cpu_seconds.is_empty() {
        let mut shards: Vec<(u32, f64)> = process
            .tasks()?
            .flatten()
            .filter_map(|task| {
                let (name, spent) = thread(&task)?;
                Some((name.strip_prefix("ringfence-")?.parse().ok()?, spent.as_secs_f64()))
            })
            .collect();
        shards.sort_by_key(|(shard, _)| *shard);
        scrape.shard_cpu_seconds = shards.into_iter().map(|(_, seconds)| seconds).collect();
    }
    Ok(())
}

/// Name of a thread and the CPU time it spent.
fn thread(task: &Task) -> Option<(String, Duration)> {
    let name = task.stat().ok()?.comm;
    Some((name, Duration::from_nanos(task.schedstat().ok()?.sum_exec_runtime)))
}

/// How much CPU time this process and each of its threads spent until a moment.
#[derive(Clone, Debug)]
pub struct OwnCpu {
    at: Instant,
    process: Duration,
    /// Thread id, name, CPU time.
    threads: Vec<(i32, String, Duration)>,
}

impl OwnCpu {
    /// Until now.
    pub fn now() -> OwnCpu {
        let clock = clock_gettime(ClockId::ProcessCPUTime);
        let tasks = Process::myself().and_then(|process| process.tasks());
        let threads = tasks.into_iter().flatten().flatten();
        OwnCpu {
            at: Instant::now(),
            process: Duration::new(
                clock.tv_sec.unsigned_abs(),
                clock.tv_nsec.unsigned_abs() as u32,
            ),
            threads: threads
                .filter_map(|task| thread(&task).map(|(name, spent)| (task.tid, name, spent)))
                .collect(),
        }
    }

    /// CPU time of the whole process since `earlier`, in percent of one core.
    pub fn busy_pct(&self, earlier: &OwnCpu) -> f64 {
        self.percent(earlier, self.process.saturating_sub(earlier.process))
    }

    /// Name and CPU time of each thread since `earlier`, in percent of one core, busiest first. A
    /// thread that ended in between is in the sum of [`OwnCpu::busy_pct`] only.
    pub fn threads_pct(&self, earlier: &OwnCpu) -> Vec<(String, f64)> {
        let mut shares: Vec<(String, f64)> = self
            .threads
            .iter()
            .map(|(id, name, spent)| {
                let before = earlier.threads.iter().find(|(other, _, _)| other == id);
                let before = before.map_or(Duration::ZERO, |(_, _, spent)| *spent);
                (name.clone(), self.percent(earlier, spent.saturating_sub(before)))
            })
            .collect();
        shares.sort_by(|one, other| other.1.total_cmp(&one.1));
        shares
    }

    fn percent(&self, earlier: &OwnCpu, spent: Duration) -> f64 {
        let wall = self.at.saturating_duration_since(earlier.at).as_secs_f64();
        if wall > 0.0 { 100.0 * spent.as_secs_f64() / wall } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_busy_thread_is_found_by_its_name() {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let worker = thread::Builder::new().name("ringfence-3".into());
        let worker = worker.spawn(move || while stopped.try_recv().is_err() {}).expect("a thread");
        thread::sleep(Duration::from_millis(20));
        let before = OwnCpu::now();
        thread::sleep(Duration::from_millis(300));
        let after = OwnCpu::now();
        let mut server = Scrape::empty(Instant::now());
        let own = i32::try_from(std::process::id()).expect("a process id");
        read_server(own, &mut server).expect("we run");
        stop.send(()).expect("it listens");
        worker.join().expect("it ended");

        let shares = after.threads_pct(&before);
        let busy = shares.iter().find(|(name, _)| name == "ringfence-3").expect("its name").1;
        assert!(busy > 10.0, "{shares:?}"); // other tests run beside it
        assert!(after.busy_pct(&before) >= busy * 0.9, "{} {busy}", after.busy_pct(&before));
        assert_eq!(server.shard_cpu_seconds.len(), 1, "the worker is named like a shard");
        assert!(server.shard_cpu_seconds[0] > 0.03, "{server:?}");
        assert!(server.cpu_seconds > Some(0.0) && server.resident_bytes > Some(1 << 20));
    }
}
