//! All statements of the crate, found in its sources: each literal in `sql!(…)`, and those that `Composed` puts together.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A literal and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Literal {
    /// The file, below `src`.
    pub(crate) file: String,
    /// The line on which it begins.
    pub(crate) line: usize,
    /// Its text, with escapes read.
    pub(crate) text: String,
}

/// What a source consists of, as far as we look.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Mark(char),
}

/// Statements: what stands in `sql!(…)`.
pub(crate) fn statements() -> Vec<Literal> {
    found(|before| matches!(before, [.., Token::Word(name), Token::Mark('!'), Token::Mark('(')] if name == "sql"))
}

/// `Sql::literal(…)` outside of `sql!`: for what has no twin on the other database.
pub(crate) fn unchecked() -> Vec<Literal> {
    found(
        |before| matches!(before, [.., Token::Word(sql), Token::Mark(':'), Token::Mark(':'), Token::Word(name), Token::Mark('(')] if sql == "Sql" && name == "literal"),
    )
}

/// Parts of composed statements.
pub(crate) fn parts() -> Vec<Literal> {
    found(|before| match before {
        [.., Token::Word(of), Token::Mark(':'), Token::Mark(':'), Token::Word(name), Token::Mark('(')] => {
            of == "Composed" && name == "new"
        }
        [.., Token::Mark('.'), Token::Word(name), Token::Mark('(')] => {
            ["add", "and", "within"].contains(&name.as_str())
        }
        _ => false,
    })
}

/// How often `sql!` is called with something that is not a literal: the test that reads them would miss it.
pub(crate) fn hidden() -> Vec<String> {
    let mut hidden = Vec::new();
    for (file, source) in sources() {
        let tokens = tokens(&source);
        for window in tokens.windows(4) {
            let [(_, Token::Word(name)), (_, Token::Mark('!')), (line, Token::Mark('(' | '[' | '{')), (_, next)] =
                window
            else {
                continue;
            };
            if name == "sql" && !matches!(next, Token::Text(_)) {
                hidden.push(format!("{file}:{line}"));
            }
        }
    }
    hidden
}

/// Functions that put a statement together, as `file::function`.
pub(crate) fn composing() -> BTreeSet<String> {
    let mut composing = BTreeSet::new();
    for (file, source) in sources().into_iter().filter(|(file, _)| file != "db/sql.rs") {
        let tokens: Vec<Token> = tokens(&source).into_iter().map(|(_, token)| token).collect();
        let mut function = "";
        for window in tokens.windows(4) {
            match window {
                [Token::Word(word), Token::Word(name), ..] if word == "fn" => function = name,
                [Token::Word(of), Token::Mark(':'), Token::Mark(':'), Token::Word(name)]
                    if of == "Composed" && name == "new" =>
                {
                    composing.insert(format!("{}::{function}", file.trim_end_matches(".rs").replace('/', "::")));
                }
                _ => {}
            }
        }
    }
    composing
}

fn found(wanted: impl Fn(&[Token]) -> bool) -> Vec<Literal> {
    let mut found = Vec::new();
    for (file, source) in sources() {
        let (lines, tokens): (Vec<usize>, Vec<Token>) = tokens(&source).into_iter().unzip();
        for (at, token) in tokens.iter().enumerate() {
            if let Token::Text(text) = token
                && wanted(&tokens[..at])
            {
                found.push(Literal { file: file.clone(), line: lines[at], text: text.clone() });
            }
        }
    }
    found
}

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let name = |file: &PathBuf| file.strip_prefix(&root).expect("below src").display().to_string();
    files.iter().map(|file| (name(file), fs::read_to_string(file).expect("a source"))).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

