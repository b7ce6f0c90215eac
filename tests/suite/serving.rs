//! The nginx configuration in `docs/serving/`: what it answers, and real installers through it.

use super::index::sample;
use super::support::{Repo, clients, nginx::Nginx};
use std::process::Command;

const JSON: &str = "Accept: application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01";

#[test]
fn requests_and_what_nginx_answers() {
    let repo = sample();
    let nginx = Nginx::serve(&repo.site(), &repo.path().join("nginx"));
    let bin = format!("/metadata/{}.bin-0.json", repo.versions()["bin-0"]);
    let whey = repo.targets()["packages/whey/whey-3.2-py3-none-any.whl"].clone();
    let hashed = format!("/packages/whey/{whey}.whey-3.2-py3-none-any.whl");
    let (never, immutable) = ("no-cache", "public, max-age=31536000, immutable");
    let vnd = "application/vnd.pypi.simple.v1+json";
    let html = "text/html; charset=utf-8";
    let table: [(&str, &[&str], u16, &str, &str); 20] = [
        ("/metadata/timestamp.json", &[], 200, never, "application/json"),
        ("/metadata/1.root.json", &[], 200, immutable, "application/json"),
        ("/metadata/2.root.json", &[], 404, never, ""),
        (&bin, &[], 200, immutable, "application/json"),
        ("/metadata/", &[], 404, never, ""),
        ("/metadata", &[], 301, "", ""),
        (&hashed, &[], 200, immutable, "application/zip"),
        ("/packages/whey/whey-3.2-py3-none-any.whl", &[], 200, "public, max-age=3600", "application/zip"),
        ("/packages/whey/whey-3.2.tar.gz", &[], 200, "public, max-age=3600", "application/gzip"),
        (
            "/packages/whey/whey-3.2-py3-none-any.whl.metadata",
            &[],
            200,
            "public, max-age=3600",
            "text/plain; charset=utf-8",
        ),
        (
            "/packages/spider-web/spider_web-1.0%2Blocal.1-py3-none-any.whl",
            &[],
            200,
            "public, max-age=3600",
            "application/zip",
        ),
        ("/packages/whey/gone-1.0.tar.gz", &[], 404, never, ""),
        ("/simple/", &[], 200, never, html),
        ("/simple/", &[JSON], 200, never, html),
        ("/simple/whey/", &[], 200, never, html),
        ("/simple/whey/", &["Accept: text/html"], 200, never, html),
        ("/simple/whey/", &[JSON], 200, never, vnd),
        ("/simple/whey/index.html", &[], 200, never, html),
        ("/simple/no-such-project/", &[JSON], 404, never, ""),
        ("/.env", &[], 404, never, ""),
    ];
    for (path, header, status, cache, content) in table {
        for compressed in [false, true] {
            let accept: &[&str] = if compressed { &["Accept-Encoding: gzip"] } else { &[] };
            let answer = nginx.get(path, &[header, accept].concat());
            assert_eq!(answer.status, status, "{path} {header:?}");
            if status != 301 {
                assert_eq!(answer.field("Cache-Control"), cache, "{path} {header:?}");
            }
            if !content.is_empty() {
                assert_eq!(answer.field("Content-Type"), content, "{path} {header:?}");
            }
            let text = content.contains("json") || content.contains("text");
            let large = answer.field("Content-Encoding") == "gzip";
            assert!(!large || (compressed && text), "{path}: compressed for nobody");
            if compressed && path == bin {
                assert!(large, "a bin is sent compressed");
            }
        }
    }
    assert!(nginx.get("/simple/whey/", &[JSON]).field("Vary").contains("Accept"));
    assert_eq!(nginx.get("/simple/whey", &[]).field("Location"), "/simple/whey/");
    let page = nginx.get("/simple/whey/", &[JSON]).body;
    assert!(serde_json::from_slice::<serde_json::Value>(&page).is_ok());
}

