//! Work that may take long, or hang with a disk or a kernel: done aside, so that nothing else waits for it.

use std::io;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Does `work` on a thread for such work when it has one of the `turns`. Where nobody waits for it any more it goes on and
/// keeps its turn to its end: what hangs holds up as many threads as there are turns, and no more.
///
/// # Errors
/// Nobody gives turns any more, or the work panicked.
pub(super) async fn aside<T: Send + 'static>(
    turns: &Arc<Semaphore>,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let turn = Arc::clone(turns).acquire_owned().await.map_err(io::Error::other)?;
    let done = spawn_blocking(move || {
        let done = work();
        drop(turn);
        done
    });
    done.await.map_err(io::Error::other)
}
