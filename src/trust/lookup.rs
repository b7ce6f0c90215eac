//! The search for a target: pre-order, depth first, in the order of the delegations (TUF 1.0.34
//! section 5.6.7).

use crate::model::delegation::PathPattern;
use crate::model::{DelegatedRole, RoleName, TargetPath, Targets};
use std::collections::{BTreeSet, HashMap};

/// How a client's search for one target went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lookup<'a> {
    /// Every role opened, in order.
    pub visited: Vec<&'a RoleName>,
    /// The role that lists the target, if the search came to one.
    pub found: Option<&'a RoleName>,
    /// The terminating delegation that ended the search in vain.
    pub ended_by: Option<&'a RoleName>,
    /// A role on the way that is not there: every client stops with an error.
    pub missing: Option<&'a RoleName>,
}

/// What is known of a role.
#[derive(Clone, Copy, Debug)]
pub enum Known<'a> {
    /// All of it.
    Whole(&'a Targets),
    /// That it is there and delegates nothing; what it lists is not held.
    Leaf,
}

/// The roles of a tree, in an order that makes a search cheap however many delegations a role has.
#[derive(Debug)]
pub struct Roles<'a> {
    numbers: HashMap<&'a RoleName, u32>,
    nodes: Vec<Node<'a>>,
}

/// A role that is there, or that another delegates to.
#[derive(Debug)]
struct Node<'a> {
    name: &'a RoleName,
    known: Option<Known<'a>>,
    children: Children<'a>,
}

/// The delegations of a role, and where among them to look for those that cover a path.
#[derive(Debug, Default)]
struct Children<'a> {
    roles: Vec<(u32, &'a DelegatedRole)>,
    by_prefix: HashMap<&'a str, Vec<u32>>,
    /// How long those prefixes are.
    lengths: BTreeSet<usize>,
    /// By the folders before the first segment of a pattern that is not literal.
    by_folder: HashMap<&'a str, Vec<(u32, &'a PathPattern)>>,
}

impl<'a> Roles<'a> {
    /// Those of a tree: all that a search may come to.
    #[must_use]
    pub fn new(roles: impl IntoIterator<Item = (&'a RoleName, Known<'a>)>) -> Self {
        let mut tree = Self { numbers: HashMap::new(), nodes: Vec::new() };
        for (name, known) in roles {
            let number = tree.number(name);
            tree.nodes[number as usize].known = Some(known);
        }
        for number in 0..tree.nodes.len() {
            if let Some(Known::Whole(role)) = tree.nodes[number].known {
                let delegated = role.delegations.iter().flat_map(|d| &d.roles);
                let roles = delegated.map(|child| (tree.number(&child.name), child)).collect();
                tree.nodes[number].children = Children::new(roles);
            }
        }
        tree
    }

    fn number(&mut self, name: &'a RoleName) -> u32 {
        *self.numbers.entry(name).or_insert_with(|| {
            self.nodes.push(Node { name, known: None, children: Children::default() });
            self.nodes.len() as u32 - 1
        })
    }

    /// Searches for `path` from `targets` on. `listed_by` says whether a [`Known::Leaf`] lists it.
    #[must_use]
    pub fn search(&self, path: &TargetPath, listed_by: &dyn Fn(&RoleName) -> bool) -> Lookup<'a> {
        let digest = path.digest().to_string();
        let mut lookup = Lookup::default();
        let mut opened = Opened::default();
        let mut waiting: Vec<u32> = self.numbers.get(&RoleName::targets()).copied().into_iter().collect();
        let mut children = Vec::new();
        while let Some(number) = waiting.pop() {
            if !opened.insert(number) {
                continue;
            }
            let node = &self.nodes[number as usize];
            let Some(known) = node.known else {
                lookup.missing = Some(node.name);
                return lookup;
            };
            lookup.visited.push(node.name);
            let lists = match known {
                Known::Whole(role) => role.targets.contains_key(path),
                Known::Leaf => listed_by(node.name),
            };
            if lists {
                lookup.found = Some(node.name);
                return lookup;
            }
            node.children.covering(path, &digest, &mut children);
            for (at, index) in children.iter().enumerate() {
                let (_, child) = node.children.roles[*index as usize];
                if child.terminating {
                    lookup.ended_by = Some(&child.name);
                    waiting.clear();
                    children.truncate(at + 1);
                    break;
                }
            }
            waiting.extend(children.iter().rev().map(|index| node.children.roles[*index as usize].0));
        }
        lookup
    }
}