#[test]
fn copies_that_were_made_are_sent_as_they_are() {
    let repo = super::compress::compressed("[\"gz\"]");
    let nginx = Nginx::serve(&repo.site(), &repo.path().join("nginx"));
    let bin = format!("metadata/{}.bin-0.json", repo.versions()["bin-0"]);
    let page = "simple/whey/index.html";
    let hashed = format!("simple/whey/{}.index.html", repo.targets()[page]);
    let table: [(&str, &[&str], &str, &str); 7] = [
        (&bin, &[], &bin, "application/json"),
        ("metadata/1.root.json", &[], "metadata/1.root.json", "application/json"),
        (page, &[], page, "text/html; charset=utf-8"),
        (&hashed, &[], &hashed, "text/html; charset=utf-8"),
        ("simple/", &[], "simple/index.html", "text/html; charset=utf-8"),
        ("simple/whey/", &[], page, "text/html; charset=utf-8"),
        ("simple/whey/", &[JSON], "simple/whey/index.v1_json", "application/vnd.pypi.simple.v1+json"),
    ];
    for (path, header, file, content) in table {
        let read = |name: &str| std::fs::read(repo.site().join(name)).unwrap();
        let plain = nginx.get(&format!("/{path}"), header);
        assert!(plain.body == read(file), "{path}");
        assert_eq!(plain.field("Content-Encoding"), "", "{path}");
        let compressed = nginx.get(&format!("/{path}"), &[header, &["Accept-Encoding: gzip"]].concat());
        assert!(compressed.body == read(&format!("{file}.gz")), "{path}: not the copy");
        assert_eq!(compressed.field("Content-Encoding"), "gzip", "{path}");
        assert_eq!(compressed.field("Content-Type"), content, "{path}");
        assert_eq!(compressed.field("Cache-Control"), plain.field("Cache-Control"), "{path}");
        assert!(compressed.field("Vary").contains("Accept-Encoding"), "{path}");
    }
    // The timestamp has no copy, and is too small to be compressed on the way.
    let timestamp = nginx.get("/metadata/timestamp.json", &["Accept-Encoding: gzip"]);
    assert_eq!(timestamp.field("Content-Encoding"), "");
    let targets = repo.targets();
    let count = targets.len() as u64;
    assert_eq!(
        clients::python_tuf_at(&nginx.base(), &repo.site(), &repo.path().join("client"), &targets),
        count
    );
}

/// Runs an installer that must find `packages` through nginx and nowhere else.
fn install(tool: &[&str], nginx: &Nginx, into: &std::path::Path, packages: &[&str]) {
    let index = format!("{}/simple/", nginx.base());
    let mut command = Command::new(clients::python());
    command.arg("-m").args(tool).args(["--index-url", &index, "--target"]).arg(into).args(packages);
    command.env_remove("PIP_FIND_LINKS").env("UV_NO_CACHE", "1");
    clients::run(&mut command, "pip and uv from PyPI");
}

/// An environment with nothing in it.
fn environment(at: &std::path::Path) -> std::path::PathBuf {
    let mut command = Command::new(clients::python());
    clients::run(
        command.args(["-m", "uv", "venv", "--quiet", "--python"]).arg(clients::python()).arg(at),
        "uv",
    );
    at.join("bin").join("python")
}

