//! The three doors, as the compiler sees them: each file in `compile_fail` must not build, for the reason in its `.stderr`.

#[test]
fn compile_fail_the_three_doors_stay_shut() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/compile_fail/*.rs");
}
