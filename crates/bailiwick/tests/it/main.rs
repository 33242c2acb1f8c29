//! The program as people start it: child processes, real sockets, real files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what fails here fails the test, and says where"
)]

mod administration; // units, roles, APIs, clients and grants by command
mod client; // somebody with cookies and a token
mod command_line; // commands beside a running server
mod configuration; // what is refused before anything starts
mod demo; // one command, a running organisation
mod demo_folder; // what a demo keeps, and what happens to it
mod demo_nodes; // two demos, one PostgreSQL
mod doctor; // what it says of machine, configuration and database
mod full_disk; // no room left
mod kill; // SIGKILL at any moment
mod log; // what the audit log must be, whatever happened
mod other_languages; // middleware of others against the server
mod people; // people and their sessions by command
mod profile; // profiles shown, tried and applied by command
mod program; // starting, reading and ending processes
mod refresh_nodes; // one of two nodes killed among many refreshes
mod revoked; // tokens that a service refuses although they have not expired
mod schemathesis; // calls made from openapi.json, also ones that violate it
mod serve; // the server of an organisation
mod site; // a folder with a configuration, set up and ready to serve
mod traffic; // grants as traffic
mod walk; // the README's walk, with the clinic beside the server
