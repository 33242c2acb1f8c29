//! One's own account: who one is, what one may do, where one is signed in.

use askama::Template;

use super::{GrantView, Moment, SAMPLE_NOW, Say};

/// `GET /account`. Its forms post to `/sign-out` and `/account/sessions/{id}/end`.
#[derive(Clone, Debug, Template)]
#[template(path = "account.html")]
pub struct Account {
    /// The realm's prefix.
    pub base: String,
    /// Where the account is.
    pub organisation: String,
    /// Who it is.
    pub name: String,
    /// What they sign in with.
    pub username: String,
    /// Their home unit, for people; `None`: everywhere.
    pub unit: Option<String>,
    /// What to tell first.
    pub notice: Option<AccountNotice>,
    /// Their roles.
    pub grants: Vec<GrantView>,
    /// Their sessions that are not over; the present one first.
    pub devices: Vec<DeviceView>,
    /// What they sign in with.
    pub sign_in: Vec<FactorView>,
    /// What the forms are signed with.
    pub csrf: String,
}

/// What to tell first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountNotice {
    /// A device was signed out.
    DeviceEnded,
    /// It was signed out already.
    DeviceGone,
    /// The form was too old.
    Expired,
}

/// A session.
#[derive(Clone, Debug)]
pub struct DeviceView {
    /// The session's id.
    pub id: String,
    /// What it looks like.
    pub icon: DeviceIcon,
    /// Its name, or what runs on it: "Chromium on Windows".
    pub title: String,
    /// What runs on it, if the title does not say so.
    pub software: Option<String>,
    /// Whether it is this one.
    pub current: bool,
    /// Whether somebody is there.
    pub state: DeviceState,
    /// Signed in since.
    pub since: Moment,
    /// Signed in until, at the most.
    pub ends: Moment,
}

/// What a device looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceIcon {
    /// A screen, or not known.
    Desktop,
    /// A tablet.
    Tablet,
    /// A phone.
    Phone,
}

impl DeviceIcon {
    /// Its name among the icons.
    fn name(self) -> &'static str {
        match self {
            Self::Desktop => "desktop",
            Self::Tablet => "tablet",
            Self::Phone => "phone",
        }
    }
}

/// Whether somebody is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// In the last two minutes.
    ActiveNow,
    /// "2 hours ago".
    Active(Moment),
    /// "yesterday 22:10".
    Locked(Moment),
}

impl DeviceView {
    fn locked(&self) -> bool {
        matches!(self.state, DeviceState::Locked(_))
    }
}

impl DeviceState {
    /// Of a session that was last used at `last_active` and locks at `idle_at`.
    #[must_use]
    pub fn of(now: i64, last_active: i64, idle_at: i64) -> Self {
        if now >= idle_at {
            Self::Locked(Moment::at(now, idle_at))
        } else if now.saturating_sub(last_active) < 120 {
            Self::ActiveNow
        } else {
            Self::Active(Moment::ago(now, last_active))
        }
    }
}

/// What somebody signs in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FactorView {
    /// A password, and when it was chosen.
    Password(Moment),
}

impl Account {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(&str::to_owned)
    }

    pub(super) fn sample_of(say: Say<'_>) -> Self {
        const HOUR: i64 = 3600;
        let now = SAMPLE_NOW;
        let device =
            |number: u8, icon, title, software: Option<&str>, (active, idle, since): (i64, i64, i64)| DeviceView {
                id: say(&format!("0193510e-0000-7000-8000-00000000000{number}")),
                icon,
                title: say(title),
                software: software.map(say),
                current: number == 1,
                state: DeviceState::of(now, now + active, now + idle),
                since: Moment::at(now, now + since),
                ends: Moment::at(now, now + since + 24 * HOUR),
            };
        Self {
            base: say(""),
            organisation: say("Havelmoor Clinic"),
            name: say("Ines Tallmark"),
            username: say("ines.tallmark"),
            unit: Some(say("Ward 7, Medicine")),
            notice: Some(AccountNotice::DeviceEnded),
            grants: GrantView::samples(say, now),
            devices: vec![
                device(1, DeviceIcon::Tablet, "Ward 3 tablet", Some("Chromium on Android"), (-9, 900, -8 * HOUR)),
                device(2, DeviceIcon::Desktop, "Chromium on Windows", None, (-17 * HOUR, -16 * HOUR, -20 * HOUR)),
                device(3, DeviceIcon::Phone, "Ines’s phone", Some("Safari on iOS"), (-2 * HOUR, 60, -3 * HOUR)),
            ],
            sign_in: vec![FactorView::Password(Moment::date(now, now - 193 * 24 * HOUR))],
            csrf: say("csrf"),
        }
    }
}
