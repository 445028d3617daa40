//! The exponential averages of one series, each followed once for all detectors that rest on it.

use crate::ewm::Ewm;

/// Every average of a series. Detectors name theirs when they are made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Averages {
    averages: Vec<Average>,
}

/// Which of the averages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AverageId(usize);

impl AverageId {
    /// Its number among those of the series.
    pub(crate) fn number(self) -> usize {
        self.0
    }
}

impl Averages {
    /// The average with the centre of mass `com`, followed from now on.
    pub(crate) fn follow(&mut self, com: f64) -> AverageId {
        let known = self.averages.iter().position(|average| average.com == com);
        AverageId(known.unwrap_or_else(|| {
            self.averages.push(Average::new(com));
            self.averages.len() - 1
        }))
    }

    /// The centre of mass of each, by number.
    pub(crate) fn centres(&self) -> Vec<f64> {
        self.averages.iter().map(|average| average.com).collect()
    }

    pub(crate) fn get(&self, id: AverageId) -> &Average {
        &self.averages[id.0]
    }

    /// Takes in the values of consecutive cells.
    pub(crate) fn learn(&mut self, values: &[f64]) {
        self.averages.iter_mut().for_each(|average| average.learn(values));
    }

    /// The next `cells` cells have no value.
    pub(crate) fn skip(&mut self, cells: u64) {
        self.averages.iter_mut().for_each(|average| average.now.decay(cells));
    }

    /// The newest cell has no value after all.
    pub(crate) fn retract(&mut self) {
        self.averages.iter_mut().for_each(Average::retract);
    }
}

/// An [`Ewm`] along a run of cells: `track` says how it went.
#[derive(Debug, Clone)]
pub(crate) struct Average {
    com: f64,
    now: Ewm,
    /// Before the newest cell.
    before: Ewm,
    /// Before the first cell of the run and after each of its cells.
    mean: Vec<f64>,
    variance: Vec<f64>,
    /// How many samples had been taken in before the run.
    count: u64,
    /// The weights had reached their limit before the run: there is a variance all along.
    firm: bool,
}

/// Mean and variance at some consecutive cells.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Track<'a> {
    pub(crate) mean: &'a [f64],
    pub(crate) variance: &'a [f64],
    /// How many samples the first of them rests on; each of the others on one more.
    pub(crate) count: u64,
    /// No variance of them is not a number.
    pub(crate) firm: bool,
}

impl Average {
    fn new(com: f64) -> Self {
        let ewm = Ewm::new(com);
        Self { com, now: ewm, before: ewm, mean: Vec::new(), variance: Vec::new(), count: 0, firm: false }
    }

    /// At each cell of the run, through the cell before it.
    pub(crate) fn before(&self) -> Track<'_> {
        let (mean, variance) = (&self.mean[..self.mean.len() - 1], &self.variance[..self.mean.len() - 1]);
        Track { mean, variance, count: self.count, firm: self.firm }
    }

    /// At each cell of the run, through that cell.
    pub(crate) fn through(&self) -> Track<'_> {
        let (mean, variance) = (&self.mean[1..], &self.variance[1..]);
        Track { mean, variance, count: self.count + 1, firm: self.firm }
    }

    fn learn(&mut self, values: &[f64]) {
        (self.count, self.firm) = (self.now.count(), self.now.is_settled());
        self.mean.resize(values.len() + 1, 0.0);
        self.variance.resize(values.len() + 1, 0.0);
        (self.mean[0], self.variance[0]) = (self.now.mean(), self.now.variance());
        let Some((&last, others)) = values.split_last() else { return };
        let through = 1..values.len();
        self.now.learn_run(others, &mut self.mean[through.clone()], &mut self.variance[through]);
        self.before = self.now;
        self.now.learn(last);
        (self.mean[values.len()], self.variance[values.len()]) = (self.now.mean(), self.now.variance());
    }

    fn retract(&mut self) {
        self.now = self.before;
        self.now.decay(1);
    }
}
