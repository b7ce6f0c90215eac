//! A real nginx on the loopback, with the configuration that the documents give.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running nginx; it ends with this.
pub(crate) struct Nginx {
    child: Child,
    port: u16,
    folder: PathBuf,
}

/// An answer: its status, its header and its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    header: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// All values of a header field, joined.
    pub(crate) fn field(&self, name: &str) -> String {
        let fields = self.header.lines().filter_map(|line| line.split_once(": "));
        let values: Vec<&str> =
            fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, v)| v).collect();
        values.join(", ")
    }
}

impl Nginx {
    /// Serves `site`; what nginx needs to write lies in `folder`.
    pub(crate) fn serve(site: &Path, folder: &Path) -> Self {
        let documented = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/serving/nginx.conf");
        let server = std::fs::read_to_string(documented).unwrap();
        // A free port, found by asking for one; nginx takes it a moment later.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = server.replace("listen 8080;", &format!("listen 127.0.0.1:{port};"));
        let changed = server.replace("root /srv/tuffet/site;", &format!("root {};", site.display()));
        assert!(changed != server && server.contains(&port.to_string()), "nginx.conf has lost its two lines");
        std::fs::create_dir_all(folder.join("tmp")).unwrap();
        let at = folder.display();
        let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|name| format!("{name}_temp_path {at}/tmp/{name};\n"))
            .collect();
        let conf = format!(
            "{user}\ndaemon off;\nworker_processes 1;\npid {at}/pid;\nerror_log {at}/error.log;\nevents {{}}\n\
             http {{\naccess_log {at}/access.log;\n{temporary}{changed}\n}}\n"
        );
        std::fs::write(folder.join("nginx.conf"), conf).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-e").arg(folder.join("error.log")).arg("-c").arg(folder.join("nginx.conf"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("this test needs nginx, from Debian's nginx-light");
        let nginx = Self { child, port, folder: folder.to_owned() };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return nginx;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!(
            "nginx did not start: {}",
            std::fs::read_to_string(folder.join("error.log")).unwrap_or_default()
        );
    }

    pub(crate) fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The requests so far, one a line.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("access.log")).unwrap()
    }

    /// One GET with further header lines.
    pub(crate) fn get(&self, path: &str, header: &[&str]) -> Answer {
        get(self.port, path, header)
    }
}

/// The same, by whoever knows the port alone.
pub(crate) fn get(port: u16, path: &str, header: &[&str]) -> Answer {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let lines: String = header.iter().map(|line| format!("{line}\r\n")).collect();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n").unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let (status, header) = head.split_once("\r\n").unwrap();
    let status = status.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, header: header.to_owned(), body: bytes[end + 4..].to_vec() }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Asked to end, it takes its worker along.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
