//! `serve`: the server itself.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing_subscriber::EnvFilter;

use super::App;
use crate::failure::{Failure, FailureKind};
use crate::http::limits::{HEADER_TIMEOUT, MAX_CONNECTIONS, MAX_HEADER_BYTES, MAX_HEADERS, STOP_GRACE};
use crate::http::{Api, Front, Limits, Peer};
use crate::merge_worker::{Bell, MergeWorker};
use crate::platform;
use crate::words::msg;

/// How long after a failed accept (no file handles left, for one) the next one is tried.
const ACCEPT_RETRY: std::time::Duration = std::time::Duration::from_millis(200);

/// Serve the HTTP API and merge what arrives, until stopped.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Address and port; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8420", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,

    /// A proxy in front ends TLS, and names the client's address last in X-Forwarded-For. Only then may the address be
    /// other than loopback.
    #[arg(long)]
    behind_tls_proxy: bool,
}

pub(crate) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    if !args.listen.ip().is_loopback() && !args.behind_tls_proxy {
        let refused = msg("listen-refused").with("address", args.listen);
        return Err(Failure::new(FailureKind::Usage, refused).hint(msg("hint-listen")));
    }
    // Opened first: a folder that is not there is told as such, and not made by locking it.
    let open = app.open()?;
    let _alone = app.home.lock_for_server()?;
    log_to_stderr();
    let bell = Bell::default();
    let worker =
        MergeWorker::start(open.registry.clone(), bell.clone()).map_err(|error| cannot_serve(args, error))?;
    let front = if args.behind_tls_proxy { Front::TlsProxy } else { Front::Direct };
    let router = Api::new(open.registry.clone(), bell, Limits::default(), front).router();
    let served = serve(app, args, router);
    worker.stop();
    tracing::info!("stopped");
    served
}

fn cannot_serve(args: &Args, error: std::io::Error) -> Failure {
    let message = msg("serve-failed").with("address", args.listen);
    Failure::new(FailureKind::System, message).because(error).hint(msg("hint-port"))
}

/// JSON lines, `RUST_LOG` to choose; ids and sizes, never answers, names or addresses.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter);
    // A second server in one process is a test's; the first one's log does for both.
    let _ = log.with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal()).try_init();
}

fn serve(app: &App, args: &Args, router: Router) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| cannot_serve(args, error))?;
    let served = runtime.block_on(async {
        let listener = TcpListener::bind(args.listen).await?;
        let address = listener.local_addr()?;
        // Before the line that says we are ready: whoever reads it may ask us to stop at once.
        let stop = platform::stop_signal()?;
        app.ui.line(&format!("listening on http://{address}"));
        tracing::info!(%address, "listening");
        accept_until_stopped(listener, router, stop).await;
        Ok(())
    });
    runtime.shutdown_timeout(STOP_GRACE);
    served.map_err(|error| cannot_serve(args, error))
}

async fn accept_until_stopped(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let open = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &connections) => accepted,
        };
        match accepted {
            Ok((stream, peer, place)) => answer_on(stream, peer, place, &router, &open),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
    tracing::info!(connections = open.count(), "stopping");
    // Nobody new from here on; those at hand may finish.
    drop(listener);
    if tokio::time::timeout(STOP_GRACE, open.shutdown()).await.is_err() {
        tracing::warn!("some requests were cut short; what was acknowledged is safe");
    }
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(connections).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

fn answer_on(
    stream: TcpStream,
    peer: SocketAddr,
    place: OwnedSemaphorePermit,
    router: &Router,
    open: &GracefulShutdown,
) {
    // Small answers leave at once.
    let _ = stream.set_nodelay(true);
    let router = TowerToHyperService::new(router.clone());
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer.ip()));
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_header_size(MAX_HEADER_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    let connection = open.watch(connection);
    tokio::spawn(async move {
        // A line that breaks is the line's matter: what was acknowledged is durable, the rest is sent again.
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended early");
        }
        drop(place);
    });
}
