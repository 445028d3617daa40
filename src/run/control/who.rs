//! Names of those who ask.

use std::fs;

/// The user's name by the system's list, or the number where it has none.
pub(super) fn name(uid: u32) -> String {
    let list = fs::read_to_string("/etc/passwd").unwrap_or_default();
    find(&list, uid).map_or_else(|| format!("uid {uid}"), str::to_owned)
}

/// Who runs this program.
pub fn ourselves() -> String {
    name(rustix::process::getuid().as_raw())
}

fn find(list: &str, uid: u32) -> Option<&str> {
    list.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_their_number() {
        let list = "root:x:0:0:root:/root:/bin/bash\nodd\nalice:x:1000:1000::/home/alice:/bin/sh\n";
        assert_eq!((find(list, 0), find(list, 1000)), (Some("root"), Some("alice")));
        assert_eq!((find(list, 7), find("", 0)), (None, None));
    }
}
