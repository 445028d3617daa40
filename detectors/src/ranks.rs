//! A high quantile of what was read in the past, followed reading by reading.
//!
//! Readings are counted in buckets, 16 to an octave, so that the quantile is at most 6 % too high. A pointer to its
//! bucket moves as readings come and go: it is found again in a few steps, and depends on the readings alone.

/// Bits of a 32-bit number below its bucket: 4 of the 23 bits after the leading one count.
const BELOW: u32 = 19;

/// The bucket after the last of finite numbers.
const BUCKETS: usize = (0x7f80_0000 >> BELOW) as usize;

/// No reading: there was none at that time.
const NOTHING: u16 = u16::MAX;

/// Readings of at least 0, at times of equal distance.
#[derive(Debug, Clone)]
pub(crate) struct Ranks {
    counts: Vec<u16>,
    /// The buckets of the newest readings, as a ring.
    ring: Vec<u16>,
    place: usize,
    readings: u32,
    /// The bucket pointed to, and how many readings are in buckets above it.
    bucket: usize,
    above: u32,
}

impl Ranks {
    /// Of the newest `capacity` readings, at most 65,535.
    pub(crate) fn new(capacity: usize) -> Self {
        let (counts, ring) = (vec![0; BUCKETS], vec![NOTHING; capacity.min(usize::from(u16::MAX))]);
        Self { counts, ring, place: 0, readings: 0, bucket: 0, above: 0 }
    }

    /// One more reading; none where there is none.
    pub(crate) fn push(&mut self, reading: Option<f64>) {
        let new = reading.map_or(NOTHING, |reading| bucket_of(reading) as u16);
        let old = std::mem::replace(&mut self.ring[self.place], new);
        self.place = (self.place + 1) % self.ring.len();
        if old != NOTHING {
            let old = usize::from(old);
            self.counts[old] -= 1;
            self.readings -= 1;
            self.above -= u32::from(old > self.bucket);
        }
        if new != NOTHING {
            let new = usize::from(new);
            self.counts[new] += 1;
            self.readings += 1;
            self.above += u32::from(new > self.bucket);
        }
    }

    /// What at most the share 1 / `one_in` of the readings are beyond: the upper end of the lowest such bucket, and 0
    /// for that of 0. None where there is no reading.
    pub(crate) fn quantile(&mut self, one_in: u32) -> Option<f64> {
        let most = self.readings / one_in;
        while self.above > most {
            self.bucket += 1;
            self.above -= u32::from(self.counts[self.bucket]);
        }
        while self.bucket > 0 && self.above + u32::from(self.counts[self.bucket]) <= most {
            self.above += u32::from(self.counts[self.bucket]);
            self.bucket -= 1;
        }
        let quantile = if self.bucket == 0 { 0.0 } else { upper_end(self.bucket) };
        (self.readings > 0).then_some(quantile)
    }
}

fn bucket_of(reading: f64) -> usize {
    // negative zero is 0, and what is too great for 32 bits is in the last bucket
    let bits = if reading > 0.0 { (reading as f32).to_bits() } else { 0 };
    ((bits >> BELOW) as usize).min(BUCKETS - 1)
}

fn upper_end(bucket: usize) -> f64 {
    let end = f32::from_bits(((bucket + 1) as u32) << BELOW);
    f64::from(end.min(f32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_a_sixteenth_of_an_octave() {
        assert_eq!((bucket_of(0.0), bucket_of(-3.0), bucket_of(f64::MAX)), (0, 0, BUCKETS - 1));
        assert_eq!(upper_end(bucket_of(1.0)), 1.0625);
        assert_eq!(upper_end(bucket_of(1.9999)), 2.0);
        assert_eq!(upper_end(bucket_of(f64::MAX)), f64::from(f32::MAX));
    }

    #[test]
    fn the_quantile_is_that_of_the_sorted_readings_at_any_time() {
        let (mut ranks, mut all) = (Ranks::new(50), Vec::new());
        for i in 0..500_u32 {
            // in disorder, rising in the end, some missing
            let reading = (i % 7 != 3).then(|| f64::from(i * 37 % 101) + f64::from(i / 300 * i));
            ranks.push(reading);
            all.push(reading);
            let mut newest: Vec<_> = all.iter().rev().take(50).flatten().map(|r| bucket_of(*r)).collect();
            newest.sort_unstable();
            let beyond = newest.len() / 10;
            let expected = newest[newest.len() - 1 - beyond];
            let expected = if expected == 0 { 0.0 } else { upper_end(expected) };
            assert_eq!(ranks.quantile(10), Some(expected), "{i}");
        }
    }

    #[test]
    fn where_nothing_was_read_there_is_no_quantile() {
        let mut ranks = Ranks::new(3);
        ranks.push(Some(8.0));
        assert_eq!(ranks.quantile(1000), Some(8.5));
        (0..3).for_each(|_| ranks.push(None));
        assert_eq!(ranks.quantile(1000), None);
    }
}
