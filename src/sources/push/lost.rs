//! Samples that were wanted and are not told, by why: counted, so that none is lost in silence.

use crate::text::counted;

/// Why a sample is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// One of its series came before that is newer.
    Late,
    /// One of its series came before that has the same time and another value.
    Conflicting,
    /// It lies more than an interval after now.
    Ahead,
    /// Its series is one too many.
    Many,
    /// Its series has too many or too long labels.
    Large,
    /// It is a native histogram.
    Histogram,
    /// It is not lost yet: its request is to be repeated, for there is no room.
    PutOff,
}

const ALL: [Why; 7] =
    [Why::Late, Why::Conflicting, Why::Ahead, Why::Many, Why::Large, Why::Histogram, Why::PutOff];

/// How many are lost, by why.
#[derive(Debug, Default)]
pub(super) struct Lost {
    counts: [u64; ALL.len()],
}

impl Lost {
    /// One more.
    pub(super) fn add(&mut self, why: Why) {
        self.counts[why as usize] += 1;
    }

    /// Whether none is.
    pub(super) fn is_empty(&self) -> bool {
        self.counts.iter().all(|count| *count == 0)
    }

    /// One sentence for each reason that there is.
    pub(super) fn in_words(&self) -> Vec<String> {
        let there = ALL.into_iter().zip(self.counts).filter(|(_, count)| *count > 0);
        there.map(|(why, count)| why.in_words(count)).collect()
    }
}

impl Why {
    fn in_words(self, count: u64) -> String {
        let samples = counted(count, "sample", "samples");
        match self {
            Self::Late => {
                format!("{samples} came after a newer one of the series, and cannot be judged any more")
            }
            Self::Conflicting => {
                format!("{samples} came with another value than the series had at the same time")
            }
            Self::Ahead => {
                format!("{samples} with a time of more than an interval from now: the clocks differ")
            }
            Self::Many => format!("{samples} of more series than allowed (max_series)"),
            Self::Large => {
                format!(
                    "{samples} of series with more or longer labels than allowed (max_labels, max_label_length)"
                )
            }
            Self::Histogram => {
                format!(
                    "{} wanted, which are not read",
                    counted(count, "native histogram is", "native histograms are")
                )
            }
            Self::PutOff => {
                format!("{samples} put off, for as many as allowed wait to be judged (max_buffered)")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_counted_by_itself_and_told() {
        let mut lost = Lost::default();
        assert!(lost.is_empty() && lost.in_words().is_empty());
        ALL.into_iter().for_each(|why| lost.add(why));
        lost.add(Why::Late);
        let words = lost.in_words();
        assert_eq!((words.len(), lost.is_empty()), (ALL.len(), false));
        assert!(
            words[0].starts_with("2 samples came after a newer one") && words[1].starts_with("1 sample came")
        );
    }
}
