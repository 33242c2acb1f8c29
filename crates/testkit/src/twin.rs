//! The second realm, of which nothing may be seen or touched.
