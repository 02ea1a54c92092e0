//! The HTTP side: routes, what every request passes, and one file a route.

mod auth;
mod blobs;
mod bundles;
mod enrol;
mod health;
pub mod limits;
mod openapi;
pub mod problem;
mod prove;
mod pull;
mod push;
mod rate;
mod surround;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use record_model::SeatId;
use registry_core::Registry;
use tokio::sync::Semaphore;

pub use auth::{COUNTER_HEADER, LAKOU_TYPE, LOG_HEADER, SEAT_HEADER, SIGNATURE_HEADER};
pub use limits::Limits;
pub use problem::Problem;
use problem::Refused;

use crate::merge_worker::Bell;
use crate::platform::Moment;
use limits::MAX_STORE_CALLS;
use rate::AddressLimiter;

/// Says `true` on every answer of a training deployment.
pub const TRAINING_HEADER: &str = "lakou-training";

/// Where a connection comes from. The acceptor puts it into each request.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// Whether the address of a connection is the client's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    /// Clients connect to us.
    Direct,
    /// A TLS proxy does, and names the client last in `X-Forwarded-For`.
    TlsProxy,
}

/// What handlers share.
#[derive(Clone)]
pub struct Api(Arc<Shared>);

struct Shared {
    registry: Registry,
    bell: Bell,
    limits: Limits,
    front: Front,
    store_calls: Arc<Semaphore>,
    requests: Semaphore,
    enrolments: Mutex<AddressLimiter>,
}

/// One route: the table below is what the router serves and what the OpenAPI document says.
struct Route {
    method: &'static str,
    path: &'static str,
    handler: fn() -> MethodRouter<Api>,
}

const ROUTES: &[Route] = &[
    Route { method: "post", path: "/v1/enrol", handler: || post(enrol::enrol) },
    Route { method: "post", path: "/v1/push", handler: || post(push::push) },
    Route { method: "post", path: "/v1/pull", handler: || post(pull::pull) },
    Route { method: "post", path: "/v1/prove", handler: || post(prove::prove) },
    Route { method: "post", path: "/v1/bundles", handler: || post(bundles::carried) },
    Route { method: "get", path: "/v1/blobs/{sha256}", handler: || get(blobs::blob) },
    Route { method: "get", path: "/v1/health", handler: || get(health::health) },
    Route { method: "get", path: "/v1/openapi.json", handler: || get(openapi::openapi) },
];

impl Api {
    /// Over this registry; rings the bell after each batch received.
    pub fn new(registry: Registry, bell: Bell, limits: Limits, front: Front) -> Self {
        let enrolments = Mutex::new(AddressLimiter::new(limits.enrol_burst, limits.enrol_refill));
        Self(Arc::new(Shared {
            registry,
            bell,
            front,
            store_calls: Arc::new(Semaphore::new(MAX_STORE_CALLS)),
            requests: Semaphore::new(limits.concurrent_requests),
            enrolments,
            limits,
        }))
    }

    /// Every route, with what every request passes on its way in and out.
    pub fn router(&self) -> Router {
        let routes =
            ROUTES.iter().fold(Router::new(), |router, route| router.route(route.path, (route.handler)()));
        routes
            .fallback(|| async { Problem::NotFound })
            .method_not_allowed_fallback(|| async { Problem::MethodNotAllowed })
            .layer(from_fn_with_state(self.clone(), surround::surround))
            .with_state(self.clone())
    }

    /// Runs a call into the registry on a thread that may block. At most [`MAX_STORE_CALLS`] run at once.
    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Registry) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Refused> {
        let turn = Arc::clone(&self.0.store_calls).acquire_owned().await.map_err(|_| Problem::Busy)?;
        let registry = self.0.registry.clone();
        // The turn ends with the call, not with a client that has gone away meanwhile.
        let work = move || {
            let done = work(&registry);
            drop(turn);
            done
        };
        // A panic in a call is a fault of ours, told as one; the server goes on.
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a request panicked");
            Err(Problem::Internal.into())
        })
    }

    fn may_enrol(&self, address: IpAddr) -> bool {
        let mut enrolments = self.0.enrolments.lock().unwrap_or_else(PoisonError::into_inner);
        enrolments.take(address, Moment::now())
    }

    /// Whose request this is, as far as addresses tell.
    fn address_of(&self, peer: Option<Peer>, headers: &HeaderMap) -> IpAddr {
        let connected = peer.map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0);
        match self.0.front {
            Front::Direct => connected,
            // The last name is the proxy's own word; what stands before it is the client's.
            Front::TlsProxy => headers
                .get_all("x-forwarded-for")
                .iter()
                .next_back()
                .and_then(|names| names.to_str().ok()?.rsplit(',').next()?.trim().parse().ok())
                .unwrap_or(connected),
        }
    }
}

/// The seat a request was proven to come from: the log names it.
#[derive(Debug, Clone, Copy)]
struct ProvenSeat(SeatId);

/// An answer in our own encoding.
fn answer(status: StatusCode, seat: Option<SeatId>, body: Vec<u8>) -> Response {
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(LAKOU_TYPE));
    if let Some(seat) = seat {
        response.extensions_mut().insert(ProvenSeat(seat));
    }
    response
}

/// The same document as the route serves, for tests and for `docs`.
pub fn openapi_document() -> serde_json::Value {
    openapi::document()
}
