//! Conventions of the surface (api.md).

pub mod body; // JSON bodies, strictly
pub mod cookie; // the four cookies
pub mod credentials; // of clients and APIs
pub mod cross_site; // what another site may cause: nothing
pub mod form; // forms of pages
pub mod header; // security headers
pub mod language; // which language a page speaks
pub mod page; // lists: limit and cursor
pub mod path; // path parameters
pub mod prefer; // what a client would rather be answered
pub mod problem; // refusals
pub mod query; // query parameters, strictly; and writing them
pub mod request; // realm, request id, client address, host
pub mod version; // ETag and If-Match
