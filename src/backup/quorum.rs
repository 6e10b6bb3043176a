//! Custodians and quorums: names and order alone, no cryptography.

use std::fmt;

/// The most custodians a backup may have; letters end at `T`.
pub const MAX_CUSTODIANS: usize = 20;

/// The fewest custodians that open a backup together: dual control.
pub const MIN_THRESHOLD: usize = 2;

/// The most quorums, and so capsules. Each one is opened in the drill with words typed by
/// hand, so more would keep the table busy for hours.
pub const MAX_QUORUMS: usize = 20;

/// The name of the capsule that the operators' tokens open, where a plan has one.
pub const TOKENS: &str = "AB-tokens";

/// A person who keeps one share of the backup: a letter from `A` to `T`.
///
/// A and B are the two operators; further letters are further custodians.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Custodian(char);

impl Custodian {
    /// The custodian who is operator A.
    pub const A: Custodian = Custodian('A');
    /// The custodian who is operator B.
    pub const B: Custodian = Custodian('B');

    /// The custodian of that letter; `None` unless it is a capital from `A` to `T`.
    pub fn new(letter: char) -> Option<Custodian> {
        ('A'..='T').contains(&letter).then_some(Custodian(letter))
    }

    /// Reads a name of exactly one letter from `A` to `T`.
    pub fn parse(text: &str) -> Option<Custodian> {
        let mut letters = text.chars();
        let custodian = Custodian::new(letters.next()?)?;
        letters.next().is_none().then_some(custodian)
    }

    /// The letter.
    pub fn letter(self) -> char {
        self.0
    }

    /// Whether this custodian is one of the two operators.
    pub fn is_operator(self) -> bool {
        self <= Custodian::B
    }
}

impl fmt::Display for Custodian {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Custodians who together open the backup, in alphabetical order.
///
/// The order is the nesting of the capsule: the **first** custodian's share encrypts K
/// itself (innermost), the **last** custodian's share encrypts the result (outermost).
/// `AB.asc` is opened with B's share first, then with A's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quorum(Vec<Custodian>);

impl Quorum {
    /// The custodians from the innermost to the outermost.
    pub fn custodians(&self) -> &[Custodian] {
        &self.0
    }

    /// Whether `custodian` belongs to this quorum.
    pub fn contains(&self, custodian: Custodian) -> bool {
        self.0.contains(&custodian)
    }

    /// The name of this quorum's capsule on the media: `AB.asc`.
    pub fn file_name(&self) -> String {
        format!("{self}.asc")
    }
}

impl fmt::Display for Quorum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|custodian| write!(f, "{custodian}"))
    }
}

/// How many sets of `threshold` there are among `custodians` people.
pub fn quorum_count(custodians: usize, threshold: usize) -> usize {
    if threshold > custodians {
        return 0;
    }
    // Each intermediate product is itself a binomial coefficient, so the division is exact.
    (1..=threshold).fold(1, |count: usize, k| {
        count.saturating_mul(custodians - threshold + k) / k
    })
}

/// Every quorum of `threshold` custodians, in lexicographic order: AB, AC, BC.
///
/// Doubles and the order of `custodians` do not matter. The list is empty outside the
/// limits: a threshold of 2 to the number of custodians, at most 20 custodians, at most
/// 20 quorums. The plan's lint refuses such a backup before anybody asks.
pub fn quorums(custodians: &[Custodian], threshold: usize) -> Vec<Quorum> {
    let mut people = custodians.to_vec();
    people.sort();
    people.dedup();
    if threshold < MIN_THRESHOLD || people.len() > MAX_CUSTODIANS {
        return Vec::new();
    }
    let count = quorum_count(people.len(), threshold);
    if count > MAX_QUORUMS {
        return Vec::new();
    }
    let mut all = Vec::with_capacity(count);
    choose(
        &people,
        threshold,
        &mut Vec::with_capacity(threshold),
        &mut all,
    );
    all
}

/// Adds to `all` every way to complete `chosen` with `missing` of `people`.
fn choose(
    people: &[Custodian],
    missing: usize,
    chosen: &mut Vec<Custodian>,
    all: &mut Vec<Quorum>,
) {
    if missing == 0 {
        all.push(Quorum(chosen.clone()));
        return;
    }
    for (at, &person) in people.iter().enumerate() {
        if people.len() - at < missing {
            break;
        }
        chosen.push(person);
        choose(&people[at + 1..], missing - 1, chosen, all);
        chosen.pop();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn people(letters: &str) -> Vec<Custodian> {
        letters
            .chars()
            .map(|c| Custodian::new(c).expect("a letter from A to T"))
            .collect()
    }

    fn names(letters: &str, threshold: usize) -> Vec<String> {
        quorums(&people(letters), threshold)
            .iter()
            .map(Quorum::to_string)
            .collect()
    }

    #[test]
    fn only_capitals_up_to_t_are_custodians() {
        for bad in ['a', 'U', '0', ' ', '\u{c4}'] {
            assert_eq!(Custodian::new(bad), None, "{bad:?}");
        }
        for bad in ["", "AB", "A ", "t"] {
            assert_eq!(Custodian::parse(bad), None, "{bad:?}");
        }
        assert_eq!(Custodian::parse("T").map(Custodian::letter), Some('T'));
    }

    #[test]
    fn outside_the_limits_there_are_no_quorums() {
        assert!(names("ABC", 0).is_empty());
        assert!(
            names("ABC", 1).is_empty(),
            "one person must never be a quorum"
        );
        assert!(names("ABC", 4).is_empty());
        assert!(names("", 2).is_empty());
        assert!(names("ABCDEFG", 2).is_empty(), "21 quorums");
        assert!(names("ABCDEFGHIJKLMNOPQRST", 10).is_empty());
    }

    #[test]
    fn two_of_three_in_order_whatever_the_order_given() {
        assert_eq!(names("ABC", 2), ["AB", "AC", "BC"]);
        assert_eq!(names("CABA", 2), ["AB", "AC", "BC"]);
        assert_eq!(names("ABCD", 3), ["ABC", "ABD", "ACD", "BCD"]);
        assert_eq!(names("ABCDEFGHIJKLMNOPQRST", 19).len(), 20);
        assert_eq!(quorums(&people("ABC"), 2)[1].file_name(), "AC.asc");
    }

    proptest! {
        #[test]
        fn quorums_are_distinct_sorted_and_complete(n in 2usize..=20, k in 2usize..=20) {
            let letters: String = ('A'..='T').take(n).collect();
            let all = quorums(&people(&letters), k);
            let count = quorum_count(n, k);
            prop_assert_eq!(all.len(), if count > MAX_QUORUMS { 0 } else { count });
            prop_assert!(all.windows(2).all(|pair| pair[0].to_string() < pair[1].to_string()));
            for quorum in &all {
                prop_assert_eq!(quorum.custodians().len(), k);
                prop_assert!(quorum.custodians().windows(2).all(|pair| pair[0] < pair[1]));
            }
        }
    }
}
