# One's own account.
your-account = Your account
back-to-account = Back to your account
skip = Skip to content
times-are-utc = Times are UTC.
everywhere = everywhere

device-ended = <b>That device is signed out</b> It has no access to your account any more.
others-ended = <b>You are signed out everywhere else</b> Only this device has access to your account.
device-gone = <b>That device was signed out already</b> There was nothing to do.
page-expired = <b>This page was open too long</b> Nothing was changed. Repeat what you did.
password-changed = <b>Your password is changed</b> From now on only the new one counts. Your other devices are signed out.
factor-added = <b>The authenticator is added</b> Its codes count from now on.
factor-renamed = <b>The authenticator has a new name</b> Nothing else was changed.
factor-removed = <b>The authenticator is removed</b> Its codes do not count any more. Your other devices are signed out.
confirmed = <b>You have confirmed that it is you</b> What waited for it counts now.
recommend-factor = <b>Only your password protects this account</b> <add>Add an authenticator app</add>, it takes about a minute.
recommend-second-factor = <b>You have only one authenticator</b> If you lose it, recovery codes are the way back in. <add>Add another one</add>, it takes about a minute.
recommend-codes = <b>You have no recovery codes</b> Without your phone there is no way back in. <make>Make some</make> and keep them.

what-you-may-do = What you may do
no-role = You hold no role yet
no-role-help = An administrator can give you one. It counts at once.
grant-since = since { $since }
grant-until = until <b>{ $until }</b>, { $left }
grant-from = from <b>{ $since }</b>
grant-from-to = from <b>{ $since }</b> to { $until }
things-in = { $count ->
    [one] { $count } thing in { $api }
   *[other] { $count } things in { $api }
}
withheld = waits
withheld-confirm = It waits until you <confirm>confirm with your second factor</confirm>.
withheld-add = It waits until you <add>add a second factor</add>.

where-signed-in = Where you are signed in
this-device = This device
device-unknown = An unknown device
device-software = { $browser } on { $os }
device-active-now = active now · since { $since }, ends { $ends }
device-active = active { $last } · since { $since }, ends { $ends }
device-locked = locked since { $last } · ends { $ends }
others-end = Sign out everywhere else
device-end = End
device-end-of = End: { $device }

how-you-sign-in = How you sign in
password-changed-at = Changed { $at }
change = Change
factor-totp = Authenticator app
factor-passkey = Passkey
factor-none = None yet
factor-more = One more, for the day when the first is lost
factor-add = Add
factor-edit = Edit
factor-added-at = Added { $added }
factor-used-at = last used { $used }
recovery-codes = Recovery codes
recovery-made = Ten, each works once · made { $made }
recovery-none = None yet

factor-label = Name
factor-label-refused = Enter a name of 1 to 100 characters.
factor-rename = Rename
factor-remove-title = Lost or replaced?
factor-remove-lead = Once removed, its codes do not count any more, and your other devices are signed out. You cannot take this back; you can add it again.
factor-remove = Remove this authenticator
factor-last-one = <b>This one stays for now</b> A role of yours needs a second factor, and this is your only one. <add>Add another one</add> first. Nothing was changed.
factor-too-many = <b>Ten authenticators are the most</b> Remove one first. Nothing was changed.

confirm-title = Confirm that it is you
confirm-lead = What comes next needs a sign-in of the last few minutes.
confirm = Confirm
confirm-code = Code of your authenticator app
confirm-use-password = Use your password
confirm-use-code = Use a code of your app
confirm-use-recovery-code = Use a recovery code
confirm-wait = <b>Please wait until { $until } UTC</b> There were several wrong tries. The next one counts again { $left }. You stay signed in.
