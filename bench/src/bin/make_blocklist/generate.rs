//! What people make of a common password to reach twelve or fifteen characters. Each rule is a line in docs/blocklist.md.

/// Longest that is made.
const MOST: usize = 24;
/// Common passwords that get digits, or are doubled.
const BASES: usize = 3000;
/// Common passwords that get years and tails.
const FEW_BASES: usize = 300;
/// Common passwords that are put together in pairs.
const PAIRED: usize = 200;

const WALKS: &[&str] = &[
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertyuiop[]asdfghjkl;'zxcvbnm,./",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1234567890qwertyuiopasdfghjklzxcvbnm",
    "1234567890-=qwertyuiop[]",
    "abcdefghijklmnopqrstuvwxyz",
    "abcdefghijklmnopqrstuvwxyz0123456789",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "q1w2e3r4t5y6u7i8o9p0",
    "1q2w3e4r5t6y7u8i9o0p",
    "a1b2c3d4e5f6g7h8i9j0",
    "zaq12wsxcde34rfvbgt56yhnmju78ik,",
    "!@#$%^&*()_+",
    "1!2@3#4$5%6^7&8*9(0)",
];

const WORDS: &[&str] = &[
    "winter",
    "spring",
    "summer",
    "autumn",
    "january",
    "february",
    "march",
    "april",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "hospital",
    "clinic",
    "doctor",
    "nurse",
    "medical",
    "patient",
    "health",
    "healthcare",
    "insurance",
    "pharmacy",
    "company",
    "business",
    "office",
    "employee",
    "manager",
    "administrator",
    "sysadmin",
    "superuser",
    "helpdesk",
    "support",
    "account",
    "security",
    "secure",
    "private",
    "access",
    "login",
    "signin",
    "default",
    "temporary",
    "welcome",
    "changeme",
    "database",
    "server",
    "system",
    "internet",
    "computer",
    "network",
    "service",
    "keyboard",
    "letmein",
];

const TAILS: &[&str] = &[
    "!",
    "!!",
    "!!!",
    ".",
    "?",
    "#",
    "@",
    "*",
    "$",
    "1!",
    "12!",
    "123!",
    "1234!",
    "12345!",
    "@1",
    "@12",
    "@123",
    "@1234",
    "#1",
    "#123",
    "_123",
    "-123",
    "abc",
    "abc123",
    "qwerty",
    "qwerty123",
];

/// Everything that the rules make.
pub(super) fn all(common: &[String]) -> impl Iterator<Item = String> {
    let mut bases: Vec<&str> = WORDS.to_vec();
    bases.extend(common.iter().take(BASES).map(String::as_str));
    let few = &bases[..bases.len().min(FEW_BASES + WORDS.len())];
    let mut made = Vec::new();
    for base in &bases {
        with_digits(base, &mut made);
        repeated(base, &mut made);
    }
    for base in few {
        with_years_and_tails(base, &mut made);
    }
    let paired: Vec<&str> = common.iter().take(PAIRED).map(String::as_str).collect();
    for (first, second) in paired.iter().flat_map(|first| paired.iter().map(move |second| (first, second))) {
        made.extend(["", " "].map(|between| format!("{first}{between}{second}")));
    }
    walks(&mut made);
    phrases(&mut made);
    made.into_iter().filter(|one| one.chars().count() >= 12)
}

/// `password12345678`, `password00000000`, `12345678password`, up to [`MOST`] characters.
fn with_digits(base: &str, made: &mut Vec<String>) {
    let room = MOST.saturating_sub(base.chars().count());
    for length in 1..=room.min(16) {
        let counted: String = "1234567890".chars().cycle().take(length).collect();
        made.push(format!("{base}{counted}"));
        made.push(format!("{counted}{base}"));
        made.push(format!("{base}{}", "0".repeat(length)));
        made.push(format!("{base}{}", "1".repeat(length)));
        made.push(format!("{base}{}", "!".repeat(length)));
    }
}

/// `passwordpassword`, `password password`, two to six times.
fn repeated(base: &str, made: &mut Vec<String>) {
    for times in 2..=6 {
        for between in ["", " ", "-"] {
            let whole = vec![base; times].join(between);
            if whole.chars().count() <= 48 {
                made.push(format!("{whole}1"));
                made.push(format!("{whole}123"));
                made.push(format!("{whole}!"));
                made.push(whole);
            }
        }
    }
}

/// `password2026`, `password2026!`, `2026password`, `passwordpassword!`, and the tails alone.
fn with_years_and_tails(base: &str, made: &mut Vec<String>) {
    for year in 1960..=2032 {
        made.extend(["", "!"].map(|tail| format!("{base}{year}{tail}")));
        made.extend(["@", "-"].map(|between| format!("{base}{between}{year}")));
        made.push(format!("{year}{base}"));
    }
    for tail in TAILS {
        made.push(format!("{base}{tail}"));
        made.push(format!("{base}{base}{tail}"));
    }
}

/// Any 12 to 40 keys in a row, forwards, backwards, round and round; one to four keys over and over.
fn walks(made: &mut Vec<String>) {
    for walk in WALKS {
        let forwards: Vec<char> = walk.chars().collect();
        let backwards: Vec<char> = walk.chars().rev().collect();
        for keys in [forwards, backwards] {
            for start in 0..keys.len() {
                let round: String = keys.iter().cycle().skip(start).take(40).collect();
                let cut = |length: usize| round.chars().take(length).collect::<String>();
                made.extend((12..=40).map(cut));
                // The first few of them again and again: `qwertyqwerty`, `123412341234`.
                for few in 1..=10.min(keys.len()) {
                    let whole: String = cut(few).chars().cycle().take(40).collect();
                    made.extend((12..=40).map(|length| whole.chars().take(length).collect::<String>()));
                }
            }
        }
    }
}

/// Sentences that everybody knows, with and without what separates their words.
fn phrases(made: &mut Vec<String>) {
    for phrase in include_str!("phrases.txt").lines() {
        let plain = phrase.replace('\'', "");
        for between in [" ", "", "-", "_", "."] {
            for one in [phrase, &plain] {
                let one = one.replace(' ', between);
                made.extend(["", "!", ".", "?", "1", "123", "1!", "2025", "2026"].map(|tail| format!("{one}{tail}")));
            }
        }
    }
}
