//! An event as a sentence: who did what to whom.

use domain::event::EventType;

use super::events::Who;
use super::{Frame, Message, Say};

/// What a sentence is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// What kind of thing happened.
    pub kind: EventType,
    /// Who did it.
    pub actor: Who,
    /// Name of what it is about; `None`: it is about nobody, or the name was erased.
    pub subject: Option<String>,
    /// Display name of the role.
    pub role: Option<String>,
    /// Name of the unit; `None`: everywhere.
    pub unit: Option<String>,
    /// The permission that was missing.
    pub missing: Option<String>,
    /// How often.
    pub count: i64,
}

impl Said {
    pub(super) fn message(&self, frame: &Frame) -> Message {
        let erased = || frame.say("who-erased").to_string();
        let message = frame.say(self.key()).put("actor", self.actor.name(frame));
        let message = message.put("subject", self.subject.clone().unwrap_or_else(erased)).put("count", self.count);
        let unit = self.unit.clone().unwrap_or_else(|| frame.say("everywhere").to_string());
        let message = message.put("role", self.role.clone().unwrap_or_default()).put("unit", unit);
        message.put("missing", self.missing.clone().unwrap_or_default())
    }

    fn key(&self) -> &'static str {
        match self.kind {
            EventType::AuthnLoginFail if self.subject.is_none() => "event-login-fail-unknown",
            EventType::RoleGranted if self.unit.is_none() => "event-role-granted-everywhere",
            EventType::RoleRevoked if self.unit.is_none() => "event-role-revoked-everywhere",
            kind => key(kind),
        }
    }

    pub(super) fn sample_of(kind: EventType, say: Say<'_>) -> Self {
        Self {
            kind,
            actor: Who::Person(Some(say("Jonah Brandvik"))),
            subject: Some(say("Ines Tallmark")),
            role: Some(say("Nurse")),
            unit: Some(say("Ward 3")),
            missing: Some(say("charts:read")),
            count: 3,
        }
    }
}

const fn key(kind: EventType) -> &'static str {
    match kind {
        EventType::AuthnLoginSuccess => "event-login",
        EventType::AuthnLoginFail => "event-login-fail",
        EventType::AuthnLoginLock => "event-login-lock",
        EventType::AuthnPasswordChange => "event-password-change",
        EventType::AuthnTokenReuse => "event-token-reuse",
        EventType::AuthnTokenRevoked => "event-token-revoked",
        EventType::AuthnImpossibleTravel => "event-travel",
        EventType::AuthzFail => "event-refused",
        EventType::ExcessRateLimitExceeded => "event-rate-limit",
        EventType::MaliciousCsrf => "event-csrf",
        EventType::ActivationCodeIssued => "event-activation-code",
        EventType::PasswordChangeRequired => "event-password-required",
        EventType::PasswordResetRequested => "event-reset-requested",
        EventType::PasswordReset => "event-reset",
        EventType::PolicyChanged => "event-policy",
        EventType::KeyRotated => "event-key",
        EventType::StepUp => "event-step-up",
        EventType::FactorEnrolled => "event-factor-enrolled",
        EventType::FactorUpdated => "event-factor-updated",
        EventType::FactorRemoved => "event-factor-removed",
        EventType::RecoveryCodeUsed => "event-recovery-code",
        EventType::RealmCreated => "event-realm",
        EventType::ProfileApplied => "event-profile",
        EventType::ImportDone => "event-import",
        EventType::AuditRead => "event-audit-read",
        EventType::AuditExported => "event-audit-exported",
        EventType::AuditPersonalErased => "event-erased",
        EventType::ServerStarted => "event-started",
        EventType::ServerStopped => "event-stopped",
        kind => of_administration(kind),
    }
}

/// What administrators do, and what happens to sessions.
const fn of_administration(kind: EventType) -> &'static str {
    match kind {
        EventType::UserCreated => "event-user-created",
        EventType::UserUpdated => "event-user-updated",
        EventType::UserDisabled => "event-user-disabled",
        EventType::UserEnabled => "event-user-enabled",
        EventType::UserUnlocked => "event-user-unlocked",
        EventType::UserDeleted => "event-user-deleted",
        EventType::UserActivated => "event-user-activated",
        EventType::UserLockedDown => "event-user-locked-down",
        EventType::RoleCreated => "event-role-created",
        EventType::RoleUpdated => "event-role-updated",
        EventType::RoleDeleted => "event-role-deleted",
        EventType::RoleGranted => "event-role-granted",
        EventType::RoleRevoked => "event-role-revoked",
        EventType::PermissionCreated => "event-permission-created",
        EventType::PermissionDeleted => "event-permission-deleted",
        EventType::ApiCreated => "event-api-created",
        EventType::ApiUpdated => "event-api-updated",
        EventType::ApiDeleted => "event-api-deleted",
        EventType::ApiSecretCreated => "event-api-secret",
        EventType::UnitCreated => "event-unit-created",
        EventType::UnitUpdated => "event-unit-updated",
        EventType::UnitDeleted => "event-unit-deleted",
        EventType::ClientCreated => "event-client-created",
        EventType::ClientUpdated => "event-client-updated",
        EventType::ClientDeleted => "event-client-deleted",
        EventType::ClientSecretCreated => "event-client-secret",
        EventType::SessionCreated => "event-session-created",
        EventType::SessionRenewed => "event-session-renewed",
        EventType::SessionLocked => "event-session-locked",
        EventType::SessionUnlocked => "event-session-unlocked",
        EventType::SessionEnded => "event-session-ended",
        EventType::SessionExpired => "event-session-expired",
        // Every other one has its sentence above; one that comes new shows its type until it gets one, and the test below fails.
        _ => "event-unnamed",
    }
}

#[cfg(test)]
mod tests {
    use super::super::Language;
    use super::*;

    #[test]
    fn every_type_of_event_has_a_sentence_in_each_language() {
        for language in Language::ALL {
            let frame = Frame { language, ..Frame::default() };
            let mut seen = std::collections::BTreeSet::new();
            for kind in EventType::ALL {
                let said = Said::sample_of(*kind, &str::to_owned).message(&frame).to_string();
                assert!(!said.contains('\u{27e6}') && !said.contains("{$"), "{kind:?}: {said}");
                assert_ne!(key(*kind), "event-unnamed", "{kind:?} has no sentence");
                assert!(seen.insert(said), "{kind:?} says what another one says");
            }
        }
    }

    #[test]
    fn a_name_that_was_erased_is_said_to_be() {
        let said = Said {
            actor: Who::Person(None),
            subject: None,
            ..Said::sample_of(EventType::UserDisabled, &str::to_owned)
        };

        assert_eq!(
            said.message(&Frame::default()).to_string(),
            "(name erased) disabled the account of <b>(name erased)</b>"
        );
    }
}