impl<'a> Children<'a> {
    fn new(roles: Vec<(u32, &'a DelegatedRole)>) -> Self {
        let mut children = Self { roles, ..Self::default() };
        for (index, (_, child)) in (0..).zip(&children.roles) {
            if let Some(prefixes) = &child.path_hash_prefixes {
                for prefix in prefixes {
                    children.by_prefix.entry(prefix).or_default().push(index);
                    children.lengths.insert(prefix.len());
                }
                // Who delegates by prefixes delegates by them alone.
                continue;
            }
            for pattern in child.paths.iter().flatten() {
                children.by_folder.entry(pattern.literal_folder()).or_default().push((index, pattern));
            }
        }
        children
    }

    /// Puts those that cover `path` into `found`, in the order in which they are tried.
    fn covering(&self, path: &TargetPath, digest: &str, found: &mut Vec<u32>) {
        found.clear();
        let prefixes = self.lengths.iter().map_while(|length| digest.get(..*length));
        found.extend(prefixes.filter_map(|prefix| self.by_prefix.get(prefix)).flatten());
        if !self.by_folder.is_empty() {
            let text = path.as_str();
            let folders = text.match_indices('/').map(|(at, _)| &text[..=at]);
            let folders = std::iter::once("").chain(folders);
            let patterns = folders.filter_map(|folder| self.by_folder.get(folder)).flatten();
            found.extend(patterns.filter(|(_, pattern)| pattern.covers(path)).map(|(index, _)| *index));
        }
        found.sort_unstable();
        found.dedup();
    }
}

/// The roles that a search has opened: few, but where somebody means harm.
#[derive(Default)]
struct Opened {
    first: Vec<u32>,
    more: BTreeSet<u32>,
}

impl Opened {
    /// Whether this one was not opened before.
    fn insert(&mut self, number: u32) -> bool {
        if self.first.contains(&number) {
            return false;
        }
        if self.first.len() < 64 {
            self.first.push(number);
            return true;
        }
        self.more.insert(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::delegation::every_path;
    use crate::model::{Delegations, Moment, Sha256, TargetFile, Version};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn role(files: &[&str], children: &[(&str, bool)]) -> Targets {
        let file = TargetFile::new(0, Sha256::of(b""));
        let files = files.iter().map(|path| (path.parse().unwrap(), file.clone())).collect();
        let roles = children.iter().map(|(name, terminating)| {
            let mut child = DelegatedRole::by_hash(name.parse().unwrap(), vec![], 1, every_path());
            child.terminating = *terminating;
            child
        });
        let delegations = Delegations { roles: roles.collect(), ..Delegations::default() };
        Targets::new(Version::FIRST, Moment::from_unix(0).unwrap(), files, Some(delegations))
    }

    fn whole<'a>(
        roles: &'a BTreeMap<RoleName, &'a Targets>,
    ) -> impl Iterator<Item = (&'a RoleName, Known<'a>)> {
        roles.iter().map(|(name, role)| (name, Known::Whole(role)))
    }

    fn search<'a>(roles: &Roles<'a>, path: &str) -> Lookup<'a> {
        roles.search(&path.parse().unwrap(), &|_| false)
    }

    #[test]
    fn the_search_is_depth_first_and_a_terminating_role_ends_it() {
        let tree = [
            ("targets", role(&[], &[("a", false), ("b", false)])),
            ("a", role(&[], &[("c", false)])),
            ("b", role(&["x"], &[])),
            ("c", role(&["y"], &[])),
        ];
        let roles: BTreeMap<RoleName, &Targets> =
            tree.iter().map(|(name, role)| (name.parse().unwrap(), role)).collect();
        let all = Roles::new(whole(&roles));
        let x = search(&all, "x");
        let visited: Vec<&str> = x.visited.iter().map(|name| name.as_str()).collect();
        assert_eq!(visited, ["targets", "a", "c", "b"]);
        assert_eq!(x.found.unwrap().as_str(), "b");

        let stopping = role(&[], &[("c", true)]);
        let mut roles = roles.clone();
        roles.insert("a".parse().unwrap(), &stopping);
        let all = Roles::new(whole(&roles));
        let x = search(&all, "x");
        assert_eq!(x.found, None);
        assert_eq!(x.ended_by.unwrap().as_str(), "c");
        assert_eq!(search(&all, "y").found.unwrap().as_str(), "c");
    }

