//! A page against what it should say, and the rewriting of it.

use crate::tree::{File, root};

/// Fails where the page is not `expected`, or writes it there where `UPDATE_EXPECTED=1` asks for that.
pub(crate) fn hold(file: &File, expected: &str) {
    if file.text == expected {
        return;
    }
    if std::env::var_os("UPDATE_EXPECTED").is_some_and(|value| value == "1") {
        std::fs::write(root().join(&file.path), expected).expect("a page that can be written");
        return;
    }
    let (mut is, mut should) = (file.text.lines(), expected.lines());
    let line = 1 + is.by_ref().zip(should.by_ref()).take_while(|(is, should)| is == should).count();
    let at = |text: &str| text.lines().nth(line - 1).unwrap_or("(the end)").to_owned();
    panic!(
        "{}:{line}: the page says\n    {}\nand should say\n    {}\nUPDATE_EXPECTED=1 writes it",
        file.path,
        at(&file.text),
        at(expected)
    );
}
