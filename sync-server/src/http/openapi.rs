//! `GET /v1/openapi.json`: the API as a document, made from the same tables as the router and the problems.

use axum::Json;
use serde_json::{Map, Value, json};

use super::auth::LAKOU_TYPE;
use super::limits::{MAX_BODY_BYTES, MAX_PART_BODY_BYTES, RETRY_AFTER_SECONDS};
use super::problem::PROBLEM_TYPE;
use super::{Problem, ROUTES, Route};

pub(super) async fn openapi() -> Json<Value> {
    Json(document())
}

/// What a person needs to know of one route.
struct Operation {
    summary: &'static str,
    body: Option<&'static str>,
    success: (u16, &'static str, &'static str),
    is_signed: bool,
    problems: &'static [Problem],
}

/// What any request may meet.
const COMMON: &[Problem] = &[Problem::Timeout, Problem::Internal, Problem::Busy];
/// What a signed request may meet besides.
const SIGNED: &[Problem] = &[Problem::Unsigned, Problem::RequestRefused, Problem::OtherLog];
/// What a body may be.
const BODY: &[Problem] = &[Problem::Malformed, Problem::TooLarge, Problem::UnsupportedMediaType];

fn operation(path: &str) -> Operation {
    use Problem::{
        BundleRefused, CertificateExpired, CodeExpired, CodeUnknown, CodeUsed, EnrolmentRefused, NotFound,
        SeatRevoked, StorageFull, TooManyRequests,
    };
    match path {
        "/v1/enrol" => Operation {
            summary: "Exchange a one-time code and a proof of possession for a seat certificate. Sent again, the same \
                      request is answered the same. Rate limited per address.",
            body: Some("EnrolmentRequest, deterministic CBOR"),
            success: (201, LAKOU_TYPE, "EnrolAnswer, CBOR"),
            is_signed: false,
            problems: &[EnrolmentRefused, CodeUnknown, CodeExpired, CodeUsed, TooManyRequests, StorageFull],
        },
        "/v1/push" => Operation {
            summary: "Send signed deltas. Only 201 with a valid receipt makes them delivered. Sending again is harmless. \
                      A revoked seat's work is taken and set aside.",
            body: Some("PushBatch, CBOR under zstd"),
            success: (201, LAKOU_TYPE, "Receipt, deterministic CBOR, signed by the registry"),
            is_signed: true,
            problems: &[StorageFull],
        },
        "/v1/pull" => Operation {
            summary: "Everything after a cursor that the seat's certificate allows, with a signed tree head and a proof \
                      that the log kept its beginning.",
            body: Some("PullRequest, CBOR"),
            success: (200, LAKOU_TYPE, "PullPage, CBOR under zstd"),
            is_signed: true,
            problems: &[SeatRevoked, CertificateExpired],
        },
        "/v1/prove" => Operation {
            summary: "Where these deltas stand in the log: a signed tree head, a proof that the log kept its beginning, and \
                      an RFC 6962 inclusion proof for each delta that the log has.",
            body: Some("ProofRequest, CBOR"),
            success: (200, LAKOU_TYPE, "ProofAnswer, CBOR"),
            is_signed: true,
            problems: &[],
        },
        "/v1/bundles" => Operation {
            summary: "Hand in a part of a bundle that was carried for somebody else: each batch in it is taken as if it \
                      had come over the network. Handing it in again is harmless. The answer holds sealed parts for the \
                      one who packed it.",
            body: Some("A part of a bundle as its file has it, sealed to the registry"),
            success: (201, LAKOU_TYPE, "CarriedAnswer, CBOR"),
            is_signed: true,
            problems: &[BundleRefused, StorageFull],
        },
        "/v1/blobs/{sha256}" => Operation {
            summary: "A file of a publication by its SHA-256 in lower-case hex. Missing and forbidden are one answer.",
            body: None,
            success: (200, LAKOU_TYPE, "The file's bytes; the caller checks them against the hash"),
            is_signed: true,
            problems: &[NotFound, SeatRevoked, CertificateExpired],
        },
        "/v1/health" => Operation {
            summary: "Whether the server answers, and whether it is for practice.",
            body: None,
            success: (200, "application/json", "Health"),
            is_signed: false,
            problems: &[],
        },
        _ => Operation {
            summary: "This document.",
            body: None,
            success: (200, "application/json", "An OpenAPI 3.1 document"),
            is_signed: false,
            problems: &[],
        },
    }
}

pub(super) fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let at = paths.entry(route.path.to_owned()).or_insert_with(|| json!({}));
        at[route.method] = describe(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Lakou sync server",
            "version": "1",
            "description": "Bodies are CBOR as docs/PROTOCOL.md lays them down byte for byte. Every answer carries \
                            Lakou-Training: true in a training deployment. Unknown routes are not_found, known routes \
                            with another method method_not_allowed.",
        },
        "paths": paths,
        "components": {
            "schemas": { "Problem": problem_schema(), "Health": health_schema() },
            "securitySchemes": signature_schemes(),
        },
    })
}

