//! docs/guide-protect-a-service.md shows what compiles.

#[test]
fn the_guide_shows_the_service_that_is_compiled_and_tested() {
    let guide = include_str!("../../../../docs/guide-protect-a-service.md");
    let (_header, service) = include_str!("../../examples/ten_minutes.rs").split_once("\n\n").unwrap();
    assert!(guide.contains(&format!("```rust\n{service}```\n")), "the guide shows another one");
}