/// Words, marks and strings with their lines; comments, numbers' insides and characters do not matter.
fn tokens(source: &str) -> Vec<(usize, Token)> {
    let characters: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < characters.len() {
        let (start, rest) = (at, &characters[at..]);
        let token = match rest {
            ['/', '/', ..] => {
                at += rest.iter().position(|c| *c == '\n').unwrap_or(rest.len());
                None
            }
            ['/', '*', ..] => {
                at += comment(rest);
                None
            }
            ['r', '"' | '#', ..] if raw(rest).is_some() => {
                let (text, length) = raw(rest).unwrap();
                at += length;
                Some(Token::Text(text))
            }
            ['"', ..] => {
                let (text, length) = string(rest);
                at += length;
                Some(Token::Text(text))
            }
            // A character, not a lifetime.
            ['\'', '\\', ..] => {
                at += 2 + rest[2..].iter().skip(1).position(|c| *c == '\'').expect("the end of a character") + 2;
                None
            }
            ['\'', _, '\'', ..] => {
                at += 3;
                None
            }
            [first, ..] if first.is_alphanumeric() || *first == '_' => {
                let word: String = rest.iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
                at += word.chars().count();
                Some(Token::Word(word))
            }
            [first, ..] => {
                at += 1;
                (!first.is_whitespace()).then_some(Token::Mark(*first))
            }
            [] => None,
        };
        tokens.extend(token.map(|token| (line, token)));
        line += characters[start..at].iter().filter(|c| **c == '\n').count();
    }
    tokens
}

/// The length of a comment, which may hold others.
fn comment(text: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match text[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// `r"…"`, `r#"…"#`: the text and its whole length.
fn raw(text: &[char]) -> Option<(String, usize)> {
    let marks = text[1..].iter().take_while(|c| **c == '#').count();
    let start = 1 + marks;
    if text.get(start) != Some(&'"') {
        return None;
    }
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', marks)).collect();
    let length = text[start + 1..].windows(end.len()).position(|window| window == end)?;
    Some((text[start + 1..start + 1 + length].iter().collect(), start + 1 + length + end.len()))
}

/// `"…"` with its escapes: the text and its whole length.
fn string(text: &[char]) -> (String, usize) {
    let (mut read, mut at) = (String::new(), 1);
    while text[at] != '"' {
        if text[at] != '\\' {
            read.push(text[at]);
            at += 1;
            continue;
        }
        at += 2;
        match text[at - 1] {
            'n' => read.push('\n'),
            't' => read.push('\t'),
            'r' => read.push('\r'),
            '0' => read.push('\0'),
            '\n' => at += text[at..].iter().take_while(|c| c.is_whitespace()).count(),
            'x' => {
                read.push(number(&text[at..at + 2]));
                at += 2;
            }
            'u' => {
                let length = text[at..].iter().position(|c| *c == '}').expect("the end of an escape");
                read.push(number(&text[at + 1..at + length]));
                at += length + 1;
            }
            other => read.push(other),
        }
    }
    (read, at + 1)
}

fn number(digits: &[char]) -> char {
    let digits: String = digits.iter().collect();
    u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32).expect("the number of a character")
}

#[test]
fn the_scanner_reads_strings_as_the_compiler_does() {
    let source = r##"
        // sql!("in a comment") '"'
        /* sql!("in /* another */ comment") */
        let a = '"'; let b = '\''; let c = b'\\'; fn f<'a>(x: &'a str) {}
        sql!(
            "SELECT \"index\" \
               FROM t
              WHERE x = $1"
        ); sql!(r#"raw "text""#);
        "sql!(\"in a string\")";
    "##;
    let tokens: Vec<(usize, Token)> = tokens(source);
    let texts = tokens.iter().filter_map(|(line, token)| match token {
        Token::Text(text) => Some((*line, text.as_str())),
        _ => None,
    });
    let texts: Vec<_> = texts.collect();

    assert_eq!(
        texts,
        [
            (6, "SELECT \"index\" FROM t\n              WHERE x = $1"),
            (9, "raw \"text\""),
            (10, "sql!(\"in a string\")"),
        ]
    );
}
