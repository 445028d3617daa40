//! Answers those who ask a running driver, and hands on what they want done.

use super::Desk;
use super::message::{Answer, Question};
use super::socket;
use crate::run::daemon::Handle;
use crate::steps::Word;
use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::UCred;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};
use tokio::time::timeout;

/// So long may a question be.
const QUESTION_MAX: u64 = 64 << 10;
/// So long is waited for a question, and for who does not take an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many may ask at once; who comes later waits.
const CONNECTIONS: usize = 32;
/// What is said to who wants of the driver of one run what only a daemon can.
const NO_DAEMON: &str = "the state is held by the driver of one run, and not by a daemon";
/// So many may watch at once; who comes later is refused, and keeps nobody from asking.
const WATCHERS: usize = 32;

#[derive(Debug, Clone)]
struct Inner {
    desk: Desk,
    /// Where a daemon is behind the desk.
    daemon: Option<Handle>,
    watchers: Arc<Semaphore>,
}

/// Begins to listen in the folder `state` for who asks at `desk`. The future answers until it is dropped.
///
/// # Errors
/// The socket cannot be made.
pub fn serve(
    state: &Path,
    desk: Desk,
    daemon: Option<Handle>,
) -> io::Result<impl Future<Output = ()> + use<>> {
    let listener = socket::listen(state)?;
    let watchers = Arc::new(Semaphore::new(WATCHERS));
    Ok(accept(listener, Inner { desk, daemon, watchers }))
}

async fn accept(listener: UnixListener, inner: Inner) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // no file is left to be opened: others will end
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let inner = inner.clone();
        tokio::spawn(async move {
            // who goes away half-way is not waited for
            drop(inner.talk(stream, permit).await);
        });
    }
}

impl Inner {
    /// Answers one question. Who watches gives `room` to others who ask.
    async fn talk(&self, stream: UnixStream, room: OwnedSemaphorePermit) -> io::Result<()> {
        let peer = stream.peer_cred()?;
        let (reader, mut writer) = stream.into_split();
        let mut line = String::new();
        let mut reader = BufReader::new(reader.take(QUESTION_MAX));
        timeout(PATIENCE, reader.read_line(&mut line)).await??;
        // news are listened to before the answer says so
        let mut news = self.desk.news();
        let answer = match serde_json::from_str(&line) {
            _ if !is_allowed(&peer) => Answer::refused("the driver runs as another user"),
            Ok(Question::Status { run }) => self.desk.status(run.as_deref()),
            Ok(Question::Do { verb, run, reason, behind }) => {
                let word = Word { who: who(&peer, behind), reason };
                match self.desk.done(&verb, run.as_deref(), word).await {
                    Ok(seq) => Answer::Done { seq },
                    Err(why) => Answer::Refused { why },
                }
            }
            Ok(Question::Start { plan, reason, behind }) => match &self.daemon {
                Some(daemon) => began(daemon.start(plan, Word { who: who(&peer, behind), reason }).await),
                None => Answer::refused(NO_DAEMON),
            },
            Ok(Question::Reload { reason, behind }) => match &self.daemon {
                Some(daemon) => well(daemon.reload(Word { who: who(&peer, behind), reason }).await),
                None => Answer::refused(NO_DAEMON),
            },
            Ok(Question::LogLevel { level, lasts_ms, behind }) => match &self.daemon {
                Some(daemon) => {
                    well(daemon.tell(&level, Duration::from_millis(lasts_ms), &who(&peer, behind)))
                }
                None => Answer::refused(NO_DAEMON),
            },
            Ok(Question::Watch) => match self.watchers.try_acquire() {
                Err(_) => Answer::refused("too many watch already"),
                Ok(_watching) => {
                    drop(room);
                    return told(&mut reader, &mut writer, &mut news).await;
                }
            },
            Err(error) => Answer::refused(&format!("not a question: {error}")),
        };
        send(&mut writer, &answer).await
    }
}

fn began(outcome: Result<String, String>) -> Answer {
    outcome.map_or_else(|why| Answer::Refused { why }, |run| Answer::Began { run })
}

fn well(outcome: Result<(), String>) -> Answer {
    outcome.map_or_else(|why| Answer::Refused { why }, |()| Answer::Well)
}

/// Tells of every record, until the driver ends or who watches goes away.
async fn told(
    reader: &mut (impl AsyncReadExt + Unpin),
    writer: &mut (impl AsyncWriteExt + Unpin),
    news: &mut broadcast::Receiver<Answer>,
) -> io::Result<()> {
    let mut more = [0; 64];
    loop {
        tokio::select! {
            // nothing more is asked on a connection: what comes is its end, or is passed over
            read = reader.read(&mut more) => if read? == 0 { return Ok(()) },
            answer = next(news) => match answer {
                Some(answer) => send(writer, &answer).await?,
                None => return Ok(()),
            },
        }
    }
}

async fn next(news: &mut broadcast::Receiver<Answer>) -> Option<Answer> {
    match news.recv().await {
        Ok(answer) => Some(answer),
        Err(broadcast::error::RecvError::Lagged(count)) => Some(Answer::Missed { count }),
        Err(broadcast::error::RecvError::Closed) => None,
    }
}

async fn send(writer: &mut (impl AsyncWriteExt + Unpin), answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    timeout(PATIENCE, writer.write_all(&line)).await?
}

/// The owner of the driver, and the one who may do anything anyway.
fn is_allowed(peer: &UCred) -> bool {
    peer.uid() == 0 || peer.uid() == rustix::process::getuid().as_raw()
}

/// Who asks, by the system's word; who is behind that is only said by the peer.
fn who(peer: &UCred, behind: Option<String>) -> String {
    let name = super::who::name(peer.uid());
    behind.map_or(name.clone(), |behind| format!("{name} (for {behind})"))
}
