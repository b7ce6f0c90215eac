//! Files of ten megabytes that are made to cost their reader all that they can: for each parser, by what is the matter
//! with them.

use super::{deflated, parquets, zips};
use tuffet::model::{Compression, Sha256};
use tuffet::pipeline::inventory::{Row, write};

/// How large each is, about.
pub(crate) const SIZE: usize = 10_000_000;

/// A parser, what is the matter, the bytes.
pub(crate) type Monster = (&'static str, &'static str, Vec<u8>);

/// `one` of each number, as many as there is room for.
fn many(one: impl Fn(usize) -> String) -> String {
    within(SIZE, one)
}

/// The same in so many bytes.
fn within(size: usize, one: impl Fn(usize) -> String) -> String {
    let mut all = String::with_capacity(size + 1024);
    let mut number = 0;
    while all.len() < size {
        all.push_str(&one(number));
        number += 1;
    }
    all
}

/// The same between commas.
fn listed(one: impl Fn(usize) -> String) -> String {
    let mut all = many(|number| one(number) + ",");
    all.pop();
    all
}

/// The same one inside the other.
fn nested(open: &str, close: &str) -> String {
    nested_within(SIZE, open, close)
}

fn nested_within(size: usize, open: &str, close: &str) -> String {
    let depth = size / (open.len() + close.len());
    format!("{}0{}", open.repeat(depth), close.repeat(depth))
}

/// All of them, one at a time, for together they are a gigabyte.
pub(crate) fn all(mut each: impl FnMut(Monster)) {
    metadata(&mut each);
    forms(&mut each);
    pages(&mut each);
    lists(&mut each);
    archives(&mut each);
    others(&mut each);
}

