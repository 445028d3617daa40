//! Reads what a program writes, as it comes and for as long as it comes, so that it never waits for us.

use std::io::{self, PipeReader};
use std::os::fd::OwnedFd;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How much is read at once: as much as a pipe holds.
const CHUNK: usize = 64 * 1024;

/// Where what a program writes goes.
pub(crate) trait Keep: Send + 'static {
    /// Takes `chunk`; how much of it is kept is its own affair.
    fn push(&mut self, chunk: &[u8]) -> impl Future<Output = ()> + Send;
}

/// The reading of one pipe, which goes on by itself.
#[derive(Debug)]
pub(crate) struct Drain<K> {
    // a set of one: it ends the task when it is dropped
    task: JoinSet<K>,
    stop: watch::Sender<bool>,
}

impl<K: Keep> Drain<K> {
    /// Reads `pipe` into `output` until nobody can write any more.
    pub(crate) fn new(pipe: PipeReader, output: K) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut output = output;
            // a pipe that fails has nothing more to give; how the program ends is told elsewhere
            let _ = read(pipe, &mut output, stopped).await;
            output
        });
        Self { task, stop }
    }

    /// Is over when all was read.
    pub(crate) async fn ended(&mut self) {
        self.stop.closed().await;
    }

    /// Stops, and gives the output back with what was read.
    pub(crate) async fn stop(mut self) -> K {
        self.stop.send_replace(true);
        match self.task.join_next().await {
            Some(Ok(output)) => output,
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
            None => unreachable!("the set has one task, and only this takes it out"),
        }
    }
}

/// Reads until the end, until it is stopped, or until reading fails.
async fn read(
    pipe: PipeReader,
    output: &mut impl Keep,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<()> {
    let pipe = Receiver::from_owned_fd(OwnedFd::from(pipe))?;
    let mut chunk = vec![0; CHUNK];
    loop {
        tokio::select! {
            ready = pipe.readable() => ready?,
            _ = stopped.wait_for(|stop| *stop) => return Ok(()),
        }
        match pipe.try_read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(count) => output.push(&chunk[..count]).await,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}
