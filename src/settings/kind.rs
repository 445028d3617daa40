//! What lists, pages, schemas and readers know of a kind, whichever family it belongs to.

use super::SettingDoc;

/// A kind of source or action, as the table of its family tells of it.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Its name in files and output.
    pub kind: &'static str,
    /// What it is for, in at most 80 characters.
    pub summary: &'static str,
    /// How it goes about that, and what to beware of.
    pub about: &'static str,
    /// Its settings.
    pub settings: &'static [SettingDoc],
}

/// What holds of the table of every family.
#[cfg(test)]
pub(crate) fn hold(kinds: &[Kind], reserved: &[&str]) {
    use super::{Given, Need, Settings};
    for (i, kind) in kinds.iter().enumerate() {
        let name = kind.kind;
        assert!(!kinds[..i].iter().any(|other| other.kind == name), "{name} stands twice");
        assert!((1..=80).contains(&kind.summary.chars().count()), "{name}: {}", kind.summary);
        for (i, doc) in kind.settings.iter().enumerate() {
            assert!(!kind.settings[..i].iter().any(|other| other.name == doc.name), "{name}: {}", doc.name);
            assert!(!reserved.contains(&doc.name), "{name}: {} is a key of every kind", doc.name);
            assert!(!doc.about.ends_with('.') && !doc.about.is_empty(), "{name}: {}", doc.about);
            let Need::Default(text) = doc.need else { continue };
            let given = [(doc.name.to_owned(), Given::plain(text))];
            let errors = Settings::check(kind.settings, &given).err().unwrap_or_default();
            let wrong: Vec<_> = errors.iter().filter(|error| error.name() == Some(doc.name)).collect();
            assert!(wrong.is_empty(), "{name}: {wrong:?}");
        }
    }
}