#[test]
fn pip_and_uv_install_real_projects_into_empty_environments_in_either_format() {
    let dists = super::clients::real_distributions();
    let packages = ["flask", "pandas", "requests"];
    for (formats, documents) in [("[\"html\"]", false), ("[\"json\"]", true), ("[\"html\", \"json\"]", true)]
    {
        let repo = Repo::with_config(&format!(
            "[source]\npath = {:?}\nexclude = [\"complete\"]\n\
             [index]\nformats = {formats}\n[keys]\ninsecure_plain = true\n",
            dists.to_str().unwrap()
        ));
        repo.run(&["build", "--init"]).ok();
        let nginx = Nginx::serve(&repo.site(), &repo.path().join("nginx"));
        let index = format!("{}/simple/", nginx.base());
        // requests as an sdist, which is built with what the index has, and its dependencies as wheels.
        for tool in ["pip", "uv"] {
            let python = environment(&repo.path().join(tool));
            let mut command = Command::new(clients::python());
            match tool {
                "pip" => command.args(["-m", "pip", "--python"]).arg(&python).args([
                    "install",
                    "--quiet",
                    "--no-cache-dir",
                    "--no-binary",
                    "requests",
                ]),
                _ => command
                    .args(["-m", "uv", "pip", "install", "--quiet", "--python"])
                    .arg(&python)
                    .args(["--no-binary", "requests"]),
            };
            command.args(["--index-url", &index]).args(packages);
            command.env_remove("PIP_FIND_LINKS").env("UV_NO_CACHE", "1");
            clients::run(&mut command, "pip and uv from PyPI");
            let imports = packages.map(|name| format!("import {name}; ")).concat();
            clients::run(Command::new(&python).args(["-c", &imports]), "what was installed");
        }
        let log = nginx.log();
        for fetched in ["requests-2.32.3.tar.gz", "setuptools-80.9.0-py3-none-any.whl", "idna/idna-"] {
            assert!(log.contains(fetched), "{fetched}: {log}");
        }
        let status = |what: &str| log.lines().filter(|line| line.contains(what)).count();
        assert!(status("\" 404 ") == 0 && status("\" 500 ") == 0, "{log}");
        let page = nginx.get("/simple/flask/", &[JSON]);
        assert_eq!(page.field("Content-Type").contains("json"), documents, "{formats}");
    }
}

/// In layout `tree` the names are the owner's, and one may begin with a dot.
#[test]
fn what_begins_with_a_dot_is_served_and_what_a_run_is_at_work_on_is_not() {
    let repo = Repo::with_config(
        "[source]\npath = \"dists\"\nlayout = \"tree\"\n[keys]\ninsecure_plain = true\n[index]\nformats = []\n",
    );
    std::fs::create_dir(repo.source().join(".well")).unwrap();
    std::fs::write(repo.source().join(".well/known"), b"curds").unwrap();
    std::fs::write(repo.source().join(".dot"), b"whey").unwrap();
    repo.build(&["--init"]);
    let staging = repo.site().join(".tuffet-staging");
    std::fs::create_dir(&staging).unwrap();
    std::fs::write(staging.join("1"), b"half of it").unwrap();
    let nginx = Nginx::serve(&repo.site(), &repo.path().join("nginx"));
    for (path, digest) in repo.targets() {
        let (folder, name) =
            path.rsplit_once('/').map_or(("", path.as_str()), |(folder, name)| (folder, name));
        for asked in [format!("/{path}"), format!("/{folder}/{digest}.{name}").replace("//", "/")] {
            assert_eq!(nginx.get(&asked, &[]).status, 200, "{asked}");
        }
    }
    assert_eq!(nginx.get("/.tuffet-staging/1", &[]).status, 404);
}

#[test]
fn installers_resolve_by_the_metadata_in_the_tree_and_not_by_wheels() {
    let repo = sample();
    // What pip does not choose, it looks at the metadata of and nothing else.
    for (tool, dry) in
        [(&["pip", "install", "--no-cache-dir"][..], false), (&["uv", "pip", "install", "--dry-run"], true)]
    {
        let nginx = Nginx::serve(&repo.site(), &repo.path().join(format!("nginx-{dry}")));
        install(tool, &nginx, &repo.path().join(format!("into-{dry}")), &["whey"]);
        let log = nginx.log();
        let at = |what: &str| log.find(what);
        for wheel in
            ["packages/whey/whey-3.2-py3-none-any.whl", "packages/curds/curds-1.0.0-py3-none-any.whl"]
        {
            let told = at(&format!("GET /{wheel}.metadata ")).unwrap_or_else(|| panic!("{tool:?}: {log}"));
            match at(&format!("GET /{wheel} ")) {
                Some(fetched) => assert!(!dry && told < fetched, "{tool:?}: {log}"),
                None => assert!(dry, "{tool:?}: {log}"),
            }
        }
    }
}
