//! What inherits from what, drawn: rights flow along the lines, left to right.

use super::Frame;

/// A role that takes part in inheritance.
#[derive(Clone, Debug)]
pub struct TreeRole {
    /// Its display name.
    pub name: String,
    /// Places in the same list of those whose rights it gets.
    pub inherits: Vec<usize>,
    /// Whether the chosen role has its rights.
    pub on: bool,
}

/// The drawing.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    pub(super) width: i64,
    pub(super) height: i64,
    pub(super) nodes: Vec<Node>,
    pub(super) lines: Vec<Line>,
    inherits: Vec<(String, Vec<String>)>,
}

/// A role in the drawing.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) x: i64,
    pub(super) y: i64,
    pub(super) text_x: i64,
    pub(super) text_y: i64,
    pub(super) name: String,
    pub(super) on: bool,
}

/// From a role to one that gets its rights.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) path: String,
    pub(super) on: bool,
}

const COLUMN: i64 = 176;
const ROW: i64 = 36;
/// A name above a line has so much room.
const ROOM: usize = 24;

/// Column of each role: behind the last of those from which it inherits.
fn columns(roles: &[TreeRole]) -> Vec<i64> {
    fn of(roles: &[TreeRole], at: usize, known: &mut [Option<i64>]) -> i64 {
        if let Some(column) = known.get(at).copied().flatten() {
            return column;
        }
        let parents = roles.get(at).map(|role| role.inherits.as_slice()).unwrap_or_default();
        let column = parents.iter().map(|parent| of(roles, *parent, known) + 1).max().unwrap_or(0);
        if let Some(slot) = known.get_mut(at) {
            *slot = Some(column);
        }
        column
    }
    // The graph has no cycles: `RoleGraph::new` refuses them.
    let mut known = vec![None; roles.len()];
    (0..roles.len()).map(|at| of(roles, at, &mut known)).collect()
}

/// Heights: each role that nobody inherits from gets a row, each other one stands in the middle of its heirs.
fn heights(roles: &[TreeRole], columns: &[i64]) -> Vec<i64> {
    let main: Vec<Option<usize>> =
        roles.iter().map(|role| role.inherits.iter().copied().max_by_key(|at| columns.get(*at).copied())).collect();
    let heirs = |of: usize| (0..roles.len()).filter(|at| main.get(*at) == Some(&Some(of))).collect::<Vec<_>>();
    fn place(at: usize, heirs: &dyn Fn(usize) -> Vec<usize>, next: &mut i64, found: &mut [i64]) -> i64 {
        let rows: Vec<i64> = heirs(at).into_iter().map(|heir| place(heir, heirs, next, found)).collect();
        let y = match (rows.first(), rows.last()) {
            (Some(first), Some(last)) => i64::midpoint(*first, *last),
            _ => {
                *next += ROW;
                *next - ROW
            }
        };
        if let Some(slot) = found.get_mut(at) {
            *slot = y;
        }
        y
    }
    let (mut next, mut found) = (32, vec![0; roles.len()]);
    for at in (0..roles.len()).filter(|at| main.get(*at) == Some(&None)) {
        place(at, &heirs, &mut next, &mut found);
    }
    found
}

fn line((x, y): (i64, i64), (to_x, to_y): (i64, i64)) -> String {
    let (start, end, turn) = (x + 5, to_x - 5, to_x - 34);
    match to_y - y {
        0 => format!("M{start} {y}H{end}"),
        // Too near for two bends.
        -16..=16 => format!("M{start} {y}H{turn}L{} {to_y}H{end}", turn + 16),
        down => {
            let bend = if down > 0 { 8 } else { -8 };
            format!("M{start} {y}H{turn}q8 0 8 {bend}V{}q0 {bend} 8 {bend}H{end}", to_y - bend)
        }
    }
}

impl Tree {
    /// Draws roles; those that neither inherit nor are inherited from are left out by the caller.
    #[must_use]
    pub fn new(roles: &[TreeRole]) -> Self {
        let columns = columns(roles);
        let heights = heights(roles, &columns);
        let points: Vec<(i64, i64)> =
            columns.iter().zip(&heights).map(|(column, y)| (12 + column * COLUMN, *y)).collect();
        let has_heir = |at: usize| roles.iter().any(|role| role.inherits.contains(&at));
        let mut nodes = Vec::new();
        let mut lines = Vec::new();
        let mut inherits: Vec<(String, Vec<String>)> = Vec::new();
        for (at, (role, (x, y))) in roles.iter().zip(&points).enumerate() {
            let (inner, long) = (has_heir(at), role.name.chars().count() > ROOM);
            let name = if inner && long {
                role.name.chars().take(ROOM - 1).chain(['…']).collect()
            } else {
                role.name.clone()
            };
            // Above the line that goes on from it.
            let text_y = if inner { y - 8 } else { y + 4 };
            nodes.push(Node { x: *x, y: *y, text_x: x + 11, text_y, name, on: role.on });
            for parent in &role.inherits {
                let (Some(from), Some(parent_role)) = (points.get(*parent), roles.get(*parent)) else { continue };
                lines.push(Line { path: line(*from, (*x, *y)), on: role.on && parent_role.on });
                match inherits.iter_mut().find(|(name, _)| *name == parent_role.name) {
                    Some((_, heirs)) => heirs.push(role.name.clone()),
                    None => inherits.push((parent_role.name.clone(), vec![role.name.clone()])),
                }
            }
        }
        // What is set off is drawn last, over the others.
        lines.sort_by_key(|line| line.on);
        let width = points.iter().map(|(x, _)| x + 128).max().unwrap_or(0).max(640);
        let height = heights.iter().max().map_or(0, |y| y + 22);
        Self { width, height, nodes, lines, inherits }
    }

    /// Whether there is anything to draw.
    pub(super) const fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The whole drawing as sentences.
    pub(super) fn says(&self, frame: &Frame) -> String {
        let sentence = |(role, heirs): &(String, Vec<String>)| {
            let said = frame.say("tree-inherits").put("heirs", heirs.join(", ")).put("count", heirs.len());
            said.put("role", role).to_string()
        };
        self.inherits.iter().map(sentence).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str, inherits: &[usize]) -> TreeRole {
        TreeRole { name: name.to_owned(), inherits: inherits.to_vec(), on: false }
    }

    #[test]
    fn who_inherits_stands_right_of_whom_they_inherit_from() {
        let tree =
            Tree::new(&[role("charge-nurse", &[1]), role("nurse", &[2]), role("staff", &[]), role("billing", &[2])]);

        let at: Vec<(i64, i64)> = tree.nodes.iter().map(|node| (node.x, node.y)).collect();
        assert_eq!(at, [(364, 32), (188, 32), (12, 50), (188, 68)]);
        assert_eq!(tree.lines.len(), 3);
    }

    #[test]
    fn a_role_that_inherits_twice_has_two_lines_and_one_place() {
        let tree = Tree::new(&[role("a", &[]), role("b", &[0]), role("c", &[0]), role("d", &[1, 2])]);

        assert_eq!((tree.nodes.len(), tree.lines.len()), (4, 4));
        let mut places: Vec<(i64, i64)> = tree.nodes.iter().map(|node| (node.x, node.y)).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), 4, "none stands on another");
    }

    #[test]
    fn the_drawing_is_said_in_words() {
        let tree = Tree::new(&[role("Staff", &[]), role("Nurse", &[0]), role("Billing", &[0])]);

        assert_eq!(tree.says(&Frame::default()), "Nurse, Billing inherit from Staff.");
    }
}
