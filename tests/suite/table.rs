//! PEP 480's Table 1, with keys: for each set of keys in it, on a tree whose roles all have keys of their own,
//! python-tuf and tough say what its holder achieves, and `tuffet compromise` has to have said the same. The table
//! stands in `docs/threats.md`; TUFFET_BLESS=1 writes it anew.

use super::support::attacked::{
    self, Caches, Case, Forgery, Served, evil, evil_file, evil_path, evil_role, seal,
};
use super::support::author::released;
use super::support::rekeyed::{NAMES, Tree, compromise, covers, evil_key, key, repository, root};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tuffet::keys::Ed25519;

/// The rows of PEP 480: who is held, and what it says of malicious updates, freeze and metadata inconsistency.
const ROWS: [(&[&str], &str); 16] = [
    (&["timestamp"], "no, yes, no"),
    (&["snapshot"], "no, no, no"),
    (&["timestamp", "snapshot"], "no, yes, yes"),
    (&["targets"], "no, n/a, n/a"),
    (&["claimed"], "no, n/a, n/a"),
    (&["recently-claimed"], "no, n/a, n/a"),
    (&["unclaimed"], "no, n/a, n/a"),
    (&["bin"], "no, n/a, n/a"),
    (&["project.cheese"], "no, n/a, n/a"),
    (&["timestamp", "snapshot", "project.cheese"], "yes, yes, yes"),
    (&["timestamp", "snapshot", "recently-claimed"], "not claimed, yes, yes"),
    (&["timestamp", "snapshot", "unclaimed"], "not claimed, yes, yes"),
    (&["timestamp", "snapshot", "bin"], "not claimed, yes, yes"),
    (&["timestamp", "snapshot", "targets"], "yes, yes, yes"),
    (&["timestamp", "snapshot", "claimed"], "yes, yes, yes"),
    (&["root"], "yes, yes, yes"),
];

/// Somebody with these keys, and everybody's trees.
struct Holder<'a> {
    tree: &'a Tree,
    held: BTreeSet<&'a str>,
}

impl Holder<'_> {
    fn has(&self, role: &str) -> bool {
        self.held.contains(if role.starts_with("bin-") { "bin" } else { role })
    }

    /// The key of a role, or else one of their own.
    fn key(&self, role: &str) -> Ed25519 {
        if self.has(role) { key(role) } else { evil_key() }
    }

    /// What they serve: with the honest snapshot and timestamp, and with ones of their own, the latter signed
    /// as well as they can.
    fn serve(&self, mut forgery: Forgery, all: &mut Vec<Served>) {
        if self.has("root") {
            // Another root names keys of theirs for snapshot and timestamp.
            let by = |role: &str| match role {
                "timestamp" | "snapshot" => evil_key(),
                _ => key(role),
            };
            let bytes = seal(&root(2, 300, by), &[&key("root")]);
            forgery.served.over.insert("metadata/2.root.json".to_owned(), Some(bytes));
        }
        all.push(forgery.clone().serve(None, None));
        let (snapshot, timestamp) = (self.key("snapshot"), self.key("timestamp"));
        all.push(forgery.clone().serve(None, Some(&timestamp)));
        all.push(forgery.serve(Some(&snapshot), Some(&timestamp)));
    }

    /// Everything that they try to have forged releases taken from `site`.
    fn forgeries(&self, site: &Path) -> Vec<Served> {
        let mut all = Vec::new();
        let honest = Forgery::on(site);
        let roles = self.tree.roles.keys().filter(|role| {
            !role.starts_with("bin-")
                || NAMES.iter().any(|name| covers(&self.tree.roles, role, &evil_path(name)))
        });
        for role in roles {
            let mut signed = honest.role(role);
            // tough refuses a role that lists what it may not.
            let may = |name: &&&str| match role.strip_prefix("project.") {
                Some(project) => project == **name,
                None => !role.starts_with("bin-") || covers(&self.tree.roles, role, &evil_path(name)),
            };
            NAMES.iter().filter(may).for_each(|name| signed["targets"][evil_path(name)] = evil_file());
            // With the key, under the version that is listed and under a higher one; without it, as well as can be.
            if self.has(role) {
                let mut replaced = honest.clone();
                replaced.carry(&NAMES);
                replaced.replace(role, &signed, &[&self.key(role)]);
                self.serve(replaced, &mut all);
            }
            let mut published = honest.clone();
            published.carry(&NAMES);
            published.publish(role, signed, &[&self.key(role)]);
            let mut ways = Vec::new();
            self.serve(published, &mut ways);
            all.extend(if self.has(role) { ways } else { ways.split_off(2) });
        }
        if self.has("root") {
            let mut forgery = honest.clone();
            forgery.carry(&NAMES);
            forgery.publish("targets", evil_role(&NAMES), &[&evil_key()]);
            let bytes = seal(&root(2, 300, |_| evil_key()), &[&key("root"), &evil_key()]);
            forgery.served.over.insert("metadata/2.root.json".to_owned(), Some(bytes));
            all.push(forgery.serve(Some(&evil_key()), Some(&evil_key())));
        }
        all
    }
}

