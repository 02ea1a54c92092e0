//! The road to the server over HTTP.

use std::io::Read;
use std::net::IpAddr;
use std::time::Duration;

use collector_core::{Disconnected, HttpAnswer, Transport};
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::{Certificate, Url, redirect};

use crate::failure::{Failure, Kind};
use crate::messages::Text;

/// How long to wait for a connection.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// How long one request may take, answer included: a full batch over a line of 16 kbit/s.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(300);

/// No answer of the exchange is longer; files have their own limit.
pub const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// Where the server is, checked: `https`, or `http` to this machine itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    url: Url,
    is_loopback: bool,
    certificate_authority: Option<String>,
}

impl Server {
    /// Takes an address as a person types it.
    pub fn parse(address: &str) -> Result<Self, Failure> {
        let refused = |key: &'static str| {
            Failure::new(Kind::Usage, Text::new(key).with("address", address)).hint(Text::new("hint-address"))
        };
        let mut url = Url::parse(address.trim()).map_err(|error| refused("error-address").source(error))?;
        let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if !plain || url.fragment().is_some() || url.host_str().is_none() {
            return Err(refused("error-address"));
        }
        let is_loopback = is_loopback(url.host_str().unwrap_or_default());
        match url.scheme() {
            "https" => {}
            "http" if is_loopback => {}
            "http" => return Err(refused("error-address-plain")),
            _ => return Err(refused("error-address")),
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self { url, is_loopback, certificate_authority: None })
    }

    /// With the deployment's own certificate authority, in PEM.
    #[must_use]
    pub fn with_authority(mut self, pem: Option<String>) -> Self {
        self.certificate_authority = pem;
        self
    }

    /// The address, as it is kept.
    pub fn address(&self) -> &str {
        self.url.as_str()
    }

    fn at(&self, path: &str) -> Result<Url, Disconnected> {
        self.url.join(path.trim_start_matches('/')).map_err(|error| lost(&error))
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// HTTP/1.1 with rustls. No redirect is followed: whoever redirects is not our server.
pub struct HttpTransport {
    client: Client,
    server: Server,
}

impl std::fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HttpTransport({})", self.server.address())
    }
}

impl HttpTransport {
    /// Opens no connection yet.
    pub fn new(server: &Server) -> Result<Self, Failure> {
        // Once in a process; a second call finds it set, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("lakou-collector/", env!("CARGO_PKG_VERSION")));
        if server.is_loopback {
            builder = builder.no_proxy();
        }
        if let Some(pem) = &server.certificate_authority {
            let authorities = Certificate::from_pem_bundle(pem.as_bytes()).map_err(client_failure)?;
            builder = builder.tls_certs_only(authorities);
        }
        Ok(Self { client: builder.build().map_err(client_failure)?, server: server.clone() })
    }

    fn send(
        &self,
        mut request: RequestBuilder,
        headers: &[(&'static str, String)],
        limit_bytes: usize,
    ) -> Result<HttpAnswer, Disconnected> {
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = request.send().map_err(|error| lost(&error.without_url()))?;
        read(response, limit_bytes)
    }
}

/// A body that is longer than it may be is no answer of ours.
fn read(response: Response, limit_bytes: usize) -> Result<HttpAnswer, Disconnected> {
    let status = response.status().as_u16();
    let mut body = Vec::new();
    response.take(limit_bytes as u64 + 1).read_to_end(&mut body).map_err(|error| lost(&error))?;
    if body.len() > limit_bytes {
        return Err(Disconnected { reason: format!("answer longer than {limit_bytes} bytes") });
    }
    Ok(HttpAnswer { status, body })
}

impl Transport for HttpTransport {
    fn post(
        &mut self,
        path: &str,
        headers: &[(&'static str, String)],
        body: &[u8],
    ) -> Result<HttpAnswer, Disconnected> {
        let request = self.client.post(self.server.at(path)?).body(body.to_vec());
        self.send(request, headers, MAX_ANSWER_BYTES)
    }

    fn get(
        &mut self,
        path: &str,
        headers: &[(&'static str, String)],
        limit_bytes: usize,
    ) -> Result<HttpAnswer, Disconnected> {
        self.send(self.client.get(self.server.at(path)?), headers, limit_bytes)
    }
}

/// The innermost cause says most: "connection refused" rather than "error sending request".
fn lost(error: &(dyn std::error::Error + 'static)) -> Disconnected {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    Disconnected { reason: innermost.to_string() }
}

fn client_failure(error: reqwest::Error) -> Failure {
    Failure::new(Kind::System, Text::new("error-certificate-authority").with("reason", error.to_string()))
        .source(error)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn plain_http_goes_to_this_machine_only() {
        for good in
            ["http://127.0.0.1:8080", "http://localhost:8080/lakou", "http://[::1]:80", "https://registre.ht"]
        {
            assert!(Server::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "http://registre.ht",
            "http://10.0.0.4:8080",
            "ftp://x",
            "registre.ht",
            "",
            "https://a:b@registre.ht",
        ] {
            assert_eq!(Server::parse(bad).unwrap_err().kind, Kind::Usage, "{bad}");
        }
        assert_eq!(
            Server::parse("https://registre.ht/lakou").unwrap().address(),
            "https://registre.ht/lakou/"
        );
    }

    /// Answers one request with these bytes.
    fn server(answer: Vec<u8>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(&answer);
        });
        Server::parse(&format!("http://127.0.0.1:{port}")).unwrap()
    }

    #[test]
    fn a_redirect_is_an_answer_and_is_not_followed() {
        let portal = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/login\r\nContent-Length: 0\r\n\r\n";
        let mut transport = HttpTransport::new(&server(portal.to_vec())).unwrap();
        let answer = transport.post("/v1/push", &[], b"x").unwrap();
        assert_eq!(answer, HttpAnswer { status: 302, body: Vec::new() });
    }

    #[test]
    fn an_answer_that_does_not_end_is_cut() {
        let mut long = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n".to_vec();
        long.extend([b'x'; 100]);
        let mut transport = HttpTransport::new(&server(long)).unwrap();
        assert!(transport.get("/v1/blobs/x", &[], 10).is_err());
    }

    #[test]
    fn nobody_there_is_said_in_the_systems_words() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let server = Server::parse(&format!("http://127.0.0.1:{port}")).unwrap();
        let lost = HttpTransport::new(&server).unwrap().post("/v1/push", &[], b"").unwrap_err();
        assert!(!lost.reason.is_empty() && !lost.reason.contains("http://"), "{}", lost.reason);
    }
}
