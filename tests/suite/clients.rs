//! Independent clients judge what we write: python-tuf and tough download every target of a
//! repository of real distributions from PyPI, and compare each.
//!
//! TUFFET_DISTS names a folder of distributions to use in place of the short list that is
//! downloaded from PyPI.

use super::support::{Repo, clients};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// Fetched as they are, with what they depend on.
const WHEELS: [&str; 6] = [
    "flask==3.1.0",
    "pandas==2.3.3",
    "requests==2.32.3",
    "jaraco.text==4.0.0",
    "setuptools==80.9.0",
    "wheel==0.45.1",
];
/// Fetched as sdists.
const SDISTS: [&str; 3] = ["zope.interface==7.2", "ruamel.yaml==0.18.6", "requests==2.32.3"];

/// A folder of real distributions, downloaded once.
pub(crate) fn real_distributions() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| std::env::var_os("TUFFET_DISTS").map_or_else(download, PathBuf::from)).clone()
}

fn download() -> PathBuf {
    let folder = clients::target_folder().join("pypi");
    let complete = folder.join("complete");
    let wanted = [&WHEELS[..], &SDISTS].concat().join(" ");
    if std::fs::read_to_string(&complete).ok().as_ref() != Some(&wanted) {
        let _ = std::fs::remove_dir_all(&folder);
        let pip = |args: &[&str]| {
            let mut command = Command::new(clients::python());
            command.args(["-m", "pip", "download", "--quiet", "--dest"]).arg(&folder).args(args);
            clients::run(&mut command, "pip and PyPI");
        };
        pip(&WHEELS);
        for sdist in SDISTS {
            let name = sdist.split("==").next().unwrap();
            pip(&["--no-deps", "--no-binary", name, sdist]);
        }
        std::fs::write(&complete, wanted).unwrap();
    }
    folder
}

/// A repository of them that stock tough can read too.
fn repository() -> Repo {
    let dists = real_distributions();
    let config = format!(
        "[source]\npath = {:?}\nexclude = [\"complete\"]\n[site]\ntough_alias = true\n[keys]\ninsecure_plain = true\n",
        dists.to_str().unwrap()
    );
    Repo::with_config(&config)
}

#[test]
fn python_tuf_and_tough_download_every_real_distribution_and_compare_it() {
    let repo = repository();
    let out = repo.run(&["build", "--init", "--format", "json"]).ok().json();
    let targets = repo.targets();
    assert_eq!(out["targets"], targets.len());
    assert_eq!(out["warnings"], serde_json::json!([]));
    assert!(targets.len() >= 14, "{targets:?}");
    for path in
        ["packages/zope-interface/", "packages/ruamel-yaml/", "packages/jaraco-text/", "packages/flask/"]
    {
        assert!(targets.keys().any(|target| target.starts_with(path)), "{path}: {targets:?}");
    }
    repo.verify();
    let count = targets.len() as u64;
    assert_eq!(clients::python_tuf(&repo.site(), &repo.path().join("client"), &targets), count);
    assert_eq!(clients::tough(&repo.site(), &targets).unwrap(), count);
    println!("{count} targets verified by python-tuf and by tough");
}

#[test]
fn a_client_with_an_older_cache_goes_on_after_more_builds() {
    let repo = Repo::published(12);
    let work = repo.path().join("client");
    assert_eq!(clients::python_tuf(&repo.site(), &work, &repo.targets()), 12);
    for number in 20..24 {
        repo.add_wheel(number);
        repo.build(&[]);
    }
    repo.remove("p1-1.0-py3-none-any.whl");
    repo.build(&[]);
    assert_eq!(clients::python_tuf(&repo.site(), &work, &repo.targets()), 15);
}

/// Names that a client could trip over: whatever we do not refuse must be fetched by both.
#[test]
fn strange_names_that_are_not_refused_are_fetched_by_both_clients() {
    let config = "[source]\npath = \"dists\"\nlayout = \"tree\"\n[site]\ntough_alias = true\n[keys]\ninsecure_plain = true\n";
    let repo = Repo::with_config(config);
    let names = [
        "plain.txt",
        "with space/a b.txt",
        "plus+and!bang/x+y!.bin",
        "ünïcode/naïve 日本語.txt",
        "brackets/[a]{b}(c).txt",
        "quotes/it's \"quoted\".txt",
        "signs/a&b=c;d,e@f$g.txt",
        "tilde~/^caret`tick|pipe.txt",
        "angle/<b>.txt",
        "star/*.txt",
        "colon:first/x.txt",
        "colon:alone.txt",
        "deep/1/2/3/4/5/6/7/8/9.txt",
        ".hidden/.dot",
        "emoji/🦀.txt",
    ];
    names.iter().for_each(|name| repo.add(name, name.as_bytes()));
    // Beside "rival", tough would refuse the role that lists these.
    let rivals = ["rival", "rival again", "rival!"];
    rivals.iter().for_each(|name| repo.add(name, name.as_bytes()));
    let out = repo.run(&["build", "--init", "--format", "json"]).ok().json();
    let targets = repo.targets();
    assert!(targets.contains_key("rival") && !targets.contains_key("rival!"));
    assert_eq!(targets.len() + out["warnings"].as_array().unwrap().len(), names.len() + rivals.len());
    assert!(targets.len() >= 12, "{out}");
    let count = targets.len() as u64;
    assert_eq!(clients::python_tuf(&repo.site(), &repo.path().join("client"), &targets), count);
    assert_eq!(clients::tough(&repo.site(), &targets).unwrap(), count);
}

#[test]
fn both_clients_refuse_a_forged_bin() {
    let repo = Repo::published(12);
    let (role, version) = repo
        .versions()
        .into_iter()
        .find(|(role, version)| role.starts_with("bin-") && *version == 2)
        .unwrap();
    let path = repo.site().join(format!("metadata/{version}.{role}.json"));
    let text = std::fs::read_to_string(&path).unwrap().replace("\"length\":3", "\"length\":4");
    std::fs::write(&path, text).unwrap();
    let python = std::panic::catch_unwind(|| {
        clients::python_tuf(&repo.site(), &repo.path().join("client"), &repo.targets())
    });
    let said = *python.unwrap_err().downcast::<String>().unwrap();
    assert!(said.contains(&role), "{said}");
    assert!(clients::tough(&repo.site(), &repo.targets()).is_err());
}
