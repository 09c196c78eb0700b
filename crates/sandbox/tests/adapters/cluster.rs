//! A PostgreSQL server of the tests' own: on a socket in a folder of its own, and over TLS on the
//! loopback. The tests of the adapters use it, and those of the whole server.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// Ends with the tests: a child of theirs that ends it after them.
pub struct Cluster {
    pub folder: PathBuf,
    /// On 127.0.0.1, and part of the socket's name.
    pub port: u16,
    bin: PathBuf,
}

/// Who comes over TCP shows a password, and is not let in without TLS.
const DOORS: &str = "local all all trust
hostssl all all 127.0.0.1/32 scram-sha-256
";

impl Cluster {
    /// Started, and empty.
    pub fn start() -> Cluster {
        let folder = tempfile::tempdir().unwrap().keep();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let cluster = Cluster { bin: installed(), folder, port };
        cluster.own(&cluster.folder, 0o755);
        let data = cluster.folder.join("data");
        cluster.tool(
            "initdb",
            &["-D", path(&data), "-U", "root", "-A", "trust", "-N", "-E", "UTF8", "--locale=C"],
        );
        cluster.certify();
        std::fs::write(data.join("pg_hba.conf"), DOORS).unwrap();
        let settings = format!(
            "-k {folder} -p {port} -c listen_addresses=127.0.0.1 -c ssl=on -c ssl_cert_file={folder}/server.pem \
             -c ssl_key_file={folder}/server.key -c fsync=off -c shared_buffers=16MB -c max_connections=40",
            folder = path(&cluster.folder)
        );
        let log = cluster.folder.join("log");
        cluster.tool("pg_ctl", &["-D", path(&data), "-o", &settings, "-l", path(&log), "-w", "start"]);
        cluster.end_with_the_tests(&data);
        cluster
    }

    /// The authority that vouches for the server.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// One that vouches for nobody here.
    pub fn stranger(&self) -> PathBuf {
        self.folder.join("stranger.pem")
    }

    /// As the superuser of the cluster, beside the adapter.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let (host, port) = (path(&self.folder), self.port.to_string());
        let at = ["-h", host, "-p", &port, "-U", "root", "-d", database];
        let how = ["-v", "ON_ERROR_STOP=1", "-X", "-q", "-A", "-t", "-c", sql];
        String::from_utf8(self.tool("psql", &[&at[..], &how[..]].concat()).stdout).unwrap()
    }

    /// Runs a program of the server as a user that is not root: the server refuses to run as root.
    fn tool(&self, name: &str, arguments: &[&str]) -> Output {
        let program = self.bin.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let output = command.args(arguments).current_dir(&self.folder).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} {arguments:?}: {told}");
        output
    }

    /// A certificate for `localhost` from an authority of its own, and an authority that made nothing.
    fn certify(&self) {
        let put = |name: &str, text: &str, mode: u32| {
            let file = self.folder.join(name);
            std::fs::write(&file, text).unwrap();
            self.own(&file, mode);
        };
        let authority = || {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let key = KeyPair::generate().unwrap();
            let pem = params.self_signed(&key).unwrap().pem();
            (Issuer::new(params, key), pem)
        };
        let (issuer, pem) = authority();
        put("authority.pem", &pem, 0o644);
        put("stranger.pem", &authority().1, 0o644);
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        put("server.pem", &own.signed_by(&key, &issuer).unwrap().pem(), 0o644);
        put("server.key", &key.serialize_pem(), 0o600);
    }

    /// Gives a file to whoever runs the server.
    fn own(&self, file: &Path, mode: u32) {
        if is_root() {
            let user = std::fs::read_to_string("/etc/passwd").unwrap();
            let postgres = user.lines().find(|line| line.starts_with("postgres:")).unwrap();
            let ids: Vec<u32> = postgres.split(':').skip(2).take(2).map(|id| id.parse().unwrap()).collect();
            chown(file, Some(ids[0]), Some(ids[1])).unwrap();
        }
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Without this the server would stay: nothing of the tests runs after the last one.
    #[expect(clippy::zombie_processes, reason = "it outlives the tests, to end the server after them")]
    fn end_with_the_tests(&self, data: &Path) {
        let pid = std::process::id();
        let stop = format!(
            "while kill -0 {pid} 2>/dev/null; do sleep 0.2; done; kill -INT $(head -n 1 {data}/postmaster.pid); \
             while [ -e {data}/postmaster.pid ]; do sleep 0.1; done; rm -rf {folder}",
            data = path(data),
            folder = path(&self.folder)
        );
        let mut watch = Command::new("setsid");
        watch.args(["sh", "-c", &stop]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        watch.spawn().unwrap();
    }
}

pub fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").map(|it| it.uid() == 0).unwrap()
}

fn installed() -> PathBuf {
    let versions =
        std::fs::read_dir("/usr/lib/postgresql").map(|all| all.flatten().map(|it| it.path().join("bin")));
    let mut found: Vec<PathBuf> =
        versions.into_iter().flatten().filter(|bin| bin.join("initdb").exists()).collect();
    found.sort();
    let needed = "PostgreSQL is needed: run `scripts/tools.sh`, or install the package `postgresql`";
    found.pop().unwrap_or_else(|| panic!("{needed}"))
}