    #[test]
    fn a_role_that_is_not_there_stops_the_search() {
        let targets = role(&[], &[("gone", false)]);
        let roles = BTreeMap::from([(RoleName::targets(), &targets)]);
        assert_eq!(search(&Roles::new(whole(&roles)), "x").missing.unwrap().as_str(), "gone");
    }

    /// What a client does, as the specification says it: every delegation is held against the path.
    fn plainly(path: &TargetPath, roles: &BTreeMap<RoleName, &Targets>) -> (Vec<String>, Option<String>) {
        let mut visited: Vec<String> = Vec::new();
        let mut waiting = vec![RoleName::targets()];
        while let Some(name) = waiting.pop() {
            if visited.contains(&name.to_string()) {
                continue;
            }
            let Some(role) = roles.get(&name) else { return (visited, None) };
            visited.push(name.to_string());
            if role.targets.contains_key(path) {
                return (visited, Some(name.to_string()));
            }
            let mut children = Vec::new();
            for child in role.delegations.iter().flat_map(|d| &d.roles) {
                if child.covers(path, &path.digest().to_string()) {
                    children.push(child.name.clone());
                    if child.terminating {
                        waiting.clear();
                        break;
                    }
                }
            }
            waiting.extend(children.into_iter().rev());
        }
        (visited, None)
    }

    /// A role by numbers: its name, what it lists, and its delegations: to whom, of what, terminating or not.
    type Numbered = (usize, Vec<usize>, Vec<(usize, usize, bool)>);

    /// Roles of up to five delegations each, by pattern and by prefix, that lead to each other in any way.
    fn trees() -> impl Strategy<Value = Vec<Numbered>> {
        let child = (0..9usize, 0..COVERS.len(), any::<bool>());
        let role =
            (0..9usize, prop::collection::vec(0..PATHS.len(), 0..2), prop::collection::vec(child, 0..5));
        prop::collection::vec(role, 1..9)
    }

    const PATHS: [&str; 6] = ["a", "p/x/1", "p/x/2", "p/y/1", "p/y/z/1", "q"];
    const COVERS: [&str; 11] =
        ["*", "p/*/*", "p/x/*", "p/x/1", "p/?/1", "p/y/z/*", "q*", "#", "#0", "#8c5", "#ca978"];

    proptest! {
        #[test]
        fn the_short_way_to_a_role_is_the_one_of_a_client(tree in trees()) {
            let name = |number: usize| -> RoleName {
                if number == 0 { RoleName::targets() } else { format!("r{number}").parse().unwrap() }
            };
            let mut all: BTreeMap<RoleName, Targets> = BTreeMap::new();
            for (number, files, children) in &tree {
                let paths: Vec<&str> = files.iter().map(|at| PATHS[*at]).collect();
                let mut made = role(&paths, &[]);
                let roles = children.iter().map(|(number, covers, terminating)| {
                    let covers = COVERS[*covers];
                    let mut child = DelegatedRole::by_hash(name(*number), vec![], 1, vec![]);
                    match covers.strip_prefix('#') {
                        Some(prefix) => child.path_hash_prefixes = Some(vec![prefix.to_owned(), "1".to_owned()]),
                        None => {
                            child.path_hash_prefixes = None;
                            child.paths = Some(vec![PathPattern::new(covers), PathPattern::new("a")]);
                        }
                    }
                    child.terminating = *terminating;
                    child
                });
                made.delegations = Some(Delegations { roles: roles.collect(), ..Delegations::default() });
                all.insert(name(*number), made);
            }
            all.entry(RoleName::targets()).or_insert_with(|| role(&[], &[("r1", false), ("r2", true)]));
            let roles: BTreeMap<RoleName, &Targets> =
                all.iter().map(|(name, role)| (name.clone(), role)).collect();
            let indexed = Roles::new(whole(&roles));
            for path in PATHS {
                let path: TargetPath = path.parse().unwrap();
                let found = search(&indexed, path.as_str());
                let visited: Vec<String> = found.visited.iter().map(ToString::to_string).collect();
                prop_assert_eq!((visited, found.found.map(ToString::to_string)), plainly(&path, &roles));
            }
        }
    }
}
