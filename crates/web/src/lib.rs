//! How it is reached: the JSON API, the documents that resource servers read, pages for people.

pub mod api; // JSON, under /api/v1
pub mod config; // what the surface is told at start
pub mod evaluation; // decisions (AuthZEN)
pub mod http; // conventions: requests, problems, bodies, headers, cookies, cross-site rules
pub mod oauth; // tokens for services, revocation, introspection
pub mod openapi; // the document, made from the table
pub mod operations; // health and metrics, on their own listener
pub mod pages; // pages as routes
pub mod qr; // QR codes as SVG
mod router;
pub mod table; // the one way to mount a route: with its permission
pub mod view; // pages as typed structs
pub mod well_known; // keys, metadata, the roles catalogue

pub use api::event_document;
pub use config::{Config, Demo, DemoPerson, Web};
pub use router::{Service, document, endpoints, router, service};
pub use service::App;

/// The example of each operation, by method and path: what a test asked, and what the server answered.
#[must_use]
pub fn examples() -> &'static std::collections::BTreeMap<String, serde_json::Value> {
    &openapi::example::EXAMPLES
}

/// A code of the closed list of problems, for the reference.
#[derive(Clone, Copy, Debug)]
pub struct ProblemCode {
    /// The stable name.
    pub name: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// For people.
    pub title: &'static str,
    /// What to do.
    pub explanation: &'static str,
}

/// The closed list of problems.
pub fn problem_codes() -> impl Iterator<Item = ProblemCode> {
    wire::problem::Code::ALL.into_iter().map(|code| ProblemCode {
        name: code.as_str(),
        status: code.status(),
        title: code.title(),
        explanation: code.explanation(),
    })
}
