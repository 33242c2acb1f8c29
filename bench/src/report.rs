//! Lines with their targets, for people or as JSON.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program whose product is what it prints")]

use serde_json::json;

/// What a figure should be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

/// One figure.
#[derive(Debug)]
pub(crate) struct Figure<'a> {
    /// The measurement.
    pub(crate) name: &'a str,
    /// What was measured.
    pub(crate) what: &'a str,
    /// The figure.
    pub(crate) value: f64,
    /// Its unit.
    pub(crate) unit: &'a str,
    /// What it should be; none: it stands beside another one.
    pub(crate) target: Option<Target>,
}

/// Where figures go.
#[derive(Debug)]
pub(crate) struct Report {
    json: bool,
}

impl Report {
    pub(crate) fn new(json: bool) -> Self {
        if !json {
            println!("{:<17} {:<62} {:>14} {:<12} {:>10}", "measurement", "what", "value", "unit", "target");
        }
        Self { json }
    }

    /// Prints a figure that has a target.
    pub(crate) fn judged(&self, name: &str, what: &str, value: f64, unit: &str, target: Target) {
        self.print(&Figure { name, what, value, unit, target: Some(target) });
    }

    /// Prints a figure that stands beside another.
    pub(crate) fn beside(&self, name: &str, what: &str, value: f64, unit: &str) {
        self.print(&Figure { name, what, value, unit, target: None });
    }

    fn print(&self, figure: &Figure<'_>) {
        let Figure { name, what, value, unit, target } = figure;
        let (sign, bound, met) = match target {
            Some(Target::AtLeast(bound)) => (">=", Some(*bound), *value >= *bound),
            Some(Target::AtMost(bound)) => ("<=", Some(*bound), *value <= *bound),
            None => ("", None, true),
        };
        if self.json {
            let judged = bound.map(|_| if met { "met" } else { "missed" });
            let line = json!({ "name": name, "what": what, "value": value, "unit": unit, "sign": sign, "target": bound, "result": judged });
            println!("{line}");
        } else {
            let target = bound.map_or(String::new(), |bound| format!("{sign} {}", short(bound)));
            let result = bound.map_or("", |_| if met { "met" } else { "MISSED" });
            println!("{name:<17} {what:<62} {:>14} {unit:<12} {target:>10}  {result}", short(*value));
        }
    }
}

/// Three or four digits that mean something.
fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 1000.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

/// Says what went wrong.
pub(crate) fn complain(text: &str) {
    eprintln!("bench: {text}");
}