/// What was achieved against one kind of client: of each project, whether a forged release was taken.
type Taken = BTreeMap<&'static str, bool>;

/// What one session shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// Forged releases for a client that starts empty.
    New,
    /// The same for one that was here before.
    Returning,
    /// The same, once the next version of everything is out.
    Next,
    /// What is new is withheld, once the published timestamp has ended.
    Freeze,
    /// The same for one that was here before.
    FreezeReturning,
    /// Two roles as they never were published together.
    Mix,
    /// The same for one that was here before.
    MixReturning,
}

impl What {
    /// What a client looks up, in one session.
    fn asks(self) -> Vec<String> {
        let both = |name: &str| [released(name, "1.0"), released(name, "2.0")];
        match self {
            Self::New | Self::Returning | Self::Next => NAMES.map(evil_path).to_vec(),
            Self::Freeze | Self::FreezeReturning => NAMES.iter().flat_map(|name| both(name)).collect(),
            Self::Mix | Self::MixReturning => vec![released("cheese", "2.0"), released("milk", "2.0")],
        }
    }

    fn knows(self) -> bool {
        !matches!(self, Self::New | Self::Freeze | Self::Mix)
    }

    /// For which projects it was achieved.
    fn achieved(self, answers: &[String]) -> Vec<&'static str> {
        // The one file is there, and the other, which would be newer, is not.
        let stopped = |pair: &[String]| pair[0].len() == 64 && pair[1] == "none";
        let is = |index: usize| match self {
            Self::New | Self::Returning | Self::Next => answers[index] == evil(),
            Self::Freeze | Self::FreezeReturning => stopped(&answers[2 * index..]),
            Self::Mix | Self::MixReturning => stopped(answers),
        };
        (0..NAMES.len()).filter(|index| is(*index)).map(|index| NAMES[index]).collect()
    }
}

/// What was achieved: by client, row, what and project.
type Done = BTreeSet<(&'static str, usize, What, &'static str)>;

fn done(sessions: &[(usize, What, Case)], caches: &Caches) -> Done {
    let cases: Vec<Case> = sessions.iter().map(|(.., case)| case.clone()).collect();
    let mut done = Done::new();
    for (client, answers) in
        [("python-tuf", attacked::python_tuf(caches, &cases)), ("tough", attacked::tough(caches, &cases))]
    {
        for (answers, (row, what, _)) in answers.iter().zip(sessions) {
            done.extend(what.achieved(answers).into_iter().map(|project| (client, *row, *what, project)));
        }
    }
    done
}

