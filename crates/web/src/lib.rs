//! How it is reached: the JSON API, the documents that resource servers read, pages for people.

pub mod api; // JSON, under /api/v1
pub mod config; // what the surface is told at start
pub mod http; // conventions: requests, problems, bodies, headers, cookies, cross-site rules
pub mod openapi; // the document, made from the table
pub mod operations; // health and metrics, on their own listener
pub mod pages; // pages as routes
mod router;
pub mod table; // the one way to mount a route: with its permission
pub mod view; // pages as typed structs
pub mod well_known; // keys, metadata, the roles catalogue // everything put together

pub use config::{Config, Demo, DemoPerson, Web};
pub use router::{Service, router, service};
pub use service::App;
