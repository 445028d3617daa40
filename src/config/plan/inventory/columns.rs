//! Where the values of a line of CSV begin: the parser tells where a line does, and a person looks for the column.

use crate::config::mistakes::Place;

/// The places of the `count` values of the line that begins at byte `start` of `text`, blanks before them left out.
pub(super) fn places(text: &str, start: usize, count: usize) -> Vec<Place> {
    let head = text.get(..start).unwrap_or_default();
    // the parser calls empty lines before a line a part of it
    let rest = text.get(start..).unwrap_or_default();
    let line_ends = rest.len() - rest.trim_start_matches(['\n', '\r']).len();
    let mut line = 1 + head.matches('\n').count() + rest[..line_ends].matches('\n').count();
    let mut column = 1;
    let (mut quoted, mut waiting) = (false, true);
    let mut places = Vec::with_capacity(count);
    for c in rest[line_ends..].chars() {
        if waiting && c != ' ' && c != '\t' {
            places.push(Place { line, column });
            waiting = false;
        }
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => {
                waiting = true;
                if places.len() == count {
                    break;
                }
            }
            '\n' if !quoted => break,
            '\n' => (line, column) = (line + 1, 0),
            _ => {}
        }
        column += 1;
    }
    // what ends with the file has no character of its own
    places.resize(count.max(1), Place { line, column });
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, start: usize, count: usize) -> Vec<(usize, usize)> {
        places(text, start, count).into_iter().map(|place| (place.line, place.column)).collect()
    }

    #[test]
    fn values_are_found_behind_commas_blanks_quotes_and_line_ends() {
        let text = "name,rack\nh1, r1\n\n\"h,2\",\"a\nb\",x\nh3,\n";
        assert_eq!(at(text, 0, 2), [(1, 1), (1, 6)]);
        assert_eq!(at(text, 10, 2), [(2, 1), (2, 5)]);
        assert_eq!(at(text, 17, 3), [(4, 1), (4, 7), (5, 4)]);
        assert_eq!(at(text, text.len() - 4, 2), [(6, 1), (6, 4)]);
        assert_eq!(at("ä,b", 0, 2), [(1, 1), (1, 3)]);
        assert_eq!(at("a,", 0, 2), [(1, 1), (1, 3)]);
    }
}
