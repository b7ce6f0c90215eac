//! How a list of projects that has grown too long is split by the beginnings of their names. Pure, and a
//! function of the names alone.

use super::{PathPattern, ProjectName};
use std::collections::BTreeMap;

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// What its names begin with, or the one name that it is for.
    pub prefix: String,
    /// Which names it is for.
    pub reach: Reach,
    /// The projects in it, sorted; at least one.
    pub names: Vec<ProjectName>,
}

/// Which names a shard is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All that begin with its prefix.
    Prefix,
    /// The one that is its prefix: too short to fall into one of the longer prefixes.
    Exact,
}

impl Shard {
    /// The patterns of its delegation.
    #[must_use]
    pub fn patterns(&self) -> Vec<PathPattern> {
        let star = match self.reach {
            Reach::Prefix => "*",
            Reach::Exact => "",
        };
        ["packages", "simple"].map(|top| PathPattern::new(&format!("{top}/{}{star}/*", self.prefix))).to_vec()
    }
}

/// Splits `names`, which are sorted, into shards of at most `most`, by as short prefixes as that allows.
#[must_use]
pub fn shards(names: &[ProjectName], most: usize) -> Vec<Shard> {
    let mut out = Vec::new();
    split("", names, most, &mut out);
    out
}

fn split(prefix: &str, names: &[ProjectName], most: usize, out: &mut Vec<Shard>) {
    let mut groups: BTreeMap<char, Vec<ProjectName>> = BTreeMap::new();
    for name in names {
        match name.as_str()[prefix.len()..].chars().next() {
            Some(next) => groups.entry(next).or_default().push(name.clone()),
            None => {
                let (prefix, names) = (prefix.to_owned(), vec![name.clone()]);
                out.push(Shard { prefix, reach: Reach::Exact, names });
            }
        }
    }
    for (next, names) in groups {
        let prefix = format!("{prefix}{next}");
        if names.len() > most {
            split(&prefix, &names, most, out);
        } else {
            out.push(Shard { prefix, reach: Reach::Prefix, names });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_in_the_one_shard_whose_patterns_cover_it() {
        let all = ["a", "ab", "aba", "abb", "abc", "ac", "b", "b-1", "c0"];
        let names: Vec<ProjectName> = all.iter().map(|name| ProjectName::normalise(name).unwrap()).collect();
        for most in 1..=9 {
            let shards = shards(&names, most);
            assert!(shards.iter().all(|shard| (1..=most).contains(&shard.names.len())), "{most}: {shards:?}");
            for name in &names {
                let path = format!("packages/{name}/x").parse().unwrap();
                let covering: Vec<&Shard> =
                    shards.iter().filter(|s| s.patterns().iter().any(|p| p.covers(&path))).collect();
                assert_eq!(covering.len(), 1, "{most} {name}: {covering:?}");
                assert!(covering[0].names.contains(name));
            }
        }
        let prefixes: Vec<String> = shards(&names, 3).into_iter().map(|shard| shard.prefix).collect();
        assert_eq!(prefixes, ["a", "ab", "aba", "abb", "abc", "ac", "b", "c"]);
    }
}
