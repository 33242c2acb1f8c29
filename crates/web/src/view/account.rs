//! One's own account: who one is, what one may do, where one is signed in.

use askama::Template;

use super::trouble::{Notice, Trouble};
use super::{FactorView, Frame, GrantView, Language, Message, Moment, RecoveryView, SAMPLE_NOW, Say};

/// `GET /account`. Its forms post to `/sign-out`, `/account/sessions/{id}/end` and `/account/sessions/end`.
#[derive(Clone, Debug, Template)]
#[template(path = "account.html")]
pub struct Account {
    /// What every page has.
    pub frame: Frame,
    /// Who it is.
    pub name: String,
    /// What they sign in with.
    pub username: String,
    /// Their home unit, for people; `None`: everywhere.
    pub unit: Option<String>,
    /// Whether there is something for them in the console.
    pub console: bool,
    /// What was done before.
    pub notice: Option<AccountNotice>,
    /// What they had better do; shown when there is no notice.
    pub recommended: Option<Recommended>,
    /// Their roles.
    pub grants: Vec<GrantView>,
    /// Their sessions that are not over; the present one first.
    pub devices: Vec<DeviceView>,
    /// When the password was chosen, if there is one.
    pub password: Option<Moment>,
    /// Their authenticators.
    pub factors: Vec<FactorView>,
    /// Their recovery codes, if they have an authenticator.
    pub recovery: Option<RecoveryView>,
    /// What the forms are signed with.
    pub csrf: String,
}

/// What was done before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountNotice {
    /// A device was signed out.
    DeviceEnded,
    /// All others were.
    OthersEnded,
    /// It was signed out already.
    DeviceGone,
    /// The form was too old.
    Expired,
    /// The password was changed.
    PasswordChanged,
    /// An authenticator was added.
    FactorAdded,
    /// An authenticator has another name.
    FactorRenamed,
    /// An authenticator was removed.
    FactorRemoved,
    /// It is confirmed that it is them.
    Confirmed,
}

/// What somebody had better do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recommended {
    /// Bind a first authenticator.
    AddFactor,
    /// Bind one more: there is only one (MFA-07).
    AddSecondFactor,
    /// Make recovery codes: there are none.
    MakeCodes,
}

/// A session.
#[derive(Clone, Debug)]
pub struct DeviceView {
    /// The session's id.
    pub id: String,
    /// What it looks like.
    pub icon: DeviceIcon,
    /// Its name, if it has one.
    pub label: Option<String>,
    /// "Chromium"; empty if it is not known.
    pub browser: String,
    /// "Windows"; empty if it is not known.
    pub os: String,
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
    /// Of what a `User-Agent` turned out to be: `phone`, `tablet`; all else has a screen.
    #[must_use]
    pub fn of(kind: &str) -> Self {
        match kind {
            "phone" => Self::Phone,
            "tablet" => Self::Tablet,
            _ => Self::Desktop,
        }
    }

    /// Its name among the icons.
    pub(super) const fn name(self) -> &'static str {
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
    /// "active 2 hours ago · since 06:34, ends tomorrow 06:34".
    fn when(&self, frame: &Frame) -> Message {
        let message = match &self.state {
            DeviceState::ActiveNow => frame.say("device-active-now"),
            DeviceState::Active(last) => frame.say("device-active").put("last", last),
            DeviceState::Locked(last) => frame.say("device-locked").put("last", last),
        };
        message.put("since", &self.since).put("ends", &self.ends)
    }

    /// "Chromium on Windows".
    fn software(&self, frame: &Frame) -> String {
        match (self.browser.as_str(), self.os.as_str()) {
            ("", "") => frame.say("device-unknown").to_string(),
            (one, "") | ("", one) => one.to_owned(),
            (browser, os) => frame.say("device-software").put("browser", browser).put("os", os).to_string(),
        }
    }

    fn title(&self, frame: &Frame) -> String {
        self.label.clone().unwrap_or_else(|| self.software(frame))
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

impl Account {
    /// With made-up content.
    #[must_use]
    pub fn sample() -> Self {
        Self::sample_of(Language::English, &str::to_owned)
    }

    pub(super) fn sample_of(language: Language, say: Say<'_>) -> Self {
        const HOUR: i64 = 3600;
        let now = SAMPLE_NOW;
        let device =
            |number: u8, icon, label: Option<&str>, (browser, os), (active, idle, since): (i64, i64, i64)| DeviceView {
                id: say(&format!("0193510e-0000-7000-8000-00000000000{number}")),
                icon,
                label: label.map(say),
                browser: say(browser),
                os: say(os),
                current: number == 1,
                state: DeviceState::of(now, now + active, now + idle),
                since: Moment::at(now, now + since),
                ends: Moment::at(now, now + since + 24 * HOUR),
            };
        let (tablet, phone) = (Some("Ward 3 tablet"), Some("Ines’s phone"));
        Self {
            frame: Frame::sample_of(language, say),
            name: say("Ines Tallmark"),
            username: say("ines.tallmark"),
            unit: Some(say("Ward 7, Medicine")),
            console: true,
            notice: None,
            recommended: Some(Recommended::AddSecondFactor),
            grants: GrantView::samples(say, now),
            devices: vec![
                device(1, DeviceIcon::Tablet, tablet, ("Chromium", "Android"), (-9, 900, -8 * HOUR)),
                device(2, DeviceIcon::Desktop, None, ("Chromium", "Windows"), (-17 * HOUR, -16 * HOUR, -20 * HOUR)),
                device(3, DeviceIcon::Phone, phone, ("Safari", "iOS"), (-2 * HOUR, 60, -3 * HOUR)),
            ],
            password: Some(Moment::date(now, now - 193 * 24 * HOUR)),
            factors: vec![FactorView::sample_of(say)],
            recovery: Some(RecoveryView { made: Some(Moment::date(now, now - 993 * 24 * HOUR)) }),
            csrf: say("csrf"),
        }
    }

    fn trouble(&self) -> Trouble {
        let (frame, base) = (&self.frame, &self.frame.base);
        let done = |key| Notice::done(frame.say(key));
        let link = |key, name, path: &str| Notice::advice(frame.say(key).link(name, format!("{base}{path}")));
        Trouble::above(match (self.notice, self.recommended) {
            (Some(AccountNotice::DeviceEnded), _) => done("device-ended"),
            (Some(AccountNotice::OthersEnded), _) => done("others-ended"),
            (Some(AccountNotice::DeviceGone), _) => Notice::plain(frame.say("device-gone")),
            (Some(AccountNotice::Expired), _) => Notice::later(frame.say("page-expired")),
            (Some(AccountNotice::PasswordChanged), _) => done("password-changed"),
            (Some(AccountNotice::FactorAdded), _) => done("factor-added"),
            (Some(AccountNotice::FactorRenamed), _) => done("factor-renamed"),
            (Some(AccountNotice::FactorRemoved), _) => done("factor-removed"),
            (Some(AccountNotice::Confirmed), _) => done("confirmed"),
            (None, Some(Recommended::AddFactor)) => link("recommend-factor", "add", "/account/second-factor/new"),
            (None, Some(Recommended::AddSecondFactor)) => {
                link("recommend-second-factor", "add", "/account/second-factor/new")
            }
            (None, Some(Recommended::MakeCodes)) => link("recommend-codes", "make", "/account/recovery-codes"),
            (None, None) => return Trouble::None,
        })
    }
}
