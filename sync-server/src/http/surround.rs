//! What every request passes: a place among those worked on, a deadline, headers on the way out, one line in the log.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{Api, Problem, ProvenSeat, TRAINING_HEADER};
use crate::platform::Moment;

const SECURITY_HEADERS: &[(HeaderName, &str)] = &[
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
];

pub(super) async fn surround(State(api): State<Api>, request: Request, next: Next) -> Response {
    let begun = Moment::now();
    let method = request.method().clone();
    // The route, never the path: a path may hold anything.
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let bytes_in = content_length(request.headers());
    let mut response = work(&api, request, next).await;
    dress(&api, &mut response);
    let seat = response.extensions().get::<ProvenSeat>().map(|seat| seat.0.to_string());
    let problem = response.extensions().get::<Problem>().map(|problem| problem.code());
    tracing::info!(
        %method,
        route = route.as_deref().unwrap_or("-"),
        status = response.status().as_u16(),
        duration_ms = begun.elapsed().as_millis() as u64,
        bytes_in,
        bytes_out = axum::body::HttpBody::size_hint(response.body()).exact(),
        seat,
        problem,
        "request"
    );
    response
}

async fn work(api: &Api, request: Request, next: Next) -> Response {
    let Ok(_place) = api.0.requests.try_acquire() else {
        return Problem::Busy.into_response();
    };
    match tokio::time::timeout(api.0.limits.request_timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::Timeout.into_response(),
    }
}

fn dress(api: &Api, response: &mut Response) {
    let headers = response.headers_mut();
    for (name, value) in SECURITY_HEADERS {
        headers.insert(name.clone(), HeaderValue::from_static(value));
    }
    if api.0.registry.facts().training {
        headers.insert(TRAINING_HEADER, HeaderValue::from_static("true"));
    }
}

fn content_length(headers: &axum::http::HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