#[test]
fn what_the_holders_of_each_set_of_keys_of_pep_480_achieve_is_what_compromise_says() {
    let repo = repository();
    let tree = Tree::of(&repo);
    // As it is, as it will be, and as it was when its timestamp ended.
    let (now, next, stale) = (tree.write("now", 1, 1), tree.write("next", 2, 1), tree.write("stale", 1, -1));
    let start = now.join("metadata/1.root.json");
    let releases = NAMES.map(|name| released(name, "1.0")).into_iter();
    let known: Vec<String> = releases.chain(NAMES.map(evil_path)).collect();
    let mut caches = Caches::of(&[(&now, known)]);
    caches.age(&now, &stale);
    let mut sessions = Vec::new();
    for (row, (held, _)) in ROWS.iter().enumerate() {
        let holder = Holder { tree: &tree, held: held.iter().copied().collect() };
        let mut served: Vec<(What, Vec<Served>)> = vec![
            (What::New, holder.forgeries(&now)),
            (What::Returning, holder.forgeries(&now)),
            (What::Next, holder.forgeries(&next)),
        ];
        let (mut frozen, mut mixed) = (Vec::new(), Vec::new());
        holder.serve(Forgery::on(&stale), &mut frozen);
        let mut forgery = Forgery::on(&next);
        tree.roles.keys().filter(|role| role.starts_with("bin-")).for_each(|bin| forgery.list(bin, 1));
        holder.serve(forgery, &mut mixed);
        served.extend([What::Freeze, What::FreezeReturning].map(|what| (what, frozen.clone())));
        served.extend([What::Mix, What::MixReturning].map(|what| (what, mixed.clone())));
        for (what, served) in served {
            let knows = what.knows().then(|| if what == What::FreezeReturning { &stale } else { &now });
            let knows = knows.cloned();
            sessions.extend(served.into_iter().map(|served| {
                (row, what, Case { served, root: start.clone(), knows: knows.clone(), ask: what.asks() })
            }));
        }
    }
    println!("{} sessions of each client", sessions.len());
    let done = done(&sessions, &caches);
    let mut table = String::from(
        "| somebody holds the keys of | forged for clients that start empty | forged for clients that were here \
         | withheld | mixed | PEP 480 |\n|---|---|---|---|---|---|\n",
    );
    for (row, (held, pep)) in ROWS.iter().enumerate() {
        let said = compromise(&repo, &now, held, &[]);
        let of = |project: &str| {
            said["projects"].as_array().unwrap().iter().find(|p| p["name"] == project).unwrap()
        };
        let did = |client, what, project| done.contains(&(client, row, what, project));
        for client in ["python-tuf", "tough"] {
            for project in NAMES {
                let verdict = of(project);
                let was_here = &verdict[if client == "tough" { "tough" } else { "returning" }];
                let returning = was_here["malicious_update"] == true;
                let waits = verdict["waits"] == true && client == "python-tuf";
                for (what, expected) in [
                    (What::New, &verdict["new"]["malicious_update"]),
                    (What::Returning, &json!(returning && !waits)),
                    (What::Next, &json!(returning)),
                    (What::Freeze, &verdict["new"]["freeze"]),
                    (What::FreezeReturning, &was_here["freeze"]),
                    (What::Mix, &verdict["new"]["mix"]),
                    (What::MixReturning, &was_here["mix"]),
                ] {
                    let found = json!(did(client, what, project));
                    assert_eq!(&found, expected, "{what:?}, {client}, {held:?}, {project}: {verdict}");
                }
            }
        }
        let both = |what, project| {
            let (python, tough) = (did("python-tuf", what, project), did("tough", what, project));
            assert_eq!(python, tough, "{what:?} {project} {held:?}");
            python
        };
        let new: Taken = NAMES.map(|project| (project, both(What::New, project))).into();
        let next: Taken = NAMES.map(|project| (project, both(What::Next, project))).into();
        let waits = NAMES.iter().any(|project| {
            did("tough", What::Returning, project) && !did("python-tuf", What::Returning, project)
        });
        let yes = |is: bool| if is { "yes" } else { "no" };
        table += &format!(
            "| {} | {} | {}{} | {} | {} | {pep} |\n",
            held.join(" and ").replace("project.cheese", "the project `cheese`").replace("bin", "the bins"),
            words(&new),
            words(&next),
            if waits { ", with the role's next version" } else { "" },
            yes(both(What::Freeze, "cheese")),
            yes(both(What::Mix, "cheese")),
        );
    }
    stands_in_the_document(&table);
}

/// Which projects, by where they stand.
fn words(taken: &Taken) -> &'static str {
    match (taken["milk"], taken["brie"], taken["cheese"]) {
        (false, false, false) => "none",
        (true, true, true) => "all",
        (true, true, false) => "not the claimed one",
        (true, false, false) => "the unclaimed one",
        (false, true, false) => "the recently claimed one",
        (false, false, true) => "the claimed one",
        _ => "others",
    }
}

fn stands_in_the_document(table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/threats.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- table: begin -->\n", "<!-- table: end -->");
    let (before, rest) = text.split_once(begin).expect("docs/threats.md has a place for the table");
    let (stands, after) = rest.split_once(end).expect("docs/threats.md says where the table ends");
    if std::env::var_os("TUFFET_BLESS").is_some() {
        std::fs::write(&path, format!("{before}{begin}{table}{end}{after}")).unwrap();
    } else {
        assert!(stands == table, "docs/threats.md has another table than:\n{table}");
    }
}
