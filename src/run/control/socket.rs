//! The socket in the folder of the state, for its owner alone.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixStream};

/// The name of the socket in the folder of the state.
const NAME: &str = "control.sock";

/// The path of a socket may have some hundred bytes only, a folder's any: so it is named by way of the open folder.
fn short(folder: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{NAME}", folder.as_raw_fd()))
}

/// Listens in the folder `state`, whose lock the caller holds: what a driver that was killed left there goes away.
///
/// # Errors
/// The socket cannot be made there.
pub(super) fn listen(state: &Path) -> io::Result<UnixListener> {
    let folder = File::open(state)?;
    let path = short(&folder);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    // the folder is its owner's alone; this holds where somebody has opened it to others
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Connects to the driver that holds the folder `state`; none where there is none.
///
/// # Errors
/// The socket is there and cannot be used.
pub(super) async fn connect(state: &Path) -> io::Result<Option<UnixStream>> {
    let folder = match File::open(state) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        folder => folder?,
    };
    match UnixStream::connect(short(&folder)).await {
        Ok(stream) => Ok(Some(stream)),
        // a driver that was killed leaves its socket
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Takes the socket away again.
pub(in crate::run) fn remove(state: &Path) {
    // one that is left is no harm: the next driver takes it away
    drop(fs::remove_file(state.join(NAME)));
}
