//! Work that does not depend on its neighbours, on several threads.

/// Fewer jobs than this are not worth a thread.
const WORTH_A_THREAD: usize = 8;

/// Runs `work` over the jobs on up to `workers` threads; results in the jobs' order.
pub(crate) fn in_parallel<J: Send, R: Send>(
    jobs: Vec<J>,
    workers: usize,
    work: impl Fn(J) -> R + Sync,
) -> Vec<R> {
    if workers < 2 || jobs.len() < WORTH_A_THREAD {
        return jobs.into_iter().map(work).collect();
    }
    let share = jobs.len().div_ceil(workers);
    let mut jobs = jobs.into_iter();
    let shares: Vec<Vec<J>> = (0..workers).map(|_| jobs.by_ref().take(share).collect()).collect();
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = shares
            .into_iter()
            .map(|share| scope.spawn(move || share.into_iter().map(work).collect::<Vec<R>>()))
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}