/// Metadata: in canonical form where that is possible, and with a space before it, which takes the general way.
fn metadata(each: &mut impl FnMut(Monster)) {
    let mut both = |kind: &'static str, what: &'static str, signatures: &str, body: &str| {
        let text = format!(
            r#"{{"signatures":[{signatures}],"signed":{{"_type":"{kind}","expires":"2030-01-01T00:00:00Z",{body}"version":1}}}}"#
        );
        each((kind, what, text.replacen(r#""signed":{"#, r#""signed": {"#, 1).into_bytes()));
        each((kind, what, text.into_bytes()));
    };
    let (root, targets) = (r#""consistent_snapshot":true,"#, r#""spec_version":"1.0.31","targets":{},"#);
    let (keys, roles) = (r#""keys":{},"#, r#""roles":{},"spec_version":"1.0.31","#);
    both("targets", "signatures", &listed(|_| r#"{"keyid":"","sig":""}"#.to_owned()), targets);
    let unknown: [(&str, String); 8] = [
        ("deep lists", nested("[", "]")),
        ("deep objects", nested("{\"\":", "}")),
        ("a list of numbers", format!("[{}]", listed(|_| "0".to_owned()))),
        ("a list of lists", format!("[{}]", listed(|_| "[]".to_owned()))),
        ("a list of objects", format!("[{}]", listed(|_| "{\"\":0}".to_owned()))),
        ("a list of deep objects", format!("[{}]", listed(|_| "{\"\":".repeat(40) + "0" + &"}".repeat(40)))),
        ("members", format!("{{{}}}", listed(|n| format!("\"{n:07}\":0")))),
        ("escapes", format!("\"{}\"", many(|_| "\\u0001".to_owned()))),
    ];
    for (what, value) in &unknown {
        both("targets", what, "", &format!(r#""spec_version":"1.0.31","targets":{{}},"unknown":{value},"#));
    }
    // As dense as is read.
    let padding = "a".repeat(24);
    let unknown = [
        ("as many objects as are read", listed(|_| format!("{{\"\":\"{padding}\"}}"))),
        ("as many lists as are read", listed(|_| format!("[\"{padding}     \"]"))),
        ("as many numbers as are read", "0,".repeat(1_600_000) + &format!("\"{}\"", "a".repeat(6_000_000))),
    ];
    for (what, values) in &unknown {
        both(
            "targets",
            what,
            "",
            &format!(r#""spec_version":"1.0.31","targets":{{}},"unknown":[{values}],"#),
        );
        let signature = format!(r#"{{"keyid":"","sig":"","unknown":[{values}]}}"#);
        both("targets", what, &signature, targets);
    }
    let all = listed(|n| format!(r#""{n:07}{padding}{padding}":{{"hashes":{{}},"length":1}}"#));
    both(
        "targets",
        "as many targets as are read",
        "",
        &format!(r#""spec_version":"1.0.31","targets":{{{all}}},"#),
    );
    let key = r#"{"keytype":"ed25519","keyval":{"public":"00"},"scheme":"ed25519"}"#;
    both(
        "root",
        "keys",
        "",
        &format!(r#"{root}"keys":{{{}}},{roles}"#, listed(|n| format!("\"{n:07}\":{key}"))),
    );
    let role = |ids: &str| {
        format!(
            r#"{root}{keys}"roles":{{"root":{{"keyids":[{ids}],"threshold":1}}}},"spec_version":"1.0.31","#
        )
    };
    both("root", "ids of keys", "", &role(&listed(|_| "\"\"".to_owned())));
    let all = listed(|n| format!(r#""{n:07}":{{"hashes":{{}},"length":1}}"#));
    both("targets", "targets", "", &format!(r#""spec_version":"1.0.31","targets":{{{all}}},"#));
    let child = |paths: &str, n: usize| {
        format!(r#"{{"keyids":[],"name":"a{n}","paths":[{paths}],"terminating":true,"threshold":1}}"#)
    };
    let delegations = |roles: &str| {
        format!(r#""delegations":{{"keys":{{}},"roles":[{roles}]}},"spec_version":"1.0.31","targets":{{}},"#)
    };
    both("targets", "delegations", "", &delegations(&listed(|n| child("", n))));
    both("targets", "patterns", "", &delegations(&child(&listed(|_| "\"*\"".to_owned()), 0)));
    for kind in ["snapshot", "timestamp"] {
        let all = listed(|n| format!(r#""a{n:07}.json":{{"version":1}}"#));
        both(kind, "roles", "", &format!(r#""meta":{{{all}}},"spec_version":"1.0.31","#));
    }
}

/// The two forms that are read without a tree of values.
fn forms(each: &mut impl FnMut(Monster)) {
    let file = |signed: String| {
        let (id, sig) = ("ab".repeat(32), "00".repeat(64));
        format!(r#"{{"signatures":[{{"keyid":"{id}","sig":"{sig}"}}],"signed":{signed}}}"#).into_bytes()
    };
    let head = r#""expires":"2030-01-01T00:00:00Z""#;
    let hash = "0".repeat(64);
    let all = listed(|n| format!(r#""{n:07}":{{"hashes":{{"sha256":"{hash}"}},"length":1}}"#));
    let bin =
        format!(r#"{{"_type":"targets",{head},"spec_version":"1.0.31","targets":{{{all}}},"version":1}}"#);
    each(("bin", "targets", file(bin)));
    let all = listed(|n| format!(r#""a{n:07}.json":{{"version":1}}"#));
    let snapshot =
        format!(r#"{{"_type":"snapshot",{head},"meta":{{{all}}},"spec_version":"1.0.31","version":1}}"#);
    each(("snapshot-file", "roles", file(snapshot)));
}

fn pages(each: &mut impl FnMut(Monster)) {
    let html: [(&str, String); 6] = [
        ("anchors", many(|_| "<a href=x>".to_owned())),
        ("attributes of one tag", format!("<a {}>", many(|n| format!("a{n}=1 ")))),
        ("an anchor without end", format!("<a href=x>{}", many(|_| "a<b>".to_owned()))),
        ("entities", format!("<a href=\"{}\">", many(|_| "&amp;&#x0;".to_owned()))),
        ("comments", many(|_| "<!---->".to_owned())),
        ("open tags", many(|_| "<a <".to_owned())),
    ];
    html.into_iter().for_each(|(what, text)| each(("page-html", what, text.into_bytes())));
    let json: [(&str, String); 4] = [
        ("files", format!("{{\"files\":[{}]}}", listed(|_| "{\"url\":\"\"}".to_owned()))),
        (
            "a list for a reason",
            format!("{{\"files\":[{{\"url\":\"\",\"yanked\":[{}]}}]}}", listed(|_| "0".to_owned())),
        ),
        ("deep objects", format!("{{\"files\":[],\"meta\":{}}}", nested("{\"\":", "}"))),
        (
            "hashes",
            format!(
                "{{\"files\":[{{\"url\":\"\",\"hashes\":{{{}}}}}]}}",
                listed(|n| format!("\"{n}\":\"\""))
            ),
        ),
    ];
    json.into_iter().for_each(|(what, text)| each(("page-json", what, text.into_bytes())));
    // Two pages that both offer one file, again and again.
    let half = |one: &str| one.repeat(SIZE / 2 / one.len());
    let link = "<a href=/packages/x/x-1.0.zip data-yanked></a>";
    let files = half("{\"url\":\"/packages/x/x-1.0.zip\"},");
    let mirror = format!(
        "=== simple/x/index.html\n<html>{}</html>\n=== simple/x/index.v1_json\n{{\"files\":[{}]}}\n=== packages/x/x-1.0.zip\nx",
        half(link),
        files.trim_end_matches(',')
    );
    each(("mirror", "one file offered again and again", mirror.into_bytes()));
}

fn lists(each: &mut impl FnMut(Monster)) {
    let hash = "a".repeat(64);
    let text: [(&str, String); 9] = [
        ("empty rows of JSON", many(|_| "{}\n".to_owned())),
        ("rows of CSV", format!("path,size,sha256\n{}", many(|_| ",,\n".to_owned()))),
        ("one cell of CSV", format!("path,size,sha256\n\"{}\",7,{hash}\n", "a".repeat(SIZE))),
        ("a name of dashes", format!("filename,size,sha256\nx{}.zip,7,{hash}\n", "-1".repeat(SIZE / 2))),
        (
            "a name of local versions",
            format!("filename,size,sha256\nx-1+{}.zip,7,{hash}\n", "a-1.".repeat(SIZE / 4)),
        ),
        ("a header of columns", format!("{}path,size,sha256\n", many(|_| "a,".to_owned()))),
        ("lines of semicolons", many(|_| ";;;\n".to_owned())),
        ("one line", "a\t".repeat(SIZE / 2)),
        ("rows that say the same", many(|_| format!("a;7;sha256;{hash}\n"))),
    ];
    for (what, text) in text {
        each(("inventory-text", what, text.clone().into_bytes()));
        each(("inventory-at-once", what, text.into_bytes()));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut parquet = |what, rows: &[Row]| {
        let path = folder.path().join("list.parquet");
        write(&path, rows).unwrap();
        each(("inventory-parquet", what, std::fs::read(path).unwrap()));
    };
    parquet("two million rows of nothing", &vec![Row::default(); 2_000_000]);
    let text = |text: String| Some(text);
    let row = |n: usize| Row {
        path: text(format!("simple/x/x-{n}.zip")),
        size: text("7".to_owned()),
        sha256: text(Sha256::of(&n.to_le_bytes()).to_string()),
        ..Row::default()
    };
    parquet("rows", &(0..120_000).map(row).collect::<Vec<_>>());
    let long = |length, n| Row { requires_python: text("a".repeat(length)), ..row(n) };
    parquet("a cell that is too long in each row", &vec![long(64 << 10, 0); 90_000]);
    parquet("the longest cell in each row", &(0..120_000).map(|n| long(4096, n)).collect::<Vec<_>>());
    parquet("as much text as there may be", &(0..120_000).map(|n| long(1150, n)).collect::<Vec<_>>());
    for (what, bytes) in parquets::all() {
        each(("inventory-parquet", what, bytes));
    }
    each(("changed", "paths", many(|_| "a\n".to_owned()).into_bytes()));
    each(("changed", "one path", many(|_| "a/".to_owned()).into_bytes()));
}

fn archives(each: &mut impl FnMut(Monster)) {
    let entries = zips::of((0..100_000).map(|n| (format!("{n}"), Vec::new())));
    each(("submission", "a hundred thousand entries", entries.clone()));
    each(("wheel", "a hundred thousand entries", entries));
    let metadata = "x-1.0.dist-info/METADATA".to_owned();
    let folded = format!("Name: x\nRequires-Python: a\n{}", many(|_| " a\n".to_owned())).into_bytes();
    each(("wheel", "a header folded a million times", zips::of([(metadata.clone(), folded)].into_iter())));
    let lines = many(|_| "a\n".to_owned()).into_bytes();
    each(("wheel", "a header of lines", zips::of([(metadata.clone(), lines)].into_iter())));
    each(("wheel", "a bomb", zips::of([(metadata, vec![b'a'; 1 << 30])].into_iter())));
    let role = "metadata/1.project.x.json".to_owned();
    each(("submission", "a bomb", zips::of([(role.clone(), vec![b'['; 1 << 28])].into_iter())));
    let dense = vec![(role, format!("[{}]", "0,".repeat(1_900_000)).into_bytes())];
    each(("submission", "a role of numbers", zips::of(dense.into_iter())));
    each(("submission", "what may be heads of files", zips::of_what_may_be_heads(SIZE)));
    each(("wheel", "what may be the list of a ZIP", zips::of_what_may_be_lists(SIZE)));
    let lists = zips::of_lists(SIZE);
    each(("wheel", "lists of a ZIP", lists.clone()));
    each(("submission", "lists of a ZIP", lists));
    // An empty file after the other: 512 bytes each, which shrink to nothing.
    let mut header = tar::Header::new_ustar();
    header.set_path("a").unwrap();
    header.set_size(0);
    header.set_cksum();
    let tar = header.as_bytes().repeat(SIZE / 512);
    each(("sdist", "entries", Compression::Gzip.compress(&tar.repeat(20)).unwrap()));
    let mut long = tar::Header::new_gnu();
    long.set_entry_type(tar::EntryType::GNULongName);
    long.set_path("a").unwrap();
    long.set_size(60 << 20);
    long.set_cksum();
    let long = [&long.as_bytes()[..], &vec![b'a'; 60 << 20], &header.as_bytes()[..]].concat();
    each(("sdist", "a long name", Compression::Gzip.compress(&long).unwrap()));
    // A file that is nothing but holes, with a list of them that goes on and on.
    let mut holes = tar::Header::new_gnu();
    holes.set_entry_type(tar::EntryType::GNUSparse);
    holes.set_path("x-1.0/PKG-INFO").unwrap();
    holes.set_size(0);
    let sparse = holes.as_gnu_mut().unwrap();
    sparse.isextended = [1];
    sparse.realsize = *b"00000000000\0";
    holes.set_cksum();
    let more = [b"00000000000\0".repeat(42), vec![1; 8]].concat();
    let last = [b"00000000000\0".repeat(42), vec![0; 8]].concat();
    let holes = [&holes.as_bytes()[..], &more.repeat(100_000), &last, &[0; 1024]].concat();
    each(("sdist", "holes", Compression::Gzip.compress(&holes).unwrap()));
    each(("sdist", "gzip of nothing but tables", deflated::tables(SIZE)));
    each(("copies", "gzip of nothing but tables", deflated::tables(SIZE)));
    each(("sdist", "a bomb", Compression::Gzip.compress(&vec![0; 1 << 28]).unwrap()));
    let nothing = vec![0; 1 << 28];
    for (form, what) in
        Compression::ALL.into_iter().zip(["a bomb of gzip", "a bomb of Brotli", "a bomb of Zstandard"])
    {
        each(("copies", what, form.compress(&nothing).unwrap()));
    }
}

fn others(each: &mut impl FnMut(Monster)) {
    let head = r#"{"form":"tuffet ceremony 1","prepared":"","root":null,"targets":{},"retired":[],"steps":[],"consents":{},"digest":"#;
    each((
        "ceremony",
        "roots",
        format!("{head}\"\",\"roots\":[{}]}}", listed(|_| "{}".to_owned())).into_bytes(),
    ));
    each(("ceremony", "a list of numbers", format!("{head}[{}]}}", listed(|_| "0".to_owned())).into_bytes()));
    each(("joining", "deep lists", nested("[", "]").into_bytes()));
    let freed = r#"{"freed":"a","at":"2026-01-01T00:00:00Z"}"#;
    each(("ledger", "lines", many(|_| format!("{freed}\n")).into_bytes()));
    let keys = listed(|_| "\"\"".to_owned());
    let claimed = format!(r#"{{"claimed":"a","keys":[{keys}],"threshold":1,"at":"2026-01-01T00:00:00Z"}}"#);
    each(("ledger", "keys in a line", format!("{claimed}\n").into_bytes()));
    // As long as a configuration may be, and its globs.
    let size = 1_000_000;
    let settings: [(&str, String); 7] = [
        ("ten megabytes", many(|_| "[[a]]\n".to_owned())),
        ("deep lists", format!("a = {}", nested_within(size, "[", "]"))),
        ("deep tables", format!("a = {}", nested_within(size, "{a=", "}"))),
        ("a dotted key", format!("{}a = 1", within(size, |_| "a.".to_owned()))),
        ("a dotted table", format!("[{}a]", within(size, |_| "a.".to_owned()))),
        ("tables", within(size, |_| "[[a]]\n".to_owned())),
        ("globs", format!("[source]\ninclude = [{}]", within(85_000, |_| "\"*a*b\",".to_owned()))),
    ];
    settings.into_iter().for_each(|(what, text)| each(("settings", what, text.into_bytes())));
    let pem = |label: &str| {
        format!("-----BEGIN {label}-----\n{}-----END {label}-----\n", many(|_| "A".repeat(64) + "\n"))
    };
    each(("key-file", "PKCS#8", pem("ENCRYPTED PRIVATE KEY").into_bytes()));
    each(("key-file", "OpenSSH", pem("OPENSSH PRIVATE KEY").into_bytes()));
    each(("public-key", "PEM", pem("PUBLIC KEY").into_bytes()));
    each(("public-key", "a line", format!("ssh-ed25519 {}", "A".repeat(SIZE)).into_bytes()));
    let facts = many(|n| format!("[\"{n:064}\",{{}}]\n"));
    each(("state", "facts", format!("=== cache/facts.jsonl\ntuffet facts 2\n{facts}").into_bytes()));
    each((
        "state",
        "registrations",
        format!("=== ledger/registrations.jsonl\n{}", many(|_| "{}\n".to_owned())).into_bytes(),
    ));
    each(("state", "a journal", format!("=== journal.jsonl\n{}", many(|_| "{}\n".to_owned())).into_bytes()));
}
