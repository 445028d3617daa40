//! Answers those who ask a running driver, and hands on what they want done.

use super::message::{Answer, Question};
use super::socket;
use crate::steps::{Record, State, Word};
use std::fmt;
use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::UCred;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, mpsc, oneshot, watch};
use tokio::time::timeout;

/// So long may a question be.
const QUESTION_MAX: u64 = 64 << 10;
/// So long is waited for a question, and for who does not take an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many may ask at once; who comes later waits.
const CONNECTIONS: usize = 32;
/// So many may watch at once; who comes later is refused, and keeps nobody from asking.
const WATCHERS: usize = 32;

/// A record that somebody wants written, and where the answer goes.
#[derive(Debug)]
pub struct Asked {
    /// The record.
    pub record: Record,
    /// Told its number, or why it cannot be; nobody where nobody waits.
    pub answer: Option<oneshot::Sender<Result<u64, String>>>,
}

/// What a driver shows to those who ask.
#[derive(Clone)]
pub struct Shown {
    /// Everything on record.
    pub state: Arc<State>,
    /// The answer to [`Question::Status`], made only where somebody asks.
    pub status: Arc<dyn Fn() -> Answer + Send + Sync>,
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").field("state", &self.state).finish_non_exhaustive()
    }
}

/// The ends that a driver holds of those who ask.
#[derive(Debug)]
pub struct Ends {
    /// What is wanted comes in here.
    pub asked: mpsc::Receiver<Asked>,
    /// The same, for others who want something: signals.
    pub ask: mpsc::Sender<Asked>,
    /// How things stand goes out here.
    pub shown: watch::Sender<Option<Shown>>,
    /// Every record goes out here.
    pub news: broadcast::Sender<Answer>,
}

#[derive(Debug, Clone)]
struct Inner {
    ask: mpsc::Sender<Asked>,
    shown: watch::Receiver<Option<Shown>>,
    news: broadcast::Sender<Answer>,
    watchers: Arc<Semaphore>,
}

/// Begins to listen in the folder `state`. The future answers until it is dropped.
///
/// # Errors
/// The socket cannot be made.
pub fn serve(state: &Path) -> io::Result<(Ends, impl Future<Output = ()> + use<>)> {
    let listener = socket::listen(state)?;
    let (ask, asked) = mpsc::channel(CONNECTIONS);
    let (shown, seen) = watch::channel(None);
    let (news, _) = broadcast::channel(1024);
    let watchers = Arc::new(Semaphore::new(WATCHERS));
    let inner = Inner { ask: ask.clone(), shown: seen, news: news.clone(), watchers };
    Ok((Ends { asked, ask, shown, news }, accept(listener, inner)))
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
        let mut news = self.news.subscribe();
        let answer = match serde_json::from_str(&line) {
            _ if !is_allowed(&peer) => refused("the driver runs as another user"),
            Ok(Question::Status) => self.status(),
            Ok(Question::Do { verb, reason, behind }) => {
                let word = Word { who: who(&peer, behind), reason };
                self.done(verb, word).await
            }
            Ok(Question::Watch) => match self.watchers.try_acquire() {
                Err(_) => refused("too many watch already"),
                Ok(_watching) => {
                    drop(room);
                    return told(&mut reader, &mut writer, &mut news).await;
                }
            },
            Err(error) => refused(&format!("not a question: {error}")),
        };
        send(&mut writer, &answer).await
    }

    fn status(&self) -> Answer {
        let shown = self.shown.borrow().clone();
        shown.map_or_else(|| refused("the driver is just starting"), |shown| (shown.status)())
    }

    async fn done(&self, verb: super::Verb, word: Word) -> Answer {
        let Some(Shown { state, .. }) = self.shown.borrow().clone() else {
            return refused("the driver is just starting");
        };
        if word.reason.trim().is_empty() {
            return refused("a reason is needed");
        }
        let record = match verb.record(&state, word) {
            Ok(record) => record,
            Err(why) => return refused(&why),
        };
        let (answer, answered) = oneshot::channel();
        if self.ask.send(Asked { record, answer: Some(answer) }).await.is_err() {
            return refused("the driver is ending");
        }
        match answered.await {
            Ok(Ok(seq)) => Answer::Done { seq },
            Ok(Err(why)) => refused(&why),
            Err(_) => refused("the driver ended before it was on record; the journal tells whether it is"),
        }
    }
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

fn refused(why: &str) -> Answer {
    Answer::Refused { why: why.to_owned() }
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
