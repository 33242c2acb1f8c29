//! The closed list of event types; `docs/audit-events.md` is generated from it.

macro_rules! event_types {
    ($($variant:ident = $name:literal, $says:literal;)*) => {
        /// What kind of thing happened: the OWASP logging vocabulary where it has a word, its style elsewhere (AUD-03).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventType { $(#[doc = $says] $variant,)* }

        impl EventType {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As stored and sent.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it means.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $says,)* }
            }
        }
    };
}

event_types! {
    AuthnLoginSuccess = "authn_login_success", "Somebody signed in.";
    AuthnLoginFail = "authn_login_fail", "A sign-in failed: unknown identifier, wrong password, disabled account, wrong client secret.";
    AuthnLoginLock = "authn_login_lock", "Failures in a row began or lengthened a wait for an account.";
    AuthnPasswordChange = "authn_password_change", "A person changed their password.";
    AuthnTokenReuse = "authn_token_reuse", "A refresh token was used again after it was replaced: a copy exists. The session was ended.";
    AuthnTokenRevoked = "authn_token_revoked", "A token was revoked.";
    AuthnImpossibleTravel = "authn_impossible_travel", "Two sign-ins too far apart for the time between them.";
    AuthzFail = "authz_fail", "A signed-in caller lacked a permission.";
    ExcessRateLimitExceeded = "excess_rate_limit_exceeded", "Attempts were refused by a throttle; one event per key and minute, with a count.";
    MaliciousCsrf = "malicious_csrf", "A request that another site caused was refused; counted like a throttle.";
    UserCreated = "user_created", "A person was created or invited.";
    UserUpdated = "user_updated", "A person's data changed.";
    UserDisabled = "user_disabled", "An account was disabled; its sessions ended.";
    UserEnabled = "user_enabled", "An account was enabled.";
    UserUnlocked = "user_unlocked", "An account's wait was lifted.";
    UserDeleted = "user_deleted", "A person was deleted; the id remains.";
    UserActivated = "user_activated", "An invited person chose a password.";
    UserLockedDown = "user_locked_down", "An account was disabled and everything it holds was ended.";
    ActivationCodeIssued = "activation_code_issued", "A printed single-use code was issued.";
    PasswordChangeRequired = "password_change_required", "A person must choose a new password.";
    PasswordResetRequested = "password_reset_requested", "Somebody asked for a reset link.";
    PasswordReset = "password_reset", "A password was set through a link.";
    RoleCreated = "role_created", "A role was created.";
    RoleUpdated = "role_updated", "A role changed: its permissions, inheritance, or who may assign it.";
    RoleDeleted = "role_deleted", "A role was ended.";
    RoleGranted = "role_granted", "A role was given.";
    RoleRevoked = "role_revoked", "A grant was ended.";
    PermissionCreated = "permission_created", "A permission was created.";
    PermissionDeleted = "permission_deleted", "A permission was ended.";
    ApiCreated = "api_created", "An API was registered.";
    ApiUpdated = "api_updated", "An API changed.";
    ApiDeleted = "api_deleted", "An API was ended.";
    ApiSecretCreated = "api_secret_created", "An API got a new secret.";
    UnitCreated = "unit_created", "A unit was created.";
    UnitUpdated = "unit_updated", "A unit was renamed.";
    UnitDeleted = "unit_deleted", "A unit was ended.";
    PolicyChanged = "policy_changed", "A policy changed.";
    KeyRotated = "key_rotated", "A signing key was made, began to sign, or was dropped.";
    ClientCreated = "client_created", "A client was registered.";
    ClientUpdated = "client_updated", "A client changed.";
    ClientDeleted = "client_deleted", "A client was ended.";
    ClientSecretCreated = "client_secret_created", "A client got a new secret.";
    SessionCreated = "session_created", "A session began.";
    SessionRenewed = "session_renewed", "A session was refreshed; at most one event an hour a session.";
    SessionLocked = "session_locked", "A session was locked.";
    SessionUnlocked = "session_unlocked", "A locked session was resumed.";
    SessionEnded = "session_ended", "A session was ended: signed out, replaced, by an administrator.";
    SessionExpired = "session_expired", "A session reached its absolute deadline.";
    StepUp = "step_up", "Somebody proved again who they are.";
    FactorEnrolled = "factor_enrolled", "A factor was bound.";
    FactorUpdated = "factor_updated", "A factor was renamed.";
    FactorRemoved = "factor_removed", "A factor was removed.";
    RecoveryCodeUsed = "recovery_code_used", "A recovery code was used and replaced.";
    RealmCreated = "realm_created", "A realm was made.";
    ProfileApplied = "profile_applied", "A profile was applied.";
    ImportDone = "import_done", "People were imported.";
    AuditRead = "audit_read", "The audit log was read.";
    AuditExported = "audit_exported", "The audit log was exported.";
    AuditPersonalErased = "audit_personal_erased", "Personal data beside audit events was erased before its time.";
    ServerStarted = "server_started", "The server started.";
    ServerStopped = "server_stopped", "The server stopped.";
}

impl EventType {
    /// Reads [`EventType::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }
}