fn describe(route: &Route) -> Value {
    let operation = operation(route.path);
    let mut described = json!({ "summary": operation.summary, "responses": responses(&operation) });
    if let Some(body) = operation.body {
        let content = json!({ "schema": { "type": "string", "format": "binary", "description": body } });
        let limit = if route.path == "/v1/bundles" { MAX_PART_BODY_BYTES } else { MAX_BODY_BYTES };
        described["requestBody"] = json!({
            "required": true,
            "description": format!("At most {limit} bytes."),
            "content": { LAKOU_TYPE: content.clone(), "application/octet-stream": content },
        });
    }
    if operation.is_signed {
        described["security"] =
            json!([{ "LakouSeat": [], "LakouLog": [], "LakouCounter": [], "LakouSignature": [] }]);
    }
    if route.path.contains("{sha256}") {
        described["parameters"] = json!([{
            "name": "sha256", "in": "path", "required": true,
            "schema": { "type": "string", "pattern": "^[0-9a-f]{64}$" },
        }]);
    }
    described
}

fn responses(operation: &Operation) -> Value {
    let (status, media, what) = operation.success;
    let schema = match what {
        "Health" => json!({ "$ref": "#/components/schemas/Health" }),
        _ if media == LAKOU_TYPE => json!({ "type": "string", "format": "binary" }),
        _ => json!({ "type": "object" }),
    };
    let mut responses = Map::new();
    let success = json!({ "description": what, "content": { media: { "schema": schema } } });
    responses.insert(status.to_string(), success);
    let mut problems: Vec<Problem> = operation.problems.to_vec();
    problems.extend(operation.body.map_or(&[][..], |_| BODY));
    problems.extend(if operation.is_signed { SIGNED } else { &[] });
    problems.extend(COMMON);
    for problem in problems {
        add_problem(&mut responses, problem);
    }
    Value::Object(responses)
}

/// Problems of one status share a response, whose description names each code.
fn add_problem(responses: &mut Map<String, Value>, problem: Problem) {
    let response = responses.entry(problem.status().to_string()).or_insert_with(|| {
        let mut response = json!({
            "description": "",
            "content": { PROBLEM_TYPE: { "schema": { "$ref": "#/components/schemas/Problem" } } },
        });
        if matches!(problem, Problem::Busy | Problem::TooManyRequests) {
            response["headers"] = json!({ "Retry-After": {
                "schema": { "type": "integer" },
                "description": format!("Seconds to wait: {RETRY_AFTER_SECONDS}."),
            } });
        }
        response
    });
    let named = response["description"].as_str().unwrap_or_default();
    let separator = if named.is_empty() { "" } else { "; " };
    response["description"] = json!(format!("{named}{separator}{}: {}", problem.code(), problem.title()));
}

fn problem_schema() -> Value {
    let codes: Vec<&str> = Problem::ALL.iter().map(|problem| problem.code()).collect();
    json!({
        "type": "object",
        "required": ["type", "title", "status", "code"],
        "properties": {
            "type": { "type": "string", "format": "uri" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "code": { "type": "string", "enum": codes },
            "counter": {
                "type": "integer",
                "description": "With request_refused, for a repeated counter: the last one taken of the seat",
            },
        },
    })
}

fn health_schema() -> Value {
    json!({
        "type": "object",
        "required": ["status", "training"],
        "properties": { "status": { "type": "string", "const": "ok" }, "training": { "type": "boolean" } },
    })
}

fn signature_schemes() -> Value {
    let header = |name: &str, description: &str| json!({ "type": "apiKey", "in": "header", "name": name, "description": description });
    json!({
        "LakouSeat": header("Lakou-Seat", "The seat's id, base32."),
        "LakouLog": header("Lakou-Log", "The log the device follows, base32; 16 zero bytes before it knows one."),
        "LakouCounter": header("Lakou-Counter", "A decimal that rises with every request of the seat."),
        "LakouSignature": header(
            "Lakou-Signature",
            "Ed25519 in lower-case hex over method, path and query as sent, SHA-256 of the body, log and counter.",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_every_route_and_every_problem() {
        let document = document();
        for route in ROUTES {
            assert!(document["paths"][route.path][route.method].is_object(), "{}", route.path);
        }
        let text = document.to_string();
        // Answered outside any route.
        let elsewhere = [Problem::MethodNotAllowed];
        for problem in Problem::ALL.iter().filter(|problem| !elsewhere.contains(problem)) {
            assert!(text.contains(&format!("{}: ", problem.code())), "{problem:?} is of no route");
        }
    }
}
