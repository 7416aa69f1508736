//! Choices that follow from a seed (SplitMix64): the same seed, the same choices.

/// A row of numbers.
#[derive(Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    /// The row of an actor under a seed.
    pub(crate) fn of(seed: u64, actor: u64) -> Self {
        let mut chance = Self(seed ^ actor.wrapping_mul(0xd134_2543_de82_ef95));
        chance.next();
        chance
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of `0..below`.
    pub(crate) fn below(&mut self, below: usize) -> usize {
        let below = u64::try_from(below.max(1)).unwrap_or(1);
        usize::try_from(self.next() % below).unwrap_or(0)
    }

    /// One of them, each as often as its weight says.
    pub(crate) fn one_of<T: Copy>(&mut self, weighted: &[(usize, T)]) -> T {
        let mut at = self.below(weighted.iter().map(|(weight, _)| weight).sum());
        for (weight, what) in weighted {
            if at < *weight {
                return *what;
            }
            at -= weight;
        }
        weighted[0].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_chooses_the_same_and_actors_choose_differently() {
        let row = |seed, actor| {
            let mut chance = Chance::of(seed, actor);
            (0..50).map(|_| chance.below(1000)).collect::<Vec<_>>()
        };
        assert_eq!(row(7, 1), row(7, 1));
        assert_ne!(row(7, 1), row(7, 2));
        assert_ne!(row(7, 1), row(8, 1));
    }

    #[test]
    fn weights_are_kept() {
        let mut chance = Chance::of(1, 1);
        let many = (0..10_000).filter(|_| chance.one_of(&[(9, true), (1, false)])).count();
        assert!((8_700..9_300).contains(&many), "{many}");
    }
}
