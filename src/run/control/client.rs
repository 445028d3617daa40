//! Asks a running driver.

use super::message::{Answer, Question};
use super::socket;
use std::io;
use std::path::Path;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// Asks the driver that holds the folder `state`, and gives each of its answers to `each` until it is done or `each` says
/// no. Says whether there is a driver.
///
/// # Errors
/// The socket cannot be used, the connection breaks, or the answer is none.
pub async fn ask(
    state: &Path,
    question: &Question,
    mut each: impl FnMut(Answer) -> io::Result<()>,
) -> io::Result<bool> {
    let Some(mut stream) = socket::connect(state).await? else { return Ok(false) };
    let mut line = serde_json::to_vec(question)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = lines.next_line().await? {
        each(serde_json::from_str(&line)?)?;
    }
    Ok(true)
}
